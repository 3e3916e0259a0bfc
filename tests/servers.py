"""Real servers for tests: started on free ports, killed as a machine would, started again on the same data."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from bench.stage.ports import free_ports as free_ports
from contracts.settings import LocalSettings
from local.die_with_parent import die_with_parent
from local.servers.kafka import kafka_server
from local.servers.mlflow import mlflow_server
from local.servers.redis import redis_server
from local.servers.server import Server, ensure_ports_are_free, wait_until_ready


class RunningServer:
    """A server process that belongs to a test."""

    def __init__(self, server: Server, address: str) -> None:
        self.server = server
        self.address = address
        """`host:port` for Kafka, a URL for Redis and MLflow."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def data_dir(self) -> Path:
        return self.server.log.parents[1]

    def start(self) -> None:
        """Start it, or start it again on the same data and port; returns when it is ready."""
        assert self._process is None, f"{self.server.name} runs already"
        ensure_ports_are_free(self.server)
        self.server.prepare()
        environment = {**os.environ, **self.server.environment}
        offset = self.server.log.stat().st_size if self.server.log.exists() else 0
        with self.server.log.open("ab") as log:
            self._process = process = subprocess.Popen(
                die_with_parent(self.server.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        try:
            wait_until_ready(self.server, is_alive=lambda: process.poll() is None, log_offset=offset)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """`kill -9`: no goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in peace, by force when that takes too long."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """`kill -9` and start again."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Keep its connections and answer nothing (SIGSTOP), as a hanging machine does; `thaw` ends it."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """End a `freeze`."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            os.killpg(process.pid, signal.SIGCONT)
            os.killpg(process.pid, how)
            process.wait(self.server.stop_timeout_s)
        except ProcessLookupError:
            process.wait()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def appended(address: str) -> bool:
    """Whether this Redis has written everything to its append-only file, so that `kill -9` takes nothing away."""
    with redis.Redis.from_url(address) as client:
        found: dict[str, Any] = client.info("persistence")
    return (found["aof_buffer_length"], found["aof_pending_bio_fsync"]) == (0, 0)


def start_kafka(data_dir: Path) -> RunningServer:
    port, controller = free_ports(2)
    local = LocalSettings(data_dir=data_dir, kafka_port=port, kafka_controller_port=controller)
    return _started(kafka_server, local, f"127.0.0.1:{port}")


def start_redis(data_dir: Path) -> RunningServer:
    [port] = free_ports(1)
    return _started(redis_server, LocalSettings(data_dir=data_dir, redis_port=port), f"redis://127.0.0.1:{port}/0")


def start_mlflow(data_dir: Path) -> RunningServer:
    [port] = free_ports(1)
    return _started(mlflow_server, LocalSettings(data_dir=data_dir, mlflow_port=port), f"http://127.0.0.1:{port}")


def _started(describe: Callable[[LocalSettings], Server], local: LocalSettings, address: str) -> RunningServer:
    running = RunningServer(describe(local), address)
    running.start()
    return running
