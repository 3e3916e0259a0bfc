from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contracts.errors import Unavailable
from stream.kafka.records import RecordBatch, ScoredBatch
from stream.scoring.publisher import Aborted, Publisher
from tests.fakes_kafka import FakeRecord

BATCH = ScoredBatch(RecordBatch([], 0, None), [], [])


class _Producer:
    """Transactions whose offsets are refused, or hang, as when a broker is away."""

    def __init__(self) -> None:
        self.asked = 0
        self.aborted = 0
        self.calling = threading.Event()
        self.answer = threading.Event()

    def begin_transaction(self) -> None: ...

    def send_offsets_to_transaction(self, *_: Any) -> None:
        self.asked += 1
        self.calling.set()
        self.answer.wait(10)
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "away", retriable=True))

    def abort_transaction(self, _timeout_s: float) -> None:
        self.aborted += 1


class _Committing(_Producer):
    """Transactions that all succeed; keeps the offsets that it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[int, int]] = []

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], *_: Any) -> None:
        self.sent.append({one.partition: one.offset for one in offsets})

    def commit_transaction(self, _timeout_s: float) -> None: ...

    def poll(self, _timeout_s: float) -> None: ...


def _batch(epoch: int, *places: tuple[int, int], skipped: dict[int, int] | None = None) -> ScoredBatch:
    records = [FakeRecord(b"", partition=partition, offset=offset) for partition, offset in places]
    return ScoredBatch(RecordBatch(records, epoch, None, "id", "tweets", skipped or {}), [], [])


def test_what_the_client_hands_out_a_second_time_is_not_published_again() -> None:
    publisher, kafka = _publisher(producer := _Committing()), producer.sent
    assert publisher.publish(_batch(1, (0, 5), (1, 7), (0, 6)), lambda _: True)
    assert publisher.publish(_batch(1, (0, 9), skipped={0: 20}), lambda _: True)
    assert kafka == [{0: 7, 1: 8}, {0: 20}]
    for again in ([(0, 5)], [(0, 19), (0, 30)], [(1, 8), (1, 9), (1, 8)], [(2, 4), (1, 7)]):
        with pytest.raises(Aborted, match="second time"):
            publisher.publish(_batch(1, *again), lambda _: True)
    assert len(kafka) == 2
    assert publisher.publish(_batch(2, (0, 5)), lambda _: True)  # read anew from what is committed
    assert kafka[2] == {0: 6}


def _publisher(producer: Any, stuck_after_s: float = 60) -> Publisher:
    return Publisher(producer, scored="scored", dead_letters="dead", give_up_after_s=60, stuck_after_s=stuck_after_s)


def test_offsets_of_a_batch_that_was_dropped_meanwhile_are_not_insisted_on() -> None:
    producer = _Producer()
    producer.answer.set()
    with pytest.raises(Aborted):
        _publisher(producer).publish(BATCH, lambda _: producer.asked == 0)
    assert (producer.asked, producer.aborted) == (1, 1)


@pytest.mark.parametrize(("stuck_after_s", "stuck"), [(60, False), (0, True)])
def test_a_call_that_does_not_come_back_is_noticed(stuck_after_s: float, stuck: bool) -> None:
    producer = _Producer()
    publisher = _publisher(producer, stuck_after_s)
    publisher.check()

    def publish() -> None:
        with pytest.raises(Aborted):
            publisher.publish(BATCH, lambda _: not producer.asked)

    thread = threading.Thread(target=publish)
    thread.start()
    assert producer.calling.wait(5)
    with pytest.raises(Unavailable, match="has not come back") if stuck else nullcontext():
        publisher.check()
    producer.answer.set()
    thread.join(5)
    publisher.check()
