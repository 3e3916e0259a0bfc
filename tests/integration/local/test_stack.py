from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from contracts.errors import Unavailable
from contracts.settings import LocalSettings, Settings, load_settings
from local.servers.server import Server, is_listening
from local.stack import Stack
from tests.servers import appended, free_ports
from tests.waiting import PATIENCE_S, until

# A program that listens, and when it is told to end takes its time and then says whether Redis is still there.
PROGRAM = """
import signal, socket, sys, time
def end(*_):
    time.sleep(1)
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[2])), 1)
        print("drained while redis was up", flush=True)
    except OSError:
        print("redis was gone already", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    listener.accept()[0].close()
"""


class Corner:
    """A stack of a local Redis and one program, Kafka and MLflow being those of the session."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        redis_port, self.port = free_ports(2)
        local = LocalSettings(data_dir=folder, redis_port=redis_port)
        self.settings = Settings(kafka=settings.kafka, mlflow=settings.mlflow, local=local)
        self.redis_port = redis_port
        self.log = folder / "logs" / "program.log"
        self.said: list[str] = []
        self.seeded = 0
        self.program = Server(
            name="program",
            command=(sys.executable, "-c", PROGRAM, str(self.port), str(redis_port)),
            log=self.log,
            ports={"BUZZWATCH_PROGRAM_PORT": self.port},
            ready=lambda: is_listening(self.port),
        )
        self.programs = [self.program]

    def with_local(self, local: LocalSettings) -> Settings:
        return Settings(kafka=self.settings.kafka, mlflow=self.settings.mlflow, local=local)

    def stack(self) -> Stack:
        def seed(settings: Settings) -> None:
            self.seeded += 1

        return Stack(self.settings, programs=lambda settings: self.programs, seed=seed, progress=self.said.append)


@pytest.fixture
def corner(settings: Settings, kafka_servers: str, mlflow_uri: str, tmp_path: Path) -> Corner:
    return Corner(settings, tmp_path / "stack")


def _is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_the_program_drains_before_the_servers_stop_and_nothing_is_left(corner: Corner) -> None:
    with corner.stack() as stack:
        pids = dict(stack.pids)
        assert set(pids) == {"redis", "program"}
        assert corner.seeded == 1
    assert corner.log.read_text().splitlines() == ["listening", "drained while redis was up"]
    assert all(_is_gone(pid) for pid in pids.values())
    assert not is_listening(corner.redis_port)


def test_a_killed_program_is_started_again_and_redis_keeps_its_data(corner: Corner) -> None:
    with corner.stack() as stack:
        with redis.Redis(port=corner.redis_port) as client:
            client.set("key", "value")
        until(lambda: appended(f"redis://127.0.0.1:{corner.redis_port}/0"))
        os.kill(stack.pids["redis"], signal.SIGKILL)
        os.kill(stack.pids["program"], signal.SIGKILL)
        before = dict(stack.pids)

        def both_are_new() -> bool:
            stack.check()
            return all(stack.pids[name] not in (0, pid) for name, pid in before.items())

        until(both_are_new)
        until(lambda: is_listening(corner.redis_port))
        with redis.Redis(port=corner.redis_port) as client:
            assert client.get("key") == b"value"
    assert sum("died and was started again" in line for line in corner.said) == 2


def test_the_others_go_on_without_a_spare_one_that_keeps_dying(corner: Corner, tmp_path: Path) -> None:
    spare = Server(name="spare", command=("false",), log=tmp_path / "spare.log", ports={}, ready=lambda: True)
    corner.programs = [corner.program, replace(spare, is_spare=True)]
    with corner.stack() as stack:

        def is_given_up() -> bool:
            stack.check()
            return any("the others go on without it" in line for line in corner.said)

        until(is_given_up)
        assert is_listening(corner.redis_port)
        assert is_listening(corner.port)
    assert corner.log.read_text().splitlines() == ["listening", "drained while redis was up"]


def test_a_second_stack_on_the_data_folder_is_refused_in_one_line(corner: Corner) -> None:
    with corner.stack(), pytest.raises(Unavailable, match="another `buzzwatch up`") as caught:
        corner.stack().__enter__()
    assert "\n" not in str(caught.value)


def test_a_taken_port_is_refused_before_anything_starts(corner: Corner) -> None:
    with socket.create_server(("127.0.0.1", corner.port)), pytest.raises(Unavailable, match=rf"port {corner.port} "):
        corner.stack().__enter__()
    assert not is_listening(corner.redis_port)
    assert not corner.log.exists()


@contextmanager
def _nobody_can_have(port: int) -> Iterator[None]:
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError:  # taken already
        yield
        return
    with listener:
        yield


def test_two_stacks_without_configured_ports_run_side_by_side_where_the_default_is_taken(
    corner: Corner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = LocalSettings().redis_port
    corner.log.parent.mkdir(parents=True)
    corner.settings = corner.with_local(LocalSettings(data_dir=tmp_path / "one"))
    with _nobody_can_have(default), corner.stack() as one:
        corner.settings = corner.with_local(LocalSettings(data_dir=tmp_path / "two"))
        corner.programs = []
        with corner.stack() as two:
            ports = [stack.settings.local.redis_port for stack in (one, two)]
            assert len({default, *ports}) == 3
            assert [line for line in corner.said if "taken" in line] == [
                f"redis: port {default} taken, using port {port} instead (BUZZWATCH_LOCAL__REDIS_PORT)"
                for port in ports
            ]
            for folder, port in zip(("one", "two"), ports, strict=True):
                monkeypatch.setenv("BUZZWATCH_LOCAL__DATA_DIR", str(tmp_path / folder))
                assert load_settings().redis.url == f"redis://127.0.0.1:{port}/0"
                with redis.Redis.from_url(load_settings().redis.url) as client:
                    assert client.config_get("dir") == {"dir": str(tmp_path / folder / "redis")}
        assert load_settings().redis.url == f"redis://127.0.0.1:{default}/0"  # of the second one, which has ended


def test_a_configured_port_that_is_taken_is_refused(corner: Corner) -> None:
    with (
        _nobody_can_have(corner.redis_port),
        pytest.raises(Unavailable, match=rf"port {corner.redis_port} for redis .*set BUZZWATCH_LOCAL__REDIS_PORT"),
    ):
        corner.stack().__enter__()
    assert not (corner.settings.local.data_dir / "ports.json").exists()


def test_a_program_that_dies_at_its_start_ends_the_stack_with_its_last_words(corner: Corner) -> None:
    corner.programs[0] = Server(
        name="program",
        command=(sys.executable, "-c", "raise SystemExit('error: the rules file has no watches')"),
        log=corner.log,
        ports={},
        ready=lambda: False,
    )
    with pytest.raises(Unavailable, match=r"the rules file has no watches; read .*program\.log"):
        corner.stack().__enter__()
    assert not is_listening(corner.redis_port)


def _kill_it_again_and_again(stack: Stack, name: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        stack.check()
        pid = stack.pids[name]
        if pid and not _is_gone(pid):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)


def test_a_program_that_keeps_dying_ends_the_stack_and_names_the_log(corner: Corner) -> None:
    with corner.stack() as stack, pytest.raises(Unavailable, match=r"program .*read .*program\.log"):
        _kill_it_again_and_again(stack, "program")
    assert not is_listening(corner.redis_port)


SCRIPT = """
import sys, time
from pathlib import Path
from contracts.settings import *
from local.servers.server import Server, is_listening
from local.stack import Stack
folder, redis_port, port, program = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
settings = Settings(local=LocalSettings(data_dir=folder, redis_port=redis_port))
server = Server(name="program", command=(sys.executable, "-c", program, str(port), str(redis_port)),
    log=folder / "logs" / "program.log", ports={}, ready=lambda: is_listening(port))
