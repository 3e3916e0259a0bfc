"""A real Sentinel moves us to the new master; a real cluster is refused in words; state is of a version."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from alerts.state.silences import SilenceStore
from alerts.storage.connection import async_pool, close_async_pool, connect
from alerts.storage.redis_health import WriteProbe, trouble_of
from alerts.storage.state_version import CURRENT, check_state, state_version_key
from contracts.errors import SettingsError
from contracts.settings import RedisSettings, Settings
from local.die_with_parent import die_with_parent
from tests.programs import program
from tests.servers import free_ports
from tests.waiting import until


class Processes:
    """Redis servers of a test, by their port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, port: int, *options: str, sentinel: bool = False) -> None:
        folder = self._folder / str(port)
        folder.mkdir()
        config = folder / "redis.conf"
        config.write_text("\n".join([f"port {port}", "bind 127.0.0.1", f"dir {folder}", 'save ""', *options]) + "\n")
        command = [program("redis-server", package="redis-server"), str(config), *(["--sentinel"] if sentinel else [])]
        with (folder / "log").open("wb") as log:
            self._running[port] = subprocess.Popen(die_with_parent(command), stdout=log, stderr=log)
        until(lambda: _listens(port), said=(folder / "log").read_text)

    def kill(self, port: int) -> None:
        self._running[port].kill()
        self._running.pop(port).wait()

    def kill_all(self) -> None:
        for port in list(self._running):
            self.kill(port)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path)
    yield processes
    processes.kill_all()


def _settings(url: str) -> Settings:
    return Settings(redis=RedisSettings(url=url, timeout_s=10))


async def test_the_next_master_is_found_when_the_first_dies(processes: Processes) -> None:
    first, second, sentinel = free_ports(3)
    processes.start(first)
    processes.start(second, f"replicaof 127.0.0.1 {first}", "repl-diskless-sync-delay 0")
    watched = [
        f"sentinel monitor buzz 127.0.0.1 {first} 1",
        "sentinel down-after-milliseconds buzz 2000",
        "sentinel failover-timeout buzz 3000",
    ]
    processes.start(sentinel, *watched, sentinel=True)
    replica = redis.Redis(port=second)
    until(lambda: replica.info("replication")["master_link_status"] == "up")
    asked: Any = redis.Redis(port=sentinel)
    until(lambda: len(asked.sentinel_slaves("buzz")) == 1)
    settings = _settings(f"redis+sentinel://127.0.0.1:{sentinel}/buzz/0")
    with connect(settings) as client:
        client.set("before", "kept")
        until(lambda: replica.get("before") == b"kept")
        processes.kill(first)

        def written() -> bool:
            try:
                client.set("after", "the failover")
            except redis.RedisError:
                return False
            return True

        until(written)
        assert client.get("before") == "kept"
        assert SilenceStore(client, settings).list(int(time.time() * 1000)) == []
        assert WriteProbe(client, settings).problem() is None
    assert replica.get("after") == b"the failover"
    pool = async_pool(settings.redis, 2)
    async with redis.asyncio.Redis(connection_pool=pool) as counted:
        assert await counted.get("after") == b"the failover"
    await close_async_pool(pool)
    replica.close()
    asked.close()


def test_a_cluster_is_refused_in_words(processes: Processes) -> None:
    one, two, *buses = free_ports(4)
    for port, bus in zip((one, two), buses, strict=True):
        processes.start(port, "cluster-enabled yes", "cluster-require-full-coverage no", f"cluster-port {bus}")
    nodes: dict[int, Any] = {port: redis.Redis(port=port) for port in (one, two)}
    nodes[one].execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
    nodes[two].execute_command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
    nodes[one].execute_command("CLUSTER", "MEET", "127.0.0.1", two, buses[1])

    def whole(node: Any) -> bool:
        info = node.execute_command("CLUSTER", "INFO")
        said = info if isinstance(info, bytes) else info.encode()
        return b"cluster_state:ok" in said and b"cluster_slots_assigned:16384" in said

    until(lambda: all(map(whole, nodes.values())))
    refused = []
    for port in (one, two):
        with connect(_settings(f"redis://127.0.0.1:{port}/0")) as client:
            for key in ("alerts", "counts", "api", "rates"):
                try:
                    client.get(f"buzzwatch:{{{key}}}:x")
                except redis.RedisError as error:
                    refused.append(trouble_of(error))
    assert refused
    assert {trouble.what.partition(" and ")[2] for trouble in refused} == {"buzzwatch does not support clusters"}
    assert all("without cluster mode" in trouble.remedy for trouble in refused)
    for node in nodes.values():
        node.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+sentinel://host/buzz", "host:port"),
        ("redis+sentinel://host:26379", "name of the master"),
        ("redis+sentinel://host:26379/buzz/x", "database"),
        ("redis+sentinel://a:1,b/buzz", "host:port"),
    ],
)
def test_an_address_of_sentinels_that_lacks_something_is_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RedisSettings(url=url)


def test_state_of_another_version_is_refused_and_left_as_it_is(settings: Settings) -> None:
    with connect(settings) as client:
        check_state(client, settings)
        key = state_version_key(settings.redis.prefix)
        assert client.get(key) == str(CURRENT)
        check_state(client, settings)  # beside another of the same
        client.set(key, str(CURRENT + 1))
        with pytest.raises(SettingsError, match=f"of version {CURRENT + 1}, and this release works"):
            check_state(client, settings)
        assert client.get(key) == str(CURRENT + 1)
    away = _settings(f"redis://127.0.0.1:{free_ports(1)[0]}/0")
    with connect(away) as nobody:
        check_state(nobody, away)


def test_a_backup_of_redis_brings_state_back(processes: Processes, tmp_path: Path) -> None:
    """As docs/upgrade.md has it: copy the file that BGSAVE wrote, start a server on it."""
    here, there = free_ports(2)
    processes.start(here)
    settings = _settings(f"redis://127.0.0.1:{here}/0")
    with connect(settings) as client:
        check_state(client, settings)
        client.hset("buzzwatch:{alerts}:silences", "id", "text")
        client.bgsave()
        file = tmp_path / str(here) / "dump.rdb"
        until(lambda: file.exists() and client.info("persistence")["rdb_bgsave_in_progress"] == 0)
        client.delete("buzzwatch:{alerts}:silences")
    (tmp_path / "backup.rdb").write_bytes(file.read_bytes())
    processes.kill(here)
    (tmp_path / "restored").mkdir()
    shutil.copy(tmp_path / "backup.rdb", tmp_path / "restored" / "dump.rdb")
    processes.start(there, f"dir {tmp_path / 'restored'}")
    with connect(_settings(f"redis://127.0.0.1:{there}/0")) as client:
        assert client.hgetall("buzzwatch:{alerts}:silences") == {"id": "text"}
        check_state(client, settings)
        # The append-only file is made from what was loaded, and is in force without a restart.
        client.config_set("appendonly", "yes")
        until(lambda: client.info("persistence")["aof_enabled"] == 1)
