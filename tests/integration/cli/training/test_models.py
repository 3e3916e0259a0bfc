"""What `buzzwatch models` does to the registry is on the topic `audit`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from bench.stage.site import environment
from cli.main import app
from contracts.audit import AuditEvent, model_subject
from contracts.settings import Settings
from contracts.topics import TopicSettings
from learning.rollout.trials import TrialError
from models.registry.client import EVENT_TAG
from tests.integration.registering import Registering
from training.registry.promotion import PromotionError, keep_event, list_versions, promote


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
    for phase in ("shadow", "canary"):
        tried = run.invoke(app, ["models", phase, "start", second])
        assert isinstance(tried.exception, TrialError)
        assert f"version {second} is archived" in str(tried.exception)
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


def test_a_change_is_audited_also_when_its_command_was_killed_and_only_if_it_was_made(
    settings: Settings, topics: TopicSettings, registering: Registering, run: CliRunner
) -> None:
    first, second, third = (registering.version() for _ in range(3))

    def audited() -> list[tuple[str, str]]:
        listed = run.invoke(app, ["audit", "--format", "json"])
        assert listed.exit_code == 0, listed.output
        events = [json.loads(line) for line in listed.stdout.splitlines()]
        return [(one["subject"].split()[-1], one["why"]) for one in events]

    def event(version: str, why: str, *, minutes_ago: int = 0, replaced: str | None = None) -> AuditEvent:
        when = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        subject = model_subject(settings.mlflow.model_name, version)
        figures = {"replaced": replaced}
        return AuditEvent(who="ada", when=when, what="model.promoted", subject=subject, why=why, figures=figures)

    # Killed between the change and the topic.
    promote(settings, first, force="a trial", event=lambda done: event(done.version, "killed", replaced=done.replaced))
    assert audited() == [(first, "killed")]
    # Killed before the change, an hour and a moment ago; and one that nobody can tell any more.
    client = registering.client
    keep_event(client, settings, event(second, "never done", minutes_ago=60, replaced=first))
    keep_event(client, settings, event(second, "at it", replaced=first))
    keep_event(client, settings, event(third, "perhaps", minutes_ago=60, replaced=second))
    unsure = (third, "begun, and not known whether it took effect: perhaps")
    assert audited() == [(first, "killed"), unsure]
    assert len([key for key in client.get_registered_model(registering.name).tags if key.startswith(EVENT_TAG)]) == 1
    registering.promote(second)
    assert audited() == [(first, "killed"), unsure, (second, "at it")]
