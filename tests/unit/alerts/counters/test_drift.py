from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from alerts.counters.counts import ANSWER_BINS
from alerts.detectors.drift import Reference, jensen_shannon, judge, kolmogorov_smirnov
from contracts.events import SENTIMENTS
from contracts.rules.schema import Drift

RULE = Drift(alert="Drift", kind="drift")
REFERENCE = Reference((0.4, 0.25, 0.35), tuple([0.0] * 8 + [0.05] * 8 + [0.15] * 4))


def said(source: random.Random, tweets: int, classes: tuple[float, ...], *, surer: int = 0) -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    for _ in range(tweets):
        (label,) = source.choices(SENTIMENTS, classes)
        (bin_,) = source.choices(range(ANSWER_BINS), REFERENCE.confidence)
        found[label, min(bin_ + surer, ANSWER_BINS - 1)] += 1
    return found


def test_the_same_distribution_fires_never() -> None:
    source = random.Random(1)
    for _ in range(100):
        verdict = judge(RULE, said(source, 2000, REFERENCE.classes), REFERENCE, firing=False)
        assert verdict is not None
        assert not verdict.active


@pytest.mark.parametrize(
    ("classes", "surer", "reason"),
    [((0.72, 0.14, 0.14), 0, "share of negative has moved by +3"), ((0.4, 0.25, 0.35), 7, "Kolmogorov-Smirnov"),
     ((0.85, 0.1, 0.05), 0, "Jensen-Shannon")],
)  # fmt: skip
def test_each_measure_has_its_limit(classes: tuple[float, ...], surer: int, reason: str) -> None:
    verdict = judge(RULE, said(random.Random(2), 4000, classes, surer=surer), REFERENCE, firing=False)
    assert verdict is not None
    assert verdict.active
    assert any(reason in one for one in verdict.reasons)


def test_few_tweets_say_nothing() -> None:
    assert judge(RULE, {("negative", 19): 1999}, REFERENCE, firing=False) is None
    assert judge(RULE, {("negative", 19): 2000}, REFERENCE, firing=False) is not None


def test_it_ends_below_nine_tenths_of_the_limit() -> None:
    rule = RULE.model_copy(update={"jensen_shannon": 1.0, "kolmogorov_smirnov": 1.0})
    near = {("negative", 15): 680, ("neutral", 15): 140, ("positive", 15): 180}
    calm = rule.model_copy(update={"min_tweets": 1000})
    for firing, active in ((False, False), (True, True)):
        verdict = judge(calm, near, REFERENCE, firing=firing)
        assert verdict is not None
        assert verdict.active is active


def test_the_measures_are_the_published_ones() -> None:
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import ks_2samp

    one, other = (0.7, 0.2, 0.1), (0.2, 0.3, 0.5)
    assert jensen_shannon(one, other) == pytest.approx(jensenshannon(one, other, 2) ** 2)
    assert jensen_shannon((1, 0), (0, 1)) == 1.0
    left, right = [0, 0, 1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 3, 3, 3, 3]
    shares = [[numbers.count(value) / len(numbers) for value in range(4)] for numbers in (left, right)]
    assert kolmogorov_smirnov(*shares) == pytest.approx(ks_2samp(left, right).statistic)


@pytest.mark.parametrize(
    "metadata",
    [{}, {"reference": None}, {"reference": {"classes": {"negative": 1}, "confidence": [0.05] * 20}},
     {"reference": {"classes": dict.fromkeys(SENTIMENTS, 0.3), "confidence": [1.0]}},
     {"reference": {"classes": dict.fromkeys(SENTIMENTS, 0), "confidence": [0.05] * 20}}],
)  # fmt: skip
def test_a_model_without_a_usable_reference_has_none(metadata: dict[str, Any]) -> None:
    assert Reference.of(metadata) is None
