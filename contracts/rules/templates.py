"""Annotations with places to fill in, in the syntax of Prometheus: `{{ $labels.watch }}`, `{{ $value }}`.

A small and safe part of it: values and two formats, no conditions, no calls.

    {{ $labels.NAME }}        a label of the alert, empty when it has none of this name
    {{ $annotations.NAME }}   one of the alert's own annotations, such as share_now or top_terms
    {{ $value }}              what the rule measured
    {{ … | humanize }}        12345 → 12.35k, 0.5 → 500m
    {{ … | humanizePercentage }}   0.853 → 85.3%
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

_PLACE: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_INSIDE: Final = re.compile(
    r"\s*\$(?:(?P<value>value)|(?P<of>labels|annotations)\.(?P<name>[A-Za-z_]\w*))\s*(?:\|\s*(?P<format>\w+)\s*)?"
)
_PREFIXES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"))


def _plain(number: float) -> str:
    return f"{number:.4g}"


def _humanize(number: float) -> str:
    size = abs(number)
    if size == 0 or not math.isfinite(number):
        return _plain(number)
    unit, prefix = next((pair for pair in _PREFIXES if size >= pair[0]), _PREFIXES[-1])
    return f"{_plain(number / unit)}{prefix}"


def _percentage(number: float) -> str:
    return f"{_plain(number * 100)}%"


_FORMATS: Final[Mapping[str, Callable[[float], str]]] = {"humanize": _humanize, "humanizePercentage": _percentage}


def check_template(text: str) -> str:
    """The text itself.

    Raises:
        ValueError: something between `{{` and `}}` is none of the above.
    """
    for inside in _PLACE.findall(text):
        match = _INSIDE.fullmatch(inside)
        if match is None:
            raise ValueError(
                f"{{{{{inside}}}}} is no place that can be filled in: use {{{{ $labels.NAME }}}}, "
                "{{ $annotations.NAME }} or {{ $value }}"
            )
        name = match["format"]
        if name and name not in _FORMATS:
            raise ValueError(f"{{{{{inside}}}}}: there is no format {name}; there are {', '.join(_FORMATS)}")
    if "{{" in _PLACE.sub("", text):
        raise ValueError("a {{ has no }}")
    return text


def fill_in(text: str, *, labels: Mapping[str, str], annotations: Mapping[str, str], value: float) -> str:
    """The text with its places filled in; what is no number is not formatted."""

    def filled(match: re.Match[str]) -> str:
        inside = _INSIDE.fullmatch(match[1])
        if inside is None:
            return match[0]
        if inside["value"]:
            found: str | float = value
        else:
            found = (labels if inside["of"] == "labels" else annotations).get(inside["name"], "")
        return _formatted(found, inside["format"])

    return _PLACE.sub(filled, text)


def _formatted(found: str | float, name: str | None) -> str:
    if name is None:
        return found if isinstance(found, str) else _plain(found)
    try:
        return _FORMATS[name](float(found))
    except ValueError:
        return str(found)
