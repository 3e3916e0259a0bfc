from __future__ import annotations

import math

import numpy as np
import pytest

from models.text.word_profile import WordProfile

AIRLINE = ["flight", "bag", "gate", "crew", "delayed", "seat", "tarmac", "luggage"]
GENERAL = ["monday", "movie", "football", "vote", "lunch", "party", "music", "phone"]
FILL = ["the", "my", "a", "is", "so", "this", "was", "and", "on", "at"]


def texts(words: list[str], count: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join([*rng.choice(words, 2), *rng.choice(FILL, 4)]) for _ in range(count)]


@pytest.mark.parametrize("count", [50, 200, 2_000])
def test_texts_of_one_kind_are_not_apart_however_few_they_are(count: int) -> None:
    known = WordProfile.of(texts(AIRLINE, 2_000, 0))
    assert abs(WordProfile.of(texts(AIRLINE, count, 1)).distance(known)) < 0.15
    assert WordProfile.of(texts(GENERAL, count, 1)).distance(known) > 1.5


def test_the_distance_is_the_same_from_both_sides_and_sums_are_of_all_texts() -> None:
    one, two = WordProfile.of(texts(AIRLINE, 300, 0)), WordProfile.of(texts(GENERAL, 500, 1))
    assert one.distance(two) == two.distance(one)
    both = one + two
    assert both.texts == 800
    assert both.distance(WordProfile.of([*texts(AIRLINE, 300, 0), *texts(GENERAL, 500, 1)])) < 0.0


def test_case_marks_and_numbers_are_no_words() -> None:
    assert (WordProfile.of(["The BAG, 24!"]).counts == WordProfile.of(["the bag"]).counts).all()


def test_without_texts_there_is_no_distance() -> None:
    assert math.isnan(WordProfile().distance(WordProfile.of(["a", "b"])))
