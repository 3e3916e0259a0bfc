"""From an alert that the worker has written as firing to the banner on the screen.

The alerts are made up: they are written into Redis as the worker writes them, one after the other, and removed; about a
watch that nobody has silenced, as a silenced alert has no banner. Take a stack of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any, Final

from playwright.sync_api import Page

from alerts.state.alert import Alert, fingerprint_of
from alerts.state.silences import Silence, SilenceStore
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from bench.percentiles import percentiles
from contracts.errors import BuzzwatchError
from contracts.settings import Settings
from contracts.times import clock_ms

_WATCH: Final = """
window.banners = {};
new MutationObserver(() => {
  const said = document.querySelector("#strip .strip-text").textContent;
  for (const name of said.match(/banner-\\d+/g) ?? []) banners[name] ??= performance.timeOrigin + performance.now();
}).observe(document.getElementById("strip"), {childList: true, subtree: true, characterData: true});
"""
_KIND: Final = "bench"
"""No kind of rule: the worker ends alerts of its own kinds that the rules file does not ask for."""
_PATIENCE_S: Final = 10.0
_MOST_MISSING: Final = 3
"""With none before them: then none comes at all, and waiting for all of them would take minutes."""


def measure(settings: Settings, page: Page, number: int) -> dict[str, float]:
    """Delays of so many alerts, milliseconds; one that does not come within ten seconds counts as infinitely late.

    Raises:
        BuzzwatchError: every watch is silenced, or none of the first alerts comes.
    """
    page.evaluate(_WATCH)
    watches: list[str] = page.evaluate(
        "[...document.querySelectorAll('[data-watch][data-mood]')].map((card) => card.dataset.watch)"
    )
    delays: list[float] = []
    missing = 0
    rng = random.Random(7)
    with connect(settings) as client:
        store = AlertStore(client, settings)
        for left in store.list():  # by a run that was killed
            if left.kind == _KIND:
                _commit(store, store.forget(left))
        watch = audible(watches, SilenceStore(client, settings).list(clock_ms()))
        for at in range(number):
            delay = _delay(store, page, alert_about(watch, at))
            if delay is None:
                missing += 1
            else:
                delays.append(delay)
            if not delays and missing == _MOST_MISSING:
                raise BuzzwatchError(f"none of the first {missing} alerts about {watch} came to the page's strip")
            page.wait_for_timeout(rng.uniform(100, 600))  # not in step with the frames
    p50, p99 = percentiles(delays, missing, [50, 99])
    return {"alerts": number, "banner_p50_ms": round(p50), "banner_p99_ms": round(p99) if p99 < 1e9 else p99}


def audible(watches: Sequence[str], silences: Sequence[Silence]) -> str:
    """The first watch of which no silence takes an alert's banner.

    Raises:
        BuzzwatchError: there is none.
    """
    now_ms = clock_ms()
    for watch in watches:
        alert = alert_about(watch, 0)
        if not any(silence.mutes(alert, now_ms) for silence in silences):
            return watch
    raise BuzzwatchError(
        "every watch is silenced, so that no alert has a banner: `buzzwatch alerts silence list` names who"
    )


def alert_about(watch: str, at: int) -> Alert:
    """One that fires."""
    labels = {"alertname": "BadBuzz", "severity": "critical", "watch": watch, "bench": str(at)}
    now_ms = clock_ms()
    return Alert(_KIND, fingerprint_of(labels), labels, {"summary": f"banner-{at}"}, now_ms, 1.0, fired_ms=now_ms)


def _delay(store: AlertStore, page: Page, alert: Alert) -> float | None:
    """From its writing to its banner, ms; None when that does not come."""
    wrote_ms = time.time() * 1000
    try:
        _commit(store, store.store(alert))
        shown = _shown(page, alert.annotations["summary"])
    finally:
        _commit(store, store.forget(alert))
    return None if shown is None else shown - wrote_ms


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
