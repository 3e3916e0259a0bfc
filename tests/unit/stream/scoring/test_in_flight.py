from __future__ import annotations

import threading

from stream.scoring.in_flight import InFlight


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
