"""What must be true of the topics, Redis and the receiver, worked out from the topics alone.

Plain confluent-kafka, redis and json: nothing of the worker's code is used, so that a mistake in it cannot hide here.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

LATE_MS = 120_000
AHEAD_MS = 300_000
BUCKET_S = 5


class Seen(NamedTuple):
    """A committed record."""

    partition: int
    offset: int
    value: bytes | None
    headers: dict[str, bytes]
    timestamp_ms: int


class Told(NamedTuple):
    """A change of state as a receiver was told."""

    alert: str
    fingerprint: str
    starts_at_ms: int
    status: str


class Alerts(NamedTuple):
    """What the judgements of the feedback topic ask for."""

    judged: Counter[str]
    """`version|right` or `version|wrong` → judgements."""
    changes: int
    """How many times an alert began or ended."""


def read_committed(servers: str, topic: str) -> list[Seen]:
    """All records of a topic that a read_committed reader sees now."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "checker",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    try:
        unfinished = set(consumer.list_topics(topic, timeout=60).topics[topic].partitions)
        assert unfinished, f"{topic}: Kafka knows no such topic"
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in unfinished])
        seen: list[Seen] = []
        silent = 0
        while unfinished:
            message = consumer.poll(1)
            silent = silent + 1 if message is None else 0
            assert silent < 30, f"{topic}: no end of partitions {sorted(unfinished)}; is a transaction still open?"
            if message is None:
                continue
            partition, offset, error = message.partition(), message.offset(), message.error()
            assert partition is not None
            if error is None:
                assert offset is not None
                headers = {
                    name: value for name, value in dict(message.headers() or []).items() if isinstance(value, bytes)
                }
                seen.append(Seen(partition, offset, message.value(), headers, message.timestamp()[1]))
            elif error.code() == KafkaError._PARTITION_EOF:
                unfinished.discard(partition)
        return seen
    finally:
        consumer.close()


def tweet_id(value: bytes | None) -> str | None:
    """The id of a tweet that can be scored, None for what belongs into the dead letters."""
    try:
        tweet = json.loads(value or b"")
        return str(tweet["id"]) if tweet["text"].strip() else None
    except (ValueError, KeyError, TypeError):
        return None


def once_in_all(tweets: list[Seen], scored: list[Seen], dead: list[Seen], source: str) -> list[str]:
    """What is wrong with "each tweet exactly once in scored or dead letters"; empty when nothing is."""
    wanted: Counter[object] = Counter()
    unreadable: Counter[object] = Counter()
    for tweet in tweets:
        identifier = tweet_id(tweet.value)
        if identifier is None:
            unreadable[tweet.partition, tweet.offset] += 1
        else:
            wanted[identifier] += 1
    came: Counter[object] = Counter(json.loads(record.value or b"")["tweet_id"] for record in scored)
    buried: Counter[object] = Counter(
        (int(letter.headers["source-partition"]), int(letter.headers["source-offset"]))
        for letter in dead
        if letter.headers["source-topic"].decode() == source
    )
    problems = []
    for name, expected, found in (("scored", wanted, came), ("dead", unreadable, buried)):
        missing, surplus = expected - found, found - expected
        if missing or surplus:
            problems.append(
                f"{name}: of {expected.total()} {missing.total()} are missing ({list(missing)[:3]}), "
                f"{surplus.total()} too many ({list(surplus)[:3]})"
            )
    return problems


def recounted(scored: list[Seen]) -> dict[str, Counter[str]]:
    """What the counters must hold: `minute:<start>` and `bucket:<start>` → `watch|theme|sentiment` → tweets."""
    counts: dict[str, Counter[str]] = {}
    for record in scored:
        event = json.loads(record.value or b"")
        at_ms = round(datetime.fromisoformat(event["created_at"]).timestamp() * 1000)
        late = at_ms < record.timestamp_ms - LATE_MS
        if at_ms > record.timestamp_ms + AHEAD_MS:
            at_ms = record.timestamp_ms
        felt = {theme: event["theme_sentiments"][theme] for theme in event["themes"]}
        cells = [
            f"{watch}|{theme}|{sentiment}"
            for watch in ["", *event["watches"]]
            for theme, sentiment in [("", event["sentiment"]), *felt.items()]
        ]
        at_s = at_ms // 1000
        counts.setdefault(f"minute:{at_s - at_s % 60}", Counter()).update(cells)
        if not late:
            counts.setdefault(f"bucket:{at_s - at_s % BUCKET_S}", Counter()).update(cells)
    return counts


