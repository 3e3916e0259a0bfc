from __future__ import annotations

import threading
import time

from stream.in_flight import InFlight


def _returns_within(timeout_s: float, in_flight: InFlight) -> bool:
    since = time.monotonic()
    in_flight.wait_for_turn(timeout_s)
    return time.monotonic() - since < timeout_s


def test_polling_does_not_wait_when_nothing_is_on_its_way() -> None:
    assert _returns_within(5, InFlight(4))


def test_polling_waits_while_the_batch_before_has_a_way_to_go_but_not_for_ever() -> None:
    in_flight = InFlight(4)
    in_flight.add()
    assert not _returns_within(0.05, in_flight)


def test_polling_goes_on_when_the_batch_before_is_about_to_be_committed() -> None:
    in_flight = InFlight(4)
    in_flight.add()
    threading.Timer(0.05, in_flight.committing).start()
    assert _returns_within(5, in_flight)


def test_polling_waits_when_another_batch_is_behind_the_one_that_commits() -> None:
    in_flight = InFlight(4)
    in_flight.add()
    in_flight.add()
    in_flight.committing()
    assert not _returns_within(0.05, in_flight)
    in_flight.release()
    assert not _returns_within(0.05, in_flight)  # the second one's commit has not begun
    in_flight.release()
    assert _returns_within(5, in_flight)


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
    assert not in_flight.idle
    assert not in_flight.wait_until_idle(0.02)
    in_flight.release()
    assert in_flight.wait_until_idle(0)
