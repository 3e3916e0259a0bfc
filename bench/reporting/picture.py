"""One picture of a whole run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.parts.growth import Cost
from bench.parts.throughput import Result
from bench.reporting.tables import OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bench.suite import Findings

_OURS: Final = "#c2410c"
_THEIRS: Final = "#64748b"
_LINES: Final = ("#0f766e", "#7c3aed", "#b45309", "#1d4ed8")


def draw(found: Findings, path: Path) -> None:
    """Write what was found as SVG or PNG, by the file's name; parts that were not measured are left out."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    panels = [panel for panel, is_there in _panels(found) if is_there]
    if not panels:
        return
    rows = (len(panels) + 1) // 2
    # Text stays text: small, and searchable.
    with mpl.rc_context({"svg.fonttype": "none", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 3.4 * rows), layout="constrained")
        places = figure.subplots(rows, 2, squeeze=False).flat
        for place, panel in zip(places, panels, strict=False):
            panel(place)
        for place in list(figure.axes)[len(panels) :]:
            place.set_visible(False)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _panels(found: Findings) -> Sequence[tuple[Callable[[Axes], None], bool]]:
    rates = [one for one in found.throughput if isinstance(one, Result)]
    whole, plain = ([one for one in rates if one.function == name] for name in ("whole", "plain"))
    costs = [one for one in found.growth if isinstance(one, Cost)]
    courses = [one for one in (found.memory, found.watching) if one is not None]
    return [
        (lambda axes: _bars(axes, "Whole function, tweets a second", whole), bool(whole)),
        (lambda axes: _bars(axes, "Plain function, tweets a second", plain), bool(plain)),
        (lambda axes: _latencies(axes, found), bool(found.latency)),
        (lambda axes: _costs(axes, costs), bool(costs)),
        (lambda axes: _memory(axes, found), bool(courses)),
        (lambda axes: _lag(axes, found), found.watching is not None),
    ]


def _bars(axes: Axes, title: str, rates: Sequence[Result]) -> None:
    ordered = sorted(rates, key=lambda one: one.tweets_per_s)
    bars = axes.barh(
        [f"{one.contender}\n{one.guarantee}" for one in ordered],
        [one.tweets_per_s for one in ordered],
        color=[_OURS if one.contender == OURS else _THEIRS for one in ordered],
    )
    axes.bar_label(bars, fmt="{:,.0f}", padding=3)
    axes.margins(x=0.15)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_title(title)


def _latencies(axes: Axes, found: Findings) -> None:
    rates = [one.rate for one in found.latency]
    axes.loglog(rates, [one.p50_ms for one in found.latency], "o-", color=_LINES[0], label="p50")
    axes.loglog(rates, [one.p99_ms for one in found.latency], "o-", color=_LINES[1], label="p99")
    axes.set(title="Latency to a read_committed reader", xlabel="tweets a second", ylabel="ms")
    axes.legend(frameon=False)


def _costs(axes: Axes, costs: Sequence[Cost]) -> None:
    for colour, what in zip(_LINES, ("partitions", "watches", "characters", "backlog"), strict=True):
        some = [one for one in costs if one.what == what and one.tweets >= 10_000]
        if some:
            axes.loglog([one.size for one in some], [one.cpu_us for one in some], "o-", color=colour, label=what)
    axes.set(title="Processor time a tweet as work grows", xlabel="partitions, watches, …", ylabel="µs")
    axes.legend(frameon=False)


def _memory(axes: Axes, found: Findings) -> None:
    for colour, course in zip(_LINES, (found.memory, found.watching), strict=False):
        if course is not None:
            scored = [moment.scored / 1e6 for moment in course.moments]
            axes.plot(scored, [moment.resident_mib for moment in course.moments], color=colour, label=course.roles)
    axes.set(title="Resident memory of a worker", xlabel="million tweets scored", ylabel="MiB")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="lower right")


def _lag(axes: Axes, found: Findings) -> None:
    if found.watching is None:
        return
    seconds = [moment.seconds for moment in found.watching.moments]
    axes.plot(seconds, [moment.scored / 1e3 for moment in found.watching.moments], color=_LINES[0], label="scored")
    axes.plot(seconds, [moment.watched / 1e3 for moment in found.watching.moments], color=_LINES[1], label="counted")
    axes.set(title="Score role and watch role in one worker", xlabel="s", ylabel="thousand tweets")
    axes.legend(frameon=False)
