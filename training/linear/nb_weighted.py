"""Logistic regression on features weighted by naive Bayes' log-count ratios.

Wang and Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", ACL 2012 (NB-SVM, with the
logistic loss so that it answers with probabilities), one label against the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression


class NbWeightedRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multiplies each column by its log-count ratio before a logistic regression.

    Args:
        C: as scikit-learn's. alpha: added to each count.
    """

    def __init__(self, C: float = 4.0, alpha: float = 1.0, max_iter: int = 60) -> None:  # noqa: N803
        self.C = C
        self.alpha = alpha
        self.max_iter = max_iter

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> NbWeightedRegression:  # noqa: N803
        """Learn from a sparse matrix without negative numbers."""
        labels = np.asarray(y)
        weight = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, float)
        self.classes_ = np.unique(labels)
        one = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        self.ratios_, self.models_ = [], []
        for label in one:
            mine = labels == label
            p = self.alpha + weight[mine] @ X[mine]
            q = self.alpha + weight[~mine] @ X[~mine]
            ratio = np.log(p / p.sum()) - np.log(q / q.sum())
            model = LogisticRegression(C=self.C, max_iter=self.max_iter)
            self.ratios_.append(ratio)
            self.models_.append(model.fit(_scaled(X, ratio), mine, sample_weight=weight))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """(n, labels), rows sum to 1."""
        columns = [
            model.predict_proba(_scaled(X, ratio))[:, 1]
            for ratio, model in zip(self.ratios_, self.models_, strict=True)
        ]
        table = np.stack([1 - columns[0], columns[0]] if len(columns) == 1 else columns, axis=1)
        return np.asarray(table / table.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """(n,) labels."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


def _scaled(table: Any, ratio: NDArray[np.float64]) -> Any:
    return sparse.csr_matrix(table).multiply(ratio.astype(table.dtype)).tocsr()
