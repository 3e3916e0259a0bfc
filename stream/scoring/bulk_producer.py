"""Produces a whole batch of events in one call of compiled code.

The table of arguments for `rd_kafka_produceva` is filled in once, and for each event only what differs is written into
it: 0.4 µs an event, without the interpreter's lock; docs/decisions/by-hand.md has the alternatives.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.base.jit import compiled
from stream.codecs.cloud_events import cloud_event_headers
from stream.codecs.prediction_encoder import EventBatch
from stream.codecs.prediction_ids import LENGTH
from stream.kafka.librdkafka import ARGUMENT_BYTES, LIBRARY, LibrdkafkaProducer, arguments, is_enqueued
from stream.kafka.records import OutRecord

# Rows of the table in words of eight bytes, as `arguments` orders them. A row is its kind, then pointer and size of a
# value or a key, the timestamp, or name, pointer and size of a header.
_ROW_VALUE, _ROW_KEY, _ROW_TIMESTAMP, _ROW_HEADERS = 0, 1, 2, 5
_WIDTH: Final = ARGUMENT_BYTES // 8


def _produceva() -> Any:
    """`rd_kafka_produceva` for compiled code, by its name, so that what is compiled can be kept on disk."""
    from llvmlite import binding  # type: ignore[import-untyped]
    from numba import types

    binding.load_library_permanently(LIBRARY)
    return types.ExternalFunction("rd_kafka_produceva", types.intp(types.intp, types.intp, types.intp))


_rd_kafka_produceva: Any = _produceva()


@compiled
def _produce_rows(
    handle: int, table: Any, id_row: int, starts: Any, bounds: Any, keys: Any, timestamps: Any, at: int
) -> Any:
    """Produce events from `at` on; the number of the first that was not, and its rd_kafka_error_t * (0: none).

    Args:
        handle: rd_kafka_t *.
        table: (rows, `_WIDTH`). id_row: the header with the identifier.
        starts: where the events, the keys, the identifiers and the table lie.
        bounds, keys: of the events and of the keys, a NUL after each key.
    """
    while at < len(timestamps):
        table[_ROW_VALUE, 1] = starts[0] + bounds[at]
        table[_ROW_VALUE, 2] = bounds[at + 1] - bounds[at]
        table[_ROW_KEY, 1] = starts[1] + keys[at]
        table[_ROW_KEY, 2] = keys[at + 1] - 1 - keys[at]
        table[_ROW_TIMESTAMP, 1] = timestamps[at]
        table[id_row, 2] = starts[2] + LENGTH * at
        error = _rd_kafka_produceva(handle, starts[3], len(table))
        if error != 0:
            return at, error
        at += 1
    return at, 0


def compile_bulk_producer() -> None:
    """Compile now, once per machine, or load what was compiled."""
    none = np.zeros(0, np.int64)
    _produce_rows(0, np.zeros((1, _WIDTH), np.int64), 0, none, none, none, none, 0)


def produce_events(
    producer: LibrdkafkaProducer, topic: str, events: EventBatch, at: int, stop: int | None = None
) -> int:
    """Enqueue the events from number `at` up to `stop`, all of them without it.

    Returns the number of the first that is not enqueued: less than `stop` when the queue is full.

    Raises:
        KafkaException: any other error.
    """
    [headers] = cloud_event_headers([b" " * LENGTH], events.scored_at)
    rows, _run = arguments(topic, OutRecord(b"", b"", headers, 0))
    table = np.frombuffer(bytearray(rows), np.int64).reshape(-1, _WIDTH)
    id_row = _ROW_HEADERS + [name for name, _ in headers].index("ce_id")
    runs = (events.data, events.keys.data, events.identifiers, table)
    starts = np.array([run.ctypes.data for run in runs], np.int64)
    at, error = _produce_rows(
        producer.handle, table, id_row, starts, events.bounds, events.keys.bounds, events.timestamps[:stop], at
    )
    is_enqueued(error)
    return int(at)
