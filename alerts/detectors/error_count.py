"""More wrong judgements within some minutes than the rule allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from contracts.rules.schema import ErrorCount


class ErrorCountVerdict(NamedTuple):
    """Whether the condition holds, and since when."""

    active: bool
    wrong: int
    """Wrong judgements within `within`."""
    since_ms: int
    """When the judgement arrived that was too many; `now_ms` when it is not active."""


def judge(rule: ErrorCount, wrong_ms: Sequence[int], now_ms: int) -> ErrorCountVerdict:
    """Count the wrong judgements of `(now - within, now]`.

    Args:
        wrong_ms: when people called a prediction wrong, ascending.
    """
    recent = [at for at in wrong_ms if now_ms - rule.within * 1000 < at <= now_ms]
    active = len(recent) > rule.count
    return ErrorCountVerdict(active, len(recent), recent[rule.count] if active else now_ms)
