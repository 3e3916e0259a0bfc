"""`docs/settings.md`: every environment variable."""

from __future__ import annotations

from pathlib import Path

import pydantic

from contracts.settings import Settings
from contracts.topics import TopicSettings
from docs.generator.text import ROOT, attribute_docs, page, table

_HEAD = """Every setting is an environment variable; there is no settings file. Nested groups are joined by two underscores. A
value that cannot be used stops the program at its start with one line that names the variable, and so does a misspelt
name. **Secrets from files**: for each setting, `NAME_FILE` names a file that holds its value, such as
`BUZZWATCH_KAFKA__SASL_PASSWORD_FILE=/run/secrets/kafka`; it is read once, at the start. `buzzwatch up` starts no Kafka,
Redis or MLflow of its own when the variable that names one is set."""
_COLUMNS = ("variable", "default", "what it is")


def settings_page() -> str:
    """The table of all settings, one section per group."""
    parts, plain = [], []
    said = attribute_docs(Settings)
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, pydantic.BaseModel):
            parts += _section(f"BUZZWATCH_{name.upper()}", group)
        else:
            plain.append(_row(f"BUZZWATCH_{name.upper()}", field, said[name]))
    source = "contracts/*settings.py and contracts/topics.py"
    return page("Settings", source, _HEAD, *parts, "## General", table(_COLUMNS, plain))


def _section(prefix: str, group: type[pydantic.BaseModel]) -> list[str]:
    title = (group.__doc__ or "").splitlines()[0].rstrip(".")
    said = attribute_docs(group)
    rows, nested = [], []
    for name, field in group.model_fields.items():
        variable = f"{prefix}__{name.upper()}"
        if field.annotation is TopicSettings:
            nested += _section(variable, TopicSettings)
        else:
            rows.append(_row(variable, field, said[name]))
    return [f"## {title}", table(_COLUMNS, rows), *nested]


def _row(variable: str, field: pydantic.fields.FieldInfo, text: str) -> tuple[str, str, str]:
    default = field.default
    if isinstance(default, frozenset):
        shown = ",".join(sorted(default))
    elif isinstance(default, Path) and default.is_absolute():
        shown = str(default.relative_to(ROOT))
    else:
        shown = "" if default in (None, ()) else str(default)
    return f"`{variable}`", f"`{shown}`" if shown else "", text
