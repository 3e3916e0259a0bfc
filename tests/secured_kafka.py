"""A broker that asks who is there: SCRAM over TLS, certificates of clients, and rights that are given one by one."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from ruamel.yaml import YAML

from contracts.settings import ROOT, KafkaSettings, LocalSettings
from contracts.topics import TopicSettings
from local.servers.kafka import as_java_reads, broker_properties, kafka_server
from local.servers.server import is_listening
from tests.servers import RunningServer, free_ports

PASSWORDS = {"admin": "admin-secret", "buzzwatch": "worker-secret", "buzzwatch-producer": "producer-secret"}
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_USERS = ROOT / "deploy" / "kubernetes" / "kafka" / "users.yaml"


@dataclass(frozen=True)
class SecuredKafka:
    """The broker, and how each kind of client reaches it."""

    server: RunningServer
    scram: str
    """`host:port` of the listener with SASL_SSL."""
    mutual: str
    """`host:port` of the listener that asks for a certificate."""
    folder: Path
    """With ca.pem, and NAME.pem and NAME.key of each certificate."""

    def as_user(self, name: str, topics: TopicSettings, password: str | None = None) -> KafkaSettings:
        """Settings of a client with SCRAM over TLS."""
        return KafkaSettings.model_validate(
            {
                "bootstrap_servers": self.scram,
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_username": name,
                "sasl_password": password or PASSWORDS[name],
                "ssl_cafile": self.folder / "ca.pem",
                "topics": topics,
            }
        )

    def with_certificate(self, name: str, topics: TopicSettings) -> KafkaSettings:
        """Settings of a client that shows a certificate."""
        return KafkaSettings(
            bootstrap_servers=self.mutual,
            security_protocol="SSL",
            ssl_cafile=self.folder / "ca.pem",
            ssl_certfile=self.folder / f"{name}.pem",
            ssl_keyfile=self.folder / f"{name}.key",
            topics=topics,
        )


def start_secured_kafka(folder: Path) -> SecuredKafka:
    """Start it, with the users and their passwords."""
    scram, mutual, controller = free_ports(3)
    local = LocalSettings(data_dir=folder, kafka_port=scram, kafka_controller_port=controller)
    plain = kafka_server(local)
    _certificates(folder, ("broker", "buzzwatch"))
    properties, data = folder / "secured.properties", folder / "kafka" / "data"
    named = f"127.0.0.1:{scram}"
    said = broker_properties(local, data) | {
        "listeners": f"SASL_SSL://{named},MUTUAL://127.0.0.1:{mutual},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"SASL_SSL://{named},MUTUAL://127.0.0.1:{mutual}",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "MUTUAL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": _SCRAM,
        "listener.name.mutual.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker-both.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:CN=broker;User:ANONYMOUS",  # nobody without a name but the controller itself
    }
    java = plain.command[: plain.command.index("kafka.Kafka")]

    def prepare() -> None:
        if (data / "meta.properties").exists():
            return
        plain.prepare()  # fetches the jars where they are missing; what it formats is not ours
        shutil.rmtree(data, ignore_errors=True)
        properties.write_text(as_java_reads(said), encoding="ascii")
        users = [f"SCRAM-SHA-512=[name={name},password={word}]" for name, word in PASSWORDS.items()]
        command = [*java, "kafka.tools.StorageTool", "format", "--cluster-id", "c" * 22, "--config", str(properties)]
        command += [word for user in users for word in ("--add-scram", user)]
        subprocess.run(command, check=True, capture_output=True)

    server = replace(
        plain,
        command=(*java, "kafka.Kafka", str(properties)),
        prepare=prepare,
        ready=lambda: is_listening(scram) and is_listening(mutual),
    )
    running = RunningServer(server, named)
    running.start()
    return SecuredKafka(running, named, f"127.0.0.1:{mutual}", folder)


def _certificates(folder: Path, names: tuple[str, ...]) -> None:
    """An authority, and a certificate for each name."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority")
    for name in names:
        request = ("req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", *new, "-subj", f"/CN={name}")
        openssl(*request, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    (folder / "broker-both.pem").write_bytes(
        (folder / "broker.key").read_bytes() + (folder / "broker.pem").read_bytes()
    )


def give_rights(admin: AdminClient, principals: dict[str, str]) -> None:
    """Give each principal the rights that deploy/kubernetes names for a user.

    Args:
        principals: `User:…` → name of a KafkaUser.
    """
    rights = {
        one["metadata"]["name"]: one["spec"]["authorization"]["acls"] for one in YAML(typ="safe").load_all(_USERS)
    }
    bindings = [
        AclBinding(
            {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "cluster": ResourceType.BROKER}.get(
                acl["resource"]["type"], ResourceType.TRANSACTIONAL_ID
            ),
            acl["resource"].get("name", "kafka-cluster"),
            ResourcePatternType.PREFIXED
            if acl["resource"].get("patternType") == "prefix"
            else ResourcePatternType.LITERAL,
            principal,
            "*",
            _OPERATIONS[operation],
            AclPermissionType.ALLOW,
        )
        for principal, name in principals.items()
        for acl in rights[name]
        for operation in acl["operations"]
    ]
    for future in admin.create_acls(bindings).values():
        future.result(60)


_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Delete": AclOperation.DELETE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "IdempotentWrite": AclOperation.IDEMPOTENT_WRITE,
}
