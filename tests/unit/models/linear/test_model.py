from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from models.base.sentiment import MOST_EXPLAINED
from models.linear.model import HashedModel
from tests.unit.models.hashed_samples import HOSTILE, random_weights


@pytest.fixture
def model() -> HashedModel:
    return HashedModel(random_weights(), {})


def test_every_text_gets_three_probabilities_that_sum_to_one(model: HashedModel) -> None:
    table = model.predict_proba(HOSTILE)
    assert table.shape == (len(HOSTILE), 3)
    assert table.dtype == np.float32
    assert np.isfinite(table).all()
    assert (table >= 0).all()
    np.testing.assert_allclose(table.sum(axis=1), 1, atol=1e-6)


def test_no_texts_give_no_rows(model: HashedModel) -> None:
    assert model.predict_proba([]).shape == (0, 3)


def test_an_answer_does_not_depend_on_the_rest_of_the_batch(model: HashedModel) -> None:
    alone = np.vstack([model.predict_proba([text]) for text in HOSTILE])
    np.testing.assert_array_equal(model.predict_proba(HOSTILE), alone)


def test_an_explanation_names_every_token_and_hides_names(model: HashedModel) -> None:
    explained = model.explain("@Someone you LOST my bag!! http://t.co/x ❤️")
    assert [word for word, _ in explained] == ["@user", "you", "lost", "my", "bag", "!!", "URL", "❤"]


@pytest.mark.parametrize("text", HOSTILE)
def test_an_explanation_of_a_hostile_text_is_finite(model: HashedModel, text: str) -> None:
    if len(text) > 1000:
        text = text[:1000]
    assert all(np.isfinite(weight) for _, weight in model.explain(text))


def test_an_explanation_looks_at_the_first_words_of_a_long_text_alone(model: HashedModel) -> None:
    words = [f"{'abcdefghij'[i % 10]}{'klmnopqrst'[i // 10 % 10]}{'uvwxyz'[i // 100]}" for i in range(600)]
    explained = model.explain(" ".join(words))
    assert [word for word, _ in explained] == words[:MOST_EXPLAINED]
    assert explained == model.explain(" ".join(words[:MOST_EXPLAINED]))


def test_the_weight_of_a_word_is_what_the_log_odds_lose_without_it(model: HashedModel) -> None:
    def log_odds(text: str) -> float:
        negative, _, positive = model.predict_proba([text])[0]
        return float(np.log(positive) - np.log(negative))

    weight = model.explain("great flight today")[0].weight
    assert weight == pytest.approx(log_odds("great flight today") - log_odds("flight today"), abs=1e-5)


def test_a_handle_and_a_link_stand_beside_a_word_that_is_taken_out(model: HashedModel) -> None:
    def log_odds(text: str) -> float:
        negative, _, positive = model.predict_proba([text])[0]
        return float(np.log(positive) - np.log(negative))

    weight = model.explain("@crew great http://t.co/x")[1].weight
    expected = log_odds("@crew great http://t.co/x") - log_odds("@crew http://t.co/x")
    assert weight == pytest.approx(expected, abs=1e-5)


def test_serving_needs_neither_scikit_learn_nor_pandas_nor_mlflow() -> None:
    program = (
        "import sys; from contracts.settings import Settings; from models.base.artefact import load_artefact\n"
        "load_artefact(Settings().artefact).predict_proba(['hi'])\n"
        "print(sorted({'sklearn', 'pandas', 'mlflow', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
