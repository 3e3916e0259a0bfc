from __future__ import annotations

import redis

from api.parts import Component
from tests.unit.api.conftest import Api


async def test_health_names_each_component(api: Api) -> None:
    answer = await api.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "components": {
            "model": {"status": "ok", "version": "7", "detail": None},
            "kafka": {"status": "ok", "version": "4.1", "detail": None},
        },
    }


async def test_without_kafka_health_is_degraded_but_predictions_can_be_made(api: Api) -> None:
    api.kafka = Component("down", detail="gone")
    answer = await api.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


async def test_a_version_that_cannot_serve_shows_in_health(api: Api) -> None:
    api.champion.failure = "version 8 is damaged"
    answer = await api.get("/health")
    assert answer.status_code == 200
    assert answer.json()["components"]["model"] == {
        "status": "degraded",
        "version": "7",
        "detail": "version 8 is damaged",
    }


async def test_without_a_model_health_and_readiness_fail_but_not_liveness(api: Api) -> None:
    api.champion.down = True
    assert (await api.get("/health")).status_code == 503
    assert (await api.get("/health")).json()["status"] == "down"
    assert (await api.get("/readyz")).status_code == 503
    assert (await api.get("/livez")).status_code == 200


async def test_a_firing_critical_alert_makes_503_for_those_who_ask(api: Api) -> None:
    answer = await api.get("/health", alerts="critical")
    assert answer.status_code == 503
    assert answer.json()["critical_alerts"] == ["BadBuzz{}"]
    assert answer.json()["status"] == "critical"
    assert (await api.get("/health")).status_code == 200
    del api.alerts.kept[0]
    assert (await api.get("/health", alerts="critical")).status_code == 200


async def test_when_it_cannot_be_found_out_whether_an_alert_fires_the_status_says_so(api: Api) -> None:
    api.alerts.failure = redis.ConnectionError("gone")
    answer = await api.get("/health", alerts="critical")
    assert answer.status_code == 503
    assert (answer.json()["status"], answer.json()["critical_alerts"]) == ("unknown", None)
    assert answer.json()["components"]["model"]["status"] == "ok"


async def test_metrics_count_requests_by_route_and_name_the_model(api: Api) -> None:
    await api.post("/predict", {"text": "x"})
    await api.post("/predict", {"text": ""})
    for path in ("/nowhere/1", "/nowhere/2"):
        assert (await api.get(path)).status_code == 404
    api.champion.version = "8"
    text = (await api.get("/metrics")).text
    assert 'buzzwatch_api_requests_total{method="POST",route="/predict",status="200"} 1.0' in text
    assert 'buzzwatch_api_requests_total{method="POST",route="/predict",status="422"} 1.0' in text
    assert 'buzzwatch_api_requests_total{method="other",route="unknown",status="404"} 2.0' in text
    assert 'buzzwatch_api_request_seconds_count{route="/predict"} 2.0' in text
    assert "buzzwatch_api_batch_size_count 1.0" in text
    assert [line for line in text.splitlines() if line.startswith("buzzwatch_model_info")] == [
        'buzzwatch_model_info{name="sentiment",version="8"} 1.0'
    ]


async def test_the_root_leads_to_the_documentation(api: Api) -> None:
    answer = await api.get("/")
    assert answer.headers["location"] == "/docs"
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert {"/predict", "/predict/batch", "/explain", "/feedback", "/alerts", "/stats", "/model", "/health"} <= set(
        paths
    )
