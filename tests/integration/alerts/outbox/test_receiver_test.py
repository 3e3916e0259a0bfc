from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alerts.outbox.store import Outbox
from alerts.storage.connection import connect
from cli.main import app
from contracts.settings import Settings
from tests.fakes import Receiver


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """One that the rules file names, at an address that is allowed."""
    one = Receiver()
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "watches: [{name: acme, match: [acme]}]\n"
        f"receivers: [{{name: team, url: '{one.url}', secret: '{one.secret}'}}]\n"
    )
    monkeypatch.setenv("BUZZWATCH_RULES", str(rules))
    monkeypatch.setenv("BUZZWATCH_ALERTS__ALLOWED_NETWORKS", "127.0.0.0/8")
    yield one
    one.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["alerts", "test", *arguments])


def test_a_sample_is_sent_as_a_real_alert_is_and_the_answer_shown(receiver: Receiver, settings: Settings) -> None:
    result = run("team", "--resolved", "--format", "json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [(row["status"], row["outcome"], row["said"]) for row in rows] == [
        ("firing", "delivered", "answered 200"),
        ("resolved", "delivered", "answered 200"),
    ]
    firing, resolved = receiver.posts
    assert [post.id for post in receiver.posts] == [row["id"] for row in rows]
    assert (firing.status, resolved.status) == ("firing", "resolved")
    assert firing.body["alerts"][0]["fingerprint"] == resolved.body["alerts"][0]["fingerprint"]
    assert "nothing is wrong" in firing.body["alerts"][0]["annotations"]["summary"]
    assert Outbox(connect(settings), settings).waiting() == []


def test_without_resolved_only_the_beginning_is_sent(receiver: Receiver) -> None:
    result = run("team")
    assert result.exit_code == 0
    assert "delivered" in result.stdout
    assert [post.status for post in receiver.posts] == ["firing"]


def test_a_refusal_is_shown_and_is_a_failure(receiver: Receiver) -> None:
    receiver.answers = [500]
    result = run("team", "--resolved", "--format", "json")
    assert result.exit_code == 1
    assert [row["said"] for row in json.loads(result.stdout)] == ["answered 500"]


def test_an_address_that_is_not_allowed_says_which_setting_allows_it(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BUZZWATCH_ALERTS__ALLOWED_NETWORKS")
    result = run("team", "--format", "json")
    assert result.exit_code == 1
    assert "allow it with BUZZWATCH_ALERTS__ALLOWED_NETWORKS" in json.loads(result.stdout)[0]["said"]
    assert receiver.posts == []


def test_an_unknown_receiver_is_named_with_those_that_there_are(receiver: Receiver) -> None:
    result = run("nobody")
    assert result.exit_code != 0
    assert "has no receiver 'nobody'; it has team" in str(result.exception)
