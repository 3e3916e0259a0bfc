"""What every part of the rules file is made of: names, numbers, durations, and a model that refuses unknown keys.

Nothing is guessed: `"20"` is no number, `yes` is neither true nor false, `true` is no 1.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import pydantic
from pydantic import Field
from pydantic_core import PydanticCustomError

NAME_FORM: Final = r"^[a-z0-9][a-z0-9_-]*$"
LABEL_FORM: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"

Name = Annotated[str, Field(pattern=NAME_FORM, max_length=64)]
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"(?:\d{1,9}(?:ms|s|m|h|d|w))+")


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdw])", value))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
        return 0.0
    raise ValueError(f"{value!r} is not a duration such as 30s, 5m or 1h30m")


Duration = Annotated[float, pydantic.BeforeValidator(_seconds)]
"""Seconds, written as Prometheus does: `90s`, `5m`, `1h30m`."""


def lasting(shortest: str, longest: str | None = None) -> pydantic.AfterValidator:
    """For a `Duration` that must not be shorter, or longer, than these, written as in the file."""

    def check(seconds: float) -> float:
        if seconds < _seconds(shortest) or (longest is not None and seconds > _seconds(longest)):
            raise ValueError(
                f"must be {shortest} or longer" if longest is None else f"must be between {shortest} and {longest}"
            )
        return seconds

    return pydantic.AfterValidator(check)


def mistake(message: str, *location: str | int) -> PydanticCustomError:
    """What a validator of a whole mapping raises: what is wrong, and at which key below it."""
    return PydanticCustomError("mistake", "{message}", {"message": message, "location": location})


class Strict(pydantic.BaseModel):
    """A mapping of the file; an unknown key is a mistake."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
