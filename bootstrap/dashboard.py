"""Builds the watch room: its own readers of Redis and Kafka, beside those of the API."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import redis

from alerts.counters.feedback_counts import serving_since
from alerts.counters.store import CounterStore
from alerts.outbox.attempts import AttemptLog
from alerts.outbox.redelivery import Redelivery
from alerts.outbox.store import Outbox
from alerts.state.opinions import OpinionStore
from alerts.state.silences import SilenceStore
from alerts.state.store import AlertStore
from api.factory import Extension
from api.parts import Parts
from contracts.settings import Settings
from dashboard.feed.alert_view import views
from dashboard.feed.board import Board
from dashboard.feed.feed import Feed
from dashboard.feed.forgotten import ForgottenTweets
from dashboard.feed.tail import ScoredTail
from dashboard.lately import Lately
from dashboard.model_desk import ModelDesk, run_models
from dashboard.pages.file_jobs import FileJobs
from dashboard.room import Learned, Room
from dashboard.routes import room_router
from learning.labels.log import read_labels
from learning.labels.resolution import resolve
from learning.labels.stats import label_stats
from learning.review.accuracy import saturation
from learning.rollout.state import TrialStore

_LEARNED_S = 60.0
"""How old what the page Review shows of all judgements may be: the whole topic is read for it."""


def build_room(settings: Settings, client: redis.Redis, parts: Parts) -> Extension | None:
    """The pages for an app, None when the settings switch them off; nothing is contacted before they start."""
    if settings.dashboard.path == "off":
        return None
    alerts, silences = AlertStore(client, settings), SilenceStore(client, settings)
    board = Board(
        CounterStore(client, settings),
        AlertStore(client, settings),
        parts.rules,
        bucket_s=settings.alerts.bucket_s,
        fresh_s=settings.dashboard.frame_ms / 1000 / 2,
    )
    feed = Feed(
        settings.dashboard,
        ScoredTail(settings),
        board,
        partial(_open_alerts, alerts, silences, parts),
        ForgottenTweets(client, settings.redis.prefix),
    )
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
    found = resolve(read_labels(settings), settings.learning)
    return Learned(label_stats(found), saturation(found.labels))


def _open_alerts(alerts: AlertStore, silences: SilenceStore, parts: Parts) -> list[dict[str, Any]]:
    return [view.brief() for view in views(alerts, silences, parts.rules().inhibit_rules, history=False)]
