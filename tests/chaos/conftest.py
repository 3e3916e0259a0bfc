"""A Redis and a site for each test. `CHAOS=all` (make chaos) runs the long ones too."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.site import ALL, Site
from tests.servers import RunningServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not ALL and "tests/chaos" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason="long; make chaos runs it"))


@pytest.fixture
def chance() -> random.Random:
    """Random moments, other ones in each run; a test that fails shows the seed, and `CHAOS_SEED` sets it."""
    seed = int(os.environ.get("CHAOS_SEED", time.time_ns()))
    print(f"CHAOS_SEED={seed}")  # noqa: T201
    return random.Random(seed)


@pytest.fixture
def site(tmp_path: Path, own_kafka: RunningServer, own_redis: RunningServer) -> Iterator[Site]:
    site = Site(tmp_path, own_kafka, own_redis)
    yield site
    site.close()