def counted(client: redis.Redis, prefix: str) -> dict[str, Counter[str]]:
    """What the counters in Redis hold, all topics added up. A cell is tweets + distinct voices * 2**32."""
    counts: dict[str, Counter[str]] = {}
    for resolution in ("minute", "bucket"):
        for key in client.scan_iter(f"{prefix}:{{counts2:*}}:{resolution}:*", count=1000):
            cells: Any = client.hgetall(key)
            start = str(key).rsplit(":", 1)[1]
            counts.setdefault(f"{resolution}:{start}", Counter()).update(
                {cell: int(number) & 0xFFFFFFFF for cell, number in cells.items() if "/" not in cell}
            )
    return counts


def difference(expected: dict[str, Counter[str]], found: dict[str, Counter[str]]) -> list[str]:
    """Where two sets of counters differ."""
    return [
        f"{start} {cell}: {found.get(start, Counter())[cell]} counted, {expected.get(start, Counter())[cell]} are there"
        for start in sorted(expected.keys() | found.keys())
        for cell in sorted(expected.get(start, Counter()) | found.get(start, Counter()))
        if expected.get(start, Counter())[cell] != found.get(start, Counter())[cell]
    ]


def asked_for(feedback: list[Seen], in_a_row: int) -> Alerts:
    """Walk through the judgements in their order, each id once."""
    judged: Counter[str] = Counter()
    ids: set[str] = set()
    streak: Counter[str] = Counter()
    firing: set[str] = set()
    changes = 0
    for record in sorted(feedback, key=lambda record: record.offset):
        event = json.loads(record.value or b"")
        if event["feedback_id"] in ids:
            continue
        ids.add(event["feedback_id"])
        version = event["model_version"]
        judged[f"{version}|{'right' if event['correct'] else 'wrong'}"] += 1
        streak[version] = 0 if event["correct"] else streak[version] + 1
        if (streak[version] >= in_a_row) != (version in firing):
            firing ^= {version}
            changes += 1
    return Alerts(judged, changes)


def told(body: dict[str, Any]) -> list[Told]:
    """What a webhook says."""
    return [
        Told(
            alert["labels"]["alertname"],
            alert["fingerprint"],
            round(datetime.fromisoformat(alert["startsAt"]).timestamp() * 1000),
            alert["status"],
        )
        for alert in body["alerts"]
    ]


def stored(client: redis.Redis, prefix: str, name: str) -> set[Told]:
    """What Redis holds about the alerts of a name: that each fired, and of those in the past that they are over."""
    active: Any = client.hvals(f"{prefix}:{{alerts}}:active")
    past: Any = client.lrange(f"{prefix}:{{alerts}}:history", 0, -1)
    found = set()
    for text in [*active, *past]:
        alert = json.loads(text)
        if alert["labels"]["alertname"] != name or alert.get("active_since_ms") is not None:
            continue
        states = ["firing"] if alert.get("ends_at_ms") is None else ["firing", "resolved"]
        found |= {Told(name, alert["fingerprint"], alert["starts_at_ms"], state) for state in states}
    return found


def out_of_order(heard: list[Told]) -> list[Told]:
    """Changes that did not come as firing, resolved, firing, …; `heard` without repetitions, in order of arrival."""
    wrong = []
    last: dict[str, Told] = {}
    for change in heard:
        before = last.get(change.fingerprint)
        if change.status == "firing":
            fits = before is None or (before.status == "resolved" and change.starts_at_ms > before.starts_at_ms)
        else:
            fits = before is not None and before == change._replace(status="firing")
        if not fits:
            wrong.append(change)
        last[change.fingerprint] = change
    return wrong
