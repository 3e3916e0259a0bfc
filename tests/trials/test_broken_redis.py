"""A Redis that answers and takes no writes, behind the whole stack: every door says so, and that it is over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
import redis

from tests import commands
from tests.stack import RunningStack, wait


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
    wait(lambda: all(stack.client.get(url).is_success for url in probes), 120, stack.said)
    before = {log: len(_log(stack, log)) for log in ("worker", "notifier")}

    breaks(server)
    for url in probes:
        wait(lambda url=url: stack.client.get(url).status_code == 503, 120, stack.said)  # type: ignore[misc]
        assert words in stack.client.get(url).text
        assert stack.client.get(url.replace("readyz", "health")).status_code == 503
        assert stack.client.get(url.replace("readyz", "livez")).status_code == 200, "a restart would not help"
    health = stack.client.get(f"http://127.0.0.1:{api}/health").json()
    assert health["status"] == "degraded"
    assert words in health["components"]["redis"]["detail"]
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
    wait(lambda: all(stack.client.get(url).is_success for url in probes), 120, stack.said)
    for log, start in before.items():
        new = _log(stack, log)[start:]
        assert len(re.findall(r"takes writes again", new)) == 1, new
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
