"""Settings of a challenger's trial."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import pydantic

from contracts.backing_services import Group, Seconds

_STEP: Final = re.compile(r"(\d{1,3})%/(\d+)([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Step(NamedTuple):
    """A step of a canary."""

    share: float
    """Of the tweets."""
    least_s: float
    """How long it lasts at least, seconds."""


class RolloutSettings(Group):
    """Shadow and canary: a challenger on trial."""

    shadow_cpu_share: float = pydantic.Field(default=0.2, gt=0, le=1)
    """Of one core in each worker, for a challenger that looks at tweets beside the champion."""
    canary_steps: str = "10%/24h,50%/48h,100%/24h"
    """Share of the tweets that the challenger answers, and how long at least, step by step."""
    canary_tweets: int = pydantic.Field(default=1000, ge=1)
    """Tweets that the challenger must have answered in a step before the next one."""
    canary_judged: int = pydantic.Field(default=50, ge=1)
    """Judged tweets that both models have answered, before the first step ends: without any nothing is better."""
    most_errors: int = pydantic.Field(default=10, ge=1)
    """Times that the challenger may fail (raise, answer nonsense or too late) in a trial before it is rolled back."""
    most_consecutive: int = pydantic.Field(default=5, ge=1)
    """Judged tweets in a row that the challenger has wrong and the champion right, before it is rolled back."""
    slowest_ms: float = pydantic.Field(default=5.0, gt=0)
    """Longest mean time that the challenger of a canary may take for a tweet, milliseconds."""
    auto_promote: bool = True
    """A challenger that is better at the last step becomes champion by itself; else a person promotes it."""
    look_s: Seconds = 60
    """How often the verdict is worked out, seconds."""
    poll_s: Seconds = 1
    """How often workers look for a trial that was started, changed or ended, seconds."""

    @pydantic.field_validator("canary_steps")
    @classmethod
    def _rises(cls, value: str) -> str:
        steps = [_STEP.fullmatch(part.strip()) for part in value.split(",")]
        if not all(steps):
            raise ValueError("is no list of steps such as 10%/24h,50%/48h,100%/24h")
        shares = [int(step[1]) for step in steps if step]
        if shares != sorted(set(shares)) or not 1 <= shares[0] <= shares[-1] <= 100:
            raise ValueError("has shares that do not rise from 1 % on to 100 % at most")
        return value

    @property
    def steps(self) -> list[Step]:
        """`canary_steps`, read."""
        found = [_STEP.fullmatch(part.strip()) for part in self.canary_steps.split(",")]
        return [Step(int(step[1]) / 100, int(step[2]) * _UNITS[step[3]]) for step in found if step]
