from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import RulesError
from contracts.rules import BadBuzz
from contracts.rules_file import load_rules
from contracts.settings import Settings

WATCH = "watches:\n  - name: a\n    match: [x]\n"
RULE = WATCH + "rules:\n  - alert: B\n    kind: bad_buzz\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RULE + "    windw: 1m\n", ":7: rules[0].windw: unknown key, did you mean window?"),
        (RULE + "    within: 5m\n", ":7: rules[0].within: a key of another place or kind, it means nothing here"),
        (RULE + "    baseline: 5\n", ":7: rules[0].baseline: 5 is not a duration"),
        (WATCH + "rules:\n  - alert: B\n    kind: bad\n", ":5: rules[0]: Input tag 'bad'"),
        (WATCH + "receivers:\n  - name: w\n    url: ${NOT_SET}\n", ":6: receivers[0].url: the environment variable"),
        (RULE + "    watches: [zz]\n", ":7: rule B names the watch 'zz', which is not defined"),
        (RULE + "    annotations:\n      summary: '{{ watch }}'\n", ":8: rules[0].annotations.summary: {{ watch }} is"),
        (RULE + "    labels:\n      watch: x\n", ":7: rules[0].labels: watch is set by the alert itself"),
        (RULE + "    for: 5\n", ":7: rules[0].for: 5 is not a duration"),
        (RULE + "    themes: [zz]\n    per_theme: true\n", ":7: rule B names the theme 'zz', which is not defined"),
        (WATCH + "rules:\n  - alert: A\n    kind: accuracy\n    last: 10\n", ":5: rules[0]: min_judgements must not"),
        (WATCH + "rules:\n  - alert: A\n    kind: drift\n    severity: score\n", ":5: rules[0]: severity: score is"),
        (WATCH + "  - name: a\n    match: [y]\n", ":4: two entries for the watch 'a'"),
        ("watches:\n  - name: a\n", ":2: watches[0].match: this key is missing"),
        ("watches: [\n", "not YAML"),
        ("- a\n", ":1: the file must be a mapping"),
        ("", ":1: the file must be a mapping"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_line_and_key(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(RulesError) as raised:
        load_rules(file)
    assert str(raised.value).startswith(str(file))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(RulesError, match=r"rules\.yaml: the rules file cannot be read"):
        load_rules(file)


def test_a_variable_stands_for_its_value(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "https://hooks.example.org/x")
    file.write_text(
        WATCH + "receivers:\n  - name: w\n    url: ${HOOK}\n    secret: whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\n"
    )
    (receiver,) = load_rules(file).receivers
    assert receiver.url == "https://hooks.example.org/x"
    assert "whsec" not in repr(receiver)


def test_durations_are_written_as_prometheus_does(file: Path) -> None:
    file.write_text(RULE + "    windows: [1m30s]\n    baseline: 1d\n")
    (rule,) = load_rules(file).rules
    assert isinstance(rule, BadBuzz)
    assert (rule.windows, rule.baseline) == ((90.0,), 86_400.0)


def test_the_default_rules_are_valid() -> None:
    assert {watch.name for watch in load_rules(Settings().rules).watches} >= {"air-paradis"}


def test_a_secret_that_is_no_base64_is_named_with_its_line_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(WATCH + "receivers:\n  - name: w\n    url: http://x\n    secret: whsec_A\n")
    with pytest.raises(
        RulesError, match=r"rules.yaml:\d+: receivers\[0\].secret: what follows whsec_ is not base64"
    ) as told:
        load_rules(file)
    assert "whsec_A" not in str(told.value)
