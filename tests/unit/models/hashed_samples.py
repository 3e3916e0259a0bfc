"""Small random weights and hostile texts for the tests of the hashed model."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from models.linear.constants import negator_table
from models.linear.weights import DENSE, HashedWeights


def random_weights(seed: int = 0, *, word_longest: int = 3, char_longest: int = 5, reach: int = 4) -> HashedWeights:
    rng = np.random.default_rng(seed)

    def table(*shape: int) -> np.ndarray:
        return rng.integers(-127, 128, shape, dtype=np.int8)

    return HashedWeights(
        polarity=table(1 << 12),
        polarity_scale=0.02,
        polarity_longest=2,
        words=table(1 << 10, 4),
        word_scale=np.array([0.01, 0.02, 0.015, 0.01]),
        word_longest=word_longest,
        chars=table(1 << 9, 4),
        char_scale=np.array([0.01, 0.02, 0.015, 0.01]),
        char_shortest=2,
        char_longest=char_longest,
        dense=rng.normal(size=(DENSE, 4)) / 3,
        temperature=1.1,
        direction=np.array([1.0, 0.3]),
        negators=negator_table(),
        negator_reach=reach,
    )


HOSTILE = [
    "",
    " ",
    "\x00",
    "a\x00b\x00",
    "\ud800 lone surrogate \udfff",
    "😀" * 200,
    "👍🏽👩‍👩‍👧❤️ ☺ ✈",
    "http",
    "https",
    "xhttp://a",
    "h'ttp://a",
    "HTTPS://X.Y/z?q=1#é next",
    "www.",
    "ww",
    "@",
    "@@_a9 @é",
    "&amp;&lt;3 &gt;&am;&",
    "Don’t ‘quote’ don't",
    "soooo!!!!!! ....:((((",
    "ÀÉÎÕÜÞ × ÷ ß ÿ Ÿ",
    "12345 1,000.50 €20 «non» …—“”",
    "日本語のツイート",
    "\x7f\x1f\x85\xa0",
    "'" * 50,
    "RT @a: @b: c",
    "e\u0301",
    "not good at all, not never no. far from great but nothing @a http://b but the bag",
    "no no no no no no",
    "x" * 10_000,
]

# What the cleaning has rules for is drawn often.
texts = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.text(st.characters(exclude_categories=()), max_size=6),
        st.sampled_from(HOSTILE[:-1]),
        st.sampled_from(
            [
                "http://a.b",
                "@",
                " not ",
                "don't ",
                " far from ",
                " but ",
                ", ",
                " pas ",
                "&lt;",
                "'",
                "’",
                "\u200d",
                "\ufe0f",
                "🏽",
                "é",
                "É",
                "aaa",
                "99",
                " ",
                "\x00",
            ]
        ),
    ),
    max_size=12,
).map("".join)
