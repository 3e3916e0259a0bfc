from __future__ import annotations

import threading
from pathlib import Path

from local.output import LogFollower
from local.servers.server import Server


def _server(log: Path) -> Server:
    return Server(name="worker", command=("true",), log=log, ports={}, ready=lambda: False)


def test_only_lines_written_from_now_on_are_shown_and_none_is_lost_over_a_rotation(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("old\n")
    shown: list[tuple[str, str]] = []
    rotated = threading.Event()

    def show(name: str, line: str) -> None:
        shown.append((name, line))
        if line == "before":
            rotated.set()

    with LogFollower([_server(log)], show):
        with log.open("a") as file:
            file.write("before\n")
        assert rotated.wait(5)
        with log.open("a") as file:
            file.write("last of the old file\n")
        log.rename(tmp_path / "worker.log.1")
        log.write_text("first of the new file\nfarewell\n")
    assert [line for _, line in shown] == ["before", "last of the old file", "first of the new file", "farewell"]
    assert {name for name, _ in shown} == {"worker"}


def test_a_line_is_shown_when_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    shown: list[str] = []
    first = threading.Event()

    def show(_: str, line: str) -> None:
        shown.append(line)
        first.set()

    with LogFollower([_server(log)], show), log.open("ab", buffering=0) as file:
        file.write(b"one\nhal")
        assert first.wait(5)
        file.write("f ü".encode()[:3])
        file.write("ü\n".encode()[1:])
    assert shown == ["one", "half ü"]
