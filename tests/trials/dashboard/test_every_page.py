"""What holds for all pages: nobody is shut out, nothing overflows, light and dark, English and French."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from dashboard.html.rendering import PAGES
from tests.trials.dashboard.conftest import OpenPage

ADDRESSES = [f"/room/{name}" if name else "/" for name, _, _ in PAGES]


@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_nothing_and_nothing_overflows(open_page: OpenPage, address: str) -> None:
    for dark in (False, True):
        page = open_page(address, dark=dark, locale="fr-FR" if dark else "en-GB")
        page.wait_for_selector("h1", state="attached")
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found] == []
        for width in (360, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
