from __future__ import annotations

import threading

import msgspec
import pytest

from alerts.outbox.backoff import DELAYS_S
from alerts.outbox.redelivery import Redelivery
from alerts.outbox.store import Outbox
from alerts.state.alert import Alert, Transition, fingerprint_of
from alerts.state.lifecycle import resolved
from alerts.storage.connection import connect
from contracts.settings import Settings
from tests.fakes import Clock
from tests.integration.alerts.notifications import changes, dispatch, put, rules_for

LEASE_MS = 5000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(settings: Settings) -> Outbox:
    return Outbox(connect(settings), settings)


@pytest.fixture
def by_hand(settings: Settings) -> Redelivery:
    return Redelivery(connect(settings), settings)


def test_a_new_entry_wakes_whoever_waits_for_one(settings: Settings, clock: Clock) -> None:
    settings.redis.timeout_s = 7200  # else it is asked again before that
    waiting = threading.Thread(target=Outbox(connect(settings), settings).wait, args=(3600,))
    waiting.start()
    put(settings, clock(), changes()[0])
    waiting.join(60)
    assert not waiting.is_alive()


def test_resolved_waits_behind_a_firing_that_is_being_retried(outbox: Outbox, settings: Settings, clock: Clock) -> None:
    firing, resolved = changes()
    put(settings, clock(), firing)
    dispatch(settings, clock())
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    assert claim.entry.status == "firing"
    put(settings, clock(), resolved)
    dispatch(settings, clock())
    assert outbox.claim("team", clock(), LEASE_MS) is None  # the lane is being delivered
    assert outbox.failed(claim, clock(), "503") == "retry"
    assert outbox.claim("team", clock(), LEASE_MS) is None  # and waits for its second attempt
    clock.forward(1.2)
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    assert (claim.entry.status, claim.entry.failures, claim.entry.last_error) == ("firing", 1, "503")
    assert outbox.delivered(claim, clock())
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    assert claim.entry.status == "resolved"
    assert outbox.delivered(claim, clock())
    assert outbox.claim("team", clock(), LEASE_MS) is None
    assert outbox.waiting() == []
    assert outbox.next_due_ms("team") is None


def test_a_claim_belongs_to_one_until_its_lease_runs_out(outbox: Outbox, settings: Settings, clock: Clock) -> None:
    put(settings, clock(), changes()[0])
    dispatch(settings, clock())
    first = outbox.claim("team", clock(), LEASE_MS)
    assert first is not None
    clock.forward(4.9)
    assert outbox.claim("team", clock(), LEASE_MS) is None
    clock.forward(0.2)
    second = outbox.claim("team", clock(), LEASE_MS)
    assert second is not None
    assert (second.entry.id, second.entry.body) == (first.entry.id, first.entry.body)
    assert not outbox.renew(first, clock(), LEASE_MS)
    assert not outbox.delivered(first, clock())
    assert outbox.failed(first, clock(), "late") is None
    assert outbox.delivered(second, clock())


def test_a_renewed_claim_lasts(outbox: Outbox, settings: Settings, clock: Clock) -> None:
    put(settings, clock(), changes()[0])
    dispatch(settings, clock())
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    for _ in range(10):
        clock.forward(4)
        assert outbox.renew(claim, clock(), LEASE_MS)
        assert outbox.claim("team", clock(), LEASE_MS) is None
    assert outbox.delivered(claim, clock())


def test_what_is_used_up_is_listed_can_be_redelivered_and_holds_up_nothing(
    outbox: Outbox, by_hand: Redelivery, settings: Settings, clock: Clock
) -> None:
    put(settings, clock(), *changes())
    dispatch(settings, clock())
    for attempt in range(len(DELAYS_S)):
        claim = outbox.claim("team", clock(), LEASE_MS)
        assert claim is not None, attempt
        last = outbox.failed(claim, clock(), f"failure {attempt}")
        clock.forward(DELAYS_S[min(attempt + 1, len(DELAYS_S) - 1)] * 1.2)
    assert last == "exhausted"
    (used_up,) = outbox.exhausted()
    assert (used_up.status, used_up.failures, used_up.last_error) == ("firing", 10, "failure 9")
    assert outbox.counts() == (1, 1)
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    assert claim.entry.status == "resolved"
    outbox.delivered(claim, clock())

    assert not by_hand.redeliver("no such id", clock())
    assert by_hand.redeliver(used_up.id, clock())
    assert not by_hand.redeliver(used_up.id, clock())
    again = outbox.claim("team", clock(), LEASE_MS)
    assert again is not None
    assert (again.entry.id, again.entry.body, again.entry.failures) == (used_up.id, used_up.body, 0)
    assert outbox.delivered(again, clock())
    assert outbox.counts() == (0, 0)


