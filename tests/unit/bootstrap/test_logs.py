from __future__ import annotations

import json
import logging
import sys

import pytest

from bootstrap.logs import JsonLine, Line, Seldom, logging_config
from contracts.tracing.current import REQUEST_ID, TRACE_ID


def record(name: str, level: int, message: str, at: float) -> logging.LogRecord:
    made = logging.LogRecord(name, level, "", 0, message, None, None)
    made.created = at
    return made


def test_a_warning_that_goes_on_is_said_once_and_an_alert_every_time() -> None:
    seldom = Seldom()
    waits = "Redis does not answer"
    said = [at for at in range(100, 500) if seldom.filter(record("buzzwatch.stream", logging.WARNING, waits, at))]
    assert said == [100]
    assert seldom.filter(record("buzzwatch.stream", logging.WARNING, "another", 499))
    assert seldom.filter(record("buzzwatch.stream", logging.WARNING, waits, 510)), "it had been over for ten seconds"
    assert all(seldom.filter(record("buzzwatch.alerts", logging.ERROR, "firing", at)) for at in (100, 101))


def test_a_warning_that_goes_on_is_said_again_after_ten_minutes() -> None:
    seldom = Seldom()
    heard = [at for at in range(1000, 2500) if seldom.filter(record("buzzwatch", logging.WARNING, "waits", at))]
    assert heard == [1000, 1600, 2200]


def test_a_line_of_the_log_names_no_password_and_cannot_steer_a_terminal() -> None:
    line = Line("%(message)s").format(
        record("buzzwatch", logging.WARNING, "redis://u:hush@cache:1/0?password=hush2 \x1b[2J \u202e \x9b", 0)
    )
    assert line == "redis://cache:1/0?password=… \\x1b[2J \\u202e \\x9b"


def test_what_somebody_wrote_cannot_look_like_a_line_of_the_log_itself() -> None:
    made = record("buzzwatch.alerts", logging.ERROR, "firing 1\n2026-11-28 20:00:00 ERROR\rforged", 0)
    try:
        raise ValueError("so it was")
    except ValueError:
        made.exc_info = sys.exc_info()
    first, *trace = Line("%(message)s").format(made).splitlines()
    assert first == "firing 1\\n2026-11-28 20:00:00 ERROR\\rforged"
    assert trace[0].startswith("Traceback")
    assert trace[-1] == "ValueError: so it was"


def test_aiokafka_says_its_errors_once() -> None:
    seldom = Seldom()
    heard = [
        seldom.filter(record("aiokafka.conn", logging.ERROR, "Unable connect", at / 10)) for at in range(1000, 1300)
    ]
    assert sum(heard) == 1


def test_a_line_of_json_names_request_and_trace_and_no_password() -> None:
    REQUEST_ID.set("4f1c")
    TRACE_ID.set("0af7651916cd43dd8448eb211c80319c")
    try:
        raise ValueError("redis://:hunter2@cache:6379 is away")
    except ValueError:
        line = record("buzzwatch.api", logging.ERROR, "two\nlines about redis://:hunter2@cache:6379", 1_795_000_000.5)
        line.exc_info = sys.exc_info()
    text = JsonLine().format(line)
    assert "hunter2" not in text
    assert "\n" not in text
    fields = json.loads(text)
    assert fields["message"].startswith("two\nlines")
    assert (fields["time"], fields["level"]) == ("2026-11-18T11:06:40.500Z", "ERROR")
    assert (fields["request_id"], fields["trace_id"]) == ("4f1c", "0af7651916cd43dd8448eb211c80319c")
    assert "ValueError" in fields["exception"]
    REQUEST_ID.set("")
    TRACE_ID.set("")
    assert "request_id" not in json.loads(JsonLine().format(line))


@pytest.mark.parametrize("requests_are_logged", [True, False])
def test_what_the_settings_ask_for_is_what_all_loggers_write(requests_are_logged: bool) -> None:
    logging.getLogger("uvicorn.access").handlers[:] = [logging.NullHandler()] if requests_are_logged else []
    config = logging_config("INFO", "json")
    assert config["formatters"]["line"]["()"] is JsonLine
    assert config["loggers"]["uvicorn"]["handlers"] == ["stderr"]
    assert config["loggers"]["uvicorn.access"] == {
        "handlers": ["stderr"] if requests_are_logged else [], "propagate": False
    }  # fmt: skip
    assert logging_config("INFO")["formatters"]["line"]["()"] is Line
