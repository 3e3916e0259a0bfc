"""A Faust agent over `noack_take(1000)`: scored in an executor, sends awaited, then acknowledged. At least once."""

from __future__ import annotations

import asyncio
from typing import Any

from bench.contenders.faust_app import build
from bench.stage.functions import CameIn, Work

work = Work()
app, tweets, scored = build(work.settings)


@app.agent(tweets)
async def score(stream: Any) -> None:
    """Score and forward a thousand tweets at a time."""
    loop = asyncio.get_running_loop()
    async for events in stream.noack_take(1000, within=0.1):
        messages = [event.message for event in events]
        came = [CameIn(one.key, one.value, int(one.timestamp * 1000)) for one in messages]
        records = await loop.run_in_executor(None, work, came)
        sent = [
            await scored.send(
                key=record.key, value=record.value, headers=record.headers, timestamp=record.timestamp_ms / 1000
            )
            for record in records
        ]
        await asyncio.gather(*sent)  # the second await is the delivery
        for event in events:
            event.ack()