with Stack(settings, programs=lambda _: [server], seed=lambda _: None, progress=lambda line: None) as stack:
    print(*stack.pids.values(), flush=True)
    time.sleep(600)
"""


def test_when_up_itself_is_killed_its_processes_end_in_order(
    corner: Corner, kafka_servers: str, mlflow_uri: str, tmp_path: Path
) -> None:
    environment = {
        "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": kafka_servers,
        "BUZZWATCH_KAFKA__TOPICS__TWEETS": corner.settings.kafka.topics.tweets,
        "BUZZWATCH_KAFKA__TOPICS__SCORED": corner.settings.kafka.topics.scored,
        "BUZZWATCH_KAFKA__TOPICS__FEEDBACK": corner.settings.kafka.topics.feedback,
        "BUZZWATCH_KAFKA__TOPICS__DEAD_LETTERS": corner.settings.kafka.topics.dead_letters,
        "BUZZWATCH_MLFLOW__TRACKING_URI": mlflow_uri,
    }
    arguments = [str(corner.settings.local.data_dir), str(corner.redis_port), str(corner.port), PROGRAM]
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], env={**os.environ, **environment}, stdout=subprocess.PIPE
    ) as up:
        assert up.stdout is not None
        pids = [int(pid) for pid in up.stdout.readline().split()]
        assert len(pids) == 2
        up.kill()
    # Started again at once, the stack waits for the end of the old one instead of tripping over its ports.
    with corner.stack() as stack:
        assert corner.log.read_text().splitlines()[:2] == ["listening", "drained while redis was up"]
        assert all(_is_gone(pid) for pid in pids)
        assert stack.pids["program"] not in pids
