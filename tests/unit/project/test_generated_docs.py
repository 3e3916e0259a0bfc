"""What is written from the code is what the code says, and nothing that users rely on is missing from it."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from prometheus_client import REGISTRY, CollectorRegistry, Metric

from alerts.metrics import REGISTRY as NOTIFIER
from api.metrics import Metrics
from contracts.errors import InvalidRecord
from contracts.settings import ROOT, Settings
from contracts.topics import TopicSettings
from docs.generate import generated
from docs.generator.log_lines import log_lines
from tests.unit.project.inventory import inventory

REFERENCE = ROOT / "docs" / "reference"


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def promised() -> dict[str, list[str]]:
    return inventory()


@pytest.fixture(scope="module")
def written() -> dict[Path, str]:
    return generated()


def test_pages_and_schemas_are_what_the_code_says(written: dict[Path, str]) -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in written.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, f"run `make schemas`: {stale}"


def test_no_page_of_the_reference_is_left_behind(written: dict[Path, str]) -> None:
    assert set(REFERENCE.glob("*")) == {path for path in written if path.is_relative_to(REFERENCE)}


def test_every_setting_is_on_the_page(promised: dict[str, list[str]]) -> None:
    page = _page("settings.md")
    groups = {f"BUZZWATCH_{name.upper()}" for name in (*Settings.model_fields, "kafka__topics")}
    settings = [name for name in promised["settings"] if name not in groups or f"`{name}`" in page]
    assert len(settings) > 90
    assert [name for name in settings if f"| `{name}` |" not in page] == []
    assert "`BUZZWATCH_KAFKA__TOPICS__PARTITIONS` | `4` |" in page
    assert str(Path.home()) not in page
    assert str(ROOT) not in page


def test_every_command_is_on_its_page_with_every_option(promised: dict[str, list[str]]) -> None:
    sections = dict(
        re.findall(r"^##+ `(buzzwatch [^`]+)`\n(.*?)(?=^##|\Z)", _page("reference/cli.md"), re.MULTILINE | re.DOTALL)
    )
    missing = []
    for promise in promised["commands"]:
        path, _, option = promise.partition(" --")
        if path != "buzzwatch" and (path not in sections or (option and f"--{option}" not in sections[path])):
            missing.append(promise)
    assert len(sections) > 50
    assert missing == []


def test_every_route_is_on_its_page_with_every_status(promised: dict[str, list[str]]) -> None:
    page = _page("reference/rest.md")
    assert [route for route in promised["routes"] if f"## {route}\n" not in page] == []


def test_every_topic_is_on_its_page() -> None:
    page = _page("reference/topics.md")
    assert [topic.name for topic in TopicSettings().all() if f"| `{topic.name}` |" not in page] == []


def test_every_kind_of_rule_and_receiver_is_on_its_page(promised: dict[str, list[str]]) -> None:
    page = _page("reference/rules.md")
    assert [kind for kind in promised["rule kinds"] if f"### `kind: {kind}`\n" not in page] == []


def _served() -> list[Metric]:
    """What the processes register when they start."""
    for module in (
        "stream.metrics",
        "alerts.rules.reloader",
        "learning.rollout.follower",
        "learning.labels.from_feedback",
    ):
        importlib.import_module(module)
    registries: list[CollectorRegistry] = [REGISTRY, NOTIFIER, Metrics().registry]
    found = [metric for registry in registries for metric in registry.collect()]
    return [metric for metric in found if metric.name.startswith("buzzwatch_")]


def test_every_metric_is_on_its_page_with_its_type() -> None:
    """Both as the processes register them, and as their names stand in the code."""
    page = _page("reference/metrics.md")
    served = _served()
    assert len(served) > 35
    for metric in served:
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        assert f"| `{name}` | {metric.type} |" in page
    named = {
        name.removesuffix("_total")
        for file in ROOT.glob("[a-z]*/**/*.py")
        if file.relative_to(ROOT).parts[0] not in ("tests", "bench", "docs")
        for name in re.findall(
            r"(?:Counter|Gauge|Histogram|Summary|Info)\(\s*\"(buzzwatch_\w+)\"", file.read_text("utf-8")
        )
    }
    assert len(named) > 35
    assert [name for name in sorted(named) if f"`{name}`" not in page and f"`{name}_total`" not in page] == []


def test_every_error_is_on_its_page() -> None:
    page = _page("reference/errors.md")
    assert [kind.__name__ for kind in InvalidRecord.__subclasses__() if f"| `{kind.__name__}` |" not in page] == []
    named = {
        name
        for file in ROOT.glob("[a-z]*/**/*.py")
        if file.relative_to(ROOT).parts[0] not in ("tests", "bench", "docs")
        for name in re.findall(
            r"^class (\w+)\((?:BuzzwatchError|Unavailable|ArtefactError)\)", file.read_text("utf-8"), re.MULTILINE
        )
    }
    assert len(named) > 20
    assert [name for name in sorted(named) if f"| `{name}` |" not in page] == []


def test_every_log_line_that_troubleshooting_explains_is_logged() -> None:
    explained = re.findall(r"^\| `([^`]+)` \|", _page("troubleshooting.md").split("## By log line")[1], re.MULTILINE)
    assert len(explained) > 15
    logged = [line.text for line in log_lines()]
    assert [begin for begin in explained if not any(text.startswith(begin) for text in logged)] == []


def _schema(name: str) -> dict[str, object]:
    document: dict[str, object] = json.loads(_page(f"schemas/{name}.schema.json"))
    return document


@pytest.mark.parametrize("name", ["tweet", "prediction", "feedback", "audit", "label"])
def test_each_schema_is_a_valid_schema(name: str) -> None:
    schema = _schema(name)
    Draft202012Validator.check_schema(schema)
    assert not Draft202012Validator(schema).is_valid([])


def test_the_tweet_of_the_contract_fits_its_schema() -> None:
    schema = _schema("tweet")
    tweet = {"id": "1465", "text": "@AirParadis lost my bag", "created_at": "2026-11-20T10:00:00Z", "new_field": 1}
    assert Draft202012Validator(schema).is_valid(tweet)
    assert Draft202012Validator(schema).is_valid({"id": 1465, "text": "x"})
    assert not Draft202012Validator(schema).is_valid({"id": "1465"})
