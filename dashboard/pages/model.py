"""**Model**: who serves and since when, what people say of it, what was done, by whom and why."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from fastapi import APIRouter, Request, Response

from api.security.gate import require
from contracts.audit import AuditEvent
from contracts.errors import BuzzwatchError, Unavailable
from contracts.events import SENTIMENTS
from contracts.settings import Settings
from dashboard.html.rendering import PageRoute, page
from dashboard.room import RoomOf
from learning.rollout.state import RolloutStatus
from stream.kafka.audit import audit_events

router = APIRouter(prefix="/room/model", route_class=PageRoute, include_in_schema=False)

_EVENTS: Final = 50
_WEEK_S: Final = 7 * 86_400


@router.get("", dependencies=[require("read")])
async def model(request: Request, room: RoomOf) -> Response:
    """All of it; a part that cannot be read says so."""
    try:
        loaded, missing = room.parts.champion.current, None
    except Unavailable as error:
        loaded, missing = None, str(error)
    now_s = int(time.time())
    judged, since, trial, events = await asyncio.gather(
        asyncio.to_thread(room.parts.judgements, since_s=now_s - _WEEK_S, until_s=now_s + 60),
        asyncio.to_thread(room.serving_since),
        asyncio.to_thread(room.trial),
        asyncio.to_thread(_newest, room.settings),
    )
    return page(
        request,
        room,
        "model.html",
        loaded=loaded,
        held_out=_by_set(loaded.metrics) if loaded else [],
        missing=missing,
        failure=room.parts.champion.failure,
        judged=sorted(judged.items(), key=lambda one: -one[1].right - one[1].wrong),
        since=since,
        trial=trial,
        share=_share(trial, room.settings),
        labels=SENTIMENTS,
        events=events,
    )


def _newest(settings: Settings) -> list[AuditEvent] | str:
    """The newest events first, or in one line why they cannot be read."""
    try:
        return list(deque(audit_events(settings), maxlen=_EVENTS))[::-1]
    except BuzzwatchError as error:
        return str(error)


def _share(trial: RolloutStatus, settings: Settings) -> float:
    """Which part of the tweets the challenger answers."""
    steps = settings.rollout.steps
    state = trial.state
    return steps[min(state.step, len(steps) - 1)].share if state is not None and state.phase == "canary" else 0.0


class Figure(NamedTuple):
    """A value with its interval."""

    value: float
    low: float | None
    high: float | None


def _by_set(metrics: Mapping[str, float]) -> list[tuple[str, dict[str, Figure]]]:
    """`set.figure.value`, `….low` and `….high` together, one entry per set of held-out tweets.

    Of a set without neutral tweets the figures are those between negative and positive: neutral is no answer there.
    """
    found: dict[str, dict[str, Figure]] = {}
    for name, value in metrics.items():
        place, _, part = name.rpartition(".")
        of, _, figure = place.partition(".")
        if part == "value" and figure:
            interval = metrics.get(f"{place}.low"), metrics.get(f"{place}.high")
            found.setdefault(of, {})[figure] = Figure(value, *interval)
    for figures in found.values():
        if "recall.neutral" not in figures:
            for name in ("accuracy", "ece"):
                figures[name] = figures.pop(f"binary_{name}", figures.get(name, Figure(0.0, None, None)))
            figures.pop("macro_recall", None)
            figures["two labels"] = figures["accuracy"]
    return sorted(found.items())
