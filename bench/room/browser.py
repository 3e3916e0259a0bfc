"""Chromium, and what it says about a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from contracts.errors import BuzzwatchError

_CHROMIUM: Final = Path("/usr/bin/chromium")
_OBSERVE: Final = """
window.seen = {lcp: 0, cls: 0, inputs: {}};
new PerformanceObserver((list) => { for (const e of list.getEntries()) seen.lcp = e.startTime; })
  .observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) seen.cls += e.value; })
  .observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => { for (const e of list.getEntries()) if (e.interactionId)
    seen.inputs[e.interactionId] = Math.max(seen.inputs[e.interactionId] ?? 0, e.duration); })
  .observe({type: "event", durationThreshold: 16, buffered: true});
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's.

    Raises:
        BuzzwatchError: it is not there.
    """
    if not _CHROMIUM.exists():
        raise BuzzwatchError(f"there is no {_CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(_CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


def first_load(browser: Browser, url: str) -> tuple[Page, dict[str, float]]:
    """The page Now, loaded for the first time, and what that took."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(_OBSERVE)
    sizes: list[int] = []
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("requestfinished", lambda request: sizes.append(_size(request)))
    page.goto(url)
    live(page)
    page.wait_for_timeout(1500)
    seen = page.evaluate("seen")
    figures = {
        "first_load_kb": round(sum(sizes) / 1000, 1),
        "lcp_ms": round(seen["lcp"]),
        "cls": round(seen["cls"], 4),
        "hosts": len(hosts),
    }
    return page, figures


def live(page: Page) -> None:
    """Wait until the stream has come."""
    page.wait_for_selector("#stream[data-state=live]", timeout=60_000)


def _size(request: Any) -> int:
    if "/stream" in request.url:
        return 0
    sizes = request.sizes()
    return int(sizes["responseBodySize"] + sizes["responseHeadersSize"])
