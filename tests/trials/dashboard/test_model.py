"""The page Model: the gate behind a button, its reasons, and who did it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from contracts.settings import ROOT
from stream.kafka.audit import audit_events
from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage
from training.evaluation.held_out import FILE
from training.registry.register import register_artefact

LONG_MS = 240_000
"""Each is a process of its own, which reads two models from MLflow."""
SHIPPED = ROOT / "models" / "artefacts" / "linear"


def promote(page: Page, version: str) -> None:
    row = page.locator("section[aria-labelledby=versions-title] tbody tr", has=page.locator(f"#promote-{version}"))
    row.locator("summary").click()
    row.locator("[name=who]").fill("maya")
    row.get_by_role("button", name="Ask the gate").click()


def test_the_gate_refuses_lets_pass_and_is_rolled_back(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    untested = tmp_path / "untested"
    untested.mkdir()
    for file in SHIPPED.iterdir():
        if file.name != FILE:
            (untested / file.name).write_bytes(file.read_bytes())
    refused = register_artefact(stack.settings, untested, alias="untested")
    equal = register_artefact(stack.settings, SHIPPED, alias="challenger")
    page = open_page("/room/model")
    versions = page.locator("section[aria-labelledby=versions-title]")

    promote(page, refused)
    expect(versions.locator(".said.wrong")).to_contain_text("carries no held-out predictions", timeout=LONG_MS)
    expect(versions).to_contain_text("Let it serve all the same")

    promote(page, equal)
    expect(versions.locator(".said:not(.wrong)")).to_contain_text(
        f"Version {equal} is the champion now", timeout=LONG_MS
    )
    expect(versions.locator("tr", has=page.locator(".tag", has_text="champion"))).to_contain_text(equal)

    versions.locator("#rollback summary").click()
    form = versions.locator("#rollback form")
    form.locator("[name=who]").fill("maya")
    form.locator("[name=reason]").fill("it was only a trial")
    form.get_by_role("button", name="Roll back").click()
    expect(versions.locator(".said:not(.wrong)")).to_contain_text("is the champion again", timeout=LONG_MS)
    done = [(event.what, event.who, event.why) for event in audit_events(stack.settings) if "model." in event.what]
    assert ("model.promoted", "maya", "the gate let it pass") in done
    assert ("model.rolled_back", "maya", "it was only a trial") in done
    page.reload()
    expect(page.locator("section:has(> #audit-title)")).to_contain_text("it was only a trial")