def use_up(outbox: Outbox, clock: Clock) -> str:
    used = set()
    for _ in DELAYS_S:
        claim = outbox.claim("team", clock(), LEASE_MS)
        assert claim is not None
        outbox.failed(claim, clock(), "away")
        clock.forward(50_000)
        used.add(claim.entry.id)
    (identifier,) = used
    return identifier


def test_a_beginning_that_was_used_up_goes_before_the_end_that_waits(
    outbox: Outbox, by_hand: Redelivery, settings: Settings, clock: Clock
) -> None:
    put(settings, clock(), *changes())
    dispatch(settings, clock())
    begins = use_up(outbox, clock)
    late = outbox.claim("team", clock(), LEASE_MS)
    assert late is not None
    outbox.failed(late, clock(), "away", retry_after=3600)
    assert by_hand.redeliver(begins, clock())
    told = []
    while (claim := outbox.claim("team", clock(), LEASE_MS)) is not None:
        told.append(claim.entry.status)
        assert outbox.delivered(claim, clock())
    assert told == ["firing", "resolved"]


def test_what_is_redelivered_does_not_get_in_the_way_of_an_attempt(
    outbox: Outbox, by_hand: Redelivery, settings: Settings, clock: Clock
) -> None:
    put(settings, clock(), *changes())
    dispatch(settings, clock())
    begins = use_up(outbox, clock)
    under_way = outbox.claim("team", clock(), LEASE_MS)
    assert under_way is not None
    assert by_hand.redeliver(begins, clock())
    assert outbox.claim("team", clock(), LEASE_MS) is None
    assert outbox.delivered(under_way, clock())
    again = outbox.claim("team", clock(), LEASE_MS)
    assert again is not None
    assert again.entry.id == begins
    assert outbox.delivered(again, clock())
    assert outbox.counts() == (0, 0)


def test_both_used_up_come_in_their_order(
    outbox: Outbox, by_hand: Redelivery, settings: Settings, clock: Clock
) -> None:
    put(settings, clock(), *changes())
    dispatch(settings, clock())
    ids = [use_up(outbox, clock), use_up(outbox, clock)]
    for identifier in ids:
        assert by_hand.redeliver(identifier, clock())
    for identifier in ids:
        claim = outbox.claim("team", clock(), LEASE_MS)
        assert claim is not None
        assert claim.entry.id == identifier
        assert outbox.delivered(claim, clock())


def test_every_receiver_has_its_own_lane_and_only_those_of_the_alert(
    outbox: Outbox, settings: Settings, clock: Clock
) -> None:
    put(settings, clock(), changes(1)[0], to=("team", "desk"))
    put(settings, clock(), changes(2)[0], to=("desk",))
    dispatch(settings, clock())
    assert outbox.claim("team", clock(), LEASE_MS) is not None
    assert outbox.claim("team", clock(), LEASE_MS) is None
    assert outbox.claim("desk", clock(), LEASE_MS) is not None
    assert outbox.claim("desk", clock(), LEASE_MS) is not None
    assert outbox.claim("desk", clock(), LEASE_MS) is None


def test_who_wants_no_resolved_gets_none(outbox: Outbox, settings: Settings, clock: Clock) -> None:
    put(settings, clock(), *changes(), rules=rules_for("team", send_resolved=False))
    dispatch(settings, clock())
    assert [entry.status for entry in outbox.waiting()] == ["firing"]


def test_a_disabled_receiver_keeps_its_entries(outbox: Outbox, settings: Settings, clock: Clock) -> None:
    put(settings, clock(), changes()[0])
    dispatch(settings, clock())
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    assert outbox.gone(claim, clock(), "410 Gone")
    assert outbox.disabled() == {"team": clock()}
    (entry,) = outbox.waiting("team")
    assert entry.last_error == "410 Gone"
    assert outbox.claim("team", clock(), LEASE_MS) is None
    assert not outbox.enable("desk")
    assert outbox.enable("team")
    assert outbox.claim("team", clock(), LEASE_MS) is not None


def told(outbox: Outbox, clock: Clock, receiver: str = "team") -> list[tuple[str, str]]:
    """Severity and status of all that is due, taken one by one."""
    found = []
    while (claim := outbox.claim(receiver, clock(), LEASE_MS)) is not None:
        (alert,) = msgspec.json.decode(claim.entry.body)["alerts"]
        found.append((alert["labels"]["severity"], claim.entry.status))
        assert outbox.delivered(claim, clock())
    return found


def raised(number: int) -> tuple[Transition, Transition, Transition]:
    """A mild alert begins, and ends as a critical one goes on in its place."""
    milder, worse = (
        Alert("bad_buzz", fingerprint_of(labels), labels, {}, starts_at_ms=number, value=1.0)
        for severity in ("warning", "critical")
        for labels in [{"alertname": "BadBuzz", "severity": severity, "watch": str(number)}]
    )
    return Transition("firing", milder), Transition("resolved", resolved(milder, 9000)), Transition("firing", worse)


