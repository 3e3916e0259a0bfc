"""The review queue over REST."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request

from api.bodies import Problem
from api.errors import REFUSALS
from api.json_body import RESPONSES, JsonRoute
from api.parts import Parts, PartsOf
from api.query import KnownQuery
from api.routes.review_bodies import Accuracy, Feedback, ReviewBody, Reviewed, ReviewList
from api.security.gate import require
from contracts.learning.labels import judge_hash
from learning.review.accuracy import accuracy_in_production
from learning.review.queue import ErasedItem, ReviewQueue, UnknownItem

router = APIRouter(
    tags=["review"],
    responses=REFUSALS | {422: {"model": Problem}},
    dependencies=[KnownQuery],
    route_class=JsonRoute,
)

_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "It is not in the queue (any more)"},
    410: {"model": Problem, "description": "The tweet was erased meanwhile"},
}
_DAYS: int = 30
Identifier = Annotated[str, Path(max_length=64)]


@router.get("/review", dependencies=[require("review")])
def review(
    parts: PartsOf,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    judge: Annotated[str | None, Query(min_length=1, max_length=256)] = None,
    confidence: Annotated[str | None, Query(pattern=r"^[01](\.\d+)?-[01](\.\d+)?$")] = None,
) -> ReviewList:
    """The next texts for a judge, each with its reason; one in ten drawn by chance, one in five without the prediction.

    `judge` is who judges; with a key, the key's name. `confidence=0.4-0.6` filters by the probability of the best
    label. `accuracy` is that in production, from judged texts that were drawn by chance in the last 30 days; `feedback`
    is what people chose to say of other answers: mostly errors.
    """
    queue = _queue(parts)
    who = _judge(parts, request, judge)
    low, _, high = (confidence or "").partition("-")
    items = queue.next(limit, who, confidence=(float(low), float(high)) if confidence else None)
    waiting = queue.waiting()
    now_s = int(time.time())
    since_s = now_s - _DAYS * 86_400
    estimate = accuracy_in_production(queue.judged_by_chance(since_s=since_s))
    judged = parts.judgements(since_s=since_s, until_s=now_s + 60).values()
    right, wrong = sum(one.right for one in judged), sum(one.wrong for one in judged)
    return ReviewList(
        items=[item.public() for item in items],
        waiting=waiting.chosen + waiting.random,
        accuracy=None if estimate is None else Accuracy(**estimate._asdict()),
        feedback=Feedback(right=right, wrong=wrong),
        judge=who,
    )


@router.post("/review/{item_id}", responses=RESPONSES | _MISSING, dependencies=[require("review")])
def judge_item(parts: PartsOf, request: Request, item_id: Identifier, body: ReviewBody) -> Reviewed:
    """Judge a text (`label`), skip it (`skip`) or take back what was said (`undo`).

    The same label twice counts once; another one takes its place. Answers once Kafka has acknowledged it, with what the
    model had said.
    """
    queue = _queue(parts)
    who = _judge(parts, request, body.judge)
    try:
        if body.undo:
            item = queue.undo(item_id, who)
        elif body.skip:
            item = queue.skip(item_id, who)
        else:
            assert body.label is not None
            item = queue.judge(item_id, body.label, who)
    except UnknownItem as error:
        raise HTTPException(404, str(error)) from None
    except ErasedItem as error:
        raise HTTPException(410, str(error)) from None
    return Reviewed(id=item.id, label=body.label, predicted=item.sentiment, model_version=item.model_version)


def _queue(parts: Parts) -> ReviewQueue:
    if parts.review is None:
        raise HTTPException(404, "there is no review queue here (BUZZWATCH_LEARNING__REVIEW_QUEUE is 0)")
    return parts.review


def _judge(parts: Parts, request: Request, named: str | None) -> str:
    """The hash of who judges: with a key its owner, whatever else is said."""
    caller = request.state.caller
    name = named or "local" if caller is None or caller.via == "machine" else caller.name
    return judge_hash(name, parts.judge_secret)
