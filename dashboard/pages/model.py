"""**Model**: who serves and since when, all versions, how far it can be believed, promoting and rolling back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Form, Request, Response

from api.security.gate import require
from contracts.audit import AuditEvent
from contracts.errors import BuzzwatchError, Unavailable
from contracts.events import SENTIMENTS
from contracts.settings import Settings
from contracts.times import clock_ms
from dashboard.html.rendering import PageRoute, back, caller_of, page, remember_name
from dashboard.lately import Known
from dashboard.pages.drift import DriftNow, drift_now, drift_rule
from dashboard.room import Room, RoomOf
from learning.rollout.trials import share_of, still_missing
from models.registry.champion import LoadedModel
from stream.kafka.audit import audit_events

router = APIRouter(prefix="/room/model", route_class=PageRoute, include_in_schema=False)

_EVENTS: Final = 50
_WEEK_S: Final = 7 * 86_400
_FIRST_S: Final = 1.0
"""How long the page waits for the first list of versions, and for the champion's slices."""
_ESTIMATED: Final = "1h"
"""Of the stream: it is read for an estimate."""
SHOWN: Final = ("airline.accuracy", "airline.macro_recall", "semeval.macro_recall", "sentiment140.binary_accuracy")
"""Figures of the table of versions, as in `buzzwatch models list`."""
Who = Annotated[str, Form(min_length=1, max_length=100)]
Version = Annotated[str, Form(pattern=r"^\d{1,9}$")]


@router.get("", dependencies=[require("read")])
async def model(request: Request, room: RoomOf) -> Response:
    """All of it; a part that cannot be read says so."""
    try:
        loaded, missing = room.parts.champion.current, None
    except Unavailable as error:
        loaded, missing = None, str(error)
    now_s = int(time.time())
    slow = asyncio.gather(asyncio.to_thread(room.models.versions, _FIRST_S), asyncio.to_thread(_by_slice, room, loaded))
    judged, since, trial, events, drift, (versions, by_slice) = await asyncio.gather(
        asyncio.to_thread(room.parts.judgements, since_s=now_s - _WEEK_S, until_s=now_s + 60),
        asyncio.to_thread(room.serving_since),
        asyncio.to_thread(room.trials.status),
        asyncio.to_thread(_newest, room.settings),
        asyncio.to_thread(_drift, room, loaded),
        slow,
    )
    desk = room.models
    return page(
        request,
        room,
        "model.html",
        loaded=loaded,
        held_out=_by_set(loaded.metrics) if loaded else [],
        by_slice=by_slice,
        missing=missing,
        failure=room.parts.champion.failure,
        judged=sorted(judged.items(), key=lambda one: -one[1].right - one[1].wrong),
        since=since,
        trial=trial,
        share=share_of(trial.state, room.settings) if trial.state else 0.0,
        missing_yet=still_missing(trial, room.settings),
        steps=room.settings.rollout.steps,
        labels=SENTIMENTS,
        events=events,
        drift=drift,
        versions=versions,
        shown=SHOWN,
        job=desk.last,
        estimate=desk.estimate,
        estimated=_ESTIMATED,
        busy=any(one is not None and one.ended_ms is None for one in (desk.last, desk.estimate)),
    )


@router.post("/promote", dependencies=[require("operate")])
def promote(
    request: Request,
    room: RoomOf,
    version: Version,
    who: Who,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Ask the gate; what it says appears on the page. With a reason it serves in any case."""
    name = caller_of(request, who)
    try:
        room.models.promote(version, name, reason.strip())
    except BuzzwatchError as error:
        return back(request, room, "Not begun: {why}", wrong=True, why=error)
    return remember_name(back(request, room, "The gate looks at version {version}", version=version), room, who)


@router.post("/rollback", dependencies=[require("operate")])
def roll_back(
    request: Request, room: RoomOf, who: Who, reason: Annotated[str, Form(min_length=1, max_length=500)]
) -> Response:
    """Let the version serve again that served before."""
    try:
        room.models.roll_back(caller_of(request, who), reason.strip())
    except BuzzwatchError as error:
        return back(request, room, "Not begun: {why}", wrong=True, why=error)
    return remember_name(back(request, room, "The version before is being brought back"), room, who)


@router.post("/estimate", dependencies=[require("operate")])
def estimate(request: Request, room: RoomOf) -> Response:
    """Estimate the champion's accuracy on what it has answered lately."""
    try:
        room.models.estimate_now(caller_of(request, "local"), _ESTIMATED)
    except BuzzwatchError as error:
        return back(request, room, "Not begun: {why}", wrong=True, why=error)
    return back(request, room, "The stream of the last hour is being read")


def _drift(room: Room, loaded: LoadedModel | None) -> DriftNow | str | None:
    """None without a model."""
    if loaded is None:
        return None
    rule = drift_rule(room.parts.rules())
    counts = room.answers(clock_ms(), rule.within).get(loaded.ref.version, {})
    return drift_now(rule, counts, loaded.model.metadata)


def _by_slice(room: Room, loaded: LoadedModel | None) -> Known[dict[str, Any]] | None:
    """None without a model."""
    return None if loaded is None else room.models.held_out(loaded.ref.version, _FIRST_S)


def _newest(settings: Settings) -> list[AuditEvent] | str:
    """The newest events first, or in one line why they cannot be read."""
    try:
        return list(deque(audit_events(settings), maxlen=_EVENTS))[::-1]
    except BuzzwatchError as error:
        return str(error)


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
