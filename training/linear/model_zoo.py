"""Who is compared: families and their members, each built by a function of a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from training.linear.hashed_classifier import HashedClassifier

# On held-out parts .8 to .9 gives the least calibration error, on files left out .95 to 1.1; recipes chosen with five
# passes and one head. This keeps all but the least alike below .05.
TEMPERATURE: Final = 0.88
TAUGHT_TEMPERATURE: Final = 0.8
"""Of one that learns from a teacher, too, whose probabilities are less sure than labels: the least error on held-out
parts."""
SLOW: Final = 150_000
"""Rows labelled by emoticons that a slow member learns from, by default."""


@dataclass(frozen=True)
class Member:
    """One kind of model."""

    family: str
    name: str
    about: str
    build: Callable[[int], Any]
    """Seed → estimator with `fit(texts, labels, weight, distant=…, progress=…)` and `predict_proba(texts)`."""
    most_distant: int | None = SLOW
    """Rows labelled by emoticons that it learns from by default; None for all."""
    serves: bool = False
    """Whether it makes an artefact; the others are measured only."""

    @property
    def packages(self) -> tuple[str, ...]:
        """What its results depend on."""
        more = {"linear": (), "trees": ("lightgbm",), "vectors": ("gensim", "lightgbm")}
        return ("numpy", "scipy", "scikit-learn", "numba", *more[self.family])


def _hashed(seed: int) -> Any:
    return HashedClassifier(temperature=TEMPERATURE, random_state=seed)


def _mixed(features: Callable[[], Any], head: Callable[[int], Any]) -> Callable[[int], Any]:
    def build(seed: int) -> Any:
        from training.linear.mixed_classifier import MixedClassifier

        return MixedClassifier(features(), head(seed), random_state=seed)

    return build


def _ngrams(*, chars: bool = True) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, dtype=np.float32)
    if not chars:
        return words
    inside = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=5, sublinear_tf=True, dtype=np.float32)
    return make_union(words, inside)


def _reduced() -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.pipeline import make_pipeline

    return make_pipeline(_ngrams(chars=False), TruncatedSVD(100, n_iter=3, random_state=0))


def _vectors(kind: Any) -> Any:
    from training.linear.word_vectors import AveragedVectors

    return AveragedVectors(kind)


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=2.0, max_iter=60, random_state=seed)


def _ridge(seed: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import RidgeClassifier

    return CalibratedClassifierCV(RidgeClassifier(alpha=2.0, solver="sparse_cg", tol=1e-3, random_state=seed), cv=3)


def _svm(seed: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import LinearSVC

    return CalibratedClassifierCV(LinearSVC(C=0.2, tol=1e-3, random_state=seed), cv=3)


def _nb_weighted(_: int) -> Any:
    from training.linear.nb_weighted import NbWeightedRegression

    return NbWeightedRegression()


def _lightgbm(seed: int) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=200, learning_rate=0.1, n_jobs=1, random_state=seed, verbose=-1)


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=150, random_state=seed)


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, min_samples_leaf=5, max_samples=0.3, n_jobs=1, random_state=seed)


_LEARNERS: Final = {
    "lr": ("logistic regression", _logistic),
    "ridge": ("ridge, calibrated", _ridge),
    "svm": ("linear SVM, calibrated", _svm),
    "nbsvm": ("naive-Bayes-weighted logistic regression", _nb_weighted),
    "lightgbm": ("LightGBM", _lightgbm),
    "boosting": ("gradient boosting on histograms", _boosting),
    "forest": ("random forest", _forest),
}


def _all() -> list[Member]:
    members = [Member("linear", "hashed", "hashed n-grams, compiled (serves)", _hashed, most_distant=None, serves=True)]
    for name, (about, head) in _LEARNERS.items():
        if name in ("lr", "ridge", "svm", "nbsvm"):
            title = f"TF-IDF of word 1-2-grams and characters, {about}"
            members.append(Member("linear", f"tfidf-{name}", title, _mixed(_ngrams, head)))
        else:
            title = f"100 components of TF-IDF, {about}"
            members.append(Member("trees", f"svd-{name}", title, _mixed(_reduced, head)))
    for kind in ("word2vec", "fasttext"):
        for name in ("lr", "svm", "lightgbm", "forest"):
            about, head = _LEARNERS[name]
            title = f"averaged {kind} vectors, {about}"
            members.append(Member("vectors", f"{kind}-{name}", title, _mixed(_bound(kind), head)))
    return members


def _bound(kind: str) -> Callable[[], Any]:
    return lambda: _vectors(kind)


MEMBERS: Final = {member.name: member for member in _all()}
FAMILIES: Final = ("linear", "trees", "vectors")
