from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.learning.rollout import RolloutSettings
from learning.rollout.decide import Facts, begin, end, next_change, refuse, to_canary, waits_for
from learning.rollout.state import Counts, TrialState
from learning.rollout.verdict import Pairs, Verdict, verdict
from models.registry.client import RegisteredVersion

SETTINGS = RolloutSettings(canary_steps="10%/1h,100%/2h", canary_tweets=1_000, canary_judged=50)
CHALLENGER = RegisteredVersion("sentiment", "8", (), "here")
HOUR_MS = 3_600_000
EVEN, WORSE, BETTER = (
    verdict(pairs) for pairs in (Pairs(400, 300, 20, 20), Pairs(400, 300, 5, 60), Pairs(400, 300, 60, 5))
)


@pytest.fixture
def shadow() -> TrialState:
    return begin(CHALLENGER, "7", "shadow", "ada", "", 0).state


@pytest.fixture
def canary(shadow: TrialState) -> TrialState:
    return to_canary(shadow, Counts(), "ada", "", 0, 0.1).state


def facts(
    now_ms: int = HOUR_MS, champion: str | None = "7", judged: Verdict = EVEN, streak: int = 0, **counts: Any
) -> Facts:
    return Facts(now_ms, champion, Counts(**({"answered": 1_000} | counts)), [judged], streak)


def test_a_step_needs_time_tweets_and_judgements(canary: TrialState) -> None:
    change = next_change(canary, facts(), SETTINGS, "worker a")
    assert change is not None
    assert (change.state.step, change.state.step_ms, change.state.answered) == (1, HOUR_MS, 1_000)
    assert (change.event.what, change.event.who, change.event.figures["share"]) == ("canary.step", "worker a", 1.0)
    for missing in (facts(HOUR_MS - 1), facts(answered=999), facts(judged=verdict(Pairs(49, 40, 0, 0)))):
        assert next_change(canary, missing, SETTINGS, "worker a") is None
        assert len(waits_for(canary, missing, SETTINGS)) == 1
    assert waits_for(canary, Facts(0, "7", Counts()), SETTINGS) == [
        "1.0 h more", "1,000 more tweets that it answers", "50 more judged tweets",
    ]  # fmt: skip


def test_without_a_verdict_no_step_is_made_however_long_one_waits(canary: TrialState) -> None:
    blind = Facts(10**12, "7", Counts(answered=10**6))
    assert next_change(canary, blind, SETTINGS, "worker a") is None
    assert next_change(replace(canary, step=1), blind, SETTINGS, "worker a") is None


def test_tweets_of_the_step_before_do_not_count(canary: TrialState) -> None:
    second = replace(canary, step=1, step_ms=HOUR_MS, answered=1_000)
    assert next_change(second, facts(3 * HOUR_MS, judged=BETTER, answered=1_999), SETTINGS, "w") is None
    change = next_change(second, facts(3 * HOUR_MS, judged=BETTER, answered=2_000), SETTINGS, "w")
    assert change is not None
    assert change.promotes
    assert (change.state.phase, change.event.what) == ("promoted", "canary.promoted")


def test_only_a_better_one_is_promoted_and_only_where_that_is_allowed(canary: TrialState) -> None:
    last = replace(canary, step=1)
    assert next_change(last, facts(3 * HOUR_MS), SETTINGS, "w") is None
    by_hand = SETTINGS.model_copy(update={"auto_promote": False})
    assert next_change(last, facts(3 * HOUR_MS, judged=BETTER), by_hand, "w") is None


def test_what_the_gate_refuses_is_not_asked_again_and_can_still_be_rolled_back(canary: TrialState) -> None:
    change = refuse(replace(canary, step=1), "worse on airline", "worker a", Counts())
    assert (change.event.what, change.event.why) == (
        "canary.refused", "the gate refuses its promotion: worse on airline",
    )  # fmt: skip
    assert next_change(change.state, facts(3 * HOUR_MS, judged=BETTER), SETTINGS, "w") is None
    rolled_back = next_change(change.state, facts(3 * HOUR_MS, judged=WORSE), SETTINGS, "w")
    assert rolled_back is not None
    assert rolled_back.state.phase == "rolled back"


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"judged": WORSE}, "worse: accuracy"),
        ({"streak": 5}, "5 judged tweets in a row"),
        ({"errors": 10, "last_error": "ValueError: x"}, "it failed 10 times, the last time so: ValueError: x"),
        ({"trouble": "it cannot be loaded: damaged"}, "it cannot be loaded: damaged"),
        ({"challenger_texts": 1_000, "challenger_us": 6_000_000}, "it takes 6.00 ms for a tweet"),
    ],
)
def test_it_is_rolled_back_from_every_step_for_every_fault(
    canary: TrialState, step: int, wrong: dict[str, Any], said: str
) -> None:
    change = next_change(replace(canary, step=step), facts(0, **wrong), SETTINGS, "worker a")
    assert change is not None
    assert (change.state.phase, change.event.what, change.promotes) == ("rolled back", "canary.rolled_back", False)
    assert change.state.why.startswith(said)
    assert change.event.why == change.state.why
    assert next_change(change.state, facts(0, **wrong), SETTINGS, "worker a") is None


def test_a_shadow_ends_by_itself_where_it_is_worse_or_broken_but_may_be_slow(shadow: TrialState) -> None:
    for wrong in ({"judged": WORSE}, {"errors": 10}, {"trouble": "damaged"}):
        change = next_change(shadow, facts(0, **wrong), SETTINGS, "w")
        assert change is not None
        assert (change.state.phase, change.event.what) == ("rolled back", "shadow.rolled_back")
    assert next_change(shadow, facts(0, challenger_texts=1_000, challenger_us=10**9), SETTINGS, "w") is None
    assert next_change(shadow, facts(10**12, judged=BETTER), SETTINGS, "w") is None


def test_a_promotion_by_others_ends_the_trial(canary: TrialState) -> None:
    itself = next_change(canary, facts(0, champion="8"), SETTINGS, "w")
    other = next_change(canary, facts(0, champion="9"), SETTINGS, "w")
    assert itself is not None
    assert other is not None
    assert (itself.state.phase, other.state.phase) == ("promoted", "stopped")
    assert not itself.promotes
    assert next_change(canary, facts(0, champion=None), SETTINGS, "w") is None


def test_one_change_has_one_id_whoever_makes_it(canary: TrialState) -> None:
    ids = {end(canary, "rolled back", who, "", 0, Counts()).event.id for who in ("worker a", "worker b")}
    assert len(ids) == 1


def test_figures_of_counts() -> None:
    counts = Counts(np.array([[8, 1, 0], [0, 9, 0], [2, 0, 0]]), challenger_us=4_000, challenger_texts=20)
    assert (counts.compared, counts.agreement, counts.challenger_ms) == (20, 0.85, 0.2)
    assert (Counts().agreement, Counts().challenger_ms) == (None, None)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("10", "no list of steps"),
        ("50%/1h,10%/1h", "do not rise"),
        ("0%/1h", "do not rise"),
        ("120%/1h", "do not rise"),
    ],
)
def test_steps_that_do_not_rise_are_refused(steps: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RolloutSettings(canary_steps=steps)
