"""Sends dead letters back to their topic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from contracts.errors import Unavailable
from contracts.settings import Settings
from stream.dead_letters.reader import header, position_of
from stream.dead_letters.record import is_cut, taken_apart
from stream.dead_letters.replay_claims import Claim, ReplayLog
from stream.kafka.records import Headers, Record, headers_of

_TIMEOUT_S: Final = 30.0
"""Longest wait for an acknowledgement; a broker that restarts is back within it."""
_BATCH: Final = 500
"""Letters claimed at a time: as many stay claimed when the process is killed."""
_BATCH_BYTES: Final = 16 * 1024 * 1024
"""Size at which a batch is sent: letters may have a megabyte each."""

# After these the record is certainly not in the topic; after anything else it may be.
_NOT_WRITTEN: Final = frozenset(
    {
        KafkaError._UNKNOWN_TOPIC,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.INVALID_RECORD,
    }
)


@dataclass
class Outcome:
    """The result of a replay."""

    replayed: int = 0
    """Acknowledged by all replicas."""
    before: int = 0
    """Skipped, because an earlier run replayed them."""
    unsure: list[str] = field(default_factory=list)
    """Positions that may or may not have arrived: Kafka did not answer, or an earlier run was interrupted."""
    refused: list[str] = field(default_factory=list)
    """`position: why` of those that cannot be sent."""


class Replayer:
    """Replays letters, each at most once unless `again`; `outcome` grows while it works."""

    def __init__(self, settings: Settings, log: ReplayLog, *, again: bool = False) -> None:
        self._topics = {settings.kafka.topics.tweets, settings.kafka.topics.feedback}
        self._servers = settings.kafka.bootstrap_servers
        self._log = log
        self._again = again
        self._producer = Producer(
            settings.kafka.librdkafka_producer()
            | {
                "compression.type": "lz4",
                "linger.ms": 5,
                "message.timeout.ms": int(_TIMEOUT_S * 1000),
                "log_level": 2,  # `replay` reports itself that Kafka is away
            }
        )
        self._silent = False
        self.outcome = Outcome()

    def replay(self, letters: Iterable[Record], progress: Callable[[int], object] = lambda _count: None) -> None:
        """Send letters back; `progress` receives the number of letters of each finished batch.

        Raises:
            Unavailable: Kafka acknowledges nothing any more.
            redis.RedisError: what was replayed cannot be recorded.
        """
        for batch in _batches(letters):
            self._send(batch)
            progress(len(batch))
            if self._silent:
                raise Unavailable(f"Kafka at {self._servers} has not acknowledged for {_TIMEOUT_S:g} s")

    def would_replay(self, letters: Iterable[Record]) -> None:
        """Only count, in `outcome`, what `replay` would do."""
        for batch in _batches(letters):
            sendable = [message for message in batch if self._has_source(message)]
            claims = self._log.look([position_of(message) for message in sendable])
            for message, claim in zip(sendable, claims, strict=True):
                if self._again or claim == "ours":
                    self.outcome.replayed += 1
                else:
                    self._note(position_of(message), claim)

    def _send(self, batch: list[Record]) -> None:
        sendable = [message for message in batch if self._has_source(message)]
        claims = self._log.claim([position_of(message) for message in sendable], again=self._again)
        ours: dict[str, Record] = {}
        for message, claim in zip(sendable, claims, strict=True):
            self._note(position_of(message), claim)
            if claim == "ours":
                ours[position_of(message)] = message
        asked: list[str] = []
        answers: dict[str, KafkaError | None] = {}
        try:
            for position, message in ours.items():
                asked.append(position)
                self._produce(position, message, answers)
        finally:  # also on Ctrl-C: wait for the answers to what was sent, and record them
            self._producer.flush(_TIMEOUT_S + 5)
            self._record(asked, answers, unasked=[position for position in ours if position not in asked])

    def _produce(self, position: str, message: Record, answers: dict[str, KafkaError | None]) -> None:
        def answered(error: KafkaError | None, _message: object) -> None:
            answers[position] = error

        headers = headers_of(message)
        try:
            self._producer.produce(
                header(headers, "source-topic") or "",
                message.value(),
                message.key(),
                headers=replayed_headers(headers),
                on_delivery=answered,
            )
        except KafkaException as error:
            answers[position] = error.args[0]
        self._producer.poll(0)

    def _record(self, asked: list[str], answers: dict[str, KafkaError | None], unasked: list[str]) -> None:
        arrived, refused = [], []
        self._silent = False
        for position in asked:
            error = answers.get(position, KafkaError(KafkaError._MSG_TIMED_OUT))
            if error is None:
                arrived.append(position)
            elif error.code() in _NOT_WRITTEN:
                refused.append(position)
                self.outcome.refused.append(f"{position}: {error.str()}")
            else:
                self._silent = True
                self.outcome.unsure.append(position)
        self.outcome.replayed += len(arrived)
        self._log.finish(replayed=arrived, refused=[*refused, *unasked])

    def _has_source(self, message: Record) -> bool:
        """Letters are sent to the topics of tweets and feedback only, whatever its headers name."""
        headers = headers_of(message)
        topic = header(headers, "source-topic")
        if is_cut(headers):
            self.outcome.refused.append(f"{position_of(message)}: it was cut, the whole record was too large")
            return False
        if topic in self._topics:
            return True
        why = f"its source topic {topic!r} is none of ours" if topic else "it has no header source-topic"
        self.outcome.refused.append(f"{position_of(message)}: {why}")
        return False

    def _note(self, position: str, claim: Claim) -> None:
        if claim == "replayed":
            self.outcome.before += 1
        elif claim == "unsure":
            self.outcome.unsure.append(position)


def replayed_headers(headers: Headers | None) -> Headers:
    """The record's own headers, and `attempts`, which grows by one each time the record fails."""
    own, attempts = taken_apart(headers or [])
    return [*own, ("attempts", str(attempts).encode())]


def _batches(letters: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for message in letters:
        batch.append(message)
        size += len(message.value() or b"")
        if len(batch) == _BATCH or size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
