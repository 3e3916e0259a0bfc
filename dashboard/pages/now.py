"""**Now**: a card per watch, the live feed, what is growing, what fires."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api.security.gate import require
from contracts.times import clock_ms, to_rfc3339
from dashboard.feed.alert_view import AlertView, views
from dashboard.feed.board import WatchNow
from dashboard.html.rendering import PageRoute, page
from dashboard.room import Room, RoomOf

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_ROWS = 40
_LATELY_MS = 3_600_000
Choice = Annotated[str, Query(max_length=64)]


@router.get("/", dependencies=[require("read")])
def now(
    request: Request,
    room: RoomOf,
    watch: Choice = "",
    theme: Choice = "",
    sentiment: Literal["", "negative", "neutral", "positive"] = "",
) -> Response:
    """The first page."""
    board = room.board.now()
    rules = room.parts.rules()
    alerts = views(room.alerts, room.silences, rules.inhibit_rules, history=False)
    ranked = sorted(board.watches, key=lambda one: _rank(one, alerts))
    busy = [watch for watch in ranked if watch.counted]
    names = {"watch": [one.name for one in rules.watches], "theme": [one.name for one in rules.themes]}
    # An address from before a change of the rules: a feed of what nobody watches would stay empty, and nobody knew why.
    unknown = [(what, name) for what, name in (("watch", watch), ("theme", theme)) if name and name not in names[what]]
    watch, theme = (watch if watch in names["watch"] else ""), (theme if theme in names["theme"] else "")
    rows = [row for row in _rows(room) if _fits(row, watch, theme, sentiment)][:_ROWS]
    return page(
        request,
        room,
        "now.html",
        board=board,
        watches_now=[("busy", busy), ("idle", [watch for watch in ranked if not watch.counted])],
        alerts=alerts,
        rows=rows,
        watches=names["watch"],
        themes=names["theme"],
        unknown=unknown,
        chosen={"watch": watch, "theme": theme, "sentiment": sentiment},
        has_seen_tweets=any(total for spark in board.sparks.values() for total, _ in spark) or bool(rows),
    )


def _rank(watch: WatchNow, alerts: Sequence[AlertView]) -> int:
    """What needs a look comes first, what nobody writes about last; otherwise as in the rules."""
    if any(view.watch == watch.name and view.state == "firing" for view in alerts):
        return 0
    return 1 if watch.score else 2 if watch.counted else 3


def _rows(room: Room) -> list[dict[str, Any]]:
    """What the feed has shown lately; before anybody watched, the negative tweets that are kept for alerts."""
    recent = room.feed.recent()
    if recent:
        return recent
    since = clock_ms() - _LATELY_MS
    names = [watch.name for watch in room.parts.rules().watches]
    return [
        {
            "id": "",
            "tweet": sample.tweet_id,
            "text": sample.text,
            "s": "negative",
            "c": None,
            "w": [sample.watch],
            "th": list(sample.themes),
            "at": to_rfc3339(sample.created_at_ms),
            "v": "",
        }
        for sample in room.board.samples(names, since)[:_ROWS]
    ]


def _fits(row: dict[str, Any], watch: str, theme: str, sentiment: str) -> bool:
    return (
        (not watch or watch in row["w"])
        and (not theme or theme in row["th"])
        and (not sentiment or sentiment == row["s"])
    )
