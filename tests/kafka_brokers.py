"""Three brokers that are a cluster."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from confluent_kafka.admin import AdminClient

from contracts.settings import LocalSettings
from local.servers.kafka import as_java_reads, broker_properties, kafka_server
from local.servers.kafka_jars import ensure_jars
from local.servers.server import Server, is_listening
from tests.servers import RunningServer, free_ports
from tests.waiting import until

_CLUSTER = "c" * 22


def broker(local: LocalSettings, said: dict[str, str], *, ready: Callable[[], bool]) -> Server:
    """A broker from its jars, with properties over those of the local stack."""
    plain = kafka_server(local)
    java = plain.command[: plain.command.index("kafka.Kafka")]
    folder = local.data_dir / "kafka"
    data, properties = folder / "data", folder / "other.properties"

    def prepare() -> None:
        if (data / "meta.properties").exists():
            return
        ensure_jars()
        shutil.rmtree(data, ignore_errors=True)
        properties.write_text(as_java_reads(broker_properties(local, data) | said), encoding="ascii")
        command = [*java, "kafka.tools.StorageTool", "format", "--cluster-id", _CLUSTER, "--config", str(properties)]
        subprocess.run(command, check=True, capture_output=True)

    return replace(plain, command=(*java, "kafka.Kafka", str(properties)), prepare=prepare, ready=ready)


class Cluster:
    """Three brokers, each a controller too, that keep three copies of everything, two of which must be in sync.

    Args:
        folder: of their data.
    """

    def __init__(self, folder: Path) -> None:
        free = free_ports(6)
        ports, controllers = free[:3], free[3:]
        self.address = ",".join(f"127.0.0.1:{port}" for port in ports)
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in enumerate(controllers, 1))
        self.brokers = [
            RunningServer(_member(folder / f"broker-{number}", number, port, controller, voters), self.address)
            for number, (port, controller) in enumerate(zip(ports, controllers, strict=True), 1)
        ]

    def start(self) -> None:
        """Start those that do not run; returns when all copies are in sync."""
        for server in self.brokers:
            if not server.runs:
                server.kill()
                server.start()
        until(self.is_whole, said=lambda: "the copies are not in sync")

    def is_whole(self) -> bool:
        """Whether three brokers are known, and every partition has all of its copies in sync."""
        found = self._admin().list_topics(timeout=60)
        partitions = [one for topic in found.topics.values() for one in topic.partitions.values()]
        return len(found.brokers) == len(self.brokers) and all(len(one.isrs) == len(one.replicas) for one in partitions)

    def leaders(self, topic: str) -> list[int]:
        """The number of the broker that leads each partition."""
        found = self._admin().list_topics(topic, timeout=60).topics[topic].partitions
        return [found[number].leader for number in sorted(found)]

    def kill(self) -> None:
        for server in self.brokers:
            server.kill()

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})


def _member(folder: Path, number: int, port: int, controller: int, voters: str) -> Server:
    local = LocalSettings(data_dir=folder, kafka_port=port, kafka_controller_port=controller, kafka_heap="256m")
    internal = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
    said = {
        "node.id": str(number),
        "controller.quorum.voters": voters,
        **{f"{name}.replication.factor": "3" for name in internal},
        **{f"{name}.min.isr": "2" for name in internal[1:]},
        "default.replication.factor": "3",
        "min.insync.replicas": "2",
        # A broker that is gone is missed after six seconds instead of nine.
        "broker.session.timeout.ms": "6000",
        "broker.heartbeat.interval.ms": "1000",
        # Two seconds, as Kafka has it, are less than a busy machine may keep a voter waiting: the two that are left
        # would then hold one election after another, and nobody would lead.
        "controller.quorum.fetch.timeout.ms": "6000",
        "controller.quorum.election.timeout.ms": "3000",
        "controller.quorum.request.timeout.ms": "6000",
    }
    # The first of three waits for a second: whether it serves is asked once all have been started.
    return broker(local, said, ready=lambda: is_listening(controller))
