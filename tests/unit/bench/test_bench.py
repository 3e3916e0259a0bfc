from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.parts import throughput as throughput_module
from bench.parts.endurance import Course, Moment
from bench.parts.growth import Cost
from bench.parts.sameness import content, require_same
from bench.parts.throughput import Drain, Missing, Result, Sample
from bench.reporting.report import Goal, Report, as_markdown, goals_report, show, writable
from bench.reporting.tables import goals, throughput
from bench.stage import site as site_module
from bench.stage.contestants import CONTENDERS, Contender
from bench.stage.functions import CameIn, PlainScorer
from bench.stage.processes import cpu_seconds, family, peak_mib
from bench.stage.rules import handle, write_watches
from bench.stage.site import Site
from bench.stage.tweets import tweets
from bench.suite import PARTS, QUICK, WHOLE, estimate_s
from cli.stack.bench import app
from contracts.errors import BuzzwatchError
from contracts.events import ModelRef, decode_tweet
from contracts.rules.file import load_rules
from contracts.settings import Settings, load_settings
from models.registry.champion import LoadedModel
from stream.kafka.records import RecordBatch
from tests.fake_model import FakeModel


def test_invented_tweets_are_readable_all_different_and_always_the_same() -> None:
    made = list(tweets(500))
    assert made == list(tweets(500))
    assert [str(decode_tweet(value).id).encode() for _, value in made] == [key for key, _ in made]
    assert len({key for key, _ in made}) == 500


def test_the_plain_function_answers_every_tweet_in_order() -> None:
    records = [CameIn(key, value, 7) for key, value in tweets(20)]
    loaded = LoadedModel.of(ModelRef("sentiment", "7"), FakeModel())
    scored = PlainScorer().score(RecordBatch(records, 0, None), loaded, 0)
    assert [record.key for record in scored.predictions] == [record.key() for record in records]


def test_a_child_counts_as_its_parent() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "input(sum(range(20_000_000)))"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        child.stdout.read(1)  # it has worked by now
        assert child.pid in family(os.getpid())
        assert peak_mib(os.getpid()) > peak_mib(child.pid) > 1
    finally:
        child.communicate(b"\n")
    assert cpu_seconds(os.getpid()) > 0


def test_a_table_in_markdown_has_a_column_for_each_heading() -> None:
    text = as_markdown(Report("Speed", ("step", "µs"), [("mask", "1.1")], None))
    assert text == "\n### Speed\n\n| step | µs |\n| --- | ---: |\n| mask | 1.1 |\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["throughput", "--contenders", "spark"],
        ["throughput", "--functions", ""],
        ["latency", "--rates", "fast"],
        ["latency", "--rates", "0"],
        ["--only", "everything"],
        ["--contenders", "spark"],
        ["--kafka", "nonsense", "--only", "latency", "--quick"],
        ["latency", "--kafka", "nonsense"],
        ["--to", "/proc/nowhere", "--only", "latency", "--quick"],
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_starts(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, BuzzwatchError)
    assert "\n" not in str(result.exception)


def test_a_table_that_cannot_be_appended_to_a_file_is_shown_and_the_reason_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BuzzwatchError, match="cannot write there"):
        show([Report("Speed", ("step", "µs"), [("mask", "1.1")], None)], "table", tmp_path)
    assert "mask" in capsys.readouterr().out


def test_a_folder_is_tried_before_a_run_and_left_empty(tmp_path: Path) -> None:
    writable(tmp_path / "new" / "bench")
    assert list((tmp_path / "new" / "bench").iterdir()) == []
    taken = tmp_path / "taken"
    taken.touch()
    with pytest.raises(BuzzwatchError, match="taken: cannot write there"):
        writable(taken)


@pytest.mark.parametrize(
    ("samples", "first"),
    [
        ([(0.0, 10), (1.0, 20), (3.1, 60), (9.0, 200)], 3.1),
        ([(0.0, 10), (0.1, 240), (0.2, 260), (1.0, 1000)], 0.2),
        ([(0.0, 300), (0.5, 1000)], 0.0),
    ],
    ids=["after three seconds", "after a quarter of the topic", "the first batch is a quarter"],
)
def test_a_rate_begins_when_the_warm_up_is_over(samples: list[tuple[float, int]], first: float) -> None:
    since, last = Drain([Sample(at, records, at / 2) for at, records in samples], 400).window(1000)
    assert (since.at, last.at) == (first, samples[-1][0])


def test_who_writes_nothing_after_the_warm_up_has_no_rate() -> None:
    with pytest.raises(BuzzwatchError, match="nothing more after its warm-up"):
        Drain([Sample(0.0, 10, 0.1), Sample(3.5, 20, 0.2)], 400).window(1000)


def test_a_broker_that_deletes_slowly_ends_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        def delete_topics(self, names: list[str]) -> dict[str, Future[None]]:
            return {name: Future() for name in names}  # not done yet

    monkeypatch.setattr(site_module, "admin", lambda _kafka: Busy())
    settings = load_settings()
    settings.worker.group, settings.kafka.topics.scored = "bench-1", "scored-1"
    Site(settings, tmp_path, delete_s=0.01).forget(settings)


