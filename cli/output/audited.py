"""What commands do goes to the topic `audit`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager

import redis

from alerts.storage.audit_waiting import WaitingEvents
from alerts.storage.connection import connect
from cli.output.console import current_user, print_error
from contracts.audit import AuditEvent, Figure, shortened
from contracts.settings import Settings
from stream.kafka.audit import AuditLog

_PATIENCE_S = 2.0


def audit_event(
    what: str,
    subject: str,
    why: str = "",
    figures: Mapping[str, Figure] | None = None,
    *,
    who: str | None = None,
    event_id: uuid.UUID | None = None,
) -> AuditEvent:
    """That somebody does something.

    Args:
        what: such as `key.created`.
        subject: to what, such as `key 3f9a1c02b7de`.
        why: the reason.
        figures: what else is worth knowing.
        who: by default the system's user.
        event_id: of an event that may be written more than once.

    Raises:
        UnicodeEncodeError: an argument of the command was no text; `cli.main` says which.
    """
    for text in (subject, why, who or "", *(figures or {}).values()):
        if isinstance(text, str):
            text.encode()
    return AuditEvent(
        id=event_id or uuid.uuid4(),
        who=(who or current_user())[:200],
        what=what,
        subject=subject,
        why=shortened(why),
        figures=dict(figures or {}),
    )


def kept(client: redis.Redis, settings: Settings, event: AuditEvent) -> AbstractContextManager[None]:
    """Keeps an event in Redis while what it tells of is done there; `send_kept` sends it."""
    return WaitingEvents(client, settings).keeping(event)


def send_kept(settings: Settings, event: AuditEvent) -> None:
    """Write what was done, and what else waits in Redis, to the topic; what hinders it is one line, never an error."""
    with connect(settings) as client:
        problem = AuditLog(settings, timeout_s=_PATIENCE_S, stored=WaitingEvents(client, settings)).record(event)
    if problem is not None:
        print_error(f"done, but not yet on the audit topic: {problem}")


def send_event(settings: Settings, event: AuditEvent) -> bool:
    """Write what was done to the topic; what hinders it is one line on standard error, never an error.

    Returns:
        Whether the topic has it, or the file of those that wait for it.
    """
    log = AuditLog(settings, timeout_s=_PATIENCE_S)
    problem = log.record(event)
    if problem is not None:
        print_error(f"done, but not yet on the audit topic: {problem}")
    return problem is None or log.waiting.exists()
