"""Worker, commands and readers on a broker with SCRAM over TLS, certificates and rights, those of deploy/kubernetes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from contracts.learning.labels import LabelEvent
from contracts.settings import KafkaSettings, Settings
from contracts.topics import TopicSettings
from learning.labels.log import LabelWriter, read_labels
from local.die_with_parent import die_with_parent
from local.topics import create_topics
from stream.kafka.topic_reader import follow
from tests import commands
from tests.secured_kafka import PASSWORDS, SecuredKafka, give_rights, start_secured_kafka
from tests.servers import free_ports
from tests.waiting import PATIENCE_S, until

TOPICS = TopicSettings()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    kafka = start_secured_kafka(tmp_path_factory.mktemp("secured"))
    admin = kafka.as_user("admin", TOPICS)
    until(lambda: AdminClient(admin.librdkafka()).list_topics(timeout=60).brokers)
    create_topics(Settings(kafka=admin))
    rights = {"User:buzzwatch": "buzzwatch", "User:CN=buzzwatch": "buzzwatch"}
    give_rights(AdminClient(admin.librdkafka()), rights | {"User:buzzwatch-producer": "buzzwatch-producer"})
    yield kafka
    kafka.server.kill()


def environment(kafka: KafkaSettings, settings: Settings, folder: Path) -> dict[str, str]:
    """As a deployment has it: passwords come from files."""
    folder.mkdir(exist_ok=True)
    assert kafka.sasl_password is not None
    (folder / "password").write_text(kafka.sasl_password.get_secret_value() + "\n")
    (folder / "redis").write_text(settings.redis.url)
    ours = {
        "KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA__SECURITY_PROTOCOL": kafka.security_protocol,
        "KAFKA__SASL_MECHANISM": kafka.sasl_mechanism,
        "KAFKA__SASL_USERNAME": kafka.sasl_username,
        "KAFKA__SASL_PASSWORD_FILE": folder / "password",
        "KAFKA__SSL_CAFILE": kafka.ssl_cafile,
        "REDIS__URL_FILE": folder / "redis",
        "REDIS__PREFIX": settings.redis.prefix,
        "MLFLOW__TRACKING_URI": settings.mlflow.tracking_uri,
        "MLFLOW__MODEL_NAME": settings.mlflow.model_name,
        "LOCAL__DATA_DIR": folder / "data",
        "WORKER__WEB_PORT": free_ports(1)[0],
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("BUZZWATCH_")}
    return others | {f"BUZZWATCH_{name}": str(value) for name, value in ours.items()}


def run(variables: dict[str, str], *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return commands.said(*arguments, env=variables, text=text)


def test_tweets_are_scored_with_no_more_rights_than_the_manifests_give(
    secured: SecuredKafka, settings: Settings, mlflow_uri: str, tmp_path: Path
) -> None:
    ours = environment(secured.as_user("buzzwatch", TOPICS), settings, tmp_path / "ours")
    prepared = run(ours, "up", "--prepare-only")
    assert prepared.returncode == 0, prepared.stderr
    log = (tmp_path / "worker.log").open("wb")
    command = die_with_parent([sys.executable, "-m", "faust", "-A", "stream.app", "worker"])
    worker = subprocess.Popen(command, env=ours, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        theirs = environment(secured.as_user("buzzwatch-producer", TOPICS), settings, tmp_path / "theirs")
        sent = run(theirs, "produce", text='{"id": "1", "text": "@united lost my bag, awful"}\n{"id": "2"}\n')
        assert "1" in sent.stdout + sent.stderr
        reader = Settings(kafka=secured.with_certificate("buzzwatch", TOPICS))

        def scored() -> list[str]:
            found = follow(reader, TOPICS.scored, from_beginning=True, until_end=True)
            return [json.loads(record.value() or b"{}")["tweet_id"] for record in found]

        until(
            lambda: scored() == ["1"] or worker.poll() is not None, 120, lambda: (tmp_path / "worker.log").read_text()
        )
        assert worker.poll() is None, (tmp_path / "worker.log").read_text()
        forgotten = run(ours, "privacy", "forget", "--tweet", "1", "--cut-topics", "--format", "json")
        assert forgotten.returncode == 0, forgotten.stderr
        assert [one["found"] for one in json.loads(forgotten.stdout)["topics"]][:2] == [1, 1]
        doctor = run(ours, "doctor", "--format", "json")
        states = {one["component"]: one["status"] for one in json.loads(doctor.stdout)}
        assert states["kafka"] != "broken", doctor.stdout
    finally:
        worker.terminate()
        worker.wait(PATIENCE_S)
        log.close()
    for name in PASSWORDS.values():
        assert name not in (tmp_path / "worker.log").read_text()


def test_a_certificate_is_enough_for_labels(secured: SecuredKafka) -> None:
    settings = Settings(kafka=secured.with_certificate("buzzwatch", TOPICS))
    event = LabelEvent(
        label_id=uuid.uuid4(), kind="judgement", created_at=datetime.now(UTC),
        tweet_id="7", label="neutral", text="ok", source="review",
    )  # fmt: skip
    LabelWriter(settings).write([event])
    assert event.label_id in {one.label_id for one in read_labels(settings)}


def test_who_may_not_is_told_in_one_line(secured: SecuredKafka, settings: Settings, tmp_path: Path) -> None:
    wrong = environment(secured.as_user("buzzwatch", TOPICS, "guess"), settings, tmp_path / "wrong")
    theirs = environment(secured.as_user("buzzwatch-producer", TOPICS), settings, tmp_path / "theirs")
    for variables, command in ((wrong, ["topics", "list"]), (theirs, ["consume", "--from-beginning", "--limit", "1"])):
        ended = run(variables, *command)
        lines = [line for line in ended.stderr.splitlines() if line.strip()]
        assert ended.returncode == 1, (command, ended.stdout, ended.stderr)
        assert len(lines) == 1, lines
        assert lines[0].startswith("buzzwatch: "), lines
        assert "guess" not in ended.stderr
