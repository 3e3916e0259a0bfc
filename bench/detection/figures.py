"""Tables and the picture of the detection bench, each figure with n and its 95 % interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy import stats

from bench.detection.run import CONTENDERS, Found
from bench.detection.scoring import Judged, Outcome
from bench.detection.traffic import MONTH
from bench.reporting.report import Report

STRENGTHS: Final = ((1.5, 2.0), (2.0, 3.0), (3.0, 5.0), (5.0, 10.0))
SIZES: Final = ((30, 100), (100, 1000), (1000, 30_001))
OURS: Final = CONTENDERS[0]
IDEAL: Final = 4.0
"""A score that a window of one minute exceeds by chance about once in 30 days."""


def goal_class(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Crises of at least twice the usual share and 50 tweets."""
    return [one for one in outcomes if one.crisis.strength >= 2 and one.crisis.tweets >= 50]


def summary(found: Found) -> Report:
    """One row per contender at the threshold that it is compared at."""
    rows, data = [], []
    for contender in CONTENDERS:
        weeks = found[contender.name, contender.shown]
        figures = _figures(weeks)
        data.append({"contender": contender.name, contender.what: contender.shown, **figures})
        rows.append(
            (
                f"{contender.name}, {contender.what} {contender.shown:g}",
                _shown(figures["found"]),
                _seconds(figures["delay_median_s"]),
                _shown(figures["within_60_s"]),
                _shown(figures["within_180_s"]),
                _shown(figures["false_alarms_30_days"], percent=False),
                _shown(figures["over_within_600_s"]),
            )
        )
    columns = ("detector", "found", "median delay", "≤ 60 s", "≤ 180 s", "false alarms/30 days", "over ≤ 10 min")
    weeks_number = len(next(iter(found.values())))
    number = data[0]["found"]["n"]
    title = f"{weeks_number} simulated weeks, {number} crises of ≥ 2 × the usual share and ≥ 50 tweets"
    return Report(title, columns, rows, data)


def classes(found: Found) -> Report:
    """Our recall and delay by strength and size."""
    outcomes = [one for week in found[OURS.name, OURS.shown] for one in week.outcomes]
    rows, data = [], []
    for low, high in STRENGTHS:
        for fewest, most in SIZES:
            some = [one for one in outcomes if low <= one.crisis.strength < high and fewest <= one.crisis.tweets < most]
            if not some:
                continue
            ideal = [one.ideal_score >= IDEAL for one in some]
            recall = proportion([one.alarms > 0 for one in some])
            delays = [one.delay_s for one in some if math.isfinite(one.delay_s)]
            quantiles = np.quantile(delays, (0.5, 0.95)).tolist() if delays else None
            rows.append(
                (
                    f"{low:g}–{high:g} ×",
                    f"{fewest:,}–{most - 1 if most > 30_000 else most:,}",
                    str(len(some)),
                    _shown(recall),
                    "–" if quantiles is None else f"{quantiles[0]:.0f} / {quantiles[1]:.0f} s",
                    f"{np.mean(ideal):.0%}",
                )
            )
            data.append(
                {"strength": [low, high], "tweets": [fewest, most], "found": recall, "delay_s": quantiles,
                 "ideal": float(np.mean(ideal))}
            )  # fmt: skip
    columns = ("strength", "tweets", "n", "found", "delay, median / 95 %", "clear by 180 s")
    return Report("buzzwatch by strength and size of the crisis", columns, rows, data)


def passed_on(found: Found) -> Report:
    """Our recall of crises in own words, and of those that are one complaint which people pass on."""
    outcomes = goal_class([one for week in found[OURS.name, OURS.shown] for one in week.outcomes])
    rows, data = [], []
    for name, is_passed_on in (("in own words", False), ("one complaint that many pass on", True)):
        some = [one for one in outcomes if one.crisis.passed_on == is_passed_on]
        recall = proportion([one.alarms > 0 for one in some])
        soon = proportion([one.delay_s <= 180 for one in some])
        rows.append((name, str(len(some)), _shown(recall), _shown(soon)))
        data.append({"crisis": name, "found": recall, "within_180_s": soon})
    return Report("buzzwatch by what the crisis is made of", ("crisis", "n", "found", "≤ 180 s"), rows, data)


def by_week(found: Found) -> Report:
    """Our false alarms in recordings of a month that begin with nothing known, by week, and how they are spread."""
    months = found[OURS.name, OURS.shown]
    outcomes = goal_class([one for month in months for one in month.outcomes])
    recall = proportion([one.alarms > 0 for one in outcomes])
    weeks = Counter(one.week for month in months for one in month.false)
    spread = Counter(len(month.false) for month in months)
    rows = [(f"false alarms in week {week + 1}", str(weeks[week])) for week in range(MONTH.weeks)]
    rows += [(f"months with {number}", str(spread[number])) for number in sorted(spread)]
    rows.append((f"found, of {len(outcomes)} crises", _shown(recall)))
    data = {
        "months": len(months),
        "false_alarms_by_week": [weeks[week] for week in range(MONTH.weeks)],
        "months_by_false_alarms": {str(number): spread[number] for number in sorted(spread)},
        "found": recall,
    }
    return Report(f"buzzwatch in {len(months)} simulated months", ("", "n"), rows, data)


