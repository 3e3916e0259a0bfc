"""A floor under each family of behavioural tests for the shipped model; the leaderboard has those of every model."""

from __future__ import annotations

import pytest

from contracts.settings import Settings
from models.base.artefact import load_artefact
from models.base.sentiment import SentimentModel
from training.evaluation.behaviour import COMPLAINTS, FAMILIES, PRAISE, SARCASM, pass_rates
from training.evaluation.faithfulness import deletion_test

FLOORS = {
    "plain praise and blame": 0.95,
    "questions and news are neutral": 0.75,
    "negation": 0.85,
    "emphasis": 1.0,
    "emoji": 0.95,
    "names and places": 1.0,
    "typos": 1.0,
    "look-alike letters": 1.0,
    "an addition": 0.95,
}
KNOWN_TO_FAIL = {
    "sarcasm": "blame in the words of praise is praise to a model of words",
}


@pytest.fixture(scope="module")
def model() -> SentimentModel:
    return load_artefact(Settings().artefact)


@pytest.fixture(scope="module")
def rates(model: SentimentModel) -> dict[str, float]:
    return pass_rates(model)


def test_every_family_has_a_floor_or_is_known_to_fail() -> None:
    assert set(FLOORS) | set(KNOWN_TO_FAIL) == set(FAMILIES)


@pytest.mark.parametrize("family", FLOORS)
def test_a_family_passes_as_often_as_it_did(rates: dict[str, float], family: str) -> None:
    assert rates[family] >= FLOORS[family]


@pytest.mark.parametrize(
    "family", [pytest.param(name, marks=pytest.mark.xfail(reason=why)) for name, why in KNOWN_TO_FAIL.items()]
)
def test_what_is_known_to_fail_still_fails(rates: dict[str, float], family: str) -> None:
    assert rates[family] >= 0.9  # strict: the day it passes, this says so


def test_the_words_that_an_explanation_names_move_the_answer_more_than_others(model: SentimentModel) -> None:
    found = deletion_test(model, [*COMPLAINTS, *PRAISE, *SARCASM])
    assert found.explained > 1.5 * found.random
    assert found.more >= 0.65  # of 22 texts; of hundreds see docs/models.md
