"""A producer through librdkafka's public C interface (rdkafka.h), for transactions of whole batches.

confluent-kafka's `produce` makes and reads six headers for each event under the interpreter's lock, and its
`produce_batch` takes neither headers nor timestamps. `rd_kafka_produceva` takes a table of arguments, which compiled
code can fill in again for each event (`stream.scoring.publisher`). Errors are those of confluent-kafka.

The library is the one that confluent-kafka is linked with, so group metadata that its consumer wrote can be read here.
"""

from __future__ import annotations

import ctypes
import struct
import weakref
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition, cimpl

from stream.kafka.records import OutRecord

LIBRARY: Final[str] = cimpl.__file__
"""Symbols are looked for in this file and in what it is linked with."""

# rdkafka.h: rd_kafka_type_t, rd_kafka_vtype_t, RD_KAFKA_MSG_F_COPY, rd_kafka_conf_res_t.
_PRODUCER: Final = 0
_TOPIC, _VALUE, _KEY, _FLAGS, _TIMESTAMP, _HEADER = 1, 4, 5, 7, 8, 9
_COPY: Final = 2
_CONF_OK: Final = 0
_REASON_BYTES: Final = 512


# rd_kafka_vu_t: a kind and a union of 64 bytes (a text, a number, pointer and size, or name, pointer and size).
_ARGUMENT: Final = struct.Struct("@iqqq40x")
ARGUMENT_BYTES: Final = _ARGUMENT.size


class _TopicPartition(ctypes.Structure):
    """rd_kafka_topic_partition_t."""

    _fields_ = (
        ("topic", ctypes.c_char_p),
        ("partition", ctypes.c_int32),
        ("offset", ctypes.c_int64),
        ("metadata", ctypes.c_void_p),
        ("metadata_size", ctypes.c_size_t),
        ("opaque", ctypes.c_void_p),
        ("err", ctypes.c_int),
        ("_private", ctypes.c_void_p),
    )


_pointer, _int, _text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
_DECLARED: Final[Mapping[str, tuple[Any, ...]]] = {  # what is returned, then the arguments
    "conf_new": (_pointer,),
    "conf_set": (_int, _pointer, _text, _text, _text, ctypes.c_size_t),
    "conf_destroy": (None, _pointer),
    "conf_set_dr_msg_cb": (None, _pointer, _pointer),
    "name": (_text, _pointer),
    "new": (_pointer, _int, _pointer, _text, ctypes.c_size_t),
    "destroy": (None, _pointer),
    "poll": (_int, _pointer, _int),
    "flush": (_int, _pointer, _int),
    "outq_len": (_int, _pointer),
    "produceva": (_pointer, _pointer, _text, ctypes.c_size_t),
    "init_transactions": (_pointer, _pointer, _int),
    "begin_transaction": (_pointer, _pointer),
    "send_offsets_to_transaction": (_pointer, _pointer, _pointer, _pointer, _int),
    "commit_transaction": (_pointer, _pointer, _int),
    "abort_transaction": (_pointer, _pointer, _int),
    "consumer_group_metadata_read": (_pointer, ctypes.POINTER(_pointer), _text, ctypes.c_size_t),
    "consumer_group_metadata_destroy": (None, _pointer),
    "topic_partition_list_new": (_pointer, _int),
    "topic_partition_list_add": (ctypes.POINTER(_TopicPartition), _pointer, _text, ctypes.c_int32),
    "topic_partition_list_destroy": (None, _pointer),
    "mem_malloc": (_pointer, _pointer, ctypes.c_size_t),
    "error_code": (_int, _pointer),
    "error_string": (_text, _pointer),
    "error_is_fatal": (_int, _pointer),
    "error_is_retriable": (_int, _pointer),
    "error_txn_requires_abort": (_int, _pointer),
    "error_destroy": (None, _pointer),
}


