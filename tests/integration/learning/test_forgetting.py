"""`buzzwatch privacy forget` over a real Kafka and a real Redis; afterwards all is searched for the text."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from kafka import KafkaProducer
from typer.testing import CliRunner

from alerts.counters.store import CounterStore, Sample
from alerts.outbox.store import Entry
from alerts.state.alert import Alert
from alerts.state.store import AlertStore
from alerts.storage.audit_waiting import WaitingEvents
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from cli.learning import privacy
from contracts.errors import Unavailable
from contracts.events import prediction_id
from contracts.learning.labels import LabelEvent
from contracts.settings import Settings
from contracts.topics import TopicSettings
from learning.labels.log import LabelWriter, read_labels
from learning.labels.resolution import resolve
from learning.labels.snapshot import read_snapshot, write_snapshot
from learning.labels.texts import PredictionTexts, Remembered
from learning.privacy.subject import Subject
from learning.review.queue import ReviewQueue
from models.text.masking import mask
from stream.kafka.audit import audit_events
from stream.kafka.topic_reader import follow
from tests.conftest import NOBODY
from tests.integration.learning.test_review import item


class OddName(str):
    """A header's name that no producer of ours can write: it is not UTF-8."""

    def encode(self, *_: object) -> bytes:
        return b"\xff"


SECRET = "the stewardess in the blue scarf threw my zebra bag at me"
KEPT = "the crew on the evening flight was wonderful"
TEXTS = {"1465": f"@AirParadis {SECRET}", "1466": f"@AirParadis {KEPT}"}
AUTHORS = {"1465": "did:plc:leaver", "1466": "77"}


@pytest.fixture
def as_environment(settings: Settings, topics: TopicSettings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in {
        "KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        **{f"KAFKA__TOPICS__{name.upper()}": getattr(topics, name) for name in TopicSettings.model_fields},
        "REDIS__URL": settings.redis.url,
        "REDIS__PREFIX": settings.redis.prefix,
        "LOCAL__DATA_DIR": str(settings.local.data_dir),
    }.items():
        monkeypatch.setenv(f"BUZZWATCH_{name}", str(value))
    return settings


def prediction_of(tweet_id: str) -> str:
    return prediction_id("sentiment", "7", tweet_id)


def author_hash(author: str) -> str:
    return Subject.of([], [author], "").author_hashes.pop()


def fill_topics(settings: Settings) -> None:
    topics, producer = settings.kafka.topics, Producer(settings.kafka.librdkafka_producer())

    def send(topic: str, key: str, value: dict[str, Any] | bytes) -> None:
        producer.produce(topic, value if isinstance(value, bytes) else json.dumps(value).encode(), key)

    for tweet_id, text in TEXTS.items():
        send(topics.tweets, tweet_id, {"id": int(tweet_id), "text": text, "author_id": AUTHORS[tweet_id]})
        scored = {
            "tweet_id": tweet_id, "prediction_id": prediction_of(tweet_id), "sentiment": "negative", "confidence": 0.9,
            "scores": {"negative": 0.9, "neutral": 0.05, "positive": 0.05}, "watches": ["air-paradis"], "themes": [],
            "model": {"name": "sentiment", "version": "7"}, "text": mask(text), "lang": "en",
            "created_at": "2026-11-20T10:00:00.000Z", "scored_at": "2026-11-20T10:00:00.120Z",
            "author": author_hash(AUTHORS[tweet_id]),
        }  # fmt: skip
        send(topics.scored, tweet_id, scored)
        judgement = {
            "feedback_id": str(uuid.uuid4()), "prediction_id": prediction_of(tweet_id), "predicted": "negative",
            "correct": True, "model_version": "7", "text": text,
        }  # fmt: skip
        send(topics.feedback, prediction_of(tweet_id), judgement)
        send(topics.dead_letters, "other", {"id": tweet_id, "author_id": AUTHORS[tweet_id], "text": [text]})
    send(topics.dead_letters, "1465", b"{broken: " + SECRET.encode())
    assert producer.flush(60) == 0


def fill_labels(settings: Settings) -> None:
    events = [
        LabelEvent(
            label_id=uuid.uuid4(), kind="judgement", created_at=datetime.now(UTC), tweet_id=tweet_id, label="negative",
            prediction_id=uuid.UUID(prediction_of(tweet_id)), text=mask(text), source="review", judge=16 * "a",
        )
        for tweet_id, text in TEXTS.items()
    ]  # fmt: skip
    taken_back = msgspec.structs.replace(events[1], label_id=uuid.uuid4(), judge=16 * "b", label="positive")
    retraction = LabelEvent(
        label_id=uuid.uuid4(), kind="retraction", created_at=datetime.now(UTC), retracts=taken_back.label_id
    )
    stranger = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers)
    stranger.send(settings.kafka.topics.labels, b"no label", b"k", headers=[(OddName("x"), b"v")]).get(60)
    stranger.close()
    LabelWriter(settings).write([*events, taken_back, retraction])
    write_snapshot(resolve(read_labels(settings), settings.learning).labels, settings.snapshots)


