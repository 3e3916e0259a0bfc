from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from contracts.errors import RulesError
from contracts.rules.file import load_rules
from contracts.rules.mistakes import RULE_KINDS
from contracts.rules.schema import BadBuzz
from contracts.settings import Settings

WATCH = "watches:\n  - name: a\n    match: [x]\n"
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 7)
)
RULE = WATCH + "rules:\n  - alert: B\n    kind: bad_buzz\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RULE + "    windw: 1m\n", ":7: rules[0].windw: unknown key, did you mean windows?"),
        (RULE + "    within: 5m\n", ":7: rules[0].within: a key of another place or kind, it means nothing here"),
        (RULE + "    baseline: 5\n", ":7: rules[0].baseline: 5 is not a duration"),
        (WATCH + "rules:\n  - alert: B\n    kind: bad_buz\n", ":6: rules[0].kind: there is no kind 'bad_buz', did you"),
        (WATCH + "rules:\n  - alert: B\n", ":5: rules[0]: kind is missing; it is one of consecutive_errors,"),
        (WATCH + "rules:\n  - [B]\n", ":5: rules[0]: a mapping (key: value) is due here, not a list"),
        (WATCH + "rules: B\n", ":4: rules: a list is due here, not 'B'"),
        (WATCH + "rules:\n", ":4: rules: a list is due here, not nothing"),
        (WATCH + "receivers:\n  - name: w\n    url: ${NOT_SET}\n", ":6: receivers[0].url: the environment variable"),
        (RULE + "    severity: fatal\n", ":7: rules[0].severity: 'fatal' is none of info, warning, critical, score"),
        (RULE + "    watches: [zz]\n", ":7: rules[0].watches[0]: rule B names the watch 'zz', which is not defined"),
        (RULE + "    watches:\n    - a\n    - zz\n", ":9: rules[0].watches[1]: rule B names the watch 'zz'"),
        (RULE + "    annotations:\n      summary: '{{ watch }}'\n", ":8: rules[0].annotations.summary: {{ watch }} is"),
        (RULE + "    annotations: {desk: 5}\n", ":7: rules[0].annotations.desk: text in quotes is due here, not 5"),
        (RULE + "    labels:\n      team: a\n      watch: x\n", ":9: rules[0].labels.watch: watch is set by the alert"),
        (RULE + "    labels: {1st: a}\n", ":7: rules[0].labels.1st: '1st' is no name: letters, digits and _"),
        (RULE + "    for: 5\n", ":7: rules[0].for: 5 is not a duration"),
        (RULE + "    themes: [zz]\n    per_theme: true\n", ":7: rules[0].themes[0]: rule B names the theme 'zz'"),
        (RULE + "    min_volume: true\n", ":7: rules[0].min_volume: a whole number is due here, not true"),
        (RULE + "    min_volume: '20'\n", ":7: rules[0].min_volume: a whole number is due here, not '20'"),
        (RULE + "    enabled: 'yes'\n", ":7: rules[0].enabled: true or false is due here, not 'yes'"),
        (RULE + "    enabled: 1\n", ":7: rules[0].enabled: true or false is due here, not 1"),
        (RULE + "    growth: .inf\n", ":7: rules[0].growth: a finite number is due here, not inf"),
        (RULE + "    prior_weight: .nan\n", ":7: rules[0].prior_weight: a finite number is due here, not nan"),
        (RULE + "    growth: 0.5\n", ":7: rules[0].growth: 0.5 is too small: it must be 1 or more"),
        (RULE + "    baseline: 1m\n", ":7: rules[0].baseline: must not be shorter than the longest window"),
        (RULE + "    windows: []\n", ":7: rules[0].windows: the list is empty"),
        (WATCH + "rules:\n  - alert: A\n    kind: error_count\n    within: 0s\n", ":7: rules[0].within: must be 1s or"),
        (WATCH + "rules:\n  - alert: A\n    last: 10\n    kind: accuracy\n", ":5: rules[0].min_judgements: must not"),
        (WATCH + "rules:\n  - alert: A\n    kind: drift\n    severity: score\n", ":7: rules[0].severity: score is for"),
        (WATCH + "route:\n  repeat_interval: 1ms\n", ":5: route.repeat_interval: must be 10s or longer, or 0 for"),
        (WATCH + "route:\n  group_wait: 1s\n  matchers: [a=b]\n", ":6: route.matchers: the root takes every alert"),
        (WATCH + "route:\n  routes:\n  - receivers:\n    - zz\n", ":7: route.routes[0].receivers[0]: route names the"),
        (WATCH + "inhibit_rules:\n  - source_matchers: [5]\n", ":5: inhibit_rules[0].source_matchers[0]: '5' is not a"),
        (WATCH + "  - name: a\n    match: [y]\n", ":4: watches[1].name: two entries for the watch 'a'"),
        (WATCH + "themes: &all [*all]\n", ":4: themes[0]: "),
        (WATCH + "themes: &all {<<: *all}\n", ":1: not YAML that can be read: "),
        (WATCH + "themes:\n  - name: a\n    match: [y]\n    learnt: true\n", ":7: themes[0].learnt: nothing is"),
        (WATCH + "when: 2020-13-45\n", ":1: not YAML: month must be in 1..12"),
        (LAUGHS, "the aliases of the rules file expand to more than 200,000 values"),
        ("[" * 500, ":1: not YAML: nested too deeply"),
        ("watches:\n  - name: Air Paradis\n", ":2: watches[0].name: 'Air Paradis' is no name: small letters"),
        ("watches:\n  - name: a\n", ":2: watches[0].match: this key is missing"),
        ("watches:\n  - name: a\n    match: [x, '  ']\n", ":3: watches[0].match[1]: a term that nobody can see"),
        ('watches:\n  - name: a\n    match: ["\\u200b"]\n', ":3: watches[0].match[0]: a term that nobody can see"),
        ("watches:\n  - name: a\n    match: ['']\n", ":3: watches[0].match[0]: must not be empty"),
        (RULE + '    annotations: {a: "\\ud800"}\n', ":7: rules[0].annotations.a: holds half of a character"),
        ("watches: [\n", "not YAML"),
        ("- a\n", ":1: the file must be a mapping"),
        ("", ":1: the file must be a mapping"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_line_and_key(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(RulesError) as raised:
        load_rules(file)
    assert all(line.startswith(f"{file}:") for line in str(raised.value).splitlines())
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (RULE.encode() + b"# caf\xe9\n", ":7: byte 0xE9 is not UTF-8: save it as UTF-8"),
        (RULE.encode() + b"# \x1b\n", r":7: not YAML: '\x1b' stands there"),
        (RULE.encode("utf-16-le"), r":1: not YAML: '\x00' stands there: UTF-16? Save it as UTF-8"),
        (b"\xef\xbb\xbf\xef\xbb\xbf- a\n", ":1: the file must be a mapping"),
    ],
)
def test_bytes_that_no_editor_of_yaml_writes_are_named_with_their_line(file: Path, data: bytes, said: str) -> None:
    file.write_bytes(data)
    with pytest.raises(RulesError) as raised:
        load_rules(file)
    assert str(raised.value).startswith(f"{file}{said}")


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(RulesError, match="/dev/zero: the rules file is larger than 4 MiB"):
        load_rules(Path("/dev/zero"))


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(RulesError, match=r"rules\.yaml: the rules file cannot be read"):
        load_rules(file)


