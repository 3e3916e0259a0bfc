"""The benchmark itself, with counts that say nothing about speed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from bench import suite
from bench.parts import crises, growth, sameness, throughput
from bench.parts.throughput import Missing
from bench.stage import peers
from bench.stage.contestants import CONTENDERS
from bench.stage.site import Site, open_site
from cli.stack.bench import app
from contracts.errors import BuzzwatchError


@pytest.fixture(scope="module")
def site(kafka_servers: str) -> Iterator[Site]:
    with open_site(kafka_servers, lambda _line: None) as opened:
        yield opened


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "shutil", SimpleNamespace(which=lambda _program: None))


@pytest.mark.usefixtures("no_java")
def test_one_command_writes_tables_and_a_picture_and_names_who_cannot_run_here(
    kafka_servers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "QUICK", suite.QUICK._replace(tweets=40_000, seconds=1, turns=0, rounds=1))
    monkeypatch.setattr(suite, "FUNCTIONS", ("plain",))  # the worker with the whole one is measured below
    arguments = ["--quick", "--only", "scoring,throughput", "--contenders", "buzzwatch,pyflink,kafka-python"]
    arguments += ["--kafka", kafka_servers, "--to", str(tmp_path)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    written = (tmp_path / "bench.md").read_text(encoding="utf-8")
    for text in (done.output, written):
        assert "buzzwatch worker" in text
        assert "PyFlink needs java: apt-get install openjdk-17-jre-headless" in text
    tables = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["tables"]
    by_name = {row["contender"]: row for row in tables["Throughput, the plain function"]}
    assert by_name["buzzwatch worker"]["distinct"] == by_name["buzzwatch worker"]["drained"] > 0
    assert by_name["kafka-python, one at a time"]["tweets_per_s"] > 0
    assert any(goal["what"].startswith("whole function") for goal in tables["Goals"])
    assert "<svg" in (tmp_path / "bench.svg").read_text(encoding="utf-8")


def test_a_part_that_fails_is_in_the_tables_and_in_the_status(
    kafka_servers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise BuzzwatchError("no room")

    monkeypatch.setattr(crises, "run", fail)
    monkeypatch.setattr(suite, "QUICK", suite.QUICK._replace(rounds=1))
    arguments = ["--quick", "--only", "scoring,webhook", "--kafka", kafka_servers, "--to", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert "not measured: webhook" in str(done.exception)
    written = (tmp_path / "bench.md").read_text(encoding="utf-8")
    assert "no room" in written
    assert "whole function" in written


def test_a_contender_that_does_other_work_is_not_measured(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = CONTENDERS["kafka-python-polled"]._replace(name="the lazy one")
    monkeypatch.setitem(CONTENDERS, "lazy", lazy)
    wanted = sameness.expected(site.settings, "plain")
    monkeypatch.setattr(throughput, "expected", lambda *_: dict.fromkeys(wanted, ({"something": "else"}, {})))
    [found] = throughput.run(site, ["lazy"], ["plain"], 300, 1, lambda _line: None, warm_ups=0)
    assert isinstance(found, Missing)
    assert "it does other work" in found.why


def test_a_backlog_is_timed_from_its_release_to_its_last_committed_offset(site: Site) -> None:
    small, large = growth.backlogs(site, [1, 2000])
    assert (small.tweets, large.tweets) == (1, 2000)
    assert small.seconds > 0
    assert large.seconds > 0
    assert large.cpu_s > 0


def test_webhooks_are_timed_from_the_tweet_that_tips_the_rule(site: Site) -> None:
    found = crises.run(site, 4, lambda _line: None)
    assert found.crises == 4
    assert found.missing == 0
    assert 0 < found.p50_ms <= found.p99_ms <= found.largest_ms
