"""Giving the challenger of a canary the champion's alias."""

from __future__ import annotations

from contracts.settings import Settings
from learning.rollout.state import TrialState
from training.registry.promotion import move_champion, registered
from training.tracking import connected


def promote_challenger(settings: Settings, state: TrialState) -> None:
    """All workers and APIs serve it within seconds; a rollback goes back to the champion before.

    Raises:
        Unavailable: MLflow cannot be reached. PromotionError: the version is gone.
    """
    with connected(settings) as mlflow:
        client = mlflow.MlflowClient()
        name, alias = settings.mlflow.model_name, settings.mlflow.alias
        version, _ = registered(client, settings, state.version)
        if str(client.get_model_version_by_alias(name, alias).version) != version:
            move_champion(client, settings, version, {"trial": state.id})
