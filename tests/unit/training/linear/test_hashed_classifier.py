from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from training.data.datasets import one_hot
from training.linear.binary_classifier import BinaryWeights, learn_binary
from training.linear.hashed_classifier import HashedClassifier

GOOD = ["great", "love", "thanks", "best", "happy"]
BAD = ["lost", "late", "rude", "worst", "hate"]
PLAIN = ["when", "gate", "today", "number", "from"]
FILL = ["the", "my", "flight", "bag", "crew", "is", "was", "a"]


def made_up(n: int, seed: int, kinds: tuple[list[str], ...] = (BAD, PLAIN, GOOD)) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = {id(BAD): "negative", id(PLAIN): "neutral", id(GOOD): "positive"}
    texts, names = [], []
    for _ in range(n):
        kind = kinds[rng.integers(len(kinds))]
        words = [*rng.choice(FILL, 4), rng.choice(kind)]
        texts.append(" ".join(rng.permutation(words)))
        names.append(labels[id(kind)])
    return texts, np.array(names)


def small(**params: object) -> HashedClassifier:
    return HashedClassifier(polarity_bits=14, word_bits=12, char_bits=12, min_count=1, **params)  # type: ignore[arg-type]


def test_it_learns_three_labels_from_people_alone() -> None:
    texts, labels = made_up(600, 0)
    fresh, truth = made_up(200, 1)
    assert (small().fit(texts, labels).predict(fresh) == truth).mean() > 0.97


def test_polarity_learnt_from_emoticons_helps_where_people_labelled_little() -> None:
    emoticons, directions = made_up(3000, 0, (BAD, GOOD))
    texts, labels = made_up(25, 1)
    fresh, truth = made_up(500, 2)
    alone = small().fit(texts, labels).score(fresh, truth)
    distant = np.array([True] * len(emoticons) + [False] * len(texts))
    both = small().fit(emoticons + texts, np.append(directions, labels), distant=distant)
    assert both.score(fresh, truth) > alone + 0.05


def test_the_same_seed_gives_the_same_model() -> None:
    texts, labels = made_up(200, 0)
    one, two = (small(random_state=3).fit(texts, labels).predict_proba(texts) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_a_row_of_weight_zero_teaches_nothing() -> None:
    texts, labels = made_up(300, 0)
    wrong = np.where(labels == "negative", "positive", "negative")
    weight = np.repeat([1.0, 0.0], len(texts))
    model = small().fit(texts + texts, np.append(labels, wrong), weight)
    fresh, truth = made_up(200, 1)
    assert model.score(fresh, truth) > 0.95


def test_a_teachers_probabilities_are_learnt_as_they_are() -> None:
    texts, labels = made_up(400, 0)
    unsure = ["the seat is blue"] * 60
    everything, names = texts + unsure, np.append(labels, ["positive"] * 60)
    targets = np.concatenate([one_hot(labels), np.tile(np.array([0.1, 0.4, 0.5], np.float32), (60, 1))])
    table = small().fit(everything, names, targets=targets).predict_proba(unsure[:1])[0]
    assert table[1] == pytest.approx(0.4, abs=0.1)
    assert small().fit(everything, names).predict_proba(unsure[:1])[0, 1] < 0.1
    np.testing.assert_array_equal(
        small().fit(texts, labels).predict_proba(texts),
        small().fit(texts, labels, targets=one_hot(labels)).predict_proba(texts),
    )


def test_it_is_an_estimator_for_scikit_learn() -> None:
    estimator = small(epochs=3)
    assert clone(estimator).get_params() == estimator.get_params()
    texts, labels = made_up(300, 0)
    assert cross_val_score(estimator, texts, labels, cv=3).min() > 0.9


@pytest.mark.parametrize(
    ("labels", "distant", "message"),
    [
        (["negative"], None, "2 texts, 1 labels"),
        (["negative", "angry"], None, "unknown label 'angry'"),
        (["negative", "neutral"], [False, True], "a distant row is neutral"),
    ],
)
def test_rows_that_make_no_sense_are_refused(labels: list[str], distant: list[bool] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().fit(["a", "b"], labels, distant=distant)


def test_a_large_file_is_learnt_in_chunks_as_in_one() -> None:
    texts, labels = made_up(500, 0, (BAD, GOOD))

    def learnt(chunk: int) -> BinaryWeights:
        return learn_binary(
            texts,
            labels == "positive",
            np.ones(len(texts)),
            words=(14, 2),
            chars=(12, 3, 4),
            reach=4,
            min_count=1,
            epochs=2,
            rate=0.1,
            l2=0.01,
            progress=lambda _epoch: None,
            chunk=chunk,
        )

    whole, parts = learnt(500), learnt(37)
    assert np.any(whole.words)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)
