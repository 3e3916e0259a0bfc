from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bench.functions import CameIn, PlainScorer
from bench.processes import cpu_seconds, family, peak_mib
from bench.report import Report, as_markdown
from bench.tweets import tweets
from cli.bench import app
from contracts.errors import BuzzwatchError
from contracts.events import ModelRef, decode_tweet
from models.champion import LoadedModel
from stream.records import RecordBatch
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
    child = subprocess.Popen([sys.executable, "-c", "sum(range(20_000_000)); input()"], stdin=subprocess.PIPE)
    try:
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
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_starts(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, BuzzwatchError)


def test_the_steps_of_scoring_are_measured() -> None:
    result = CliRunner().invoke(app, ["scoring", "--batch", "50", "--rounds", "1"])
    assert result.exit_code == 0
    assert "whole function" in result.output
