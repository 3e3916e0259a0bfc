"""A cluster of three brokers loses one after the other, and the worker goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.site import Site
from tests.kafka_brokers import Cluster
from tests.servers import RunningServer


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


@pytest.mark.slow
def test_each_of_three_brokers_killed_in_turn_loses_and_doubles_nothing(
    cluster: Cluster, own_redis: RunningServer, tmp_path: Path
) -> None:
    # Longer than the cluster takes to miss a broker and to have another lead, as docs/kubernetes.md asks for.
    site = Site(tmp_path, cluster.brokers[0], own_redis, copies=3, session_s=30)
    try:
        site.start_notifier()
        worker = site.start_worker()
        site.send()
        site.visible.wait_since(worker.started)
        gaps = []
        for number, server in enumerate(cluster.brokers, 1):
            time.sleep(4)
            assert number in cluster.leaders(site.topics.tweets) + cluster.leaders(site.topics.scored)
            server.kill()
            since = time.monotonic()
            for _ in range(2):  # the first may have been on its way
                site.start_again()  # the Kafka client may not come back from a call, then the worker ends
            gaps.append(time.monotonic() - since)
            cluster.start()
        site.check()
        shown = ", ".join(f"{gap:.1f}" for gap in gaps)
        print(f"\nkill of a broker to visible output: {shown} s; workers started again: {site.ended}")  # noqa: T201
    finally:
        site.close()
