"""Predictions and their reasons."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from api.batching import MicroBatcher
from api.errors import REFUSALS
from api.json_body import RESPONSES, JsonRoute, Shortcut, encoded, read_as
from api.parts import Parts, PartsOf
from api.query import UNCHANGED
from api.routes.predict_bodies import (
    Answer,
    BatchBody,
    Explained,
    Model,
    NotScored,
    PredictBody,
    Predicted,
    ServingModel,
    TextBody,
    Weight,
)
from api.security.gate import require
from api.traffic.drawn import random_bytes
from contracts.errors import BuzzwatchError, ModelFailure
from contracts.events import ModelRef, prediction_id
from contracts.events import Scores as EventScores
from learning.labels.texts import Remembered
from models.annotator import Annotation

_log = logging.getLogger("buzzwatch.api")

router = APIRouter(tags=["predictions"], route_class=JsonRoute)

MAY_PREDICT: Final = require("predict")
_NAMED: Final = 20
"""Of so many bad texts the reason is given, of further ones the place."""


class Scored(NamedTuple):
    """An annotation, and who made it."""

    annotation: Annotation
    model: ModelRef


class Scoring:
    """Scores texts in threads of its own: `/predict` in micro-batches, the rest as it comes."""

    def __init__(self, parts: Parts, scored: Callable[[int], object]) -> None:
        self._parts = parts
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="scoring")
        # One of its own: to explain a text is to score it once per word.
        self._explaining = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explaining")
        self.batcher: MicroBatcher[Scored] = MicroBatcher(
            self.score,
            self._threads,
            window_s=parts.settings.batch_window_ms / 1000,
            max_batch=parts.settings.max_batch,
            scored=scored,
        )

    def score(self, texts: Sequence[str]) -> list[Scored]:
        """One result per text, all from the same version.

        Raises:
            Unavailable: there is no model yet.
            ModelFailure: the model raised.
        """
        loaded = self._parts.champion.current
        try:
            annotations = self._parts.annotator.annotate(loaded.model, texts)
        except BuzzwatchError:
            raise
        except Exception as error:
            if len(texts) == 1:
                _log.exception(
                    "model version %s failed on a text; the request is answered with 500", loaded.ref.version
                )
            raise ModelFailure(f"the model failed on this text ({type(error).__name__})") from error
        return [Scored(annotation, loaded.ref) for annotation in annotations]

    async def score_all(self, texts: Sequence[str]) -> list[Scored]:
        """`score`, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.score, texts)

    async def score_each(self, texts: Sequence[str]) -> Sequence[Scored | str]:
        """The same; for a text on which the model fails, the error of it."""
        try:
            return await self.score_all(texts)
        except ModelFailure:
            return [await self._alone(text) for text in texts]

    async def _alone(self, text: str) -> Scored | str:
        try:
            return (await self.score_all([text]))[0]
        except ModelFailure as error:
            return str(error)

    async def explain(self, text: str) -> Explained:
        """What the words of a text weighed."""
        return await asyncio.get_running_loop().run_in_executor(self._explaining, self._explain, text)

    def _explain(self, text: str) -> Explained:
        loaded = self._parts.champion.current
        [annotation] = self._parts.annotator.annotate(loaded.model, [text])
        return Explained(
            sentiment=annotation.sentiment,
            confidence=annotation.confidence,
            words=[Weight(word=word, weight=weight) for word, weight in loaded.model.explain(text)],
            themes={
                theme: [Weight(word=word, weight=weight) for word, weight in words]
                for theme, words in self._parts.annotator.explain_themes(text, annotation.themes).items()
            }
            or None,
            model=Model(name=loaded.ref.name, version=loaded.ref.version),
        )

    async def stop(self) -> None:
        """Answer what is waiting."""
        await self.batcher.drain()
        self._threads.shutdown()
        self._explaining.shutdown(cancel_futures=True)


def _scoring(request: Request) -> Scoring:
    scoring: Scoring = request.app.state.scoring
    return scoring


ScoringOf = Annotated[Scoring, Depends(_scoring)]


def _answer(scored: Scored, tweet_id: str | None) -> Answer:
    annotation, model = scored
    if tweet_id is None:
        name = str(uuid.UUID(bytes=random_bytes(), version=5))
    else:
        name = prediction_id(model.name, model.version, tweet_id)
    return Answer(
        prediction_id=name,
        sentiment=annotation.sentiment,
        confidence=annotation.confidence,
        scores=EventScores(*annotation.scores),
        watches=annotation.watches,
        themes=annotation.themes,
        model=model,
        reliable=annotation.reliable,
        tier=annotation.tier,
        theme_sentiments=annotation.theme_sentiments or None,
    )


