"""What commands do to models goes to the topic `audit`."""

from __future__ import annotations

from collections.abc import Mapping

from cli.output.console import current_user, print_error
from contracts.audit import AuditEvent, Figure, model_subject, shortened
from contracts.settings import Settings
from stream.kafka.audit import AuditLog


def record(
    settings: Settings, what: str, version: str, why: str = "", figures: Mapping[str, Figure] | None = None
) -> None:
    """Write an event about a registered version; what hinders it is one line on standard error, never an error."""
    event = AuditEvent(
        who=current_user()[:200] or "unknown",
        what=what,
        subject=model_subject(settings.mlflow.model_name, version),
        why=shortened(why),
        figures=dict(figures or {}),
    )
    problem = AuditLog(settings).record(event)
    if problem is not None:
        print_error(f"done, but not yet on the audit topic: {problem}")
