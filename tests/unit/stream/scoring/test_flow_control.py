from __future__ import annotations

import threading

from stream.scoring.flow_control import BatchSize, InFlight


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


def test_no_more_than_the_most_set_out() -> None:
    in_flight = InFlight(2)
    in_flight.add()
    assert in_flight.has_room(0)
    in_flight.add()
    assert not in_flight.has_room(0.02)
    in_flight.release()
    assert in_flight.has_room(0)


def test_it_is_idle_only_when_everything_has_arrived() -> None:
    in_flight = InFlight(2)
    assert in_flight.idle
    in_flight.add()
    in_flight.add()
    in_flight.release()
    assert not in_flight.idle
    assert not in_flight.wait_until_idle(0.02)
    in_flight.release()
    assert in_flight.wait_until_idle(0)


def test_whoever_waits_is_woken_by_the_last_arrival() -> None:
    in_flight = InFlight(2)
    in_flight.add()
    threading.Timer(0.05, in_flight.release).start()
    assert in_flight.wait_until_idle(5)
