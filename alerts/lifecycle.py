"""From what a rule says now and what was before to what is stored and what is told. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from alerts.alert import Alert, Transition


class Step(NamedTuple):
    """The alert afterwards (None: nothing fires) and, when that changed, what to tell."""

    alert: Alert | None
    transition: Transition | None


def advance(
    previous: Alert | None,
    *,
    active: bool,
    now_ms: int,
    keep_firing_for_s: float,
    begin: Callable[[], Alert],
) -> Step:
    """One evaluation.

    Args:
        previous: the firing alert, None when nothing fires.
        active: whether the condition holds now.
        now_ms: event time of the evaluation.
        keep_firing_for_s: how long the condition must stay untrue before the alert resolves.
        begin: makes the alert when it starts to fire.
    """
    if previous is None:
        if not active:
            return Step(None, None)
        alert = begin()
        return Step(alert, Transition("firing", alert))
    if active:
        if previous.inactive_since_ms is None:
            return Step(previous, None)
        return Step(msgspec.structs.replace(previous, inactive_since_ms=None), None)
    since = now_ms if previous.inactive_since_ms is None else previous.inactive_since_ms
    if now_ms - since < keep_firing_for_s * 1000:
        if previous.inactive_since_ms is not None:
            return Step(previous, None)
        return Step(msgspec.structs.replace(previous, inactive_since_ms=since), None)
    return Step(None, Transition("resolved", resolved(previous, now_ms)))


def resolved(alert: Alert, now_ms: int) -> Alert:
    """The alert at its end, which is after its start whatever the clocks say."""
    return msgspec.structs.replace(alert, ends_at_ms=max(now_ms, alert.starts_at_ms + 1), inactive_since_ms=None)