def _remembered(text: str, answer: Answer, tweet_id: str | None) -> Remembered:
    return Remembered(
        prediction_id=answer.prediction_id,
        text=text,
        tweet_id=tweet_id,
        scores=answer.scores,
        model_version=answer.model.version,
    )


@router.post(
    "/predict",
    response_model=Predicted,
    response_model_exclude_none=True,
    responses=RESPONSES,
    dependencies=[MAY_PREDICT],
)
async def predict(body: PredictBody, scoring: ScoringOf, parts: PartsOf) -> Answer:
    """Score one text. Requests that come together are scored together.

    The masked text is remembered for some days, so that feedback which brings no text finds it.
    """
    tweet_id = None if body.id is None else str(body.id)
    answer = _answer(await scoring.batcher.submit(body.text), tweet_id)
    parts.remember(lambda: [_remembered(body.text, answer, tweet_id)])
    return answer


@router.post(
    "/predict/batch",
    response_model=list[Predicted | NotScored],
    response_model_exclude_none=True,
    responses=RESPONSES,
    dependencies=[MAY_PREDICT],
)
async def predict_batch(body: BatchBody, scoring: ScoringOf, parts: PartsOf) -> list[Answer | dict[str, str]]:
    """Score up to 1,000 texts, answers in their order.

    Some that cannot be scored make the whole request fail, with all of them named; with `"on_error": "skip"` the others
    are scored.
    """
    skips = body.on_error == "skip"
    texts, wrong = body.checked()
    if wrong and not skips:
        raise _refused(wrong, len(body.texts))
    places = [place for place in range(len(body.texts)) if place not in wrong]
    answers: dict[int, Answer | dict[str, str]] = {place: {"error": why} for place, why in wrong.items()}
    found = await scoring.score_each(texts) if skips else await scoring.score_all(texts)
    for place, scored in zip(places, found, strict=True):
        answers[place] = {"error": scored} if isinstance(scored, str) else _answer(scored, None)
    answered = [(body.texts[place], one) for place, one in answers.items() if isinstance(one, Answer)]
    parts.remember(lambda: [_remembered(text, answer, None) for text, answer in answered])
    return [answers[place] for place in range(len(body.texts))]


async def _predicted(request: Request) -> Response:
    body = await read_as(request, PredictBody, MAY_PREDICT)
    return encoded(await predict(body, _scoring(request), request.app.state.parts))


async def _batch_predicted(request: Request) -> Response:
    body = await read_as(request, BatchBody, MAY_PREDICT)
    return encoded(await predict_batch(body, _scoring(request), request.app.state.parts))


SHORTCUTS: Final = (
    Shortcut("/predict", _predicted, methods=["POST"], include_in_schema=False),
    Shortcut("/predict/batch", _batch_predicted, methods=["POST"], include_in_schema=False),
)
"""The same two, past FastAPI's dependencies and its check of each answer, which take longer than the work itself. They
stand before the documented ones, take and answer the same, and refuse it in the same words."""


def _refused(wrong: Mapping[int, str], count: int) -> RequestValidationError:
    """All that is wrong with the texts of a batch, in one line."""
    named = "; ".join(f"texts.{place}: {why}" for place, why in list(wrong.items())[:_NAMED])
    others = [str(place) for place in list(wrong)[_NAMED:]]
    rest = f"; also texts {', '.join(others)}" if others else ""
    hint = f' ({len(wrong):,} of {count:,} texts; with "on_error": "skip" the others are scored)'
    return RequestValidationError([{"type": "body", "loc": (), "msg": named + rest + hint}])


@router.post("/explain", response_model_exclude_none=True, responses=RESPONSES, dependencies=[MAY_PREDICT])
async def explain(body: TextBody, scoring: ScoringOf) -> Explained:
    """The words that weighed, with signed weights."""
    return await scoring.explain(body.text)


@router.get("/model", responses=REFUSALS | UNCHANGED, dependencies=[require("read")])
async def model(parts: PartsOf) -> ServingModel:
    """The model that serves."""
    loaded = parts.champion.current
    return ServingModel(
        name=loaded.ref.name,
        version=loaded.ref.version,
        aliases=list(loaded.aliases),
        metrics=dict(loaded.metrics),
        trained_on=loaded.trained_on,
        failure=parts.champion.failure,
    )
