"""What becomes of a trial: pure rules of its state, of what was counted and judged, and of the time.

They are looked at in this order, in every phase, so that nothing waits for anybody: a challenger is rolled back
while its step lasts, and while it waits for a person to promote it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from contracts.audit import AuditEvent, Figure, audit_id, model_subject, shortened
from contracts.learning.rollout import RolloutSettings
from learning.rollout.state import Counts, Phase, TrialState
from learning.rollout.verdict import Verdict
from models.registry.client import RegisteredVersion

_ENOUGH_TIMED: Final = 100
"""Texts from which a mean time is one."""


@dataclass(frozen=True)
class Facts:
    """What is known at a moment."""

    now_ms: int
    champion: str | None
    """The version that serves; None where none does."""
    counts: Counts
    verdicts: Sequence[Verdict] = ()
    streak: int = 0


@dataclass(frozen=True)
class Change:
    """The next state, and the event about it."""

    state: TrialState
    event: AuditEvent
    promotes: bool = False
    """The challenger is to be given the champion's alias first."""


def begin(
    version: RegisteredVersion, champion: str, phase: Phase, who: str, why: str, now_ms: int, share: float = 0.0
) -> Change:
    """A new trial."""
    state = TrialState(
        id=uuid.uuid4().hex[:12], phase=phase, name=version.name, version=version.version, origin=version.origin,
        champion=champion, who=who, started_ms=now_ms, step_ms=now_ms, why=why,
    )  # fmt: skip
    return _change(state, f"{phase}.started", who, why, {"champion": champion} | ({"share": share} if share else {}))


def to_canary(state: TrialState, counts: Counts, who: str, why: str, now_ms: int, share: float) -> Change:
    """From shadow to the first step."""
    after = replace(state, phase="canary", step=0, step_ms=now_ms, answered=counts.answered, who=who, why=why)
    return _change(after, "canary.started", who, why, {"share": share, **figures_of(counts)})


def end(state: TrialState, phase: Phase, who: str, why: str, now_ms: int, counts: Counts) -> Change:
    """The trial is over, by a person or by itself."""
    what = f"{'canary' if state.phase == 'canary' else 'shadow'}.{phase.replace(' ', '_')}"
    return _change(replace(state, phase=phase, step_ms=now_ms, who=who, why=why), what, who, why, figures_of(counts))


def refuse(state: TrialState, why: str, who: str, counts: Counts) -> Change:
    """It was to be promoted, and the gate does not let it pass: it stays where it is and waits for a person."""
    after = replace(state, refused=why, who=who, why=f"the gate refuses its promotion: {why}")
    return _change(after, "canary.refused", who, after.why, figures_of(counts))


def next_change(state: TrialState, facts: Facts, settings: RolloutSettings, who: str) -> Change | None:
    """The change that is due, None when all stays as it is.

    Args:
        who: the worker that asks.
    """
    if not state.active:
        return None
    counts, now_ms = facts.counts, facts.now_ms
    if facts.champion == state.version:
        return end(state, "promoted", who, "it has the champion's alias", now_ms, counts)
    if facts.champion is not None and facts.champion != state.champion:
        why = f"version {facts.champion} has become champion meanwhile: compare with that one anew"
        return end(state, "stopped", who, why, now_ms, counts)
    if (fault := _wrong(state, facts, settings)) is not None:
        figures = {**figures_of(counts), **_judged(facts.verdicts), "in a row": facts.streak}
        change = end(state, "rolled back", who, fault, now_ms, counts)
        return Change(change.state, change.event.model_copy(update={"figures": figures}))
    return _step(state, facts, settings, who) if state.phase == "canary" else None


def _wrong(state: TrialState, facts: Facts, settings: RolloutSettings) -> str | None:
    """Why the challenger is to be rolled back."""
    counts = facts.counts
    if counts.trouble:
        return counts.trouble
    if counts.errors >= settings.most_errors:
        return f"it failed {counts.errors:,} times, the last time so: {counts.last_error}"
    for one in facts.verdicts:
        if one.outcome == "worse":
            return f"worse: {one.why}"
    if state.phase != "canary":
        return None
    if facts.streak >= settings.most_consecutive:
        return f"{facts.streak} judged tweets in a row that it has wrong and the champion right"
    slow = counts.challenger_ms
    if slow is not None and counts.challenger_texts >= _ENOUGH_TIMED and slow > settings.slowest_ms:
        return f"it takes {slow:.2f} ms for a tweet, more than {settings.slowest_ms:g}"
    return None


def _step(state: TrialState, facts: Facts, settings: RolloutSettings, who: str) -> Change | None:
    """The next step, or the promotion; None while something is missing for it."""
    steps = settings.steps
    if waits_for(state, facts, settings):
        return None
    if state.step + 1 < len(steps):
        step = steps[state.step + 1]
        why = "; ".join(one.why for one in facts.verdicts)
        after = replace(
            state, step=state.step + 1, step_ms=facts.now_ms, answered=facts.counts.answered, who=who, why=why
        )
        figures = {"share": step.share, **figures_of(facts.counts), **_judged(facts.verdicts)}
        return _change(after, "canary.step", who, why, figures)
    better = next((one for one in facts.verdicts if one.metric == "accuracy" and one.outcome == "better"), None)
    if better is None or state.refused or not settings.auto_promote:
        return None
    change = end(state, "promoted", who, f"better: {better.why}", facts.now_ms, facts.counts)
    return Change(change.state, change.event, promotes=True)


def waits_for(state: TrialState, facts: Facts, settings: RolloutSettings) -> list[str]:
    """What is missing before the step is over, in words."""
    step = settings.steps[min(state.step, len(settings.steps) - 1)]
    missing = []
    left_s = step.least_s - (facts.now_ms - state.step_ms) / 1000
    if left_s > 0:
        missing.append(f"{left_s / 3600:.1f} h more")
    tweets = settings.canary_tweets - (facts.counts.answered - state.answered)
    if tweets > 0:
        missing.append(f"{tweets:,} more tweets that it answers")
    accuracy = next((one for one in facts.verdicts if one.metric == "accuracy"), None)
    judged = settings.canary_judged - (accuracy.pairs.n if accuracy else 0)
    if judged > 0:
        missing.append(f"{judged:,} more judged tweets")
    return missing


def figures_of(counts: Counts) -> dict[str, Figure]:
    """For the audit topic."""
    agreement, slow = counts.agreement, counts.challenger_ms
    return {
        "compared": counts.compared,
        "agreement": None if agreement is None else round(agreement, 4),
        "answered": counts.answered,
        "errors": counts.errors,
        "ms a tweet": None if slow is None else round(slow, 4),
    }


def _judged(verdicts: Sequence[Verdict]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for one in verdicts:
        if one.pairs.n:
            figures |= {
                f"{one.metric} judged": one.pairs.n,
                f"{one.metric} champion": round(one.pairs.champion, 4),
                f"{one.metric} challenger": round(one.pairs.challenger, 4),
            }
    return figures


def _change(state: TrialState, what: str, who: str, why: str, figures: dict[str, Figure]) -> Change:
    event = AuditEvent(
        # The same change, made by whichever worker, has the same id.
        id=audit_id("trial", state.id, what, str(state.step)),
        who=who, what=what, subject=model_subject(state.name, state.version), why=shortened(why), figures=figures,
    )  # fmt: skip
    return Change(state, event)
