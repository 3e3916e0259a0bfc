"""JSON that is nested more deeply than its readers go: what is that deep is no part of a tweet."""

from __future__ import annotations

import re
from typing import Final

_MOST: Final = 64
"""Levels that are kept. The objects of all networks have fewer than ten."""
_PART: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_CLOSES: Final = {b"[": b"]", b"{": b"}"}


def without_depths(value: bytes) -> bytes | None:
    """A JSON text with `null` in place of each object or array that is nested too deeply; None where brackets do not
    match. What is in their place is looked at for its brackets alone."""
    kept: list[bytes] = []
    expected: list[bytes] = []
    start = 0
    for part in _PART.finditer(value):
        mark = part.group()
        if mark in _CLOSES:
            expected.append(_CLOSES[mark])
            if len(expected) == _MOST + 1:
                kept += (value[start : part.start()], b"null")
        elif len(mark) == 1:
            if not expected or expected.pop() != mark:
                return None
            if len(expected) == _MOST:
                start = part.end()
    return None if expected else b"".join((*kept, value[start:]))
