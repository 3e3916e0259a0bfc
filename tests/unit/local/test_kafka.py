from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts.errors import Unavailable
from contracts.settings import LocalSettings
from local.servers import kafka_jars
from local.servers.kafka import as_java_reads, broker_properties, kafka_server


def test_a_path_with_accents_and_backslashes_survives_javas_properties() -> None:
    written = as_java_reads({"log.dirs": "/home/zoë/a\\b/🚀"})
    assert written == "log.dirs=/home/zo\\u00eb/a\\\\b/\\ud83d\\ude80\n"


def test_a_folder_with_a_comma_is_refused_because_kafka_would_take_it_for_two(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="comma"):
        kafka_server(LocalSettings(data_dir=tmp_path / "a,b"))


def test_options_of_java_come_after_our_own_and_before_the_class(tmp_path: Path) -> None:
    local = LocalSettings(data_dir=tmp_path, kafka_java_options=" -XX:TieredStopAtLevel=1  -Xmx300m")
    command = kafka_server(local).command
    assert command.index("-Xmx512m") < command.index("-XX:TieredStopAtLevel=1") < command.index("-Xmx300m")
    assert command.index("-Xmx300m") < command.index("-cp") < command.index("kafka.Kafka")


def test_without_java_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"Java is missing: install .*BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS") as caught:
        kafka_server(LocalSettings(data_dir=tmp_path))
    assert "\n" not in str(caught.value)


def test_without_maven_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(kafka_jars, "JARS", tmp_path / "jars")
    with pytest.raises(Unavailable, match=r"Maven \(mvn\) is missing"):
        kafka_jars.ensure_jars()


def test_without_a_checkout_one_line_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_jars, "POM", tmp_path / "pom.xml")
    assert not kafka_jars.have_jars()
    with pytest.raises(Unavailable, match=r"checkout .*BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"):
        kafka_jars.ensure_jars()


def test_jars_of_another_pom_are_not_taken_for_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_jars, "JARS", tmp_path)
    assert not kafka_jars.have_jars()
    (tmp_path / ".pom").write_text("0" * 64)
    assert not kafka_jars.have_jars()


def test_the_pom_names_kafka_4() -> None:
    assert re.fullmatch(r"4\.\d+\.\d+", kafka_jars.kafka_version())


def test_the_broker_creates_no_topic_by_itself_and_needs_no_second_node() -> None:
    properties = broker_properties(LocalSettings(), Path("/data"))
    assert properties["auto.create.topics.enable"] == "false"
    assert {value for name, value in properties.items() if "replication.factor" in name or "min.isr" in name} == {"1"}
