"""Alert states and statistics, read from Redis."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError

from alerts.counters.feedback_counts import Judgements
from alerts.state.alert import State
from alerts.state.visibility import shown
from api.bodies import AlertList, Judged, Problem, StatsList, StatsPoint
from api.parts import PartsOf
from contracts.times import to_ms, to_rfc3339

router = APIRouter(tags=["alerts"], responses={503: {"model": Problem}})

MOST_STEPS = 1500
_DAY_S = 86_400
Name = Annotated[str | None, Query(max_length=64)]


@router.get("/alerts")
def alerts(parts: PartsOf, state: State | None = None) -> AlertList:
    """Firing alerts, then pending, then resolved ones, each newest first; with what mutes them, and who is at it."""
    now = int(time.time() * 1000)
    found = shown(parts.alerts.list(), parts.silences.list(now), parts.inhibit_rules(), now)
    return AlertList(alerts=[one.public() for one in found if state in (None, one.alert.state)])


@router.get("/stats")
def stats(
    parts: PartsOf,
    watch: Name = None,
    theme: Name = None,
    since: datetime | None = None,
    until: datetime | None = None,
    step: Annotated[int, Query(ge=60, le=_DAY_S, description="seconds, rounded up to minutes")] = 60,
) -> StatsList:
    """Tweets per watch, theme and step of time, and judgements per model version.

    `watch` and `theme`: one by name, empty for the whole stream or all themes, each one when not given.
    The last hour when no times are given; at most 1,500 steps.
    """
    until_s = -(-to_ms(until or datetime.now(UTC)) // 1000)
    since_s = to_ms(since) // 1000 if since else until_s - 3600
    step_s = -(-step // 60) * 60
    if since_s >= until_s:
        raise _refused("since", "must be before until")
    if (until_s - since_s) / step_s > MOST_STEPS:
        least = -(-(until_s - since_s) // (MOST_STEPS * 60)) * 60
        raise _refused("step", f"makes more than {MOST_STEPS:,} steps: ask for less time, or steps of {least} s")
    found = parts.stats.stats(since_s=since_s, until_s=until_s, step_s=step_s, watch=watch, theme=theme)
    points = [
        StatsPoint(
            start=to_rfc3339(point.start_s * 1000),
            watch=point.watch,
            theme=point.theme,
            **point.counts._asdict(),
            total=point.counts.total,
            share=round(point.counts.share, 4),
            texts=point.texts,
            unreliable=point.unreliable,
        )
        for point in found
    ]
    return StatsList(
        since=to_rfc3339(since_s * 1000),
        until=to_rfc3339(until_s * 1000),
        step_s=step_s,
        points=points,
        judgements=_judged(parts.judgements(since_s=since_s, until_s=until_s)),
    )


def _judged(found: Mapping[str, Judgements]) -> list[Judged]:
    most_first = sorted(found.items(), key=lambda item: (-item[1].right - item[1].wrong, item[0]))
    return [
        Judged(model_version=version, right=counts.right, wrong=counts.wrong, accuracy=round(counts.accuracy, 4))
        for version, counts in most_first
        if counts.accuracy is not None
    ]


def _refused(field: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"type": "value_error", "loc": ("query", field), "msg": message}])
