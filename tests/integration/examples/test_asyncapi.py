"""`docs/asyncapi.json` is a good AsyncAPI document, by its official parser, and says of records what is so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft7Validator

from alerts.grouping.payload import body_for
from alerts.grouping.sample import sample
from contracts.events import decode_feedback, decode_prediction, decode_tweet
from contracts.settings import ROOT
from contracts.times import clock_ms

READERS: dict[str, Callable[[bytes], Any]] = {
    "tweet": decode_tweet,
    "prediction": decode_prediction,
    "feedback": decode_feedback,
}
FORMS: dict[Literal["alertmanager", "cloudevents"], str] = {"alertmanager": "alert", "cloudevents": "alert-event"}
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


def test_a_notification_is_as_the_document_says_in_both_of_its_forms(document: Any) -> None:
    for entry in sample("team", clock_ms(), watch="air-paradis", external_url="http://127.0.0.1:8000"):
        for kind, message in FORMS.items():
            status = json.loads(entry.body)["status"]
            content_type, body = body_for(kind, str(uuid.uuid4()), status, clock_ms(), entry.body)
            assert list(_validator(document, message).iter_errors(json.loads(body))) == []
            said = document["components"]["messages"][message].get("contentType", document["defaultContentType"])
            assert content_type == said
    assert not _validator(document, "alert").is_valid({"version": "4"})


@pytest.mark.parametrize(("message", "read"), READERS.items())
def test_an_example_is_as_its_schema_says_and_is_read(
    document: Any, message: str, read: Callable[[bytes], Any]
) -> None:
    [example] = document["components"]["messages"][message]["examples"]
    assert list(_validator(document, message).iter_errors(example["payload"])) == []
    assert read(json.dumps(example["payload"]).encode()) is not None
    assert not _validator(document, message).is_valid({"sentiment": "angry"})
