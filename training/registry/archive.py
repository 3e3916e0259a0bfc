"""Setting registered versions aside: they stay in MLflow, and are neither promoted nor rolled back to."""

from __future__ import annotations

from typing import Final, NamedTuple

from contracts.settings import Settings
from training.registry.promotion import ARCHIVED_TAG, PromotionError, aliases_of, now, registered
from training.tracking import connected

_WHY_TAG: Final = "archived_why"


class Archived(NamedTuple):
    """What was done to a version."""

    version: str
    aliases: tuple[str, ...]
    """Those that it lost."""


def archive(settings: Settings, which: str, why: str) -> Archived:
    """Take a version's aliases and note that it is not to serve.

    Args:
        which: a version number or an alias.
        why: kept as a tag of the version.

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
        client.set_model_version_tag(name, version, _WHY_TAG, why[:500])
        client.set_model_version_tag(name, version, ARCHIVED_TAG, now())
        for alias in aliases:
            client.delete_registered_model_alias(name, alias)
    return Archived(version, aliases)


def restore(settings: Settings, which: str) -> Archived:
    """Undo `archive`; the aliases stay lost.

    Raises:
        Unavailable: MLflow cannot be reached.
        PromotionError: there is no such version, or it is not archived.
    """
    with connected(settings) as mlflow:
        client, name = mlflow.MlflowClient(), settings.mlflow.model_name
        version, tags = registered(client, settings, which)
        if ARCHIVED_TAG not in tags:
            raise PromotionError(f"version {version} is not archived")
        for tag in (ARCHIVED_TAG, _WHY_TAG):
            if tag in tags:
                client.delete_model_version_tag(name, version, tag)
    return Archived(version, ())
