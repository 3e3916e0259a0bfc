"""`docs/reference/rest.md`: every route, from the same description as `/openapi.json`."""

from __future__ import annotations

import json
from typing import Any

from api.factory import create_app
from api.parts import Parts
from docs.generator.text import bounds, page, table

_HEAD = """Every route of the API, as `/openapi.json` describes it. A running API shows the same at `/docs`, where requests can be
tried. Keys and scopes: [security](../security.md); what the routes do in words: [REST](../api.md). `HEAD` is answered where
`GET` is, without a body. Every answer has the header `x-request-id`; errors are [problems](errors.md#problems-of-rest)."""


def rest_page() -> str:
    """A section for each route, then the shapes of bodies."""
    described = create_app(Parts.__new__(Parts)).openapi()
    parts = []
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            parts += _route(method.upper(), path, route)
    parts += ["## Shapes", "Fields that are required are bold."]
    for name, schema in sorted(described["components"]["schemas"].items()):
        parts += _shape(name, schema)
    return page("REST reference", "the API's OpenAPI description", _HEAD, *parts)


def _route(method: str, path: str, route: dict[str, Any]) -> list[str]:
    scopes = [scope for kind in route.get("security", []) for names in kind.values() for scope in names]
    needs = (
        f"Scope: `{'`, `'.join(scopes)}`." if scopes else "Needs any key." if route.get("security") else "Needs no key."
    )
    parts = [f"## {method} {path}", route.get("description", ""), needs]
    if route.get("parameters"):
        rows = [
            (
                f"**`{one['name']}`**" if one.get("required") else f"`{one['name']}`",
                one["in"],
                _kind(one["schema"]),
                one.get("description") or one["schema"].get("description", ""),
            )
            for one in route["parameters"]
        ]
        parts.append(table(("parameter", "in", "type", "is"), rows))
    for media_type, body in route.get("requestBody", {}).get("content", {}).items():
        parts.append(f"Body (`{media_type}`): {_kind(body['schema'])}")
    answers = []
    for status, answer in sorted(route["responses"].items()):
        bodies = [f"{_kind(body['schema'])}" for body in answer.get("content", {}).values() if body.get("schema")]
        answers.append((status, answer["description"], ", ".join(bodies)))
    return [*parts, table(("status", "when", "body"), answers)]


def _shape(name: str, schema: dict[str, Any]) -> list[str]:
    parts = [f"### {name}", schema.get("description", "")]
    required = schema.get("required", [])
    rows = [
        (f"**`{field}`**" if field in required else f"`{field}`", _kind(one), _default(one), one.get("description", ""))
        for field, one in schema.get("properties", {}).items()
    ]
    if rows:
        parts.append(table(("field", "type", "default", "is"), rows))
    parts += [
        f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```" for example in schema.get("examples", [])
    ]
    return parts


def _default(schema: dict[str, Any]) -> str:
    return f"`{json.dumps(schema['default'])}`" if schema.get("default") is not None else ""


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words, with a link to the shape it names."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for together in ("anyOf", "oneOf"):
        if together in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[together]))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{json.dumps(one)}`" for one in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_kind(schema['additionalProperties'])}"
    return " ".join([schema.get("format") or schema.get("type", "anything"), *bounds(schema)])
