"""What both bytewax contenders share: source and sink, and the work on a batch in between."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow

from bench.stage.functions import CameIn, Work

_work = Work()
_kafka = _work.settings.kafka
_brokers = _kafka.bootstrap_servers.split(",")

Scored: TypeAlias = KafkaSinkMessage[bytes | None, bytes | None]


def tweets(flow: Dataflow) -> Any:
    """The stream of what comes in, up to 4,000 at a time."""
    return kop.input("in", flow, brokers=_brokers, topics=[_kafka.topics.tweets], batch_size=4000).oks


def score(messages: Iterable[Any]) -> list[Scored]:
    """Score what the source handed over."""
    came = [CameIn(one.key, one.value, one.timestamp[1]) for one in messages]
    return [
        KafkaSinkMessage(key, value, headers=headers, timestamp=timestamp_ms)
        for key, value, headers, timestamp_ms in _work(came)
    ]


def write(scored: Any) -> None:
    """Into the output topic."""
    kop.output(
        "out",
        scored,
        brokers=_brokers,
        topic=_kafka.topics.scored,
        add_config={"linger.ms": "5", "compression.type": "lz4", "queue.buffering.max.messages": "1000000"},
    )
