"""From results to tables and goals."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from bench.parts.crises import Crises
from bench.parts.endurance import Course, thinned
from bench.parts.growth import Cost, Costs
from bench.parts.latency import Latency
from bench.parts.steps import TWO_LABELS, Step
from bench.parts.throughput import Missing, Result
from bench.reporting.report import Goal, Report

OURS: Final = "buzzwatch worker"
_BYTEWAX: Final = ("bytewax flat_map_batch", "bytewax collect")
_FAUST: Final = "Faust agent, one at a time"
_RATE_GOALS: Final = {"whole": 75_000, "plain": 120_000}
_COUNTABLE: Final = 10_000
"""Fewer tweets take less processor time than Linux' clock tick of 10 ms can tell."""
_GROWING: Final = ("partitions", "watches", "characters", "backlog")


def scoring(steps: Sequence[Step], batch: int) -> Report:
    """The function alone, step by step."""
    rows = [(step.name, f"{step.median_us:.2f}", f"{step.least_us:.2f}") for step in steps]
    title = f"Scoring, batches of {batch:,}, processor time of one thread"
    return Report(title, ("step", "median µs", "least µs"), rows, [step._asdict() for step in steps])


def throughput(results: Sequence[Result | Missing], function: str) -> Report:
    """One function, all contenders."""
    found = [one for one in results if one.function == function]
    ours = next((one.tweets_per_s for one in found if isinstance(one, Result) and one.contender == OURS), None)
    rows = [_rate_row(one, ours) for one in found if isinstance(one, Result)]
    missing = [one for one in found if isinstance(one, Missing)]
    rows += [(one.contender, "not measured", *[""] * 5) for one in missing]
    columns = ("one process each", "guarantee", "tweets/s", "CPU s per 1,000", "peak MiB", "doubled", "buzzwatch is")
    notes = [f"{one.contender}: {one.why}" for one in missing]
    return Report(f"Throughput, the {function} function", columns, rows, [one._asdict() for one in found], notes)


def _rate_row(one: Result, ours: float | None) -> tuple[str, ...]:
    ratio = f"{ours / one.tweets_per_s:.2f} ×" if ours else ""
    return (
        one.contender, one.guarantee, f"{one.tweets_per_s:,.0f}", f"{one.cpu_s_per_1000:.4f}",
        f"{one.peak_mib:,.0f}", f"{one.drained - one.distinct:,}", ratio,
    )  # fmt: skip


def latency(found: Sequence[Latency]) -> Report:
    """From send to a read_committed reader."""
    rows = [
        (
            f"{one.rate:,}", f"{one.tweets:,}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}", f"{one.largest_ms:.1f}",
            str(one.lost),
        )
        for one in found
    ]  # fmt: skip
    columns = ("tweets/s", "measured", "p50 ms", "p99 ms", "largest ms", "lost")
    return Report("Latency, send to read_committed reader", columns, rows, [one._asdict() for one in found])


def crises(found: Crises) -> Report:
    """From a tweet's send to the webhook."""
    row = (
        f"{found.crises}", f"{found.p50_ms:.0f}", f"{found.p99_ms:.0f}", f"{found.largest_ms:.0f}",
        f"{found.missing}",
    )  # fmt: skip
    columns = ("crises", "p50 ms", "p99 ms", "largest ms", "webhook missing")
    return Report("Latency, send to bad-buzz webhook", columns, [row], found._asdict())


def growth(costs: Costs) -> list[Report]:
    """One table for each thing that grows."""
    return [_growing(what, [one for one in costs if one.what == what]) for what in _GROWING]


def _growing(what: str, costs: Costs) -> Report:
    rows = [
        (
            f"{one.size:,}", f"{one.tweets:,}", f"{one.seconds * 1000:,.1f}", f"{one.tweets_per_s:,.0f}",
            f"{one.cpu_us:,.1f}" if one.tweets >= _COUNTABLE else "", f"{one.peak_mib:,.0f}",
        )
        if isinstance(one, Cost)
        else (f"{one.size:,}", "not measured", *[""] * 4)
        for one in costs
    ]  # fmt: skip
    columns = (what, "tweets", "ms", "tweets/s", "CPU µs a tweet", "peak MiB")
    notes = [f"{one.size:,}: {one.why}" for one in costs if not isinstance(one, Cost)]
    return Report(f"Cost as work grows: {what}", columns, rows, [one._asdict() for one in costs], notes)


def workers(costs: Costs) -> Report:
    """Two workers beside one."""
    rows = [
        (
            f"{one.size}", f"{one.tweets:,}", f"{one.tweets_per_s:,.0f}", f"{one.cpu_us:.1f}",
            " : ".join(f"{share:.1%}" for share in one.shares),
        )
        if isinstance(one, Cost)
        else (f"{one.size}", "not measured", *[""] * 3)
        for one in costs
    ]  # fmt: skip
    columns = ("workers", "tweets", "tweets/s", "CPU µs a tweet", "shares")
    notes = [f"{one.size}: {one.why}" for one in costs if not isinstance(one, Cost)]
    return Report("Two workers beside one", columns, rows, [one._asdict() for one in costs], notes)


