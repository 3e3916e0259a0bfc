"""Reads `tweets.scored` from its end; committed records only, no consumer group, no commits."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import Final

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from contracts.errors import UnreadableRecord
from contracts.events import Prediction, decode_prediction
from contracts.settings import Settings
from stream.kafka.consumers import CALL_S, reader
from stream.kafka.polling import Poller, end_of_undecodable

_log = logging.getLogger("buzzwatch.dashboard")

_MOST: Final = 1000
"""Records of one poll."""
_DECODED: Final = 400
"""Predictions that are kept between two frames: enough to choose twenty from."""
_LOOK_S: Final = 30.0
"""How often it is looked whether the topic has more partitions, or is another one."""
_PAUSE_S: Final = 2.0
"""Before Kafka is asked again."""
_NEGATIVE: Final = b'"sentiment":"negative"'


class ScoredTail:
    """A thread that keeps the newest predictions until `take` fetches them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka.topics.scored
        self._lock = threading.Lock()
        self._came: list[Prediction] = []
        self._number = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem: str | None = None
        """Why nothing is read, None when all is well."""

    def start(self) -> None:
        """Read from now on."""
        self._thread = threading.Thread(target=self._run, name="scored-tail", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def take(self) -> tuple[list[Prediction], int]:
        """Predictions since the last call, and how many there were in all."""
        with self._lock:
            came, number = self._came, self._number
            self._came, self._number = [], 0
        return came, number

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read()
                self.problem = None
            except KafkaException as error:
                if self.problem is None:
                    _log.warning("the feed of the pages reads nothing: %s; it is tried again", error.args[0].str())
                self.problem = "Kafka does not answer: no new tweets are shown"
                self._stopping.wait(_PAUSE_S)

    def _read(self) -> None:
        """Until it is stopped, or the topic has changed."""
        consumer = reader(self._settings)
        try:
            partitions = self._partitions(consumer)
            poller = Poller(consumer, partial(end_of_undecodable, self._settings), raise_errors=True)
            poller.assign([TopicPartition(self._topic, number, OFFSET_END) for number in partitions])
            self.problem, look_at = None, time.monotonic() + _LOOK_S
            while not self._stopping.is_set():
                records = poller.poll(_MOST, 0.1)
                if records:
                    self._keep([record.value() for record in records])
                if poller.out_of_range:
                    return
                if time.monotonic() > look_at:
                    look_at = time.monotonic() + _LOOK_S
                    if self._partitions(consumer) != partitions:
                        return
        finally:
            consumer.close()

    def _partitions(self, consumer: Consumer) -> list[int]:
        return sorted(consumer.list_topics(self._topic, timeout=CALL_S).topics[self._topic].partitions)

    def _keep(self, values: list[bytes | None]) -> None:
        """Decode what may be shown. Of thousands the negative ones come first: the bytes tell them."""
        with self._lock:
            room = _DECODED - len(self._came)
            self._number += len(values)
        if len(values) > room:
            values = sorted(values, key=lambda value: value is None or _NEGATIVE not in value)
        kept: list[Prediction] = []
        for value in values[: max(room, 0)]:
            try:
                kept.append(decode_prediction(value))
            except UnreadableRecord:
                continue  # counted and logged by the worker
        with self._lock:
            self._came += kept
