"""What a person at the page feels: from a key or a click to the next picture, and whether a long day fills memory."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from playwright.sync_api import Page

from bench.room.rows import Traffic
from contracts.settings import Settings

_KEYS: Final = ("p", "p", "?", "Escape", "j", "k", "Tab", "p", "p")
_PER_BATCH: Final = 200
_EACH_S: Final = 0.25
"""What a frame stands for."""
# The page takes frames of another tab as its own (BroadcastChannel): this one is the other tab.
_FAST: Final = """
async ([frames, number, first]) => {
  const channel = new BroadcastChannel("buzzwatch" + document.body.dataset.path);
  for (let at = 0; at < number; at++) {
    const frame = structuredClone(frames[at % frames.length]);
    const minute = Math.floor((first + at) / 240);
    frame.at += (first + at) * 250;
    for (const watch of frame.watches ?? []) watch.open_minute += minute * 60;
    for (const tweet of frame.tweets) tweet.id = `${first + at}-${tweet.id}`;
    channel.postMessage({kind: "frame", data: frame, id: ""});
  }
  channel.close();
}
"""


def clicks(settings: Settings, page: Page, rounds: int) -> dict[str, float]:
    """The slowest and a high percentile of interactions while the feed runs, milliseconds."""
    page.evaluate("seen.inputs = {}")
    with Traffic(settings, 100):
        for _ in range(rounds):
            for key in _KEYS:
                page.keyboard.press(key)
                page.wait_for_timeout(60)
            page.locator("#pause").click()
            page.locator("#pause").click()
            page.locator("#theme button").click()
            page.wait_for_timeout(100)
    page.wait_for_timeout(500)
    # Below 16 ms nothing is reported: those count as faster than all that are.
    found = sorted(page.evaluate("Object.values(seen.inputs)"), reverse=True)
    number = rounds * (len(_KEYS) + 3)
    # INP: the slowest, leaving out one in fifty (web.dev/articles/inp).
    place = min(number // 50, len(found) - 1)
    return {
        "interactions": number,
        "inp_ms": found[place] if found else 16,
        "slowest_ms": found[0] if found else 16,
    }


def long_day(settings: Settings, page: Page, hours: float, most_s: float) -> dict[str, float]:
    """Growth of the browser's heap over so many hours of frames in fast motion, MiB; after a tenth of them, so that
    what the page keeps in any case is there.

    Args:
        most_s: after so long it ends; the figure `hours` says how far it came.
    """
    frames = _recorded(settings, page)
    session = page.context.new_cdp_session(page)
    other = page.context.new_page()
    other.goto(page.evaluate("new URL(`${document.body.dataset.path}room/alerts`, location).href"))
    number, sent, until = int(hours * 3600 / _EACH_S), 0, time.monotonic() + most_s
    before: float | None = None
    while sent < number and time.monotonic() < until:
        other.evaluate(_FAST, [frames, _PER_BATCH, sent])
        page.evaluate("1")  # when it answers it has heard them
        sent += _PER_BATCH
        if before is None and sent >= number // 10:
            before = _heap_mib(session)
    after = _heap_mib(session)
    rows = page.locator("#rows li").count()
    other.close()
    return {
        "frames": sent,
        "hours_played": round(sent * _EACH_S / 3600, 2),
        "heap_mib": round(after, 1),
        "heap_grown_mib": round(after - before, 2) if before is not None else float("inf"),
        "rows_kept": rows,
    }


def _recorded(settings: Settings, page: Page) -> list[Any]:
    """Frames as they came, for half a minute of them."""
    page.evaluate(
        """() => {
          window.recorded = [];
          const own = new EventSource(document.body.dataset.path + "stream");
          own.addEventListener("frame", (event) => recorded.push(event.data));
          window.stopRecording = () => own.close();
        }"""
    )
    with Traffic(settings, 200):
        page.wait_for_timeout(6000)
    page.evaluate("stopRecording()")
    frames = [json.loads(text) for text in page.evaluate("recorded")]
    return [frame for frame in frames if frame["tweets"]]


def _heap_mib(session: Any) -> float:
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20
