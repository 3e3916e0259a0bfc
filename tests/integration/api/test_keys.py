"""Keys and sessions in a real Redis: what the command makes, the API takes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from alerts.storage.audit_waiting import WaitingEvents
from alerts.storage.connection import connect
from api.errors import install
from api.routes import login
from api.security.first_key import make_first_key
from api.security.gate import Authenticated, Gate, require
from api.security.keys import PresentedKey, Scope
from api.security.production import production_findings
from api.security.store import KeyStore
from bootstrap.api import build_gate
from cli.main import app as command
from contracts.audit import AuditEvent
from contracts.settings import ApiSettings, Settings
from contracts.times import clock_ms
from contracts.topics import TopicSettings
from demo.access import access
from stream.kafka.audit import audit_events

Run = Callable[..., Any]
AUDITED: list[AuditEvent] = []


@pytest.fixture
def run(settings: Settings, topics: TopicSettings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`buzzwatch keys …` on the test's Redis."""
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", settings.redis.url)
    monkeypatch.setenv("BUZZWATCH_REDIS__PREFIX", settings.redis.prefix)
    monkeypatch.setenv("BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS", settings.kafka.bootstrap_servers)
    monkeypatch.setenv("BUZZWATCH_KAFKA__TOPICS", topics.model_dump_json())
    monkeypatch.setenv("BUZZWATCH_LOCAL__DATA_DIR", str(settings.local.data_dir))

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(command, ["keys", *arguments])

    return run


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An app with one page to read and one that changes something, behind a gate with keys."""
    redis_client = connect(settings)
    required = settings.model_copy(update={"api": ApiSettings(require_keys=True)})
    with redis_client:
        key = _record_of(settings, make_key(settings, "seed", ("read",)))
        gate = build_gate(required, redis_client)
        assert key is not None
        app = _app(gate, WaitingEvents(redis_client, settings))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://buzz.example.org", timeout=60) as client:
            yield client
        await gate.rates.stop()


def _app(gate: Gate, waiting: WaitingEvents) -> FastAPI:
    app = FastAPI()
    app.state.parts = SimpleNamespace(gate=gate, audit=AUDITED.append, audit_kept=waiting.keeping)
    app.include_router(login.router)

    @app.get("/page", dependencies=[require("read")])
    async def page() -> str:
        return "read"

    @app.post("/act", dependencies=[require("operate")])
    async def act() -> str:
        return "done"

    install(app)
    app.add_middleware(Authenticated)
    return app


def make_key(settings: Settings, name: str, scopes: tuple[Scope, ...]) -> str:
    from api.security.keys import new_key

    key = new_key(name, scopes, now_ms=clock_ms(), created_by="test")
    with connect(settings) as client:
        KeyStore(client, settings).add(key.record, key.record.created_ms)
    return key.text


def _record_of(settings: Settings, text: str) -> Any:
    presented = PresentedKey.read(text)
    assert presented is not None
    with connect(settings) as client:
        return KeyStore(client, settings).all().get(presented.id)


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_what_the_command_makes_the_api_takes_until_it_is_revoked(run: Run, client: httpx.AsyncClient) -> None:
    made = run("create", "maya", "--scopes", "read,operate")
    key = made.stdout.strip()
    assert re.fullmatch(r"bw_[0-9a-f]{12}_[\w-]{43}", key)
    await asyncio.sleep(0.6)  # unknown keys are looked for twice a second
    assert (await client.get("/page", headers=_bearer(key))).is_success
    assert (await client.post("/act", headers=_bearer(key))).is_success

    [listed] = [one for one in json.loads(run("list", "--format", "json").stdout) if one["name"] == "maya"]
    assert (listed["scopes"], listed["state"]) == (["read", "operate"], "active")
    secret = key.split("_", 2)[2]
    assert secret not in run("list", "--all", "--format", "json").stdout + run("list").stdout

    assert run("revoke", listed["id"]).exit_code == 0
    states = {one["id"]: one["state"] for one in json.loads(run("list", "--all", "--format", "json").stdout)}
    assert states[listed["id"]] == "revoked"


def test_a_rotated_key_keeps_name_and_scopes_and_the_old_one_ends(run: Run, settings: Settings) -> None:
    old = _record_of(settings, run("create", "shop", "--scopes", "predict", "--expires", "never").stdout.strip())
    assert old.expires_ms is None
    new = _record_of(settings, run("rotate", old.id, "--grace", "1h").stdout.strip())
    assert (new.name, new.scopes, new.replaces) == ("shop", ("predict",), old.id)
    with connect(settings) as client:
        ends_ms = KeyStore(client, settings).all()[old.id].expires_ms
    assert ends_ms is not None
    assert abs(ends_ms - time.time() * 1000 - 3_600_000) < 60_000
    assert run("rotate", new.id, "--grace", "0s").exit_code == 0
    again = run("rotate", new.id)
    assert (again.exit_code, "it is expired" in str(again.exception)) == (1, True)
    noted = [(event.what, event.subject, event.figures["replaces"]) for event in audit_events(settings)]
    assert noted[:2] == [
        ("key.created", f"key {old.id}", None),
        ("key.rotated", f"key {new.id}", old.id),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "x", "--scopes", "reed"], "--scopes: there is no scope 'reed'; there are read, predict, feedback"),
        (["create", "x", "--scopes", ","], "--scopes: names no scope"),
        (["create", "x", "--scopes", "read", "--expires", "soon"], "--expires: "),
        (["create", "x", "--scopes", "read", "--expires", "0d"], "--expires: 0d is no time"),
        (["create", "\x1b[2J", "--scopes", "read"], "NAME: "),
        (["create", "", "--scopes", "read"], "NAME: "),
        (["revoke", "nobody"], "there is no key 'nobody'"),
        (["rotate", "nobody"], "there is no key"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, arguments: list[str], said: str) -> None:
    answer = run(*arguments)
    assert answer.exit_code == 1
    assert said in str(answer.exception)
    assert answer.stdout == ""


async def test_a_browser_signs_in_acts_with_the_token_and_signs_out(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    key = make_key(settings, "maya", ("read", "operate"))
    await asyncio.sleep(0.6)
    signed_in = await client.post("/login", data={"key": key, "next": "/page"})
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/page")
    cookie = signed_in.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    with connect(settings) as store:
        kept = "".join(f"{name} {store.get(name)}" for name in store.scan_iter(f"{settings.redis.prefix}:*session*"))
    assert kept
    assert client.cookies["buzzwatch_session"] not in kept

    assert (AUDITED[-1].who, AUDITED[-1].what) == ("maya", "session.begun")
    with connect(settings) as store:
        assert WaitingEvents(store, settings).due(after_s=0) == AUDITED[-1:]  # kept before, whatever is killed
    assert (await client.get("/page")).is_success
    who = (await client.get("/session")).json()
    assert (who["name"], who["scopes"]) == ("maya", ["operate", "read"])
    token = who["csrf_token"]
    assert (await client.post("/act")).status_code == 403
    assert (await client.post("/act", headers={"x-csrf-token": "0" * 64})).status_code == 403
    assert (await client.post("/act", data={"csrf_token": "0" * 64})).status_code == 403
    assert (await client.post("/act", headers={"x-csrf-token": token})).is_success
    assert (await client.post("/act", data={"csrf_token": token})).is_success
    foreign = {"x-csrf-token": token, "sec-fetch-site": "cross-site"}
    assert (await client.post("/act", headers=foreign)).status_code == 403

    session = client.cookies["buzzwatch_session"]
    assert (await client.post("/logout", data={"csrf_token": token})).status_code == 303
    client.cookies.set("buzzwatch_session", session)  # a copy of the cookie is of no use either
    assert (await client.get("/page")).status_code == 401


async def test_over_https_the_cookie_is_secure_and_a_wrong_key_gets_none(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    key = make_key(settings, "maya", ("read",))
    await asyncio.sleep(0.6)
    assert "Secure" in (await client.post("https://buzz.example.org/login", data={"key": key})).headers["set-cookie"]
    client.cookies.clear()
    for wrong in (key[:-1], "", key[:-43] + "A" * 43):
        refused = await client.post("/login", data={"key": wrong or " "})
        assert refused.status_code == 401
        assert "set-cookie" not in refused.headers
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert (await client.post("/login", data={"key": key}, headers=elsewhere)).status_code == 403


def test_the_first_key_is_made_once_and_only_its_owner_may_read_it(settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"local": settings.local.model_copy(update={"data_dir": tmp_path / "data"})})
    file = make_first_key(settings)
    assert file == tmp_path / "data" / "first-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    record = _record_of(settings, file.read_text().strip())
    assert (record.name, len(record.scopes)) == ("first", 5)
    assert make_first_key(settings) is None


def test_an_api_that_others_can_reach_does_not_start_without_a_key(settings: Settings, tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "1"],
        env={
            **os.environ,
            "BUZZWATCH_REDIS__URL": settings.redis.url,
            "BUZZWATCH_REDIS__PREFIX": settings.redis.prefix,
            "BUZZWATCH_LOCAL__DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert started.returncode == 1
    assert (
        started.stderr.strip()
        .splitlines()[-1]
        .startswith(
            "buzzwatch: BUZZWATCH_API__HOST: the API needs keys to listen on 0.0.0.0, and there is none that is good"
        )
    )


def test_the_demo_has_a_key_of_its_own_where_one_is_needed_and_gives_it_back(settings: Settings) -> None:
    with access(settings) as headers:
        assert headers == {}
    with access(settings.model_copy(update={"api": ApiSettings(require_keys=True)})) as headers:
        record = _record_of(settings, headers["authorization"].removeprefix("Bearer "))
        assert (record.state(clock_ms()), record.scopes) == ("active", ("read", "feedback", "review", "operate"))
    with connect(settings) as client:
        assert KeyStore(client, settings).all()[record.id].revoked_ms is not None


def test_the_doctor_names_the_first_key_and_keys_that_never_expire(settings: Settings) -> None:
    required = settings.model_copy(update={"api": ApiSettings(require_keys=True)})
    assert "there is no key that is good" in _doubts_about_keys(required)
    assert make_first_key(required) is not None
    make_key(settings, "shop", ("predict",))
    found = _doubts_about_keys(required)
    assert "(first) was made by itself" in found
    assert "(shop) never expires" in found


def _doubts_about_keys(settings: Settings) -> str:
    return "; ".join(one.detail for one in production_findings(settings) if one.component == "keys")
