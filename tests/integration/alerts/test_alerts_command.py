from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from alerts.connection import connect
from alerts.outbox import Outbox
from alerts.state import AlertStore
from cli.main import app
from contracts.settings import Settings
from tests.fakes import Clock
from tests.integration.alerts.notifications import changes, put


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", settings.redis.url)
    monkeypatch.setenv("BUZZWATCH_REDIS__PREFIX", settings.redis.prefix)
    monkeypatch.setenv("COLUMNS", "200")


def record(settings: Settings) -> None:
    store = AlertStore(connect(settings), settings)
    for number in (1, 2):
        firing, resolved = changes(number)
        store.commit(store.snapshot(), store.record(store.snapshot(), [firing]))
        if number == 1:
            store.commit(store.snapshot(), store.record(store.snapshot(), [resolved]))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["alerts", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_alerts_are_listed_as_a_table_and_as_json(settings: Settings, environment: None) -> None:
    assert json.loads(run("list", "--format", "json")) == []
    record(settings)
    listed = json.loads(run("list", "--format", "json"))
    assert [(alert["status"], alert["fingerprint"][-1]) for alert in listed] == [("firing", "2"), ("resolved", "1")]
    assert len(json.loads(run("list", "--state", "resolved", "--format", "json"))) == 1
    table = run("list")
    assert "firing" in table
    assert "BadBuzz" in table


def test_exhausted_notifications_are_shown_and_redelivered(settings: Settings, environment: None) -> None:
    clock, outbox = Clock(), Outbox(connect(settings), settings)
    put(settings, clock(), changes()[0])
    for _ in range(10):
        claim = outbox.claim("team", clock(), 1000)
        assert claim is not None
        outbox.failed(claim, clock(), "answered 500")
        clock.forward(50_000)
    (shown,) = json.loads(run("redeliver", "--format", "json"))
    assert (shown["why"], shown["lastError"], shown["failures"]) == ("exhausted", "answered 500", 10)
    assert "answered 500" in run("redeliver")
    run("redeliver", shown["id"])
    assert outbox.exhausted() == []
    assert [entry.failures for entry in outbox.waiting()] == [0]


def test_what_cannot_be_redelivered_is_one_line(settings: Settings, environment: None) -> None:
    result = CliRunner().invoke(app, ["alerts", "redeliver", "nothing"])
    assert result.exit_code == 1
    assert str(result.exception) == "no exhausted notification has the id 'nothing'"


def test_a_redis_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", "redis://user:hidden@127.0.0.1:1/0")
    result = CliRunner().invoke(app, ["alerts", "list"])
    assert str(result.exception).startswith("Redis at 127.0.0.1:1/0 does not answer")
    assert "hidden" not in str(result.exception)
