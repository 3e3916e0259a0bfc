from __future__ import annotations

import numpy as np
import pytest

from contracts.settings import Settings
from learning.estimate.cbpe import FEWEST, Calibration, NoReference
from training.evaluation.held_out import HeldOut

PEOPLE = ("airline", "kaggle", "semeval")


@pytest.fixture(scope="module")
def shipped() -> HeldOut:
    """The held-out predictions of the shipped model."""
    held_out = HeldOut.load(Settings().artefact)
    assert held_out is not None
    return held_out


def rows(held_out: HeldOut, chosen: np.ndarray) -> HeldOut:
    slices = {name: member[chosen] for name, member in held_out.slices.items()}
    return HeldOut(
        held_out.keys[chosen], held_out.source[chosen], held_out.truth[chosen], held_out.scores[chosen], slices,
        held_out.distant,
    )  # fmt: skip


def truth(held_out: HeldOut, chosen: np.ndarray) -> float:
    return float((held_out.scores[chosen].argmax(axis=1) == held_out.truth[chosen]).mean())


@pytest.mark.parametrize("name", PEOPLE)
def test_on_a_set_that_it_knows_the_estimate_is_within_two_points(shipped: HeldOut, name: str) -> None:
    own = np.flatnonzero(shipped.source == name)
    half = np.random.default_rng(0).permutation(own)[: len(own) // 2]
    seen = np.setdiff1d(np.arange(len(shipped.keys)), half)
    found = Calibration.of(rows(shipped, seen)).estimate(shipped.scores[half].max(axis=1))
    assert found.accuracy == pytest.approx(truth(shipped, half), abs=0.02)


@pytest.mark.parametrize("name", [*PEOPLE, "french"])
def test_on_a_new_set_it_is_within_four_points_or_says_that_it_cannot_be_trusted(shipped: HeldOut, name: str) -> None:
    own = np.flatnonzero(shipped.source == name)
    found = Calibration.of(rows(shipped, np.flatnonzero(shipped.source != name))).estimate(
        shipped.scores[own].max(axis=1)
    )
    assert found.accuracy is not None
    assert found.low is not None
    assert found.high is not None
    assert abs(found.accuracy - truth(shipped, own)) <= 0.04 or not found.trusted
    assert found.low < truth(shipped, own) < found.high


def test_a_model_that_is_suddenly_sure_of_everything_is_not_believed(shipped: HeldOut) -> None:
    calibration = Calibration.of(shipped)
    sure = calibration.estimate(np.full(1_000, 0.999))
    assert not sure.trusted
    assert "as sure as it never was" in sure.doubts[0]


def test_unknown_languages_and_few_tweets_are_doubts(shipped: HeldOut) -> None:
    calibration = Calibration.of(shipped)
    usual = shipped.scores[np.isin(shipped.source, PEOPLE)].max(axis=1)
    assert calibration.estimate(usual).trusted
    assert "30% of the tweets are in languages" in calibration.estimate(usual, unknown=0.3).doubts[0]
    few = calibration.estimate(usual[: FEWEST - 1])
    assert (few.accuracy, few.trusted) == (None, False)


def test_labels_by_emoticons_are_not_calibrated_on(shipped: HeldOut) -> None:
    with pytest.raises(NoReference):
        Calibration.of(rows(shipped, np.flatnonzero(shipped.source == "sentiment140")))


def test_the_curve_rises(shipped: HeldOut) -> None:
    calibration = Calibration.of(shipped)
    grid = calibration.right(np.linspace(0.34, 1, 200))
    assert (np.diff(grid) >= 0).all()
    assert 0 <= grid.min() < grid.max() <= 1
