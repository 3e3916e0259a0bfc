"""Word vectors learnt here, from the tweets' own words and no labels."""

from __future__ import annotations

import warnings
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from training.deep.data.mixture import Encoded

Kind = Literal["word2vec", "fasttext"]
DIMENSIONS: Final = 100
_SPREAD: Final = 0.25
"""Root mean square of the entries: gensim's own scale depends on the corpus."""


def word_vectors(
    kind: Kind, words: list[str], encoded: Encoded, rows: NDArray[np.int64], *, epochs: int, seed: int
) -> NDArray[np.float32]:
    """Skip-gram vectors, (len(words), 100), row 0 (padding) all zeros.

    Word2Vec: Mikolov et al. 2013, arXiv:1301.3781. fastText adds character 3-5-grams: Bojanowski et al. 2017,
    arXiv:1607.04606. Trained in one thread: the same vectors for a seed.

    Args:
        encoded: texts as numbers of `words`; 0 and 1 (padding, unknown) are left out.
        rows: the texts to learn from.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gensim's own deprecations
        from gensim.models import FastText, Word2Vec
    sentences = [
        [
            words[number]
            for number in encoded.ids[encoded.offsets[row] : encoded.offsets[row + 1]].tolist()
            if number > 1
        ]
        for row in rows.tolist()
    ]
    options = {"sg": 1, "window": 4, "min_count": 1, "negative": 5, "epochs": epochs, "seed": seed, "workers": 1}
    if kind == "word2vec":
        vectors = Word2Vec(sentences, vector_size=DIMENSIONS, **options).wv
    else:
        vectors = FastText(sentences, vector_size=DIMENSIONS, min_n=3, max_n=5, bucket=200_000, **options).wv
    table = np.random.default_rng(seed).normal(0, 0.1, (len(words), DIMENSIONS)).astype(np.float32)
    for number, word in enumerate(words[2:], start=2):
        # fastText has a vector for every word, Word2Vec for those that it met.
        if kind == "fasttext" or word in vectors:
            table[number] = vectors[word]
    table[2:] *= _SPREAD / float(np.sqrt((table[2:] ** 2).mean()))
    table[0] = 0
    return table
