from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contracts.settings import Settings
from learning.estimate.cbpe import FEWEST, Calibration, NoReference, shares_of
from models.text.word_profile import WordProfile
from training.evaluation.held_out import HeldOut

PEOPLE = ("airline", "kaggle", "semeval")


@pytest.fixture(scope="module")
def shipped() -> HeldOut:
    """The held-out predictions of the shipped model."""
    held_out = HeldOut.load(Settings().artefact)
    assert held_out is not None
    return held_out


def truth(held_out: HeldOut, chosen: np.ndarray) -> float:
    return float((held_out.scores[chosen].argmax(axis=1) == held_out.truth[chosen]).mean())


@pytest.mark.parametrize("name", PEOPLE)
def test_on_a_set_that_it_knows_the_estimate_is_within_two_points(shipped: HeldOut, name: str) -> None:
    own = np.flatnonzero(shipped.source == name)
    half = np.random.default_rng(0).permutation(own)[: len(own) // 2]
    seen = np.setdiff1d(np.arange(len(shipped.keys)), half)
    found = Calibration.of(shipped.rows(seen)).estimate(shipped.scores[half].max(axis=1), words=shipped.words[name])
    assert found.trusted
    assert found.accuracy == pytest.approx(truth(shipped, half), abs=0.02)


@pytest.mark.parametrize("name", [*PEOPLE, "french"])
def test_on_a_new_set_it_says_that_it_cannot_be_trusted(shipped: HeldOut, name: str) -> None:
    own = np.flatnonzero(shipped.source == name)
    found = Calibration.of(shipped.rows(shipped.source != name)).estimate(
        shipped.scores[own].max(axis=1), words=shipped.words[name]
    )
    assert found.accuracy is not None
    assert found.low is not None
    assert found.high is not None
    assert not found.trusted  # within four points or not: the words are those of no set that it knows
    assert "those of no held-out set" in found.doubts[-1]
    assert found.low < truth(shipped, own) < found.high


def test_a_model_that_is_suddenly_sure_of_everything_is_not_believed(shipped: HeldOut) -> None:
    calibration = Calibration.of(shipped)
    sure = calibration.estimate(np.full(1_000, 0.999))
    assert not sure.trusted
    assert "as sure as it never was" in sure.doubts[0]


def everything(shipped: HeldOut) -> WordProfile:
    """The words of all that people have labelled, as of a stream in which all of it is mixed."""
    return sum((shipped.words[name] for name in PEOPLE), WordProfile())


def test_unknown_languages_few_tweets_and_no_texts_are_doubts(shipped: HeldOut) -> None:
    calibration, words = Calibration.of(shipped), everything(shipped)
    usual = shipped.scores[np.isin(shipped.source, PEOPLE)].max(axis=1)
    assert calibration.estimate(usual, words=words).trusted
    assert "30% of the tweets are in languages" in calibration.estimate(usual, unknown=0.3, words=words).doubts[0]
    few = calibration.estimate(usual[: FEWEST - 1], words=words)
    assert (few.accuracy, few.trusted) == (None, False)
    assert "came with their text" in calibration.estimate(usual).doubts[0]
    old = Calibration.of(replace(shipped, words={}))
    assert "carries no words of its held-out texts" in old.estimate(usual, words=words).doubts[0]


def test_labels_by_emoticons_are_not_calibrated_on(shipped: HeldOut) -> None:
    with pytest.raises(NoReference):
        Calibration.of(shipped.rows(shipped.source == "sentiment140"))


def test_the_curve_rises(shipped: HeldOut) -> None:
    calibration = Calibration.of(shipped)
    grid = calibration.right(np.linspace(0.34, 1, 200))
    assert (np.diff(grid) >= 0).all()
    assert 0 <= grid.min() < grid.max() <= 1


def test_each_set_counts_as_much_as_the_words_of_the_tweets_are_its_own(shipped: HeldOut) -> None:
    words = {name: shipped.words[name] for name in PEOPLE}
    alone = shares_of(words["kaggle"], words)
    assert alone["kaggle"] > 0.8
    mixed = shares_of(words["airline"] + words["semeval"], words)
    texts = {name: words[name].texts for name in ("airline", "semeval")}
    assert mixed["airline"] == pytest.approx(texts["airline"] / sum(texts.values()), abs=0.1)
    assert sum(mixed.values()) == pytest.approx(1)


def test_what_is_usual_is_that_of_the_sets_which_the_tweets_are_like(shipped: HeldOut) -> None:
    calibration = Calibration.of(shipped)
    for name in PEOPLE:
        own = shipped.source == name
        found = calibration.estimate(shipped.scores[own].max(axis=1), words=shipped.words[name])
        assert found.usual == pytest.approx(truth(shipped, own), abs=0.02)
        assert found.nearest == name
