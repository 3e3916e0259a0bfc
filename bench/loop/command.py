"""What `buzzwatch bench loop` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from bench.loop.months import A_MONTH, MONTHS, Gain, Played, play
from bench.loop.runs import Canary, CrisisDays, Estimated, Poisoned, canaries, estimates, poisoned
from bench.loop.world import load_world, trained
from bench.reporting.report import Goal, Report, as_json, goals_report, show, writable, writing

AA_RUNS: Final = 200
WORSE_RUNS: Final = 20


def loop(data: Path, seeds: int, poison_runs: int, to: Path, output: str, markdown: Path | None) -> None:
    """Simulate, and show tables; writes `loop.json` and `loop.png` into `to`.

    Args:
        seeds: runs of the six months and of the queue. poison_runs: of the poisoners.

    Raises:
        BuzzwatchError: a file of labelled tweets is not there, or `to` cannot be written.
    """
    writable(to)
    errors = Console(stderr=True)

    def progress(line: str) -> None:
        if errors.is_terminal:
            errors.print(line, markup=False, highlight=False)

    progress("reading labelled tweets, learning from emoticons")
    world = load_world(data)
    played = [play(world, seed, progress) for seed in range(seeds)]
    runs = {right: [one.gains[right] for one in played] for right in (0.9, 0.8)}
    frozen, good = trained(world), played[-1].model
    progress("canaries")
    equal, worse = canaries(world, good, frozen, AA_RUNS, WORSE_RUNS)
    attacked = []
    for seed in range(poison_runs):
        progress(f"poisoners, run {seed + 1} of {poison_runs}")
        attacked.append(poisoned(world, seed))
    estimated, crisis = estimates(world, frozen)
    reports = [
        _months(runs),
        _arms(played),
        _canaries(equal, worse),
        *([_poisoned(attacked)] if attacked else []),
        _estimates(estimated, crisis),
        goals_report(_goals(runs, played, equal, worse, attacked, estimated, crisis)),
    ]
    show(reports, output, markdown)
    with writing(to):
        _draw(runs, to / "loop.png")
        (to / "loop.json").write_text(json.dumps(as_json(reports), indent=2), encoding="utf-8")


def _mean(values: Sequence[float]) -> str:
    mean = f"{np.mean(values):.3f}"
    if len(values) == 1:
        return mean  # of one run nobody knows the error
    return f"{mean} ± {1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5:.3f}"


def _column(gains: Sequence[Gain], pick: Callable[[Gain], list[float]], month: int) -> list[float]:
    return [pick(one)[month] for one in gains]


def _months(runs: dict[float, list[Gain]]) -> Report:
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


def _arms(played: Sequence[Played]) -> Report:
    queue, random = [one.choice.queue for one in played], [one.choice.random for one in played]
    rows = [(f"queue, {count:,}", _mean([one[count] for one in queue])) for count in queue[0]]
    rows += [(f"by chance, {count:,}", _mean([one[count] for one in random])) for count in random[0]]
    french = [one.french for one in played]
    rows += [
        ("French macro-recall before", _mean([one.before for one in french])),
        (f"French macro-recall, {french[0].judgements:,} judged", _mean([one.after for one in french])),
        ("airline accuracy lost by it, points", _mean([one.airline_lost for one in french])),
    ]
    title = "Judgements at the same time, right 90 %: airline accuracy of queue and chance; then French tweets arrive"
    data = [{"queue": one.choice.queue, "random": one.choice.random, "french": one.french._asdict()} for one in played]
    return Report(title, ("judgements", "measured"), rows, data)


def _canaries(equal: Sequence[Canary], worse: Sequence[Canary]) -> Report:
    rows, data = [], []
    for name, found in (("equally good", equal), ("3 points worse", worse)):
        outcomes = {what: sum(one.outcome == what for one in found) for what in ("better", "worse", "cannot tell yet")}
        decided = [one.pairs for one in found if one.outcome != "cannot tell yet"]
        median = float(np.median(decided)) if decided else float("nan")
        rows.append((name, str(len(found)), *map(str, outcomes.values()), f"{median:,.0f}" if decided else "–"))
        data.append({"challenger": name, "runs": len(found), **outcomes, "median_judged": median})
    columns = ("challenger", "runs", "better", "worse", "cannot tell yet", "judged tweets until decided, median")
    return Report("Canaries looked at every 20 judged tweets, up to 6,000", columns, rows, data)


def _poisoned(found: Sequence[Poisoned]) -> Report:
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


def _estimates(found: Sequence[Estimated], crisis: CrisisDays) -> Report:
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


def _goals(
    runs: dict[float, list[Gain]],
    played: Sequence[Played],
    equal: Sequence[Canary],
    worse: Sequence[Canary],
    attacked: Sequence[Poisoned],
    estimated: Sequence[Estimated],
    crisis: CrisisDays,
) -> list[Goal]:
    def gained(right: float) -> float:
        return float(np.mean([(one.airline[-1] - one.airline[0]) * 100 for one in runs[right]]))

    lost = float(np.mean([(one.general[0] - one.general[-1]) * 100 for one in runs[0.9]]))
    ahead = float(np.mean([one.choice.queue[1_000] - one.choice.random[2_000] for one in played])) * 100
    french = float(np.mean([one.french.after - one.french.before for one in played])) * 100
    stopped = [one.pairs for one in worse if one.outcome == "worse"]
    goals = [
        Goal("airline accuracy gained by 2,000 judgements, judges right 90 %", 6, gained(0.9), "points"),
        Goal("the same, judges right 80 %", 4, gained(0.8), "points"),
        Goal("lost on general sets", 0.5, lost, "points", at_least=False),
        Goal("queue of 1,000 beside 2,000 at random", 0, ahead, "points"),
        Goal("French macro-recall gained", 6, french, "points"),
        Goal(
            "equally good: cannot tell",
            95,
            sum(one.outcome == "cannot tell yet" for one in equal) / len(equal) * 100,
            "%",
        ),
        Goal("3 points worse: stopped, of 20", 19, float(len(stopped)), "runs"),
        Goal(
            "until then, median", 3_000, float(np.median(stopped)) if stopped else None, "judged tweets", at_least=False
        ),
    ]
    if attacked:
        held = (
            sum(not (not one.refused and one.resolved < one.before - 0.005) for one in attacked) / len(attacked) * 100
        )
        goals += [
            Goal("poisoners: no worse challenger passes", 100, held, "% of the runs"),
            Goal(
                "honest labels lost",
                5,
                float(np.mean([one.honest_lost for one in attacked])) * 100,
                "%",
                at_least=False,
            ),
        ]
    return [
        *goals,
        *_estimate_goals(estimated),
        Goal("crisis days on which the model is called worse", 0, float(crisis.worse), "days", at_least=False),
    ]


def _estimate_goals(estimated: Sequence[Estimated]) -> list[Goal]:
    goals = []
    for one in estimated:
        limit = 4.0 if "airline" in one.where else 2.0
        off = abs((one.estimate.accuracy or 0.0) - one.truth) * 100
        claimed = off if one.estimate.trusted else 0.0
        goals.append(
            Goal(
                f"estimate on {one.where}: error where it says it can be trusted",
                limit,
                claimed,
                "points",
                at_least=False,
            )
        )
    return goals


def _draw(runs: dict[float, list[Gain]], path: Path) -> None:
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
