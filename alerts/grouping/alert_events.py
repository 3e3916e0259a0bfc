"""Events of alerts, stored together with the change of state; the dispatcher makes notifications of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alerts.grouping.groups import AlertEvent
from alerts.grouping.routing import targets
from alerts.outbox.store import KEPT_WAKES
from alerts.state.alert import Transition
from alerts.state.store import Command
from alerts.storage.keys import AlertKeys
from contracts.rules.schema import Rules


def event_commands(
    keys: AlertKeys, rules: Rules, transitions: Iterable[Transition], now_ms: int, external_url: str
) -> list[Command]:
    """Redis commands that store an event of each change for each of its receivers, for `AlertStore.commit`.

    `alerts.grouping.groups` decides when they are sent, from the state that the receiver's group then has.
    """
    commands: list[Command] = []
    for status, alert in transitions:
        for target in targets(rules, alert.labels):
            event = AlertEvent(target, status, alert, now_ms, external_url)
            commands += [
                ("RPUSH", keys.alert_events(target.group), msgspec.json.encode(event).decode()),
                # LT moves the next flush of the group forward, never back.
                ("ZADD", keys.flushes, "LT", str(now_ms), target.group),
                ("LPUSH", keys.wake, target.group),
                ("LTRIM", keys.wake, "0", str(KEPT_WAKES - 1)),
            ]
    return commands