def test_what_an_alias_stands_for_is_read_as_if_it_stood_there(file: Path) -> None:
    file.write_text(RULE + "    enabled: &off false\n  - {alert: C, kind: bad_buzz, per_theme: *off, enabled: *off}\n")
    assert [(rule.alert, rule.enabled) for rule in load_rules(file).rules] == [("B", False), ("C", False)]


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


def test_the_values_of_a_key_that_is_there_twice_are_not_shown(tmp_path: Path) -> None:
    """They may be secrets, and pages long."""
    file = tmp_path / "rules.yaml"
    file.write_text(WATCH + "receivers:\n  - name: w\n    url: https://a/SECRET\n    url: https://b/SECRET\n")
    with pytest.raises(RulesError, match=r'found duplicate key "url"$'):
        load_rules(file)


def test_a_secret_that_is_no_base64_is_named_with_its_line_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(WATCH + "receivers:\n  - name: w\n    url: http://x\n    secret: whsec_A\n")
    with pytest.raises(
        RulesError, match=r"rules.yaml:\d+: receivers\[0\].secret: what follows whsec_ is not base64"
    ) as told:
        load_rules(file)
    assert "whsec_A" not in str(told.value)


VALUES = ("", "null", "true", "[]", "{}", "-1", "1e400", ".nan", "'x'", "yes", "2020-01-01", "[a, b]", "{a: b}", "0x10",
          "5m", "''", "!!binary aGk=", "&a x", "*a", "|", "9" * 30,
          '"\\0"', '"\\ud800"', "!!set {a}", "<<", "- x", "\t")  # fmt: skip


