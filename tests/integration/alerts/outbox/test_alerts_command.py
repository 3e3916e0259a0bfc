from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alerts.outbox.redelivery import Redelivery
from alerts.outbox.store import Outbox
from alerts.state.alert import Alert, Transition, fingerprint_of
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from cli.main import app, main
from contracts.settings import Settings
from contracts.times import clock_ms
from tests.fakes import SECRET, Clock
from tests.integration.alerts.notifications import changes, dispatch, put


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rules = tmp_path / "known.yaml"
    rules.write_text(
        "watches: [{name: acme, match: [acme]}]\n"
        f"receivers: [{{name: team, url: 'http://127.0.0.1:9/', secret: '{SECRET}'}}]\n"
    )
    monkeypatch.setenv("BUZZWATCH_RULES", str(rules))
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", settings.redis.url)
    monkeypatch.setenv("BUZZWATCH_REDIS__PREFIX", settings.redis.prefix)
    monkeypatch.setenv("BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS", settings.kafka.bootstrap_servers)
    monkeypatch.setenv("BUZZWATCH_LOCAL__DATA_DIR", str(tmp_path))
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
    assert [alert["status"] for alert in json.loads(run("list", "--format", "json"))] == ["firing"]
    listed = json.loads(run("list", "--all", "--format", "json"))  # the other one ended in 1970
    assert [(alert["status"], alert["fingerprint"][-1]) for alert in listed] == [("firing", "2"), ("resolved", "1")]
    assert len(json.loads(run("list", "--state", "resolved", "--format", "json"))) == 1
    table = run("list")
    assert "firing" in table
    assert "BadBuzz" in table


def test_alerts_are_listed_although_the_rules_cannot_be_used_here(
    settings: Settings, environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("watches: [{name: a, match: [a]}]\nreceivers: [{name: w, url: '${ONLY_THE_NOTIFIER_HAS_IT}'}]\n")
    monkeypatch.setenv("BUZZWATCH_RULES", str(rules))
    record(settings)
    result = CliRunner().invoke(app, ["alerts", "list", "--format", "json"])
    assert result.exit_code == 0
    assert [alert["status"] for alert in json.loads(result.stdout)] == ["firing"]
    assert result.stderr.startswith(f"what is inhibited is not shown: {rules}:2: receivers[0].url: the environment")


def test_alerts_are_silenced_and_the_silence_is_listed_and_ended(settings: Settings, environment: None) -> None:
    put(settings, Clock()(), changes(2)[0])
    identifier = run("silence", "add", "number=2", 'alertname=~"Bad.*"', "--for", "2h", "--comment", "known").strip()
    (silence,) = json.loads(run("silence", "list", "--format", "json"))
    assert (silence["id"], silence["status"]["state"], silence["comment"]) == (identifier, "active", "known")
    assert silence["createdBy"]
    (alert,) = json.loads(run("list", "--format", "json"))
    assert (alert["silencedBy"], alert["inhibitedBy"]) == ([identifier], [])
    assert "silenced" in run("list")
    assert "number=" in run("silence", "list")
    run("silence", "expire", identifier)
    assert json.loads(run("silence", "list", "--format", "json")) == []
    assert json.loads(run("silence", "list", "--all", "--format", "json"))[0]["status"]["state"] == "expired"
    assert json.loads(run("list", "--format", "json"))[0]["silencedBy"] == []


def test_a_user_without_a_name_silences_under_a_number(
    settings: Settings, environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54_321)  # as in a container that runs as any user
    run("silence", "add", "number=2", "--comment", "known")
    (silence,) = json.loads(run("silence", "list", "--format", "json"))
    assert silence["createdBy"] == "uid 54321"


def test_who_is_at_an_alert_is_shown_with_the_time_and_in_the_history(settings: Settings, environment: None) -> None:
    firing, over = changes(2)
    put(settings, Clock()(), firing)
    run("ack", firing.alert.fingerprint, "--by", "maya", "--comment", "calling baggage")
    (alert,) = json.loads(run("list", "--format", "json"))
    assert (alert["acknowledgement"]["by"], alert["acknowledgement"]["comment"]) == ("maya", "calling baggage")
    assert "maya at 20" in run("list")
    run("ack", firing.alert.fingerprint, "--undo")
    assert json.loads(run("list", "--format", "json"))[0]["acknowledgement"] is None
    put(settings, Clock()(), over)
    result = CliRunner().invoke(app, ["alerts", "ack", firing.alert.fingerprint])
    assert "no pending or firing alert" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["silence", "add", "number", "--comment", "x"], "is not a matcher"),
        (["silence", "add", "number=~.*", "--comment", "x"], "mute everything"),
        (["silence", "add", "number=2", "--comment", "x", "--for", "soon"], "--for: 'soon' is not a duration"),
        (["silence", "add", "number=2", "--comment", "x", "--until", "soon"], "--until: 'soon' is not a time"),
        (["silence", "add", "number=2", "--comment", "x", "--until", "2020-01-01"], "must end"),
        (["silence", "add", "number=2", "--comment", " "], "a silence needs comment"),
        (["silence", "expire", "nobody"], "there is no silence 'nobody'"),
    ],
)
def test_a_silence_that_cannot_be_is_one_line(
    settings: Settings, environment: None, arguments: list[str], complaint: str
) -> None:
    result = CliRunner().invoke(app, ["alerts", *arguments])
    assert result.exit_code == 1
    assert complaint in str(result.exception)
    assert "\n" not in str(result.exception)


