from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from alerts.grouping.groups import AlertEvent, FlushResult, Group, Notification, flush
from alerts.grouping.routing import Target
from alerts.state.alert import Acknowledgement, Alert, Status
from tests.fakes import Clock


def alert(name: str = "a", starts_at_ms: int = 1000, **more: Any) -> Alert:
    return Alert("bad_buzz", name, {"alertname": name}, {}, starts_at_ms, 0.5, **more)


def ended(one: Alert, ends_at_ms: int = 9000) -> Alert:
    return msgspec.structs.replace(one, ends_at_ms=ends_at_ms)


class Channel:
    """One receiver's group, the alerts that fire, and a clock."""

    def __init__(
        self,
        wait_s: float = 0,
        interval_s: float = 0,
        repeat_s: float = 14_400,
        *,
        send_resolved: bool = True,
        alone: bool = False,
    ) -> None:
        self.target = Target("team", "{}:{}", {}, "team:g", wait_s, interval_s, repeat_s, send_resolved, alone)
        self.clock = Clock()
        self.group: Group | None = None
        self.active: dict[str, Alert] = {}
        self.queue: list[AlertEvent] = []
        self.muted: set[str] = set()
        self.due_ms: int | None = None
        self.held = False
        self.undelivered = False

    def fire(self, *alerts: Alert) -> None:
        for one in alerts:
            self.active[one.fingerprint] = one
            self._notice("firing", one)

    def end(self, *alerts: Alert) -> None:
        for one in alerts:
            del self.active[one.fingerprint]
            self._notice("resolved", ended(one))

    def look(self) -> list[list[tuple[str, str, int]]]:
        """What is told now: per notification its alerts with status and repeat number."""
        flushed = self.flushed()
        self.group, self.due_ms, self.held, self.queue = flushed.group, flushed.due_ms, flushed.held, []
        return [_short(notification) for notification in flushed.notifications]

    def flushed(self) -> FlushResult:
        return flush(
            self.group,
            self.queue,
            self.clock(),
            muted=lambda one: one.fingerprint in self.muted,
            active=self.active,
            undelivered=self.undelivered,
        )

    def _notice(self, status: Status, one: Alert) -> None:
        self.queue.append(AlertEvent(self.target, status, one, self.clock(), ""))


def _short(notification: Notification) -> list[tuple[str, str, int]]:
    return [(item.alert.fingerprint, item.status, item.repeat) for item in notification.items]


def look_until(channel: Channel, seconds: float) -> list[tuple[float, list[tuple[str, str, int]]]]:
    """All that is told in the next seconds by looks at the times that each look asks for."""
    began, told = channel.clock(), []
    end = began + int(seconds * 1000)
    while True:
        told += [((channel.clock() - began) / 1000, what) for what in channel.look()]
        if channel.due_ms is None or channel.due_ms > end:
            return told
        channel.clock.now_ms = max(channel.clock() + 1, channel.due_ms)


A, B, C = alert("a"), alert("b", 2000), alert("c", 3000)


def test_what_waits_for_nothing_is_told_at_once_and_its_end_too() -> None:
    channel = Channel()
    channel.fire(A)
    assert channel.look() == [[("a", "firing", 0)]]
    assert channel.look() == []
    channel.end(A)
    assert channel.look() == [[("a", "resolved", 0)]]
    assert (channel.group, channel.due_ms, channel.look()) == (None, None, [])


def test_an_alert_that_began_and_ended_within_a_millisecond_is_told_twice_in_order() -> None:
    channel = Channel()
    again = alert("a", 5000)
    channel.fire(A)
    channel.end(A)
    channel.fire(again)
    channel.end(again)
    assert channel.look() == [[("a", "firing", 0)], [("a", "resolved", 0)]] * 2
    assert channel.group is None


def test_a_new_group_waits_for_company() -> None:
    channel = Channel(wait_s=30, interval_s=300)
    channel.fire(A)
    assert channel.look() == []
    assert channel.due_ms == channel.clock() + 30_000
    channel.clock.forward(20)
    channel.fire(B)
    assert channel.look() == []
    channel.clock.forward(10)
    assert channel.look() == [[("a", "firing", 0), ("b", "firing", 0)]]


def test_a_told_group_waits_for_its_interval_and_tells_the_whole_group() -> None:
    channel = Channel(wait_s=0, interval_s=300)
    channel.fire(A)
    assert channel.look() == [[("a", "firing", 0)]]
    channel.clock.forward(10)
    channel.fire(B)
    channel.end(A)
    channel.fire(C)
    assert look_until(channel, 290) == [(290.0, [("a", "resolved", 0), ("b", "firing", 0), ("c", "firing", 0)])]


