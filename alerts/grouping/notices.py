"""Changes of alert states, stored with the change itself for the dispatcher to make notifications of."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alerts.grouping.groups import Notice
from alerts.grouping.routing import targets
from alerts.outbox.store import KEPT_WAKES
from alerts.state.alert import Transition
from alerts.state.store import Command
from alerts.storage.keys import AlertKeys
from contracts.rules.schema import Rules


def announce(
    keys: AlertKeys, rules: Rules, transitions: Iterable[Transition], now_ms: int, external_url: str
) -> list[Command]:
    """Commands that store notices of these changes for all who are to know, for `AlertStore.commit`.

    When they are told is decided by `alerts.grouping.groups`, from the state that the receiver's group then has.
    """
    commands: list[Command] = []
    for status, alert in transitions:
        for target in targets(rules, alert.labels):
            notice = Notice(target, status, alert, now_ms, external_url)
            commands += [
                ("RPUSH", keys.notices(target.group), msgspec.json.encode(notice).decode()),
                # LT: a group that waits for its next look is looked at now.
                ("ZADD", keys.flushes, "LT", str(now_ms), target.group),
                ("LPUSH", keys.wake, target.group),
                ("LTRIM", keys.wake, "0", str(KEPT_WAKES - 1)),
            ]
    return commands