def test_exhausted_notifications_are_shown_and_redelivered(settings: Settings, environment: None) -> None:
    clock, outbox = Clock(), Outbox(connect(settings), settings)
    put(settings, clock(), changes()[0])
    dispatch(settings, clock())
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


@pytest.mark.parametrize("how", ["its id", "--all"])
def test_what_waits_for_its_next_attempt_is_shown_and_tried_now(
    settings: Settings, environment: None, how: str
) -> None:
    outbox, now = Outbox(connect(settings), settings), clock_ms()
    put(settings, now, *changes())
    dispatch(settings, now)
    claim = outbox.claim("team", now, 1000)
    assert claim is not None
    outbox.failed(claim, now, "answered 500", retry_after=3600)
    assert outbox.claim("team", clock_ms(), 1000) is None
    (shown,) = json.loads(run("redeliver", "--format", "json"))  # the end waits behind it and has not failed
    assert (shown["why"], shown["status"], shown["failures"]) == ("tried again later", "firing", 1)
    run("redeliver", shown["id"] if how == "its id" else how)
    again = outbox.claim("team", clock_ms(), 1000)
    assert again is not None
    assert (again.entry.id, again.entry.failures) == (shown["id"], 1)


def test_what_somebody_is_at_is_not_tried_twice(settings: Settings, environment: None) -> None:
    outbox, now = Outbox(connect(settings), settings), clock_ms()
    put(settings, now, changes()[0])
    dispatch(settings, now)
    claim = outbox.claim("team", now, 60_000)
    assert claim is not None
    assert Redelivery(connect(settings), settings).retry_now(claim.entry.id, now)
    assert outbox.claim("team", clock_ms(), 1000) is None


def undelivered(settings: Settings, *, to: str, failures: int) -> str:
    """The id of a notification that has failed so often."""
    outbox, clock = Outbox(connect(settings), settings), Clock(clock_ms() - 10_000_000)
    put(settings, clock(), changes()[0], to=(to,))
    dispatch(settings, clock())
    for _ in range(failures):
        claim = outbox.claim(to, clock(), 1000)
        assert claim is not None
        outbox.failed(claim, clock(), "answered 500")
        clock.forward(50_000)
    (identifier,) = [entry.id for entry in (*outbox.waiting(to), *outbox.exhausted())]
    return identifier


