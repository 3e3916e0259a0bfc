"""What may serve and what may not, by its answers to the trial's texts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from models.base.smoke_test import TEXTS, Hanging, tried
from models.cascade import CascadeModel
from models.linear.model import HashedModel
from tests.fake_model import FakeModel
from tests.unit.models.deep.tiny import tiny_model
from tests.unit.models.hashed_samples import random_weights

FIGURES = {"threshold": 0.9, "blend": 1.0, "budget_s": 0.1, "patience_s": 5.0}


class Answering(FakeModel):
    """Answers as it is told."""

    def __init__(self, answer: Callable[[Sequence[str]], Any]) -> None:
        super().__init__()
        self._answer = answer

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        answers: NDArray[np.float32] = self._answer(texts)
        return answers


def test_every_family_passes() -> None:
    linear = HashedModel(random_weights(), {})
    for model in (linear, tiny_model(), CascadeModel(linear, tiny_model(), FIGURES)):
        tried(model)


def test_the_texts_differ_and_are_many() -> None:
    assert len(set(TEXTS)) == len(TEXTS) >= 64


@pytest.mark.parametrize("row", [[0.5, 0.5], [0.5, 0.5, 0.5], [np.nan, 0.5, 0.5], [1.5, -0.5, 0.0]])
def test_answers_that_are_no_three_probabilities_are_refused(row: list[float]) -> None:
    with pytest.raises(ArtefactError):
        tried(Answering(lambda texts: np.array([row] * len(texts), np.float32)))


@pytest.mark.parametrize("text", TEXTS)
def test_a_model_that_raises_on_any_one_of_them_is_refused(text: str) -> None:
    def answer(texts: Sequence[str]) -> NDArray[np.float32]:
        if text in texts:
            raise RuntimeError("out\nof order")
        return np.full((len(texts), 3), 1 / 3, np.float32)

    with pytest.raises(ArtefactError, match=r"cannot score: RuntimeError: out of order$"):
        tried(Answering(answer))


def test_a_model_that_answers_only_many_texts_at_once_is_refused() -> None:
    with pytest.raises(ArtefactError, match="1 texts"):
        tried(Answering(lambda texts: np.full((len(TEXTS), 3), 1 / 3, np.float32)))


def test_a_model_that_does_not_answer_in_time_is_refused() -> None:
    go_on = threading.Event()
    hanging = Answering(lambda texts: go_on.wait(20))
    with pytest.raises(Hanging, match=r"64 texts within 0\.1 s"):
        tried(hanging, timeout_s=0.1)
    go_on.set()


def test_a_panic_of_a_library_is_a_model_that_cannot_score() -> None:
    class PanicError(BaseException):
        """What Rust raises in Python."""

    def answer(texts: Sequence[str]) -> None:
        raise PanicError("entered unreachable code")

    with pytest.raises(ArtefactError, match="PanicError: entered"):
        tried(Answering(answer))
