"""Kafka and Redis die, come back, and in Redis' case have forgotten something."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.chaos.site import Site
from tests.waiting import PATIENCE_S, until


def _flowing(site: Site) -> None:
    site.start_notifier()
    worker = site.start_worker()
    site.send()
    site.visible.wait_since(worker.started)


@pytest.mark.slow
def test_a_broker_killed_and_started_again_loses_and_doubles_nothing(site: Site) -> None:
    _flowing(site)
    for away_s in (0.0, 5.0):
        time.sleep(4)
        site.kafka.kill()
        time.sleep(away_s)
        site.kafka.start()
        site.start_again()  # away for longer than the session, Kafka may take the worker for an older one of its name
    site.check()


def test_without_kafka_a_worker_ends_when_it_is_told_to_and_by_itself_after_the_set_time(site: Site) -> None:
    told = site.start_worker(drain_timeout_s="2")  # by default it waits ten seconds for what is under way
    alone = site.start_worker(give_up_after_s="8", drain_timeout_s="2")
    site.send()
    site.visible.wait_since(told.started)
    until(lambda: "Kafka assigned tweets" in alone.log.read_text(), said=site.said)
    site.visible.wait_since(time.time())
    site.kafka.kill()
    try:
        status, _ = told.terminate(PATIENCE_S)
        assert status in (0, 1), site.said()  # 0 if it could leave after all
        until(lambda: not alone.alive, said=site.said)
        assert alone.status == 1, site.said()
    finally:
        site.kafka.start()
    site.start_worker()
    site.check()


@pytest.mark.slow
def test_scoring_goes_on_without_redis_and_counting_catches_up(site: Site) -> None:
    _flowing(site)
    time.sleep(3)
    site.redis.kill()
    time.sleep(1)
    site.visible.wait_since(time.time())
    time.sleep(3)
    site.visible.wait_since(time.time())
    site.redis.start()
    time.sleep(2)
    site.redis.restart()
    site.check()


def test_a_redis_that_lost_its_last_second_is_counted_again(site: Site, tmp_path: Path) -> None:
    _flowing(site)
    time.sleep(4)
    with site.client() as client:
        folder = Path(client.config_get("dir")["dir"]) / "appendonlydir"
    for older in (tmp_path / "older-1", tmp_path / "older-2"):
        time.sleep(2)
        shutil.copytree(folder, older)
        time.sleep(1)
        site.redis.kill()
        shutil.rmtree(folder)
        shutil.copytree(older, folder)
        site.redis.start()
    site.check()
    site.check_states("ConsecutiveErrors")


@pytest.mark.slow
def test_a_redis_that_lost_everything_is_filled_again(site: Site) -> None:
    _flowing(site)
    time.sleep(6)
    with site.client() as client:
        client.flushall()
    time.sleep(2)
    site.check()
