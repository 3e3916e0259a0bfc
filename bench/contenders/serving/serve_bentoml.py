"""The champion behind BentoML, as its documentation has it: an adaptively batched method behind a service."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml

from contracts.events import SENTIMENTS
from models.base.artefact import load_artefact


@bentoml.service(workers=1, traffic={"timeout": 30})
class Model:
    """Scores texts in batches."""

    def __init__(self) -> None:
        self.model = load_artefact(Path(os.environ["BENCH_ARTEFACT"]))

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=100)
    def score(self, texts: list[str]) -> list[list[float]]:
        """Probabilities of each text."""
        return [list(map(float, row)) for row in self.model.predict_proba(texts)]


@bentoml.service(workers=1, traffic={"timeout": 30})
class Sentiment:
    """One text in, label and probabilities out."""

    model = bentoml.depends(Model)

    @bentoml.api
    async def predict(self, text: str) -> dict[str, Any]:
        """Label and probabilities."""
        [row] = await self.model.to_async.score([text])
        best = max(range(len(row)), key=row.__getitem__)
        return {"sentiment": SENTIMENTS[best], "scores": dict(zip(SENTIMENTS, row, strict=True))}
