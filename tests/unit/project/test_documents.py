"""The documents name what is there: files, links, decisions."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from contracts.settings import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(`+)(?!`).*?\1")
_HEADING = re.compile(r"^#{1,6} +(.+?)(?: +#+)?$", re.MULTILINE)
_PATH = re.compile(r"`((?:[a-z_]+/)+[a-z_0-9]+\.(?:py|yaml|md))`")


def test_there_are_pages() -> None:
    assert {page.name for page in PAGES} > {"README.md", "CONTRIBUTING.md", "architecture.md", "glossary.md"}


def _links(page: Path) -> list[tuple[str, str]]:
    """Targets with their anchors, of this repository."""
    text = _SPAN.sub("", _CODE.sub("", page.read_text(encoding="utf-8")))
    return [
        (target, anchor) for target, anchor in _LINK.findall(text) if "://" not in target and target[:7] != "mailto:"
    ]


@cache
def _anchors(page: Path) -> set[str]:
    """As the pages of a repository name their headings; the second of a name has -1 behind it."""
    anchors: list[str] = []
    for heading in _HEADING.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        anchors.append(re.sub(r"[^\w\- ]", "", shown).replace(" ", "-"))
    return {
        f"{anchor}-{nth}" if (nth := anchors[:place].count(anchor)) else anchor for place, anchor in enumerate(anchors)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    assert [target for target, _ in _links(page) if target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_anchor_is_a_heading_of_its_page(page: Path) -> None:
    wrong = [
        f"{target}#{anchor}"
        for target, anchor in _links(page)
        if anchor and anchor not in _anchors((page.parent / target).resolve() if target else page)
    ]
    assert wrong == []


def test_no_page_of_the_site_leads_out_of_it() -> None:
    """What is beside `docs` is no page of the site: name its path instead."""
    docs = ROOT / "docs"
    out = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        if page.is_relative_to(docs)
        for target, _ in _links(page)
        if target and not (page.parent / target).resolve().is_relative_to(docs)
    ]
    assert out == []


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
