from __future__ import annotations

import logging
import sys

from bootstrap.logs import Line, Seldom


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
