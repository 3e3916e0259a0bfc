"""What every part of the rules file is made of: names, durations, and a model that refuses unknown keys."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pydantic
from pydantic import Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"(?:\d+(?:ms|s|m|h|d|w))+")


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdw])", value))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
        return 0.0
    raise ValueError(f"{value!r} is not a duration such as 30s, 5m or 1h30m")


Duration = Annotated[float, pydantic.BeforeValidator(_seconds)]
"""Seconds, written as Prometheus does: `90s`, `5m`, `1h30m`."""


class Strict(pydantic.BaseModel):
    """A mapping of the file; an unknown key is a mistake."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
