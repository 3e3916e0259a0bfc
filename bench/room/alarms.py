"""From an alert that the worker has written as firing to the banner on the screen.

The alerts are made up: they are written into Redis as the worker writes them, one after the other, and removed. Take a
stack of its own.
"""

from __future__ import annotations

import random
import time
from typing import Any, Final

from playwright.sync_api import Page

from alerts.state.alert import Alert, fingerprint_of
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from bench.percentiles import percentiles
from contracts.settings import Settings
from contracts.times import clock_ms

_WATCH: Final = """
window.banners = {};
new MutationObserver(() => {
  const said = document.querySelector("#strip .strip-text").textContent;
  for (const name of said.match(/banner-\\d+/g) ?? []) banners[name] ??= performance.timeOrigin + performance.now();
}).observe(document.getElementById("strip"), {childList: true, subtree: true, characterData: true});
"""
_PATIENCE_S: Final = 10.0


def measure(settings: Settings, page: Page, number: int) -> dict[str, float]:
    """Delays of so many alerts, milliseconds; one that does not come within ten seconds counts as infinitely late."""
    page.evaluate(_WATCH)
    delays: list[float] = []
    missing = 0
    rng = random.Random(7)
    with connect(settings) as client:
        store = AlertStore(client, settings)
        for at in range(number):
            alert = _alert(at)
            wrote_ms = time.time() * 1000
            _commit(store, store.store(alert))
            shown = _shown(page, f"banner-{at}")
            if shown is None:
                missing += 1
            else:
                delays.append(shown - wrote_ms)
            _commit(store, store.forget(alert))
            page.wait_for_timeout(rng.uniform(100, 600))  # not in step with the frames
    p50, p99 = percentiles(delays, missing, [50, 99])
    return {"alerts": number, "banner_p50_ms": round(p50), "banner_p99_ms": round(p99) if p99 < 1e9 else p99}


def _alert(at: int) -> Alert:
    labels = {"alertname": "BadBuzz", "severity": "critical", "watch": "delta", "bench": str(at)}
    now_ms = clock_ms()
    return Alert("bad_buzz", fingerprint_of(labels), labels, {"summary": f"banner-{at}"}, now_ms, 1.0, fired_ms=now_ms)


def _commit(store: AlertStore, commands: Any) -> None:
    while not store.commit(store.snapshot(), commands):
        pass


def _shown(page: Page, name: str) -> float | None:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        found: float | None = page.evaluate(f"banners['{name}'] ?? null")
        if found is not None:
            return found
        page.wait_for_timeout(50)
    return None
