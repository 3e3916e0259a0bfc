"""The report of a day with real Kafka and Redis; MLflow is away, which it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from bench.stage.site import environment
from cli.main import app
from contracts.errors import BuzzwatchError
from contracts.events import ModelRef, Prediction, Scores
from contracts.settings import Settings
from contracts.times import clock_ms, to_rfc3339
from contracts.topics import TopicSettings

DAY_MS = 86_400_000
YESTERDAY_MS = clock_ms() // DAY_MS * DAY_MS - DAY_MS
YESTERDAY, TODAY = (to_rfc3339(ms)[:10] for ms in (YESTERDAY_MS, YESTERDAY_MS + DAY_MS))
"""Of the moment in which this was imported: it may be midnight before the tests have run."""


def prediction(number: int, at_ms: int, sentiment: str, text: str) -> bytes:
    return msgspec.json.encode(
        Prediction(
            str(number), f"p-{number}", sentiment, 0.9, Scores(0.9, 0.05, 0.05), ["air-paradis"], ["baggage"],  # type: ignore[arg-type]
            ModelRef("sentiment", "7"), text, "en", to_rfc3339(at_ms), to_rfc3339(at_ms),
        )
    )  # fmt: skip


@pytest.fixture
def report(settings: Settings, topics: TopicSettings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    producer = Producer(settings.kafka.librdkafka_producer())
    for number in range(30):
        hour_ms = YESTERDAY_MS + (number % 20) * 3_600_000
        producer.produce(topics.scored, prediction(number, hour_ms, "negative", f"the carousel ate bag {number}"))
    for number in range(10):
        producer.produce(topics.scored, prediction(number, YESTERDAY_MS - 1, "positive", "thanks"))
    producer.produce(topics.scored, prediction(99, YESTERDAY_MS + DAY_MS, "neutral", "today's"))
    producer.produce(topics.scored, b"somebody's own")
    assert producer.flush(60) == 0
    return lambda *options: CliRunner().invoke(app, ["report", "daily", *options])


def test_a_day_is_told_as_json_and_in_words(report: Callable[..., Result]) -> None:
    done = report("--day", YESTERDAY, "--format", "json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert (found["tweets"], found["tweets_before"]) == (30, 10)
    assert found["watches"]["air-paradis"]["shares"] == {"negative": 1.0, "neutral": 0.0, "positive": 0.0}
    assert found["negative_themes"] == {"baggage": 30}
    assert "carousel" in found["terms"]
    assert found["model"]["version"] == "7"
    assert "MLflow" in found["missing"][-1]
    words = report("--day", YESTERDAY).stdout
    assert f"{YESTERDAY}: 30 tweets (10 the day before), 100% negative, 0 alerts" in words
    assert "No alert fired." in words
    assert "Dead letters: none." in words
    assert json.loads(report("--format", "json").stdout)["day"] in {YESTERDAY, TODAY}


def test_a_day_without_tweets_is_a_report_too(report: Callable[..., Result]) -> None:
    done = report("--day", "2020-02-02")
    assert "2020-02-02: 0 tweets, 0 alerts" in done.stdout
    assert "No tweet was scored." in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--day", "tomorrow"], "is no date"), (["--day", "2999-01-01"], "has not begun")],
)
def test_a_day_that_is_none_is_refused(report: Callable[..., Result], options: list[str], said: str) -> None:
    done = report(*options)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_a_receiver_that_nobody_knows_or_that_does_not_answer_is_named(
    report: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "watches: [{name: air-paradis, match: ['@airparadis']}]\n"
        "receivers: [{name: team, url: 'http://127.0.0.1:1/', secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}]\n"
    )
    monkeypatch.setenv("BUZZWATCH_RULES", str(rules))
    unknown, away = report("--to", "boss"), report("--to", "team")
    assert isinstance(unknown.exception, BuzzwatchError)
    assert "no receiver 'boss'; it has team" in str(unknown.exception)
    assert isinstance(away.exception, BuzzwatchError)
    assert "team did not take the report" in str(away.exception)
