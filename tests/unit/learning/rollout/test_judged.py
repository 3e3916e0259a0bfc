from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.learning.settings import LearningSettings
from contracts.times import to_ms
from learning.labels.resolution import resolve
from learning.rollout.judged import Answers, Judged, as_json, look, of_trial
from learning.rollout.verdict import NO_ANSWER
from models.base.asking import Asker, TooLate
from tests.fake_model import POISON, FakeModel, HangingModel
from tests.unit.learning.labels.saying import DAY, says
from tests.waiting import until


class Contrary(FakeModel):
    """Says the opposite."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return super().predict_proba(texts)[:, ::-1]


def judged(text: str, label: int, at_ms: int = 0, *, by_choice: bool = False, version: str = "7") -> Judged:
    return Judged(text, label, at_ms, by_choice, version)


def test_a_text_is_asked_about_once_and_one_that_breaks_the_model_has_no_answer() -> None:
    model = FakeModel()
    answers = Answers(model)
    assert answers.of(["bad", POISON, "good", "bad"]).tolist() == [0, NO_ANSWER, 2, 0]
    asked = list(model.batches)
    assert answers.of(["good", "bad"]).tolist() == [2, 0]
    assert model.batches == asked


def test_a_model_that_hangs_has_no_answers_that_are_remembered() -> None:
    model = HangingModel()
    answers = Answers(model, asker=Asker("asked", 0.05))
    for _ in range(2):
        with pytest.raises(TooLate):
            answers.of(["bad", "good"])
    model.go_on.set()

    def answered() -> bool:
        try:
            return bool((answers.of(["bad", "good"]) == [0, 2]).all())
        except TooLate:
            return False

    until(answered)


def test_texts_that_somebody_judged_before_the_trial_are_left_out() -> None:
    said = [
        says("ada", "positive", "Learnt from", created_at=DAY + timedelta(minutes=1)),
        says("bert", "positive", "learnt from", created_at=DAY + timedelta(minutes=3)),
        says("bert", "negative", "new", created_at=DAY + timedelta(minutes=3)),
    ]
    found = of_trial(resolve(said, LearningSettings()), to_ms(DAY + timedelta(minutes=2)))
    assert [(one.text, one.label) for one in found] == [("new", 0)]


def test_feedback_by_choice_is_left_out_of_the_verdict() -> None:
    tweets = [judged(f"bad {number}", 0) for number in range(80)]
    chosen = [judged(f"good {number}", 0, by_choice=True) for number in range(500)]
    found = look([*tweets, *chosen], Answers(FakeModel()), Answers(Contrary()), version="8", since_ms=0, now_ms=60_000)
    [accuracy, recall] = found.verdicts
    assert (accuracy.outcome, accuracy.pairs.n, recall.pairs.n) == ("worse", 80, 80)
    assert as_json(found.verdicts)[0]["challenger"] == 0


def test_errors_in_a_row_are_those_of_the_challenger_alone_among_what_it_has_shown() -> None:
    shown = [
        judged("good", 2, 1, version="8"),  # the challenger is wrong, and would have gone on being so
        judged("neither", 0, 2, version="8"),  # both are wrong: no fault of the challenger's alone
        judged("bad", 0, 3, by_choice=True, version="8"),
        judged("good", 2, 4, by_choice=True, version="8"),
        judged("bad", 2, 5, version="7"),  # shown by the champion
    ]
    found = look(shown, Answers(FakeModel()), Answers(Contrary()), version="8", since_ms=0, now_ms=60_000)
    assert found.streak == 2


def test_without_judgements_there_are_verdicts_that_say_so() -> None:
    found = look([], Answers(FakeModel()), Answers(Contrary()), version="8", since_ms=0, now_ms=60_000)
    assert {one.outcome for one in found.verdicts} == {"cannot tell yet"}
    assert as_json(found.verdicts)[0]["champion"] is None
