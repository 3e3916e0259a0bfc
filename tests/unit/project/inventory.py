"""What users rely on: commands with their options, routes, settings, metrics, rule kinds, receivers, event fields.

`python -m tests.unit.project.inventory` writes the list down anew after something was added on purpose.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import typer
from fastapi import FastAPI

from api.factory import create_app
from api.parts import Parts
from cli.main import app as command
from contracts.audit import AuditEvent
from contracts.environment.setting_names import setting_names
from contracts.events import Feedback, Prediction, Tweet
from contracts.rules.schema import Rules
from contracts.settings import ROOT, Settings

RECORDED = Path(__file__).with_name("inventory.json")
_METRIC = re.compile(r"\"(buzzwatch_[a-z_]+)\"")


def inventory() -> dict[str, list[str]]:
    """Each kind of promise with the names that it holds, sorted."""
    return {
        "commands": sorted(_commands(typer.main.get_command(command), "buzzwatch")),
        "routes": sorted(_routes(create_app(Parts.__new__(Parts)))),
        "settings": sorted(setting_names(Settings)),
        "metrics": sorted(_metrics()),
        "rule kinds": sorted(_constants(Rules.model_json_schema(), "kind")),
        "event fields": sorted(_event_fields()),
    }


def _commands(group: Any, path: str) -> list[str]:
    """Every command, and every option as `command --option`."""
    found = []
    for parameter in group.params:
        if parameter.param_type_name == "option":
            found += [f"{path} {name}" for name in parameter.opts if name.startswith("--")]
    if hasattr(group, "list_commands"):
        for name in group.list_commands(None):
            found += [f"{path} {name}", *_commands(group.get_command(None, name), f"{path} {name}")]
    return found


def _routes(api: FastAPI) -> list[str]:
    return [f"{method.upper()} {path}" for path, methods in api.openapi()["paths"].items() for method in methods]


def _metrics() -> set[str]:
    """By their text in the code: some are made only inside a running process."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.splitlines() if not name.startswith("tests/")]
    return {name for file in files if file.exists() for name in _METRIC.findall(file.read_text(encoding="utf-8"))}


def _constants(schema: Any, name: str) -> set[str]:
    """Values of a discriminating field anywhere in a JSON schema."""
    if isinstance(schema, list):
        return set().union(*(_constants(item, name) for item in schema))
    if not isinstance(schema, dict):
        return set()
    found = {schema[name]["const"]} if isinstance(schema.get(name), dict) and "const" in schema[name] else set()
    return found.union(*(_constants(item, name) for item in schema.values()))


def _event_fields() -> list[str]:
    structs: dict[str, type[msgspec.Struct]] = {"tweet": Tweet, "prediction": Prediction}
    fields = [f"{name}.{field.name}" for name, struct in structs.items() for field in msgspec.structs.fields(struct)]
    models: dict[str, type[pydantic.BaseModel]] = {"feedback": Feedback, "audit": AuditEvent}
    return [*fields, *(f"{name}.{field}" for name, model in models.items() for field in model.model_fields)]


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(inventory(), indent=1) + "\n", encoding="utf-8")
