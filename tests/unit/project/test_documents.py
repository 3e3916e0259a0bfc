"""The documents name what is there: files, links, decisions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.settings import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)#\s]+)")
_PATH = re.compile(r"`((?:[a-z_]+/)+[a-z_0-9]+\.(?:py|yaml|md))`")


def test_there_are_pages() -> None:
    assert {page.name for page in PAGES} > {"README.md", "CONTRIBUTING.md", "architecture.md", "glossary.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [target for target in _LINK.findall(text) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/guarantees.md"])
def test_every_file_that_is_named_is_there(name: str) -> None:
    named = _PATH.findall((ROOT / name).read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_decision_is_linked_from_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    pages = [page.name for page in (ROOT / "docs" / "decisions").glob("*.md")]
    assert pages
    assert [page for page in pages if f"decisions/{page}" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_holds_both_sides_of_a_merge(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(("<<<<<<< ", ">>>>>>> "))] == []


def test_the_changelog_has_one_release_of_at_most_forty_lines() -> None:
    """What users notice, by subject: add to a line that is there. Every single change is in the history of git."""
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40, "say it in a line that is there; see CONTRIBUTING.md"
    headings = [line.split(",")[0] for line in lines if line.startswith("### ")]
    assert headings == ["### Added", "### Breaking", "### Fixed"]
