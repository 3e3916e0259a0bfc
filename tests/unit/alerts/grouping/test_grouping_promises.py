"""What holds whatever happens: alerts come, go and are muted, and somebody looks now and then."""

from __future__ import annotations

from collections import defaultdict

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.grouping.groups import AlertEvent, Group, NotificationItem, flush
from alerts.grouping.payload import notification_id
from alerts.grouping.routing import Target
from alerts.state.alert import Alert

NAMES = ("a", "b", "c")
EVENTS = st.one_of(
    st.tuples(st.just("toggle"), st.sampled_from(NAMES)),
    st.tuples(st.just("mute"), st.sampled_from(NAMES)),
    st.tuples(st.just("unmute"), st.sampled_from(NAMES)),
    st.tuples(st.just("look"), st.just("")),
    st.tuples(st.just("pass"), st.sampled_from(["1", "9", "40", "400"])),
)
TIMES = st.sampled_from([(0, 0), (5, 0), (0, 30), (10, 60)])


class World:
    """A group under test, and everything that it told."""

    def __init__(self, wait_s: float, interval_s: float, *, alone: bool = False) -> None:
        self.target = Target("team", "{}:{}", {}, "team:g", wait_s, interval_s, 0, True, alone)
        self.group: Group | None = None
        self.active: dict[str, Alert] = {}
        self.queue: list[AlertEvent] = []
        self.muted: set[str] = set()
        self.now_ms = 1_000_000
        self.begun = 0
        self.happened: list[tuple[str, int]] = []
        """Which episode began or ended."""
        self.order: list[tuple[str, int]] = []
        """The same as it was told."""
        self.ids: list[str] = []
        self.told: dict[str, list[NotificationItem]] = defaultdict(list)

    def toggle(self, name: str) -> None:
        self.now_ms += 1
        alert = self.active.pop(name, None)
        if alert is not None:
            self.happened.append(("resolved", alert.starts_at_ms))
            over = msgspec.structs.replace(alert, ends_at_ms=self.now_ms)
            self.queue.append(AlertEvent(self.target, "resolved", over, self.now_ms, ""))
            return
        self.begun += 1
        self.happened.append(("firing", self.begun))
        alert = self.active[name] = Alert("bad_buzz", name, {"alertname": name}, {}, self.begun, 0.5)
        self.queue.append(AlertEvent(self.target, "firing", alert, self.now_ms, ""))

    def look(self) -> None:
        found = flush(
            self.group,
            self.queue,
            self.now_ms,
            muted=lambda one: one.fingerprint in self.muted,
            active=self.active,
        )
        self.group, self.queue = found.group, []
        for notification in found.notifications:
            assert not self.target.alone or len(notification.items) == 1
            self.order += [(one.status, one.alert.starts_at_ms) for one in notification.items]
            self.ids.append(notification_id(notification))
            for item in notification.items:
                assert item.alert.fingerprint not in self.muted
                self.told[item.alert.fingerprint].append(item)

    def happen(self, what: str, name: str) -> None:
        if what == "toggle":
            self.toggle(name)
        elif what == "mute":
            self.muted.add(name)
        elif what == "unmute":
            self.muted.discard(name)
        elif what == "look":
            self.look()
        else:
            self.now_ms += int(name) * 1000

    def settle(self) -> None:
        """Everything ends, nothing is muted, and there are looks for as long as it takes."""
        for name in list(self.active):
            self.toggle(name)
        self.muted = set()
        for _ in range(50):
            self.look()
            self.now_ms += 100_000


@settings(max_examples=80, deadline=None)
@given(times=TIMES, alone=st.booleans(), events=st.lists(EVENTS, max_size=40))
def test_each_episode_begins_then_ends_once_and_no_id_comes_twice(
    times: tuple[float, float], alone: bool, events: list[tuple[str, str]]
) -> None:
    world = World(*times, alone=alone)
    for what, name in events:
        world.happen(what, name)
    world.settle()
    assert world.group is None
    assert len(set(world.ids)) == len(world.ids)
    for items in world.told.values():
        open_episode: int | None = None
        for status, alert, repeat in items:
            if status == "firing" and repeat == 0:
                assert open_episode is None
                open_episode = alert.starts_at_ms
            elif status == "firing":
                assert open_episode == alert.starts_at_ms
            else:
                assert open_episode == alert.starts_at_ms
                open_episode = None
        assert open_episode is None


@settings(max_examples=60, deadline=None)
@given(events=st.lists(EVENTS.filter(lambda event: event[0] not in ("mute", "unmute")), max_size=40))
def test_who_waits_for_nothing_and_mutes_nothing_is_told_everything(events: list[tuple[str, str]]) -> None:
    world = World(0, 0)
    for what, name in events:
        world.happen(what, name)
    world.settle()
    told = {
        status: {one.alert.starts_at_ms for items in world.told.values() for one in items if one.status == status}
        for status in ("firing", "resolved")
    }
    assert told["firing"] == told["resolved"] == set(range(1, world.begun + 1))


@settings(max_examples=60, deadline=None)
@given(events=st.lists(EVENTS.filter(lambda event: event[0] not in ("mute", "unmute")), max_size=40))
def test_what_is_told_by_itself_is_told_in_the_order_in_which_it_happened(events: list[tuple[str, str]]) -> None:
    world = World(0, 0, alone=True)
    for what, name in events:
        world.happen(what, name)
    world.settle()
    assert world.order == world.happened
