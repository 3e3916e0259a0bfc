"""Requests made from `/openapi.json`, sent to the real API with real servers behind it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from alerts.storage.connection import connect
from api.security.keys import SCOPES, new_key
from api.security.store import KeyStore
from contracts.settings import Settings
from contracts.times import clock_ms
from contracts.topics import TopicSettings
from tests.integration.registering import Registering
from tests.servers import free_ports
from tests.waiting import until

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = 25


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def api(settings: Settings, topics: TopicSettings, mlflow_uri: str, tmp_path: Path) -> Iterator[str]:
    """The address of an API process."""
    registering = Registering(settings, tmp_path / "registering")
    registering.create()
    registering.promote(registering.version())
    [port] = free_ports(1)
    environment = {
        **os.environ,
        "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "BUZZWATCH_KAFKA__TOPICS": topics.model_dump_json(),
        "BUZZWATCH_REDIS__URL": settings.redis.url,
        "BUZZWATCH_REDIS__PREFIX": settings.redis.prefix,
        "BUZZWATCH_MLFLOW__TRACKING_URI": mlflow_uri,
        "BUZZWATCH_MLFLOW__MODEL_NAME": settings.mlflow.model_name,
        "BUZZWATCH_LOCAL__DATA_DIR": str(tmp_path),
        "BUZZWATCH_API__REQUIRE_KEYS": "true",
        **{
            f"BUZZWATCH_API__RATE_{scope.upper()}": "" for scope in SCOPES
        },  # a request is not to be refused for its rate
    }
    with (tmp_path / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "api.app:app", "--port", str(port), "--no-access-log"],
            env=environment,
            stdout=log,
            stderr=log,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            until(lambda: _answers(url), 240, (tmp_path / "api.log").read_text)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def key(settings: Settings) -> str:
    """A key with all scopes, which is there before the API starts."""
    made = new_key("fuzz", SCOPES, now_ms=clock_ms(), created_by="test")
    with connect(settings) as client:
        KeyStore(client, settings).add(made.record, made.record.created_ms)
    return made.text


def test_every_answer_is_one_that_the_document_names(key: str, api: str, tmp_path: Path) -> None:
    fuzzing = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", f"{api}/openapi.json"),
            *("--checks", CHECKS, "--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing"),
            *(
                "--seed",
                "1",
                "--max-time",
                "20",
                "--request-timeout",
                "20",
                "--header",
                f"authorization: Bearer {key}",
                "--no-shrink",
                "--continue-on-failure",
            ),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert fuzzing.returncode == 0, fuzzing.stdout[-8000:] + fuzzing.stderr[-2000:]
    assert "Traceback" not in (tmp_path / "api.log").read_text()