@pytest.mark.parametrize("number", range(8))  # so that their fingerprints sort both ways
def test_a_raised_severity_is_told_after_the_end_of_the_milder_one(
    outbox: Outbox, by_hand: Redelivery, settings: Settings, clock: Clock, number: int
) -> None:
    begin, end, worse = raised(number)
    put(settings, clock(), begin)
    dispatch(settings, clock())
    assert told(outbox, clock) == [("warning", "firing")]
    put(settings, clock(), end, worse)
    dispatch(settings, clock())
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    assert claim.entry.status == "resolved"
    assert outbox.claim("team", clock(), LEASE_MS) is None  # the other one is not posted beside it
    clock.forward(LEASE_MS)
    assert by_hand.redeliver(use_up(outbox, clock), clock())
    assert told(outbox, clock) == [("warning", "resolved"), ("critical", "firing")]


def test_a_receiver_that_asks_for_a_pause_is_left_alone_with_all_that_waits_for_it(
    outbox: Outbox, settings: Settings, clock: Clock
) -> None:
    for number in range(1, 6):
        put(settings, clock(), changes(number)[0], to=("team", "desk"))
    dispatch(settings, clock())
    first, second = outbox.claim("team", clock(), LEASE_MS), outbox.claim("team", clock(), LEASE_MS)
    assert first is not None
    assert second is not None
    assert outbox.failed(first, clock(), "429", retry_after=3600) == "retry"
    assert outbox.failed(second, clock(), "429", retry_after=60) == "retry"  # does not end the longer pause
    clock.forward(3599)
    assert outbox.claim("team", clock(), LEASE_MS) is None
    assert outbox.next_due_ms("team") == clock() + 1000
    assert len(told(outbox, clock, "desk")) == 5
    clock.forward(1)
    assert sorted(entry.failures for entry in outbox.waiting("team")) == [0, 0, 0, 1, 1]
    assert len(told(outbox, clock)) == 5


def test_the_last_attempt_may_be_answered_with_a_pause_too(outbox: Outbox, settings: Settings, clock: Clock) -> None:
    put(settings, clock(), changes(1)[0])
    dispatch(settings, clock())
    for attempt in range(len(DELAYS_S)):
        claim = outbox.claim("team", clock(), LEASE_MS)
        assert claim is not None
        outcome = outbox.failed(claim, clock(), "429", retry_after=60 if attempt == len(DELAYS_S) - 1 else None)
        clock.forward(0 if outcome == "exhausted" else 50_000)
    put(settings, clock(), changes(2)[0])
    dispatch(settings, clock())
    assert outbox.claim("team", clock(), LEASE_MS) is None
    clock.forward(60)
    assert outbox.claim("team", clock(), LEASE_MS) is not None


def test_by_hand_a_pause_is_cut_short(outbox: Outbox, by_hand: Redelivery, settings: Settings, clock: Clock) -> None:
    put(settings, clock(), changes(1)[0], changes(2)[0])
    dispatch(settings, clock())
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    outbox.failed(claim, clock(), "429", retry_after=3600)
    assert by_hand.retry_now(claim.entry.id, clock())
    assert len(told(outbox, clock)) == 2


def test_what_is_dropped_is_gone_and_what_waited_behind_it_is_due(
    outbox: Outbox, by_hand: Redelivery, settings: Settings, clock: Clock
) -> None:
    put(settings, clock(), *changes())
    dispatch(settings, clock())
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    assert not by_hand.drop(claim.entry.id, clock())  # it is being posted
    outbox.failed(claim, clock(), "503", retry_after=0)
    assert by_hand.drop(claim.entry.id, clock())
    assert not by_hand.drop(claim.entry.id, clock())
    assert told(outbox, clock) == [("critical", "resolved")]
    assert outbox.counts() == (0, 0)
    assert outbox.waiting_for("team") == 0


def test_a_notifier_that_died_at_it_keeps_nobody_from_dropping(
    outbox: Outbox, by_hand: Redelivery, settings: Settings, clock: Clock
) -> None:
    put(settings, clock(), *changes())
    dispatch(settings, clock())
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    clock.forward(6)
    assert outbox.waiting_for("team") == 2
    assert by_hand.drop(claim.entry.id, clock())
    assert not outbox.delivered(claim, clock())  # it was only slow; the next one stays
    assert outbox.waiting_for("team") == 1


def test_what_is_used_up_can_be_dropped_and_its_alert_is_told_to_nobody_any_more(
    outbox: Outbox, by_hand: Redelivery, settings: Settings, clock: Clock
) -> None:
    firing, over = changes()
    put(settings, clock(), firing)
    dispatch(settings, clock())
    assert by_hand.drop(use_up(outbox, clock), clock(), forget=True)
    assert outbox.counts() == (0, 0)
    dispatch(settings, clock())  # long after the repeat was due
    put(settings, clock(), over)
    dispatch(settings, clock())
    assert outbox.counts() == (0, 0)