def test_a_contender_that_breaks_unexpectedly_leaves_the_others_their_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drain(_site: Site, _source: str, contender: Contender, *_: object) -> Result:
        if contender.name == CONTENDERS["faust"].name:
            raise TimeoutError
        return _rate(contender.name, 1000)

    site = Site(load_settings(), tmp_path)
    source, forgotten = load_settings(), list[Settings]()
    monkeypatch.setattr(site, "fresh", lambda: source)
    monkeypatch.setattr(site, "forget", forgotten.append)
    monkeypatch.setattr(throughput_module, "fill", lambda *_: None)
    monkeypatch.setattr(throughput_module, "expected", lambda *_: {})
    monkeypatch.setattr(throughput_module, "warm_up", lambda *_: None)
    monkeypatch.setattr(throughput_module, "measured_drain", drain)
    found = throughput_module.run(site, ["buzzwatch", "faust", "bytewax"], ["whole"], 1, 1, lambda _line: None)
    assert [type(one) for one in found] == [Result, Missing, Result]
    assert found[1][2] == "TimeoutError"
    assert forgotten == [source]


def test_kafka_python_computes_checksums_in_compiled_code() -> None:
    from kafka.record import util

    assert util.crc32c_c is not None


def test_the_steps_of_scoring_are_measured() -> None:
    result = CliRunner().invoke(app, ["scoring", "--batch", "50", "--rounds", "1"])
    assert result.exit_code == 0
    assert "whole function" in result.output


@pytest.mark.parametrize("characters", [20, 140, 2000])
def test_tweets_are_as_long_as_asked(characters: int) -> None:
    assert {len(decode_tweet(value).text) for _, value in tweets(50, characters=characters)} == {characters}


def test_live_tweets_are_dated_now() -> None:
    [(_, value)] = tweets(1, live=True)
    created_at_ms = decode_tweet(value).created_at_ms
    assert created_at_ms is not None
    assert abs(created_at_ms / 1000 - time.time()) < 60


def _rate(contender: str, tweets_per_s: float) -> Result:
    return Result(contender, "exactly once", "whole", tweets_per_s, 0.01, 400, 10, 10)


def test_goals_are_judged_beside_the_faster_of_two_peers() -> None:
    rates = [
        _rate("buzzwatch worker", 90_000),
        _rate("bytewax collect", 40_000),
        _rate("bytewax flat_map_batch", 70_000),
    ]
    speed, ratio = goals(["throughput"], rates=rates)[:2]
    assert speed.is_met
    assert not ratio.is_met
    assert ratio.measured == pytest.approx(90 / 70)
    assert [row[-1] for row in goals_report([speed, ratio]).rows] == ["met", "missed"]


def test_a_contender_that_failed_is_in_the_table_with_the_reason() -> None:
    report = throughput([_rate("buzzwatch worker", 90_000), Missing("PyFlink", "whole", "not here: no Java")], "whole")
    assert [row[:2] for row in report.rows] == [("buzzwatch worker", "exactly once"), ("PyFlink", "not measured")]
    assert report.notes == ["PyFlink: not here: no Java"]
    assert "not here: no Java" in as_markdown(report)


def test_a_goal_that_is_a_limit_is_missed_above_it() -> None:
    assert Goal("latency", 50, 49.9, "ms", at_least=False).verdict == "met"
    assert Goal("latency", 50, 50.1, "ms", at_least=False).verdict == "missed"


def test_memory_drifts_by_half_its_spread_behind_the_warm_up() -> None:
    moments = [Moment(0, 0, 0, 10), Moment(1, 500, 400, 190), Moment(2, 1000, 900, 210), Moment(4, 1000, 1000, 200)]
    course = Course("score", 1000, 1.0, moments)
    assert course.drift == pytest.approx(0.05)
    assert course.pace == pytest.approx(0.5)
    assert course.tweets_per_s == pytest.approx(500)


def test_costs_are_per_tweet() -> None:
    cost = Cost("watches", 10, 1000, 2.0, 0.01, 400)
    assert cost.tweets_per_s == 500
    assert cost.cpu_us == pytest.approx(10)


def test_only_the_clock_may_differ_between_contenders() -> None:
    one = content(b'{"a": 0.1234567, "scored_at": "1"}', [("ce_time", "1"), ("ce_id", b"x")])
    other = content(b'{"a": 0.1234565, "scored_at": "2"}', [("ce_time", b"2"), ("ce_id", "x")])
    require_same({b"k": one}, {b"k": other})
    with pytest.raises(BuzzwatchError, match="other work"):
        require_same({b"k": one}, {b"k": content(b'{"a": 0.2}', [("ce_id", "x")])})
    with pytest.raises(BuzzwatchError, match="none of the first"):
        require_same({b"k": one}, {})


def test_a_rules_file_has_as_many_watches_as_asked(tmp_path: Path) -> None:
    rules = load_rules(write_watches(load_settings().rules, tmp_path / "rules.yaml", 12, "http://127.0.0.1:9/alerts"))
    assert len(rules.watches) == 12
    assert handle(11) in rules.watches[11].match
    assert [str(receiver.name) for receiver in rules.receivers] == ["bench"]


def test_the_whole_run_is_planned_for_less_than_25_minutes_and_the_quick_one_for_less_than_10() -> None:
    assert estimate_s(WHOLE, list(PARTS), list(CONTENDERS)) < 25 * 60
    assert estimate_s(QUICK, list(PARTS), list(CONTENDERS)) < 10 * 60
