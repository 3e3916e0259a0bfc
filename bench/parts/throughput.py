"""How fast each contender drains a topic full of tweets, one process each, on the same broker with the same champion.

A rate counts from the end of a contender's warm-up to its last output, so that no start-up is in it. The warm-up is
3 s from its first output, or a quarter of the topic, whichever is sooner: the same for everybody.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Self, cast

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from bench.parts.backlog import produce_all
from bench.parts.sameness import Content, content, expected, require_same
from bench.stage.contestants import CONTENDERS, Contender
from bench.stage.functions import FUNCTION
from bench.stage.processes import cpu_seconds, peak_mib
from bench.stage.programs import START_S, Program, explained, running
from bench.stage.site import Site
from bench.stage.tweets import tweets
from contracts.errors import BuzzwatchError
from contracts.settings import Settings

if TYPE_CHECKING:
    from stream.kafka.records import Headers

_LOOK_EVERY_S: Final = 0.1
_QUIET_S: Final = 3.0
WARM_UP_S: Final = 3.0
"""From a contender's first output; for just-in-time compilers and caches."""
_WARM_UP_SHARE: Final = 0.25
"""Of the topic: who drains it faster than that is warm by then, and enough must be left to measure."""
_PREPARE_S: Final = 60.0
WARM_UPS: Final = 3
"""Of the broker: drains that are not measured. In the second one Kafka's just-in-time compiler still takes a quarter of
a core from the measured process, in the fourth next to nothing."""


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


class Missing(NamedTuple):
    """A contender that could not be measured."""

    contender: str
    function: str
    why: str


def run(
    site: Site,
    contenders: Sequence[str],
    functions: Sequence[str],
    count: int,
    limit_s: float,
    progress: Callable[[str], None],
    *,
    warm_ups: int = WARM_UPS,
) -> list[Result | Missing]:
    """Fill a topic with `count` tweets, then let each contender drain it: a warm-up, then `limit_s` seconds at most.

    The first one drains it `warm_ups` times before, so that the broker is warm for all.

    A contender that fails, or does other work than the others, is named with the reason; the others go on.
    """
    progress(f"filling a topic with {count:,} tweets")
    source = site.fresh()
    fill(source, count)
    results: list[Result | Missing] = []
    for _ in range(warm_ups):
        warm_up(site, source.kafka.topics.tweets, CONTENDERS[contenders[0]], functions[0], count, limit_s)
    for function in functions:
        wanted = expected(site.settings, function)
        for name in contenders:
            contender = CONTENDERS[name]
            try:
                result = measured_drain(site, source.kafka.topics.tweets, contender, function, count, limit_s, wanted)
            except Exception as error:  # one contender must not take the others' figures with it
                results.append(Missing(contender.name, function, explained(error)))
                progress(f"{contender.name}, {function}: {results[-1].why}")  # type: ignore[union-attr]
                continue
            progress(f"{result.contender}, {function}: {result.tweets_per_s:,.0f} tweets/s")
            results.append(result)
    site.forget(source)
    return results


def warm_up(site: Site, source: str, contender: Contender, function: str, count: int, limit_s: float) -> None:
    """Drain without measuring: else the first contenders alone pay for Kafka's compiler on the same cores."""
    settings = site.fresh(tweets=source)
    with suppress(Exception):  # a failure is reported when the contender is measured
        drained_by(contender, site, settings, function, count, limit_s)
    site.forget(settings)


def fill(settings: Settings, count: int) -> None:
    """Produce `count` tweets, acknowledged; uncompressed, since Faust reads no lz4 without a further package."""
    producer = Producer(settings.kafka.librdkafka_producer() | {"linger.ms": 20, "batch.size": 500_000, "log_level": 0})
    produce_all(producer, settings.kafka.topics.tweets, tweets(count))


def drained_by(
    contender: Contender, site: Site, settings: Settings, function: str, count: int, limit_s: float
) -> Drain:
    """Let a contender drain the input of the settings until `count` records are out or the time is over.

    Raises:
        BuzzwatchError: it wrote nothing; with the last lines of its log.
        Unavailable: its environment cannot be made here.
    """
    folder = site.folder / settings.worker.group
    folder.mkdir()
    command = contender.command(folder)
    if preparation := contender.preparation(folder):
        subprocess.run(preparation, check=True, timeout=_PREPARE_S, capture_output=True)
    with running(site, settings, command, **{FUNCTION: function}) as program, Output(settings) as output:
        samples = _watch(program, output, count, limit_s)
        if not samples:
            raise BuzzwatchError(f"it wrote nothing within {START_S:.0f} s: {program.complaint}")
        return Drain(samples, peak_mib(program.process.pid))


