from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from learning.labels.quarantine import improbable, suspects

BAD = ["lost", "late", "awful", "rude", "broken", "cancelled", "dirty", "never"]
GOOD = ["thanks", "great", "love", "friendly", "smooth", "quick", "lovely", "perfect"]
PLAIN = ["flight", "gate", "seat", "tomorrow", "boarding", "paris", "london", "schedule"]
FILL = ["the", "crew", "bag", "was", "my", "on", "to", "a"]


def judged(
    rng: np.random.Generator, judge: int, count: int, right: float, *, flipped: bool = False
) -> list[tuple[str, int, int]]:
    rows = []
    for _ in range(count):
        truth = int(rng.integers(0, 3))
        words = [*rng.choice([BAD, PLAIN, GOOD][truth], 2), *rng.choice(FILL, 4)]
        said = truth if rng.random() < right else int((truth + rng.integers(1, 3)) % 3)
        rows.append((" ".join(words), {0: 2, 1: 0, 2: 0}[truth] if flipped else said, judge))
    return rows


def named(rows: list[tuple[str, int, int]], asked: NDArray[np.bool_] | None = None) -> list[int]:
    texts = [text for text, _, _ in rows]
    codes, judges = np.array([code for _, code, _ in rows]), np.array([judge for *_, judge in rows])
    asked = np.ones(len(rows), bool) if asked is None else asked
    flags = improbable(texts, codes, judges, np.full((len(rows), 3), 1 / 3), asked=asked)
    return sorted(suspects(judges, flags, asked))


@pytest.mark.parametrize("right", [0.9, 0.8])
def test_poisoners_are_named_and_honest_judges_never(right: float) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        honest = [row for judge in range(6) for row in judged(rng, judge, 80, right)]
        assert named(honest) == []
        poison = [row for judge in (6, 7) for row in judged(rng, judge, 80, 1, flipped=True)]
        assert named(honest + poison) == [6, 7]


def test_those_who_send_feedback_are_compared_with_each_other() -> None:
    rng = np.random.default_rng(3)
    reviews = [row for judge in range(4) for row in judged(rng, judge, 100, 0.95)]
    feedback = [row for judge in range(4, 8) for row in judged(rng, judge, 60, 0.6)]
    rows = reviews + feedback
    assert named(rows, np.array([judge < 4 for *_, judge in rows])) == []


def test_two_judges_cannot_be_told_apart_and_few_judgements_say_nothing() -> None:
    rng = np.random.default_rng(0)
    assert named(judged(rng, 0, 100, 1) + judged(rng, 1, 100, 1, flipped=True)) == []
    few = [row for judge in range(4) for row in judged(rng, judge, 100, 0.9)] + judged(rng, 4, 10, 1, flipped=True)
    assert named(few) == []


def test_the_reason_says_how_often_and_what_is_usual() -> None:
    judges = np.repeat(np.arange(4), 50)
    flags = np.concatenate([np.arange(50) < 5, np.arange(50) < 5, np.arange(50) < 6, np.arange(50) < 45])
    found = suspects(judges, flags, np.ones(200, bool))
    assert found[3].reason.startswith("45 of 50 labels (90%) are improbable")
