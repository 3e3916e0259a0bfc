"""Workers that hang, join, leave and stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.site import Process, Site
from tests.servers import RunningServer
from tests.waiting import PATIENCE_S, until


@pytest.fixture
def short_session(tmp_path: Path, own_kafka: RunningServer, own_redis: RunningServer) -> Iterator[Site]:
    site = Site(tmp_path, own_kafka, own_redis, session_s=6)
    yield site
    site.close()


@pytest.mark.slow
def test_a_worker_frozen_beyond_its_session_publishes_nothing_twice(short_session: Site) -> None:
    site = short_session
    frozen, other = site.start_worker(), site.start_worker()
    site.send(rate=500)
    site.visible.wait_since(max(frozen.started, other.started))
    time.sleep(4)  # both have partitions
    frozen.pause()
    time.sleep(9)
    site.visible.wait_since(time.time())
    frozen.resume()
    until(lambda: _was_fenced(frozen), said=site.said)
    site.start_again()  # it may have ended
    site.check()
    assert other.alive


def _was_fenced(worker: Process) -> bool:
    """Kafka has refused it: its producer, so that it ended, or its membership, so that it begins anew."""
    return worker.status == 1 or "the group went on without this worker" in worker.log.read_text(errors="replace")


@pytest.mark.slow
def test_workers_that_join_and_leave_lose_and_double_nothing(short_session: Site) -> None:
    site = short_session
    workers = [site.start_worker()]
    site.send(rate=500)
    site.visible.wait_since(workers[0].started)
    for _ in range(2):
        workers += [site.start_worker(), site.start_worker()]
        time.sleep(8)
        workers.pop(0).kill()
        status, _ = workers.pop(0).terminate(PATIENCE_S)
        assert status == 0, site.said()
        time.sleep(4)
    site.check()


def test_sigterm_drains_and_ends_with_status_0(site: Site) -> None:
    worker = site.start_worker()
    site.send(rate=1000)
    site.visible.wait_since(worker.started)
    time.sleep(2)
    status, _ = worker.terminate(PATIENCE_S)
    assert status == 0, site.said()
    site.start_worker()
    site.check()


@pytest.mark.slow
def test_topics_created_again_under_a_running_worker_are_scored_counted_and_judged_from_their_beginning(
    site: Site,
) -> None:
    worker = site.start_worker()
    site.send(rate=300)
    site.visible.wait_since(worker.started)
    time.sleep(3)
    site.check()
    site.create_topics_again()
    site.send(rate=300)
    site.visible.wait_since(time.time())
    time.sleep(5)
    site.check()
    assert worker.alive
