"""Tweets and judgements at a steady rate, and a reader that notes when predictions become visible."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from tests.waiting import PATIENCE_S, until

TEXTS = (
    "@AirParadis you lost my bag in {}, this is a nightmare",
    "@AirParadis thank you for the smooth flight to gate {}, loved it",
    "@united is flight {} late again? Terrible",
    "@united which gate for flight {}?",
    "Nothing to do with flying, number {}",
)

CALM = "@AirParadis thank you for the {} {} to {}, loved it"
STORM = "@AirParadis your {} {} to {} is the worst, never again, I am furious"
_WORDS = (
    ("smooth", "early", "long", "cheap", "direct", "new", "short", "late", "first", "last", "small", "big"),
    ("flight", "trip", "journey", "connection", "service", "plane", "seat", "meal", "transfer", "crew", "lounge"),
    ("Lyon", "Oslo", "Rome", "Porto", "Berlin", "Vienna", "Dublin", "Athens", "Malta", "Prague", "Turin", "Cork"),
)
"""No two tweets of a crowd say the same; copies of one text do not count as many."""
_BURSTS_A_S = 20
"""Tweets that come together are a batch and a transaction; one by one, most of the processor time went into those."""


def partitions_of(consumer: Consumer, topic: str) -> list[int]:
    """Of a topic that exists; a broker may learn of a new one a moment after it was created."""

    def known() -> list[int]:
        return list(consumer.list_topics(topic, timeout=60).topics[topic].partitions)

    until(known)
    return known()


def _now(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Traffic:
    """Produces until stopped. One tweet in a hundred cannot be read; some are dated yesterday, some in 9999.

    Args:
        servers: of Kafka.
        tweets, feedback: topics.
        rate: tweets a second; a twentieth as many judgements, a tenth of them sent twice.
        seed: another one gives other judgements; those that came before count no more.
    """

    def __init__(self, servers: str, tweets: str, feedback: str, *, rate: int, seed: int) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "log_level": 0,
            }
        )
        self._tweets, self._feedback, self._rate = tweets, feedback, rate
        self._rng = random.Random(seed)
        self._stopping = threading.Event()
        self._refused: list[str] = []
        self.sent = 0
        """Tweets so far."""
        self.storm: bool | None = None
        """Whether the crowd is angry with Air Paradis, or pleased; None: neither, and always the same texts."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Send no more."""
        self._stopping.set()
        self._thread.join()

    def stop(self) -> int:
        """The same; returns how many tweets Kafka has acknowledged."""
        self.end()
        assert self._producer.flush(60) == 0, "Kafka has not taken everything"
        assert self._refused == []
        return self.sent

    def _run(self) -> None:
        since = time.monotonic()
        burst = max(1, self._rate // _BURSTS_A_S)
        for number in itertools.count():
            due = since + number // burst * burst / self._rate
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return
            self._produce(self._tweets, str(number), self._tweet(number))
            self.sent += 1
            if number % 20 == 0:
                judgement = self._judgement()
                for _ in range(2 if self._rng.random() < 0.1 else 1):
                    self._produce(self._feedback, "0", judgement)
            self._producer.poll(0)

    def _produce(self, topic: str, key: str, value: bytes | None) -> None:
        self._producer.produce(
            topic, value, key, on_delivery=lambda error, _: self._refused.append(str(error)) if error else None
        )

    def _tweet(self, number: int) -> bytes | None:
        if number % 100 == 50:
            return self._rng.choice([None, b"not json", b'{"id": 1}', b'{"id": 1, "text": ""}', b"\xff\xfe"])
        text = self._rng.choice(TEXTS).format(number)
        if self.storm is not None:
            words = [self._rng.choice(words) for words in _WORDS]
            text = (STORM if self.storm and self._rng.random() < 0.9 else CALM).format(*words)
        tweet = {"id": f"t{number}", "text": text, "created_at": _now()}
        if number % 10 == 1:
            del tweet["created_at"]
        elif number % 50 == 2:
            tweet["created_at"] = _now(days=1)
        elif number % 50 == 3:
            tweet["created_at"] = "9999-12-31T23:59:59Z"
        return json.dumps(tweet).encode()

    def _judgement(self) -> bytes:
        correct = self._rng.random() < 0.4
        return json.dumps(
            {
                "feedback_id": str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
                "prediction_id": str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
                "predicted": "negative",
                "correct": correct,
                "expected": "negative" if correct else "positive",
                "model_version": "1",
                "created_at": _now(),
            }
        ).encode()


class Visible:
    """Follows the scored topic as a read_committed reader and notes when predictions become visible."""

    def __init__(self, servers: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": "visible",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
                "log_level": 0,
                "reconnect.backoff.max.ms": 1000,
            }
        )
        self._consumer.assign(
            [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions_of(self._consumer, topic)]
        )
        self._came = threading.Condition()
        self.newest_scored_at = 0.0
        """When the newest visible prediction was made, seconds since 1970."""
        self.visible = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait_since(self, since: float, timeout_s: float = PATIENCE_S) -> float:
        """Wait for a prediction made after `since`; returns how long after it became visible, seconds."""
        with self._came:
            assert self._came.wait_for(lambda: self.newest_scored_at > since, timeout_s), (
                f"no new prediction became visible within {timeout_s:.0f} s"
            )
        return time.time() - since

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for message in self._consumer.consume(500, 0.05):
                if message.error() is None:
                    scored_at = datetime.fromisoformat(json.loads(message.value() or b"")["scored_at"])
                    with self._came:
                        self.visible += 1
                        self.newest_scored_at = max(self.newest_scored_at, scored_at.timestamp())
                        self._came.notify_all()
