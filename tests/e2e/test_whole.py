"""The whole way on real components: `buzzwatch up` with its own Kafka, Redis, MLflow, worker, notifier and API."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.events import Prediction
from contracts.times import clock_ms, to_rfc3339
from demo import crisis
from tests.fakes import Receiver
from tests.stack import RunningStack, quick_rules, wait
from training.registry.register import register_artefact

VALID = 2000
PAST = 1850
BAD = [
    b"not json",
    b"[1]",
    b'{"id": 1}',
    b'{"id": 1, "text": ""}',
    json.dumps({"id": 1, "text": "x" * 10_001}).encode(),
]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def stack(tmp_path: Path, receiver: Receiver) -> Iterator[RunningStack]:
    rules = tmp_path / "rules.yaml"
    quick_rules(rules, receiver)
    running = RunningStack(tmp_path, rules)
    yield running
    running.kill()


def tweets(count: int, past: int) -> list[bytes]:
    """Ordinary tweets of yesterday, then angry ones of now."""
    rng = random.Random(7)
    now_ms = clock_ms()
    lines = []
    for number in range(count):
        is_past = number < past
        text = (crisis.ordinary(rng) if is_past else crisis.angry(rng)).text
        written = now_ms - 80_000_000 + number * 40_000 if is_past else now_ms
        lines.append(json.dumps({"id": f"t{number}", "text": text, "created_at": to_rfc3339(written)}).encode())
    return lines


def feedback(stack: RunningStack, predictions: list[Prediction], *, correct: bool) -> None:
    for prediction in predictions:
        other = "positive" if prediction.sentiment == "negative" else "negative"
        body = {
            "prediction_id": prediction.prediction_id,
            "predicted": prediction.sentiment,
            "correct": correct,
            "expected": prediction.sentiment if correct else other,
            "model_version": prediction.model.version,
        }
        answer = stack.client.post("/feedback", json=body)
        assert answer.status_code == 202, answer.text


def wait_for_version(stack: RunningStack, version: str, *, within_s: float) -> None:
    """Promote the artefact once more while tweets flow: predictions say so soon, and no tweet is lost."""
    assert register_artefact(stack.settings, stack.settings.artefact, alias="champion") == version
    since, sent = time.monotonic(), 0
    while not (answered := [p.model.version for p in stack.predictions() if p.tweet_id.startswith("s")]).count(version):
        assert time.monotonic() - since < within_s, f"after {sent} tweets versions {set(answered)} answer"
        stack.run("produce", text=json.dumps({"id": f"s{sent}", "text": "a tweet while models change"}).encode())
        sent += 1
    wait(lambda: len(stack.predictions()) >= VALID + sent, 120)
    assert len(stack.predictions()) == VALID + sent


def test_two_thousand_tweets_become_predictions_and_two_alerts(stack: RunningStack, receiver: Receiver) -> None:
    lines = tweets(VALID, PAST)
    stack.run("produce", text=b"\n".join(lines[:1000] + BAD + lines[1000:]))

    wait(lambda: len(stack.predictions()) >= VALID, 60)
    predictions = stack.predictions()
    assert Counter(prediction.tweet_id for prediction in predictions) == Counter(f"t{n}" for n in range(VALID))
    assert len({prediction.prediction_id for prediction in predictions}) == VALID
    assert Counter(stack.dead()) == Counter(BAD)

    feedback(stack, predictions[:3], correct=False)
    wait(lambda: len(receiver.posts) >= 2, 120)
    feedback(stack, predictions[3:4], correct=True)
    wait(lambda: len(receiver.posts) >= 4, 60, lambda: str([post.body for post in receiver.posts]))
    time.sleep(2)  # nothing may come twice

    story = [(post.body["commonLabels"]["alertname"], post.status) for post in receiver.posts]
    assert Counter(story) == Counter(
        (name, status) for name in ("BadBuzz", "ConsecutiveErrors") for status in ("firing", "resolved")
    )
    assert [status for name, status in story if name == "BadBuzz"] == ["firing", "resolved"]
    assert len({post.id for post in receiver.posts}) == 4
    assert receiver.forged == 0
    alert = next(post.body for post in receiver.posts if post.body["commonLabels"]["alertname"] == "BadBuzz")["alerts"][
        0
    ]
    assert (alert["labels"]["watch"], alert["labels"]["severity"]) == ("air-paradis", "critical")
    assert "baggage" in json.dumps(alert["annotations"])

    listed = json.loads(stack.run("alerts", "list", "--format", "json").stdout)
    assert {entry["labels"]["alertname"] for entry in listed} == {"BadBuzz", "ConsecutiveErrors"}
    letters = json.loads(stack.run("dlq", "list", "--format", "json").stdout)
    assert Counter(letter["error_class"] for letter in letters) == {"UnreadableRecord": 2, "InvalidTweet": 3}

    wait_for_version(stack, "2", within_s=60)  # 10 s where nothing else runs (docs/models.md)
    assert Counter(stack.dead()) == Counter(BAD)

    assert stack.stop() == 0
    assert stack.left_behind() == []
