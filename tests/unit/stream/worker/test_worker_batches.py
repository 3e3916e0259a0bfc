from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import faust

from stream.worker.faust_app import Batches


async def test_a_rebalance_of_faust_drops_no_batch_on_its_way(tmp_path: Path) -> None:
    app = faust.App("batches", datadir=str(tmp_path), autodiscover=False)
    batches = Batches(app)
    agent = aiter(batches)
    before: Any = "polled before"
    meanwhile: Any = "polled meanwhile"
    assert batches.subscriber_count == 1
    app.flow_control.resume()
    await batches.put(before)
    app.flow_control.suspend()
    app.flow_control.clear()
    await asyncio.wait_for(batches.put(meanwhile), 1)
    app.flow_control.resume()
    assert [agent.queue.get_nowait(), agent.queue.get_nowait()] == [before, meanwhile]
