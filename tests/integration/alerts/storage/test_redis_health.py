from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from alerts.storage.connection import connect
from alerts.storage.redis_health import TroubleLog, WriteMonitor, WriteProbe, trouble_of
from contracts.settings import RedisSettings, Settings
from tests.servers import RunningServer
from tests.waiting import until


def _fill(server: redis.Redis) -> None:
    server.config_set("maxmemory", "1mb")


def _lose_the_disk(server: redis.Redis) -> None:
    """A snapshot that fails: its process is killed while it writes."""
    server.config_set("save", "3600 1")
    server.config_set("rdb-key-save-delay", "10000000")
    server.set("a", "b")
    server.bgsave()
    pid = server.info("server")["process_id"]
    children = Path(f"/proc/{pid}/task/{pid}/children")
    until(lambda: children.read_text().strip())
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    until(lambda: server.info("persistence")["rdb_last_bgsave_status"] == "err")


BROKEN: dict[str, tuple[Callable[[redis.Redis], object], str]] = {
    "replica": (lambda server: server.replicaof("127.0.0.1", "1"), "read-only replica"),
    "full": (_fill, "full (maxmemory)"),
    "replicas": (lambda server: server.config_set("min-replicas-to-write", 1), "min-replicas-to-write"),
    "disk": (_lose_the_disk, "cannot save to its disk"),
    "no right": (lambda server: server.acl_setuser("default", commands=["-SET"]), "lacks a right"),
    "no scripts": (
        lambda server: server.acl_setuser("default", commands=["-EVAL", "-EVALSHA", "-SET"]),
        "lacks a right",
    ),
    "other keys": (
        lambda server: server.acl_setuser("default", enabled=True, reset_keys=True, keys=["x:*"]),
        "lacks a right",
    ),
}


def settings_of(server: RunningServer, **changed: str) -> Settings:
    return Settings(redis=RedisSettings(url=changed.get("url", server.address), timeout_s=10))


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_redis_that_takes_no_writes_is_found_out_and_named(own_redis: RunningServer, name: str) -> None:
    settings = settings_of(own_redis)
    breaks, words = BROKEN[name]
    with connect(settings) as client, redis.Redis.from_url(own_redis.address, decode_responses=True) as server:
        probe = WriteProbe(client, settings)
        assert probe.problem() is None
        breaks(server)
        problem = probe.problem()
        assert problem is not None
        assert words in problem
        pipeline = client.pipeline()
        pipeline.set("buzzwatch:x", "said by somebody")
        with pytest.raises(redis.RedisError) as raised:
            pipeline.execute()
        assert words in trouble_of(raised.value, settings.redis).line
        assert "somebody" not in trouble_of(raised.value, settings.redis).line
        assert problem.startswith(f"Redis at {own_redis.address.removeprefix('redis://')} ")
        assert server.info("server"), "it answers all the same"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("redis://:wrong@{}", "refuses the user or password"),
        ("redis://nobody:wrong@{}", "refuses the user or password"),
        ("redis://{}?password=wrong", "refuses the user or password"),
        ("redis://{}", "asks for a password"),
    ],
)
def test_a_wrong_password_is_named_and_not_shown(own_redis: RunningServer, address: str, words: str) -> None:
    with redis.Redis.from_url(own_redis.address) as server:
        server.config_set("requirepass", "right")
    settings = settings_of(own_redis, url=address.format(own_redis.address.removeprefix("redis://")))
    with connect(settings) as client:
        problem = WriteProbe(client, settings).problem()
    assert problem is not None
    assert words in problem
    assert "wrong" not in problem


def test_a_redis_that_is_gone_does_not_answer(own_redis: RunningServer) -> None:
    settings = settings_of(own_redis)
    own_redis.kill()
    with connect(settings) as client:
        assert "does not answer" in (WriteProbe(client, settings).problem() or "")


def test_the_monitor_says_each_change_once(own_redis: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_of(own_redis)
    caplog.set_level(logging.INFO, logger="buzzwatch.test")
    with connect(settings) as client, redis.Redis.from_url(own_redis.address) as server:
        log = TroubleLog(logging.getLogger("buzzwatch.test"), settings.redis, "all waits")
        monitor = WriteMonitor(WriteProbe(client, settings), log, every_s=0.02)
        stop = monitor.start()
        try:
            server.replicaof("127.0.0.1", "1")
            until(lambda: monitor.problem)
            time.sleep(0.2)
            server.replicaof("NO", "ONE")
            until(lambda: monitor.problem is None)
        finally:
            stop()
    assert [message.partition(";")[0].partition(" takes")[2] for message in caplog.messages] == [
        " no writes: it is a read-only replica",
        " writes again",
    ]


def test_the_same_trouble_is_logged_once_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="buzzwatch.test")
    log = TroubleLog(logging.getLogger("buzzwatch.test"), RedisSettings(url="redis://:hush@cache:1/0"), "all waits")
    for port in range(20):
        log.failed(trouble_of(redis.ConnectionError(f"Error 111 connecting to cache:{port}")))
    log.failed(trouble_of(redis.exceptions.ReadOnlyError("You can't write")))
    unblocked = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
    log.failed(trouble_of(redis.ResponseError(unblocked)))
    assert log.problem is not None
    assert log.problem.startswith("Redis at cache:1/0 takes no writes: it is a read-only replica; point")
    for _ in range(3):
        log.recovered()
    assert log.problem is None
    assert len(caplog.messages) == 3
    assert "hush" not in caplog.text
