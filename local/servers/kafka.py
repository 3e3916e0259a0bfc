"""Apache Kafka of the local stack: one KRaft node run from its jars with `java -cp`."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contracts.errors import Unavailable
from contracts.settings import LocalSettings
from contracts.whole_files import write_whole
from local.servers.kafka_jars import JARS, ensure_jars
from local.servers.server import Server, is_listening, make_folder

_LOGGING = Path(__file__).with_name("kafka_log4j2.yaml")
_INSTALL_JAVA = (
    "install Java 17 or newer (apt-get install openjdk-17-jre-headless) or set BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"
)


def kafka_server(local: LocalSettings) -> Server:
    """The broker on `local.kafka_port`, its data under `local.data_dir`.

    Raises:
        Unavailable: no Java here, or the folder cannot be written; `prepare` also when the jars cannot be fetched.
    """
    java = shutil.which("java")
    if java is None:
        raise Unavailable(f"Java is missing: {_INSTALL_JAVA}")
    data_dir = local.data_dir.absolute()
    folder = make_folder(data_dir / "kafka")
    logs = make_folder(data_dir / "logs")
    if "," in str(folder):
        raise Unavailable(f"{folder}: Kafka takes no comma in a folder's name; set BUZZWATCH_LOCAL__DATA_DIR")
    properties = folder / "server.properties"
    run_java = (
        *(java, f"-Xmx{local.kafka_heap}", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true"),
        *(f"-Dlog4j2.configurationFile={_LOGGING}", *local.kafka_java_options.split(), "-cp", f"{JARS}{os.sep}*"),
    )

    def prepare() -> None:
        ensure_jars()
        write_whole(properties, as_java_reads(broker_properties(local, folder / "data")))
        _format(run_java, properties, folder / "data")

    return Server(
        name="kafka",
        command=(*run_java, "kafka.Kafka", str(properties)),
        log=logs / "kafka.log",
        ports={
            "BUZZWATCH_LOCAL__KAFKA_PORT": local.kafka_port,
            "BUZZWATCH_LOCAL__KAFKA_CONTROLLER_PORT": local.kafka_controller_port,
        },
        prepare=prepare,
        ready=lambda: _answers(local.kafka_port),
        start_timeout_s=120,
        stop_timeout_s=30,
    )


def broker_properties(local: LocalSettings, data: Path) -> dict[str, str]:
    """What `server.properties` says of the broker that keeps its records in `data`."""
    node = f"127.0.0.1:{local.kafka_port}"
    controller = f"127.0.0.1:{local.kafka_controller_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{node},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{node}",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        # A misspelt topic is an error, not a new topic with the wrong number of partitions.
        "auto.create.topics.enable": "false",
        # One node: nothing of Kafka's own can have copies.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # Fewer files than the 50 each that suit a cluster.
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.num.partitions": "8",
        "share.coordinator.state.topic.num.partitions": "1",
        # A broker that was killed is let in again when its session is over: after four seconds instead of nine.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "1000",
        # A lone worker need not wait for company.
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "2",
        "num.io.threads": "4",
    }


def as_java_reads(properties: Mapping[str, str]) -> str:
    """`java.util.Properties`: ISO 8859-1 with \\uXXXX for the rest, backslashes doubled."""

    def escaped(value: str) -> str:
        units = value.replace("\\", "\\\\").encode("utf-16-be")
        letters = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
        return "".join(chr(letter) if 32 <= letter < 127 else f"\\u{letter:04x}" for letter in letters)

    return "".join(f"{name}={escaped(value)}\n" for name, value in properties.items())


def _format(run_java: tuple[str, ...], properties: Path, data: Path) -> None:
    """Give the node its identity, once: `meta.properties` is the last thing that formatting writes."""
    if (data / "meta.properties").exists():
        return
    shutil.rmtree(data, ignore_errors=True)  # a formatting that was killed half-way; there is no record in it yet
    cluster = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii")[1:22]  # no leading dash: not an option
    # Two seconds of work: not worth the second compiler and a collector with threads of its own.
    brief = (run_java[0], "-XX:TieredStopAtLevel=1", *(one for one in run_java[1:] if one != "-XX:+UseG1GC"))
    command = [*brief, "kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", str(properties)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        # Java itself repeats the options that it finds in the environment.
        lines = (done.stderr + done.stdout).splitlines()
        lines_of_java = [line for line in lines if line.strip() and not line.startswith("Picked up ")]
        if "UnsupportedClassVersionError" in done.stderr:
            raise Unavailable(f"this Java is too old for Kafka: {_INSTALL_JAVA}")
        raise Unavailable(
            f"Kafka's storage cannot be formatted in {data}: {lines_of_java[0] if lines_of_java else 'no reason given'}"
        )


def _answers(port: int) -> bool:
    if not is_listening(port):
        return False
    client = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
    try:
        return bool(client.list_topics(timeout=2).brokers)
    except KafkaException:
        return False
