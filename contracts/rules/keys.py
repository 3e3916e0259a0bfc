"""Which keys a place of the rules file has, and which one was meant by a key that is none."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from contracts.rules.schema import Rules

_NEAR: Final = 0.6


class Keys(NamedTuple):
    """Those of one location."""

    allowed: frozenset[str]
    required: frozenset[str]


@cache
def _schema() -> dict[str, Any]:
    return Rules.model_json_schema()


def keys_at(document: Any, location: Sequence[Any]) -> Keys:
    """The keys of the mapping at `location`; none when there is no place for one."""
    node, value = _schema(), document
    for part in location:
        node = _meant(node, value)
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
    node = _meant(node, value)
    return Keys(frozenset(node.get("properties", {})), frozenset(node.get("required", ())))


def _meant(node: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """The schema of a mapping or list behind references and choices; of several kinds that which `kind` names."""
    if "$ref" in node:
        return _meant(_schema()["$defs"][node["$ref"].rpartition("/")[2]], value)
    choices = [_meant(one, value) for one in (*node.get("oneOf", ()), *node.get("anyOf", ()))]
    if not choices:
        return dict(node)
    kind = value.get("kind") if isinstance(value, Mapping) else None
    kinds = [one for one in choices if "kind" in one.get("properties", {})]
    for one in kinds:
        kind_schema = one["properties"]["kind"]
        if kind_schema.get("const") == kind or (kind is None and "default" in kind_schema):
            return one
    expected = "array" if isinstance(value, list) else "object"
    return {} if kinds else next((one for one in choices if one.get("type") == expected), {})


def meant_by(key: str, keys: Keys, present: Collection[str]) -> str | None:
    """The likeliest key that is not there yet: one that is written nearly so, else the one that is missing."""
    absent = sorted(keys.allowed - set(present))
    near = difflib.get_close_matches(key, absent, n=1, cutoff=_NEAR)
    if near:
        return near[0]
    missing = keys.required - set(present)
    return next(iter(missing)) if len(missing) == 1 else None


def places_of(key: str) -> list[str]:
    """Where a key belongs that is none of this place: `route`, `rules of kind drift`."""
    return [name for name, keys in _everywhere() if key in keys]


@cache
def _everywhere() -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple(_owners())


def _owners() -> Iterator[tuple[str, frozenset[str]]]:
    yield "the top of the file", frozenset(_schema()["properties"])
    for where in ("watches", "themes", "route", "inhibit_rules", "rules", "receivers"):
        node = _schema()["properties"][where]
        node = node.get("items", node)
        for one in _kinds(node):
            kind = one.get("properties", {}).get("kind", {}).get("const")
            yield (f"{where} of kind {kind}" if kind else where), frozenset(one.get("properties", {}))


def _kinds(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in node:
        yield from _kinds(_schema()["$defs"][node["$ref"].rpartition("/")[2]])
    elif "oneOf" in node or "anyOf" in node:
        for one in (*node.get("oneOf", ()), *node.get("anyOf", ())):
            yield from _kinds(one)
    else:
        yield node