def test_whatever_stands_at_a_key_is_taken_or_refused_in_one_line(file: Path) -> None:
    chance = random.Random(20_261_121)
    lines = Settings().rules.read_text().splitlines()
    lines = lines[lines.index("rules:") :]
    keys = [number for number, line in enumerate(lines) if re.match(r"\s*(- )?\w+:", line)]
    for _ in range(25):
        number = chance.choice(keys)
        changed = [*lines]
        changed[number] = f"{lines[number].partition(':')[0]}: {chance.choice(VALUES)}"
        file.write_text(WATCH + "\n".join(changed) + "\n")
        said = ""
        try:
            load_rules(file)
        except RulesError as refused:
            said = str(refused)
        assert all(re.match(rf"{file}:\d+: (?!.*Input should)", line) for line in said.splitlines()), changed[number]


def lines(file: Path, text: str) -> list[str]:
    """What is said of a file, without its name."""
    file.write_text(text)
    with pytest.raises(RulesError) as raised:
        load_rules(file)
    return [line.removeprefix(f"{file}:") for line in str(raised.value).splitlines()]


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(file: Path) -> None:
    assert lines(
        file,
        """watches:
  - name: air-paradis
    tersm: [a]
  - name: air-paradis
    match: []
themes: [{name: Bags, match: [bag]}]
rules:
  - alert: B
    kind: bad_buzz
    min_volume: "20"
    themes: [bagage]
    receivers: [nobody]
  - alert: C
    kind: bad_buz
route:
  matchers: [severity=critical]
  routes:
    - receiver: nobody
      matcher: [severity=critical]
receivers:
  - name: w
    url: ftp://x
    secret: ${NOT_SET}
wathces: []
""",
    ) == [
        "3: watches[0].tersm: unknown key, did you mean match?",
        "4: watches[1].name: two entries for the watch 'air-paradis'",
        "5: watches[1].match: the list is empty",
        "6: themes[0].name: 'Bags' is no name: small letters, digits, - and _, beginning with a letter or digit",
        "10: rules[0].min_volume: a whole number is due here, not '20'",
        "11: rules[0].themes[0]: rule B names the theme 'bagage', which is not defined",
        "12: rules[0].receivers[0]: rule B names the receiver 'nobody', which is not defined",
        f"14: rules[1].kind: there is no kind 'bad_buz', did you mean bad_buzz; it is one of {', '.join(RULE_KINDS)}",
        "16: route.matchers: the root takes every alert, it has neither matchers nor continue",
        "18: route.routes[0].receiver: route names the receiver 'nobody', which is not defined",
        "19: route.routes[0].matcher: unknown key, did you mean matchers?",
        "22: receivers[0].url: must be an address such as https://hooks.example.org/buzzwatch",
        "23: receivers[0].secret: the environment variable NOT_SET is not set",
        "24: wathces: unknown key; here are inhibit_rules, receivers, route, rules, themes, watches",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("watches:\n- {name: a, terms: [x]}\n", "2: watches[0].terms: unknown key, did you mean match?"),
        ("watches:\n- {nmae: a, match: [x]}\n", "2: watches[0].nmae: unknown key, did you mean name?"),
        (RULE + "    matchers: [a=b]\n", "means nothing here; it belongs to route"),
        (RULE + "    group_by: [watch]\n", "means nothing here; it belongs to route"),
        (WATCH + "receivers:\n- {name: w, kind: apprise, secret: x, url: 'json://x'}\n", "belongs to receivers of"),
        (WATCH + "route:\n  receivres: [w]\n", "5: route.receivres: unknown key, did you mean receivers?"),
        (WATCH + "route:\n  url: http://x\n", "means nothing here; it belongs to receivers of kind webhook"),
        (WATCH + "inhibit_rules:\n- {source: [a=b], target_matchers: [a=c]}\n", "did you mean source_matchers?"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_named_with_the_likeliest_right_one_or_its_place(file: Path, text: str, said: str) -> None:
    [line] = lines(file, text)
    assert said in line


def test_two_keys_that_may_be_meant_are_not_guessed(file: Path) -> None:
    assert lines(file, "watches:\n- {x: a}\n") == [
        "2: watches[0].match: this key is missing",
        "2: watches[0].name: this key is missing",
        "2: watches[0].x: unknown key; here are match, name",
    ]
