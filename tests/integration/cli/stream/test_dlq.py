from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from alerts.storage.connection import connect
from cli.stream.dlq import app
from contracts.errors import BuzzwatchError, InvalidTweet, ModelFailure, Unavailable, UnreadableRecord
from contracts.settings import Settings
from contracts.times import clock_ms, to_rfc3339
from contracts.topics import TopicSettings
from stream.dead_letters.reader import log_id, records
from stream.dead_letters.record import dead_letter
from stream.dead_letters.replay_claims import ReplayLog
from stream.kafka.records import Headers, Record
from stream.kafka.topic_reader import follow
from tests.fakes_kafka import FakeRecord

CONTROL = b"\x1b[31mred\x00\xff"
DAY_MS = 86_400_000
FIRST_MS = clock_ms() - 3 * DAY_MS  # younger than what Kafka deletes
Run = Callable[..., Result]


@pytest.fixture
def letters(settings: Settings, topics: TopicSettings) -> None:
    """Three dead letters in partition 0, a day from one another."""
    dead = [
        (b'{"id": 1}', b"1", InvalidTweet("not a tweet: no text"), [("trace", b"a"), ("trace", b"\xff")]),
        (CONTROL, None, UnreadableRecord("not JSON"), []),
        (None, b"3", ModelFailure("the model failed"), [("attempts", b"4")]),
    ]
    producer = Producer(settings.kafka.librdkafka_producer())
    for number, (value, key, error, headers) in enumerate(dead):
        record = FakeRecord(value=value, key=key, headers=headers, topic=topics.tweets, partition=2, offset=number)
        letter = dead_letter(record, error)
        at = FIRST_MS + number * DAY_MS
        producer.produce(topics.dead_letters, letter.value, letter.key, 0, headers=letter.headers, timestamp=at)
    assert producer.flush(60) == 0


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS", settings.kafka.bootstrap_servers)
    monkeypatch.setenv("BUZZWATCH_KAFKA__TOPICS", settings.kafka.topics.model_dump_json())
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", settings.redis.url)
    monkeypatch.setenv("BUZZWATCH_REDIS__PREFIX", settings.redis.prefix)

    def run_it(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    return run_it


def tweets(settings: Settings) -> list[Record]:
    found = follow(settings, settings.kafka.topics.tweets, from_beginning=True, until_end=True)
    return sorted(found, key=lambda message: message.key() or b"")


def send_letter(settings: Settings, value: bytes, headers: Headers, partition: int = 1) -> None:
    producer = Producer(settings.kafka.librdkafka_producer())
    producer.produce(settings.kafka.topics.dead_letters, value, None, partition, headers=headers)
    assert producer.flush(60) == 0


@pytest.mark.usefixtures("letters")
def test_a_replayed_record_has_the_key_the_bytes_and_the_headers_that_it_came_with(
    run: Run, settings: Settings
) -> None:
    assert run("replay", "--all").stdout == "replayed 3\n"
    unkeyed, first, third = tweets(settings)
    assert (first.key(), first.value()) == (b"1", b'{"id": 1}')
    assert first.headers() == [("trace", b"a"), ("trace", b"\xff"), ("attempts", b"1")]
    assert (unkeyed.key(), unkeyed.value()) == (None, CONTROL)
    assert (third.key(), third.value(), third.headers()) == (b"3", None, [("attempts", b"5")])


@pytest.mark.usefixtures("letters")
def test_what_fails_again_has_one_more_attempt(run: Run, settings: Settings) -> None:
    run("replay", "0:0")
    [again] = tweets(settings)
    assert dict(dead_letter(again, InvalidTweet("still"))[2])["attempts"] == b"2"


@pytest.mark.usefixtures("letters")
def test_a_letter_is_replayed_once_unless_again(run: Run, settings: Settings) -> None:
    assert run("replay", "0:0").stdout == "replayed 1\n"
    assert run("replay", "--all").stdout == ("replayed 2\nskipped 1 that were replayed before (--again sends them)\n")
    assert len(tweets(settings)) == 3
    assert run("replay", "0:0", "--again").stdout == "replayed 1\n"
    assert [message.key() for message in tweets(settings)].count(b"1") == 2
    assert len(json.loads(run("list", "--format", "json").stdout)) == 3


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (["--error-class", "ModelFailure"], {b"3"}),
        (["--since", to_rfc3339(FIRST_MS + DAY_MS)], {None, b"3"}),
        (["--until", to_rfc3339(FIRST_MS + DAY_MS)], {b"1"}),
        (["--since", to_rfc3339(FIRST_MS + 1), "--until", "2099-01-01", "--error-class", "ModelFailure"], {b"3"}),
        (["0:2", "0:0"], {b"1", b"3"}),
    ],
)
def test_only_what_is_chosen_is_replayed(
    run: Run, settings: Settings, choice: list[str], chosen: set[bytes | None]
) -> None:
    assert run("replay", *choice, "--dry-run").stdout == f"would replay {len(chosen)}\n"
    assert not tweets(settings)
    assert run("replay", *choice).stdout == f"replayed {len(chosen)}\n"
    assert {message.key() for message in tweets(settings)} == chosen


