"""What a poller makes of what librdkafka reports; `tests/integration/stream/kafka/test_undecodable.py` has a broker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from stream.kafka.polling import Poller, search_end
from stream.metrics import UNDECODABLE

BAD, LOST, EOF = KafkaError._BAD_MSG, KafkaError._AUTO_OFFSET_RESET, KafkaError._PARTITION_EOF


def message(offset: int, code: int | None = None, partition: int = 0) -> SimpleNamespace:
    error = None if code is None else KafkaError(code)
    return SimpleNamespace(
        topic=lambda: "polled", partition=lambda: partition, offset=lambda: offset, error=lambda: error
    )


class Kafka:
    """A consumer of a log from 5 to 60; it hands out what it is given, and keeps where it was started."""

    def __init__(self, *polled: list[SimpleNamespace]) -> None:
        self.polled = list(polled)
        self.starts: dict[int, int] = {}
        self.reached: dict[int, int] = {}
        self.is_away = False
        self.without_leader = 0
        """So many questions are asked before the partition has one."""

    def poll(self, _timeout: float) -> SimpleNamespace:
        self.now, self.polled = self.polled[0], self.polled[1:]
        return self.now[0]

    def consume(self, *_: Any) -> list[SimpleNamespace]:
        self.reached |= {one.partition(): one.offset() + 1 for one in self.now if one.error() is None}
        return self.now[1:]

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, self.reached.get(one.partition, -1001)) for one in partitions]

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.starts = {one.partition: one.offset for one in partitions}
        self.reached = {}

    def get_watermark_offsets(self, _: TopicPartition, **__: Any) -> tuple[int, int]:
        if self.is_away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        if self.without_leader:
            self.without_leader -= 1
            raise KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION))
        return 5, 60


def poller_of(kafka: Kafka, start: int = 5) -> Poller:
    poller = Poller(cast("Consumer", kafka), lambda gap: gap.offset + 10)
    poller.assign([TopicPartition("polled", 0, start), TopicPartition("polled", 1, start)])
    return poller


def offsets(poller: Poller) -> list[int]:
    return [record.offset() for record in poller.poll(100, 0)]


def counted() -> float:
    return sum(
        sample.value
        for metric in UNDECODABLE.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and sample.labels["topic"] == "polled"
    )


def test_an_offset_that_librdkafka_made_up_behind_a_damaged_batch_moves_nobody() -> None:
    kafka = Kafka([message(8), message(9), message(10, BAD)], [message(2_939_699_771_431_179_130, LOST)], [message(20)])
    poller = poller_of(kafka)
    assert offsets(poller) == [8, 9]
    assert (poller.skipped, kafka.starts) == ({0: 20}, {0: 20, 1: 5})
    assert offsets(poller) == []
    assert (poller.out_of_range, kafka.starts) == (set(), {0: 20, 1: 5})
    assert offsets(poller) == [20]
    assert poller.skipped == {}


def test_what_librdkafka_hands_out_once_more_beside_a_damaged_batch_is_dropped() -> None:
    once_more = [message(5), message(6), message(7)]
    kafka = Kafka([message(5), message(6), message(5, partition=1), *once_more, message(8, BAD)])
    assert offsets(poller_of(kafka)) == [5, 6, 5, 7]


@pytest.mark.parametrize("start", [4, 61])
def test_a_position_that_kafka_does_not_have_is_reported(start: int) -> None:
    poller = poller_of(Kafka([message(start, LOST)]), start)
    assert offsets(poller) == []
    assert poller.out_of_range == {0}


@pytest.mark.parametrize(
    ("why", "level"),
    [
        ("no previously committed offset available: Local: No offset stored", "INFO"),
        ("fetch failed due to requested offset not available on the broker: Broker: Offset out of range", "WARNING"),
    ],
)
def test_a_first_start_looks_like_no_trouble(why: str, level: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "buzzwatch.stream")
    lost = message(4, LOST)
    lost.error = lambda: KafkaError(LOST, why)
    poller = poller_of(Kafka([lost]), 4)
    assert offsets(poller) == []
    assert poller.out_of_range == {0}
    [said] = caplog.records
    assert said.levelname == level


def test_librdkafka_is_never_asked_to_find_the_beginning_or_the_end_by_itself() -> None:
    kafka = Kafka()
    poller = poller_of(kafka, OFFSET_BEGINNING)
    assert kafka.starts == {0: 5, 1: 5}
    poller.assign([TopicPartition("polled", 0, OFFSET_END)])
    assert kafka.starts == {0: 60}
    kafka.is_away = True
    with pytest.raises(KafkaException):
        poller.assign([TopicPartition("polled", 0, OFFSET_END)])


def test_a_partition_that_was_just_created_is_asked_until_it_has_a_leader() -> None:
    kafka = Kafka()
    kafka.without_leader = 2
    poller_of(kafka, OFFSET_BEGINNING)
    assert (kafka.starts, kafka.without_leader) == ({0: 5, 1: 5}, 0)


def test_who_cannot_be_asked_does_not_vouch_for_a_position() -> None:
    kafka = Kafka([message(7, LOST)])
    kafka.is_away = True
    poller = poller_of(kafka)
    assert offsets(poller) == []
    assert poller.out_of_range == {0}


def test_a_batch_that_is_met_again_counts_once_and_in_a_new_topic_anew() -> None:
    kafka = Kafka(*[[message(10, BAD)]] * 3, [message(20, BAD)], [message(10, BAD, partition=1)], [message(10, BAD)])
    poller, before = poller_of(kafka), counted()
    found = []
    for number in range(6):
        if number == 5:
            poller.created_again()
        poller.assign([TopicPartition("polled", 0, 5), TopicPartition("polled", 1, 5)])  # read again from a mark
        assert offsets(poller) == []
        found.append(counted() - before)
    assert found == [10, 10, 10, 20, 30, 40]


class DamagedLog(Kafka):
    """Batches begin at 10 and 20 and cannot be decoded; before each answer comes what librdkafka makes of no place."""

    def __init__(self, *stray: SimpleNamespace) -> None:
        super().__init__()
        self.stray = stray

    def assign(self, partitions: list[TopicPartition]) -> None:
        again = self.starts == {0: partitions[0].offset}
        super().assign(partitions)
        if not again:
            self.polled = [[one] for one in self.stray]
        if not self.polled:
            at = self.starts[0] // 10 * 10
            self.polled = [[message(at, BAD)] if at < 30 else [message(self.starts[0])]]


@pytest.mark.parametrize("stray", [message(0), message(2**60, LOST), message(9, EOF), message(0, BAD)])
def test_the_end_of_a_batch_is_found_whatever_librdkafka_hands_out_in_between(stray: SimpleNamespace) -> None:
    for start in (10, 20):
        kafka = cast("Consumer", DamagedLog(stray, stray))
        assert search_end(kafka, TopicPartition("polled", 0, start)) == start + 10


def test_an_error_of_kafka_is_no_end_of_a_batch() -> None:
    kafka = cast("Consumer", DamagedLog(message(10, KafkaError._TRANSPORT)))
    with pytest.raises(KafkaException):
        search_end(kafka, TopicPartition("polled", 0, 10))


@pytest.mark.parametrize(("reached", "goes_on"), [(4, 5), (61, 5), (7, 7)])
def test_a_reader_without_marks_goes_on_at_the_oldest_record_when_its_own_is_gone(reached: int, goes_on: int) -> None:
    kafka = Kafka([message(reached, LOST)])
    kafka.is_away = True
    poller = poller_of(kafka, reached)
    assert offsets(poller) == []
    poller.look_up_positions("polled")
    assert poller.out_of_range == {0}  # asked again later
    kafka.is_away = False
    poller.look_up_positions("polled")
    assert (poller.out_of_range, kafka.starts[0]) == (set(), goes_on)


def test_while_the_end_of_a_batch_cannot_be_looked_up_the_position_stays_before_it() -> None:
    def away(_: TopicPartition) -> int:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    kafka = Kafka([message(9), message(10, BAD), message(123, LOST)])
    poller = Poller(cast("Consumer", kafka), away)
    poller.assign([TopicPartition("polled", 0, 5)])
    assert offsets(poller) == [9]
    assert (kafka.starts, poller.skipped, poller.out_of_range) == ({0: 10}, {}, set())
