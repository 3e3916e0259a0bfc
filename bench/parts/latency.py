"""From a producer's send to a read_committed reader, through one worker, at steady rates."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from confluent_kafka import Consumer, Producer, TopicPartition

from bench.percentiles import percentiles
from bench.stage.programs import START_S, running_worker
from bench.stage.site import Site
from bench.stage.tweets import tweets
from contracts.errors import BuzzwatchError
from contracts.settings import Settings

_WARM_UP_S: Final = 3.0
_WARM_UP_RATE: Final = 1000
_LAST_ONES_S: Final = 10.0


class Latency(NamedTuple):
    """What tweets took at one rate, milliseconds."""

    rate: int
    """Tweets a second."""
    tweets: int
    """That were seen."""
    p50_ms: float
    """Of all that were sent, as the next one: a lost tweet is infinitely late."""
    p99_ms: float
    largest_ms: float
    """Of those that were seen."""
    lost: int


def run(
    site: Site, rates: Sequence[int], seconds: float, warm_up_s: float, progress: Callable[[str], None]
) -> list[Latency]:
    """One worker for all rates; the first seconds of each rate are not counted.

    Args:
        site: where it runs.
        rates: tweets a second.
        seconds: how long each rate is kept up.
        warm_up_s: how long 1,000 tweets a second flow before. A broker that has just started compiles its own code
            for about a minute, on the same cores, and transactions take five times as long.
        progress: takes one line of progress at a time.

    Raises:
        BuzzwatchError: the worker did not start.
    """
    settings = site.fresh()
    reader = Reader(settings)
    try:
        with running_worker(site, settings):
            producer = Producer(settings.kafka.librdkafka_producer() | {"linger.ms": 0})
            count = sum(rates) * (seconds + _WARM_UP_S) + _WARM_UP_RATE * (warm_up_s + _WARM_UP_S)
            source = tweets(int(count) + 10_000)
            key, value = next(source)
            producer.produce(settings.kafka.topics.tweets, value, key)
            if not reader.has(key, START_S):
                raise BuzzwatchError(f"the worker scored nothing within {START_S:.0f} s")
            progress(f"warming up for {warm_up_s:.0f} s")
            measure(settings, producer, reader, source, _WARM_UP_RATE, warm_up_s)
            results = []
            for rate in rates:
                progress(f"{rate:,} tweets/s for {seconds:.0f} s")
                results.append(measure(settings, producer, reader, source, rate, seconds))
    finally:
        reader.close()
    site.forget(settings)
    return results


def measure(
    settings: Settings,
    producer: Producer,
    reader: Reader,
    source: Iterator[tuple[bytes, bytes]],
    rate: int,
    seconds: float,
) -> Latency:
    """Send at one rate, and note when each tweet that was sent after the first seconds arrived."""
    topic = settings.kafka.topics.tweets
    sent: dict[bytes, float] = {}
    began = time.perf_counter()
    number = 0
    while (now := time.perf_counter()) - began < _WARM_UP_S + seconds:
        while number < (now - began) * rate:
            key, value = next(source)
            if now - began > _WARM_UP_S:
                sent[key] = time.perf_counter()
            producer.produce(topic, value, key)
            number += 1
        producer.poll(0)
        time.sleep(min(0.5 / rate, 0.002))
    producer.flush(30)
    deadline = time.monotonic() + _LAST_ONES_S
    while any(key not in reader.arrived for key in sent) and time.monotonic() < deadline:
        time.sleep(0.1)
    took = [(reader.arrived[key] - at) * 1000 for key, at in sent.items() if key in reader.arrived]
    lost = len(sent) - len(took)
    p50, p99 = percentiles(took, lost, (50, 99))
    return Latency(rate, len(took), p50, p99, max(took, default=math.inf), lost)


class Reader:
    """A read_committed consumer in a thread that notes when each key arrived."""

    def __init__(self, settings: Settings) -> None:
        self.arrived: dict[bytes | None, float] = {}
        self._consumer = Consumer(
            settings.kafka.librdkafka() | {"group.id": "bench-read", "isolation.level": "read_committed"}
        )
        topic, partitions = settings.kafka.topics.scored, settings.kafka.topics.partitions
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def has(self, key: bytes, timeout_s: float) -> bool:
        """Whether the key has arrived, waiting for it at most so long."""
        deadline = time.monotonic() + timeout_s
        while key not in self.arrived and time.monotonic() < deadline:
            time.sleep(0.02)
        return key in self.arrived

    def close(self) -> None:
        """Stop reading."""
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._stopping.is_set():
            first = self._consumer.poll(0.2)
            if first is None:
                continue
            messages = [first, *self._consumer.consume(1000, 0)]
            now = time.perf_counter()
            for message in messages:
                self.arrived[message.key()] = now
