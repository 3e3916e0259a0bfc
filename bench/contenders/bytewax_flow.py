"""A bytewax flow that works on the batches its source hands over (`flat_map_batch`): bytewax at its fastest."""

from __future__ import annotations

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from bench.contenders.bytewax_kafka import score, tweets, write

flow = Dataflow("bench")
write(op.flat_map_batch("score", tweets(flow), score))
