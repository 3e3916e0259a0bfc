"""Matchers over labels, as Alertmanager writes them: `severity="critical"`, `watch!=delta`, `alertname=~"Bad.*"`.

A label that is missing is an empty one. Regular expressions are anchored at both ends, and matching has a time limit:
whoever may write a silence could else write one that never ends.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NamedTuple, cast

import pydantic
import regex

Operator = Literal["=", "!=", "=~", "!~"]

LONGEST: Final = 1024
"""Characters in a matcher's value."""
_TIMEOUT_S: Final = 0.05
_MOST_REPEATS: Final = 1000
_FORM: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    return regex.compile(pattern)


class Matcher(NamedTuple):
    """One condition on one label."""

    name: str
    operator: Operator
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether it holds. An expression that takes too long over a label does not match it."""
        found = labels.get(self.name, "")
        if self.operator == "=":
            return found == self.value
        if self.operator == "!=":
            return found != self.value
        try:
            hit = _compiled(self.value).fullmatch(found, timeout=_TIMEOUT_S) is not None
        except TimeoutError:
            return False
        return hit == (self.operator == "=~")

    def __str__(self) -> str:
        return f"{self.name}{self.operator}{json.dumps(self.value, ensure_ascii=False)}"


def matcher(name: str, operator: Operator, value: str) -> Matcher:
    """A matcher that can be used.

    Raises:
        ValueError: the name is no label's, the value too long, or the expression no expression.
    """
    if any("\ud800" <= character <= "\udfff" for character in name + value):
        raise ValueError("a matcher holds half of a character (a lone surrogate)")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a label")
    if len(value) > LONGEST:
        raise ValueError(f"the value for {name} is longer than {LONGEST} characters")
    if operator in ("=~", "!~"):
        _check_expression(value)
    return Matcher(name, operator, value)


def _check_expression(pattern: str) -> None:
    # Counted repeats are written out when an expression is compiled: a{99999999} would take all memory.
    repeats = math.prod(max(1, int(number)) for number in re.findall(r"(\d+),?\}", pattern))
    if repeats > _MOST_REPEATS:
        raise ValueError(f"{pattern!r} repeats more than {_MOST_REPEATS} times")
    try:
        _compiled(pattern)
    except regex.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    except RecursionError:
        raise ValueError(f"{pattern[:40]!r}… is nested too deeply") from None


def parse_matcher(text: str) -> Matcher:
    """Read `name="value"`, with or without the quotes.

    Raises:
        ValueError: it is none.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"""{text!r} is not a matcher such as watch="delta" or alertname=~"Bad.*\"""")
    name, value = form[1], form[3]
    operator = cast("Operator", form[2])
    if value.startswith('"'):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"{text!r}: the value's quotes do not close, or a backslash in it is single") from None
    return matcher(name, operator, value)


def all_match(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> bool:
    """Whether every one matches; none at all match everything."""
    return all(one.matches(labels) for one in matchers)


def _from_yaml(value: Any) -> Any:
    if isinstance(value, Matcher):
        return value
    return parse_matcher(value if isinstance(value, str) else str(value))


MatcherText = Annotated[Matcher, pydantic.BeforeValidator(_from_yaml)]
"""A matcher in a rules file, written as text."""