def _declared() -> dict[str, Any]:
    library = ctypes.CDLL(LIBRARY)
    functions: dict[str, Any] = {}
    for name, (result, *arguments) in _DECLARED.items():
        functions[name] = function = getattr(library, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, arguments
    return functions


_rd: Final = _declared()

_IGNORE_REPORT: Final = ctypes.cast(_rd["name"], _pointer)
"""The callback of delivery reports. It returns the client's name, which changes nothing.

There must be one, although what it would report is known from the commit: `rd_kafka_commit_transaction` waits for
reports in steps of 10 ms, and only a report that has a callback ends such a step early. It is a C function because it
is called for each record, and one of librdkafka because numba is not imported yet when the first producer is made.
"""


def arguments(topic: str, record: OutRecord) -> tuple[bytes, bytes]:
    """The table for one record (value, key, timestamp, topic, flags, headers), and the bytes that it points to.

    The bytes lie in one run, with a NUL after each piece: one address to ask for, and the texts end as in C.
    """
    pieces = [topic.encode(), record.value or b"", record.key or b""]
    for name, came in record.headers:
        pieces += name.encode(), came.encode() if isinstance(came, str) else came or b""
    run = b"\0".join(pieces) + b"\0"
    address = ctypes.cast(ctypes.c_char_p(run), ctypes.c_void_p).value or 0
    starts = list(accumulate([len(piece) + 1 for piece in pieces], initial=address))
    pack = _ARGUMENT.pack
    rows = [
        pack(_VALUE, 0 if record.value is None else starts[1], len(pieces[1]), 0),
        pack(_KEY, 0 if record.key is None else starts[2], len(pieces[2]), 0),
        pack(_TIMESTAMP, record.timestamp_ms, 0, 0),
        pack(_TOPIC, starts[0], 0, 0),
        pack(_FLAGS, _COPY, 0, 0),
    ]
    for at, (_, came) in enumerate(record.headers):
        name_at = 3 + 2 * at
        value_start = 0 if came is None else starts[name_at + 1]
        rows.append(pack(_HEADER, starts[name_at], value_start, len(pieces[name_at + 1])))
    return b"".join(rows), run


class LibrdkafkaProducer:
    """A producer that ignores delivery reports: whether records arrived is known from the commit of their transaction.

    Any thread may call it. It is destroyed when nothing refers to it any more.

    Args:
        properties: librdkafka's own.

    Raises:
        KafkaException: a property is unknown or has an impossible value.
    """

    def __init__(self, properties: Mapping[str, str | int | bool]) -> None:
        reason = ctypes.create_string_buffer(_REASON_BYTES)
        configuration = _rd["conf_new"]()
        try:
            for name, value in properties.items():
                written = str(value).lower() if isinstance(value, bool) else str(value)
                if _rd["conf_set"](configuration, name.encode(), written.encode(), reason, len(reason)) != _CONF_OK:
                    raise KafkaException(KafkaError(KafkaError._INVALID_ARG, reason.value.decode()))
            _rd["conf_set_dr_msg_cb"](configuration, _IGNORE_REPORT)
            handle = _rd["new"](_PRODUCER, configuration, reason, len(reason))
            if not handle:
                raise KafkaException(KafkaError(KafkaError._INVALID_ARG, reason.value.decode()))
        except KafkaException:
            _rd["conf_destroy"](configuration)  # a producer that was made has taken it over
            raise
        self.handle: int = handle
        """rd_kafka_t *, for `rd_kafka_produceva` in compiled code. Valid as long as this object."""
        # Not at the exit of the process: a thread may be in a call of the producer then, and destroying waits for it.
        weakref.finalize(self, _rd["destroy"], handle).atexit = False

    def init_transactions(self, timeout_s: float) -> None:
        """Fence whoever had this transactional id before, and abort what it left open.

        Raises:
            KafkaException: what `fatal()`, `retriable()` and `txn_requires_abort()` of its error say is to be done.
        """
        raise_for(_rd["init_transactions"](self.handle, _ms(timeout_s)))

    def begin_transaction(self) -> None:
        """Begin a transaction. Raises KafkaException."""
        raise_for(_rd["begin_transaction"](self.handle))

    def commit_transaction(self, timeout_s: float) -> None:
        """Wait for all that was produced, and commit. Raises KafkaException."""
        raise_for(_rd["commit_transaction"](self.handle, _ms(timeout_s)))

    def abort_transaction(self, timeout_s: float) -> None:
        """Drop what was produced, and abort. Raises KafkaException."""
        raise_for(_rd["abort_transaction"](self.handle, _ms(timeout_s)))

    def send_offsets_to_transaction(
        self, offsets: Sequence[TopicPartition], group_metadata: bytes, timeout_s: float
    ) -> None:
        """Commit offsets of a consumer group together with the transaction.

        Args:
            offsets: what to read next.
            group_metadata: what confluent-kafka's `consumer_group_metadata` returned.
            timeout_s: seconds.

        Raises:
            KafkaException: see `init_transactions`; also where `group_metadata` is not such.
        """
        group = _pointer()
        raise_for(_rd["consumer_group_metadata_read"](ctypes.byref(group), group_metadata, len(group_metadata)))
        positions = _rd["topic_partition_list_new"](len(offsets))
        try:
            for one in offsets:
                position = _rd["topic_partition_list_add"](positions, one.topic.encode(), one.partition).contents
                position.offset = one.offset
                if one.metadata:
                    # With its NUL, which the size counts: librdkafka copies as many bytes, and sends a C string.
                    metadata = one.metadata.encode() + b"\0"
                    position.metadata_size = len(metadata)
                    position.metadata = _rd["mem_malloc"](None, len(metadata))  # freed together with the list
                    ctypes.memmove(position.metadata, metadata, len(metadata))
            raise_for(_rd["send_offsets_to_transaction"](self.handle, positions, group, _ms(timeout_s)))
        finally:
            _rd["topic_partition_list_destroy"](positions)
            _rd["consumer_group_metadata_destroy"](group)

    def produce(self, topic: str, record: OutRecord) -> bool:
        """Enqueue a record; False when the queue is full. Raises KafkaException for any other error."""
        table, _run = arguments(topic, record)  # the run must live during the call
        return is_enqueued(_rd["produceva"](self.handle, table, len(table) // ARGUMENT_BYTES))

    def poll(self, timeout_s: float) -> None:
        """Let librdkafka do what is due; waits for the time-out at most."""
        _rd["poll"](self.handle, _ms(timeout_s))

    def flush(self, timeout_s: float) -> int:
        """Wait until everything is delivered or given up; how much is still waiting after `timeout_s`."""
        _rd["flush"](self.handle, _ms(timeout_s))
        return int(_rd["outq_len"](self.handle))


def is_enqueued(error: int | None) -> bool:
    """What became of `rd_kafka_produceva`, whose error this consumes: False when the queue is full.

    Raises:
        KafkaException: any other error.
    """
    try:
        raise_for(error)
    except KafkaException as failure:
        if failure.args[0].code() != KafkaError._QUEUE_FULL:
            raise
        return False
    return True


def raise_for(error: int | None) -> None:
    """Raise a `rd_kafka_error_t *`, which is destroyed, as confluent-kafka does; None and 0 are no error."""
    if not error:
        return
    try:
        failure = KafkaError(
            _rd["error_code"](error),
            _rd["error_string"](error).decode(errors="replace"),
            fatal=bool(_rd["error_is_fatal"](error)),
            retriable=bool(_rd["error_is_retriable"](error)),
            txn_requires_abort=bool(_rd["error_txn_requires_abort"](error)),
        )
    finally:
        _rd["error_destroy"](error)
    raise KafkaException(failure)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
