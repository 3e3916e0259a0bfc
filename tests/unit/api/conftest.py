from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from alerts.alert import Alert, State
from alerts.counts import Counts, Point
from alerts.judgements import Judgements
from api.factory import create_app
from api.parts import Component, Parts
from contracts.errors import Unavailable
from contracts.events import Feedback
from contracts.rules import Rules, Theme, Watch
from contracts.settings import ApiSettings
from models.annotate import Annotator
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
            Alert("bad_buzz", "b" * 16, {"alertname": "Old", "severity": "warning"}, {}, 1000, 0.5, (), 2000),
        ]

    def list(self, state: State | None = None) -> Any:
        if self.failure:
            raise self.failure
        return [alert for alert in self.kept if state in (None, alert.state)]


class FakeStats:
    """Answers one point and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def stats(self, **asked: Any) -> list[Point]:
        self.asked = asked
        return [Point(1_700_000_040, "air-paradis", "", Counts(3, 1, 0))]


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
        self.stats = FakeStats()
        self.judgements = FakeJudgements()
        self.kafka = Component("ok", "4.1")
        self.parts = Parts(
            settings=ApiSettings(),
            champion=self.champion,
            annotator=Annotator(RULES),
            feedback=self.feedback,
            alerts=self.alerts,
            stats=self.stats,
            judgements=self.judgements,
            probes={"kafka": lambda: self.kafka},
        )
        self.app: FastAPI = create_app(self.parts)
        self.client = httpx.AsyncClient()

    def with_settings(self, **settings: Any) -> None:
        self.parts = replace(self.parts, settings=ApiSettings(**settings))
        self.app = create_app(self.parts)

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.client.post(path, json=body)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(path, params=params)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    transport = httpx.ASGITransport(api.app, raise_app_exceptions=False)
    async with (
        api.app.router.lifespan_context(api.app),
        httpx.AsyncClient(transport=transport, base_url="http://api") as api.client,
    ):
        yield api
