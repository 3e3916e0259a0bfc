"""Giving the challenger of a canary the champion's alias, if the gate lets it pass."""

from __future__ import annotations

from contextlib import closing

from contracts.errors import ArtefactError, BuzzwatchError
from contracts.settings import Settings
from learning.rollout.state import TrialState
from models.registry.client import Registry
from training.registry.promotion import PromotionError, promote
from training.registry.promotion_gate import GateRefused


class PromotionRefused(BuzzwatchError):
    """The gate does not let it pass, or it cannot serve. Says why."""


def promote_challenger(settings: Settings, state: TrialState) -> None:
    """All workers and APIs serve it within seconds; a rollback goes back to the champion before.

    Judged tweets of the stream have said that it is better; the gate of `buzzwatch models promote` asks that it is
    worse on no held-out set and slice, too.

    Raises:
        Unavailable: MLflow cannot be reached.
        PromotionRefused: it is worse somewhere, cannot be compared, cannot be loaded, or is gone.
    """
    with closing(Registry(settings.mlflow)) as registry:
        if registry.champion().version == state.version:
            return  # promoted already, by a worker that died before it could note it
    try:
        promote(settings, state.version, tags={"trial": state.id})
    except (GateRefused, PromotionError, ArtefactError) as error:
        raise PromotionRefused(str(error)) from None
