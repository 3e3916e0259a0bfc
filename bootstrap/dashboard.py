"""Builds the watch room: its own readers of Redis, beside those of the API, and the process that makes frames."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import redis

from alerts.counters.feedback_counts import serving_since
from alerts.counters.store import CounterStore
from alerts.outbox.attempts import AttemptLog
from alerts.outbox.presence import Notifiers
from alerts.outbox.redelivery import Redelivery
from alerts.outbox.store import Outbox
from alerts.state.opinions import OpinionStore
from alerts.state.silences import SilenceStore
from alerts.state.store import AlertStore
from api.factory import Extension
from api.parts import Parts
from contracts.rules.schema import Rules
from contracts.settings import Settings
from dashboard.feed.board import Board
from dashboard.feed.feed import Feed
from dashboard.feed.maker import Maker
from dashboard.lately import Lately
from dashboard.model_desk import ModelDesk, run_models
from dashboard.pages.file_jobs import FileJobs
from dashboard.room import Learned, Room
from dashboard.routes import room_router
from learning.labels.log import resolved_labels
from learning.labels.stats import label_stats
from learning.review.accuracy import saturation
from learning.rollout.state import TrialStore

FRAMES: Final = "bootstrap.frames"
"""The module of the process that makes frames."""
_LEARNED_S = 60.0
"""How old what the page Review shows of all judgements may be: the whole topic is read for it."""


def build_room(settings: Settings, client: redis.Redis, parts: Parts) -> Extension | None:
    """The pages for an app, None when the settings switch them off; nothing is contacted before they start."""
    if settings.dashboard.path == "off":
        return None
    alerts, silences = AlertStore(client, settings), SilenceStore(client, settings)
    board = Board(settings, client, parts.rules)
    making = _Making(settings, parts)
    feed = Feed(settings.dashboard.readers, making.start, making.is_outdated)
    room = Room(
        settings=settings,
        parts=parts,
        feed=feed,
        board=board,
        alerts=alerts,
        silences=silences,
        serving_since=partial(serving_since, client, settings),
        opinions=OpinionStore(client, settings),
        attempts=AttemptLog(client, settings),
        notifiers=Notifiers(client, settings),
        trials=TrialStore(client, settings),
        models=ModelDesk(run_models),
        answers=CounterStore(client, settings).answers,
        learned=Lately(partial(_learned, settings), _LEARNED_S),
        outbox=Outbox(client, settings),
        redelivery=Redelivery(client, settings),
    )
    jobs = FileJobs()

    async def stop() -> None:
        await feed.stop()
        await asyncio.to_thread(jobs.stop)

    return Extension(room_router(settings.dashboard.path), {"room": room, "jobs": jobs}, feed.start, stop)


def _learned(settings: Settings) -> Learned:
    found = resolved_labels(settings)
    return Learned(label_stats(found), saturation(found.labels))


class _Making:
    """Starts the process that makes frames, with the rules in force."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._rules_now = parts.rules
        self._rules: Rules | None = None

    def start(self) -> Maker:
        self._rules = self._rules_now()
        return Maker(FRAMES, (self._settings, self._rules))

    def is_outdated(self) -> bool:
        return self._rules is not self._rules_now()
