"""The page Model: a trial and the gate behind buttons, the gate's reasons, and who did it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from contracts.settings import ROOT
from stream.kafka.audit import audit_events
from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage
from tests.waiting import until
from training.evaluation.held_out import FILE
from training.registry.register import register_artefact

LONG_MS = 240_000
"""Each is a process of its own, which reads two models from MLflow."""
SHIPPED = ROOT / "models" / "artefacts" / "linear"


def try_beside_the_champion(page: Page, version: str) -> None:
    """In shadow, as a canary, and back."""
    trial = page.locator("#trial")
    trial.locator("[name=version]").select_option(version, timeout=LONG_MS)
    trial.locator("[name=who]").fill("maya")
    trial.get_by_role("button", name="Start in shadow").click()
    expect(page.locator(".said").first).to_contain_text(f"Version {version} scores beside the champion")
    trial.locator("#to-canary summary").click()
    trial.get_by_role("button", name="Start as a canary").click()
    expect(trial.locator("[aria-current=step]")).to_contain_text("50%")
    expect(trial).to_contain_text("Waits for:")
    trial.locator("#end-trial summary").click()
    trial.locator("#end-trial [name=why]").fill("seen enough")
    trial.get_by_role("button", name="The champion answers everything").click()
    expect(trial).to_contain_text("None is on trial. The last one:")
    expect(trial).to_contain_text("maya: seen enough")


@pytest.mark.timeout(1800)
def test_a_trial_a_refusal_a_forced_promotion_and_the_way_back(
    open_page: OpenPage, stack: RunningStack, tmp_path: Path
) -> None:
    for file in SHIPPED.iterdir():
        if file.name != FILE:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    version = register_artefact(stack.settings, tmp_path, alias="untested")
    page = open_page("/room/model")
    expect(page.locator("#slices summary")).to_contain_text("weakest", timeout=LONG_MS)
    expect(page.locator(".calibration polyline")).to_be_attached()
    try_beside_the_champion(page, version)

    versions = page.locator("section[aria-labelledby=versions-title]")
    row = versions.locator("tbody tr", has=page.locator(f"#promote-{version}"))
    row.locator("summary").click()
    row.get_by_role("button", name="Ask the gate").click()
    expect(versions.locator(".said.wrong")).to_contain_text("carries no held-out predictions", timeout=LONG_MS)

    versions.locator("#all-the-same summary").click()
    versions.locator("#all-the-same [name=reason]").fill("a test of the page")
    versions.get_by_role("button", name=f"Promote version {version}").click()
    done = versions.locator(".said:not(.wrong)")
    expect(done).to_contain_text(f"Version {version} is the champion now", timeout=LONG_MS)

    versions.locator("#rollback summary").click()
    versions.locator("#rollback [name=reason]").fill("it was only a trial")
    versions.get_by_role("button", name="Roll back").click()
    expect(done).to_contain_text("is the champion again", timeout=LONG_MS)

    def noted() -> set[tuple[str, str, str]]:
        return {(event.what, event.who, event.why.partition(";")[0]) for event in audit_events(stack.settings)}

    expected = {
        ("canary.rolled_back", "maya", "seen enough"),
        ("model.promoted", "maya", "forced: a test of the page"),
        ("model.rolled_back", "maya", "it was only a trial"),
    }
    until(lambda: expected <= noted(), said=lambda: str(noted()))  # a worker sends what it has done
    page.reload()
    expect(page.locator("section:has(> #audit-title)")).to_contain_text("it was only a trial")
