from __future__ import annotations

import logging

import pytest

from tests.fake_model import POISON
from tests.unit.api.conftest import Api


async def test_every_error_is_a_problem_with_the_name_of_its_request(api: Api) -> None:
    answers = {
        404: await api.get("/nowhere"),
        405: await api.client.put("/predict"),
        415: await api.client.post("/predict", content=b"x", headers={"content-type": "text/plain"}),
        422: await api.post("/predict", {"text": ""}),
        500: await api.post("/predict", {"text": POISON}),
    }
    for status, answer in answers.items():
        body = answer.json()
        assert answer.status_code == body["status"] == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(body) == {"type", "title", "status", "detail", "request_id"}
        assert body["request_id"] == answer.headers["x-request-id"]
        assert "\n" not in body["detail"]
    assert answers[404].json()["title"] == "Not Found"
    assert answers[405].headers["allow"] == "POST"
    for path, allowed in (("/silences", "GET, HEAD, POST"), (f"/alerts/{'a' * 16}/ack", "DELETE, POST")):
        assert (await api.client.options(path)).headers["allow"] == allowed


async def test_the_name_is_the_clients_if_it_has_a_harmless_one(api: Api) -> None:
    named = (await api.client.get("/livez", headers={"x-request-id": "trace-1:2.a"})).headers["x-request-id"]
    assert named == "trace-1:2.a"
    for odd in ("", "x" * 65, "a b", "<script>"):
        named = (await api.client.get("/livez", headers={"x-request-id": odd})).headers["x-request-id"]
        assert named != odd
        assert len(named) == 32


async def test_a_mistake_of_ours_is_found_in_the_log_by_its_name(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.alerts.failure = ZeroDivisionError("ours")
    with caplog.at_level(logging.ERROR):
        answer = await api.client.get("/health", headers={"x-request-id": "here"})
        answer = await api.client.post(f"/alerts/{'a' * 16}/ack", json={"by": "x"}, headers={"x-request-id": "find-me"})
        assert answer.is_success
        api.silences.kept = None  # type: ignore[assignment]
        answer = await api.client.get("/silences", headers={"x-request-id": "find-me"})
    assert (answer.status_code, answer.json()["request_id"]) == (500, "find-me")
    assert answer.headers["x-request-id"] == "find-me"
    assert "NoneType" not in answer.text
    assert "(request find-me)" in caplog.text


async def test_the_document_says_what_a_problem_is_sent_as(api: Api) -> None:
    document = (await api.get("/openapi.json")).json()
    responses = document["paths"]["/predict"]["post"]["responses"]
    assert {status: list(response["content"]) for status, response in responses.items()} == {
        "200": ["application/json"],
        **{
            status: ["application/problem+json"]
            for status in ["401", "403", "408", "413", "415", "422", "429", "500", "503"]
        },
    }
    assert list(document["paths"]["/health"]["get"]["responses"]["503"]["content"]) == ["application/json"]
    refused = document["paths"]["/metrics"]["get"]["responses"]["401"]["content"]
    assert list(refused) == ["application/problem+json"]  # also where the route itself answers with plain text
