"""From a tweet's `created_at` to its row on the screen, while tweets come at a rate."""

from __future__ import annotations

import json
import random
import statistics
import threading
import time
import uuid
from typing import Self

from playwright.sync_api import Page

from bench.percentiles import percentiles
from contracts.settings import Settings
from contracts.times import clock_ms, to_rfc3339
from stream.kafka.tweet_files import Line
from stream.kafka.tweet_producer import TweetProducer

_COLLECT = """
window.rows = [];
new MutationObserver((changes) => {
  for (const change of changes) for (const row of change.addedNodes)
    if (row.dataset?.shown) rows.push([Number(row.dataset.shown), Date.parse(row.querySelector("time").dateTime)]);
}).observe(document.querySelector("#rows ol"), {childList: true});
"""


_WORDS = (
    *("awful", "late", "lost", "rude", "broken", "dirty", "cancelled", "angry", "terrible", "worst", "never", "again"),
    *("bag", "seat", "crew", "gate", "pilot", "queue", "refund", "hotline", "coffee", "engine", "ticket", "meal"),
    *("morning", "tonight", "tomorrow", "monday", "hours", "minutes", "forever", "today", "weekend", "holiday"),
    *("lisbon", "oslo", "rome", "dublin", "geneva", "austin", "boston", "denver", "madrid", "nice", "porto", "turin"),
    *("waiting", "stranded", "ignored", "charged", "stuck", "delayed", "crying", "freezing", "starving", "furious"),
)
"""Of the tweets; they are put together at random, as near-duplicates are not shown."""


class Traffic:
    """Tweets about one watch at a rate, from a thread, until the block is left."""

    def __init__(self, settings: Settings, rate: float) -> None:
        self._settings = settings
        self._rate = rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _send(self) -> None:
        producer, began, rng = TweetProducer(self._settings), time.monotonic(), random.Random(7)
        while not self._stopping.wait(0.005):
            while self.sent < self._rate * (time.monotonic() - began):
                name = uuid.uuid4().hex
                text = f"@delta {' '.join(rng.choices(_WORDS, k=9))}"
                tweet = {"id": name, "text": text, "author_id": name, "created_at": to_rfc3339(clock_ms())}
                producer.send(Line(name.encode(), json.dumps(tweet).encode()))
                self.sent += 1
        producer.close()


def measure(settings: Settings, page: Page, rate: float, seconds: float) -> dict[str, float]:
    """Delays of the rows that were shown, milliseconds."""
    page.evaluate(_COLLECT)
    with Traffic(settings, rate) as traffic:
        page.wait_for_timeout(seconds * 1000)
    page.wait_for_timeout(2000)
    delays = sorted(shown - created for shown, created in page.evaluate("rows"))
    found = {"tweets_sent": traffic.sent, "sent_per_s": round(traffic.sent / seconds), "rows": len(delays)}
    if not delays:
        return {**found, "row_p50_ms": float("inf"), "row_p99_ms": float("inf")}
    (p99,) = percentiles(delays, 0, [99])
    return {**found, "row_p50_ms": round(statistics.median(delays)), "row_p99_ms": round(p99)}