def fill_redis(settings: Settings) -> None:
    client, now_ms = connect(settings), int(time.time() * 1000)
    samples = [Sample("air-paradis", now_ms, mask(text), (), tweet_id) for tweet_id, text in TEXTS.items()]
    CounterStore(client, settings).add(
        topic_id="t", partition=0, expected=0, end=2, buckets={}, minutes={}, samples=samples
    )
    PredictionTexts(client, settings).remember(
        [Remembered(prediction_id=prediction_of(one), text=text, tweet_id=one) for one, text in TEXTS.items()]
        + [Remembered(prediction_id=str(uuid.UUID(int=5)), text=TEXTS["1465"], tweet_id="1465")]  # asked for by REST
    )
    waiting = [
        item(number, id=prediction_of(tweet_id), tweet_id=tweet_id, text=mask(text))
        for number, (tweet_id, text) in enumerate(TEXTS.items())
    ]
    ReviewQueue(client, settings).offer(waiting)
    ReviewQueue(client, settings).judge(prediction_of("1465"), "negative", 16 * "a")
    quoted = {"summary": "bad", "sample_1": mask(TEXTS["1466"]), "sample_2": mask(TEXTS["1465"])}
    alert = Alert("bad_buzz", "f1", {"alertname": "BadBuzz"}, quoted, now_ms, 0.9)
    store, keys = AlertStore(client, settings), AlertKeys(settings.redis.prefix)
    past = msgspec.structs.replace(alert, fingerprint="f0", ends_at_ms=now_ms + 1)
    entry = Entry("w1", "social", "f1", "BadBuzz", "firing", now_ms, json.dumps({"alerts": [{"annotations": quoted}]}))
    commands = [
        *store.store(alert),
        ("LPUSH", keys.history, msgspec.json.encode(past).decode()),
        ("HSET", keys.entries, entry.id, msgspec.json.encode(entry).decode()),
    ]
    assert store.commit(store.snapshot(), commands)


def everything_in_redis(settings: Settings) -> list[bytes]:
    raw: Any = redis.Redis.from_url(settings.redis.url)
    reading: dict[bytes, Callable[[bytes], list[bytes]]] = {
        b"hash": lambda key: [part for pair in raw.hgetall(key).items() for part in pair],
        b"list": lambda key: raw.lrange(key, 0, -1),
        b"zset": lambda key: raw.zrange(key, 0, -1),
        b"set": lambda key: list(raw.smembers(key)),
        b"string": lambda key: [raw.get(key) or b""],
    }
    keys = list(raw.scan_iter(f"{settings.redis.prefix}:*"))
    return keys + [part for key in keys for part in reading[raw.type(key)](key)]


def on_topic(settings: Settings, topic: str) -> list[bytes]:
    return [record.value() or b"" for record in follow(settings, topic, from_beginning=True, until_end=True)]


def holds(parts: list[bytes], text: str) -> bool:
    return any(text.encode() in part for part in parts)


def test_nothing_about_the_author_is_found_afterwards(as_environment: Settings) -> None:
    settings, topics = as_environment, as_environment.kafka.topics
    fill_topics(settings)
    fill_redis(settings)
    fill_labels(settings)
    compacted = ConfigResource(
        ResourceType.TOPIC,
        topics.feedback,
        incremental_configs=[ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SET)],
    )
    admin = AdminClient(settings.kafka.librdkafka())
    admin.incremental_alter_configs([compacted])[compacted].result(60)

    def forget(*arguments: str) -> dict[str, Any]:
        ended = CliRunner().invoke(privacy.app, ["forget", *arguments, "--format", "json"], catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return dict(json.loads(ended.stdout))

    planned = forget("--author", "did:plc:leaver", "--dry-run")
    assert holds(everything_in_redis(settings), SECRET)  # a dry run has changed nothing
    done = forget("--author", "did:plc:leaver")
    assert [one["found"] for one in done["topics"]] == [one["found"] for one in planned["topics"]] == [1, 1, 1, 1, 2]
    how = {one["topic"]: one["how"] for one in done["topics"]}
    assert how[topics.tweets] == how[topics.dead_letters] == "left to the retention"
    assert (how[topics.feedback], how[topics.labels]) == ("tombstones", "rewritten")
    assert holds(on_topic(settings, topics.tweets), SECRET)  # as it says, until the retention has passed
    assert on_topic(settings, topics.feedback)[-1] == b""
    done = forget("--tweet", "1465", "--cut-topics")
    assert {one["how"] for one in done["topics"]} == {"cut off", "tombstones", "nothing there"}

    for topic in (topics.tweets, topics.scored, topics.labels, topics.dead_letters, topics.audit):
        assert not holds(on_topic(settings, topic), SECRET), topic
    in_redis = everything_in_redis(settings)
    assert not holds(in_redis, SECRET)
    assert holds(in_redis, KEPT)
    assert holds(in_redis, "(erased)")
    files = [path.read_bytes() for path in Path(settings.local.data_dir).rglob("*") if path.is_file()]
    assert not holds(files, SECRET)
    (snapshot,) = settings.snapshots.glob("*.parquet")
    assert [label.tweet_id for label in read_snapshot(snapshot)] == ["1466"]
    (label,) = resolve(
        read_labels(settings), settings.learning
    ).labels  # the retraction is still behind what it retracts
    assert (label.tweet_id, label.label, label.judges) == ("1466", "negative", 1)
    events = [event for event in audit_events(settings) if event.what.startswith("privacy.")]
    assert [event.what for event in events] == ["privacy.requested", "privacy.forgotten"] * 2
    assert events[0].subject == events[1].subject != events[2].subject
    assert "leaver" not in "".join(event.model_dump_json() for event in events)


def test_a_request_that_is_cut_off_is_on_record(as_environment: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS", NOBODY)
    with pytest.raises(Unavailable):
        CliRunner().invoke(privacy.app, ["forget", "--tweet", "1"], catch_exceptions=False)
    with connect(as_environment) as client:
        (event,) = WaitingEvents(client, as_environment).due(after_s=0)
    assert (event.what, event.figures["tweets"]) == ("privacy.requested", 1)
