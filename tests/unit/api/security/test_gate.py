"""Who gets in: keys, scopes, sessions, and this machine where no keys are needed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import httpx
import msgspec
import pytest
import redis

from api.factory import create_app
from api.security.gate import OPEN, Gate
from api.security.keyring import EVERY_S, STALE_S, Keyring
from api.security.keys import SCOPES, KeyRecord, Scope, new_key
from api.security.rates import Rates
from api.security.store import KeyStore
from contracts.settings import ApiSettings, RedisSettings, Settings
from contracts.times import clock_ms
from tests.unit.api.conftest import Api

UNLIMITED = Settings(
    api=ApiSettings(rate_read="", rate_predict="", rate_feedback="", rate_review="", rate_operate="", rate_login="")
)
_REQUESTS: dict[Scope, tuple[str, str, Any]] = {
    "read": ("GET", "/alerts", None),
    "predict": ("POST", "/predict", {"text": "bad"}),
    "feedback": (
        "POST",
        "/feedback",
        {
            "prediction_id": "4a7f0a54-2a8e-5f0e-8a43-0d9f5b8b6c11",
            "predicted": "negative",
            "correct": True,
            "model_version": "1",
        },
    ),
    "operate": ("POST", f"/alerts/{'a' * 16}/ack", {"by": "maya"}),
}


class FakeKeyStore:
    """Keeps keys in memory; `down` when Redis is."""

    def __init__(self) -> None:
        self.records: dict[str, KeyRecord] = {}
        self.used: dict[str, int] = {}
        self.down = False
        self.reads = 0

    def make(self, *scopes: Scope, **changes: Any) -> str:
        key = new_key("maya", scopes, now_ms=1, created_by="ops")
        self.records[key.record.id] = msgspec.structs.replace(key.record, **changes)
        return key.text

    def all(self) -> dict[str, KeyRecord]:
        self.reads += 1
        if self.down:
            raise redis.ConnectionError("gone")
        return dict(self.records)

    def note_used(self, used_ms: dict[str, int]) -> None:
        self.used |= used_ms


class Guarded:
    """The API where keys are needed, and its keys. Time stands still until `passes`."""

    def __init__(self, api: Api) -> None:
        self.store = FakeKeyStore()
        self.now = 1000.0
        self.keyring = Keyring(cast("KeyStore", self.store), RedisSettings(), clock=lambda: self.now)
        self.app = create_app(replace(api.parts, gate=Gate(self.keyring, None, Rates(UNLIMITED), required=True)))
        self.client = httpx.AsyncClient()

    def passes(self, seconds: float) -> None:
        self.now += seconds

    async def ask(self, scope: Scope, key: str | None) -> httpx.Response:
        method, path, body = _REQUESTS[scope]
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return await self.client.request(method, path, json=body, headers=headers)


@pytest.fixture
async def guarded(api: Api) -> AsyncIterator[Guarded]:
    guarded = Guarded(api)
    guarded.app.state.scoring = api.app.state.scoring  # the routes' parts are those of `api`, started by it
    transport = httpx.ASGITransport(guarded.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.example.org") as guarded.client:
        yield guarded


@pytest.mark.parametrize("scope", list(_REQUESTS))
async def test_each_scope_opens_its_routes_and_no_others(guarded: Guarded, scope: Scope) -> None:
    own = guarded.store.make(scope)
    others = guarded.store.make(*(one for one in SCOPES if one != scope))
    assert (await guarded.ask(scope, own)).is_success
    refused = await guarded.ask(scope, others)
    assert refused.status_code == 403
    assert f"lacks the scope {scope}" in refused.json()["detail"]
    assert f'error="insufficient_scope", scope="{scope}"' in refused.headers["www-authenticate"]


async def test_every_route_that_does_not_stand_open_refuses_who_has_no_key(guarded: Guarded) -> None:
    document = guarded.app.openapi()["paths"]
    routes = [(method, path) for path, methods in document.items() for method in methods if path not in OPEN]
    assert len(routes) > 10
    for method, path in [*routes, ("get", "/"), ("post", "/logout"), ("get", "/nowhere"), ("trace", "/alerts")]:
        answer = await guarded.client.request(method.upper(), path.replace("{", "").replace("}", ""))
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer"), (method, path)


async def test_every_route_that_changes_something_asks_for_a_scope(guarded: Guarded) -> None:
    document = guarded.app.openapi()["paths"]
    unasked = [
        f"{method} {path}"
        for path, methods in document.items()
        for method, route in methods.items()
        if not any("key" in one for one in route.get("security", ())) and path not in OPEN
    ]
    assert unasked == ["get /session"]  # which every key may ask


async def test_what_stands_open_tells_no_details(guarded: Guarded) -> None:
    assert (await guarded.client.get("/livez")).json() == {"status": "ok"}
    assert (await guarded.client.get("/readyz")).is_success
    health = (await guarded.client.get("/health", params={"alerts": "critical"})).json()
    assert health["components"]["kafka"] == {"status": "ok", "version": None, "detail": None}
    assert "critical_alerts" not in health
    key = guarded.store.make("read")
    told = await guarded.client.get("/health?alerts=critical", headers={"authorization": f"Bearer {key}"})
    assert told.json()["components"]["kafka"]["version"] == "4.1"
    assert told.json()["critical_alerts"]


async def test_keys_that_are_wrong_expired_or_revoked_are_refused_alike(guarded: Guarded) -> None:
    now = clock_ms()
    expired, revoked = guarded.store.make(*SCOPES, expires_ms=now - 1), guarded.store.make(*SCOPES, revoked_ms=now - 1)
    unknown = new_key("eve", SCOPES, now_ms=1, created_by="eve").text
    forged = guarded.store.make(*SCOPES)[:-43] + "A" * 43
    answers = [await guarded.ask("read", key) for key in (expired, revoked, unknown, forged)]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    malformed = await guarded.ask("read", "swordfish")
    assert (malformed.status_code, "swordfish" in malformed.text) == (401, False)


async def test_who_has_no_key_is_refused_before_the_body_is_read(guarded: Guarded) -> None:
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"{}"

    answer = await guarded.client.post("/predict", content=body())
    assert (answer.status_code, read) == (401, False)


async def test_a_new_key_works_at_once_and_a_revoked_one_ends_within_two_seconds(guarded: Guarded) -> None:
    guarded.keyring.read()
    guarded.passes(1)
    key = guarded.store.make("read")
    assert (await guarded.ask("read", key)).is_success
    [key_id] = guarded.store.records
    guarded.store.records[key_id] = msgspec.structs.replace(guarded.store.records[key_id], revoked_ms=2)
    guarded.passes(EVERY_S)
    guarded.keyring.read()  # as its thread does
    assert (await guarded.ask("read", key)).status_code == 401


async def test_unknown_keys_do_not_make_it_ask_redis_again_and_again(guarded: Guarded) -> None:
    for _ in range(50):
        unknown = new_key("eve", SCOPES, now_ms=1, created_by="eve").text
        assert (await guarded.ask("read", unknown)).status_code == 401
    assert guarded.store.reads == 1


async def test_without_redis_known_keys_stay_good_for_five_minutes(guarded: Guarded) -> None:
    key = guarded.store.make("predict")
    assert (await guarded.ask("predict", key)).is_success
    guarded.store.down = True
    guarded.passes(STALE_S - 1)
    assert not guarded.keyring.read()
    assert (await guarded.ask("predict", key)).is_success
    guarded.passes(2)
    refused = await guarded.ask("predict", key)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")


async def test_the_last_use_is_noted(guarded: Guarded) -> None:
    key = guarded.store.make("read")
    await guarded.ask("read", key)
    guarded.keyring.read()
    assert list(guarded.store.used) == list(guarded.store.records)
    assert abs(guarded.store.used.popitem()[1] - time.time() * 1000) < 60_000


async def test_a_browser_without_a_session_is_led_to_the_sign_in_page(guarded: Guarded) -> None:
    answer = await guarded.client.get("/stats?watch=delta", headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fstats%3Fwatch%3Ddelta")
    page = await guarded.client.get(answer.headers["location"])
    assert page.is_success
    assert 'name="next" value="/stats?watch=delta"' in page.text


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", 'x"><script>', ""])
async def test_signing_in_leads_to_no_other_site(guarded: Guarded, elsewhere: str) -> None:
    page = await guarded.client.get("/login", params={"next": elsewhere})
    assert 'name="next" value="/"' in page.text


async def test_the_page_to_sign_in_speaks_the_browsers_language(guarded: Guarded) -> None:
    english = (await guarded.client.get("/login")).text
    french = (await guarded.client.get("/login", headers={"accept-language": "fr-CH, en;q=0.5"})).text
    assert '<html lang="en">' in english
    assert "Sign in" in english
    assert '<html lang="fr">' in french
    assert "Se connecter" in french


async def test_without_keys_only_this_machine_is_let_in(api: Api) -> None:
    assert (await api.get("/alerts")).is_success
    transport = httpx.ASGITransport(api.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.5:8000") as beyond:
        refused = await beyond.get("/alerts")
        assert refused.status_code == 403
        assert "arrived at 10.0.0.5" in refused.json()["detail"]
        assert (await beyond.get("/livez")).is_success
    for headers, why in (
        ({"x-forwarded-for": "203.0.113.9"}, "a proxy brought it"),
        ({"host": "rebound.example"}, "the name rebound.example"),
    ):
        refused = await api.client.get("/alerts", headers=headers)
        assert (refused.status_code, why in refused.json()["detail"]) == (403, True)
    assert (await api.client.get("/alerts", headers={"host": "localhost:8000"})).is_success


async def test_without_keys_a_form_of_another_site_is_refused(api: Api) -> None:
    body = {"by": "eve"}
    path = f"/alerts/{'a' * 16}/ack"
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert (await api.client.post(path, json=body, headers=headers)).status_code == 403
    assert (await api.client.post(path, json=body, headers={"origin": "http://127.0.0.1"})).is_success
