"""Judgements `wrong` in a row, per model version."""

from __future__ import annotations

from contracts.rules.schema import ConsecutiveErrors


def streak_after(streak: int, *, correct: bool) -> int:
    """Wrong judgements in a row after one more judgement."""
    return 0 if correct else streak + 1


def is_active(rule: ConsecutiveErrors, streak: int) -> bool:
    """Whether the row is long enough."""
    return streak >= rule.count
