"""From a rule's condition now and the alert before to the alert to store and the change to send. Pure, but it logs."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from alerts.state.alert import SEVERITIES, Alert, Transition
from contracts.rules.schema import BadBuzz, BaseRule, Severity

_QUOTES: Final = re.compile(r"viral|top_terms|sample_\d+")
"""Annotations that say what people wrote; others, also a rule's own, may quote these."""
_log: Final = logging.getLogger("buzzwatch.alerts")

EXPLAINED_FOR_MS: Final = 60_000
"""How long the annotations of a firing alert count as current."""


class Step(NamedTuple):
    """The alert afterwards (None: there is none) and, when it began or ceased to fire, that change."""

    alert: Alert | None
    transition: Transition | None


def advance(
    before: Alert | None,
    *,
    active: bool,
    now_ms: int,
    for_s: float = 0.0,
    settle_s: float = 0.0,
    keep_firing_for_s: float,
    begin: Callable[[], Alert],
) -> Step:
    """One evaluation: nothing → pending → firing → resolved, as in Prometheus.

    A pending alert sends nothing. When its condition stops holding before `for_s` it disappears: the step has neither
    alert nor transition, and the caller has `AlertStore.forget` it. Once it has held for `for_s` the alert fires
    whatever follows; while its severity settles only the notification waits.

    Args:
        before: the pending or firing alert, None when there is none.
        active: whether the condition holds now.
        now_ms: when it is evaluated; the durations are counted on this clock.
        for_s: how long the condition must hold before the alert fires; it fires at once when that is 0.
        settle_s: it does not fire sooner than so long after its begin; but when it is over before, it fires then.
        keep_firing_for_s: how long the condition must stay untrue before the alert resolves.
        begin: makes the alert when the condition begins to hold, and once more when it fires after `for_s`, so that
            its explanation is the newest; its start stays what it was.
    """
    if before is None:
        if not active:
            return Step(None, None)
        alert = begin()
        if for_s > 0 or settle_s > 0:
            return Step(msgspec.structs.replace(alert, active_since_ms=now_ms, is_settling=for_s <= 0), None)
        return Step(alert, Transition("firing", alert))
    if before.active_since_ms is not None:
        waited_ms = now_ms - before.active_since_ms
        if not active and not before.is_settling:
            return Step(None, None)
        seen = _seen(before, now_ms, active=active)
        if waited_ms < for_s * 1000 and not before.is_settling:
            return Step(seen, None)
        if waited_ms < settle_s * 1000 and not _is_over(seen, now_ms, keep_firing_for_s):
            return Step(seen if seen.is_settling else msgspec.structs.replace(seen, is_settling=True), None)
        if active:
            newest = begin()
            seen = msgspec.structs.replace(
                newest, starts_at_ms=before.starts_at_ms, link=before.link, acknowledgement=before.acknowledgement
            )
        # Without the condition it keeps the annotations of when it last held.
        alert = msgspec.structs.replace(seen, active_since_ms=None, is_settling=False)
        return Step(alert, Transition("firing", alert))
    seen = _seen(before, now_ms, active=active)
    if not _is_over(seen, now_ms, keep_firing_for_s):
        return Step(seen, None)
    return Step(None, Transition("resolved", resolved(before, now_ms)))


def _seen(before: Alert, now_ms: int, *, active: bool) -> Alert:
    """The alert with since when its condition does not hold; the same object where nothing is new."""
    if active == (before.inactive_since_ms is None):
        return before
    return msgspec.structs.replace(before, inactive_since_ms=None if active else now_ms)


def _is_over(alert: Alert, now_ms: int, keep_firing_for_s: float) -> bool:
    return alert.inactive_since_ms is not None and now_ms - alert.inactive_since_ms >= keep_firing_for_s * 1000


def settles_for_s(rule: BaseRule, severity: Severity | None) -> float:
    """How long the first notification of an alert of this severity waits while the score may still raise it."""
    if not isinstance(rule, BadBuzz) or severity is None or severity == SEVERITIES[-1]:
        return 0.0
    return rule.severity_settle


def highest(severity: Severity | None, before: Alert | None, *, active: bool) -> Severity | None:
    """The severity that counts now: while an alert is pending it only rises, and only while its condition holds. None
    where it does not follow from the score."""
    if severity is None or before is None or before.state != "pending":
        return severity
    known = [one for one in SEVERITIES if one == before.labels["severity"]]
    return max([severity, *known] if active or not known else known, key=SEVERITIES.index)


def relabelled(before: Alert, now: Alert) -> Alert:
    """A pending alert whose severity has risen: under its new labels, and as it is explained now, still the same."""
    return msgspec.structs.replace(
        now,
        active_since_ms=before.active_since_ms,
        is_settling=before.is_settling,
        acknowledgement=before.acknowledgement,
    )


def resolved(alert: Alert, now_ms: int) -> Alert:
    """The alert at its end, which is after its start even if a clock was put back."""
    return msgspec.structs.replace(alert, ends_at_ms=max(now_ms, alert.starts_at_ms + 1), inactive_since_ms=None)


def is_stale(alert: Alert, now_ms: int) -> bool:
    """Whether an alert fires with annotations older than a minute (or from the future, when a clock was put back)."""
    return alert.state == "firing" and not 0 <= now_ms - alert.explained_ms < EXPLAINED_FOR_MS


def renewed(alert: Alert, *, value: float, annotations: Mapping[str, str], now_ms: int) -> Alert:
    """The same alert with new value and annotations. No change of state: nothing is sent, and labels and start stay."""
    return msgspec.structs.replace(alert, value=value, annotations=dict(annotations), explained_ms=now_ms)


def is_worse(severity: Severity | None, before: Alert) -> bool:
    """Whether an alert fires that is milder than `severity` (None: the rule does not leave it to the score)."""
    known = before.labels["severity"]
    if severity is None or before.state != "firing" or known not in SEVERITIES:
        return False
    return SEVERITIES.index(severity) > SEVERITIES.index(known)


def raised(before: Alert, worse: Alert, now_ms: int) -> tuple[Transition, Transition]:
    """The severity has risen. It is a label, and labels identify an alert: so the milder one ends, as in Prometheus,
    and one with the higher severity continues from the same start.

    Args:
        worse: the alert as it is explained now, with the higher severity.
    """
    annotations = {**before.annotations, "description": f"Raised to {worse.labels['severity']}."}
    over = msgspec.structs.replace(resolved(before, now_ms), annotations=annotations)
    # The acknowledgement stays.
    return Transition("resolved", over), Transition(
        "firing", msgspec.structs.replace(worse, acknowledgement=before.acknowledgement)
    )


def report(transitions: Iterable[Transition]) -> None:
    """One line per change with its numbers: ERROR when it fires, INFO when it is over. It quotes nobody."""
    for status, alert in transitions:
        level = logging.ERROR if status == "firing" else logging.INFO
        annotations = alert.annotations
        explanation = ": ".join(annotations[name] for name in ("summary", "description") if name in annotations)
        for name in sorted(filter(_QUOTES.match, annotations), key=lambda name: -len(annotations[name])):
            if annotations[name]:
                explanation = explanation.replace(annotations[name], "…")
        _log.log(level, "alert %s %s: %s", status, alert.name, explanation)
