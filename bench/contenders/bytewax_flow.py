"""A bytewax flow that works on whole batches (`flat_map_batch`), without recovery: bytewax at its fastest."""

from __future__ import annotations

from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow

from bench.functions import CameIn, Work

work = Work()
brokers = work.settings.kafka.bootstrap_servers.split(",")


def score(messages: list[Any]) -> list[KafkaSinkMessage[bytes | None, bytes | None]]:
    """Score what the source handed over."""
    came = [CameIn(one.key, one.value, one.timestamp[1]) for one in messages]
    return [
        KafkaSinkMessage(record.key, record.value, headers=record.headers, timestamp=record.timestamp_ms)
        for record in work(came)
    ]


flow = Dataflow("bench")
source = kop.input("in", flow, brokers=brokers, topics=[work.settings.kafka.topics.tweets], batch_size=4000)
scored = op.flat_map_batch("score", source.oks, score)
kop.output(
    "out",
    scored,
    brokers=brokers,
    topic=work.settings.kafka.topics.scored,
    add_config={"linger.ms": "5", "compression.type": "lz4", "queue.buffering.max.messages": "1000000"},
)
