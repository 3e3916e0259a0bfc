from __future__ import annotations

from stream.scoring.batch_size import BatchSize


def test_it_begins_small_and_takes_what_a_quick_model_can() -> None:
    size = BatchSize(16_000)
    assert size.limit == 500
    size.learn("1", 500, 0.005)
    assert size.limit == 16_000
    assert BatchSize(100).limit == 100


def test_a_slow_model_gets_as_many_as_it_scores_in_half_a_second() -> None:
    size = BatchSize(16_000)
    size.learn("1", 500, 2.5)
    assert size.limit == 100
    size.learn("1", 100, 50.0)
    for _ in range(20):
        size.learn("1", 16, 8.0)
    assert size.limit == 16


def test_one_odd_batch_does_not_change_much() -> None:
    size = BatchSize(16_000)
    for _ in range(10):
        size.learn("1", 1000, 0.1)
    assert size.limit == 5000
    size.learn("1", 1000, 0.2)
    assert 3500 < size.limit < 4500


def test_another_model_starts_with_its_own_pace() -> None:
    size = BatchSize(16_000)
    for _ in range(10):
        size.learn("1", 1000, 0.01)
    size.learn("2", 100, 1.0)
    assert size.limit == 50
    size.learn("1", 50, 0.001)
    assert size.limit == 16_000
