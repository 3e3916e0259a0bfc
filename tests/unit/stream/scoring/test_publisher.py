from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from contracts.errors import Unavailable
from stream.kafka.records import RecordBatch, ScoredBatch
from stream.scoring.publisher import Aborted, Publisher

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
