"""What is missing or failed is not left out of what is judged."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import suite
from bench.parts import crises, endurance, growth, latency, steps, throughput
from bench.parts.crises import Crises, timed
from bench.parts.growth import Unmeasured
from bench.parts.latency import Latency
from bench.parts.throughput import Missing, Result
from bench.percentiles import percentiles
from bench.reporting import tables
from bench.reporting.picture import draw
from bench.reporting.report import Goal, as_json, as_markdown, goals_report, show
from bench.stage.site import Site
from bench.stage.tweets import tweets
from bench.suite import PARTS, QUICK, Findings, reports
from contracts.errors import BuzzwatchError
from contracts.settings import load_settings


@pytest.mark.parametrize(
    ("missing", "p50", "p99"),
    [(0, 50, 99), (1, 50, 99), (2, 50, math.inf), (50, 50, math.inf), (51, math.inf, math.inf)],
)
def test_what_never_came_is_later_than_everything(missing: int, p50: float, p99: float) -> None:
    took = [float(one) for one in range(1, 101 - missing)]
    assert percentiles(took, missing, (50, 99)) == [p50, p99]


class Clock:
    """Stands in for `time`; nobody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def perf_counter(self) -> float:
        return self.now

    monotonic = perf_counter


class LossyKafka:
    """Producer and reader in one: of four tweets that are produced, three arrive, 5 ms later."""

    def __init__(self, clock: Clock) -> None:
        self.arrived: dict[bytes, float] = {}
        self._clock = clock
        self._produced = 0

    def produce(self, _topic: str, _value: bytes, key: bytes) -> None:
        self._produced += 1
        if self._produced % 4:
            self.arrived[key] = self._clock.now + 0.005

    def poll(self, _timeout: float) -> None: ...

    def flush(self, _timeout: float) -> None: ...


def test_a_lost_tweet_counts_in_the_latency_of_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("bench.parts.latency.time", clock)
    kafka: Any = LossyKafka(clock)
    found = latency.measure(load_settings(), kafka, kafka, tweets(10_000), 1000, 1)
    assert found.lost == pytest.approx(250, abs=2)
    assert found.tweets == pytest.approx(750, abs=2)
    assert (found.p50_ms, found.p99_ms, found.largest_ms) == pytest.approx((5, math.inf, 5))
    p50, p99, _ = tables.goals(["latency"], latencies=[found])
    assert (p50.verdict, p99.verdict) == ("met", "missed")


def test_a_webhook_that_never_came_counts_in_the_latency_of_all() -> None:
    sent = {f"brand-{number:04d}": float(number) for number in range(100)}
    arrived = {name: at + 0.2 for name, at in list(sent.items())[:98]} | {"brand-9999": 1.0}
    found = timed(sent, arrived)
    assert (found.crises, found.missing, found.p99_ms) == (98, 2, math.inf)
    assert found.p50_ms == pytest.approx(200)
    assert found.largest_ms == pytest.approx(200)
    [goal] = tables.goals(["webhook"], crises=found)
    assert goal.verdict == "missed"


def test_webhooks_before_the_tweet_that_tips_them_are_no_measurement() -> None:
    with pytest.raises(BuzzwatchError, match=r"1 of 2 webhooks arrived before the tweet"):
        timed({"a": 10.0, "b": 20.0, "c": 30.0}, {"a": 9.9, "b": 20.1})


def test_infinity_is_shown_to_people_and_null_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    lossy = Crises(90, 150.0, math.inf, 300.0, 10)
    made = [goals_report(tables.goals(["webhook"], crises=lossy)), tables.crises(lossy)]
    assert "| tweet to bad-buzz webhook, p99 | ≤ 1,000 ms | inf ms | missed |" in as_markdown(made[0])
    assert "| 90 | 150 | inf | 300 | 10 |" in as_markdown(made[1])
    show(made, "json")
    written = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert (written["Goals"][0]["measured"], written["Goals"][0]["verdict"]) == (None, "missed")
    assert written["Latency, send to bad-buzz webhook"]["p99_ms"] is None


def test_a_picture_can_be_drawn_of_infinite_latencies(tmp_path: Path) -> None:
    lossy = Latency(100, 98, 5.0, math.inf, 30.0, 2)
    draw(Findings(latency=[lossy, Latency(1000, 0, math.inf, math.inf, math.inf, 10)]), tmp_path / "bench.svg")
    assert "<svg" in (tmp_path / "bench.svg").read_text(encoding="utf-8")


def test_a_goal_without_a_figure_is_not_measured() -> None:
    goal = Goal("latency", 50, None, "ms", at_least=False)
    report = goals_report([goal])
    assert not goal.is_met
    assert report.rows == [("latency", "≤ 50.0 ms", "", "not measured")]
    assert as_json([report]) == [
        {
            "what": "latency", "target": 50, "measured": None, "unit": "ms", "at_least": False, "met": False,
            "verdict": "not measured",
        }
    ]  # fmt: skip


def _rates() -> Iterator[Result | Missing]:
    """One peer failed with the whole function, our worker with the plain one."""
    for function, failed in (("whole", "bytewax collect"), ("plain", tables.OURS)):
        for name in (tables.OURS, "bytewax flat_map_batch", "bytewax collect", "Faust agent, one at a time"):
            if name == failed:
                yield Missing(name, function, "it stopped")
            else:
                yield Result(name, "exactly once", function, 100_000, 0.01, 400, 10, 10)


def test_goals_of_a_contender_that_failed_are_there_as_not_measured() -> None:
    verdicts = {goal.what: goal.verdict for goal in tables.goals(["throughput"], rates=list(_rates()))}
    assert verdicts == {
        "whole function, one process, exactly once": "met",
        "whole: beside the faster bytewax, at least once": "not measured",
        "whole: beside the Faust agent one at a time": "missed",
        "plain function, one process, exactly once": "not measured",
        "plain: beside the faster bytewax, at least once": "not measured",
        "plain: beside the Faust agent one at a time": "not measured",
    }


def test_goals_of_two_workers_are_there_when_one_of_them_failed() -> None:
    goals = tables.goals(["workers"], workers=[Unmeasured("workers", 1, "no"), Unmeasured("workers", 2, "no")])
    assert [goal.verdict for goal in goals] == ["not measured"] * 2


def test_every_goal_is_in_the_table_when_every_part_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BuzzwatchError("no room")

    for module in (steps, throughput, latency, crises, growth):
        monkeypatch.setattr(module, "run", fail)
    for module, name in ((growth, "workers"), (endurance, "memory"), (endurance, "watching")):
        monkeypatch.setattr(module, name, fail)
    found = suite.run(Site(load_settings(), tmp_path), QUICK, list(PARTS), ["buzzwatch"], lambda _line: None)
    goals, why = reports(found)
    assert len(goals.rows) == 17
    assert {row[-1] for row in goals.rows} == {"not measured"}
    assert [row[0] for row in why.rows] == list(PARTS)


def test_only_the_parts_that_were_asked_for_have_goals() -> None:
    assert [goal.what for goal in tables.goals(["growth", "watching"])] == [
        "pace of the watch role beside the score role's"
    ]
    assert reports(Findings(parts=["growth"])) == []
