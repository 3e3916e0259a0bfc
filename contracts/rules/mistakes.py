"""Describes the mistakes of a rules file, one line each.

pydantic's messages are about Python types ("Input should be a valid tuple"); these name what the file should hold.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, get_args

import pydantic

from contracts.rules.keys import keys_at, meant_by, places_of
from contracts.rules.kinds import AnyRule
from contracts.rules.receivers import AnyReceiver
from contracts.rules.routing import GROUPED_FORM
from contracts.rules.strict import LABEL_FORM, NAME_FORM

_SECRET: Final = frozenset({"url", "secret", "secrets", "password", "bearer_token", "username"})
"""Keys whose values are not shown."""
_LONGEST: Final = 60
_PLACES: Final = 4


def _kinds(union: Any) -> list[str]:
    return [get_args(one.model_fields["kind"].annotation)[0] for one in get_args(union)]


RULE_KINDS: Final = _kinds(AnyRule)
RECEIVER_KINDS: Final = _kinds(AnyReceiver)

_FORMS: Final[Mapping[str, str]] = {
    NAME_FORM: "is no name: small letters, digits, - and _, beginning with a letter or digit",
    LABEL_FORM: "is no name: letters, digits and _, beginning with no digit",
    GROUPED_FORM: "is no name of a label; [...] stands for all of them",
}


class Wrong(NamedTuple):
    """A mistake, and where it is in the file."""

    location: tuple[Any, ...]
    message: str


def all_wrong(error: pydantic.ValidationError, document: Any) -> list[Wrong]:
    """Every mistake that the schema finds. A key that is missing because it was misspelt is named once.

    Args:
        error: of `Rules`.
        document: what was validated, in plain values.
    """
    found: list[Wrong] = []
    meant: set[tuple[Any, ...]] = set()
    missing: list[tuple[Any, ...]] = []
    for detail in error.errors(include_url=False):
        location = _location_of(detail)
        if detail["type"] == "too_short" and detail["input"]:  # pydantic counts without the entries that are wrong
            continue
        if detail["type"] == "extra_forbidden":
            line, guess = _unknown_key(location, document)
            found.append(Wrong(location, line))
            if guess is not None:
                meant.add((*location[:-1], guess))
        elif detail["type"] == "missing":
            missing.append(location)
        else:
            found.append(Wrong(location, describe(detail, location)))
    return [*found, *(Wrong(location, "this key is missing") for location in missing if location not in meant)]


def _location_of(detail: Mapping[str, Any]) -> tuple[Any, ...]:
    """Where it is: pydantic puts the kind of a rule or receiver behind its number, `[key]` behind a key."""
    location = tuple(detail["loc"])
    has_kind = len(location) > 2 and location[0] in ("rules", "receivers") and isinstance(location[1], int)
    location = (*location[:2], *location[3:]) if has_kind else location
    if location and location[-1] == "[key]":
        location = location[:-1]
    if detail["type"] == "mistake":
        location += tuple(detail["ctx"].get("location", ()))
    if detail["type"] in ("union_tag_invalid", "receiver_kind") and isinstance(detail["input"], dict):
        location += ("kind",)
    return location


def describe(detail: Mapping[str, Any], location: Sequence[Any]) -> str:
    """One line.

    Args:
        detail: one of `pydantic.ValidationError.errors()`.
        location: where it is in the file.
    """
    kind, value, context = str(detail["type"]), detail.get("input"), detail.get("ctx", {})
    if kind == "union_tag_not_found":
        return f"kind is missing; it is one of {', '.join(RULE_KINDS)}"
    if kind == "union_tag_invalid":
        return _unknown_kind(str(context["tag"]), RULE_KINDS)
    if kind == "receiver_kind" and isinstance(value, dict):
        return _unknown_kind(str(value["kind"]), RECEIVER_KINDS)
    shown = "what stands here" if _SECRET & set(map(str, location)) else _as_in_the_file(value)
    message = _MESSAGES.get(kind)
    return str(detail["msg"]).removeprefix("Value error, ") if message is None else message(shown, value, context)


def _unknown_key(location: Sequence[Any], document: Any) -> tuple[str, str | None]:
    """The message, and the key that was meant."""
    key, above = str(location[-1]), location[:-1]
    keys = keys_at(document, above)
    present = document
    for part in above:
        present = present[part]
    guess = meant_by(key, keys, present)
    others = places_of(key)
    if others and guess not in keys.required:
        where = ", ".join(others[:_PLACES]) + (" and others" if len(others) > _PLACES else "")
        return f"a key of another place or kind, it means nothing here; it belongs to {where}", None
    if guess is not None:
        return f"unknown key, did you mean {guess}?", guess
    return f"unknown key; here are {', '.join(sorted(keys.allowed)) or 'none'}", None


def _unknown_kind(kind: str, kinds: Sequence[str]) -> str:
    guess = difflib.get_close_matches(kind, kinds, n=1)
    return f"there is no kind {kind!r}{f', did you mean {guess[0]}' if guess else ''}; it is one of {', '.join(kinds)}"


def _none_of(shown: str, _value: Any, context: Any) -> str:
    return f"{shown} is none of {context['expected'].replace(chr(39), '').replace(' or ', ', ')}"


def _as_in_the_file(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _due(what: str) -> Callable[[str, Any, Any], str]:
    return lambda shown, _value, _context: f"{what} is due here, not {shown}"


def _bound(words: str, name: str) -> Callable[[str, Any, Any], str]:
    return lambda shown, _value, context: f"{shown} is {words.format(f'{context[name]:g}')}"


def _no_text(shown: str, value: Any, _context: Any) -> str:
    quotable = not isinstance(value, (dict, list)) and value is not None
    return f"text{' in quotes' if quotable else ''} is due here, not {shown}"


_MAPPING: Final = _due("a mapping (key: value)")
_MESSAGES: Final[Mapping[str, Callable[[str, Any, Any], str]]] = {
    "bool_type": _due("true or false"),
    "int_type": _due("a whole number"),
    "float_type": _due("a number"),
    "finite_number": _due("a finite number"),
    "string_type": _no_text,
    "path_type": _due("the name of a file"),
    "tuple_type": _due("a list"),
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "receiver_kind": _MAPPING,
    "literal_error": _none_of,
    "greater_than": _bound("too small: it must be more than {}", "gt"),
    "greater_than_equal": _bound("too small: it must be {} or more", "ge"),
    "less_than": _bound("too large: it must be less than {}", "lt"),
    "less_than_equal": _bound("too large: it must be {} or less", "le"),
    "too_short": lambda *_: "the list is empty",
    "too_long": lambda _shown, _value, context: f"the list has more than {context['max_length']} entries",
    "string_too_short": lambda *_: "must not be empty",
    "string_too_long": lambda _shown, _value, context: f"is longer than {context['max_length']} characters",
    "string_pattern_mismatch": lambda shown, _value, context: f"{shown} {_FORMS[context['pattern']]}",
}
