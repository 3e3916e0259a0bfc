"""What a person does with a trial: begin a shadow or a canary, end it, see what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Final, Literal

from contracts.errors import BuzzwatchError
from contracts.settings import Settings
from contracts.times import clock_ms
from learning.rollout.decide import Change, Facts, begin, end, to_canary, waits_for
from learning.rollout.state import Phase, RolloutStatus, TrialState, TrialStore
from models.registry.client import RegisteredVersion, Registry

ActivePhase = Literal["shadow", "canary"]
_TRIES: Final = 20
"""Workers change the trial, too: who was overtaken looks again."""


class TrialError(BuzzwatchError):
    """A trial cannot be changed so. Says why and what to do."""


def start_shadow(settings: Settings, store: TrialStore, wanted: str, who: str, why: str) -> TrialState:
    """Let a version score beside the champion, unseen.

    Args:
        wanted: a version number or an alias.

    Raises:
        TrialError: another one is on trial, or it is the champion or archived.
        Unavailable: MLflow cannot be reached, or has no such version.
    """
    return _begin(settings, store, wanted, "shadow", who, why).state


def start_canary(settings: Settings, store: TrialStore, wanted: str, who: str, why: str) -> TrialState:
    """Let a version answer the first step's share of the tweets; a shadow of the same version goes over into it.

    Raises as `start_shadow`.
    """
    share = settings.rollout.steps[0].share

    def next_of(state: TrialState | None) -> Change | None:
        if state is None or not state.active:
            return None
        version = _registered(settings, wanted)
        if state.phase != "shadow" or (state.version, state.origin) != (version.version, version.origin):
            raise TrialError(_busy(state))
        return to_canary(state, store.counts(state.id), who, why, clock_ms(), share)

    return _changed(store, next_of) or _begin(settings, store, wanted, "canary", who, why, share).state


def end_trial(store: TrialStore, phase: ActivePhase, who: str, why: str) -> TrialState:
    """End a shadow, or roll a canary back: the champion answers everything again within seconds.

    Raises:
        TrialError: there is none of this phase.
    """
    to: Phase = "stopped" if phase == "shadow" else "rolled back"

    def next_of(state: TrialState | None) -> Change | None:
        if state is None or state.phase != phase:
            return None
        return end(state, to, who, why, clock_ms(), store.counts(state.id))

    ended = _changed(store, next_of)
    if ended is None:
        raise TrialError(f"there is no {phase} to end; see `buzzwatch models {phase} status`")
    return ended


def note_promoted(store: TrialStore, trial: str, who: str, why: str) -> None:
    """End a trial whose challenger has been given the champion's alias, unless a worker has seen that already."""

    def next_of(state: TrialState | None) -> Change | None:
        if state is None or not state.active or state.id != trial:
            return None
        return end(state, "promoted", who, why, clock_ms(), store.counts(trial))

    _changed(store, next_of)


def _changed(store: TrialStore, next_of: Callable[[TrialState | None], Change | None]) -> TrialState | None:
    """The state after the change that `next_of` makes of the present one; None when it makes none."""
    for _ in range(_TRIES):
        revision, state = store.read()
        change = next_of(state)
        if change is None or store.change(revision, change.state, change.event):
            return None if change is None else change.state
    raise TrialError("the trial changes all the time; try again")


def share_of(state: TrialState, settings: Settings) -> float:
    """Which part of the tweets the challenger answers."""
    steps = settings.rollout.steps
    return steps[min(state.step, len(steps) - 1)].share if state.phase == "canary" else 0.0


def still_missing(status: RolloutStatus, settings: Settings) -> list[str]:
    """What a canary waits for before its next step, or its promotion, in words."""
    state = status.state
    if state is None or state.phase != "canary":
        return []
    judged = next((one["n"] for one in status.verdicts if one["metric"] == "accuracy"), 0)
    facts = Facts(clock_ms(), None, status.counts)
    left = settings.rollout.canary_judged - judged
    missing = [one for one in waits_for(state, facts, settings.rollout) if "judged" not in one]
    missing += [f"{left:,} more judged tweets"] if left > 0 else []
    if state.refused:
        return ["a person: the gate refuses its promotion (`models canary promote --force REASON`, or `abort`)"]
    if not missing and state.step + 1 == len(settings.rollout.steps):
        missing = ["a verdict that it is better, or `buzzwatch models canary promote`"]
    return missing


def _registered(settings: Settings, wanted: str) -> RegisteredVersion:
    with closing(Registry(settings.mlflow)) as registry:
        return _to_try(registry, wanted)


def _to_try(registry: Registry, wanted: str) -> RegisteredVersion:
    version = registry.named(wanted)
    if (since := registry.archived_at(version)) is not None:
        number = version.version
        raise TrialError(
            f"version {number} is archived since {since}: `buzzwatch models archive {number} --undo` first"
        )
    return version


def _begin(
    settings: Settings, store: TrialStore, wanted: str, phase: Phase, who: str, why: str, share: float = 0.0
) -> Change:
    with closing(Registry(settings.mlflow)) as registry:
        version, champion = _to_try(registry, wanted), registry.champion()
    if version.version == champion.version:
        raise TrialError(f"version {version.version} is the champion: a trial is of another one")
    revision, state = store.read()
    if state is not None and state.active:
        raise TrialError(_busy(state))
    change = begin(version, champion.version, phase, who, why, clock_ms(), share)
    if not store.change(revision, change.state, change.event):
        raise TrialError("somebody else has begun a trial at this moment; see `buzzwatch models canary status`")
    return change


def _busy(state: TrialState) -> str:
    how = "models shadow stop" if state.phase == "shadow" else "models canary abort"
    return f"version {state.version} is on trial ({state.phase}): end that first with `buzzwatch {how}`"
