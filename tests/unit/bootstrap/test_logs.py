from __future__ import annotations

import logging

from bootstrap.logs import Seldom


def record(name: str, level: int, message: str, at: float) -> logging.LogRecord:
    made = logging.LogRecord(name, level, "", 0, message, None, None)
    made.created = at
    return made


def test_a_warning_is_repeated_once_in_ten_seconds_and_an_alert_every_time() -> None:
    seldom = Seldom()
    waits = "Redis does not answer"
    assert seldom.filter(record("buzzwatch.stream", logging.WARNING, waits, 100))
    assert not seldom.filter(record("buzzwatch.stream", logging.WARNING, waits, 109))
    assert seldom.filter(record("buzzwatch.stream", logging.WARNING, "another", 109))
    assert seldom.filter(record("buzzwatch.stream", logging.WARNING, waits, 110))
    assert all(seldom.filter(record("buzzwatch.alerts", logging.ERROR, "firing", at)) for at in (100, 101))


def test_aiokafka_says_its_errors_once_in_ten_seconds() -> None:
    seldom = Seldom()
    heard = [
        seldom.filter(record("aiokafka.conn", logging.ERROR, "Unable connect", at / 10)) for at in range(1000, 1300)
    ]
    assert sum(heard) == 3
