"""Whatever strangers send to the four topics: no process ends, and every committed record is accounted for.

`make test` sends some hundred records, `make chaos` many more.
"""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, cast

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kafka import KafkaProducer

from stream.kafka.records import Record, headers_of
from tests import commands
from tests.chaos.site import ALL, Process, Site
from tests.topic_configs import set_topic_config
from tests.waiting import until

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
DAY_MS: Final = 86_400_000
EXAMPLES: Final = 150 if ALL else 6
_TWEET: Final = {"id": "1", "text": "@AirParadis you lost my bag"}
_OBJECTS: Final = [
    b'{"id":"1","text":"RT @a: b","referenced_tweets":[{"type":"retweeted","id":{"a":1}}],"includes":{"tweets":[{}]}}',
    b'{"data":{"id":"1","text":"a","author_id":{}},"includes":{"users":[{"id":[]}],"tweets":[{"id":[]}]}}',
    b'{"id":"1","content":"' + b"<!--" * 49_000 + b'","account":null,"reblog":null}',
    b'{"id":"1","content":"' + b"<a " * 60_000 + b'","account":null,"reblog":null}',
    b'{"id":"1","text":"@AirParadis you lost my bag &#' + b"1" * 5000 + b';"}',
    b'{"did":{},"kind":[],"commit":{"collection":"app.bsky.feed.post","rkey":{},"record":{"text":"a"}}}',
]
"""Objects of the networks with something else where an id ought to be, or much that says nothing."""
_PREDICTION: Final = {
    "prediction_id": str(uuid.uuid4()),
    "tweet_id": "1",
    "sentiment": "negative",
    "scores": {"negative": 0.8, "neutral": 0.1, "positive": 0.1},
    "confidence": 0.8,
    "model": {"name": "sentiment", "version": "1"},
    "created_at": "2026-11-20T10:00:00Z",
    "scored_at": "2026-11-20T10:00:01Z",
}


class RawName(str):
    """A header name that kafka-python sends as bytes that are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: Any, **__: Any) -> bytes:
        return b"\xff\xfe" + str.encode(str(self), "utf-8", "replace")


@dataclass(frozen=True)
class Hostile:
    """A record that somebody sends. What the two clients cannot do is left to the other one."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp_ms: int | None
    raw_names: bool

    def plain(self) -> tuple[bytes | None, bytes | None]:
        """Value and key."""
        value, key = self.value, self.key
        return (value and LONG.get(value, value)), (key and LONG.get(key, key))


def feedback() -> dict[str, Any]:
    return {
        "feedback_id": str(uuid.uuid4()),
        "prediction_id": str(uuid.uuid4()),
        "predicted": "negative",
        "correct": True,
        "model_version": "1",
    }


