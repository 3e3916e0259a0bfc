"""Random bytes for names of requests and predictions, drawn from the system's generator many at a time.

Each call of `os.urandom` lets go of the interpreter's lock, and under load waits to get it back.
"""

from __future__ import annotations

import os
import threading
from typing import Final

LENGTH: Final = 16
"""Bytes of a UUID."""
_AT_A_TIME: Final = 256

_drawn: list[bytes] = []
_drawing: Final = threading.Lock()


def random_bytes() -> bytes:
    """`LENGTH` bytes that nobody can guess, and nobody else gets; from any thread."""
    try:
        return _drawn.pop()
    except IndexError:
        pass
    with _drawing:
        many = os.urandom(LENGTH * _AT_A_TIME)
        pieces = [many[at : at + LENGTH] for at in range(0, len(many), LENGTH)]
        mine = pieces.pop()
        _drawn.extend(pieces)
    return mine
