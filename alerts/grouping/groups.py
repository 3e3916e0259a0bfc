"""What a receiver is told when: changes of alerts are gathered in groups, told together, and told again. Pure.

A group is one receiver's view of the alerts that share a notification. Every change of an alert reaches it as a notice
that is stored with the change; `flush` turns notices into notifications. It can be called at any time, by anybody,
as often as one likes: it looks at the clock and at what was told already.

Names and meaning are Alertmanager's (`group_wait`, `group_interval`, `repeat_interval`, `send_resolved`), with two
differences. What waits for nothing is always told, also an alert that began and ended within a millisecond. And what
has happened while an alert was muted is told when it is muted no longer, instead of never: that it still fires, or to
who knew of it, that it is over.

Alerts that are told by themselves (`group_by: [...]`) and differ in their severity only are one group here as well, so
that they are told in the order in which they changed; but each change is a notification, and each alert waits as if it
were a group of its own.
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
"""How often a group is looked at in any case: a changed rules file may have sent an alert's end elsewhere."""


class Notice(Struct, frozen=True):
    """An alert has begun or ceased to fire, and a receiver is to know."""

    target: Target
    status: Status
    alert: Alert
    noticed_ms: int
    """Wall clock."""
    external_url: str


class Member(Struct, frozen=True):
    """A firing alert that the receiver was told of."""

    alert: Alert
    told: int
    """In how many notifications it was."""


class Group(Struct, frozen=True):
    """What a receiver was told, and what waits to be told."""

    target: Target
    """That of the newest notice."""
    external_url: str
    members: dict[str, Member] = {}
    """By fingerprint."""
    waiting: tuple[Notice, ...] = ()
    flushed_ms: int | None = None
    """When the last notification was made."""


class Telling(NamedTuple):
    """An alert in a notification."""

    status: Status
    alert: Alert
    repeat: int
    """How many notifications had it before in this state."""


class Notification(NamedTuple):
    """What one receiver is told at once."""

    target: Target
    external_url: str
    tellings: tuple[Telling, ...]

    @property
    def status(self) -> Status:
        """`firing` while one of them does."""
        return "firing" if any(telling.status == "firing" for telling in self.tellings) else "resolved"


class Flushed(NamedTuple):
    """The group afterwards (None: nothing is left of it), and what to tell now, in this order."""

    group: Group | None
    notifications: list[Notification]
    due_ms: int | None
    """When to look again, None when there is nothing to look at."""
    held: bool
    """Whether something is muted, so that a look is due when that ends."""


def flush(
    group: Group | None,
    notices: Sequence[Notice],
    now_ms: int,
    *,
    muted: Callable[[Alert], bool],
    active: Mapping[str, Alert],
    undelivered: bool = False,
) -> Flushed:
    """One look at a group.

    Args:
        group: as the last look left it.
        notices: what has come since, in order.
        now_ms: wall clock.
        muted: whether a silence or another alert mutes this one now.
        active: pending and firing alerts by fingerprint, of the same moment as the notices.
        undelivered: whether notifications of this group still wait for the receiver to take them.
    """
    newest = notices[-1] if notices else group
    if newest is None:
        return Flushed(None, [], None, held=False)
    look = _Look(
        target=newest.target,
        external_url=newest.external_url,
        members=dict(group.members) if group else {},
        queues={},
        flushed_ms=group.flushed_ms if group else None,
        told_ms=group.flushed_ms if group else None,
        now_ms=now_ms,
        active=active,
        undelivered=undelivered,
        notifications=[],
    )
    for notice in (*(group.waiting if group else ()), *notices):
        # A worker's clock may be ahead; what it saw must not wait for that.
        seen = msgspec.structs.replace(notice, noticed_ms=min(notice.noticed_ms, now_ms))
        look.queues.setdefault(notice.alert.fingerprint, []).append(seen)
    look.end_orphans()
    look.mute(muted)
    look.drop_what_is_not_worth_telling()
    while look.one_round():
        if look.target.interval_s:
            look.drop_what_is_not_worth_telling()
    look.repeat()
    return look.result()


