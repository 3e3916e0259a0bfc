from __future__ import annotations

from pathlib import Path

from alerts.grouping.routing import targets
from contracts.rules.file import load_rules
from contracts.rules.schema import BadBuzz
from contracts.settings import Settings
from demo.rules import new_secret, write_rules


def test_the_demo_runs_the_rules_of_the_settings_with_its_own_receiver_and_haste(tmp_path: Path) -> None:
    secret = new_secret()
    write_rules(Settings().rules, tmp_path / "demo" / "rules.yaml", "http://127.0.0.1:9/alerts", secret)
    usual, played = load_rules(Settings().rules), load_rules(tmp_path / "demo" / "rules.yaml")
    assert (played.watches, played.themes) == (usual.watches, usual.themes)
    assert [rule.alert for rule in played.rules] == [rule.alert for rule in usual.rules]
    assert [receiver.name for receiver in played.receivers] == ["demo"]
    for rule in played.rules:
        if isinstance(rule, BadBuzz):
            assert (rule.windows, rule.keep_firing_for) == ((30.0, 60.0), 10.0)
    assert not any(rule.enabled for rule in played.rules if rule.kind == "drift")
    assert (tmp_path / "demo" / "rules.yaml").stat().st_mode & 0o077 == 0  # it holds a secret


def test_nobody_else_is_told_of_a_play(tmp_path: Path) -> None:
    source = tmp_path / "rules.yaml"
    source.write_text(
        "watches: [{name: a, match: [a]}]\n"
        "rules: [{alert: B, kind: bad_buzz, receivers: [pager]}]\n"
        "receivers: [{name: pager, kind: alertmanager, url: 'http://a'}]\n"
        "route: {receiver: pager}\n"
    )
    write_rules(source, tmp_path / "demo.yaml", "http://127.0.0.1:9/", new_secret())
    played = load_rules(tmp_path / "demo.yaml")
    assert [target.receiver for target in targets(played, {"alertname": "B", "watch": "a"})] == ["demo"]


def test_rules_without_a_rule_can_be_played(tmp_path: Path) -> None:
    source = tmp_path / "rules.yaml"
    source.write_text("watches: [{name: a, match: [a]}]\n")
    write_rules(source, tmp_path / "demo.yaml", "http://127.0.0.1:9/", new_secret())
