from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.linear.constants import negator_table
from models.linear.kernels import clean, hash_all, score_all
from models.linear.tokens import tokens
from models.linear.weights import pack
from models.text.batch import join
from tests.oracles import hashed
from tests.unit.models.hashed_samples import HOSTILE, random_weights, texts


def compiled_tokens(text: str) -> list[bytes]:
    data, offsets = join([text])
    out = np.empty(2 * len(data) + 2, np.uint8)
    length = clean(data, offsets[0], offsets[1], out)
    return bytes(out[:length]).split()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("@AirParadis's GREAT!!! :) http://t.co/x", ["\x02", "s", "great", "!!", ":)", "\x01"]),
        ("sooooo Don’t don't 1,250€", ["soo", "dont", "dont", "0", ",", "00", "€"]),
        ("&lt;3 &amp; ÉTÉ", ["<", "0", "&", "été"]),
        ("😂😂👍🏽 …“hi”", ["😂", "😂", "👍", "hi"]),
        ("WWW.x.y http mail me@x.org", ["\x01", "\x01", "mail", "me", "\x02", ".", "org"]),
    ],
)
def test_cleaning_is_what_the_documentation_says(text: str, tokens: list[str]) -> None:
    assert [token.decode() for token in compiled_tokens(text)] == tokens


@given(texts)
@settings(max_examples=100, deadline=None)
def test_both_cleanings_give_the_same_tokens(text: str) -> None:
    assert compiled_tokens(text) == tokens(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("text", HOSTILE)
def test_both_cleanings_agree_on_hostile_texts(text: str) -> None:
    assert compiled_tokens(text) == tokens(text.encode("utf-8", "surrogatepass"))


@given(st.lists(texts, max_size=6), st.integers(1, 3), st.sampled_from([0, 2, 5]), st.sampled_from([0, 4]))
@example(HOSTILE, 3, 5, 4)
@settings(max_examples=100, deadline=None)
def test_compiled_sums_equal_the_reference_exactly(
    batch: list[str], word_longest: int, char_longest: int, reach: int
) -> None:
    weights = random_weights(word_longest=word_longest, char_longest=char_longest, reach=reach)
    data, offsets = join(batch)
    out = np.zeros((len(batch), 17), np.int64)
    tables = weights.negators, weights.polarity, pack(weights.words), pack(weights.chars)
    score_all(data, offsets, weights.plan, *tables, out)
    np.testing.assert_array_equal(out, hashed.sums(batch, weights))


@given(st.lists(texts, max_size=5))
@settings(max_examples=100, deadline=None)
def test_training_sees_the_hashes_that_scoring_sees(batch: list[str]) -> None:
    data, offsets = join(batch)
    table = negator_table()
    negators = frozenset(table.tolist()) - {0}
    hashes, bounds = hash_all(data, offsets, 3, 2, 5, table, 4)
    for i, text in enumerate(batch):
        words = tokens(text.encode("utf-8", "surrogatepass"))
        denied = hashed.negated(words, negators, 4)
        expected = hashed.word_hashes(words, 3, denied)
        assert hashes[bounds[2 * i] : bounds[2 * i + 1]].tolist() == expected
        expected = hashed.char_hashes(words, 2, 5, denied)
        assert hashes[bounds[2 * i + 1] : bounds[2 * i + 2]].tolist() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the food was not good at all today friend", ["good", "at", "all", "today"]),
        ("I don't like it, it is bad", ["like", "it"]),
        ("far from great but far away", ["great"]),
        ("never @a http://b again", ["again"]),
        ("no no thanks", ["no", "thanks"]),
        ("je n'ai pas aimé. merci", ["aimé"]),
        ("nothing", []),
    ],
)
def test_a_negator_reaches_four_words_up_to_a_mark_or_but(text: str, expected: list[str]) -> None:
    words = tokens(text.encode())
    found = hashed.negated(words, frozenset(negator_table().tolist()) - {0}, 4)
    assert [word.decode() for word, denied in zip(words, found, strict=True) if denied] == expected
