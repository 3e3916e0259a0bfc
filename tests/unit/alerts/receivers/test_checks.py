from __future__ import annotations

from pathlib import Path

import pytest

from alerts.receivers.checks import receivers_can_be_reached
from alerts.rules.checks import kept_long_enough
from contracts.errors import RulesError
from contracts.rules.file import load_rules
from contracts.settings import AlertSettings, Settings

WATCH = "watches:\n  - name: a\n    match: [x]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("kind: error_count, within: 30d", "within: looks back 2,592,000 s, and Redis keeps 691,200 s"),
        ("kind: drift, within: 2w", "within: looks back 1,209,600 s, and Redis keeps 691,200 s"),
        ("kind: bad_buzz, baseline: 8d", "baseline: looks back 694,800 s"),
    ],
)
def test_a_rule_that_looks_further_back_than_redis_keeps_is_refused(file: Path, rule: str, said: str) -> None:
    file.write_text(WATCH + f"rules:\n  - {{alert: A, {rule}}}\n")
    with pytest.raises(RulesError) as raised:
        load_rules(file, kept_long_enough(AlertSettings()))
    assert str(raised.value).startswith(f"{file}:5: rules[0].{said}")
    assert "(BUZZWATCH_ALERTS__MINUTE_RETENTION_S)" in str(raised.value)
    load_rules(file, kept_long_enough(AlertSettings(minute_retention_s=32 * 86_400)))


def test_what_is_kept_shorter_than_usual_is_compared_with_the_rules(file: Path) -> None:
    file.write_text(WATCH + "rules:\n  - {alert: A, kind: quiet}\n  - {alert: B, kind: bad_buzz}\n")
    with pytest.raises(RulesError, match=r":6: rules\[1\]\.windows: .*\(BUZZWATCH_ALERTS__BUCKET_RETENTION_S\)"):
        load_rules(file, kept_long_enough(AlertSettings(bucket_retention_s=600)))
    with pytest.raises(RulesError, match=r":5: rules\[0\]\.min_days: .*\(BUZZWATCH_ALERTS__HOUR_RETENTION_S\)"):
        load_rules(file, kept_long_enough(AlertSettings(hour_retention_s=86_400)))


def test_the_retention_that_the_docs_advise_for_very_many_watches_suffices_for_the_default_rules() -> None:
    load_rules(Settings().rules, kept_long_enough(AlertSettings(minute_retention_s=90_000, hour_retention_s=691_200)))


def test_the_default_rules_ask_for_no_more_than_is_kept_and_reach_everybody() -> None:
    load_rules(Settings().rules, kept_long_enough(AlertSettings()), receivers_can_be_reached)


@pytest.mark.parametrize(
    ("receiver", "said"),
    [
        ("url: 'pidgin://token-of-mine'", ":5: receivers[0].url: "),
        ("url: 'mailtos://me:hunter22@example.org:99999'", ":5: receivers[0].url: "),
        ("url_file: NOWHERE/desk", "NOWHERE/desk cannot be read: No such file or directory"),
        ("url_file: FOLDER/empty", "FOLDER/empty contains no address"),
        ("url_file: FOLDER/desk", "FOLDER/desk, address 2: "),
    ],
)
def test_a_receiver_that_apprise_cannot_speak_to_is_refused_without_its_secrets(
    file: Path, receiver: str, said: str
) -> None:
    folder = str(file.parent)
    (file.parent / "empty").write_text("# nobody\n")
    (file.parent / "desk").write_text("json://127.0.0.1/\nhunter22\n")
    file.write_text(WATCH + f"receivers:\n  - {{name: w, kind: apprise, {receiver.replace('FOLDER', folder)}}}\n")
    with pytest.raises(RulesError) as raised:
        load_rules(file, receivers_can_be_reached)
    assert said.replace("FOLDER", folder) in str(raised.value)
    assert "hunter22" not in str(raised.value)
    assert "token-of-mine" not in str(raised.value)
    assert "\n" not in str(raised.value)
    load_rules(file)  # for whoever does not deliver


def test_an_address_that_apprise_can_read_is_not_connected_to(file: Path) -> None:
    file.write_text(WATCH + "receivers:\n  - {name: w, kind: apprise, url: 'json://127.0.0.1:1/'}\n")
    load_rules(file, receivers_can_be_reached)