def test_what_was_over_before_it_could_be_told_is_not_told() -> None:
    channel = Channel(wait_s=30)
    channel.fire(A)
    channel.clock.forward(10)
    channel.end(A)
    assert look_until(channel, 100) == []
    assert channel.group is None


@pytest.mark.parametrize("alone", [False, True])
def test_an_end_and_the_next_begin_within_the_interval_are_told_at_once_in_order(alone: bool) -> None:
    channel = Channel(interval_s=300, alone=alone)
    channel.fire(A)
    channel.look()
    channel.clock.forward(10)
    channel.end(A)
    channel.fire(alert("a", 5000))
    channel.end(alert("a", 5000))
    channel.fire(alert("a", 7000))
    assert look_until(channel, 1000) == [
        (290.0, [("a", "resolved", 0)]),
        (290.0, [("a", "firing", 0)]),  # never for an interval that it is over, while it fires
    ]


def test_a_group_that_waits_for_nothing_at_first_keeps_its_interval_from_then_on() -> None:
    channel = Channel(interval_s=300)
    channel.fire(A)
    channel.end(A)
    channel.fire(alert("a", 5000))
    assert look_until(channel, 1000) == [
        (0.0, [("a", "firing", 0)]),
        (300.0, [("a", "resolved", 0)]),
        (300.0, [("a", "firing", 0)]),
    ]


@pytest.mark.parametrize(("wait_s", "interval_s"), [(0, 0), (0, 300), (30, 300)])
def test_what_is_told_by_itself_and_raised_is_told_in_order_and_waits_no_longer_than_a_new_one(
    wait_s: float, interval_s: float
) -> None:
    milder, worse = alert("z"), alert("a")  # of one place
    channel = Channel(wait_s, interval_s, alone=True)
    channel.fire(milder)
    look_until(channel, 100)
    channel.end(milder)
    channel.fire(worse)
    assert look_until(channel, 1000) == [(wait_s, [("z", "resolved", 0)]), (wait_s, [("a", "firing", 0)])]


def test_what_is_told_by_itself_has_its_own_labels_and_no_company() -> None:
    channel = Channel(repeat_s=600, alone=True)
    channel.fire(A)
    channel.target = msgspec.structs.replace(channel.target, group_labels={"severity": "critical"})
    channel.fire(B)
    first, second = channel.flushed().notifications
    assert (first.target.group_labels, second.target.group_labels) == ({}, {"severity": "critical"})
    assert [what for _, what in look_until(channel, 700)] == [
        [("a", "firing", 0)],
        [("b", "firing", 0)],
        [("a", "firing", 1)],
        [("b", "firing", 1)],
    ]


def test_what_fires_for_long_is_told_again_with_a_number_that_counts() -> None:
    channel = Channel(repeat_s=3600)
    channel.fire(A)
    assert look_until(channel, 7300) == [
        (0.0, [("a", "firing", 0)]),
        (3600.0, [("a", "firing", 1)]),
        (7200.0, [("a", "firing", 2)]),
    ]
    channel.end(A)
    assert channel.look() == [[("a", "resolved", 0)]]


def test_no_notification_of_a_group_has_what_another_had() -> None:
    channel = Channel(repeat_s=600)
    channel.fire(A, B)
    told = [what for _, what in look_until(channel, 5)]
    channel.fire(C)
    told += [what for _, what in look_until(channel, 5)]
    channel.end(C)
    told += [what for _, what in look_until(channel, 700)]
    assert told == [
        [("a", "firing", 0), ("b", "firing", 0)],
        [("a", "firing", 1), ("b", "firing", 1), ("c", "firing", 0)],
        [("a", "firing", 2), ("b", "firing", 2), ("c", "resolved", 0)],
        [("a", "firing", 3), ("b", "firing", 3)],
    ]


def test_nothing_is_repeated_for_a_receiver_that_has_not_got_the_last_one_but_ends_are_told() -> None:
    channel = Channel(repeat_s=600)
    channel.fire(A, B)
    channel.look()
    channel.undelivered = True
    assert look_until(channel, 10_000) == []
    channel.end(A)
    assert channel.look() == [[("a", "resolved", 0), ("b", "firing", 1)]]
    channel.clock.forward(3600)
    channel.look()
    channel.undelivered = False
    ((after_s, told),) = look_until(channel, 100)
    assert told == [("b", "firing", 2)]
    assert after_s <= 60


def test_zero_is_never_repeated() -> None:
    channel = Channel(repeat_s=0)
    channel.fire(A)
    assert len(look_until(channel, 100_000)) == 1


