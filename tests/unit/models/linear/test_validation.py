"""Compiled code reads what it is given: no weights may reach it that it would read beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from contracts.errors import ArtefactError
from models.linear.model import HashedModel
from models.linear.validation import checked
from tests.unit.models.hashed_samples import HOSTILE, random_weights


@pytest.fixture
def arrays() -> dict[str, Any]:
    return HashedModel(random_weights(), {}).arrays()


def test_weights_that_fit_pass_as_they_are(arrays: dict[str, Any]) -> None:
    given = HashedModel(random_weights(), {})
    np.testing.assert_array_equal(HashedModel(checked(arrays), {}).predict_proba(HOSTILE), given.predict_proba(HOSTILE))


def test_without_byte_ngrams_their_table_may_have_one_row(arrays: dict[str, Any]) -> None:
    arrays |= {"chars": np.zeros((1, 4), np.int8), "char_shortest": np.array(1), "char_longest": np.array(0)}
    assert HashedModel(checked(arrays), {}).predict_proba(HOSTILE).shape == (len(HOSTILE), 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("polarity", np.zeros(0, np.int8)),
        ("polarity", np.zeros(3_000, np.int8)),
        ("polarity", np.zeros((4_096, 1), np.int8)),
        ("polarity", np.zeros(4_096, np.int16)),
        ("polarity", np.zeros((), np.int8)),
        ("words", np.zeros(1_024, np.int8)),
        ("words", np.zeros((1_024, 3), np.int8)),
        ("words", np.zeros((1_000, 4), np.int8)),
        ("chars", np.zeros((0, 4), np.int8)),
        ("chars", np.zeros((512, 4), np.uint8)),
        ("chars", np.zeros((4, 512), np.int8).T[:500]),
        ("dense", np.zeros((2, 4))),
        ("dense", np.zeros((9, 4), complex)),
        ("dense", np.full((9, 4), np.nan)),
        ("word_scale", np.zeros(3)),
        ("word_scale", np.array(["1", "1", "1", "1"])),
        ("char_scale", np.full(4, np.inf)),
        ("polarity_scale", np.array([0.1, 0.2])),
        ("polarity_scale", np.array(1e9)),
        ("temperature", np.array(0.0)),
        ("temperature", np.array(-1.0)),
        ("temperature", np.array(np.nan)),
        ("direction", np.zeros(1)),
        ("polarity_longest", np.array(4)),
        ("word_longest", np.array(0)),
        ("word_longest", np.array(2.0)),
        ("char_shortest", np.array(-5)),
        ("char_shortest", np.array(6)),
        ("char_longest", np.array(1_000_000)),
        ("char_longest", np.array([5])),
    ],
)
def test_an_array_that_does_not_fit_is_named_in_one_line(arrays: dict[str, Any], name: str, value: Any) -> None:
    arrays[name] = value
    with pytest.raises(ArtefactError, match=f"^{name} of the model ") as error:
        checked(arrays)
    assert "\n" not in str(error.value)


def test_a_missing_array_is_named(arrays: dict[str, Any]) -> None:
    del arrays["dense"]
    with pytest.raises(ArtefactError, match="lacks dense"):
        checked(arrays)
