"""What `buzzwatch bench dashboard` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

from bench.reporting.report import Goal, Report, figure, goals_report, show
from bench.room import alarms, hands, readers, rows
from bench.room.browser import chromium, first_load
from bench.room.crowd import Crowd
from contracts.errors import BuzzwatchError
from contracts.settings import Settings

PARTS: Final = ("load", "rows", "alerts", "clicks", "memory", "readers")
_SLOWER: Final = 1.2
"""How much slower `/predict` may be beside the readers."""

_MOST_S: Final = 90.0
"""That frames are played in fast motion."""


@dataclass(frozen=True)
class Options:
    """How much of everything."""

    url: str
    """Where the pages begin."""
    rate: float
    """Tweets a second while rows are timed."""
    seconds: float
    """Of the rows, and of the readers."""
    bystanders: int
    """Further readers while rows are timed."""
    readers: int
    alerts: int
    rounds: int
    """Of keys and clicks."""
    hours: float
    """That are played in fast motion."""


def run(
    settings: Settings, only: Sequence[str], options: Options, output: str, progress: Callable[[str], None]
) -> None:
    """Measure the parts, one after the other, and show what was found beside the goals.

    Raises:
        BuzzwatchError: a part is unknown, or there is no Chromium.
    """
    unknown = sorted(set(only) - set(PARTS))
    if unknown:
        raise BuzzwatchError(f"--only: there is no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    found: dict[str, float] = {}
    if set(only) != {"readers"}:
        with chromium() as browser:
            page, loaded = first_load(browser, options.url)
            for part in [one for one in PARTS[:-1] if one in only]:
                progress(f"measuring {part}")
                found |= loaded if part == "load" else _on_page(part, settings, page, options)
            found["cls_after_all"] = round(page.evaluate("seen.cls"), 4)
    if "readers" in only:
        progress("measuring readers")
        found |= readers.measure(settings, options.url, options.readers, options.seconds)
    table = Report("Watch room", ("figure", "value"), [(name, figure(value)) for name, value in found.items()], found)
    show([table, goals_report(_goals(found, options))], output)


def _on_page(part: str, settings: Settings, page: Page, options: Options) -> dict[str, float]:
    if part == "rows":
        with Crowd(options.url, options.bystanders) if options.bystanders else nullcontext():
            return rows.measure(settings, page, options.rate, options.seconds)
    if part == "alerts":
        return alarms.measure(settings, page, options.alerts)
    if part == "clicks":
        return hands.clicks(settings, page, options.rounds)
    return hands.long_day(settings, page, options.hours, _MOST_S)


def _goals(found: dict[str, float], options: Options) -> list[Goal]:
    """Those of what was measured."""
    alone = found.get("predict_p99_alone_ms")
    at = f"{options.rate:,.0f}/s" + (f", {options.bystanders} readers" if options.bystanders else "")
    goals = [
        ("first_load_kb", Goal("first load, compressed", 150, None, "kB", at_least=False)),
        ("lcp_ms", Goal("largest contentful paint", 1500, None, "ms", at_least=False)),
        ("cls", Goal("layout shift", 0.05, None, "", at_least=False)),
        ("hosts", Goal("hosts asked", 1, None, "", at_least=False)),
        (
            "row_p99_ms",
            Goal(f"tweet to row, p99, {at}", 1000 if options.rate <= 1000 else 2000, None, "ms", at_least=False),
        ),
        ("banner_p99_ms", Goal("alert firing to banner, p99", 1000, None, "ms", at_least=False)),
        ("inp_ms", Goal("interaction to next paint", 100, None, "ms", at_least=False)),
        (
            "heap_grown_mib",
            Goal(f"heap grown in {found.get('hours_played', 0):g} h of frames", 10, None, "MiB", at_least=False),
        ),
        ("lag_p99_ms", Goal(f"lag of {options.readers} readers, p99", 250, None, "ms", at_least=False)),
        ("api_cores", Goal("processors of the API with them", 1, None, "", at_least=False)),
        (
            "predict_p99_beside_ms",
            Goal("/predict beside them, p99", (alone or 0) * _SLOWER, None, "ms", at_least=False),
        ),
    ]
    return [goal._replace(measured=found[name]) for name, goal in goals if name in found]
