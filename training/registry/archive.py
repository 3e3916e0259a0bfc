"""Setting registered versions aside: they stay in MLflow, and are neither promoted nor rolled back to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from contracts.audit import AuditEvent
from contracts.settings import Settings
from models.registry.client import ARCHIVED_TAG
from training.registry.promotion import PromotionError, aliases_of, keep_event, now, registered
from training.tracking import connected

_WHY_TAG: Final = "archived_why"


class Archived(NamedTuple):
    """What was done to a version."""

    version: str
    aliases: tuple[str, ...]
    """Those that it lost."""


Event = Callable[[Archived], AuditEvent]


def archive(settings: Settings, which: str, why: str, event: Event | None = None) -> Archived:
    """Take a version's aliases and note that it is not to serve.

    Args:
        which: a version number or an alias.
        why: kept as a tag of the version.
        event: what to keep about it for the topic `audit`, before it is done (`training.registry.unsent`).

    Raises:
        Unavailable: MLflow cannot be reached.
        PromotionError: there is no such version, it serves, or it is archived already.
    """
    with connected(settings) as mlflow:
        client, name = mlflow.MlflowClient(), settings.mlflow.model_name
        version, tags = registered(client, settings, which)
        aliases = aliases_of(client, settings).get(version, ())
        if settings.mlflow.alias in aliases:
            raise PromotionError(f"version {version} is the champion: promote another one or roll back first")
        if ARCHIVED_TAG in tags:
            raise PromotionError(f"version {version} is archived since {tags[ARCHIVED_TAG]}")
        done = Archived(version, aliases)
        if event is not None:
            keep_event(client, settings, event(done))
        client.set_model_version_tag(name, version, _WHY_TAG, why[:500])
        client.set_model_version_tag(name, version, ARCHIVED_TAG, now())
        for alias in aliases:
            client.delete_registered_model_alias(name, alias)
    return done


def restore(settings: Settings, which: str, event: Event | None = None) -> Archived:
    """Undo `archive`; the aliases stay lost. `event` is as there.

    Raises:
        Unavailable: MLflow cannot be reached.
        PromotionError: there is no such version, or it is not archived.
    """
    with connected(settings) as mlflow:
        client, name = mlflow.MlflowClient(), settings.mlflow.model_name
        version, tags = registered(client, settings, which)
        if ARCHIVED_TAG not in tags:
            raise PromotionError(f"version {version} is not archived")
        done = Archived(version, ())
        if event is not None:
            keep_event(client, settings, event(done))
        for tag in (ARCHIVED_TAG, _WHY_TAG):
            if tag in tags:
                client.delete_model_version_tag(name, version, tag)
    return done
