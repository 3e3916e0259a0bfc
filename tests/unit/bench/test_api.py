from __future__ import annotations

from bench.parts.api import Batches, CrowdResult, Load, Memory, Missing, Result
from bench.parts.api_tables import goals, reports

OURS = Load("buzzwatch", 32, 4000.0, 7.0, 15.0, 0, 320.0, 1.8)
PEER = Load("litserve", 32, 800.0, 40.0, 90.0, 0, 600.0, 9.0)


def crowd(**more: float | None) -> CrowdResult:
    seen = {
        "rate": 12_000.0, "served": 9000, "served_p99_ms": 28.0, "refused": 27_000, "refused_p99_ms": 4.0,
        "without_retry_after": 0, "other": 0, "lost": 0, "unsent": 0, "sent_late_p99_ms": 1.0, "sender_cores": 0.2,
    } | more  # fmt: skip
    return CrowdResult(**seen)  # type: ignore[arg-type]


def verdicts(result: Result) -> dict[str, str]:
    return {goal.what: goal.verdict for goal in goals(result)}


def test_each_part_that_was_measured_has_a_table_and_goals_and_no_other() -> None:
    only_crowd = Result([], [OURS], [], None, crowd(), None)
    assert [table.title for table in reports(only_crowd)] == [
        "Served over HTTP, 32 connections",
        "In a crowd: three times as many requests as it answers",
    ]
    assert verdicts(only_crowd) == {
        "/predict": "met",
        "/predict, p99": "met",
        "served in a crowd, p99 beside alone": "met",
        "refused in a crowd, p99": "met",
        "refused without Retry-After": "met",
    }
    starts = Result([1.7, 2.4, 1.9], [], [], None, None, None)
    assert [table.rows for table in reports(starts)] == [[("3", "1.70", "1.90", "2.40")]]
    assert verdicts(starts) == {"start to ready, median": "met"}


def test_what_is_too_slow_or_not_measured_is_not_met() -> None:
    slow = Result(
        [2.1],
        [OURS, PEER],
        [Missing("bentoml", "it does not start")],
        Batches(20_000.0, 300.0, 0),
        crowd(served_p99_ms=31.0, refused_p99_ms=None, without_retry_after=1),
        Memory(600.0, 3000.0, [300.0, 340.0]),
    )
    assert verdicts(slow) == {
        "start to ready, median": "missed",
        "/predict": "met",
        "/predict, p99": "met",
        "/predict beside litserve": "met",
        "/predict beside bentoml": "not measured",
        "/predict/batch": "missed",
        "served in a crowd, p99 beside alone": "missed",
        "refused in a crowd, p99": "not measured",
        "refused without Retry-After": "missed",
        "memory strays from its middle by": "missed",
    }
