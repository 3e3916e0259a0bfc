"""What receivers are told about a trial: one message for one change of state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import redis

from alerts.grouping.announcement import announce
from contracts.audit import AuditEvent, shown_figure
from contracts.rules.schema import Rules
from contracts.settings import Settings
from contracts.times import clock_ms, to_ms

ALERTNAME: Final = "ModelTrial"
_WARN: Final = ("rolled_back", "refused")


def labels_of(event: AuditEvent) -> dict[str, str]:
    """By which the rules file routes it."""
    severity = "warning" if event.what.endswith(_WARN) else "info"
    return {"alertname": ALERTNAME, "severity": severity, "model_version": _version(event)}


def annotations_of(event: AuditEvent) -> dict[str, str]:
    """What it says."""
    figures = "; ".join(f"{name} {shown_figure(value)}" for name, value in event.figures.items() if value is not None)
    lines = [event.why and f"Why: {event.why}.", f"By {event.who}.", figures and f"Figures: {figures}."]
    return {"summary": _summary(event), "description": " ".join(line for line in lines if line), "change": event.what}


def _summary(event: AuditEvent) -> str:
    version, share = _version(event), event.figures.get("share")
    phase, _, change = event.what.partition(".")
    if change == "promoted":
        return f"Model version {version} is the champion now"
    if change == "rolled_back":
        return f"Model version {version} was rolled back: the champion answers everything"
    if change == "refused":
        return f"Model version {version} waits for a person: the gate refuses its promotion"
    if change == "stopped":
        return f"The trial of model version {version} has ended"
    if isinstance(share, float):
        return f"Model version {version} answers {share:.0%} of the tweets now"
    return f"Model version {version} is on trial ({phase})"


def _version(event: AuditEvent) -> str:
    return event.subject.rpartition(" ")[2]


def announcer(client: redis.Redis, settings: Settings, rules: Callable[[], Rules]) -> Callable[[AuditEvent], None]:
    """What puts a change into the outbox, once however often it is called.

    Args:
        rules: those of the rules file now.
    """

    def announce_change(event: AuditEvent) -> None:
        announce(
            client, settings, rules(), labels_of(event), annotations_of(event),
            at_ms=to_ms(event.when), now_ms=clock_ms(),
        )  # fmt: skip

    return announce_change