def _changed(shape: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """The event with some fields replaced by anything that JSON can hold."""
    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
    fields = st.dictionaries(st.sampled_from([*shape, "lang", "user", "created_at"]), anything, max_size=2)
    return fields.map(lambda new: json.dumps({**shape, **new}).encode())


LONG: Final = {
    b"#long": b'{"id":1,"text":"' + b"x" * 900_000 + b'"}',
    b"#deep": b'{"id":1,"text":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b"#unclosed": b'{"a":' * 100_000,
    b"#key": b"k" * 60_000,
    **{f"#object{number}".encode(): value for number, value in enumerate(_OBJECTS)},
}
"""What stands for these when it is drawn; hypothesis would print them."""
VALUES: Final = st.one_of(
    st.sampled_from(
        [None, b"", b"null", b"[]", b"0", b"NaN", b'{"id":1,"text":"\\ud800"}', b'{"id":1,"text":"\xed\xa0\x80"}']
    ),
    st.sampled_from([f"#object{number}".encode() for number in range(len(_OBJECTS))]),
    st.sampled_from([b"#long", b"#deep", b"#unclosed", b'{"id":1e400,"text":"a"}', b'{"id":1,"id":2,"text":"a"}']),
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: json.dumps({"id": text or "1", "text": text or "\x00\x1b[2J"}).encode()),
    _changed(_TWEET),
    _changed(_PREDICTION),
    st.builds(feedback).flatmap(_changed),
)
HEADERS: Final = st.lists(
    st.tuples(st.sampled_from(["", "error-class", "attempts", "ce_id", "\x00", "é\u202e"]) | st.text("ab", max_size=3),
              st.none() | st.binary(max_size=10) | st.just(b"#key")),
    max_size=3,
).map(tuple)  # fmt: skip
RECORDS: Final = st.builds(
    Hostile,
    topic=st.sampled_from(["tweets", "scored", "feedback", "dead_letters"]),
    value=VALUES,
    key=st.sampled_from([None, b"", b"k", b"\x00\xff", b"#key"]),
    headers=HEADERS,
    timestamp_ms=st.sampled_from([None, None, -1, 0, 1, 1_000_000, 4 * 10**12, 253_402_300_800_000]),
    raw_names=st.booleans(),
)


class Strangers:
    """Producers of all kinds."""

    def __init__(self, site: Site) -> None:
        self._topics = site.topics.model_dump()
        self._servers = site.kafka.address
        common = {"bootstrap.servers": self._servers, "linger.ms": 5, "message.max.bytes": 2_000_000, "log_level": 0}
        self._producers = [Producer(common | {"compression.type": codec}) for codec in CODECS]
        self._transactional = Producer(common | {"transactional.id": site.prefix, "compression.type": "zstd"})
        self._transactional.init_transactions(60)
        self._old = KafkaProducer(bootstrap_servers=self._servers, compression_type="gzip", max_request_size=2_000_000)
        self.sent: Counter[str] = Counter()
        """Per topic: records that were sent and not aborted."""

    def send(self, records: list[Hostile], codec: int) -> None:
        """The plain ones in compressed batches, what only kafka-python can say by that."""
        for record in records:
            topic = self._topics[record.topic]
            has_any = record.value is not None or record.key is not None  # kafka-python wants one of them
            if has_any and (record.raw_names or record.timestamp_ms is not None):
                name = RawName if record.raw_names else str
                headers = [(name(key), value or b"") for key, value in record.headers]
                self._old.send(topic, *record.plain(), headers=headers, timestamp_ms=record.timestamp_ms).get(60)
            else:
                self._producers[codec].produce(topic, *record.plain(), headers=list(record.headers))
            self.sent[record.topic] += 1
        assert self._producers[codec].flush(60) == 0

    def transact(self, records: list[Hostile], *, commits: bool, open_s: float) -> None:
        """In a transaction that stays open for a while, and is committed or aborted."""
        self._transactional.begin_transaction()
        for record in records:
            self._transactional.produce(self._topics[record.topic], *record.plain())
            self.sent[record.topic] += commits
        assert self._transactional.flush(60) == 0
        time.sleep(open_s)
        self._transactional.commit_transaction(60) if commits else self._transactional.abort_transaction(60)

    def close(self) -> None:
        self._old.close(timeout=60)


class Accounts:
    """What became of the records, from the topics and the worker's metrics."""

    def __init__(self, site: Site, worker: Process, strangers: Strangers) -> None:
        self._site, self._worker, self._strangers = site, worker, strangers

    def metric(self, name: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._site.web}/metrics", timeout=60) as page:
            lines = page.read().decode().splitlines()
        return int(sum(float(line.split()[-1]) for line in lines if line.startswith(name)))

    def open(self) -> dict[str, tuple[int, int]]:
        """Per topic what does not add up: records that were to be accounted for, and those that are."""
        assert self._worker.alive, self._site.said()
        sent, topics, servers = self._strangers.sent, self._site.topics, self._site.kafka.address
        scored = len(committed(servers, topics.scored)) - sent["scored"]
        letters = [dict(headers_of(letter)) for letter in committed(servers, topics.dead_letters)]
        ours = Counter(letter["source-topic"] for letter in letters if "source-topic" in letter)
        sums = {
            "tweets": (sent["tweets"], scored + ours[topics.tweets.encode()]),
            "scored": (sent["scored"] + scored, self.metric("buzzwatch_predictions_counted_total")),
            "feedback": (
                sent["feedback"],
                self.metric("buzzwatch_feedback_judged_total") + ours[topics.feedback.encode()],
            ),
            "dead_letters": (sent["dead_letters"] + sum(ours.values()), len(letters)),
        }
        return {topic: numbers for topic, numbers in sums.items() if numbers[0] != numbers[1]}

    def settle(self) -> None:
        until(lambda: not self.open(), said=lambda: f"{self.open()}\n{self._site.said()}")


def committed(servers: str, topic: str) -> list[Record]:
    """All committed records that are there now."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "accounts", "enable.partition.eof": True})
    try:
        unfinished = set(consumer.list_topics(topic, timeout=60).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in unfinished])
        found: list[Record] = []
        while unfinished:
            for message in consumer.consume(1000, 1):
                if message.error() is None:
                    found.append(cast("Record", message))
                else:
                    unfinished.discard(message.partition())
        return found
    finally:
        consumer.close()


@pytest.fixture
def site_of_strangers(site: Site) -> Site:
    """Its topics take records of any date."""
    config = {"message.timestamp.after.max.ms": str(2**62), "retention.ms": "-1"}  # nor forget those of 1970
    set_topic_config(site.kafka.address, [topic.name for topic in site.topics.all()], config)
    return site


def test_no_process_ends_and_every_record_is_accounted_for(site_of_strangers: Site) -> None:
    site = site_of_strangers
    site.visible.close()  # it reads predictions of ours only
    worker = site.start_worker()
    strangers = Strangers(site)
    accounts = Accounts(site, worker, strangers)
    until(lambda: site.page("readyz") == 200, said=site.said)

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=not ALL,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(
        records=st.lists(RECORDS, min_size=10, max_size=40),
        codec=st.integers(0, len(CODECS) - 1),
        together=st.lists(RECORDS, max_size=5),
        commits=st.booleans(),
    )
    def send(records: list[Hostile], codec: int, together: list[Hostile], commits: bool) -> None:
        strangers.send(records, codec)
        strangers.transact(together, commits=commits, open_s=0.2)
        accounts.settle()

    send()
    # A partition more, and a topic that is not the one that it was.
    admin = AdminClient({"bootstrap.servers": site.kafka.address})
    [added] = admin.create_partitions([NewPartitions(site.topics.feedback, 2)]).values()
    added.result(60)
    producer = Producer({"bootstrap.servers": site.kafka.address})
    for number in range(10):
        producer.produce(site.topics.feedback, json.dumps(feedback()).encode(), partition=number % 2)
    assert producer.flush(60) == 0
    strangers.sent["feedback"] += 10
    accounts.settle()
    until(lambda: site.page("livez") == site.page("readyz") == 200, said=site.said)
    listed = commands.run("dlq", "list", "--format", "json", "--limit", "100000", env=site.environment)
    assert listed.returncode == 0, listed.stderr
    assert worker.alive
    strangers.close()
