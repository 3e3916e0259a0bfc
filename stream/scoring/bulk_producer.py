"""Produces a whole batch of events in one call of compiled code, by librdkafka's C interface.

confluent-kafka's `produce` makes and reads six headers for each event, all of it under the interpreter's lock, and its
`produce_batch` takes neither headers nor timestamps. `rd_kafka_produceva` (librdkafka 1.6 and later) takes a table: one
is filled in once, and for each event only what differs is written into it.

The producer stays confluent-kafka's; only its `rd_kafka_t *` is borrowed, the first field of the C struct behind the
Python object. That is no promise of theirs, so it is done for versions that were looked at, and not for others.
"""

from __future__ import annotations

import ctypes
import logging
from importlib.metadata import version
from typing import Any, Final

import numpy as np
from confluent_kafka import KafkaError, KafkaException, Producer, cimpl

from models.base.jit import COMPILED, compiled
from stream.codecs.cloud_events import cloud_event_headers
from stream.codecs.prediction_encoder import EventBatch
from stream.codecs.prediction_ids import LENGTH

_log = logging.getLogger("buzzwatch.stream.publishing")

KNOWN: Final = ("2.16.",)
"""Versions of confluent-kafka in which `rd_kafka_t *` follows the object's head (src/confluent_kafka.h, Handle)."""

# rd_kafka_vtype_t and the message flag, from rdkafka.h.
_TOPIC, _VALUE, _KEY, _MSGFLAGS, _TIMESTAMP, _HEADER = 1, 4, 5, 7, 8, 9
_F_COPY: Final = 2
# Rows of the table: rd_kafka_vu_t is the type and a union of 64 bytes.
_ROW_VALUE, _ROW_KEY, _ROW_TIMESTAMP, _ROW_TOPIC, _ROW_FLAGS, _ROW_HEADERS = range(6)
_WIDTH: Final = 9


def _calls() -> Any:
    """A compiled call of a C function at an address, with up to three arguments of the size of a pointer."""
    from llvmlite import ir  # type: ignore[import-untyped]
    from numba import types
    from numba.extending import intrinsic

    def call(_context: Any, _address: Any, _first: Any, _second: Any, _third: Any) -> Any:
        word = ir.IntType(64)
        signature = types.int64(types.int64, types.int64, types.int64, types.int64)

        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            function = ir.FunctionType(word, [word, word, word])
            return builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])

        return signature, generate

    return intrinsic(call)


_call: Any = _calls() if COMPILED else None


@compiled
def _produce_rows(
    functions: Any, rk: int, table: Any, id_row: int, starts: Any, bounds: Any, keys: Any, timestamps: Any, at: int
) -> Any:
    """Produce events from `at` on; the number of the first that was not, and librdkafka's error code.

    Args:
        functions: addresses of rd_kafka_produceva, rd_kafka_error_code, rd_kafka_error_destroy.
        table: of `_WIDTH` columns. id_row: the header with the identifier.
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
        error = _call(functions[0], rk, starts[3], len(table))
        if error != 0:
            code = _call(functions[1], error, 0, 0) & 0xFFFFFFFF
            _call(functions[2], error, 0, 0)
            return at, code - (1 << 32) if code >= 1 << 31 else code
        at += 1
    return at, 0


class BulkProduce:
    """Hands events to a producer; `possible` says whether it can."""

    def __init__(self, producer: Producer) -> None:
        library = ctypes.CDLL(cimpl.__file__)  # its symbols and those of what it is linked with
        names = ("rd_kafka_produceva", "rd_kafka_error_code", "rd_kafka_error_destroy")
        self._functions = np.array(
            [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in names], np.int64
        )
        self._producer = producer  # lives as long as what points to it
        self._rk = ctypes.c_int64.from_address(id(producer) + object.__basicsize__).value
        none = np.zeros(0, np.int64)  # compiles, once per machine
        _produce_rows(self._functions, self._rk, np.zeros((1, _WIDTH), np.int64), 0, none, none, none, none, 0)

    @staticmethod
    def possible(producer: Any) -> bool:
        """Whether this is a producer, and a version of it, that is known."""
        known = COMPILED and type(producer) is Producer and version("confluent-kafka").startswith(KNOWN)
        if not known:
            _log.info("events are produced one by one")
        return known

    def produce(self, topic: str, events: EventBatch, at: int) -> int:
        """Enqueue the events from number `at` on; returns how many of all are enqueued, fewer when the queue is full.

        Raises:
            KafkaException: any other error.
        """
        [headers] = cloud_event_headers([b""], events.scored_at)
        names = [name.encode() for name, _ in headers]
        values = [value if isinstance(value, bytes) else b"" for _, value in headers]
        topic_name = topic.encode()
        table = np.zeros((_ROW_HEADERS + len(headers), _WIDTH), np.int64)
        table[:_ROW_HEADERS, 0] = _VALUE, _KEY, _TIMESTAMP, _TOPIC, _MSGFLAGS
        table[_ROW_TOPIC, 1] = _address(topic_name)
        table[_ROW_FLAGS, 1] = _F_COPY
        for row, name, value in zip(table[_ROW_HEADERS:], names, values, strict=True):
            row[:4] = _HEADER, _address(name), _address(value), len(value)
        id_row = _ROW_HEADERS + names.index(b"ce_id")
        table[id_row, 3] = LENGTH
        runs = (events.data, events.keys.data, events.identifiers, table)
        starts = np.array([run.ctypes.data for run in runs], np.int64)
        at, code = _produce_rows(
            self._functions,
            self._rk,
            table,
            id_row,
            starts,
            events.bounds,
            events.keys.bounds,
            events.timestamps,
            at,
        )
        if code not in (0, KafkaError._QUEUE_FULL):
            raise KafkaException(KafkaError(code))
        return int(at)


def _address(text: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value or 0
