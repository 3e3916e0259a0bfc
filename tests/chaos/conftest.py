"""A broker for all chaos tests, a Redis and a site for each. `CHAOS=all` (make chaos) runs the long ones too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.site import Site
from tests.servers import RunningServer, start_kafka

ALL = os.environ.get("CHAOS") == "all"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not ALL and "tests/chaos" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason="long; make chaos runs it"))


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = start_kafka(tmp_path_factory.mktemp("chaos-kafka"))
    yield running
    running.kill()


@pytest.fixture
def site(tmp_path: Path, broker: RunningServer, own_redis: RunningServer) -> Iterator[Site]:
    site = Site(tmp_path, broker, own_redis)
    yield site
    site.close()
