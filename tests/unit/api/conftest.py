from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from alerts.counters.counts import Counts, Point
from alerts.counters.feedback_counts import Judgements
from alerts.state.alert import Acknowledgement, Alert, State
from alerts.state.silences import Silence, UnknownSilence
from api.factory import create_app
from api.parts import Component, Parts
from api.security.gate import Gate
from contracts.audit import AuditEvent
from contracts.errors import Unavailable
from contracts.events import Feedback
from contracts.rules.routing import InhibitRule
from contracts.rules.schema import Rules, Theme, Watch
from contracts.settings import ApiSettings
from models.annotator import Annotator
from tests.fake_model import FakeChampion

RULES = Rules(
    watches=(Watch(name="air-paradis", match=("@airparadis",)), Watch(name="rival", match=("@rival",))),
    themes=(Theme(name="baggage", match=("bag", "baggage")),),
)


class FakeFeedback:
    """Keeps what it is told, unless Kafka is `down`."""

    def __init__(self) -> None:
        self.published: list[Feedback] = []
        self.down = False

    async def publish(self, feedback: Feedback) -> None:
        if self.down:
            raise Unavailable("Kafka has not acknowledged the judgement")
        self.published.append(feedback)

    def start(self) -> None: ...

    def stop(self) -> None: ...


class FakeAlerts:
    """A firing critical and a resolved alert."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.kept = [
            Alert("bad_buzz", "a" * 16, {"alertname": "BadBuzz", "severity": "critical"}, {}, 1_000_000, 0.5),
            Alert("bad_buzz", "b" * 16, {"alertname": "Old", "severity": "warning"}, {}, 1000, 0.5, 2000),
        ]

    def list(self, state: State | None = None) -> Any:
        if self.failure:
            raise self.failure
        return [alert for alert in self.kept if state in (None, alert.state)]

    def acknowledge(self, fingerprint: str, acknowledgement: Acknowledgement | None) -> Alert | None:
        for number, alert in enumerate(self.kept):
            if alert.fingerprint == fingerprint and alert.state != "resolved":
                self.kept[number] = msgspec.structs.replace(alert, acknowledgement=acknowledgement)
                return self.kept[number]
        return None


class FakeSilences:
    """Keeps silences in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Silence] = {}

    def list(self, now_ms: int) -> Any:
        return list(self.kept.values())

    def get(self, silence_id: str) -> Silence:
        if silence_id not in self.kept:
            raise UnknownSilence(f"there is no silence {silence_id!r}")
        return self.kept[silence_id]

    def add(self, silence: Silence, now_ms: int) -> None:
        self.kept[silence.id] = silence

    def change(self, silence_id: str, new: Silence, now_ms: int) -> Silence:
        self.kept[silence_id] = msgspec.structs.replace(new, id=self.get(silence_id).id)
        return self.kept[silence_id]

    def expire(self, silence_id: str, now_ms: int) -> Silence:
        self.kept[silence_id] = msgspec.structs.replace(self.get(silence_id), ends_at_ms=now_ms)
        return self.kept[silence_id]


class FakeStats:
    """Answers one point and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.points = [Point(1_700_000_040, "air-paradis", "", Counts(3, 1, 0), texts=2, unreliable=1)]

    def stats(self, **asked: Any) -> list[Point]:
        self.asked = asked
        return self.points


class FakeJudgements:
    """Answers `found` and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}
        self.found: dict[str, Judgements] = {}

    def __call__(self, **asked: int) -> dict[str, Judgements]:
        self.asked = asked
        return self.found


class Api:
    """The app, its fakes and a client."""

    def __init__(self) -> None:
        self.champion = FakeChampion()
        self.feedback = FakeFeedback()
        self.alerts = FakeAlerts()
        self.silences = FakeSilences()
        self.inhibit_rules: tuple[InhibitRule, ...] = ()
        self.stats = FakeStats()
        self.judgements = FakeJudgements()
        self.doubt: str | None = None
        self.audited: list[AuditEvent] = []
        self.kept: list[str] = []
        """Kinds of the events whose block ended well."""
        self.kafka = Component("ok", "4.1")
        self.parts = Parts(
            settings=ApiSettings(),
            champion=self.champion,
            annotator=Annotator(RULES),
            feedback=self.feedback,
            alerts=self.alerts,
            silences=self.silences,
            stats=self.stats,
            judgements=self.judgements,
            probes={"kafka": lambda: self.kafka},
            gate=Gate.open(),
            doubts=lambda judgement: self.doubt,
            audit=self.audited.append,
            audit_kept=self._keeping,
            rules=lambda: RULES.model_copy(update={"inhibit_rules": self.inhibit_rules}),
        )
        self.app: FastAPI = create_app(self.parts)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    @contextmanager
    def _keeping(self, event: AuditEvent) -> Iterator[None]:
        assert event not in self.audited  # before it is done, and before it is sent
        yield
        self.kept.append(event.what)

    def with_settings(self, **settings: Any) -> None:
        self.parts = replace(self.parts, settings=ApiSettings(**settings))
        self.app = create_app(self.parts)

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.client.post(path, json=body)

    async def delete(self, path: str) -> httpx.Response:
        return await self.client.delete(path)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    async with api.app.router.lifespan_context(api.app), api.client:
        yield api