@dataclass
class _Look:
    target: Target
    external_url: str
    members: dict[str, Member]
    queues: dict[str, list[Notice]]
    """By fingerprint: what the receiver does not know yet."""
    flushed_ms: int | None
    told_ms: int | None
    """When the last notification before this look was made, or its first one. What has waited for `group_interval`
    since then is told in this look, all of it: an end and the next begin do not wait for each other."""
    now_ms: int
    active: Mapping[str, Alert]
    undelivered: bool
    notifications: list[Notification]
    muted: frozenset[str] = frozenset()

    def end_orphans(self) -> None:
        """What is believed to fire and does not any more is over, whoever was told of its end."""
        for fingerprint in {**self.members, **self.queues}:
            queue = self.queues.setdefault(fingerprint, [])
            last = queue[-1].alert if queue else self.members[fingerprint].alert
            current = self.active.get(fingerprint)
            fires = current is not None and current.state == "firing" and current.starts_at_ms == last.starts_at_ms
            if last.state == "firing" and not fires:
                queue.append(
                    Notice(self.target, "resolved", resolved(last, self.now_ms), self.now_ms, self.external_url)
                )

    def mute(self, muted: Callable[[Alert], bool]) -> None:
        self.muted = frozenset(
            fingerprint
            for fingerprint, queue in self.queues.items()
            if muted(queue[-1].alert if queue else self.members[fingerprint].alert)
        )

    def drop_what_is_not_worth_telling(self) -> None:
        for fingerprint, queue in self.queues.items():
            self.queues[fingerprint] = self._worth_telling(fingerprint, queue)

    def one_round(self) -> bool:
        """Tell the first change of each alert, if one of them has waited for long enough; only the oldest of them where
        each is told by itself."""
        heads = {
            fingerprint: queue[0]
            for fingerprint, queue in self.queues.items()
            if queue and fingerprint not in self.muted
        }
        if not any(self._ready_ms(notice) <= self.now_ms for notice in heads.values()):
            return False
        if self.target.alone:
            oldest = min(heads, key=lambda fingerprint: heads[fingerprint].noticed_ms)
            heads = {oldest: heads[oldest]}
        for fingerprint in heads:
            self.queues[fingerprint].pop(0)
        self._tell(heads)
        return True

    def repeat(self) -> None:
        """Tell again what fires for long and is not acknowledged."""
        due = self._repeat_ms()
        if due is not None and due <= self.now_ms:
            self._tell({})

    def result(self) -> Flushed:
        waiting = tuple(notice for queue in self.queues.values() for notice in queue)
        if not self.members and not waiting:
            return Flushed(None, self.notifications, None, held=False)
        self.told_ms = self.flushed_ms
        due = [self.now_ms + SWEEP_MS]
        due += [self._ready_ms(queue[0]) for name, queue in self.queues.items() if queue and name not in self.muted]
        repeat = self._repeat_ms()
        if repeat is not None:
            due.append(repeat)
        group = Group(self.target, self.external_url, self.members, waiting, self.flushed_ms)
        return Flushed(group, self.notifications, min(due), held=bool(self.muted))

    def _ready_ms(self, notice: Notice) -> int:
        """When a change may be told: after `group_wait` in a new group, else `group_interval` after the last time."""
        if self.told_ms is None or self._is_new(notice):
            return notice.noticed_ms + int(notice.target.wait_s * 1000)
        return max(notice.noticed_ms, self.told_ms + int(notice.target.interval_s * 1000))

    def _is_new(self, notice: Notice) -> bool:
        """Whether it is told by itself, and nobody was told yet."""
        return self.target.alone and notice.alert.fingerprint not in self.members

    def _is_acknowledged(self, fingerprint: str) -> bool:
        return fingerprint in self.active and self.active[fingerprint].acknowledgement is not None

    def _to_repeat(self) -> list[str]:
        return [name for name in self.members if name not in self.muted and not self._is_acknowledged(name)]

    def _repeat_ms(self) -> int | None:
        if self.flushed_ms is None or not self.target.repeat_s or not self._to_repeat():
            return None
        if self.undelivered:
            return None  # a receiver that is down for a day is not told the same thing six times when it is back
        return self.flushed_ms + int(self.target.repeat_s * 1000)

    def _worth_telling(self, fingerprint: str, queue: Iterable[Notice]) -> list[Notice]:
        """Without what is known already, ends of what nobody knew of, and what was over before it could be told."""
        member = self.members.get(fingerprint)
        known = None if member is None else member.alert.starts_at_ms
        kept: list[Notice] = []
        for notice in queue:
            if notice.status == "firing":
                if notice.alert.starts_at_ms != known:
                    kept.append(notice)
                    known = notice.alert.starts_at_ms
            elif notice.alert.starts_at_ms == known:
                known = None
                if kept and kept[-1].status == "firing" and self._had_to_wait(kept[-1]):
                    kept.pop()
                else:
                    kept.append(notice)
        return kept

    def _had_to_wait(self, notice: Notice) -> bool:
        if notice.alert.fingerprint in self.muted:
            return True
        if self.flushed_ms is None or self._is_new(notice):
            return notice.target.wait_s > 0
        interval_ms = int(notice.target.interval_s * 1000)
        return interval_ms > 0 and self.flushed_ms + interval_ms > notice.noticed_ms

    def _tell(self, changes: Mapping[str, Notice]) -> None:
        """One notification: the changes, and all that fires on in the group; without changes what is to be repeated.

        What is told by itself is one change, or a notification for each that is repeated.
        """
        alone = self.target.alone
        listed = (changes if alone else {**self.members, **changes}) if changes else self._to_repeat()
        tellings = []
        for fingerprint in listed:
            change = changes.get(fingerprint)
            if change is None:
                if fingerprint not in self.muted:
                    member, newest = self.members[fingerprint], self.active.get(fingerprint)
                    same = newest is not None and newest.starts_at_ms == member.alert.starts_at_ms
                    tellings.append(Telling("firing", newest if newest and same else member.alert, member.told))
            elif change.status == "firing":
                tellings.append(Telling("firing", change.alert, 0))
            else:
                del self.members[fingerprint]
                if self.target.send_resolved:
                    tellings.append(Telling("resolved", change.alert, 0))
        if changes and not any(telling.alert.fingerprint in changes for telling in tellings):
            return  # only ends, for a receiver that wants none
        for status, alert, repeat in tellings:
            if status == "firing":
                self.members[alert.fingerprint] = Member(alert, repeat + 1)
        self.flushed_ms = self.now_ms
        self.told_ms = self.now_ms if self.told_ms is None else self.told_ms
        tellings.sort(key=lambda telling: (telling.alert.starts_at_ms, telling.alert.fingerprint))
        target = next(iter(changes.values())).target if alone and changes else self.target
        for part in [(one,) for one in tellings] if alone else [tuple(tellings)]:
            self.notifications.append(Notification(target, self.external_url, part))
