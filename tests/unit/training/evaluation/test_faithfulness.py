from __future__ import annotations

import numpy as np
import pytest

from tests.fake_model import FakeModel
from training.evaluation.faithfulness import deletion_test

TEXTS = [f"{filler} was a bad meal" for filler in ("here", "there", "this", "that")]


def test_an_explanation_that_names_the_word_moves_the_balance_more_than_chance() -> None:
    found = deletion_test(FakeModel(), TEXTS, words=1)
    assert found.explained == pytest.approx(0.725, abs=1e-3)
    assert found.explained > found.random
    assert found.more == 1


def test_an_explanation_that_names_the_wrong_words_is_found_out() -> None:
    class Wrong(FakeModel):
        def explain(self, text: str) -> list:  # type: ignore[type-arg]
            return [(word, 1.0 if word == "a" else 0.0) for word, _ in super().explain(text)]

    assert deletion_test(Wrong(), TEXTS, words=1).explained == 0


def test_short_texts_tell_nothing() -> None:
    with pytest.raises(ValueError, match="enough words"):
        deletion_test(FakeModel(), ["bad meal"])
    assert np.isfinite(deletion_test(FakeModel(), [*TEXTS, "bad"], words=1)).all()
