from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from learning.labels.agreement import cohens_kappa, dawid_skene, krippendorffs_alpha


def test_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 3, 200)
    second = np.where(rng.random(200) < 0.7, first, rng.integers(0, 3, 200))
    assert cohens_kappa(first.tolist(), second.tolist()) == pytest.approx(cohen_kappa_score(first, second))


def test_kappa_says_nothing_where_chance_explains_everything() -> None:
    assert cohens_kappa([], []) is None
    assert cohens_kappa([1, 1], [1, 1]) is None


def test_alpha_is_that_of_krippendorffs_example() -> None:
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), C: four observers, nominal alpha = .743
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    rows = [(item, code - 1) for judge in table for item, code in enumerate(judge) if code is not None]
    alpha = krippendorffs_alpha([item for item, _ in rows], [code for _, code in rows], labels=5)
    assert alpha == pytest.approx(0.743, abs=5e-4)


def test_alpha_says_nothing_without_two_judgements_of_one_text() -> None:
    assert krippendorffs_alpha([0, 1], [0, 1]) is None
    assert krippendorffs_alpha([0, 0], [1, 1]) is None


def test_dawid_and_skene_find_who_is_right_and_what_is_true() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 300)
    rights = [0.95, 0.85, 0.75, 0.5]
    items, judges, codes = [], [], []
    for judge, right in enumerate(rights):
        for item in range(300):
            wrong = (truth[item] + rng.integers(1, 3)) % 3
            items.append(item)
            judges.append(judge)
            codes.append(truth[item] if rng.random() < right else wrong)
    found = dawid_skene(np.array(items), np.array(judges), np.array(codes))
    assert found.reliability.tolist() == pytest.approx(rights, abs=0.06)
    assert (found.probabilities.argmax(axis=1) == truth).mean() > 0.93


def test_who_judged_alone_is_believed_as_anybody() -> None:
    found = dawid_skene(np.array([0, 1]), np.array([0, 1]), np.array([0, 2]))
    assert found.reliability.tolist() == pytest.approx([0.8, 0.8])
    assert found.probabilities.argmax(axis=1).tolist() == [0, 2]


def test_a_rare_label_that_one_judge_gives_is_believed_like_a_frequent_one() -> None:
    codes = np.repeat([0, 1, 2], [640, 210, 150])
    found = dawid_skene(np.arange(1_000), np.arange(1_000) % 12, codes)
    assert (found.probabilities.argmax(axis=1) == codes).all()
    assert found.probabilities.max(axis=1) == pytest.approx(np.full(1_000, 0.8))
