"""When a receiver is notified of what: changes of alerts are grouped, sent together, and repeated. Pure.

A group is one receiver's view of the alerts that share a notification. Every change of an alert reaches it as an
`AlertEvent`, which is stored with the change; `flush` turns events into notifications. It may be called at any time, by
any notifier, as often as one likes: it decides from the clock and from what was sent already.

Names and meaning are Alertmanager's (`group_wait`, `group_interval`, `repeat_interval`, `send_resolved`), with two
differences. An event that waits for nothing is always sent, also for an alert that began and ended within a
millisecond. And what happened while an alert was muted is sent when the muting ends, instead of never: that it still
fires, or, to a receiver that knew of it, that it is over.

Alerts that are sent one by one (`group_by: [...]`) and differ in their severity only are one group here as well, so
that their events are sent in order; but each event is a notification, and each alert waits as if it were a group of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from alerts.grouping.routing import Target
from alerts.state.alert import Alert, Status
from alerts.state.lifecycle import resolved

SWEEP_MS: Final = 60_000
"""A group is examined at least this often: a changed rules file may have sent an alert's end to another group."""


class AlertEvent(Struct, frozen=True):
    """An alert began or ceased to fire, and a receiver is to be notified."""

    target: Target
    status: Status
    alert: Alert
    noticed_ms: int
    """Wall clock."""
    external_url: str


class Member(Struct, frozen=True):
    """A firing alert that the receiver was notified of."""

    alert: Alert
    notifications: int = msgspec.field(name="told")
    """How many notifications named it. Stored as `told`: that name is in Redis already."""


class Group(Struct, frozen=True):
    """What was sent to a receiver, and what waits to be sent."""

    target: Target
    """That of the newest event."""
    external_url: str
    members: dict[str, Member] = {}
    """By fingerprint."""
    waiting: tuple[AlertEvent, ...] = ()
    flushed_ms: int | None = None
    """When the last notification was made."""


class NotificationItem(NamedTuple):
    """An alert in a notification."""

    status: Status
    alert: Alert
    repeat: int
    """How many notifications had it before in this state."""


class Notification(NamedTuple):
    """One message to one receiver."""

    target: Target
    external_url: str
    items: tuple[NotificationItem, ...]

    @property
    def status(self) -> Status:
        """`firing` while one of them does."""
        return "firing" if any(item.status == "firing" for item in self.items) else "resolved"


class FlushResult(NamedTuple):
    """The group afterwards (None: nothing is left of it), and what to send now, in this order."""

    group: Group | None
    notifications: list[Notification]
    due_ms: int | None
    """When to flush again, None when nothing is left to do."""
    held: bool
    """Whether something is muted: the group is due when that ends."""


def flush(
    group: Group | None,
    events: Sequence[AlertEvent],
    now_ms: int,
    *,
    muted: Callable[[Alert], bool],
    active: Mapping[str, Alert],
    undelivered: bool = False,
) -> FlushResult:
    """Decide what to send for a group now.

    Args:
        group: as the last flush left it.
        events: those stored since then, in order.
        now_ms: wall clock.
        muted: whether a silence or another alert mutes this one now.
        active: pending and firing alerts by fingerprint, of the same moment as the events.
        undelivered: whether notifications of this group still wait for the receiver to take them.
    """
    newest = events[-1] if events else group
    if newest is None:
        return FlushResult(None, [], None, held=False)
    look = _Look(
        target=newest.target,
        external_url=newest.external_url,
        members=dict(group.members) if group else {},
        queues={},
        flushed_ms=group.flushed_ms if group else None,
        interval_from_ms=group.flushed_ms if group else None,
        now_ms=now_ms,
        active=active,
        undelivered=undelivered,
        notifications=[],
    )
    for event in (*(group.waiting if group else ()), *events):
        # A worker's clock may be ahead of ours; its events must not wait until our clock catches up.
        seen = msgspec.structs.replace(event, noticed_ms=min(event.noticed_ms, now_ms))
        look.queues.setdefault(event.alert.fingerprint, []).append(seen)
    look.end_orphans()
    look.mute(muted)
    look.drop_what_is_not_without_redundant()
    while look.one_round():
        if look.target.interval_s:
            look.drop_what_is_not_without_redundant()
    look.repeat()
    return look.result()