class Sample(NamedTuple):
    """What was seen at one moment."""

    at: float
    """Monotonic seconds."""
    records: int
    """In the output, markers of transactions included."""
    cpu_s: float


class Drain(NamedTuple):
    """The course of a drain, from the first output on."""

    samples: list[Sample]
    peak_mib: float

    def window(self, count: int) -> tuple[Sample, Sample]:
        """Where a topic of `count` records is measured: from the end of the warm-up to the last output.

        Raises:
            BuzzwatchError: no output arrived after the warm-up.
        """
        warm_at = self.samples[0].at + WARM_UP_S
        since = next((one for one in self.samples if one.at >= warm_at or one.records >= count * _WARM_UP_SHARE), None)
        if since is None or since is self.samples[-1]:
            raise BuzzwatchError("it wrote nothing more after its warm-up; give it more tweets or more time")
        return since, self.samples[-1]


def measured_drain(
    site: Site,
    source: str,
    contender: Contender,
    function: str,
    count: int,
    limit_s: float,
    wanted: Mapping[bytes | None, Content],
) -> Result:
    """Let a contender drain the topic `source`.

    Raises:
        BuzzwatchError: it wrote nothing, or what it wrote differs from `wanted`.
    """
    settings = site.fresh(tweets=source)
    drain = drained_by(contender, site, settings, function, count, limit_s)
    rows, distinct, sample = committed(settings, wanted)
    site.forget(settings)
    require_same(wanted, sample)
    first, last = drain.window(count)
    # A transaction leaves a marker in each partition; they are in the ends that were watched, not in what readers get.
    share = min(rows / last.records, 1.0) * (last.records - first.records)
    return Result(
        contender.name,
        contender.guarantee,
        function,
        share / (last.at - first.at),
        (last.cpu_s - first.cpu_s) / share * 1000,
        drain.peak_mib,
        rows,
        distinct,
    )


def _watch(program: Program, output: Output, count: int, limit_s: float) -> list[Sample]:
    """A sample each time there are more records, from the first output on."""
    samples: list[Sample] = []
    began = time.monotonic()
    while program.is_alive:
        now, total = time.monotonic(), output.total()
        if total > (samples[-1].records if samples else 0):
            samples.append(Sample(now, total, cpu_seconds(program.process.pid)))
        if not samples:
            if now - began > START_S:
                break
        elif now - samples[0].at > WARM_UP_S + limit_s or (total >= count and now - samples[-1].at > _QUIET_S):
            break
        time.sleep(_LOOK_EVERY_S)
    return samples


class Output:
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
        """Committed records, markers included."""
        for partition in range(self._partitions):
            try:
                where = TopicPartition(self._topic, partition)
                _, self._ends[partition] = self._consumer.get_watermark_offsets(where, timeout=5)
            except KafkaException:  # a new topic's leader is not known everywhere at once
                continue
        return sum(self._ends.values())


def committed(settings: Settings, wanted: Container[bytes | None] = ()) -> tuple[int, int, dict[bytes | None, Content]]:
    """What a read_committed reader gets of the output: records, different keys, and the content of the wanted keys."""
    consumer = Consumer(
        settings.kafka.librdkafka()
        | {"group.id": "bench-count", "isolation.level": "read_committed", "enable.partition.eof": True}
    )
    topic, partitions = settings.kafka.topics.scored, settings.kafka.topics.partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    rows, unfinished = 0, partitions
    keys: set[bytes | None] = set()
    sample: dict[bytes | None, Content] = {}
    while unfinished:
        for message in consumer.consume(10_000, 1.0):
            if message.error() is not None:
                unfinished -= 1
                continue
            rows += 1
            key = message.key()
            keys.add(key)
            if key in wanted:
                sample[key] = content(message.value(), cast("Headers | None", message.headers()))
    consumer.close()
    return rows, len(keys), sample
