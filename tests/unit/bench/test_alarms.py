from __future__ import annotations

import pytest

from alerts.state.silences import Silence
from bench.room.alarms import audible
from contracts.errors import BuzzwatchError
from contracts.rules.matchers import matcher
from contracts.times import clock_ms


def silence(name: str, value: str) -> Silence:
    now_ms = clock_ms()
    return Silence("1", (matcher(name, "=", value),), now_ms - 1000, now_ms + 600_000, "maya", "a strike", now_ms)


def test_alerts_are_made_up_about_a_watch_that_is_heard() -> None:
    watches = ["delta", "united"]
    assert audible(watches, []) == "delta"
    assert audible(watches, [silence("watch", "delta")]) == "united"
    with pytest.raises(BuzzwatchError, match="every watch is silenced"):
        audible(watches, [silence("alertname", "BadBuzz")])