@pytest.mark.usefixtures("letters")
def test_a_letter_that_a_killed_replay_had_claimed_is_named_and_not_sent(run: Run, settings: Settings) -> None:
    with connect(settings) as client:
        ReplayLog(client, settings, log_id(settings)).claim(["0:1"])
    with pytest.raises(BuzzwatchError, match="dead letters not replayed: 1"):
        run("replay", "--all")
    assert [message.key() for message in tweets(settings)] == [b"1", b"3"]
    assert run("replay", "0:1", "--again").stdout == "replayed 1\n"
    assert run("replay", "0:1").stdout.startswith("replayed 0\nskipped 1 ")


def test_what_cannot_be_sent_is_said_and_stays_to_be_replayed(
    run: Run, settings: Settings, topics: TopicSettings
) -> None:
    send_letter(settings, b"x", [("source-topic", b"somebody.elses")])
    send_letter(settings, b"x", [])
    # Fits into `dead-letters`, which has room for it, and not into `tweets`.
    send_letter(settings, os.urandom(1024 * 1024 + 20_000), [("source-topic", topics.tweets.encode())])
    for _ in range(2):
        with pytest.raises(BuzzwatchError, match="dead letters not replayed: 3"):
            run("replay", "--all")
    assert not tweets(settings)
    assert run("replay", "1:2", "--dry-run").stdout == "would replay 1\n"


@pytest.mark.usefixtures("letters")
def test_letters_that_come_while_it_replays_are_left_for_the_next_time(run: Run, settings: Settings) -> None:
    found = records(settings)
    first = next(found)
    send_letter(settings, b"new", [], partition=0)
    assert [message.offset() for message in [first, *found]] == [0, 1, 2]
    assert len(list(records(settings))) == 4


@pytest.mark.usefixtures("letters")
def test_a_letter_is_shown_whole_and_does_not_steer_the_terminal(run: Run) -> None:
    shown = run("show", "0:1").stdout
    assert "error-class       UnreadableRecord" in shown
    assert "source-partition  2" in shown
    assert "key               (null)" in shown
    assert shown.endswith("\n\\x1b[31mred\\x00\\xff\n")
    assert "\x1b" not in run("list").stdout
    assert run("show", "0:1", "--raw").stdout_bytes == CONTROL


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["show", "0:99"], "no dead letter at 0:99"),
        (["show", "seventeen"], "'seventeen' is no position"),
        (["replay", "0:0", "7:7"], "no dead letter at 7:7"),
        (["replay", "0:-1"], "'0:-1' is no position"),
    ],
)
def test_a_position_without_a_letter_gets_one_line(
    run: Run, settings: Settings, arguments: list[str], complaint: str
) -> None:
    with pytest.raises(BuzzwatchError, match=complaint) as raised:
        run(*arguments)
    assert "\n" not in str(raised.value)
    assert not tweets(settings)


@pytest.mark.parametrize(
    "arguments", [[], ["0:1", "--all"], ["--all", "--since", "2026-01-01"], ["--since", "yesterday"]]
)
def test_an_unclear_choice_is_a_usage_error(run: Run, arguments: list[str]) -> None:
    result = run("replay", *arguments)
    assert result.exit_code == 2
    assert "name the dead letters" in result.stderr or "is no time" in result.stderr


@pytest.mark.usefixtures("letters")
def test_without_redis_nothing_is_replayed(run: Run, settings: Settings, monkeypatch: Any) -> None:
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", "redis://:secret@127.0.0.1:1/0")
    with pytest.raises(Unavailable, match=r"^Redis at 127\.0\.0\.1:1/0 does not answer"):
        run("replay", "--all")
    assert not tweets(settings)
