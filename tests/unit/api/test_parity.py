"""The same 1,000 texts through every door: whoever trains, streams or asks gets the same scores."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.stream.predict import app as predict
from contracts.events import SENTIMENTS, decode_prediction
from models.annotator import Annotator
from models.base.artefact import load_artefact
from stream.kafka.records import RecordBatch
from stream.scoring.scorer import Scorer
from tests.fakes_kafka import FakeRecord
from tests.unit.api.conftest import RULES, Api
from tests.unit.training.linear.test_hashed_classifier import BAD, GOOD, PLAIN, made_up, small

_PLACES = ("Lyon", "Orly ✈", "São Paulo", "gate 12")
_OPENINGS = ("@AirParadis", "RT @a_b:", "Ugh…", "", "😡😡", "So &amp; so:")
_ENDINGS = ("!!!", " http://t.co/a1", " 👍🏽", " :(", " don’t know", " sooooo", ", but not the bag")


def _texts() -> list[str]:
    made = [
        f"{opening} the crew in {place} was {word}{ending}".strip()
        for opening, place, word, ending in itertools.product(_OPENINGS, _PLACES, [*GOOD, *BAD, *PLAIN], _ENDINGS)
    ]
    return [made[i] for i in np.random.default_rng(0).permutation(len(made))[:1000].tolist()]


async def test_training_worker_api_and_command_line_give_the_same_scores(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = _texts()
    assert len(texts) == 1000
    estimator = small().fit(*made_up(400, 0))
    trained = estimator.predict_proba(texts)

    estimator.model_.save(tmp_path / "artefact")
    api.champion.model = load_artefact(tmp_path / "artefact")  # type: ignore[assignment]
    records = [FakeRecord(json.dumps({"id": i, "text": text}).encode()) for i, text in enumerate(texts)]
    felt: list[list[dict[str, str] | None]] = []
    for batch in (records, records[:1]):  # many at once and one alone take different ways
        scored = Scorer(Annotator(RULES), "none").score(RecordBatch(batch, 0, None), api.champion.current, 0)
        events = [decode_prediction(record.value).scores for record in scored.predictions]
        worker = np.array([[getattr(scores, label) for label in SENTIMENTS] for scores in events])
        felt.append([json.loads(record.value or b"").get("theme_sentiments") for record in scored.predictions])
        np.testing.assert_allclose(worker, trained[: len(batch)], atol=5.1e-5)  # events have four digits

    assert {None if one is None else one["baggage"] for one in felt[0]} == {None, *SENTIMENTS}
    assert felt[1] == felt[0][:1]

    answered = (await api.post("/predict/batch", {"texts": texts})).json()
    assert [answer.get("theme_sentiments") for answer in answered] == felt[0]
    rest = np.array([[answer["scores"][label] for label in SENTIMENTS] for answer in answered])
    np.testing.assert_allclose(rest, trained, atol=1e-6)
    alone = (await api.post("/predict", {"text": texts[7]})).json()["scores"]
    np.testing.assert_allclose([alone[label] for label in SENTIMENTS], trained[7], atol=1e-6)

    monkeypatch.setenv("BUZZWATCH_MLFLOW__TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("BUZZWATCH_LOCAL__DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BUZZWATCH_ARTEFACT", str(tmp_path / "artefact"))
    rules = tmp_path / "rules.json"  # JSON is YAML
    rules.write_text(
        json.dumps(
            {
                "watches": [{"name": "air", "match": ["@air"]}],
                "themes": [{"name": "baggage", "match": ["bag", "baggage"]}],
            }
        )
    )
    monkeypatch.setenv("BUZZWATCH_RULES", str(rules))
    lines = "\n".join(texts)
    printed = CliRunner().invoke(predict, ["--format", "json"], input=lines, catch_exceptions=False).stdout
    command = np.array([[answer["scores"][label] for label in SENTIMENTS] for answer in json.loads(printed)])
    assert [answer.get("theme_sentiments") for answer in json.loads(printed)] == felt[0]
    np.testing.assert_allclose(command, trained, atol=1e-6)
