"""Tables and goals of `buzzwatch bench api`."""

from __future__ import annotations

from statistics import median

from bench.parts.api import BATCH, Batches, CrowdResult, Load, Memory, Missing, Result
from bench.reporting.report import Goal, Report, figure


def reports(result: Result) -> list[Report]:
    """One table for each part that was measured."""
    found = []
    if result.starts_s:
        found.append(_starts(result.starts_s))
    if result.loads:
        found.append(_loads(result.loads, result.missing))
    if result.batches is not None:
        found.append(_batches(result.batches))
    if result.crowd is not None:
        found.append(_crowd(result.crowd))
    if result.memory is not None:
        found.append(_memory(result.memory))
    return found


def _starts(taken: list[float]) -> Report:
    row = (str(len(taken)), f"{min(taken):.2f}", f"{median(taken):.2f}", f"{max(taken):.2f}")
    return Report("From start to ready", ("starts", "least s", "median s", "most s"), [row], {"starts_s": taken})


def _loads(loads: list[Load], missing: list[Missing]) -> Report:
    ours = loads[0].requests_per_s
    rows = [
        (
            one.who, f"{one.requests_per_s:,.0f}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}", f"{one.failures:,}",
            f"{one.resident_mib:,.0f}", f"{one.start_s:.1f}", f"{ours / one.requests_per_s:.1f} ×",
        )
        for one in loads
    ]  # fmt: skip
    return Report(
        f"Served over HTTP, {loads[0].connections} connections",
        ("one text a request", "requests/s", "p50 ms", "p99 ms", "failed", "MiB", "start s", "buzzwatch is"),
        [*rows, *((one.who, "not measured", *[""] * 6) for one in missing)],
        [*(one._asdict() for one in loads), *(one._asdict() for one in missing)],
        [f"{one.who}: {one.why}" for one in missing],
    )


def _batches(batches: Batches) -> Report:
    return Report(
        f"/predict/batch, {BATCH:,} texts a request",
        ("texts/s", "p99 ms", "failed"),
        [(f"{batches.texts_per_s:,.0f}", f"{batches.p99_ms:.0f}", str(batches.failures))],
        batches._asdict(),
    )


def _crowd(crowd: CrowdResult) -> Report:
    return Report(
        "In a crowd: three times as many requests as it answers",
        ("sent/s", "served", "their p99 ms", "refused", "their p99 ms", "no Retry-After", "else", "lost", "unsent"),
        [
            (
                f"{crowd.rate:,.0f}", f"{crowd.served:,}", _shown(crowd.served_p99_ms), f"{crowd.refused:,}",
                _shown(crowd.refused_p99_ms), str(crowd.without_retry_after), str(crowd.other), str(crowd.lost),
                f"{crowd.unsent:,}",
            )
        ],
        crowd._asdict(),
        ["times count from when a request was due, also where the sender was late",
         "unsent: all connections waited for an answer",
         f"the sender was late by {_shown(crowd.sent_late_p99_ms)} ms (p99), took {crowd.sender_cores:g} cores"],
    )  # fmt: skip


def _memory(memory: Memory) -> Report:
    low, high = min(memory.samples), max(memory.samples)
    return Report(
        f"Memory under load for {memory.seconds:,.0f} s, behind a tenth of it",
        ("requests/s", "least MiB", "most MiB", "last MiB", "strays by"),
        [
            (
                f"{memory.requests_per_s:,.0f}", f"{low:,.0f}", f"{high:,.0f}", f"{memory.samples[-1]:,.0f}",
                f"± {memory.drift:.1%}",
            )
        ],
        memory._asdict(),
    )  # fmt: skip


def _shown(number: float | None) -> str:
    return "" if number is None else figure(number)


def goals(result: Result) -> list[Goal]:
    """Those of docs/benchmarks.md, of the parts that were measured."""
    found = []
    if result.starts_s:
        found.append(Goal("start to ready, median", 2, median(result.starts_s), "s", at_least=False))
    if result.loads:
        ours, *others = result.loads
        found.append(Goal("/predict", 2000, ours.requests_per_s, "requests/s"))
        found.append(Goal("/predict, p99", 20, ours.p99_ms, "ms", at_least=False))
        found += [
            Goal(f"/predict beside {one.who}", 3, ours.requests_per_s / one.requests_per_s, "×") for one in others
        ]
        found += [Goal(f"/predict beside {one.who}", 3, None, "×") for one in result.missing]
    if result.batches is not None:
        found.append(Goal("/predict/batch", 30_000, result.batches.texts_per_s, "texts/s"))
    if (crowd := result.crowd) is not None:
        alone = result.loads[0].p99_ms
        slower = None if crowd.served_p99_ms is None else crowd.served_p99_ms / alone
        found.append(Goal("served in a crowd, p99 beside alone", 2, slower, "×", at_least=False))
        found.append(Goal("refused in a crowd, p99", 5, crowd.refused_p99_ms, "ms", at_least=False))
        found.append(Goal("refused without Retry-After", 0, crowd.without_retry_after, "", at_least=False))
    if result.memory is not None:
        found.append(Goal("memory strays from its middle by", 5, result.memory.drift * 100, "%", at_least=False))
    return found
