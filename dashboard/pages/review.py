"""**Review**: the texts that are worth a person's minute, one after the other, by keyboard."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from api.security.gate import require
from contracts.errors import BuzzwatchError
from contracts.learning.labels import judge_hash
from dashboard.html.rendering import PageRoute, back, name_of, page, remember_name
from dashboard.room import Room, RoomOf
from learning.review.accuracy import STEP, accuracy_in_production
from learning.review.queue import ReviewQueue

router = APIRouter(prefix="/room/review", route_class=PageRoute, include_in_schema=False)

_DAYS_S = 30 * 86_400
_LAST = "buzzwatch_last"
"""Cookie: what was judged last, for U."""
Item = Annotated[str, Form(min_length=1, max_length=64)]
Who = Annotated[str, Form(min_length=1, max_length=100)]


@router.get("", dependencies=[require("review")])
def review(request: Request, room: RoomOf) -> Response:
    """The next text."""
    queue = room.parts.review
    if queue is None:
        return page(
            request,
            room,
            "review.html",
            item=None,
            is_off=True,
            waiting=0,
            accuracy=None,
            last="",
            learned=None,
            step=STEP,
        )
    items = queue.next(1, _judge(request, room, ""))
    waiting = queue.waiting()
    accuracy = accuracy_in_production(queue.judged_by_chance(since_s=int(time.time()) - _DAYS_S))
    return page(
        request,
        room,
        "review.html",
        item=items[0] if items else None,
        is_off=False,
        waiting=waiting.chosen + waiting.random,
        accuracy=accuracy,
        last=request.cookies.get(_LAST, "")[:64],
        learned=room.learned.get(),
        step=STEP,
    )


@router.post("/judge", dependencies=[require("review")])
def judge(
    request: Request,
    room: RoomOf,
    item: Item,
    who: Who,
    verdict: Annotated[Literal["negative", "neutral", "positive", "skip"], Form()],
) -> Response:
    """One judgement; the same one twice counts once."""
    queue, name = _queue(room), _judge(request, room, who)
    try:
        found = queue.skip(item, name) if verdict == "skip" else queue.judge(item, verdict, name)
    except BuzzwatchError as error:
        return back(request, room, "Not kept: {why}", wrong=True, why=error)
    if verdict == "skip":
        answer = back(request, room, "Skipped")
    elif verdict == found.sentiment:
        answer = back(request, room, "Kept: {verdict}, as the model said", verdict=verdict)
    else:
        answer = back(
            request, room, "Kept: {verdict}; the model had said {other}", verdict=verdict, other=found.sentiment
        )
    answer.set_cookie(_LAST, item, max_age=3600, path=room.path, samesite="strict", httponly=True)
    return remember_name(answer, room, who)


@router.post("/undo", dependencies=[require("review")])
def undo(request: Request, room: RoomOf, item: Item, who: Who) -> Response:
    """Take the last one back; it comes again."""
    try:
        _queue(room).undo(item, _judge(request, room, who))
    except BuzzwatchError as error:
        return back(request, room, "Not taken back: {why}", wrong=True, why=error)
    answer = back(request, room, "Taken back")
    answer.delete_cookie(_LAST, path=room.path)
    return answer


def _queue(room: Room) -> ReviewQueue:
    if room.parts.review is None:
        raise BuzzwatchError("there is no review queue here (BUZZWATCH_LEARNING__REVIEW_QUEUE is 0)")
    return room.parts.review


def _judge(request: Request, room: Room, who: str) -> str:
    """The hash of who judges: of a key its owner; where none is needed, who says so or has said so."""
    caller = request.state.caller
    name = (who.strip() or name_of(request) or "local") if caller is None or caller.via == "machine" else caller.name
    return judge_hash(name, room.parts.judge_secret)
