"""Write `docs/settings.md` and `docs/schemas/` from the code: `make schemas`. A test keeps them current."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pydantic

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from contracts import server_settings, settings, topics  # noqa: E402
from contracts.audit import AuditEvent  # noqa: E402
from contracts.events import Feedback, Prediction, Tweet  # noqa: E402
from contracts.learning import rollout as rollout_settings  # noqa: E402
from contracts.learning import settings as learning_settings  # noqa: E402
from contracts.learning.labels import LabelEvent  # noqa: E402
from contracts.settings import Settings  # noqa: E402
from contracts.topics import TopicSettings  # noqa: E402

_HEAD = """# Settings

<!-- Written by `make schemas` from contracts/*settings.py and contracts/topics.py; change it there. -->

Every setting is an environment variable; there is no settings file. Nested groups are joined by two underscores. A
value that cannot be used stops the program at its start with one line that names the variable, and so does a misspelt
name. `buzzwatch up` starts no Kafka, Redis or MLflow of its own when the variable that names one is set.
"""


def generated() -> dict[Path, str]:
    """File → what it should hold."""
    schemas = {
        "tweet": msgspec.json.schema(Tweet),
        "prediction": msgspec.json.schema(Prediction),
        "feedback": Feedback.model_json_schema(),
        "audit": AuditEvent.model_json_schema(),
        "label": msgspec.json.schema(LabelEvent),
    }
    files = {ROOT / "docs" / "schemas" / f"{name}.schema.json": _as_text(schema) for name, schema in schemas.items()}
    return files | {ROOT / "docs" / "settings.md": settings_page()}


def _as_text(schema: dict[str, Any]) -> str:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | schema, indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def settings_page() -> str:
    """The table of all settings, one section per group."""
    said = {
        name: text
        for module in (server_settings, settings, learning_settings, rollout_settings, topics)
        for name, text in _docstrings(module).items()
    }
    parts = [_HEAD]
    plain: list[str] = []
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, pydantic.BaseModel):
            parts += _section(f"BUZZWATCH_{name.upper()}", group, said)
        else:
            plain.append(_row(f"BUZZWATCH_{name.upper()}", field, said[Settings.__name__, name]))
    return "\n".join([*parts, "## General\n", *_TABLE, *plain]) + "\n"


_TABLE = ("| variable | default | what it is |", "|---|---|---|")


def _section(prefix: str, group: type[pydantic.BaseModel], said: dict[tuple[str, str], str]) -> list[str]:
    title = (group.__doc__ or "").splitlines()[0].rstrip(".")
    rows = [
        _row(f"{prefix}__{name.upper()}", field, said[group.__name__, name])
        for name, field in group.model_fields.items()
        if field.annotation is not TopicSettings
    ]
    nested = [
        _section(f"{prefix}__{name.upper()}", TopicSettings, said)
        for name, field in group.model_fields.items()
        if field.annotation is TopicSettings
    ]
    return [f"## {title}\n", *_TABLE, *rows, "", *(line for section in nested for line in section)]


def _row(variable: str, field: pydantic.fields.FieldInfo, text: str) -> str:
    default = field.default
    if isinstance(default, frozenset):
        shown = ",".join(sorted(default))
    elif isinstance(default, Path) and default.is_absolute():
        shown = str(default.relative_to(ROOT))
    else:
        shown = "" if default in (None, ()) else str(default)
    escaped = " ".join(text.split()).replace("|", "\\|")
    return f"| `{variable}` | {f'`{shown}`' if shown else ''} | {escaped} |"


def _docstrings(module: Any) -> dict[tuple[str, str], str]:
    """(class, attribute) → the string literal under the attribute."""
    found: dict[tuple[str, str], str] = {}
    for node in ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for before, after in zip(node.body, node.body[1:], strict=False):
            if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
                match after:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        found[node.name, before.target.id] = text
    return found


def main() -> None:
    """Write what differs."""
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
