"""The linear family's formats: what ONNX answers is what was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.models.hashed_samples import random_weights
from tests.unit.training.deep.invented import write_data
from training.data.datasets import TrainingData, load_training_data
from training.evaluation.format_cost import FormatRow, accuracy, loss
from training.linear.export_formats import OnnxWords, TfidfWords, linear_formats

ASKED = [
    "@air I LOVE this flight",
    "so awful, they lost it",
    "boarding at the gate",
    "",
    "Où est ma valise ? 😡",
    "x" * 500,
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return load_training_data(write_data(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def words(data: TrainingData) -> TfidfWords:
    return TfidfWords().fit(*data.rows(data.learn & ~data.distant))


def test_onnx_answers_as_scikit_learn_does_whatever_the_text(words: TfidfWords, data: TrainingData) -> None:
    asked = [*ASKED, *data.texts[:200]]
    np.testing.assert_allclose(OnnxWords(words.to_onnx()).predict_proba(asked), words.predict_proba(asked), atol=1e-5)


def test_each_format_is_measured_on_the_same_texts(data: TrainingData, tmp_path: Path) -> None:
    from models.linear.model import HashedModel

    rows = {name: np.flatnonzero(data.held_out & (data.source == name)) for name in ("sentiment140", "airline")}
    found = list(linear_formats(data, rows, HashedModel(random_weights(), {}), lambda _: None))
    assert [(row.member, row.format) for row in found] == [
        ("tfidf-lr words", "native"), ("tfidf-lr words", "onnx"), ("hashed", "native")
    ]  # fmt: skip
    assert found[0].accuracy == found[1].accuracy
    assert found[0].accuracy["airline"] > 0.9
    assert found[1].lost == 0
    assert all(row.rows == found[0].rows and row.megabytes > 0 and row.load_ms > 0 < row.tweets_per_s for row in found)


def test_neutral_is_no_answer_where_nothing_is_neutral() -> None:
    scores = np.array([[0.3, 0.5, 0.2], [0.1, 0.8, 0.1], [0.1, 0.2, 0.7]])
    assert accuracy(scores, np.array([0, 0, 2])) == 1
    assert accuracy(scores, np.array([0, 1, 2])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(("lost", "bad"), [(0.702 - 0.697, False), (0.0051, True), (-0.01, False)])
def test_more_than_half_a_point_is_too_much(lost: float, bad: bool) -> None:
    assert FormatRow("linear", "m", "onnx", {}, {}, 1, 1, 1, 1, lost).loses_too_much is bad


def test_the_loss_is_the_largest_of_the_sets_and_french_is_left_out() -> None:
    assert loss({"a": 0.8, "b": 0.7, "french": 0.9}, {"a": 0.79, "b": 0.71, "french": 0.1}) == pytest.approx(0.01)
