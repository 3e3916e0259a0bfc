"""A tweet as the average of its words' vectors, the vectors learnt from the same tweets."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from models.linear.tokens import tokens


class AveragedVectors(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Word2Vec (Mikolov et al. 2013, arXiv:1301.3781) or fastText (Bojanowski et al. 2017, arXiv:1607.04606).

    Words are the tokens of the hashed model's cleaning. Each vector is weighted by smooth inverse frequency (Arora,
    Liang and Ma, ICLR 2017); a fastText vector of an unknown word comes from its parts.
    """

    def __init__(self, kind: Literal["word2vec", "fasttext"] = "word2vec", size: int = 100, epochs: int = 3) -> None:
        self.kind = kind
        self.size = size
        self.epochs = epochs

    def fit(self, X: Sequence[str], y: Any = None) -> AveragedVectors:  # noqa: N803, ARG002
        """Learn the vectors; one thread, so that the same seed gives the same vectors."""
        gensim: Any = importlib.import_module("gensim.models")

        family: Any = gensim.FastText if self.kind == "fasttext" else gensim.Word2Vec
        learnt = family(
            [_words(text) for text in X],
            vector_size=self.size,
            window=5,
            min_count=min(3, max(1, len(X) // 1000)),
            sg=0,
            negative=5,
            epochs=self.epochs,
            workers=1,
            seed=1,
        )
        self.vectors_ = learnt.wv
        counts = np.array([learnt.wv.get_vecattr(word, "count") for word in learnt.wv.index_to_key], float)
        share = counts / counts.sum()
        self.weights_ = dict(zip(learnt.wv.index_to_key, 1e-3 / (1e-3 + share), strict=True))
        return self

    def transform(self, X: Sequence[str]) -> NDArray[np.float32]:  # noqa: N803
        """(n, size)."""
        out = np.zeros((len(X), self.size), np.float32)
        for row, text in zip(out, X, strict=True):
            known = [word for word in _words(text) if word in self.vectors_]
            if known:
                weights = np.array([self.weights_.get(word, 1.0) for word in known], np.float32)
                row[:] = weights @ np.stack([self.vectors_[word] for word in known]) / weights.sum()
        return out


def _words(text: str) -> list[str]:
    return [word.decode("utf-8", "replace") for word in tokens(text.encode("utf-8", "surrogatepass"))]
