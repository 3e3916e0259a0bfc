from __future__ import annotations

import msgspec

from alerts.state.alert import Acknowledgement, Alert
from alerts.state.lifecycle import Step, advance, is_stale, is_worse, raised, renewed, resolved

ALERT = Alert("bad_buzz", "f", {"alertname": "BadBuzz"}, {}, starts_at_ms=1000, value=0.8)


def step(
    before: Alert | None,
    now_ms: int,
    *,
    active: bool,
    for_s: float = 0.0,
    settle_s: float = 0.0,
    keep: float = 0.0,
    begun: Alert = ALERT,
) -> Step:
    return advance(
        before,
        active=active,
        now_ms=now_ms,
        for_s=for_s,
        settle_s=settle_s,
        keep_firing_for_s=keep,
        begin=lambda: begun,
    )


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


def test_what_fires_is_explained_anew_once_a_minute_and_nothing_else_is() -> None:
    alert = msgspec.structs.replace(ALERT, explained_ms=100_000)
    assert [is_stale(alert, now_ms) for now_ms in (100_000, 159_999, 160_000, 99_999)] == [False, False, True, True]
    pending = msgspec.structs.replace(alert, active_since_ms=100_000)
    assert not is_stale(pending, 900_000)
    assert not is_stale(resolved(alert, 100_001), 900_000)


def test_an_alert_that_is_explained_anew_stays_the_same_alert() -> None:
    before = msgspec.structs.replace(ALERT, acknowledgement=Acknowledgement("maya", "on it", 3000), link="here")
    after = renewed(before, value=0.9, annotations={"summary": "more"}, now_ms=61_000)
    assert (after.value, after.annotations, after.explained_ms) == (0.9, {"summary": "more"}, 61_000)
    same = msgspec.structs.replace(after, value=0.8, annotations={}, explained_ms=0)
    assert same == before


def test_a_severity_only_rises_and_only_while_the_alert_fires() -> None:
    mild = msgspec.structs.replace(ALERT, labels={"alertname": "BadBuzz", "severity": "warning"})
    assert is_worse("critical", mild)
    assert not is_worse("warning", mild)
    assert not is_worse("info", mild)
    assert not is_worse(None, mild)
    assert not is_worse("critical", msgspec.structs.replace(mild, active_since_ms=1))


def test_a_milder_alert_ends_before_the_worse_one_begins_and_who_is_at_it_still_is() -> None:
    mild = msgspec.structs.replace(
        ALERT, acknowledgement=Acknowledgement("maya", "on it", 3000), annotations={"summary": "58%"}
    )
    worse = msgspec.structs.replace(ALERT, labels={"alertname": "BadBuzz", "severity": "critical"}, value=0.95)
    over, begun = raised(mild, worse, 9000)
    assert (over.status, over.alert.ends_at_ms) == ("resolved", 9000)
    assert over.alert.annotations == {"summary": "58%", "description": "Raised to critical."}
    assert begun == ("firing", msgspec.structs.replace(worse, acknowledgement=mild.acknowledgement))


def test_while_its_severity_settles_it_fires_in_any_case_and_says_what_it_said_when_its_condition_last_held() -> None:
    settling, transition = step(None, 2000, active=True, settle_s=5, keep=60)
    assert transition is None
    assert settling is not None
    assert (settling.state, settling.has_begun) == ("pending", True)
    calm, transition = step(settling, 4000, active=False, settle_s=5, keep=60)
    assert transition is None
    assert calm is not None
    other = msgspec.structs.replace(ALERT, value=0.1)
    firing, transition = step(calm, 7000, active=False, settle_s=5, keep=60, begun=other)
    assert transition is not None
    assert (transition.status, firing) == ("firing", msgspec.structs.replace(ALERT, inactive_since_ms=4000))
    assert firing is not None
    assert step(firing, 63_999, active=False, keep=60).transition is None
    assert step(firing, 64_000, active=False, keep=60).alert is None


def test_what_is_over_while_its_severity_settles_fires_then_and_is_resolved_after() -> None:
    settling, _ = step(None, 2000, active=True, settle_s=60, keep=5)
    settling, transition = step(settling, 3000, active=False, settle_s=60, keep=5)
    assert transition is None
    firing, transition = step(settling, 8000, active=False, settle_s=60, keep=5)
    assert transition is not None
    assert transition.status == "firing"
    _, transition = step(firing, 8500, active=False, settle_s=60, keep=5)
    assert transition is not None
    assert transition.status == "resolved"


def test_a_condition_must_hold_for_as_long_as_asked_before_its_severity_settles() -> None:
    pending, _ = step(None, 2000, active=True, for_s=5, settle_s=8)
    assert pending is not None
    assert not pending.has_begun
    assert step(pending, 4000, active=False, for_s=5, settle_s=8) == (None, None)
    settling, transition = step(pending, 7000, active=True, for_s=5, settle_s=8, keep=60)
    assert transition is None
    assert settling is not None
    assert settling.has_begun
    assert step(settling, 7500, active=False, for_s=5, settle_s=8, keep=60).transition is None
    _, transition = step(settling, 10_000, active=False, for_s=5, settle_s=8, keep=60)
    assert transition is not None
    assert transition.status == "firing"
