"""When a retraining is due. Never for class shares or volumes: a crisis is no reason to retrain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from alerts.state.alert import Alert
from contracts.learning.settings import LearningSettings
from contracts.settings import Settings
from learning.labels.resolution import Label
from training.registry.promotion import CHALLENGER
from training.registry.register import RETRAINING_TAGS
from training.tracking import connected

FEWEST_NEW: Final = 100
"""New labels without which no trigger holds: there would be nothing to learn."""
ACCURACY_KINDS: Final = frozenset({"accuracy"})
"""Kinds of rules whose alerts say that the model is worse."""


@dataclass(frozen=True)
class Due:
    """Whether a retraining is due, and why."""

    reasons: list[str]
    new_labels: int
    held_back: str | None
    """Why it waits although there are reasons."""

    @property
    def now(self) -> bool:
        """Retrain now."""
        return bool(self.reasons) and self.held_back is None


def is_due(
    labels: Sequence[Label],
    learnt_until: datetime | None,
    firing: Iterable[Alert],
    settings: LearningSettings,
    now: datetime,
    worse: Sequence[str] = (),
) -> Due:
    """Look at the triggers.

    Args:
        labels: those that hold.
        learnt_until: the newest label that champion or challenger learnt from; None: from none.
        firing: alerts that fire.
        worse: why the model is taken to be worse without them, as `learning.estimate.findings.Findings.model` says.
    """
    new = [label for label in labels if learnt_until is None or label.created_at > learnt_until]
    alerts = list(firing)
    reasons = []
    if len(new) >= FEWEST_NEW:
        if len(new) >= settings.retrain_after:
            reasons.append(f"{len(new):,} new labels ({settings.retrain_after:,} are enough)")
        wrong = sorted({alert.labels.get("alertname", alert.kind) for alert in alerts if alert.kind in ACCURACY_KINDS})
        reasons += [f"the alert {name} fires: the model is worse than it was" for name in wrong]
        reasons += [f"the model is worse: {line}" for line in worse]
        reasons += _calendar(new, learnt_until, now, timedelta(days=settings.retrain_every_days))
    crises = sorted({alert.labels.get("watch", "?") for alert in alerts if alert.kind == "bad_buzz"})
    held = None
    if crises:
        held = f"a bad buzz about {', '.join(crises)} fires: what is said now is of the crisis; it waits for its end"
    return Due(reasons, len(new), held if reasons else None)


def _calendar(new: Sequence[Label], learnt_until: datetime | None, now: datetime, every: timedelta) -> list[str]:
    since = min(label.created_at for label in new) if learnt_until is None else learnt_until
    if now - since < every:
        return []
    days = (now - since).days
    if learnt_until is None:
        return [f"{days} days since the oldest label, and no model has learnt from any"]
    return [f"{days} days since the newest label that was learnt from"]


def learnt_until(settings: Settings) -> datetime | None:
    """The newest label that the champion or the challenger learnt from; None when neither learnt from any.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    name, tag = settings.mlflow.model_name, RETRAINING_TAGS["labels_until"]
    with connected(settings) as mlflow:
        client = mlflow.MlflowClient()
        found = client.search_registered_models(f"name = '{name}'")
        aliases = found[0].aliases if found else {}
        aliased = {str(aliases[alias]) for alias in (settings.mlflow.alias, CHALLENGER) if alias in aliases}
        versions = client.search_model_versions(f"name = '{name}'")
    moments = [
        datetime.fromisoformat(one.tags[tag]) for one in versions if str(one.version) in aliased and tag in one.tags
    ]
    return max(moments, default=None)