def false_alarms(found: Found) -> Report:
    """What our false alarms fell into."""
    weeks = found[OURS.name, OURS.shown]
    kinds = Counter(one.kind for week in weeks for one in week.false)
    rows = [(kind, str(number), f"{number / _months(weeks):.2f}") for kind, number in kinds.most_common()]
    return Report("buzzwatch's false alarms", ("during", "n", "in 30 days"), rows, dict(kinds))


def draw(found: Found, path: Path) -> None:
    """The curve of delay and of recall against false alarms."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for contender in CONTENDERS:
        points = _curve(found, contender.name, contender.grid)
        false = [point[0] for point in points]
        left.plot(false, [point[1] for point in points], marker="o", label=contender.name)
        right.plot(false, [point[2] for point in points], marker="o", label=contender.name)
    for axes, label in ((left, "median delay from the 50th tweet, s (not found: an hour)"), (right, "found")):
        axes.set_xscale("log")
        axes.axvline(1, color="0.7", linestyle=":")
        axes.set_xlabel("false alarms in 30 days per watch")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    left.set_yscale("symlog", linthresh=30)
    left.set_ylim(-35, 4000)
    right.set_ylim(0, 1.02)
    right.legend(loc="lower right")
    figure.suptitle("Crises of at least twice the usual share and 50 tweets", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _curve(found: Found, name: str, grid: Sequence[float]) -> list[tuple[float, float, float]]:
    points = []
    for value in grid:
        weeks = found[name, value]
        outcomes = goal_class([one for week in weeks for one in week.outcomes])
        delays = [min(one.delay_s, 3600.0) for one in outcomes]
        false = sum(len(week.false) for week in weeks) / _months(weeks)
        recall = float(np.mean([one.alarms > 0 for one in outcomes]))
        points.append((max(false, 0.02), float(np.median(delays)), recall))
    return sorted(points)


def _months(weeks: Sequence[Judged]) -> float:
    return len(weeks) * 7 / 30


def _figures(weeks: Sequence[Judged]) -> dict[str, Any]:
    outcomes = goal_class([one for week in weeks for one in week.outcomes])
    every = [one for week in weeks for one in week.outcomes if one.alarms]
    number = sum(len(week.false) for week in weeks)
    months = _months(weeks)
    delays = sorted(one.delay_s for one in outcomes if one.alarms)
    return {
        "found": proportion([one.alarms > 0 for one in outcomes]),
        "delay_median_s": _median(delays),
        "delay_95_s": float(np.quantile(delays, 0.95)) if delays else None,
        "within_60_s": proportion([one.delay_s <= 60 for one in outcomes]),
        "within_180_s": proportion([one.delay_s <= 180 for one in outcomes]),
        "clear_by_180_s": proportion([one.ideal_score >= IDEAL for one in outcomes]),
        "within_180_s_of_the_clear": proportion([one.delay_s <= 180 for one in outcomes if one.ideal_score >= IDEAL]),
        "false_alarms_30_days": {
            "value": number / months,
            "low": float(stats.chi2.ppf(0.025, 2 * number) / 2 / months) if number else 0.0,
            "high": float(stats.chi2.ppf(0.975, 2 * number + 2) / 2 / months),
            "n": number,
        },
        "over_within_600_s": proportion([one.over_s <= 600 for one in every]),
        "over_median_s": _median(sorted(one.over_s for one in every)),
        "alarms_per_found_crisis": float(np.mean([one.alarms for one in outcomes if one.alarms])) if delays else None,
    }


def proportion(flags: Sequence[bool]) -> dict[str, Any]:
    """Share with Wilson's interval."""
    if not flags:
        return {"value": None, "low": None, "high": None, "n": 0}
    interval = stats.binomtest(int(sum(flags)), len(flags)).proportion_ci(method="wilson")
    return {"value": sum(flags) / len(flags), "low": float(interval.low), "high": float(interval.high), "n": len(flags)}


def _median(values: Sequence[float]) -> dict[str, Any] | None:
    """With the interval between order statistics."""
    if not values:
        return None
    low, high = (int(stats.binom.ppf(level, len(values), 0.5)) for level in (0.025, 0.975))
    chosen = (float(np.median(values)), values[max(low - 1, 0)], values[min(high, len(values) - 1)])
    return {"value": chosen[0], "low": chosen[1], "high": chosen[2], "n": len(values)}


def _shown(figure: dict[str, Any], *, percent: bool = True) -> str:
    if figure["value"] is None:
        return "–"
    if percent:
        return f"{figure['value']:.1%} ({figure['low']:.0%}–{figure['high']:.0%})"
    return f"{figure['value']:.2f} ({figure['low']:.2f}–{figure['high']:.2f})"


def _seconds(figure: dict[str, Any] | None) -> str:
    return "–" if figure is None else f"{figure['value']:.0f} s ({figure['low']:.0f} to {figure['high']:.0f})"
