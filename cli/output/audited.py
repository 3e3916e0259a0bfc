"""What commands do goes to the topic `audit`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from cli.output.console import current_user, print_error
from contracts.audit import AuditEvent, Figure, shortened
from contracts.settings import Settings
from stream.kafka.audit import AuditLog

_PATIENCE_S = 2.0


def record_event(
    settings: Settings,
    what: str,
    subject: str,
    why: str = "",
    figures: Mapping[str, Figure] | None = None,
    *,
    who: str | None = None,
    event_id: uuid.UUID | None = None,
) -> None:
    """Write that somebody did something; what hinders it is one line on standard error, never an error.

    Args:
        settings: name Kafka.
        what: such as `key.created`.
        subject: to what, such as `key 3f9a1c02b7de`.
        why: the reason.
        figures: what else is worth knowing.
        who: by default the system's user.
        event_id: of an event that may be written more than once.
    """
    event = AuditEvent(
        id=event_id or uuid.uuid4(),
        who=(who or current_user())[:200] or "unknown",
        what=what,
        subject=subject,
        why=shortened(why),
        figures=dict(figures or {}),
    )
    problem = AuditLog(settings, timeout_s=_PATIENCE_S).record(event)
    if problem is not None:
        print_error(f"done, but not yet on the audit topic: {problem}")