def course(found: Course) -> Report:
    """Memory and lag over time."""
    rows = [
        (
            f"{moment.seconds:.1f}", f"{moment.scored:,}", f"{moment.watched:,}",
            f"{moment.scored - moment.watched:,}", f"{moment.resident_mib:.0f}",
        )
        for moment in thinned(found.moments)
    ]  # fmt: skip
    columns = ("second", "scored", "counted", "lag of the watch role", "resident MiB")
    low, high = min(found.warm_mib), max(found.warm_mib)
    notes = [
        f"{found.tweets:,} tweets at {found.tweets_per_s:,.0f} a second; {found.cpu_s / found.tweets * 1e6:.1f} µs of "
        f"processor time a tweet; memory behind the warm-up {low:.0f} to {high:.0f} MiB (± {found.drift:.1%})"
    ]
    return Report(f"One worker, {found.roles}: {found.tweets:,} tweets", columns, rows, found._asdict(), notes)


def goals(
    parts: Collection[str],
    *,
    rates: Sequence[Result | Missing] = (),
    steps: Sequence[Step] = (),
    latencies: Sequence[Latency] = (),
    crises: Crises | None = None,
    workers: Costs = (),  # type: ignore[assignment]
    memory: Course | None = None,
    watching: Course | None = None,
) -> list[Goal]:
    """Every goal of these parts; one without a result is listed as not measured."""
    cost = {step.name: step.median_us for step in steps}
    found: list[Goal] = []
    if "throughput" in parts:
        found += _rate_goals(rates)
    if "scoring" in parts:
        found += _step_goals(cost)
    if "throughput" in parts and "scoring" in parts:
        found.append(_around_goal(rates, cost))
    if "latency" in parts:
        found += _latency_goals(latencies)
    if "webhook" in parts:
        measured = None if crises is None else crises.p99_ms
        found.append(Goal("tweet to bad-buzz webhook, p99", 1000, measured, "ms", at_least=False))
    if "workers" in parts:
        found += _worker_goals(workers)
    if "memory" in parts:
        drift = None if memory is None else memory.drift * 100
        found.append(Goal("memory strays from its middle by", 5, drift, "%", at_least=False))
    if "watching" in parts:
        pace = None if watching is None else watching.pace
        found.append(Goal("pace of the watch role beside the score role's", 0.9, pace, "×"))
    return found


def _rate_goals(rates: Sequence[Result | Missing]) -> Iterator[Goal]:
    for function, target in _RATE_GOALS.items():
        found = [one for one in rates if one.function == function]
        ours = _fastest(found, OURS)
        yield Goal(f"{function} function, one process, exactly once", target, ours, "tweets/s")
        bytewax, single = _fastest(found, *_BYTEWAX), _fastest(found, _FAUST)
        ratio = ours / bytewax if ours and bytewax else None
        yield Goal(f"{function}: beside the faster bytewax, at least once", 1.5, ratio, "×")
        ratio = ours / single if ours and single else None
        yield Goal(f"{function}: beside the Faust agent one at a time", 20, ratio, "×")


def _fastest(found: Sequence[Result | Missing], *names: str) -> float | None:
    """Tweets a second of the fastest of these contenders; nobody knows it when one of them failed."""
    some = [one for one in found if one.contender in names]
    rates = [one.tweets_per_s for one in some if isinstance(one, Result)]
    return max(rates) if rates and len(rates) == len(some) else None


def _step_goals(cost: Mapping[str, float]) -> Iterator[Goal]:
    model, two_labels = (1e6 / cost[name] if name in cost else None for name in ("model", TWO_LABELS))
    yield Goal("champion, one thread", 300_000, model, "tweets/s")
    yield Goal("the same scorer with two labels, one thread", 500_000, two_labels, "tweets/s")


def _around_goal(rates: Sequence[Result | Missing], cost: Mapping[str, float]) -> Goal:
    cpu = [
        one.cpu_s_per_1000 * 1000
        for one in rates
        if isinstance(one, Result) and (one.contender, one.function) == (OURS, "whole")
    ]
    measured = cpu[0] - cost["whole function"] if cpu and "whole function" in cost else None
    return Goal("everything around the whole function, CPU a tweet", 6, measured, "µs", at_least=False)


def _latency_goals(latencies: Sequence[Latency]) -> Iterator[Goal]:
    by_rate = {one.rate: one for one in latencies}
    at_1000, at_10000 = by_rate.get(1000), by_rate.get(10_000)
    yield Goal("latency at 1,000/s, p50", 10, at_1000.p50_ms if at_1000 else None, "ms", at_least=False)
    yield Goal("latency at 1,000/s, p99", 50, at_1000.p99_ms if at_1000 else None, "ms", at_least=False)
    yield Goal("latency at 10,000/s, p99", 200, at_10000.p99_ms if at_10000 else None, "ms", at_least=False)


def _worker_goals(workers: Costs) -> Iterator[Goal]:
    one, two = (next((c for c in workers if isinstance(c, Cost) and c.size == size), None) for size in (1, 2))
    ratio = two.cpu_us / one.cpu_us if one and two else None
    yield Goal("two workers: CPU a tweet of one", 1.1, ratio, "×", at_least=False)
    yield Goal("two workers: smaller share of the tweets", 0.45, min(two.shares) if two else None, "")
