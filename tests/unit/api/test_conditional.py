from __future__ import annotations

import asyncio
import gzip
from typing import Any

import msgspec
import pytest

from api.parts import Component, remembered
from api.traffic.conditional import LEAST_BYTES, TAGGED
from tests.unit.api.conftest import Api

_WHEN = {"since": "2026-11-20T10:00:00Z", "until": "2026-11-20T11:00:00Z"}


def _many(api: Api, number: int) -> None:
    first = api.alerts.kept[0]
    api.alerts.kept = [msgspec.structs.replace(first, fingerprint=f"{at:016x}") for at in range(number)]


@pytest.mark.parametrize("path", sorted(TAGGED))
async def test_what_has_not_changed_is_not_sent_again(api: Api, path: str) -> None:
    params: dict[str, Any] = _WHEN if path == "/stats" else {}
    first = await api.get(path, **params)
    assert first.status_code == 200
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for given in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = await api.client.get(path, params=params, headers={"if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["x-request-id"]
    other = await api.client.get(path, params=params, headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)
    head = await api.client.head(path, params=params)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)


async def test_a_change_has_another_tag_and_a_refusal_has_none(api: Api) -> None:
    before = (await api.get("/alerts")).headers["etag"]
    del api.alerts.kept[0]
    assert (await api.get("/alerts")).headers["etag"] != before
    refused = await api.client.get("/alerts", params={"state": "none"}, headers={"if-none-match": "*"})
    assert refused.status_code == 422
    assert "etag" not in refused.headers
    assert refused.json()["status"] == 422


async def test_long_answers_are_packed_for_who_takes_it_and_pages_with_forms_never_are(api: Api) -> None:
    _many(api, 50)
    async with api.client.stream("GET", "/alerts", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    plain = await api.client.get("/alerts", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert "accept-encoding" in plain.headers["vary"].lower()
    assert gzip.decompress(raw) == plain.content
    assert len(plain.content) > LEAST_BYTES
    tag = answer.headers["etag"]
    again = await api.client.get("/alerts", headers={"accept-encoding": "gzip", "if-none-match": tag})
    assert again.status_code == 304
    short = await api.client.get("/silences", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in short.headers
    login = await api.client.get("/login", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in login.headers


async def test_a_long_list_comes_in_parts_that_name_the_next(api: Api) -> None:
    _many(api, 25)
    seen: list[str] = []
    path = "/alerts?state=firing&limit=10"
    while path:
        answer = await api.client.get(path)
        assert answer.headers["x-total-count"] == "25"
        seen += [alert["fingerprint"] for alert in answer.json()["alerts"]]
        path = answer.headers.get("link", "").removeprefix("<").partition(">")[0]
    assert seen == [alert.fingerprint for alert in api.alerts.kept]
    assert (await api.get("/alerts", offset=25)).json() == {"alerts": []}
    everything = await api.get("/alerts")
    assert len(everything.json()["alerts"]) == 25
    assert "link" not in everything.headers


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "limit=ten", "limit=1&limit=2", "page=2"])
@pytest.mark.parametrize("path", ["/alerts", "/silences"])
async def test_a_part_that_cannot_be_is_refused(api: Api, path: str, query: str) -> None:
    answer = await api.client.get(f"{path}?{query}")
    assert answer.status_code == 422
    assert query.partition("=")[0] in answer.json()["detail"]


async def test_every_example_of_the_document_works(api: Api) -> None:
    document = (await api.get("/openapi.json")).json()
    tried = 0
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            if "requestBody" not in route or path.startswith("/review"):  # the queue needs a Redis
                continue
            schema = route["requestBody"]["content"]["application/json"]["schema"]
            [example] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["examples"]
            address = path.replace("{fingerprint}", api.alerts.kept[0].fingerprint)
            answer = await api.client.request(method, address, json=example)
            assert answer.is_success, f"{method} {path}: {answer.text}"
            assert str(answer.status_code) in route["responses"]
            tried += 1
    assert tried >= 6


def test_a_component_is_asked_once_a_second_however_many_ask() -> None:
    now, asked = [0.0], []

    def probe() -> Component:
        asked.append(now[0])
        return Component("ok", str(len(asked)))

    quick = remembered(probe, 1.0, lambda: now[0])

    async def ten() -> set[str | None]:
        return {one.version for one in await asyncio.gather(*(asyncio.to_thread(quick) for _ in range(10)))}

    assert asyncio.run(ten()) == {"1"}
    now[0] = 1.0
    assert quick().version == "2"
    assert asked == [0.0, 1.0]