@pytest.mark.parametrize("failures", [0, 1, 10])
def test_what_is_for_a_receiver_that_left_the_rules_is_named_not_called_due_and_can_be_dropped(
    settings: Settings, environment: None, failures: int
) -> None:
    identifier = undelivered(settings, to="desk", failures=failures)
    (shown,) = json.loads(run("redeliver", "--format", "json"))
    assert (shown["id"], shown["why"], shown["failures"]) == (identifier, "receiver not in the rules", failures)
    result = CliRunner().invoke(app, ["alerts", "redeliver", "--all"])
    assert result.stderr == "0 notification(s) due again, 1 not: see the list\n"
    result = CliRunner().invoke(app, ["alerts", "redeliver", identifier])
    assert "names no receiver 'desk'; name it again, or throw the notification away with" in str(result.exception)
    assert json.loads(run("redeliver", "--format", "json")) == [shown]
    result = CliRunner().invoke(app, ["alerts", "redeliver", "--drop", identifier])
    assert result.stderr == "1 notification(s) dropped\n"
    assert json.loads(run("redeliver", "--format", "json")) == []
    assert Outbox(connect(settings), settings).counts() == (0, 0)


def test_only_what_is_named_is_dropped(settings: Settings, environment: None) -> None:
    identifier = undelivered(settings, to="team", failures=10)
    for arguments in (["--drop"], ["--drop", "--all"], ["--drop", "--all", identifier]):
        result = CliRunner().invoke(app, ["alerts", "redeliver", *arguments])
        assert result.exit_code == 2
        assert "--drop needs ids" in result.output
    assert len(json.loads(run("redeliver", "--format", "json"))) == 1


def test_a_receiver_that_is_disabled_is_enabled_first(settings: Settings, environment: None) -> None:
    outbox, now = Outbox(connect(settings), settings), clock_ms()
    put(settings, now, changes()[0])
    dispatch(settings, now)
    claim = outbox.claim("team", now, 1000)
    assert claim is not None
    outbox.gone(claim, now, "410 Gone")
    result = CliRunner().invoke(app, ["alerts", "redeliver", claim.entry.id])
    assert "has answered 410 Gone; post to it again with `buzzwatch alerts redeliver --enable team`" in str(
        result.exception
    )
    assert run("redeliver", claim.entry.id, "--enable", "team") == ""
    assert outbox.disabled() == {}


def test_what_strangers_wrote_steers_no_terminal(settings: Settings, environment: None) -> None:
    nasty = "7\x1b]0;pwned\x07\x9b2J [bold]"
    labels = {"alertname": "BadBuzz", "severity": "warning", "model_version": nasty}
    alert = Alert("consecutive_errors", fingerprint_of(labels), labels, {"summary": nasty}, starts_at_ms=1, value=1.0)
    put(settings, clock_ms(), Transition("firing", alert))
    run("ack", alert.fingerprint, "--by", nasty, "--comment", nasty)
    run("silence", "add", f"model_version={nasty}", "--comment", nasty, "--by", nasty)
    for command in ("list", "silence list"):
        table, text = run(*command.split()), run(*command.split(), "--format", "json")
        assert not {"\x1b", "\x07", "\x9b"} & set(table + text)
        assert r"7\x1b]0;pwned\x07\x9b2J [bold]" in " ".join(table.split())
        assert repr(nasty) in str(json.loads(text))


def test_what_cannot_be_redelivered_is_one_line(settings: Settings, environment: None) -> None:
    result = CliRunner().invoke(app, ["alerts", "redeliver", "nothing"])
    assert result.exit_code == 1
    assert str(result.exception) == "no notification that has failed has the id 'nothing'"


def test_a_redis_that_is_away_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", "redis://user:hidden@127.0.0.1:1/0")
    result = CliRunner().invoke(app, ["alerts", "list"])
    assert str(result.exception).startswith("Redis at 127.0.0.1:1/0 does not answer")
    assert "hidden" not in str(result.exception)


def test_an_argument_that_is_no_text_is_one_line(
    environment: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["buzzwatch", "alerts", "silence", "add", "a=b", "--comment", "\udcff"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "buzzwatch: the argument '\\udcff' is not UTF-8\n"