def test_what_is_acknowledged_is_not_repeated_but_its_end_is_told() -> None:
    channel = Channel(repeat_s=600)
    channel.fire(A, B)
    channel.look()
    at_it = Acknowledgement("maya", "on it", 0)
    channel.active["a"] = msgspec.structs.replace(A, acknowledgement=at_it)
    assert look_until(channel, 700) == [(600.0, [("b", "firing", 1)])]  # which is nobody's yet
    channel.active["b"] = msgspec.structs.replace(B, acknowledgement=at_it)
    assert look_until(channel, 5000) == []
    channel.fire(C)  # a change is told with all there is
    assert channel.look() == [[("a", "firing", 1), ("b", "firing", 2), ("c", "firing", 0)]]
    channel.end(A)
    assert channel.look() == [[("a", "resolved", 0), ("b", "firing", 3), ("c", "firing", 1)]]


def test_an_acknowledgement_that_has_expired_holds_back_nothing() -> None:
    channel = Channel(repeat_s=600)
    channel.fire(A)
    channel.look()
    until_ms = channel.clock() + 1_500_000
    channel.active["a"] = msgspec.structs.replace(A, acknowledgement=Acknowledgement("maya", "on it", 0, until_ms))
    assert look_until(channel, 1400) == []
    assert look_until(channel, 10_000)[0][1] == [("a", "firing", 1)]


def test_a_muted_alert_sends_nothing_and_is_told_when_it_still_fires_at_the_end_of_that() -> None:
    channel = Channel()
    channel.muted = {"a"}
    channel.fire(A)
    assert look_until(channel, 20_000) == []
    assert channel.held
    channel.muted = set()
    assert channel.look() == [[("a", "firing", 0)]]
    assert not channel.held


def test_an_alert_that_ended_while_it_was_muted_is_never_heard_of() -> None:
    channel = Channel()
    channel.muted = {"a"}
    channel.fire(A)
    channel.look()
    channel.end(A)
    assert channel.look() == []
    assert channel.group is None


def test_who_was_told_before_the_silence_hears_of_the_end_after_it() -> None:
    channel = Channel(repeat_s=600)
    channel.fire(A)
    channel.look()
    channel.muted = {"a"}
    assert look_until(channel, 2000) == []  # no repeats
    channel.end(A)
    again = alert("a", 5000)
    channel.fire(again)
    channel.end(again)
    assert look_until(channel, 2000) == []
    channel.muted = set()
    assert channel.look() == [[("a", "resolved", 0)]]


def test_a_repeat_that_fell_into_a_silence_comes_after_it() -> None:
    channel = Channel(repeat_s=600)
    channel.fire(A)
    channel.look()
    channel.muted = {"a"}
    assert look_until(channel, 700) == []
    channel.muted = set()
    assert channel.look() == [[("a", "firing", 1)]]


def test_a_muted_alert_is_left_out_of_what_its_group_tells() -> None:
    channel = Channel()
    channel.muted = {"a"}
    channel.fire(A, B)
    assert channel.look() == [[("b", "firing", 0)]]
    channel.end(B)
    assert channel.look() == [[("b", "resolved", 0)]]


def test_who_wants_no_ends_gets_none_and_is_told_of_the_next_begin() -> None:
    channel = Channel(send_resolved=False)
    channel.fire(A)
    channel.look()
    channel.end(A)
    assert channel.look() == []
    assert channel.group is None
    channel.fire(alert("a", 5000))
    assert channel.look() == [[("a", "firing", 0)]]


def test_an_end_that_was_sent_elsewhere_is_noticed() -> None:
    channel = Channel()
    channel.fire(A)
    channel.look()
    channel.active = {}  # its end went to the group that a changed rules file asks for
    told = look_until(channel, 100)
    assert [what for _, what in told] == [[("a", "resolved", 0)]]


@pytest.mark.parametrize("ahead_s", [3600, 0.5])
def test_a_workers_clock_that_is_ahead_delays_nothing(ahead_s: float) -> None:
    channel = Channel(wait_s=10)
    channel.clock.forward(ahead_s)
    channel.fire(A)
    channel.clock.forward(-ahead_s)
    assert look_until(channel, 11) == [(10.0, [("a", "firing", 0)])]


def test_a_look_repeated_before_it_was_written_says_the_same() -> None:
    channel = Channel()
    channel.fire(A, B)
    assert channel.flushed() == channel.flushed()
    channel.look()
    channel.fire(*_twice(C))
    assert channel.look() == [[("a", "firing", 1), ("b", "firing", 1), ("c", "firing", 0)]]  # the second is known


def _twice(one: Alert) -> Iterable[Alert]:
    return one, one
