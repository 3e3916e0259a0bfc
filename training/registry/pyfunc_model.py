"""The script that MLflow stores beside the artefact instead of a pickle, to load it as a pyfunc model.

It is run by whoever loads the model with `mlflow.pyfunc`, in an environment where buzzwatch is installed. buzzwatch
itself never does: it downloads the artefact folder and reads that.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

from contracts.errors import InvalidTweet
from contracts.events import SENTIMENTS
from contracts.texts import checked_text
from models.base.artefact import load_artefact
from models.base.sentiment import SentimentModel


class SentimentTable:
    """A table with a column `text` in, one with a column per label and `sentiment` out, its rows named alike."""

    def __init__(self, model: SentimentModel) -> None:
        self._model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Score the texts.

        Args:
            model_input: a table with a column `text` (others are ignored), or the texts alone: a Series, an array or
                list of them, one text.
            params: none are known.

        Raises:
            MlflowException: there is no column `text`, or a row's text is none that `/predict` takes (null, a number,
                bytes, empty, too long). Names the row.
        """
        texts = _texts(model_input)
        checked = [_checked(row, text) for row, text in zip(texts.index, texts, strict=True)]
        scores = self._model.predict_proba(checked) if checked else np.empty((0, len(SENTIMENTS)), np.float32)
        table = pd.DataFrame(scores, columns=list(SENTIMENTS), index=texts.index)
        table["sentiment"] = pd.Series([SENTIMENTS[k] for k in scores.argmax(axis=1)], index=texts.index, dtype="str")
        return table


def _texts(given: Any) -> pd.Series[Any]:
    if isinstance(given, dict):
        given = pd.DataFrame({name: _column(values) for name, values in given.items()})
    if isinstance(given, pd.DataFrame):
        found = [number for number, name in enumerate(given.columns) if name == "text"]
        if len(found) != 1:
            there = "several columns" if found else "no column"
            names = ", ".join(map(str, given.columns)) or "none"
            raise _refused(f"the table has {there} 'text' (it has {names}): name the column with the texts so")
        return given.iloc[:, found[0]]
    if isinstance(given, pd.Series):
        return given
    array = np.asarray(_column(given), dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise _refused(f"an array of shape {array.shape} is no list of texts: give one dimension or a column 'text'")
    return pd.Series(array, dtype=object)


def _column(values: Any) -> Any:
    """A text alone is a list of one; a list is never taken apart further than into its elements."""
    if values is None or isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        return [values]
    return values


def _checked(row: Any, text: Any) -> str:
    if not isinstance(text, str):
        # NaN alone differs from itself
        what = "null" if text is None or text is pd.NA or text != text else f"{text!r:.80}, no text"
        raise _refused(f"row {row!r}: text is {what}; leave the row out or give it a text")
    try:
        return checked_text(text)
    except InvalidTweet as error:
        raise _refused(f"row {row!r}: {error}; leave the row out or give it another text") from None


def _refused(why: str) -> MlflowException:
    """As MLflow's own checks refuse: its scoring server answers 400."""
    refused: MlflowException = MlflowException.invalid_parameter_value(why)
    return refused


def _load_pyfunc(path: str) -> SentimentTable:
    """What MLflow calls with the artefact's folder."""
    return SentimentTable(load_artefact(Path(path)))
