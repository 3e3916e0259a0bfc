from __future__ import annotations

from typing import get_args

import numpy as np

from alerts.backtest.series import Span, count, distinct
from alerts.counters.voices import PERIOD_S
from contracts.rules.schema import Unit


def test_a_text_counts_again_once_it_has_been_away_for_a_whole_period() -> None:
    times = np.array([0, 5, PERIOD_S, 2 * PERIOD_S, 4 * PERIOD_S], np.int64)
    assert distinct(times, np.zeros(5, np.uint64)).tolist() == [True, False, False, False, True]


def test_different_texts_count_each_whatever_their_order() -> None:
    times = np.array([30, 10, 20, 15], np.int64)
    texts = np.array([1, 2, 1, 2], np.uint64)
    assert distinct(times, texts).tolist() == [False, True, True, False]


def test_late_tweets_fill_the_past_only() -> None:
    times = np.array([60, 61, 66], np.int64)
    series = count(
        Span.of(times),
        times,
        np.array([True, True, False]),
        np.array([1, 2, 3], np.uint64),
        np.array([False, True, False]),
    )
    assert series.start_s == 60
    assert series.negative.tolist() == [1, 0]
    assert series.past_negative.tolist() == [2, 0]
    assert series.total.tolist() == [1, 1]
    assert series.tweets.tolist() == [1, 1]


def test_a_backtest_counts_authors_as_the_worker_does() -> None:
    times = np.array([0, 5, 10, 15, 20, 25], np.int64)
    negative = np.array([True, True, True, True, False, False])
    texts = np.array([1, 2, 3, 3, 4, 5], np.uint64)
    authors = np.array([7, 7, 8, 0, 7, 0], np.uint64)
    found = {unit: count(Span.of(times), times, negative, texts, authors=authors, unit=unit) for unit in get_args(Unit)}
    # 7 and 8 complain, so does somebody unknown; 7 also says something else, as does somebody unknown.
    assert [(unit, int(one.negative.sum()), int(one.total.sum())) for unit, one in found.items()] == [
        ("voices", 3, 5),
        ("texts", 3, 5),
        ("tweets", 4, 6),
    ]
    assert int(count(Span.of(times), times, negative, texts).negative.sum()) == 3


def test_of_what_the_model_is_not_sure_of_an_author_counts_with_a_new_text_only() -> None:
    times = np.arange(0, 30, 5, dtype=np.int64)
    negative = np.array([True, True, True, True, True, False])
    texts = np.array([1, 1, 1, 2, 3, 1], np.uint64)
    authors = np.array([7, 8, 9, 7, 10, 11], np.uint64)
    sure = np.array([False, False, True, False, False, False])
    found = count(Span.of(times), times, negative, texts, authors=authors, sure=sure)
    # The text counts once and once more for whom the model is sure of; 7 has counted, 10 says something new.
    assert found.negative.tolist() == [1, 0, 1, 0, 1, 0]
    assert found.total.tolist() == [1, 0, 1, 0, 1, 0]
    assert count(Span.of(times), times, negative, texts, sure=sure).total.tolist() == [1, 0, 0, 1, 1, 0]
