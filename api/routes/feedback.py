"""Judgements of people."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, HTTPException, Request

from api.bodies import Accepted, FeedbackBody
from api.json_body import RESPONSES, JsonRoute
from api.metrics import Metrics
from api.parts import PartsOf
from api.security.gate import require
from contracts.errors import Unavailable
from contracts.events import MAX_TEXT
from models.text.masking import mask

router = APIRouter(tags=["feedback"], route_class=JsonRoute)


@router.post("/feedback", status_code=202, responses=RESPONSES, dependencies=[require("feedback")])
async def feedback(body: FeedbackBody, parts: PartsOf, request: Request) -> Accepted:
    """Say whether a prediction was right. Answers once Kafka has acknowledged it.

    A `text` is masked before it is sent. Without one, that of the prediction is looked up among what was predicted on
    request, shown or queued for review in the last days, so that the judgement becomes a label to learn from.

    After a 503 the judgement may have arrived or not: send it again with the same `feedback_id`, it counts once.
    """
    metrics: Metrics = request.app.state.metrics
    why = await asyncio.to_thread(parts.doubts, body)
    if why is not None:
        metrics.feedback.labels("implausible").inc()
        raise HTTPException(422, f"the judgement cannot be true: {why}")
    try:
        await parts.feedback.publish(_masked(body))
    except Unavailable:
        metrics.feedback.labels("unacknowledged").inc()
        raise
    metrics.feedback.labels("acknowledged").inc()
    return Accepted(feedback_id=body.feedback_id, prediction_id=body.prediction_id)


def _masked(body: FeedbackBody) -> FeedbackBody:
    return body if body.text is None else body.model_copy(update={"text": mask(body.text)[:MAX_TEXT]})
