"""A Redis that answers and takes no writes, behind the whole stack: every door says so, and that it is over."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from tests import commands
from tests.stack import RunningStack
from tests.waiting import until


@pytest.fixture
def server(stack: RunningStack) -> Iterator[redis.Redis]:
    """The stack's Redis, well again afterwards."""
    port = int(stack.environment["BUZZWATCH_LOCAL__REDIS_PORT"])
    with redis.Redis(port=port, decode_responses=True) as client:
        yield client
        client.replicaof("NO", "ONE")
        client.config_set("min-replicas-to-write", 0)
        client.config_set("maxmemory", 0)


def _ports(stack: RunningStack) -> tuple[int, int, int]:
    names = ("BUZZWATCH_API__PORT", "BUZZWATCH_WORKER__WEB_PORT", "BUZZWATCH_ALERTS__METRICS_PORT")
    api, worker, notifier = (int(stack.environment[name]) for name in names)
    return api, worker, notifier


def _log(stack: RunningStack, name: str) -> str:
    [log] = (stack.folder / "var" / "logs").glob(f"{name}*.log")
    return log.read_text()


BROKEN: dict[str, tuple[Callable[[redis.Redis], object], str]] = {
    "replica": (lambda server: server.replicaof("127.0.0.1", "1"), "it is a read-only replica"),
    "full": (lambda server: server.config_set("maxmemory", "1mb"), "it is full (maxmemory)"),
    "replicas": (lambda server: server.config_set("min-replicas-to-write", 1), "fewer replicas follow it"),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_every_door_says_that_redis_takes_no_writes_and_that_it_is_over(
    stack: RunningStack, server: redis.Redis, name: str
) -> None:
    breaks, words = BROKEN[name]
    api, worker, notifier = _ports(stack)
    probes = [f"http://127.0.0.1:{port}/readyz" for port in (worker, notifier)]
    until(lambda: all(stack.client.get(url).is_success for url in probes), said=stack.said)
    before = {log: len(_log(stack, log)) for log in ("worker", "notifier")}

    breaks(server)

    def says_so(url: str) -> bool:
        answer = stack.client.get(url)
        return answer.status_code == 503 and words in answer.text

    def health() -> Any:
        return stack.client.get(f"http://127.0.0.1:{api}/health").json()

    for url in probes:
        for page in (url, url.replace("readyz", "health")):
            until(functools.partial(says_so, page), said=stack.said)
        assert stack.client.get(url.replace("readyz", "livez")).status_code == 200, "a restart would not help"
    until(lambda: words in health()["components"]["redis"]["detail"], said=lambda: str(health()))
    assert health()["status"] == "degraded"
    doctor = commands.said("doctor", "--format", "json", env=stack.environment)
    assert doctor.returncode == 1
    [found] = [one for one in json.loads(doctor.stdout) if one["component"] == "redis"]
    assert (found["status"], words in found["detail"]) == ("broken", True)
    silenced = commands.said("alerts", "silence", "add", "watch=delta", "--comment", "x", env=stack.environment)
    assert silenced.returncode == 1
    [line] = silenced.stderr.splitlines()
    assert words in line

    server.replicaof("NO", "ONE")
    server.config_set("min-replicas-to-write", 0)
    server.config_set("maxmemory", 0)
    until(lambda: all(stack.client.get(url).is_success for url in probes), said=stack.said)

    def new_in(log: str) -> str:
        return _log(stack, log)[before[log] :]

    for log in before:
        until(lambda log=log: "takes writes again" in new_in(log), said=stack.said)  # type: ignore[misc]
        new = new_in(log)
        assert new.count("takes writes again") == 1, new
        assert 1 <= len([line for line in new.splitlines() if words in line]) <= 4, new


@pytest.mark.parametrize("page", ["/health", "/livez", "/readyz", "/metrics"])
def test_head_answers_as_get_without_a_body_on_every_page(stack: RunningStack, page: str) -> None:
    for port in _ports(stack):
        got, head = (
            stack.client.get(f"http://127.0.0.1:{port}{page}"),
            stack.client.head(f"http://127.0.0.1:{port}{page}"),
        )
        assert head.status_code == got.status_code
        assert head.content == b""
        assert head.headers["content-type"] == got.headers["content-type"]
