from __future__ import annotations

from alerts.alert import Alert
from alerts.lifecycle import Step, advance, resolved

ALERT = Alert("bad_buzz", "f", {"alertname": "BadBuzz"}, {}, starts_at_ms=1000, value=0.8)


def step(previous: Alert | None, now_ms: int, *, active: bool, keep: float = 0.0) -> Step:
    return advance(previous, active=active, now_ms=now_ms, keep_firing_for_s=keep, begin=lambda: ALERT)


def test_it_fires_once_and_resolves_once() -> None:
    assert step(None, 1000, active=False) == (None, None)
    alert, transition = step(None, 1000, active=True)
    assert transition is not None
    assert (transition.status, alert) == ("firing", ALERT)
    assert step(alert, 2000, active=True) == (ALERT, None)
    after, transition = step(alert, 3000, active=False)
    assert after is None
    assert transition is not None
    assert (transition.status, transition.alert.ends_at_ms) == ("resolved", 3000)


def test_it_keeps_firing_for_a_while_and_starts_that_while_anew() -> None:
    alert, transition = step(ALERT, 2000, active=False, keep=5)
    assert transition is None
    assert alert is not None
    assert alert.inactive_since_ms == 2000
    assert step(alert, 6999, active=False, keep=5) == (alert, None)
    again, _ = step(alert, 6999, active=True, keep=5)
    assert again == ALERT
    again, _ = step(again, 7500, active=False, keep=5)
    assert step(again, 12_499, active=False, keep=5).transition is None
    last = step(again, 12_500, active=False, keep=5).transition
    assert last is not None
    assert last.alert.ends_at_ms == 12_500
    assert last.alert.inactive_since_ms is None


def test_an_alert_ends_after_its_start_whatever_the_clock_says() -> None:
    assert resolved(ALERT, 10).ends_at_ms == 1001
