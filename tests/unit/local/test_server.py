from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from contracts.errors import Unavailable
from local.servers.server import Server, ensure_ports_are_free, make_folder, wait_until_ready, why_it_died


def _server(log: Path, **changes: object) -> Server:
    described = {"name": "kafka", "command": ("true",), "log": log, "ports": {}, "ready": lambda: False}
    return Server(**{**described, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("java.net.BindException: Address already in use\n\tat sun.nio\n", r"9092 \(BUZZWATCH_LOCAL__KAFKA_PORT\)"),
        ("bind: Address already in use", "a port is taken"),
        ("java.nio.file.AccessDeniedException: /data/x\n", "BUZZWATCH_LOCAL__DATA_DIR"),
        ("java.lang.UnsupportedClassVersionError: kafka/Kafka\n", "Java 17"),
        ("Could not reserve enough space for object heap\n", "BUZZWATCH_LOCAL__KAFKA_HEAP"),
        ("INFO fine\nERROR the disk is on fire\n\tat kafka.Kafka.main\nINFO bye\n", "the disk is on fire"),
        ("it just went\n", "it just went"),
        (
            "Traceback (most recent call last):\n    self._load(error)\ncontracts.errors.Unavailable: no champion\nbye",
            "ended: contracts.errors.Unavailable: no champion",
        ),
        ("ERROR a detail\nbuzzwatch: rules.yaml:3: wrong key\nINFO bye\n", "ended: buzzwatch: rules.yaml:3: wrong key"),
        ("", "it wrote nothing"),
    ],
)
def test_a_death_is_told_in_one_line_from_the_log(tmp_path: Path, written: str, expected: str) -> None:
    log = tmp_path / "kafka.log"
    log.write_text(written)
    said = why_it_died(_server(log, ports={"BUZZWATCH_LOCAL__KAFKA_PORT": 9092}))
    assert "\n" not in said
    assert re.search(expected, said), said


def test_an_older_death_in_the_same_log_is_not_told_again(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("ERROR last week\n")
    offset = log.stat().st_size
    with log.open("a") as file:
        file.write("ERROR today\n")
    assert "today" in why_it_died(_server(log), offset)
    assert "last week" not in why_it_died(_server(log), offset)


def test_a_death_is_noticed_at_once_and_slowness_at_the_time_out(tmp_path: Path) -> None:
    server = _server(tmp_path / "kafka.log")
    with pytest.raises(Unavailable, match="kafka ended"):
        wait_until_ready(server, is_alive=lambda: False)
    with pytest.raises(Unavailable, match="not ready within 0 s"):
        wait_until_ready(server, is_alive=lambda: True, timeout_s=0.01)


def test_a_taken_port_names_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(Unavailable, match=f"port {port} for kafka .*set BUZZWATCH_X"):
            ensure_ports_are_free(_server(tmp_path / "log", ports={"BUZZWATCH_X": port}))


def test_a_folder_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="BUZZWATCH_LOCAL__DATA_DIR"):
        make_folder(tmp_path / "file" / "data")
