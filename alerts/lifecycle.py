"""From what a rule says now and what was before to what is stored and what is told. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from alerts.alert import Alert, Transition


class Step(NamedTuple):
    """The alert afterwards (None: there is none) and, when it began or ceased to fire, what to tell."""

    alert: Alert | None
    transition: Transition | None


def advance(
    before: Alert | None,
    *,
    active: bool,
    now_ms: int,
    for_s: float = 0.0,
    keep_firing_for_s: float,
    begin: Callable[[], Alert],
) -> Step:
    """One evaluation: nothing → pending → firing → resolved, as in Prometheus.

    A pending alert tells nobody. When the condition stops holding it is gone without a trace: the step has neither
    alert nor transition, and the caller has `AlertStore.forget` it.

    Args:
        before: the pending or firing alert, None when there is none.
        active: whether the condition holds now.
        now_ms: event time of the evaluation.
        for_s: how long the condition must hold before the alert fires; it fires at once when that is 0.
        keep_firing_for_s: how long the condition must stay untrue before the alert resolves.
        begin: makes the alert when the condition begins to hold, and once more when it fires after `for_s`, so that
            its explanation is the newest; its start stays what it was.
    """
    if before is None:
        if not active:
            return Step(None, None)
        alert = begin()
        if for_s > 0:
            return Step(msgspec.structs.replace(alert, active_since_ms=now_ms), None)
        return Step(alert, Transition("firing", alert))
    if before.active_since_ms is not None:
        if not active:
            return Step(None, None)
        if now_ms - before.active_since_ms < for_s * 1000:
            return Step(before, None)
        alert = msgspec.structs.replace(
            begin(), starts_at_ms=before.starts_at_ms, acknowledgement=before.acknowledgement
        )
        return Step(alert, Transition("firing", alert))
    if active:
        if before.inactive_since_ms is None:
            return Step(before, None)
        return Step(msgspec.structs.replace(before, inactive_since_ms=None), None)
    since = now_ms if before.inactive_since_ms is None else before.inactive_since_ms
    if now_ms - since < keep_firing_for_s * 1000:
        if before.inactive_since_ms is not None:
            return Step(before, None)
        return Step(msgspec.structs.replace(before, inactive_since_ms=since), None)
    return Step(None, Transition("resolved", resolved(before, now_ms)))


def resolved(alert: Alert, now_ms: int) -> Alert:
    """The alert at its end, which is after its start whatever the clocks say."""
    return msgspec.structs.replace(alert, ends_at_ms=max(now_ms, alert.starts_at_ms + 1), inactive_since_ms=None)
