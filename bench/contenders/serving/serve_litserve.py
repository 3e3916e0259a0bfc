"""The champion behind LitServe, as its documentation has it: dynamic batching, one worker."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import litserve

from contracts.events import SENTIMENTS
from models.base.artefact import load_artefact


class Sentiment(litserve.LitAPI):
    """One text in, label and probabilities out."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's
        """Load the champion."""
        self.model = load_artefact(Path(os.environ["BENCH_ARTEFACT"]))

    def decode_request(self, request):  # type: ignore[no-untyped-def] # LitServe reads the annotations
        """The text of a request."""
        return str(request["text"])

    def predict(self, texts: list[str]) -> list[Any]:
        """Probabilities of a batch of texts."""
        return list(self.model.predict_proba(texts))

    def encode_response(self, scores: Any) -> dict[str, Any]:
        """Label and probabilities."""
        return {
            "sentiment": SENTIMENTS[int(scores.argmax())],
            "scores": dict(zip(SENTIMENTS, map(float, scores), strict=True)),
        }


if __name__ == "__main__":
    server = litserve.LitServer(Sentiment(max_batch_size=64, batch_timeout=0.002), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
