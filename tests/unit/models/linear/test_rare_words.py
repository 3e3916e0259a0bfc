from __future__ import annotations

import numpy as np
import pytest

from contracts.settings import Settings
from models.base.artefact import load_artefact
from models.base.sentiment import SentimentModel
from models.cascade import CascadeModel
from models.linear.constants import fnv
from models.linear.model import HashedModel
from models.linear.rare_words import RareWords, unseen_shares
from tests.oracles.hashed import avalanche
from tests.unit.models.hashed_samples import random_weights

USUAL = [
    "the crew was so friendly and we landed on time",
    "my bag is lost again and nobody answers the phone",
    "is there a flight to london on monday morning",
    "waiting for two hours at the gate, this is the worst airline",
]
STRANGE = "yeetified zlorpen gremblax quobbish frandlewick vornex snazzfrop blimterous"


@pytest.fixture(scope="module")
def shipped() -> SentimentModel:
    return load_artefact(Settings().artefact)


def test_usual_texts_have_none_and_invented_words_are_found(shipped: SentimentModel) -> None:
    rare = RareWords(shipped)
    assert [rare.of(text) for text in USUAL] == [[]] * 4
    found = rare.of(f"{STRANGE} @user https://t.co/x 12 !!")
    assert len(found) >= 3
    assert set(found) <= set(STRANGE.split())


def test_the_words_are_those_whose_bucket_is_zero(shipped: SentimentModel) -> None:
    assert isinstance(shipped, HashedModel)
    table, bits = shipped.weights.polarity, shipped.weights.polarity_bits
    zero = [word for word in STRANGE.split() if table[avalanche(fnv(word.encode())) >> (32 - bits)] == 0]
    assert RareWords(shipped).of(STRANGE) == zero


def test_sets_of_usual_and_of_strange_texts_differ_in_their_share_of_unseen_words(shipped: SentimentModel) -> None:
    words, unseen = RareWords(shipped).count(STRANGE)
    assert words == len(STRANGE.split())
    assert unseen == len(RareWords(shipped).of(STRANGE))
    shares = unseen_shares(shipped, [*USUAL, STRANGE, ""], ["usual"] * 4 + ["strange", "empty"])
    assert set(shares) == {"usual", "strange"}
    assert shares["usual"] < 0.1 < 0.3 < shares["strange"] == round(unseen / words, 4)


def test_a_cascade_asks_its_first_tier(shipped: SentimentModel) -> None:
    noted = {"threshold": 0.5, "blend": 1.0, "budget_s": 1.0, "patience_s": 5.0}
    assert RareWords(CascadeModel(shipped, None, noted)).of(STRANGE) == RareWords(shipped).of(STRANGE)


def test_a_table_that_is_empty_says_nothing() -> None:
    weights = random_weights(1)
    weights.polarity[:] = 0
    assert RareWords(HashedModel(weights, {})).of(STRANGE) == []
    assert unseen_shares(HashedModel(weights, {}), [STRANGE], ["a set"]) == {}
    weights.polarity[:] = np.int8(1)
    assert RareWords(HashedModel(weights, {})).of(STRANGE) == []
