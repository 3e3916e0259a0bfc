"""A Faust agent, one tweet at a time, as Faust's own introduction writes one."""

from __future__ import annotations

from typing import Any

import faust

from bench.contenders.faust_app import build
from bench.stage.functions import CameIn, Work

work = Work()
app, tweets, scored = build(work.settings)


@app.agent(tweets)
async def score(stream: Any) -> None:
    """Score and forward each tweet; Faust acknowledges it when the loop goes on.

    As in Faust's documentation, `send` is awaited once: the record is with the producer, not yet with Kafka. Faust
    flushes the producer before it commits, so a crash loses nothing; a send that fails for good is logged and lost.
    """
    async for event in stream.events():
        message: faust.types.Message = event.message
        for record in work([CameIn(message.key, message.value, int(message.timestamp * 1000))]):
            await scored.send(
                key=record.key, value=record.value, headers=record.headers, timestamp=record.timestamp_ms / 1000
            )
