"""The pictures of docs/dashboard.md, of a stack on which a crisis is going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.room.browser import chromium, live


def take(url: str, folder: Path) -> bool:
    """Each page once, some in the dark and one as on a phone.

    Returns:
        whether the crisis was on: without one, the pictures that show it stay as they are.
    """
    with chromium() as browser:

        def taken(name: str, path: str, *, width: int = 1280, height: int = 860, dark: bool = False) -> None:
            scheme: Any = "dark" if dark else "light"
            page = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
            ).new_page()
            page.goto(url.rstrip("/") + path)
            live(page)
            if name == "try":
                page.fill("textarea", "@AirParadis lost my bag again, but what a great crew! Call me: 555-123-4567")
                page.get_by_role("button", name="What does it feel?").click()
                page.wait_for_selector("#answer")
            if name == "alert":
                page.locator("article.alert h3 a", has_text="air-paradis").first.click()
                page.wait_for_selector(".story")
            if name == "model":
                page.wait_for_selector("section[aria-labelledby=versions-title] table", timeout=60_000)
                page.wait_for_selector("#slices", timeout=60_000)
            page.wait_for_timeout(2000 if name in ("now", "alerts", "alert", "now-dark") else 4000)
            page.screenshot(path=folder / f"room-{name}.png")
            page.context.close()

        page = browser.new_page()
        page.goto(url.rstrip("/") + "/room/alerts")
        is_on = page.locator("article.alert h3 a", has_text="air-paradis").count() > 0
        if is_on:  # these come first: it lasts for less than a minute
            taken("now", "/", width=1440, height=900)
            taken("alerts", "/room/alerts")
            taken("alert", "/room/alerts")
            taken("now-dark", "/", dark=True, width=1920, height=1080)
            taken("phone", "/", width=360, height=740)
        taken("watch", "/room/watch?watch=air-paradis&span=hour")
        taken("try", "/room/try")
        taken("review", "/room/review")
        taken("model", "/room/model", height=1900, dark=True)
        taken("system", "/room/system")
        return is_on
