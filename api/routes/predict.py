"""Predictions and their reasons."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request

from api.batching import MicroBatcher
from api.bodies import BatchBody, Explained, Model, PredictBody, Predicted, Scores, ServingModel, TextBody, Weight
from api.parts import Parts, PartsOf
from contracts.errors import BuzzwatchError, ModelFailure
from contracts.events import ModelRef, prediction_id
from models.annotator import Annotation

_log = logging.getLogger("buzzwatch.api")

router = APIRouter(tags=["predictions"])


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
                _log.exception("model version %s failed on a text", loaded.ref.version)
            raise ModelFailure(f"the model failed on this text ({type(error).__name__})") from error
        return [Scored(annotation, loaded.ref) for annotation in annotations]

    async def score_all(self, texts: Sequence[str]) -> list[Scored]:
        """`score`, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.score, texts)

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


def _answer(scored: Scored, tweet_id: str | None) -> Predicted:
    annotation, model = scored
    negative, neutral, positive = annotation.scores
    return Predicted(
        prediction_id=prediction_id(model.name, model.version, tweet_id or str(uuid.uuid4())),
        sentiment=annotation.sentiment,
        confidence=annotation.confidence,
        scores=Scores(negative=negative, neutral=neutral, positive=positive),
        watches=annotation.watches,
        themes=annotation.themes,
        model=Model(name=model.name, version=model.version),
        reliable=annotation.reliable,
        tier=annotation.tier,
    )


@router.post("/predict", response_model_exclude_none=True)
async def predict(body: PredictBody, scoring: ScoringOf) -> Predicted:
    """Score one text. Requests that come together are scored together."""
    tweet_id = None if body.id is None else str(body.id)
    return _answer(await scoring.batcher.submit(body.text), tweet_id)


@router.post("/predict/batch", response_model_exclude_none=True)
async def predict_batch(body: BatchBody, scoring: ScoringOf) -> list[Predicted]:
    """Score up to 1,000 texts, answers in their order."""
    return [_answer(scored, None) for scored in await scoring.score_all(body.texts)]


@router.post("/explain")
async def explain(body: TextBody, scoring: ScoringOf) -> Explained:
    """The words that weighed, with signed weights."""
    return await scoring.explain(body.text)


@router.get("/model")
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
