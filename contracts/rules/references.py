"""How the parts of a rules file refer to one another: names that are there twice, names that nobody has.

Works on the file as it was read, so that these mistakes are found beside those of the schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

_NAMED: Final = (("watch", "watches", "name"), ("theme", "themes", "name"), ("alert", "rules", "alert"),
                 ("receiver", "receivers", "name"))  # fmt: skip
_SINGULAR: Final = {"receivers": "receiver", "watches": "watch", "themes": "theme"}


class Misnamed(NamedTuple):
    """A mistake, and where it is."""

    message: str
    location: tuple[str | int, ...]


def misnamed(document: Mapping[str, Any]) -> Iterator[Misnamed]:
    """Every name that two entries have, or that is named and not defined. Whatever has another form is passed over."""
    for what, key, field in _NAMED:
        seen: set[str] = set()
        for number, entry in _entries(document, key):
            name = entry.get(field)
            if isinstance(name, str) and name in seen:
                yield Misnamed(f"two entries for the {what} {name!r}", (key, number, field))
            elif isinstance(name, str):
                seen.add(name)
    defined = {
        key: {entry["name"] for _, entry in _entries(document, key) if isinstance(entry.get("name"), str)}
        for key in _SINGULAR
    }
    for number, rule in _entries(document, "rules"):
        for key, names in defined.items():
            for index, name in _texts(rule.get(key)):
                if name not in names:
                    message = f"rule {rule.get('alert')} names the {_SINGULAR[key]} {name!r}, which is not defined"
                    yield Misnamed(message, ("rules", number, key, index))
    route = document.get("route")
    if isinstance(route, Mapping):
        for key in ("matchers", "continue"):
            if route.get(key):
                yield Misnamed("the root takes every alert, it has neither matchers nor continue", ("route", key))
        yield from _routes(route, ("route",), defined["receivers"])


def _routes(branch: Mapping[str, Any], location: tuple[str | int, ...], receivers: set[str]) -> Iterator[Misnamed]:
    named: list[tuple[str, tuple[str | int, ...]]] = []
    if isinstance(branch.get("receiver"), str):
        named.append((branch["receiver"], ("receiver",)))
    named += [(name, ("receivers", index)) for index, name in _texts(branch.get("receivers"))]
    for name, below in named:
        if name not in receivers:
            yield Misnamed(f"route names the receiver {name!r}, which is not defined", (*location, *below))
    for number, child in _entries(branch, "routes"):
        yield from _routes(child, (*location, "routes", number), receivers)


def _entries(document: Mapping[str, Any], key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    found = document.get(key)
    for number, entry in enumerate(found if isinstance(found, (list, tuple)) else ()):
        if isinstance(entry, Mapping):
            yield number, entry


def _texts(value: Any) -> Iterator[tuple[int, str]]:
    for index, name in enumerate(value if isinstance(value, (list, tuple)) else ()):
        if isinstance(name, str):
            yield index, name
