"""A bytewax flow that collects batches by partition (`collect`), as its documentation does for work in batches."""

from __future__ import annotations

from datetime import timedelta

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from bench.contenders.bytewax_kafka import score, tweets, write

flow = Dataflow("bench")
keyed = op.key_on("partition", tweets(flow), lambda message: str(message.partition))
collected = op.collect("collect", keyed, timeout=timedelta(milliseconds=100), max_size=4000)
write(op.flat_map("score", collected, lambda batch: score(batch[1])))
