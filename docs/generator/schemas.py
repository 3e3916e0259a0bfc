"""`docs/schemas`: what the events look like, as JSON Schema."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from contracts.audit import AuditEvent
from contracts.events import Feedback, Prediction, Tweet
from contracts.learning.labels import LabelEvent


def schemas() -> dict[str, dict[str, Any]]:
    """Event → its schema, of draft 2020-12."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    found = {
        "tweet": msgspec.json.schema(Tweet),
        "prediction": msgspec.json.schema(Prediction),
        "feedback": Feedback.model_json_schema(),
        "audit": AuditEvent.model_json_schema(),
        "label": msgspec.json.schema(LabelEvent),
    }
    return {name: dialect | schema for name, schema in found.items()}


def as_text(document: dict[str, Any]) -> str:
    """A file of JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=False) + "\n"
