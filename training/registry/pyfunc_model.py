"""The script that MLflow stores instead of a pickle ("models from code"): the artefact as a pyfunc model.

It is run by whoever loads the model with `mlflow.pyfunc`, in an environment where buzzwatch is installed. buzzwatch
itself never does: it downloads the artefact folder and reads that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel

from contracts.events import SENTIMENTS
from models.base.artefact import load_artefact


class SentimentPyfunc(PythonModel):
    """A table with a column `text` in, one with a column per label and `sentiment` out."""

    def load_context(self, context: Any) -> None:
        """Read the artefact."""
        self._model = load_artefact(Path(context.artifacts["linear"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Score the rows."""
        scores = self._model.predict_proba([str(text) for text in model_input["text"]])
        table = pd.DataFrame(scores, columns=list(SENTIMENTS))
        table["sentiment"] = [SENTIMENTS[k] for k in scores.argmax(axis=1)]
        return table


mlflow.models.set_model(SentimentPyfunc())
