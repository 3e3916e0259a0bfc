"""Events about changes of models that are not on the topic `audit` yet.

Each is a tag of the registered model, written before the change (`promotion.keep_event`), so that no crash loses it,
and looked at after it, so that nothing is reported that was not done. It is taken away once the topic has it; a crash
before that sends it twice, with the same id.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from contracts.audit import AuditEvent, decode_audit, shortened
from contracts.errors import UnreadableRecord
from contracts.settings import Settings
from models.registry.client import ARCHIVED_TAG, EVENT_TAG, SERVED_TAG
from training.registry.promotion import aliases_of, holder
from training.tracking import connected

_AT_WORK: Final = timedelta(minutes=10)
"""So long a change that is not seen yet may be one that another command is making."""


def unsent_events(settings: Settings) -> list[AuditEvent]:
    """The events to send, the oldest first; those of changes that came to nothing are forgotten.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    with connected(settings) as mlflow:
        client, name = mlflow.MlflowClient(), settings.mlflow.model_name
        found = client.search_registered_models(f"name = '{name}'")
        kept = {key: text for one in found for key, text in one.tags.items() if key.startswith(EVENT_TAG)}
        if not kept:
            return []
        known = {str(one.version): one.tags for one in client.search_model_versions(f"name = '{name}'")}
        champion = holder(aliases_of(client, settings), settings.mlflow.alias)
        events = []
        for key, text in kept.items():
            event = _readable(text)
            made = False if event is None else _was_made(event, champion, known)
            if event is not None and made:
                events.append(event)
            elif event is not None and event.when > datetime.now(UTC) - _AT_WORK:
                continue  # another command may be at it
            elif event is not None and made is None:
                why = shortened(f"begun, and not known whether it took effect: {event.why}")
                events.append(event.model_copy(update={"why": why}))
            else:
                client.delete_registered_model_tag(name, key)
    return sorted(events, key=lambda event: event.when)


def forget_event(settings: Settings, event: AuditEvent) -> None:
    """The topic has it.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    with connected(settings) as mlflow:
        mlflow.MlflowClient().delete_registered_model_tag(settings.mlflow.model_name, f"{EVENT_TAG}{event.id}")


def _readable(text: str) -> AuditEvent | None:
    try:
        return decode_audit(text.encode())
    except UnreadableRecord:  # somebody's edit
        return None


def _was_made(event: AuditEvent, champion: str | None, known: Mapping[str, Mapping[str, Any]]) -> bool | None:
    """Whether the change is there to be seen; None where others since may have hidden it."""
    version = event.subject.rpartition(" ")[2]
    tags = known.get(version)
    if tags is None:
        return None
    if event.what in ("model.archived", "model.restored"):
        return (ARCHIVED_TAG in tags) == (event.what == "model.archived")
    if champion == version or tags.get(SERVED_TAG, "") >= event.when.isoformat(timespec="milliseconds"):
        return True
    return False if champion == event.figures.get("replaced") else None
