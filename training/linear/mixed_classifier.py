"""The recipe of the hashed model with anybody's features and heads: a polarity, a head and a gate.

What is compared is then the features and the learner, not who found out how to use labels from emoticons
(`docs/decisions/one-model-three-labels.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression

from contracts.events import SENTIMENTS
from models.linear.weights import logistic

Progress = Callable[[str], None]

_LEAST: Final = 1e-6


def _silent(_: str) -> None:
    return


class MixedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Three labels from distant and human rows.

    Args:
        features: turns texts into a matrix, sparse or dense, without negative numbers if `head` wants that.
        head: a classifier with `predict_proba`, fitted twice: to the distant rows (positive or negative) and to the
            rows labelled by people (three labels), there with the first one's log-odds as two further columns.
        gate_offset: added to the gate's log-odds.
    """

    def __init__(self, features: Any, head: Any, *, gate_offset: float = 0.5, random_state: int = 0) -> None:
        self.features = features
        self.head = head
        self.gate_offset = gate_offset
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[str],  # noqa: N803
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        distant: ArrayLike | None = None,
        progress: Progress = _silent,
    ) -> MixedClassifier:
        """Learn from texts and labels, as `HashedClassifier.fit` does."""
        labels = np.asarray(y)
        weight = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, float)
        far = np.zeros(len(labels), bool) if distant is None else np.asarray(distant, bool)
        progress("computing features")
        self.features_ = clone(self.features)
        table = self.features_.fit_transform(list(X))
        self.polarity_ = self.gate_ = None
        near = np.flatnonzero(~far)
        if far.any():
            progress("learning the polarity from emoticons")
            self.polarity_ = clone(self.head).fit(table[far], labels[far], sample_weight=weight[far])
            progress("learning the gate")
            rng = np.random.default_rng(self.random_state)
            apart = np.flatnonzero(far)
            mixed = np.concatenate([near, rng.permutation(apart)[: len(near)]])
            self.gate_ = LogisticRegression(C=1.0, max_iter=100).fit(table[mixed], far[mixed])
        progress("learning from labels by people")
        self.head_ = clone(self.head).fit(self._wide(table[near]), labels[near], sample_weight=weight[near])
        self.classes_ = np.array(SENTIMENTS)
        return self

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float32]:  # noqa: N803
        """(n, 3), columns in the order of `SENTIMENTS`."""
        table = self.features_.transform(list(X))
        head = np.zeros((table.shape[0], 3))
        head[:, np.searchsorted(self.classes_, self.head_.classes_)] = self.head_.predict_proba(self._wide(table))
        direction = np.log(np.maximum(head[:, 2], _LEAST)) - np.log(np.maximum(head[:, 0], _LEAST))
        if self.gate_ is not None:
            gate = logistic(self.gate_.decision_function(table) + self.gate_offset)
            direction = (1 - gate) * direction + gate * self._polarity(table)
        positive, polar = logistic(direction), 1 - head[:, 1]
        return np.stack([polar * (1 - positive), head[:, 1], polar * positive], axis=1).astype(np.float32)

    def predict(self, X: Sequence[str]) -> NDArray[np.str_]:  # noqa: N803
        """(n,) names of labels."""
        labels: NDArray[np.str_] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels

    def _polarity(self, table: Any) -> NDArray[np.float64]:
        assert self.polarity_ is not None
        positive = self.polarity_.predict_proba(table)[:, list(self.polarity_.classes_).index("positive")]
        odds: NDArray[np.float64] = np.log(np.maximum(positive, _LEAST)) - np.log(np.maximum(1 - positive, _LEAST))
        return odds

    def _wide(self, table: Any) -> Any:
        if self.polarity_ is None:
            return table
        odds = self._polarity(table)[:, None] / 4
        pushes = np.hstack([np.maximum(odds, 0), np.maximum(-odds, 0)])
        if sparse.issparse(table):
            both: list[Any] = [table, sparse.csr_matrix(pushes.astype(np.float32))]
            return sparse.hstack(both).tocsr()
        return np.hstack([table, pushes])
