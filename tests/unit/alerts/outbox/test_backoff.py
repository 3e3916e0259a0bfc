from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from alerts.outbox.backoff import DELAYS_S, delay_ms, retry_after_s

NOW_MS = 1_790_000_000_000


def test_attempts_follow_the_stated_schedule_with_jitter() -> None:
    assert DELAYS_S == (0, 1, 5, 15, 60, 300, 1800, 7200, 18_000, 36_000)
    for failures, delay_s in enumerate(DELAYS_S):
        waits = {delay_ms(failures) for _ in range(50)}
        assert all(wait is not None and delay_s * 1000 <= wait <= delay_s * 1100 for wait in waits)
        assert len(waits) > 1 or delay_s == 0
    assert delay_ms(len(DELAYS_S)) is None


def test_retry_after_makes_the_wait_longer_never_shorter_and_a_day_at_most() -> None:
    assert delay_ms(1, 30) == 30_000
    assert (delay_ms(5, 30) or 0) >= 300_000
    assert delay_ms(1, 1e9) == 86_400_000


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows that time."""
    with monkeypatch.context() as context:
        context.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("header", ["Mon Sep 21 14:14:20 2026", "Mon, 21 Sep 2026 14:14:20 -0000"])
@pytest.mark.usefixtures("new_york")
def test_a_date_without_a_zone_is_in_utc_wherever_the_notifier_is(header: str) -> None:
    assert retry_after_s(header, NOW_MS) == 60


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 21 Sep 2026 14:14:20 GMT", 60.0),
        ("Mon, 21 Sep 2020 14:14:20 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOW_MS) == seconds
