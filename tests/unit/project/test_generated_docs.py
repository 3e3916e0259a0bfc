from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from jsonschema import Draft202012Validator

from contracts.settings import ROOT, Settings


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_settings_page_and_schemas_are_what_the_code_says(generate: ModuleType) -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in generate.generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, f"run `make schemas`: {stale}"


def test_every_setting_is_on_the_page(generate: ModuleType) -> None:
    page = generate.settings_page()
    for name in Settings.model_fields:
        assert f"BUZZWATCH_{name.upper()}" in page
    assert "`BUZZWATCH_KAFKA__TOPICS__PARTITIONS` | `4` |" in page
    assert str(Path.home()) not in page
    assert str(ROOT) not in page


@pytest.mark.parametrize("name", ["tweet", "prediction", "feedback", "audit"])
def test_each_schema_is_a_valid_schema(generate: ModuleType, name: str) -> None:
    schema = json.loads(generate.generated()[ROOT / "docs" / "schemas" / f"{name}.schema.json"])
    Draft202012Validator.check_schema(schema)
    assert not Draft202012Validator(schema).is_valid([])


def test_the_tweet_of_the_contract_fits_its_schema(generate: ModuleType) -> None:
    schema = json.loads(generate.generated()[ROOT / "docs" / "schemas" / "tweet.schema.json"])
    tweet = {"id": "1465", "text": "@AirParadis lost my bag", "created_at": "2026-11-20T10:00:00Z", "new_field": 1}
    assert Draft202012Validator(schema).is_valid(tweet)
    assert Draft202012Validator(schema).is_valid({"id": 1465, "text": "x"})
    assert not Draft202012Validator(schema).is_valid({"id": "1465"})
