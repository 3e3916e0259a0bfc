"""A record's headers, also where confluent-kafka cannot read their names."""

from __future__ import annotations

import gc
from operator import methodcaller
from typing import Any, Final

from stream.kafka.records import Headers, Record

UNREADABLE: Final = "\ufffd"
"""Replaces a name that is not UTF-8."""

# Not `message.headers()`: CPython's method-call shortcut does not check whether the C code has left an error set.
_get_headers: Final = methodcaller("headers")


def headers_of(message: Record) -> Headers:
    """Headers in their order; a name that is not UTF-8 is `UNREADABLE`, its value is kept.

    For such a name confluent-kafka 2.16 returns a pair without a first item (`c_headers_to_py` in confluent_kafka.c)
    and leaves an error behind: reading that item crashes the process.
    """
    try:
        headers = _get_headers(message)
    except (SystemError, UnicodeDecodeError):
        headers = _get_headers(message)  # the error is cleared once raised, and the headers are cached
    return [pair if _has_name(pair) else (UNREADABLE, pair[1]) for pair in headers or []]


def _has_name(pair: Any) -> bool:
    # Only a tuple made in C can lack an item; `gc.get_referents` leaves it out.
    return len(gc.get_referents(pair)) == len(pair)
