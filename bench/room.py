"""How fast the watch room is, measured in Chromium on a running stack: `python -m bench.room`.

First load (bytes, LCP, CLS), then tweets at a rate: from a tweet's `created_at` to its row on the screen. Needs the
packages of `dev` and Debian's Chromium; the stack's settings are those of the environment.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from contracts.settings import Settings, load_settings
from contracts.times import clock_ms, to_rfc3339
from stream.kafka.tweet_files import Line
from stream.kafka.tweet_producer import TweetProducer

_OBSERVE = """
window.seen = {lcp: 0, cls: 0};
new PerformanceObserver((list) => { for (const e of list.getEntries()) seen.lcp = e.startTime; })
  .observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) seen.cls += e.value; })
  .observe({type: "layout-shift", buffered: true});
"""
_COLLECT = """
window.rows = [];
new MutationObserver((changes) => {
  for (const change of changes) for (const row of change.addedNodes)
    if (row.dataset?.shown) rows.push([Number(row.dataset.shown), Date.parse(row.querySelector("time").dateTime)]);
}).observe(document.querySelector("#rows ol"), {childList: true});
"""


def main() -> None:
    """Measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=1000, help="tweets a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--readers", type=int, default=0, help="further readers of the stream, without a browser")
    parser.add_argument("--pictures", type=Path, help="only take the pictures of docs/dashboard.md, into this folder")
    options = parser.parse_args()
    settings = load_settings()
    url = f"http://{settings.api.host}:{settings.api.port}{settings.dashboard.path}"
    if options.pictures:
        _pictures(url, options.pictures)
        return
    stopping = threading.Event()
    readers = [threading.Thread(target=_read, args=(url, stopping), daemon=True) for _ in range(options.readers)]
    for reader in readers:
        reader.start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        first = _first_load(page, url)
        page.evaluate(_COLLECT)
        sent = _produce(settings, options.rate, options.seconds)
        page.wait_for_timeout(2000)
        rows: list[list[float]] = page.evaluate("rows")
        found = {**first, "cls_after_feed": round(page.evaluate("seen.cls"), 4), "sent": sent, **_delays(rows)}
        browser.close()
    stopping.set()
    print(json.dumps({**found, "readers": options.readers + 1}, indent=1))


def _pictures(url: str, folder: Path) -> None:
    """Of a stack on which a crisis is going on."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])

        def taken(name: str, path: str, *, width: int = 1280, height: int = 860, dark: bool = False) -> None:
            scheme: Any = "dark" if dark else "light"
            page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
            page.goto(url.rstrip("/") + path)
            if name == "try":
                page.fill("textarea", "@AirParadis lost my bag again, but what a great crew! Call me: 555-123-4567")
                page.get_by_role("button", name="What does it feel?").click()
                page.wait_for_selector("#answer")
            if name == "alert":
                page.locator("article.alert h3 a").first.click()
                page.wait_for_selector(".story")
            page.wait_for_timeout(4000)
            page.screenshot(path=folder / f"room-{name}.png")

        taken("now", "/")
        taken("now-dark", "/", dark=True)
        taken("phone", "/", width=360, height=740)
        taken("alerts", "/room/alerts")
        taken("alert", "/room/alerts")
        taken("watch", "/room/watch?watch=air-paradis&span=hour")
        taken("try", "/room/try")
        taken("model", "/room/model")
        taken("system", "/room/system", dark=True)
        browser.close()


def _first_load(page: Page, url: str) -> dict[str, Any]:
    page.add_init_script(_OBSERVE)
    sizes: list[int] = []
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("requestfinished", lambda request: sizes.append(_size(request)))
    page.goto(url)
    page.wait_for_selector("#stream[data-state=live]", timeout=60_000)
    page.wait_for_timeout(1500)
    seen = page.evaluate("seen")
    return {
        "first_load_kb": round(sum(sizes) / 1000, 1),
        "lcp_ms": round(seen["lcp"]),
        "cls": round(seen["cls"], 4),
        "hosts": len(hosts),
    }


def _size(request: Any) -> int:
    if request.url.endswith("/stream"):
        return 0
    sizes = request.sizes()
    return int(sizes["responseBodySize"] + sizes["responseHeadersSize"])


def _produce(settings: Settings, rate: float, seconds: float) -> int:
    producer = TweetProducer(settings)
    began, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - began) < seconds:
        while sent < rate * elapsed:
            identifier = uuid.uuid4().hex
            text = f"@delta my flight {identifier[:8]} was late and my bag {identifier[8:14]} is lost"
            tweet = {"id": identifier, "text": text, "created_at": to_rfc3339(clock_ms())}
            producer.send(Line(identifier.encode(), json.dumps(tweet).encode()))
            sent += 1
        time.sleep(0.005)
    producer.close()
    return sent


def _delays(rows: list[list[float]]) -> dict[str, Any]:
    delays = sorted(shown - created for shown, created in rows)
    if not delays:
        return {"rows": 0}
    p99 = delays[min(len(delays) - 1, int(len(delays) * 0.99))]
    return {"rows": len(delays), "row_p50_ms": round(statistics.median(delays)), "row_p99_ms": round(p99)}


def _read(url: str, stopping: threading.Event) -> None:
    with httpx.stream("GET", f"{url}stream", timeout=60, trust_env=False) as answer:
        for _ in answer.iter_bytes():
            if stopping.is_set():
                return


if __name__ == "__main__":
    main()