@dataclass
class _Look:
    target: Target
    external_url: str
    members: dict[str, Member]
    queues: dict[str, list[AlertEvent]]
    """By fingerprint: events that the receiver does not know yet."""
    flushed_ms: int | None
    interval_from_ms: int | None
    """When the last notification before this flush was made, or the first one of this flush. All that has waited for
    `group_interval` since then is sent now: an end and the next begin do not wait for each other."""
    now_ms: int
    active: Mapping[str, Alert]
    undelivered: bool
    notifications: list[Notification]
    muted: frozenset[str] = frozenset()

    def end_orphans(self) -> None:
        """End what the receiver believes to fire and which no longer does: its end may have gone to another group."""
        for fingerprint in {**self.members, **self.queues}:
            queue = self.queues.setdefault(fingerprint, [])
            last = queue[-1].alert if queue else self.members[fingerprint].alert
            current = self.active.get(fingerprint)
            fires = current is not None and current.state == "firing" and current.starts_at_ms == last.starts_at_ms
            if last.state == "firing" and not fires:
                queue.append(
                    AlertEvent(self.target, "resolved", resolved(last, self.now_ms), self.now_ms, self.external_url)
                )

    def mute(self, muted: Callable[[Alert], bool]) -> None:
        self.muted = frozenset(
            fingerprint
            for fingerprint, queue in self.queues.items()
            if muted(queue[-1].alert if queue else self.members[fingerprint].alert)
        )

    def drop_what_is_not_without_redundant(self) -> None:
        for fingerprint, queue in self.queues.items():
            self.queues[fingerprint] = self._without_redundant(fingerprint, queue)

    def one_round(self) -> bool:
        """Send the first event of each alert if one of them has waited long enough; only the oldest of them where each
        alert is sent by itself."""
        heads = {
            fingerprint: queue[0]
            for fingerprint, queue in self.queues.items()
            if queue and fingerprint not in self.muted
        }
        if not any(self._ready_ms(event) <= self.now_ms for event in heads.values()):
            return False
        if self.target.alone:
            oldest = min(heads, key=lambda fingerprint: heads[fingerprint].noticed_ms)
            heads = {oldest: heads[oldest]}
        for fingerprint in heads:
            self.queues[fingerprint].pop(0)
        self._notify(heads)
        return True

    def repeat(self) -> None:
        """Send again what still fires after `repeat_interval` and is not acknowledged."""
        due = self._repeat_ms()
        if due is not None and due <= self.now_ms:
            self._notify({})

    def result(self) -> FlushResult:
        waiting = tuple(event for queue in self.queues.values() for event in queue)
        if not self.members and not waiting:
            return FlushResult(None, self.notifications, None, held=False)
        self.interval_from_ms = self.flushed_ms
        due = [self.now_ms + SWEEP_MS]
        due += [self._ready_ms(queue[0]) for name, queue in self.queues.items() if queue and name not in self.muted]
        repeat = self._repeat_ms()
        if repeat is not None:
            due.append(repeat)
        group = Group(self.target, self.external_url, self.members, waiting, self.flushed_ms)
        return FlushResult(group, self.notifications, min(due), held=bool(self.muted))

    def _ready_ms(self, event: AlertEvent) -> int:
        """When an event may be sent: after `group_wait` in a new group, else `group_interval` after the last time."""
        if self.interval_from_ms is None or self._is_new(event):
            return event.noticed_ms + int(event.target.wait_s * 1000)
        return max(event.noticed_ms, self.interval_from_ms + int(event.target.interval_s * 1000))

    def _is_new(self, event: AlertEvent) -> bool:
        """Whether it is sent by itself, and its receiver was not notified yet."""
        return self.target.alone and event.alert.fingerprint not in self.members

    def _is_acknowledged(self, fingerprint: str) -> bool:
        taken = self.active[fingerprint].acknowledgement if fingerprint in self.active else None
        return taken is not None and taken.holds(self.now_ms)

    def _to_repeat(self) -> list[str]:
        return [name for name in self.members if name not in self.muted and not self._is_acknowledged(name)]

    def _repeat_ms(self) -> int | None:
        if self.flushed_ms is None or not self.target.repeat_s or not self._to_repeat():
            return None
        if self.undelivered:
            return None  # a receiver that was down for a day must not get the same message six times when it is back
        return self.flushed_ms + int(self.target.repeat_s * 1000)

    def _without_redundant(self, fingerprint: str, queue: Iterable[AlertEvent]) -> list[AlertEvent]:
        """Without what the receiver knows already, ends of what it never knew, and what was over before it could be
        sent."""
        member = self.members.get(fingerprint)
        known = None if member is None else member.alert.starts_at_ms
        kept: list[AlertEvent] = []
        for event in queue:
            if event.status == "firing":
                if event.alert.starts_at_ms != known:
                    kept.append(event)
                    known = event.alert.starts_at_ms
            elif event.alert.starts_at_ms == known:
                known = None
                if kept and kept[-1].status == "firing" and self._had_to_wait(kept[-1]):
                    kept.pop()
                else:
                    kept.append(event)
        return kept

    def _had_to_wait(self, event: AlertEvent) -> bool:
        if event.alert.fingerprint in self.muted:
            return True
        if self.flushed_ms is None or self._is_new(event):
            return event.target.wait_s > 0
        interval_ms = int(event.target.interval_s * 1000)
        return interval_ms > 0 and self.flushed_ms + interval_ms > event.noticed_ms

    def _notify(self, changes: Mapping[str, AlertEvent]) -> None:
        """Make one notification: the changes and all that fires on in the group, or without changes what is repeated.

        Alerts that are sent by themselves make one notification each.
        """
        alone = self.target.alone
        listed = (changes if alone else {**self.members, **changes}) if changes else self._to_repeat()
        items = []
        for fingerprint in listed:
            change = changes.get(fingerprint)
            if change is None:
                if fingerprint not in self.muted:
                    member, newest = self.members[fingerprint], self.active.get(fingerprint)
                    same = newest is not None and newest.starts_at_ms == member.alert.starts_at_ms
                    items.append(
                        NotificationItem("firing", newest if newest and same else member.alert, member.notifications)
                    )
            elif change.status == "firing":
                items.append(NotificationItem("firing", change.alert, 0))
            else:
                del self.members[fingerprint]
                if self.target.send_resolved:
                    items.append(NotificationItem("resolved", change.alert, 0))
        if changes and not any(item.alert.fingerprint in changes for item in items):
            return  # only ends, and the receiver has `send_resolved: false`
        for status, alert, repeat in items:
            if status == "firing":
                self.members[alert.fingerprint] = Member(alert, repeat + 1)
        self.flushed_ms = self.now_ms
        self.interval_from_ms = self.now_ms if self.interval_from_ms is None else self.interval_from_ms
        items.sort(key=lambda item: (item.alert.starts_at_ms, item.alert.fingerprint))
        target = next(iter(changes.values())).target if alone and changes else self.target
        for part in [(one,) for one in items] if alone else [tuple(items)]:
            self.notifications.append(Notification(target, self.external_url, part))
