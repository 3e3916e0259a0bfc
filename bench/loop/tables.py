"""Tables and goals of what was simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.loop.estimates import HALVINGS, CrisisDays, Estimated, Halved
from bench.loop.months import A_MONTH, MONTHS, Gain, Played
from bench.loop.queue import Choice
from bench.loop.runs import Canary, Poisoned
from bench.reporting.report import Goal, Report

_CANNOT_TELL: Final = "cannot tell yet"


def _mean(values: Sequence[float]) -> str:
    mean = f"{np.mean(values):.3f}"
    if len(values) == 1:
        return mean  # of one run nobody knows the error
    return f"{mean} ± {1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5:.3f}"


def _column(gains: Sequence[Gain], pick: Callable[[Gain], list[float]], month: int) -> list[float]:
    return [pick(one)[month] for one in gains]


def months_table(runs: dict[float, list[Gain]]) -> Report:
    """The six months."""
    rows: list[list[str]] = []
    for month in range(MONTHS):
        rows.append([f"{month + 1}: {month * A_MONTH:,} judged"])
        for gains in runs.values():
            rows[-1] += [_mean(_column(gains, lambda one: one.airline, month))]
            rows[-1] += [_mean(_column(gains, lambda one: one.general, month))]
    data = {str(right): [one._asdict() for one in gains] for right, gains in runs.items()}
    seeds = len(runs[0.9])
    return Report(
        f"Six months, retrained after each; accuracy, mean of {seeds} runs ± 1.96 standard errors",
        ("month", "airline, judges right 90 %", "general", "airline, judges right 80 %", "general"),
        rows,
        {"months": data},
    )


def french_table(played: Sequence[Played]) -> Report:
    """French tweets after the months."""
    french = [one.french for one in played]
    rows = [
        ("French macro-recall before", _mean([one.before for one in french])),
        (f"French macro-recall, {french[0].judgements:,} judged", _mean([one.after for one in french])),
        ("airline accuracy lost by it, points", _mean([one.airline_lost for one in french])),
    ]
    return Report("French tweets arrive", ("", "measured"), rows, [one._asdict() for one in french])


def queue_table(chosen: Sequence[Choice]) -> Report:
    """The queue beside chance."""
    queue, random = [one.queue for one in chosen], [one.random for one in chosen]
    rows = [(f"queue, {count:,}", _mean([one[count] for one in queue])) for count in queue[0]]
    rows += [(f"by chance, {count:,}", _mean([one[count] for one in random])) for count in random[0]]
    title = "Judgements at the same time, right 90 %: airline accuracy of queue and chance"
    return Report(title, ("judgements", "measured"), rows, [one._asdict() for one in chosen])


def canary_table(equal: Sequence[Canary], worse: Sequence[Canary]) -> Report:
    """How canaries ended."""
    rows, data = [], []
    for name, found in (("equally good", equal), ("3 points worse", worse)):
        outcomes = {what: sum(one.outcome == what for one in found) for what in ("better", "worse", "cannot tell yet")}
        decided = [one.pairs for one in found if one.outcome != "cannot tell yet"]
        median = float(np.median(decided)) if decided else float("nan")
        rows.append((name, str(len(found)), *map(str, outcomes.values()), f"{median:,.0f}" if decided else "–"))
        data.append({"challenger": name, "runs": len(found), **outcomes, "median_judged": median})
    columns = ("challenger", "runs", "better", "worse", "cannot tell yet", "judged tweets until decided, median")
    return Report("Canaries looked at every 20 judged tweets, up to 6,000", columns, rows, data)


def poison_table(found: Sequence[Poisoned]) -> Report:
    """What the poisoners did."""
    means = {
        "accuracy of the champion": _mean([one.before for one in found]),
        "of the challenger, from the labels that hold": _mean([one.resolved for one in found]),
        "of one from all that was said": _mean([one.unguarded for one in found]),
        "poisoners left out, of 5": _mean([float(one.left_out) for one in found]),
        "honest judgements lost": f"{np.mean([one.honest_lost for one in found]):.1%}",
        "the gate lets the challenger pass": f"{sum(not one.refused for one in found)} of {len(found)}",
        "the gate lets that one pass": f"{sum(not one.unguarded_refused for one in found)} of {len(found)}",
    }
    title = f"Five poisoners (2,000 flipped labels) among twelve honest judges (2,000 labels), {len(found)} runs"
    return Report(title, ("", "measured"), list(means.items()), [one._asdict() for one in found])


def halved_table(found: Sequence[Halved], missing: str) -> Report:
    """Estimates on halves of sets that the model knows."""
    rows, data = [], []
    for one in found:
        off = {"ours": one.ours, "each set counting the same": one.even, "NannyML": one.nannyml}
        means = {name: float(np.mean(np.abs(values))) if values else None for name, values in off.items()}
        bias = {name: float(np.mean(values)) if values else None for name, values in off.items()}
        shown = [
            "–" if mean is None else f"{mean:.1f} ({bias[name]:+.1f})" for name, mean in means.items()
        ]  # fmt: skip
        rows.append((f"{one.where}, {one.tweets:,}", *shown, f"{one.chance:.1f}"))
        data.append({**one._asdict(), "mean_error": means, "bias": bias})
    columns = ("tweets", "ours", "each set counting the same", "NannyML", "by chance alone")
    title = f"Accuracy without labels on {HALVINGS} other halves of known sets: points off, mean (with its sign)"
    return Report(title, columns, rows, data, [f"without NannyML: {missing}"] if missing else [])


def estimate_table(found: Sequence[Estimated], crisis: CrisisDays) -> Report:
    """Estimates beside the truth."""
    rows: list[tuple[str, ...]] = []
    data: list[dict[str, Any]] = []
    for one in found:
        value = one.estimate
        shown = "–" if value.accuracy is None else f"{value.accuracy:.3f}"
        error = abs((value.accuracy or 0.0) - one.truth) * 100
        rows.append(
            (one.where, f"{one.truth:.3f}", shown, f"{error:.1f}", "yes" if value.trusted else "; ".join(value.doubts))
        )
        data.append({"where": one.where, "truth": one.truth, "estimate": value.accuracy, "trusted": value.trusted})
    note = (
        f"Crisis days with four times as many negative tweets on which the model is called worse: {crisis.worse} of "
        f"{crisis.days}; on which the estimate is not trusted: {crisis.doubted}"
    )
    columns = ("tweets", "true accuracy", "estimated", "error, points", "can be trusted")
    return Report("Accuracy without labels, of the frozen model", columns, rows, data, [note])


def months_goals(runs: dict[float, list[Gain]], played: Sequence[Played]) -> list[Goal]:
    """Of the six months, and of the French tweets after them."""

    def gained(right: float) -> float:
        return float(np.mean([(one.airline[-1] - one.airline[0]) * 100 for one in runs[right]]))

    lost = float(np.mean([(one.general[0] - one.general[-1]) * 100 for one in runs[0.9]]))
    french = float(np.mean([one.french.after - one.french.before for one in played])) * 100
    return [
        Goal("airline accuracy gained by 2,000 judgements, judges right 90 %", 6, gained(0.9), "points"),
        Goal("the same, judges right 80 %", 4, gained(0.8), "points"),
        Goal("lost on general sets", 0.5, lost, "points", at_least=False),
        Goal("French macro-recall gained", 6, french, "points"),
    ]


def queue_goals(chosen: Sequence[Choice]) -> list[Goal]:
    """Of the queue."""
    ahead = float(np.mean([one.queue[1_000] - one.random[2_000] for one in chosen])) * 100
    return [Goal("queue of 1,000 beside 2,000 at random", 0, ahead, "points")]


def canary_goals(equal: Sequence[Canary], worse: Sequence[Canary]) -> list[Goal]:
    """Of the canaries."""
    told = sum(one.outcome == _CANNOT_TELL for one in equal) / len(equal) * 100
    stopped = [one.pairs for one in worse if one.outcome == "worse"]
    median = float(np.median(stopped)) if stopped else None
    return [
        Goal("equally good: cannot tell", 95, told, "%"),
        Goal(f"3 points worse: stopped, of {len(worse)}", 19, float(len(stopped)), "runs"),
        Goal("until then, median", 3_000, median, "judged tweets", at_least=False),
    ]


def poison_goals(attacked: Sequence[Poisoned]) -> list[Goal]:
    """Of the poisoners."""
    passed_worse = [not one.refused and one.resolved < one.before - 0.005 for one in attacked]
    passed_unguarded = [not one.unguarded_refused for one in attacked]
    lost = float(np.mean([one.honest_lost for one in attacked])) * 100
    runs = f"of {len(attacked)} runs"
    return [
        Goal("poisoners: no worse challenger passes the gate", len(attacked), len(attacked) - sum(passed_worse), runs),
        Goal("the gate refuses one of all that was said", len(attacked), len(attacked) - sum(passed_unguarded), runs),
        Goal("honest labels lost", 5, lost, "%", at_least=False),
    ]


def estimate_goals(known: Sequence[Halved], estimated: Sequence[Estimated], crisis: CrisisDays) -> list[Goal]:
    """Of the estimates without labels."""
    goals = [
        Goal(f"estimate on {one.where}: error", 2, float(np.mean(np.abs(one.ours))), "points", at_least=False)
        for one in known
    ]
    for new in estimated:
        off = abs((new.estimate.accuracy or 0.0) - new.truth) * 100
        what = f"estimate on {new.where}: error where it says it can be trusted"
        goals.append(Goal(what, 4, off if new.estimate.trusted else 0.0, "points", at_least=False))
    goals.append(Goal("crisis days on which the model is called worse", 0, float(crisis.worse), "days", at_least=False))
    return goals


def draw_months(runs: dict[float, list[Gain]], path: Path) -> None:
    """The picture of the six months."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    judged = [month * A_MONTH for month in range(MONTHS)]
    for (right, gains), style in zip(runs.items(), ("-", "--"), strict=True):
        curves = {"airline": ([one.airline for one in gains], "tab:blue")}
        curves["general sets"] = ([one.general for one in gains], "tab:gray")
        for name, (values, colour) in curves.items():
            found = np.array(values)
            axes.plot(judged, found.mean(axis=0), style, color=colour, label=f"{name}, judges right {right:.0%}")
            axes.fill_between(judged, found.min(axis=0), found.max(axis=0), color=colour, alpha=0.12)
    axes.set_xlabel("judgements of airline tweets")
    axes.set_ylabel("accuracy on held-out tweets")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    plt.close(figure)
