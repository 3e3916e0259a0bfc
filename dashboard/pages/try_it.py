"""**Try it**: one text with the words that weighed, or a file of texts; and whether the model was right."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, HTTPException, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse

from api.bodies import FeedbackBody
from api.routes.feedback import feedback
from api.routes.predict import ScoringOf, predict
from api.routes.predict_bodies import PredictBody
from api.security.gate import require
from contracts.errors import InvalidTweet
from contracts.events import MAX_ID
from contracts.texts import checked_text
from dashboard.html.rendering import PageRoute, back, page
from dashboard.pages.file_jobs import MOST_ROWS, FileJobs
from dashboard.room import Room, RoomOf
from models.text.masking import mask

router = APIRouter(prefix="/room/try", route_class=PageRoute, include_in_schema=False)

Sentiment = Literal["negative", "neutral", "positive"]
Identifier = Annotated[str, Form(min_length=1, max_length=MAX_ID)]


@router.get("", dependencies=[require("predict")])
def try_it(request: Request, room: RoomOf, job: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The forms; with a job how far it is."""
    found = _jobs(request).get(job) if job else None
    if job and found is None:
        raise HTTPException(404, "this result is not kept any more: send the file again")
    return _page(request, room, job=found)


@router.post("", dependencies=[require("predict")])
async def score(
    request: Request, room: RoomOf, scoring: ScoringOf, text: Annotated[str, Form(max_length=100_000)] = ""
) -> Response:
    """One text."""
    try:
        text = checked_text(text)
    except InvalidTweet as error:
        return _page(request, room, status=422, text=text, wrong=str(error))
    predicted = await predict(PredictBody(text=text), scoring, room.parts)
    explained = await scoring.explain(text)
    most = max((abs(word.weight) for word in explained.words), default=0.0) or 1.0
    words = [(word.word, word.weight, round(abs(word.weight) / most * 100)) for word in explained.words]
    return _page(request, room, text=text, predicted=predicted, weights=words, masked=mask(text))


@router.post("/feedback", dependencies=[require("feedback")])
async def judge(
    request: Request,
    room: RoomOf,
    prediction_id: Identifier,
    predicted: Annotated[Sentiment, Form()],
    model_version: Identifier,
    expected: Annotated[Sentiment, Form()],
) -> Response:
    """Say what it should have been."""
    body = FeedbackBody(
        prediction_id=uuid.UUID(prediction_id),
        predicted=predicted,
        correct=expected == predicted,
        expected=expected,
        model_version=model_version,
    )
    await feedback(body, room.parts, request)
    return back(request, room, "Thank you: {expected} is noted", expected=expected)


@router.post("/file", dependencies=[require("predict")])
async def score_file(
    request: Request, room: RoomOf, scoring: ScoringOf, file: Annotated[UploadFile, File()]
) -> Response:
    """A file of texts: CSV, JSONL, JSON, plain text, or Parquet where pyarrow is installed."""
    name = Path(file.filename or "").name
    content = await file.read()
    if not content:
        return _page(request, room, status=422, wrong="the file is empty: choose one with a column or field `text`")
    job = await asyncio.to_thread(_jobs(request).add, name or "texts.csv", content, scoring.score)
    answer = back(request, room, "{name} is being scored", name=name)
    answer.headers["location"] = f"{room.at('try')}?job={job.id}"
    return answer


@router.get("/file/{job_id}.{kind}", dependencies=[require("predict")])
def result(request: Request, job_id: str, kind: Literal["csv", "jsonl"]) -> Response:
    """What came out."""
    job = _jobs(request).get(job_id)
    if job is None or not job.is_finished or not job.result(kind).exists():
        raise HTTPException(404, "there is no such result (any more): send the file again")
    media = "text/csv; charset=utf-8" if kind == "csv" else "application/x-ndjson"
    return FileResponse(job.result(kind), media_type=media, filename=f"{Path(job.name).stem or 'texts'}-scored.{kind}")


def _jobs(request: Request) -> FileJobs:
    jobs: FileJobs = request.app.state.jobs
    return jobs


def _page(request: Request, room: Room, *, status: int = 200, **values: Any) -> Response:
    shown: dict[str, Any] = {"job": None, "text": "", "predicted": None, "weights": [], "masked": "", "wrong": ""}
    return page(request, room, "try_it.html", status=status, most_rows=MOST_ROWS, **{**shown, **values})
