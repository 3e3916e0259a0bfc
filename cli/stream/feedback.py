"""`buzzwatch feedback`: reports whether a prediction was right, straight to Kafka."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Annotated, Literal

import pydantic
import typer

from api.feedback import FeedbackPublisher
from contracts.errors import InvalidFeedback
from contracts.events import Feedback, one_line
from contracts.settings import Settings, load_settings

app = typer.Typer(add_completion=False)

_Label = Literal["negative", "neutral", "positive"]
_EXAMPLES = """Report whether a prediction was right; returns once Kafka has acknowledged it, and prints the feedback id.

Examples:

  buzzwatch feedback 4a7f0a54-2a8e-5f0e-8a43-0d9f5b8b6c11 --predicted negative --wrong --model-version 7

  buzzwatch feedback 4a7f0a54-2a8e-5f0e-8a43-0d9f5b8b6c11 --predicted negative --wrong --expected positive --model-version 7

If it was not acknowledged, send it again with the --feedback-id that is printed: it counts once.
"""  # noqa: E501


@app.command(help=_EXAMPLES)
def feedback(
    prediction_id: Annotated[str, typer.Argument(help="As in the scored tweet.")],
    predicted: Annotated[_Label, typer.Option(help="The model's label.")],
    correct: Annotated[bool, typer.Option("--correct/--wrong", help="Whether that was right.")],
    model_version: Annotated[str, typer.Option(help="Version of the model that predicted it.")],
    expected: Annotated[_Label | None, typer.Option(help="The right label.")] = None,
    feedback_id: Annotated[str | None, typer.Option(help="A UUID of yours; a random one when not given.")] = None,
    tweet_id: Annotated[str | None, typer.Option(help="The tweet's id.")] = None,
    author: Annotated[str | None, typer.Option(help="Name of the person who judges.")] = None,
) -> None:
    """Send a judgement."""
    settings = load_settings()
    try:
        judgement = Feedback.model_validate(
            {
                "feedback_id": feedback_id or str(uuid.uuid4()),
                "prediction_id": prediction_id,
                "predicted": predicted,
                "correct": correct,
                "model_version": model_version,
                "expected": expected,
                "tweet_id": tweet_id,
                "author": author,
            }
        )
    except pydantic.ValidationError as error:
        raise InvalidFeedback(one_line(error)) from None
    typer.echo(judgement.feedback_id)
    logging.getLogger("buzzwatch.api").setLevel("ERROR")  # the error that is raised has it in one line
    asyncio.run(_publish(settings, judgement))


async def _publish(settings: Settings, judgement: Feedback) -> None:
    publisher = FeedbackPublisher(settings)
    publisher.start()
    try:
        await publisher.publish(judgement)
    finally:
        publisher.stop()
