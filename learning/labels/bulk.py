"""Labels from files."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from contracts.errors import BuzzwatchError, InvalidTweet
from contracts.events import MAX_ID, MAX_TEXT, SENTIMENTS
from contracts.learning.labels import LabelEvent, judge_hash, label_id_of
from contracts.texts import checked_text
from contracts.tweet_files.errors import TweetFileError, shown
from contracts.tweet_files.reader import read_rows
from contracts.tweet_files.rows import ReadOptions
from contracts.tweet_objects.shapes import TEXTS, find
from learning.labels.resolution import text_key
from models.text.masking import mask

_COLUMNS: Final = ("label", "judge", "prediction_id", "id")
_NAMED: Final = 3


class LabelFileError(BuzzwatchError):
    """A file of labels cannot be used. Names file and row."""


def read_label_file(
    path: Path,
    judge: str,
    secret: str,
    *,
    batch: str = "",
    encoding: str | None = None,
    note: Callable[[str], object] = lambda _: None,
) -> list[LabelEvent]:
    """Read `text` and `label` of each row, with `id`, `prediction_id` and `judge` where there are such columns.

    The ids of the labels follow from what they say, so that a file which is imported twice counts once.

    Args:
        judge: of rows that name none. secret: under which judges are hashed.
        batch: a name for this import, so that what was imported before counts once more, after a retraction say.

    Raises:
        LabelFileError: the file cannot be read, or a row cannot be used; the first are named, and nothing is returned.
    """
    options = ReadOptions(columns=_COLUMNS, required=("text", "label"), fields=TEXTS, encoding=encoding)
    found: list[LabelEvent] = []
    wrong: list[str] = []
    now = datetime.now(UTC)
    try:
        for row in read_rows(path, options):
            try:
                if row.fields is None:
                    raise LabelFileError(row.wrong)
                found.append(_event(row.fields, judge, secret, batch, now))
            except (LabelFileError, InvalidTweet) as error:
                wrong.append(f"{row.where}: {error}")
    except (TweetFileError, InvalidTweet) as error:
        raise LabelFileError(str(error)) from None
    for line in options.notes.all():
        note(f"{path}: {line}")
    if wrong:
        more = f"; and {len(wrong) - _NAMED} more rows" if len(wrong) > _NAMED else ""
        raise LabelFileError(f"{path}: nothing was imported: {'; '.join(wrong[:_NAMED])}{more}")
    if not found:
        raise LabelFileError(f"{path}: no rows, so there is nothing to import")
    return found


def _event(fields: Mapping[str, Any], judge: str, secret: str, batch: str, now: datetime) -> LabelEvent:
    label = fields.get("label")
    if label in (None, ""):
        raise LabelFileError(f"the label is missing (known: {', '.join(SENTIMENTS)})")
    if label not in SENTIMENTS:
        raise LabelFileError(f"unknown label {label!r} (known: {', '.join(SENTIMENTS)})")
    tweet = find(fields)
    if not isinstance(tweet.text, str):
        raise LabelFileError("the text is missing" if tweet.text is None else f"the text is {shown(tweet.text)}")
    masked = mask(checked_text(tweet.text))[:MAX_TEXT]
    prediction = fields.get("prediction_id") or None
    try:
        prediction_id = None if prediction is None else uuid.UUID(str(prediction))
    except ValueError:
        raise LabelFileError(f"prediction_id {prediction!r} is no UUID") from None
    given = tweet.identifier
    if given is not None and (isinstance(given, bool) or not isinstance(given, str | int | float)):
        raise LabelFileError(f"the id is {shown(given)}: expected a string or a whole number")
    tweet_id = str(given) if given not in (None, "") else _id_of(masked)
    if len(tweet_id) > MAX_ID:
        raise LabelFileError(f"the id has {len(tweet_id)} characters, the limit is {MAX_ID}")
    who = judge_hash(str(fields.get("judge") or judge), secret)
    return LabelEvent(
        label_id=label_id_of(f"import/{batch}/{who}/{tweet_id}/{text_key(masked)}/{label}"),
        kind="judgement",
        created_at=now,
        tweet_id=tweet_id,
        prediction_id=prediction_id,
        label=label,
        text=masked,
        judge=who,
        source="import",
        blind=True,
    )


def _id_of(text: str) -> str:
    """For a text that came without an id."""
    return f"text-{hashlib.sha256(text_key(text).encode()).hexdigest()[:16]}"
