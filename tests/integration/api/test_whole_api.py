from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from alerts.counters.counts import Cell
from alerts.counters.store import CounterStore
from alerts.rules.feedback_evaluator import FeedbackEvaluator
from alerts.storage.connection import connect
from bootstrap.api import build_api
from contracts.events import Feedback
from contracts.rules.file import load_rules
from contracts.settings import Settings
from contracts.times import clock_ms
from contracts.topics import TopicSettings
from tests.integration.registering import Registering
from tests.servers import free_ports
from tests.waiting import PATIENCE_S, until


@pytest.fixture
async def client(
    settings: Settings, topics: TopicSettings, mlflow_uri: str, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    registering = Registering(settings, tmp_path / "registering")
    registering.create()
    registering.promote(registering.version())
    app = build_api(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", timeout=60) as client,
    ):
        yield client


async def test_the_whole_api_on_real_servers(client: httpx.AsyncClient, settings: Settings) -> None:
    predicted = (await client.post("/predict", json={"text": "@AirParadis lost my bag", "id": "1"})).json()
    assert predicted["model"] == {"name": settings.mlflow.model_name, "version": "1"}
    assert predicted["watches"] == ["air-paradis"]
    assert predicted["themes"] == ["baggage"]

    judged = await client.post(
        "/feedback",
        json={
            "prediction_id": predicted["prediction_id"],
            "predicted": predicted["sentiment"],
            "correct": True,
            "model_version": "1",
        },
    )
    assert judged.status_code == 202

    health = (await client.get("/health")).json()
    assert {name: part["status"] for name, part in health["components"].items()} == dict.fromkeys(
        ("model", "kafka", "redis", "mlflow", "rules"), "ok"
    )
    assert health["components"]["redis"]["version"].startswith("7")
    assert health["components"]["mlflow"]["version"].startswith("3")
    assert (await client.get("/alerts")).json() == {"alerts": []}

    silence = {"matchers": ["watch=delta"], "endsAt": "2999-01-01T00:00:00Z", "createdBy": "maya", "comment": "theirs"}
    identifier = (await client.post("/silences", json=silence)).json()["silenceID"]
    assert (await client.delete(f"/silences/{identifier}")).status_code == 204
    [kept] = (await client.get("/silences")).json()["silences"]
    assert (kept["id"], kept["status"]) == (identifier, {"state": "expired"})

    minute = int(time.time()) // 60 * 60
    store = connect(settings)
    CounterStore(store, settings).add(
        topic_id="t",
        partition=0,
        expected=0,
        end=3,
        buckets={},
        minutes={Cell(minute, "air-paradis", "", "negative"): 3},
        samples=[],
    )
    store.close()
    said = {"feedback_id": str(uuid.uuid4()), "prediction_id": predicted["prediction_id"], "predicted": "negative"}
    wrong = Feedback.model_validate({**said, "correct": False, "model_version": "1"})
    with connect(settings) as store:
        FeedbackEvaluator(store, settings, load_rules(settings.rules)).judge("t", 0, 1, [(0, wrong)], now_ms=clock_ms())
    stats = (await client.get("/stats", params={"watch": "air-paradis", "theme": ""})).json()
    assert stats["judgements"] == [{"model_version": "1", "right": 0, "wrong": 1, "accuracy": 0.0}]
    [point] = stats["points"]
    assert (point["negative"], point["total"], point["share"]) == (3, 3, 1.0)
    explained = (await client.post("/explain", json={"text": "good flight, bad food"})).json()
    assert [word["word"] for word in explained["words"]][:2] == ["good", "flight"]


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").is_success
    except httpx.TransportError:
        return False


def test_without_any_server_it_starts_and_each_route_says_what_is_away(tmp_path: Path) -> None:
    [port] = free_ports(1)
    environment = {
        **os.environ,
        "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "BUZZWATCH_REDIS__URL": "redis://127.0.0.1:1/0",
        "BUZZWATCH_MLFLOW__TRACKING_URI": "http://127.0.0.1:1",
        "BUZZWATCH_LOCAL__DATA_DIR": str(tmp_path),
        "BUZZWATCH_API__FEEDBACK_TIMEOUT_S": "0.5",
    }
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "api.app:app", "--port", str(port)], env=environment, stdout=log, stderr=log
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            until(lambda: is_up(client), said=(tmp_path / "log").read_text)
            answers = {
                "predict": client.post("/predict", json={"text": "x"}),
                "alerts": client.get("/alerts"),
                "ready": client.get("/readyz"),
                "feedback": client.post(
                    "/feedback",
                    json={
                        "prediction_id": "4a7f0a54-2a8e-5f0e-8a43-0d9f5b8b6c11",
                        "predicted": "negative",
                        "correct": True,
                        "model_version": "1",
                    },
                ),
            }
            health = (client.get("/health")).json()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(PATIENCE_S)
        log.close()
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 503)
    assert all("\n" not in answer.json()["detail"] for answer in answers.values())
    states = {name: part["status"] for name, part in health["components"].items()}
    assert states.pop("rules") == "ok"  # a file, no server
    assert set(states.values()) == {"down"}
    text = (tmp_path / "log").read_text()
    assert "Traceback" not in text
    assert "no model serves yet: MLflow at http://127.0.0.1:1 cannot be reached" in text
    assert code in (0, -signal.SIGTERM)
