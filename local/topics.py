"""The topics on a broker: created when missing, kept and compared when they exist."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, PartitionMetadata, ResourceType
from confluent_kafka.cimpl import NewTopic

from contracts.errors import Unavailable
from contracts.settings import KafkaSettings, Settings
from contracts.topics import Topic

_TIMEOUT_S: Final = 10.0

State = Literal["created", "exists", "differs", "missing"]


class TopicState(NamedTuple):
    """One topic as it is, against what is expected."""

    expected: Topic
    state: State
    partitions: int | None
    """As on the broker; None when it is missing."""
    config: dict[str, str]
    """Those entries of the broker's configuration that we state."""
    differences: tuple[str, ...]
    """`name: is …, should be …`, one each."""
    copies: int = 0
    """Of the partition that has fewest."""
    in_sync: int = 0
    """`min.insync.replicas`: so many must have a record before it is acknowledged."""


def admin(kafka: KafkaSettings) -> AdminClient:
    """An admin client that keeps connection noise to itself: failures come as exceptions."""
    return AdminClient({**kafka.librdkafka(), "log_level": 0, "socket.connection.setup.timeout.ms": 5000})


@contextmanager
def errors_in_one_line(kafka: KafkaSettings) -> Iterator[None]:
    """Turn the client's exceptions into one line for a person."""
    try:
        yield
    except KafkaException as error:
        cause = error.args[0]
        reason = cause.str() if isinstance(cause, KafkaError) else str(cause)
        raise Unavailable(
            f"Kafka at {kafka.bootstrap_servers} does not answer ({reason}); start it (buzzwatch up) "
            "or set BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"
        ) from None


def create_topics(settings: Settings) -> list[TopicState]:
    """Create what is missing; what exists stays as it is.

    Raises:
        Unavailable: the broker does not answer or refuses (too few brokers for the replication factor, no right).
    """
    kafka = settings.kafka
    expected = kafka.topics.all()
    created: set[str] = set()
    with errors_in_one_line(kafka):
        client = admin(kafka)
        missing = [state.expected for state in _described(client, expected) if state.state == "missing"]
        news = [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=kafka.topics.replication_factor,
                config=topic.config,
            )
            for topic in missing
        ]
        futures = client.create_topics(news, operation_timeout=_TIMEOUT_S) if news else {}
        for name, future in futures.items():
            try:
                future.result()
                created.add(name)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise Unavailable(f"topic {name} cannot be created: {error.args[0].str()}") from None
        states = _described(client, expected)
    return [state._replace(state="created") if state.expected.name in created else state for state in states]


def describe_topics(settings: Settings, *, timeout_s: float = _TIMEOUT_S) -> list[TopicState]:
    """The topics as they are.

    Raises:
        Unavailable: the broker does not answer.
    """
    with errors_in_one_line(settings.kafka):
        return _described(admin(settings.kafka), settings.kafka.topics.all(), timeout_s)


def _described(client: AdminClient, expected: Sequence[Topic], timeout_s: float = _TIMEOUT_S) -> list[TopicState]:
    known = client.list_topics(timeout=timeout_s).topics
    here = [topic.name for topic in expected if topic.name in known]
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in here]
    futures = client.describe_configs(resources, request_timeout=timeout_s) if resources else {}
    configs = {
        resource.name: {name: str(entry.value) for name, entry in future.result().items()}
        for resource, future in futures.items()
    }
    return [
        _compared(topic, known[topic.name].partitions.values(), configs[topic.name])
        if topic.name in known
        else TopicState(topic, "missing", None, {}, ())
        for topic in expected
    ]


def _compared(topic: Topic, found: Collection[PartitionMetadata], config: dict[str, str]) -> TopicState:
    partitions = len(found)
    stated = {name: config.get(name, "") for name in topic.config}
    differences = [
        f"{name}: is {stated[name]}, should be {value}" for name, value in topic.config.items() if stated[name] != value
    ]
    if partitions != topic.partitions:
        differences.insert(0, f"partitions: is {partitions}, should be {topic.partitions}")
    state: State = "differs" if differences else "exists"
    copies = min((len(one.replicas) for one in found), default=0)
    in_sync = int(config.get("min.insync.replicas", 1))
    return TopicState(topic, state, partitions, stated, tuple(differences), copies, in_sync)
