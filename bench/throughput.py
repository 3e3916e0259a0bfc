"""How fast each contender drains a topic full of tweets, one process each, on the same broker with the same champion.

A rate counts from a contender's first output to its last, so that no start-up is in it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Self

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from bench.functions import FUNCTION
from bench.peers import peers_python
from bench.processes import cpu_seconds, peak_mib
from bench.site import Site, environment
from bench.tweets import tweets
from contracts.errors import BuzzwatchError
from contracts.settings import Settings

_LOOK_EVERY_S: Final = 0.05
_START_S: Final = 60.0
_QUIET_S: Final = 3.0


class Contender(NamedTuple):
    """A program that drains the topic."""

    name: str
    guarantee: str
    arguments: tuple[str, ...]
    """Of the interpreter."""
    is_foreign: bool = False
    """Needs the interpreter of `bench.peers`."""

    @property
    def command(self) -> list[str]:
        """The command line."""
        return [peers_python() if self.is_foreign else sys.executable, *self.arguments]


_FAUST = ("-m", "faust", "-A")
CONTENDERS: Final = {
    "buzzwatch": Contender("buzzwatch worker", "exactly once", (*_FAUST, "bench.contenders.worker_app", "worker")),
    "faust": Contender(
        "Faust agent, one at a time", "at least once", (*_FAUST, "bench.contenders.faust_single", "worker")
    ),
    "faust-take": Contender(
        "Faust noack_take(1000)", "at least once", (*_FAUST, "bench.contenders.faust_take", "worker")
    ),
    "kafka-python": Contender(
        "kafka-python, one at a time", "at most once", ("-m", "bench.contenders.kafka_python_single")
    ),
    "kafka-python-polled": Contender(
        "kafka-python, polled batches", "at least once", ("-m", "bench.contenders.kafka_python_loop")
    ),
    "quixstreams": Contender(
        "quixstreams apply", "at least once", ("-m", "bench.contenders.quixstreams_apply"), is_foreign=True
    ),
    "bytewax": Contender(
        "bytewax flat_map_batch",
        "none: recovery off",
        ("-m", "bytewax.run", "bench.contenders.bytewax_flow:flow"),
        is_foreign=True,
    ),
}


class Result(NamedTuple):
    """What one contender did with one function."""

    contender: str
    guarantee: str
    function: str
    tweets_per_s: float
    cpu_s_per_1000: float
    peak_mib: float
    drained: int
    distinct: int
    """How many different tweets a read_committed reader finds."""


def run(
    site: Site,
    contenders: Sequence[str],
    functions: Sequence[str],
    count: int,
    limit_s: float,
    say: Callable[[str], None],
) -> list[Result]:
    """Fill a topic with `count` tweets, then let each contender drain it for at most `limit_s` seconds.
    A contender that writes nothing is said and left out.
    """
    say(f"filling a topic with {count:,} tweets")
    source = site.fresh()
    fill(source, count)
    results = []
    for name in contenders:
        for function in functions:
            try:
                result = _drain(site, source.kafka.topics.tweets, CONTENDERS[name], function, count, limit_s)
            except BuzzwatchError as error:
                say(str(error))  # the others are measured all the same
                continue
            say(f"{result.contender}, {function}: {result.tweets_per_s:,.0f} tweets/s")
            results.append(result)
    return results


def fill(settings: Settings, count: int) -> None:
    """Produce `count` tweets, acknowledged; uncompressed, since Faust reads no lz4 without a further package."""
    producer = Producer(settings.kafka.librdkafka_producer() | {"linger.ms": 20, "batch.size": 500_000})
    for key, value in tweets(count):
        while True:
            try:
                producer.produce(settings.kafka.topics.tweets, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(60)


def _drain(site: Site, source: str, contender: Contender, function: str, count: int, limit_s: float) -> Result:
    settings = site.fresh(tweets=source)
    log_path = site.folder / f"{settings.worker.group}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            contender.command, env=environment(settings, **{FUNCTION: function}), stdout=log, stderr=subprocess.STDOUT
        )
    try:
        with _Output(settings) as output:
            samples = _watch(process, output, count, limit_s)
            memory = peak_mib(process.pid)
    finally:
        end(process)
    if len(samples) < 2:
        tail = " / ".join(log_path.read_text("utf-8", "replace").splitlines()[-3:])
        raise BuzzwatchError(f"{contender.name} wrote nothing within {_START_S:.0f} s: {tail[-600:]}")
    (first_at, first, first_cpu), (last_at, last, last_cpu) = samples[0], samples[-1]
    rows, distinct = _committed(settings)
    # A transaction leaves a marker in each partition; they are in the ends that were watched, not in what readers get.
    share = min(rows / last, 1.0) * (last - first)
    return Result(
        contender.name,
        contender.guarantee,
        function,
        share / (last_at - first_at),
        (last_cpu - first_cpu) / share * 1000,
        memory,
        rows,
        distinct,
    )


def _watch(
    process: subprocess.Popen[bytes], output: _Output, count: int, limit_s: float
) -> list[tuple[float, int, float]]:
    """Instant, records in the output and processor seconds, each time there are more, from the first output on."""
    samples: list[tuple[float, int, float]] = []
    began = time.monotonic()
    while process.poll() is None:
        now, total = time.monotonic(), output.total()
        if total > (samples[-1][1] if samples else 0):
            samples.append((now, total, cpu_seconds(process.pid)))
        if not samples:
            if now - began > _START_S:
                break
        elif now - samples[0][0] > limit_s or (total >= count and now - samples[-1][0] > _QUIET_S):
            break
        time.sleep(_LOOK_EVERY_S)
    return samples


class _Output:
    """The ends of the output's partitions."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.kafka.topics.scored
        self._partitions = settings.kafka.topics.partitions
        self._consumer = Consumer(settings.kafka.librdkafka() | {"group.id": "bench-watch", "log_level": 0})
        self._ends: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def total(self) -> int:
        """Records, markers included."""
        for partition in range(self._partitions):
            try:
                where = TopicPartition(self._topic, partition)
                _, self._ends[partition] = self._consumer.get_watermark_offsets(where, timeout=5)
            except KafkaException:  # a new topic's leader is not known everywhere at once
                continue
        return sum(self._ends.values())


def _committed(settings: Settings) -> tuple[int, int]:
    """How many records of the output a read_committed reader gets, and how many different keys they have."""
    consumer = Consumer(
        settings.kafka.librdkafka()
        | {"group.id": "bench-count", "isolation.level": "read_committed", "enable.partition.eof": True}
    )
    topic, partitions = settings.kafka.topics.scored, settings.kafka.topics.partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    rows, keys, unfinished = 0, set(), partitions
    while unfinished:
        for message in consumer.consume(10_000, 1.0):
            if message.error() is not None:
                unfinished -= 1
            else:
                rows += 1
                keys.add(message.key())
    consumer.close()
    return rows, len(keys)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL for who takes too long."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
