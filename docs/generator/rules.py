"""`docs/reference/rules.md`: every kind of rule and receiver with its keys, and the default rules."""

from __future__ import annotations

import re
import typing
from typing import Any

import pydantic

from contracts.rules.kinds import AnyRule, BaseRule
from contracts.rules.receivers import Alertmanager, Apprise, BaseReceiver, Webhook
from contracts.rules.routing import InhibitRule, Route
from contracts.rules.schema import Rules, Theme, Watch
from contracts.rules.strict import Duration
from docs.generator.text import ROOT, attribute_docs, bounds, page, table

_HEAD = """Every key of a rules file (`BUZZWATCH_RULES`) with its default. What the rules do in words, with examples:
[rules](../alerts/rules.md), [routing and receivers](../alerts/routing.md). `buzzwatch rules check FILE` names all that is
wrong with a file."""
_COLUMNS = ("key", "type", "default", "is")
_SAID = {
    "kind": "The kind, as in the heading.",
    "name": "Its name, by which others in the file refer to it.",
    "enabled": "`false` keeps it in the file without effect.",
    "labels": "Added to the alert's own.",
    "match": "Terms that mean it; whole words in any case.",
    "send_resolved": "Whether it is sent ends, too.",
    "count": "How many judgements.",
    "below": "The lowest share that is right.",
    "within": "How far back is looked.",
    "password": "For basic authentication.",
    "bearer_token": "In place of user and password.",
    "url": "Where posts go.",
    "source_matchers": "Which alerts mute, while they fire.",
    "target_matchers": "Which alerts are muted.",
    "watches": "What is watched.",
    "themes": "What tweets are about.",
    "rules": "When alerts fire.",
    "receivers": "Who is sent alerts.",
    "inhibit_rules": "Which alerts mute others.",
    "receiver": "One receiver, by name.",
    "routes": "Branches; the first that matches is taken.",
}
"""What is plain enough for the code to leave unsaid."""


def rules_page() -> str:
    """The file, its rules, its receivers, its routes, the default."""
    parts = [
        _HEAD,
        "## The file",
        _table(Rules, set()),
        "### A watch",
        _table(Watch, set()),
        "### A theme",
        _table(Theme, set()),
    ]
    parts += ["## Rules", "Every rule has:", _table(BaseRule, set())]
    for kind in typing.get_args(AnyRule):
        parts += _kind(kind, BaseRule)
    parts += ["## Receivers", "Every receiver has:", _table(BaseReceiver, set())]
    for receiver in (Webhook, Alertmanager, Apprise):
        parts += _kind(receiver, BaseReceiver)
    parts += [
        "## Routes",
        _doc(Route),
        _table(Route, set()),
        "## Inhibition",
        _doc(InhibitRule),
        _table(InhibitRule, set()),
    ]
    default = (ROOT / "alerts" / "default_rules.yaml").read_text(encoding="utf-8").strip()
    parts += [
        "## The default rules",
        "`alerts/default_rules.yaml`, in force without `BUZZWATCH_RULES`:",
        f"```yaml\n{default}\n```",
    ]
    return page("Rules file", "contracts/rules", *parts)


def _kind(model: type[pydantic.BaseModel], base: type[pydantic.BaseModel]) -> list[str]:
    name = typing.get_args(model.model_fields["kind"].annotation)[0]
    same = {key for key, field in base.model_fields.items() if repr(field) == repr(model.model_fields[key])}
    rest = _table(model, same | {"kind"})
    return [f"### `kind: {name}`", _doc(model), rest]


def _doc(model: type[pydantic.BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _table(model: type[pydantic.BaseModel], without: set[str]) -> str:
    said = attribute_docs(model)
    schema = model.model_json_schema(by_alias=True)
    schema = schema["$defs"][model.__name__] if "$ref" in schema else schema  # a branch has branches
    rows = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if name in without:
            continue
        told = said.get(name) or _SAID.get(key)
        if told is None:
            raise ValueError(f"{model.__name__}.{name} has no docstring")
        rows.append((f"`{key}`", _type(schema["properties"][key], field), _default(field), told))
    return table(_COLUMNS, rows) if rows else ""


def _type(schema: dict[str, Any], field: pydantic.fields.FieldInfo) -> str:
    if not _is_duration(field):
        return _named(schema)
    return "list of durations" if isinstance(field.default, tuple) else "duration"


def _is_duration(field: pydantic.fields.FieldInfo) -> bool:
    marks = [*field.metadata, *_marks(field.annotation)]
    return any(mark in typing.get_args(Duration)[1:] for mark in marks)


def _marks(annotation: Any) -> list[Any]:
    """What is said about a type, and about those that it is made of."""
    found = list(getattr(annotation, "__metadata__", ()))
    return found + [mark for part in typing.get_args(annotation) for mark in _marks(part)]


def _named(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", schema["$ref"].rsplit("/", 1)[1]).lower()
    for together in ("anyOf", "oneOf"):
        if together in schema:
            kinds = [_named(one) for one in schema[together] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{one}`" for one in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_named(schema.get('items', {}))}"
    return " ".join([schema.get("type", "anything"), *bounds(schema)])


def _default(field: pydantic.fields.FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    if default in (None, (), {}, "") or isinstance(default, pydantic.BaseModel):
        return ""
    shown = _duration if _is_duration(field) else _plain
    if isinstance(default, tuple):
        return f"`[{', '.join(shown(one) for one in default)}]`"
    return f"`{shown(default)}`"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    for unit, width in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % width == 0:
            return f"{seconds / width:g}{unit}"
    return f"{seconds:g}s"
