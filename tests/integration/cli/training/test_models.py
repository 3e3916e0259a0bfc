"""What `buzzwatch models` does to the registry is on the topic `audit`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from bench.stage.site import environment
from cli.main import app
from contracts.settings import Settings
from contracts.topics import TopicSettings
from tests.integration.registering import Registering
from training.registry.promotion import PromotionError, list_versions


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    return CliRunner()


def test_archived_versions_are_passed_over_and_each_step_is_audited(
    settings: Settings, topics: TopicSettings, registering: Registering, run: CliRunner
) -> None:
    first, second, third = (registering.version() for _ in range(3))
    for version in (first, second, third):
        done = run.invoke(app, ["models", "promote", version, "--force", "a trial"])
        assert done.exit_code == 0, done.output
    refused = run.invoke(app, ["models", "archive", third])
    assert isinstance(refused.exception, PromotionError)
    assert "is the champion" in str(refused.exception)
    assert run.invoke(app, ["models", "archive", second, "--why", "poisoned"]).exit_code == 0
    assert isinstance(run.invoke(app, ["models", "archive", second]).exception, PromotionError)
    assert isinstance(run.invoke(app, ["models", "promote", second]).exception, PromotionError)
    assert run.invoke(app, ["models", "rollback", "--why", "worse"]).exit_code == 0
    versions = {one.version: one for one in list_versions(settings)}
    assert versions[first].aliases == ("champion",)
    assert versions[second].archived_at is not None
    assert run.invoke(app, ["models", "archive", second, "--undo"]).exit_code == 0
    assert isinstance(run.invoke(app, ["models", "archive", second, "--undo"]).exception, PromotionError)

    listed = run.invoke(app, ["audit", "--format", "json"])
    events = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(one["what"], one["subject"].split()[-1], one["why"].split(";")[0]) for one in events] == [
        ("model.promoted", first, "the gate let it pass"),
        ("model.promoted", second, "forced: a trial"),
        ("model.promoted", third, "forced: a trial"),
        ("model.archived", second, "poisoned"),
        ("model.rolled_back", first, "worse"),
        ("model.restored", second, ""),
    ]
    assert "archived" in str(events[4]["figures"]["passed_over"])
    shown = run.invoke(app, ["audit", "--what", "model.archived", "--since", "1h"])
    assert "poisoned" in shown.stdout
    assert "forced" not in shown.stdout
