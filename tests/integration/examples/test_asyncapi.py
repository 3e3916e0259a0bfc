"""`docs/asyncapi.json` is a good AsyncAPI document, by its official parser, and says of records what is so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from alerts.grouping.sample import sample
from contracts.settings import ROOT
from contracts.times import clock_ms

DOCUMENT = ROOT / "docs" / "asyncapi.json"
_CHECK = """
import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'

for (const file of process.argv.slice(1)) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'))
  const wrong = diagnostics.filter(({ severity }) => severity < 2)
  console.log(JSON.stringify({
    found: wrong.map(({ path, message }) => `${path.join('.')}: ${message}`),
    version: document?.version(),
    channels: document?.allChannels().all().map((one) => one.address()),
    operations: document?.allOperations().all().length,
  }))
}
"""


def _parsed(*documents: Path) -> list[Any]:
    node = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert node, "no node: run `make setup`"
    done = subprocess.run(
        [node, "--input-type=module", "--eval", _CHECK, *map(str, documents)],
        cwd=ROOT / "examples", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr}\nrun `make setup`"
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(DOCUMENT.read_text(encoding="utf-8"))


def test_the_official_parser_finds_nothing_in_it_and_something_in_a_wrong_one(document: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "asyncapi.json"
    wrong.write_text(json.dumps(document | {"operations": {"send": {"action": "shout"}}}), encoding="utf-8")
    parsed, refused = _parsed(DOCUMENT, wrong)
    assert parsed["found"] == []
    assert parsed["version"] == "3.0.0"
    topics = {"tweets", "tweets.scored", "feedback", "dead-letters", "audit", "labels"}
    assert set(parsed["channels"]) == topics | {"/"}
    assert parsed["operations"] == 7
    assert refused["found"]


def _validator(document: Any, message: str) -> Draft7Validator:
    return Draft7Validator(document | document["components"]["messages"][message]["payload"])


def test_a_notification_is_as_the_document_says(document: Any) -> None:
    validator = _validator(document, "alert")
    for entry in sample("team", clock_ms(), watch="air-paradis", external_url="http://127.0.0.1:8000"):
        assert list(validator.iter_errors(json.loads(entry.body))) == []
    assert not validator.is_valid({"version": "4"})


def test_a_prediction_is_as_the_document_says(document: Any) -> None:
    validator = _validator(document, "prediction")
    prediction = {
        "tweet_id": "1465", "prediction_id": "8f2c", "sentiment": "negative", "confidence": 0.93,
        "scores": {"negative": 0.93, "neutral": 0.05, "positive": 0.02}, "watches": ["air-paradis"], "themes": [],
        "model": {"name": "sentiment", "version": "7"}, "text": None, "lang": "en",
        "created_at": "2026-11-20T10:00:00.000Z", "scored_at": "2026-11-20T10:00:00.120Z",
    }  # fmt: skip
    assert list(validator.iter_errors(prediction)) == []
    assert not validator.is_valid(prediction | {"sentiment": "angry"})
