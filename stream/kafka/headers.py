"""A record's headers, also where confluent-kafka cannot read their names."""

from __future__ import annotations

import gc
from operator import methodcaller
from typing import Any, Final

from stream.kafka.records import Headers, Record

UNREADABLE: Final = "\ufffd"
"""Stands for a name that is not UTF-8."""

# Not `message.headers()`: Python's shortcut for such calls does not look whether an error was left behind.
_ask: Final = methodcaller("headers")


def headers_of(message: Record) -> Headers:
    """Headers in their order; a name that is not UTF-8 is `UNREADABLE`, its value is kept.

    For such a name confluent-kafka 2.16 returns a pair without a first item (`c_headers_to_py` in confluent_kafka.c)
    and leaves an error behind: whoever touches the item ends the process.
    """
    try:
        came = _ask(message)
    except (SystemError, UnicodeDecodeError):
        came = _ask(message)  # the error was told once, the headers are there now
    return [pair if _has_name(pair) else (UNREADABLE, pair[1]) for pair in came or []]


def _has_name(pair: Any) -> bool:
    # Only a tuple made in C can lack an item, and the collector's walk leaves out what is not there.
    return len(gc.get_referents(pair)) == len(pair)
