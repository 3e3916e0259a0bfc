"""Erases a subject's records from topics, as far as Kafka lets anybody erase.

| topic | how |
|---|---|
| `labels` | written anew without them, and cut off before the copy |
| compacted | a tombstone for each key |
| the others | by their retention, or cut off behind the last of them when asked for |
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from contracts.errors import Unavailable
from contracts.learning.labels import LabelEvent
from contracts.settings import Settings
from contracts.topics import FOR_EVER
from learning.labels.log import LabelWriter
from learning.privacy.scan import TopicTrace, label_belongs
from learning.privacy.subject import Subject
from stream.kafka.records import headers_of
from stream.kafka.topic_reader import follow

_TIMEOUT_S: Final = 30.0
_TRIES: Final = 5


@dataclass(frozen=True)
class TopicResult:
    """What became of a subject's records on one topic."""

    topic: str
    found: int
    how: Literal["nothing there", "rewritten", "tombstones", "cut off", "left to the retention", "kept for ever"]
    until: datetime | None = None
    """When the retention takes the last of them."""


class TopicEraser:
    """Works on one cluster.

    Raises, in all that it does:
        Unavailable: Kafka does not answer or refuses (no right to delete, say).
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AdminClient(settings.kafka.librdkafka() | {"log_level": 0})

    def erase(self, trace: TopicTrace, subject: Subject, *, cut: bool) -> TopicResult:
        """Erase what was found on a topic.

        Args:
            cut: delete everything up to the last of them where the topic can do no better.
        """
        if not trace.found:
            return TopicResult(trace.topic, 0, "nothing there")
        if trace.topic == self._settings.kafka.topics.labels:
            self._rewrite(trace.topic, subject)
            return TopicResult(trace.topic, trace.found, "rewritten")
        config = self._config(trace.topic)
        if "compact" in config.get("cleanup.policy", ""):
            self._bury(trace)
            return TopicResult(trace.topic, trace.found, "tombstones")
        if cut:
            self._delete_before(trace.topic, {partition: last + 1 for partition, last in trace.last.items()})
            return TopicResult(trace.topic, trace.found, "cut off")
        return TopicResult(trace.topic, trace.found, *_left(config, trace))

    def planned(self, trace: TopicTrace) -> TopicResult:
        """What would become of them without `cut`; changes nothing."""
        if not trace.found:
            return TopicResult(trace.topic, 0, "nothing there")
        if trace.topic == self._settings.kafka.topics.labels:
            return TopicResult(trace.topic, trace.found, "rewritten")
        config = self._config(trace.topic)
        if "compact" in config.get("cleanup.policy", ""):
            return TopicResult(trace.topic, trace.found, "tombstones")
        return TopicResult(trace.topic, trace.found, *_left(config, trace))

    def keep_away(self, subject: Subject, reason: str) -> int:
        """Write an erasure for each tweet and prediction, so that no copy of a label counts later."""
        names: list[tuple[str | None, uuid.UUID | None]] = [(one, None) for one in sorted(subject.tweet_ids)]
        for one in sorted(subject.prediction_ids):
            with suppress(ValueError):  # of another producer, whose ids are no UUIDs: no label names it
                names.append((None, uuid.UUID(one)))
        now = datetime.now(UTC)
        events = [
            LabelEvent(
                label_id=uuid.uuid4(), kind="erasure", created_at=now, tweet_id=tweet, prediction_id=prediction,
                reason=reason,
            )
            for tweet, prediction in names
        ]  # fmt: skip
        LabelWriter(self._settings).write(events)
        return len(events)

    def _config(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        try:
            found = self._admin.describe_configs([resource], request_timeout=_TIMEOUT_S)[resource].result()
        except KafkaException as error:
            raise self._refused(f"the settings of {topic} cannot be read", error) from None
        return {name: str(entry.value) for name, entry in found.items()}

    def _bury(self, trace: TopicTrace) -> None:
        failures: list[str] = []
        producer = Producer(self._settings.kafka.librdkafka_producer() | {"acks": "all", "log_level": 0})
        for partition, key in sorted(trace.keys):
            producer.produce(
                trace.topic, None, key, partition=partition,
                on_delivery=lambda error, _message: failures.append(error.str()) if error else None,
            )  # fmt: skip
            producer.poll(0)
        if producer.flush(_TIMEOUT_S) or failures:
            raise Unavailable(f"Kafka has not taken the tombstones for {trace.topic}: {(failures or ['time-out'])[0]}")

    def _delete_before(self, topic: str, offsets: dict[int, int]) -> None:
        places = [TopicPartition(topic, partition, offset) for partition, offset in sorted(offsets.items())]
        try:
            for future in self._admin.delete_records(places, request_timeout=_TIMEOUT_S).values():
                future.result()
        except KafkaException as error:
            raise self._refused(f"records of {topic} cannot be deleted", error) from None

    def _rewrite(self, topic: str, subject: Subject) -> None:
        """Copy what is to stay behind the end, in one transaction, then delete all before the copy.

        Labels count by their ids and in their order, so a copy counts as what it copies, provided that nobody wrote
        in between: a retraction would stand before what it takes back. The offsets of the copy say whether somebody
        did; then the transaction is aborted and the topic is read again.
        """
        for _ in range(_TRIES):
            ends = self._ends(topic)
            kept = [
                record
                for record in follow(self._settings, topic, from_beginning=True, until_end=True)
                if record.offset() < ends[record.partition()] and not label_belongs(record, subject)
            ]
            if self._copy(topic, kept, ends):
                self._delete_before(topic, ends)
                return
        raise Unavailable(
            f"the topic {topic} was written to each of the {_TRIES} times that it was copied: run it again at a quieter"
            " moment"
        )

    def _copy(self, topic: str, records: Iterable[Any], ends: dict[int, int]) -> bool:
        """Whether all copies stand behind the ends without anything in between."""
        places: dict[int, list[int]] = {}
        failures: list[str] = []

        def report(error: Any, message: Any) -> None:
            if error is not None:
                failures.append(error.str())
            else:
                places.setdefault(message.partition(), []).append(message.offset())

        producer = Producer(
            self._settings.kafka.librdkafka_producer()
            | {"transactional.id": f"{self._settings.worker.group}-erasure", "log_level": 0}
        )
        try:
            producer.init_transactions(_TIMEOUT_S)
            producer.begin_transaction()
            for record in records:
                producer.produce(
                    topic, record.value(), record.key(), partition=record.partition(),
                    timestamp=record.timestamp()[1], headers=headers_of(record), on_delivery=report,
                )  # fmt: skip
                producer.poll(0)
            left = producer.flush(_TIMEOUT_S)
            alone = all(
                offsets == list(range(ends[partition], ends[partition] + len(offsets)))
                for partition, offsets in places.items()
            )
            if left or failures or not alone:
                producer.abort_transaction(_TIMEOUT_S)
                if left or failures:
                    raise Unavailable(f"Kafka has not taken the copy of {topic}: {(failures or ['time-out'])[0]}")
                return False
            producer.commit_transaction(_TIMEOUT_S)
        except (KafkaException, BufferError) as error:
            raise self._refused(f"{topic} cannot be written anew", error) from None
        return True

    def _ends(self, topic: str) -> dict[int, int]:
        consumer = Consumer(
            self._settings.kafka.librdkafka()
            | {"group.id": f"{self._settings.worker.group}-erasure", "log_level": 0}
            | {"isolation.level": "read_uncommitted"}
        )
        try:
            partitions = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
            return {
                number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_S)[1]
                for number in partitions
            }
        except KafkaException as error:
            raise self._refused(f"the end of {topic} cannot be asked for", error) from None
        finally:
            consumer.close()

    def _refused(self, what: str, error: Exception) -> Unavailable:
        cause = error.args[0] if error.args else error
        why = cause.str() if hasattr(cause, "str") else str(cause)
        return Unavailable(f"Kafka at {self._settings.kafka.bootstrap_servers}: {what}: {why}")


def _left(config: dict[str, str], trace: TopicTrace) -> tuple[Any, datetime | None]:
    retention = int(config.get("retention.ms", FOR_EVER))
    if retention == FOR_EVER:
        return "kept for ever", None
    return "left to the retention", datetime.fromtimestamp((trace.newest_ms + retention) / 1000, UTC)
