"""**Watch**: an hour to a month of one watch or theme: share, volume, usual band, alerts, model changes."""

from __future__ import annotations

import csv
import io
import time
from typing import Annotated, Any, Final, Literal, NamedTuple

from fastapi import APIRouter, HTTPException, Query, Request, Response

from alerts.counters.counts import Point
from api.security.gate import require
from contracts.times import clock_ms, to_rfc3339
from dashboard.feed.alert_view import AlertView, views
from dashboard.feed.board import band
from dashboard.html.rendering import PageRoute, page
from dashboard.room import Room, RoomOf

router = APIRouter(prefix="/room/watch", route_class=PageRoute, include_in_schema=False)

Span = Literal["hour", "day", "week", "month"]
_HOUR: Final = 3600
SPANS: Final[dict[Span, tuple[int, int]]] = {
    "hour": (_HOUR, 60),
    "day": (24 * _HOUR, 600),
    "week": (7 * 24 * _HOUR, 2 * _HOUR),
    "month": (30 * 24 * _HOUR, 6 * _HOUR),
}
"""How long, and in which steps; seconds."""
_DRILL_S: Final = 1800
_SAMPLES: Final = 20
_FEWEST: Final = 5
"""Tweets of a step that have a usual band: of fewer every share is usual."""
Name = Annotated[str, Query(max_length=64)]


class Row(NamedTuple):
    """One step of the series."""

    start_s: int
    tweets: int
    negative: int
    voices: int
    share: float | None
    low: float | None
    high: float | None


@router.get("", dependencies=[require("read")])
def watch(
    request: Request,
    room: RoomOf,
    watch: Name = "",
    theme: Name = "",
    span: Span = "day",
    at: Annotated[int | None, Query(ge=0, le=253_402_300_799)] = None,
) -> Response:
    """Chart and table. `at` (seconds since 1970) is the middle of an hour to look at minute by minute."""
    rules = room.parts.rules()
    names = [one.name for one in rules.watches]
    chosen = watch or names[0]
    themes = [one.name for one in rules.themes]
    _known(chosen, names, theme, themes)
    room.board.now()  # what is usual is as of its last reading
    since, until = _bounds(span, at)
    rows = _rows(room, chosen, theme, span, since, until)
    found = views(room.alerts, room.silences, rules.inhibit_rules)
    alerts = [view for view in found if _belongs(view, chosen, theme, since, until)]
    models = {version: ms for version, ms in room.serving_since().items() if since * 1000 <= ms < until * 1000}
    samples = [
        sample
        for sample in room.board.samples([chosen], since * 1000)
        if sample.created_at_ms < until * 1000 and theme in ("", *sample.themes)
    ][:_SAMPLES]
    return page(
        request,
        room,
        "watch.html",
        watch=chosen,
        theme=theme,
        span=span,
        at=at,
        spans=list(SPANS),
        span_names={"hour": "last hour", "day": "last day", "week": "last week", "month": "last month"},
        watches=names,
        themes=themes,
        rows=rows,
        alerts=alerts,
        models=sorted(models.items(), key=lambda one: one[1]),
        samples=samples,
        total=sum(row.tweets for row in rows),
        negative=sum(row.negative for row in rows),
        chart=_chart(rows, alerts, models, since, until),
        step_s=SPANS[span][1],
        since=since,
        until=until,
    )


@router.get("/export.csv", dependencies=[require("read")])
def export(
    room: RoomOf,
    watch: Name,
    theme: Name = "",
    span: Span = "day",
    at: Annotated[int | None, Query(ge=0, le=253_402_300_799)] = None,
) -> Response:
    """The table as CSV."""
    rules = room.parts.rules()
    _known(watch, [one.name for one in rules.watches], theme, [one.name for one in rules.themes])
    since, until = _bounds(span, at)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["start", "watch", "theme", "tweets", "negative", "voices", "negative_share"])
    for row in _rows(room, watch, theme, span, since, until):
        share = "" if row.share is None else f"{row.share:.4f}"
        writer.writerow([to_rfc3339(row.start_s * 1000), watch, theme, row.tweets, row.negative, row.voices, share])
    name = f"{watch}{'-' + theme if theme else ''}-{span}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _bounds(span: Span, at: int | None) -> tuple[int, int]:
    """First second, and the end; whole steps."""
    length, step = SPANS[span]
    if span == "hour" and at is not None:
        end = min(at // 60 * 60 + _DRILL_S, -(-int(time.time()) // 60) * 60)  # nothing is known of what comes
        return end - 2 * _DRILL_S, end
    until = -(-int(time.time()) // step) * step
    return until - length, until


def _known(watch: str, watches: list[str], theme: str, themes: list[str]) -> None:
    for what, name, names in (("watch", watch, watches), ("theme", theme, themes)):
        if name and name not in names:
            raise HTTPException(404, f"there is no {what} {name!r}; the rules have {', '.join(names) or 'none'}")


def _rows(room: Room, watch: str, theme: str, span: Span, since: int, until: int) -> list[Row]:
    step = SPANS[span][1]
    found: list[Point]
    if span == "month":
        if theme:
            raise HTTPException(422, "themes are counted for eight days: choose a week, or the watch as a whole")
        spans = [(start, start + step) for start in range(since, until, step)]
        found = room.board.hourly(clock_ms(), spans, watch)
    else:
        found = room.board.series(since, until, step, watch, theme)
    by_start = {point.start_s: point for point in found}
    return [_row(room, watch, theme, start, by_start.get(start)) for start in range(since, until, step)]


def _row(room: Room, watch: str, theme: str, start: int, point: Point | None) -> Row:
    if point is None or not point.counts.total:
        return Row(start, 0, 0, 0, None, None, None)
    expected = None if theme else room.board.expected(watch)
    low, usual, high = band(expected, point.counts.total)
    shown = (low, high) if usual is not None and point.counts.total >= _FEWEST else (None, None)
    return Row(start, point.counts.total, point.counts.negative, point.voices, point.counts.share, *shown)


def _belongs(view: AlertView, watch: str, theme: str, since: int, until: int) -> bool:
    alert = view.alert
    if view.watch != watch or (theme and view.theme not in ("", theme)):
        return False
    return alert.starts_at_ms < until * 1000 and (alert.ends_at_ms or clock_ms()) >= since * 1000


def _chart(rows: list[Row], alerts: list[AlertView], models: dict[str, int], since: int, until: int) -> dict[str, Any]:
    """What the script draws: columns for uPlot, and marks."""
    return {
        "x": [row.start_s for row in rows],
        "share": [row.share for row in rows],
        "low": [row.low for row in rows],
        "high": [row.high for row in rows],
        "tweets": [row.tweets for row in rows],
        "negative": [row.negative for row in rows],
        "alerts": [
            {
                "from": max(view.alert.starts_at_ms // 1000, since),
                "to": min((view.alert.ends_at_ms or clock_ms()) // 1000, until),
                "severity": view.severity,
            }
            for view in alerts
        ],
        "models": [{"at": ms // 1000, "version": version} for version, ms in models.items()],
    }
