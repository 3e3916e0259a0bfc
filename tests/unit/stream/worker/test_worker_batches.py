from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from contracts.settings import Settings
from stream.counting.feedback_consumer import FeedbackBatch
from stream.counting.marked_consumer import MarkedBatch
from stream.kafka.records import RecordBatch
from stream.worker.instance import Instance
from tests.servers import free_ports
from tests.waiting import until

if TYPE_CHECKING:
    from stream.worker.faust_app import Deliver, Failed, Roles, Worker


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    settings = Settings()
    settings.worker.group = tmp_path.name
    instance = Instance(settings)
    yield instance
    instance.release()


async def test_the_app_needs_no_kafka_of_its_own_and_hands_both_kinds_of_batches_to_its_agents(
    tmp_path: Path, instance: Instance
) -> None:
    from stream.worker.faust_app import Roles, create_worker

    taken: asyncio.Queue[Any] = asyncio.Queue()
    started: asyncio.Queue[bool] = asyncio.Queue()
    stopped: list[bool] = []
    delivering: list[Deliver] = []

    async def take(batch: Any) -> None:
        await taken.put(batch)

    def role(**more: Any) -> Any:
        return SimpleNamespace(start=lambda: started.put_nowait(True), stop=lambda: stopped.append(True), **more)

    def build(deliver: Deliver, _failed: Failed) -> Roles:
        delivering.append(deliver)
        return Roles(role(judge=take), role(score=take), None, cast("Any", None), lambda: None)

    settings = Settings()
    settings.local.data_dir = tmp_path
    (settings.worker.web_port,) = free_ports(1)
    settings.kafka.bootstrap_servers = "127.0.0.1:1"
    app: Worker = create_worker(settings, instance, build, {"version": 1, "incremental": True})
    app.finalize()
    await app.start()
    for _ in range(2):
        await asyncio.wait_for(started.get(), 10)
    tweets, feedback = RecordBatch([], 1, None), FeedbackBatch(MarkedBatch("t", 0, 0, 1))
    delivering[0](tweets)
    delivering[0](feedback)
    arrived = [await asyncio.wait_for(taken.get(), 10) for _ in range(2)]
    await app.stop()
    assert arrived in ([tweets, feedback], [feedback, tweets])
    assert stopped == [True, True]
    # Nothing is left that would end this process by force.
    until(lambda: not any(isinstance(thread, threading.Timer) for thread in threading.enumerate()), 5)
