"""Every example of a rules file in the documentation can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.rules.file import load_rules
from contracts.rules.schema import Rules
from contracts.settings import ROOT, Settings
from tests.fakes import SECRET

PAGES = ("alerts/rules.md", "alerts/routing.md", "alerts/operations.md", "webhook.md")
WATCH = "watches: [{name: air-paradis, match: [airparadis]}]\n"
NAMED = "receivers: [" + ", ".join(f"{{name: {name}, kind: alertmanager, url: 'http://a'}}" for name in (
    "social-team", "pager", "data-team")) + "]\n"  # fmt: skip


def examples(page: str) -> list[str]:
    return re.findall(
        r"^```yaml\n(.*?)^```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUZZWATCH_WEBHOOK_SECRET", "NEW_SECRET", "OLD_SECRET"):
        monkeypatch.setenv(name, SECRET)
    for name in ("SLACK_URL", "BUZZWATCH_CHAT_URL"):
        monkeypatch.setenv(name, "slack://a/b/c")
    monkeypatch.setenv("ALERTMANAGER_TOKEN", "token")


def load(folder: Path, text: str) -> Rules:
    file = folder / "rules.yaml"
    file.write_text(text)
    return load_rules(file)


@pytest.mark.parametrize(
    ("page", "number"),
    [(page, number) for page in PAGES for number in range(len(examples(page)))],
)
def test_an_example_of_a_page_can_be_used(tmp_path: Path, page: str, number: int) -> None:
    text = examples(page)[number]
    rules = load(tmp_path, WATCH + ("" if "receivers:\n" in text else NAMED) + text)
    assert rules.receivers


def test_the_way_to_change_a_secret_can_be_typed_as_it_is_written(tmp_path: Path) -> None:
    (line,) = set(re.findall(r"`(secrets: .*?)`", (ROOT / "docs" / "webhook.md").read_text(encoding="utf-8")))
    rules = load(tmp_path, WATCH + f"receivers:\n  - name: w\n    url: https://a.example\n    {line}\n")
    assert rules.receivers[0].keys == (SECRET, SECRET)  # type: ignore[union-attr]


def test_what_is_commented_out_in_the_default_rules_can_be_used(tmp_path: Path) -> None:
    text = Settings().rules.read_text(encoding="utf-8")
    receivers = _uncommented(text, "receivers").replace("receivers: []", "")
    tail = _uncommented(text, "route")
    assert "receivers: []\n" in text
    rules = load(tmp_path, WATCH + receivers + "  - {name: data-team, kind: apprise, url: 'slack://a/b/c'}\n" + tail)
    assert [receiver.kind for receiver in rules.receivers] == ["webhook", "alertmanager", "apprise", "apprise"]
    assert rules.route.routes
    assert rules.inhibit_rules


def _uncommented(text: str, key: str) -> str:
    """The block of comment lines that begins with `# key:`, as YAML."""
    lines = text.splitlines()
    first = lines.index(f"# {key}:")
    block = []
    for line in lines[first:]:
        if not line.startswith("#"):
            break
        block.append(line.removeprefix("# "))
    return "\n".join(block) + "\n"
