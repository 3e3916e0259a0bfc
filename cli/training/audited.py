"""What commands do to models goes to the topic `audit`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from cli.output.audited import record_event
from contracts.audit import Figure, model_subject
from contracts.settings import Settings


def record(
    settings: Settings,
    what: str,
    version: str,
    why: str = "",
    figures: Mapping[str, Figure] | None = None,
    *,
    who: str | None = None,
    event_id: uuid.UUID | None = None,
) -> None:
    """Write an event about a registered version; what hinders it is one line on standard error, never an error."""
    subject = model_subject(settings.mlflow.model_name, version)
    record_event(settings, what, subject, why, figures, who=who, event_id=event_id)
