"""Which receivers get an alert, in which group, and after which wait. Pure.

The tree is Alertmanager's: an alert takes the first branch that matches (and the next ones while `continue` is true),
down to the leaves; a branch inherits from its parent what it does not set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from alerts.state.alert import fingerprint_of
from contracts.rules.routing import Route
from contracts.rules.schema import Rules

GROUP_WAIT_S: Final = 30.0
GROUP_INTERVAL_S: Final = 300.0
REPEAT_INTERVAL_S: Final = 14_400.0
"""Alertmanager's defaults; `_timing` lists the alerts that do not wait."""
ALONE: Final = ("...",)
"""`group_by` all labels: each alert is a group of its own."""


class Target(msgspec.Struct, frozen=True):
    """A receiver of an alert, and the group in which it gets it."""

    receiver: str
    group_key: str
    group_labels: dict[str, str]
    group: str
    """Identifies the group in Redis. Alerts that are sent by themselves and differ in severity only share one."""
    wait_s: float
    """How long a new group waits for further alerts."""
    interval_s: float
    """How long the group waits after a notification before it sends changes."""
    repeat_s: float
    """After how long without change the notification is repeated; 0 for never."""
    send_resolved: bool
    alone: bool = False
    """Whether each alert is sent by itself."""


class _Branch(NamedTuple):
    """A branch with what it inherits from its parents."""

    path: str
    """As in Alertmanager's group keys: `{}` and the matchers of every branch below the root."""
    receivers: tuple[str, ...]
    group_by: tuple[str, ...]
    group_wait: float | None
    group_interval: float | None
    repeat_interval: float


def targets(rules: Rules, labels: Mapping[str, str]) -> list[Target]:
    """The receivers that the rules file names for an alert with these labels; each receiver once.

    Alerts of a rule with `receivers` go to those; all others go through the tree.
    """
    defined = {receiver.name: receiver for receiver in rules.receivers}
    named = next((rule.receivers for rule in rules.rules if rule.alert == labels["alertname"]), None)
    root = _child(_Branch("", tuple(defined), ALONE, None, None, REPEAT_INTERVAL_S), rules.route, root=True)
    branches = [root._replace(receivers=named)] if named is not None else _taken(rules.route, root, labels)
    found: dict[str, Target] = {}
    for branch in branches:
        for name in branch.receivers:
            if name in defined and name not in found:
                found[name] = _target(name, branch, labels, send_resolved=defined[name].send_resolved)
    return list(found.values())


def _taken(route: Route, branch: _Branch, labels: Mapping[str, str]) -> Iterator[_Branch]:
    """The branches that an alert ends in: the deepest matching ones, else this one."""
    taken = False
    for below in route.routes:
        if all(matcher.matches(labels) for matcher in below.matchers):
            taken = True
            yield from _taken(below, _child(branch, below), labels)
            if not below.continue_:
                return
    if not taken:
        yield branch


def _child(parent: _Branch, route: Route, *, root: bool = False) -> _Branch:
    matchers = "" if root else ",".join(map(str, route.matchers))
    return _Branch(
        path=f"{parent.path}{'' if root else '/'}{{{matchers}}}",
        receivers=parent.receivers if route.named is None else route.named,
        group_by=parent.group_by if route.group_by is None else route.group_by,
        group_wait=parent.group_wait if route.group_wait is None else route.group_wait,
        group_interval=parent.group_interval if route.group_interval is None else route.group_interval,
        repeat_interval=parent.repeat_interval if route.repeat_interval is None else route.repeat_interval,
    )


def _target(receiver: str, branch: _Branch, labels: Mapping[str, str], *, send_resolved: bool) -> Target:
    alone = branch.group_by == ALONE
    shared = dict(labels) if alone else {name: labels[name] for name in branch.group_by if name in labels}
    key = f"{branch.path}:{{{', '.join(f'{name}={json.dumps(value)}' for name, value in sorted(shared.items()))}}}"
    # An alert on its own is in the same group whichever branch it took, so a changed tree does not lose its end; and
    # whatever its severity, so that the end of the milder alert is sent before the begin of the one it was raised to.
    without_severity = {name: value for name, value in labels.items() if name != "severity"}
    group_id = fingerprint_of(without_severity if alone else {"": key})
    wait, interval = _timing(branch, alone=alone, critical=labels.get("severity") == "critical")
    repeat = branch.repeat_interval
    return Target(receiver, key, shared, f"{receiver}:{group_id}", wait, interval, repeat, send_resolved, alone)


def _timing(branch: _Branch, *, alone: bool, critical: bool) -> tuple[float, float]:
    """`group_wait` and `group_interval` in seconds. Default: Alertmanager's, but 0 for critical and ungrouped
    alerts."""
    at_once = alone or critical
    wait = branch.group_wait if branch.group_wait is not None else 0.0 if at_once else GROUP_WAIT_S
    interval = branch.group_interval if branch.group_interval is not None else 0.0 if at_once else GROUP_INTERVAL_S
    return wait, interval
