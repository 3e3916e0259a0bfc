"""Requests made from `/openapi.json`, sent with a key to an API of the running stack's Kafka, Redis and MLflow."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from contracts.settings import ROOT
from local.die_with_parent import die_with_parent
from tests import commands
from tests.servers import free_ports
from tests.stack import RunningStack
from tests.waiting import until

EXAMPLES = 25


class Api(NamedTuple):
    url: str
    key: str
    log: Path


@pytest.fixture
def api(stack: RunningStack, tmp_path: Path) -> Iterator[Api]:
    """One that asks for keys and has no rates; what somebody makes up is nobody else's."""
    rates = ("READ", "PREDICT", "FEEDBACK", "REVIEW", "OPERATE", "LOGIN")
    environment = stack.environment | {
        "BUZZWATCH_REDIS__PREFIX": "fuzzed",
        "BUZZWATCH_API__REQUIRE_KEYS": "true",
        **{f"BUZZWATCH_API__RATE_{name}": "" for name in rates},
    }
    made = commands.run("keys", "create", "fuzz", "--scopes", "all", env=environment)
    key = re.search(rb"\bbw_\S+", made.stdout)
    assert key is not None, made.stderr.decode()
    [port] = free_ports(1)
    url, log = f"http://127.0.0.1:{port}", tmp_path / "api.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            die_with_parent([str(Path(sys.executable).with_name("buzzwatch")), "api", "--port", str(port)]),
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: answers(url), said=log.read_text)
        yield Api(url, key[0].decode(), log)
    finally:
        process.terminate()
        process.wait(60)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, timeout=60).is_success
    except httpx.HTTPError:
        return False


def test_every_check_holds_for_every_answer(api: Api, tmp_path: Path) -> None:
    fuzzing = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(ROOT / "schemathesis.toml")),
            *("run", f"{api.url}/openapi.json", "--header", f"Authorization: Bearer {api.key}"),
            *("--seed", "1", "--max-examples", str(EXAMPLES), "--max-time", "10", "--request-timeout", "60"),
            *("--no-shrink", "--continue-on-failure"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert fuzzing.returncode == 0, fuzzing.stdout[-8000:] + fuzzing.stderr[-2000:]
    assert "Traceback" not in api.log.read_text()
