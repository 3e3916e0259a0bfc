from __future__ import annotations

import msgspec

from alerts.alert import Acknowledgement, Alert
from alerts.lifecycle import Step, advance, resolved

ALERT = Alert("bad_buzz", "f", {"alertname": "BadBuzz"}, {}, starts_at_ms=1000, value=0.8)


def step(
    before: Alert | None, now_ms: int, *, active: bool, for_s: float = 0.0, keep: float = 0.0, begun: Alert = ALERT
) -> Step:
    return advance(before, active=active, now_ms=now_ms, for_s=for_s, keep_firing_for_s=keep, begin=lambda: begun)


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


def test_it_is_pending_until_the_condition_has_held_for_long_enough_and_tells_nobody() -> None:
    pending, transition = step(None, 2000, active=True, for_s=5)
    assert transition is None
    assert pending is not None
    assert (pending.state, pending.active_since_ms, pending.starts_at_ms) == ("pending", 2000, 1000)
    assert step(pending, 6999, active=True, for_s=5) == (pending, None)
    newer = msgspec.structs.replace(ALERT, starts_at_ms=4000, annotations={"summary": "more"}, value=0.9)
    firing, transition = step(pending, 7000, active=True, for_s=5, begun=newer)
    assert transition is not None
    assert (transition.status, transition.alert) == ("firing", firing)
    assert firing == msgspec.structs.replace(newer, starts_at_ms=1000)


def test_who_was_at_a_pending_alert_is_at_it_when_it_fires() -> None:
    pending, _ = step(None, 2000, active=True, for_s=5)
    assert pending is not None
    taken = msgspec.structs.replace(pending, acknowledgement=Acknowledgement("maya", "on it", 3000))
    firing, transition = step(taken, 7000, active=True, for_s=5)
    assert transition is not None
    assert firing is not None
    assert firing.acknowledgement == taken.acknowledgement


def test_a_pending_alert_whose_condition_ends_is_gone_and_waits_anew_the_next_time() -> None:
    pending, _ = step(None, 2000, active=True, for_s=5)
    assert step(pending, 6000, active=False, for_s=5, keep=60) == (None, None)
    again, _ = step(None, 6500, active=True, for_s=5)
    assert again is not None
    assert step(again, 11_000, active=True, for_s=5).transition is None


def test_a_rule_whose_wait_was_taken_away_fires_at_the_next_look() -> None:
    pending, _ = step(None, 2000, active=True, for_s=500)
    transition = step(pending, 2500, active=True, for_s=0).transition
    assert transition is not None
    assert transition.status == "firing"
