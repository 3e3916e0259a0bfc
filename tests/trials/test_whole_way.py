"""The whole way on real components: tweets in, predictions, dead letters, alerts and judgements out, while models
change."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from contracts.events import Prediction
from contracts.times import clock_ms, to_rfc3339
from demo.tweet_texts import WATCHED, angry, ordinary
from tests.fakes import Receiver
from tests.stack import RunningStack
from tests.waiting import until
from training.registry.register import register_artefact

WATCH = "wholeair"
VALID = 2000
PAST = 1850
BAD = [
    b"not json, the whole of it",
    b'["whole"]',
    b'{"id": "whole-1"}',
    b'{"id": "whole-2", "text": ""}',
    json.dumps({"id": "whole-3", "text": "x" * 10_001}).encode(),
]


def tweets(count: int, past: int) -> list[bytes]:
    """Ordinary tweets of yesterday, then angry ones of now."""
    rng = random.Random(7)
    now_ms = clock_ms()
    lines = []
    for number in range(count):
        is_past = number < past
        text = (ordinary if is_past else angry)(rng).text.replace(WATCHED, f"@{WATCH}")
        tweet = {"id": f"whole-t{number}", "text": text}
        if is_past:  # the others are of the moment in which they are sent, however late that is
            tweet["created_at"] = to_rfc3339(now_ms - 80_000_000 + number * 40_000)
        lines.append(json.dumps(tweet).encode())
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


def scored(stack: RunningStack, beginning: str) -> list[Prediction]:
    """The predictions about tweets whose ids begin so."""
    return [one for one in stack.predictions() if one.tweet_id.startswith(beginning)]


def dead(stack: RunningStack) -> Counter[bytes | None]:
    """The dead letters of this test."""
    return Counter(value for value in stack.dead() if value in BAD)


def classes(stack: RunningStack) -> Counter[str]:
    """Error classes of all dead letters."""
    letters = json.loads(stack.run("dlq", "list", "--limit", "100000", "--format", "json").stdout)
    return Counter(letter["error_class"] for letter in letters)


@pytest.fixture
def version(stack: RunningStack) -> Iterator[str]:
    """The shipped model, promoted once more while tweets flow: predictions say so soon, and no tweet is lost."""
    from mlflow import MlflowClient

    client = MlflowClient(stack.settings.mlflow.tracking_uri)
    first = client.get_model_version_by_alias("sentiment", "champion").version
    version = register_artefact(stack.settings, stack.settings.artefact, alias="champion")
    since, sent = time.monotonic(), 0
    while version not in (answered := {one.model.version for one in scored(stack, "whole-s")}):
        assert time.monotonic() - since < 240, f"after {sent} tweets versions {answered} answer"
        stack.run("produce", text=json.dumps({"id": f"whole-s{sent}", "text": "while models change"}).encode())
        sent += 1
    until(lambda: len(scored(stack, "whole-s")) >= sent)
    assert Counter(one.tweet_id for one in scored(stack, "whole-s")) == Counter(f"whole-s{n}" for n in range(sent))
    yield version
    client.set_registered_model_alias("sentiment", "champion", first)


def test_two_thousand_tweets_become_predictions_and_two_alerts(
    stack: RunningStack, receiver: Receiver, version: str
) -> None:
    def ours(labels: dict[str, str]) -> bool:
        return labels.get("watch") == WATCH or labels.get("model_version") == version

    def told() -> list[tuple[str, str]]:
        posts = [post for post in receiver.accepted if ours(post.body["commonLabels"])]
        return [(post.body["commonLabels"]["alertname"], post.status) for post in posts]

    lines, letters = tweets(VALID, PAST), classes(stack)
    stack.run("produce", text=b"\n".join(lines[:1000] + BAD + lines[1000:]))

    until(lambda: len(scored(stack, "whole-t")) >= VALID)
    predictions = scored(stack, "whole-t")
    assert Counter(one.tweet_id for one in predictions) == Counter(f"whole-t{number}" for number in range(VALID))
    assert len({prediction.prediction_id for prediction in predictions}) == VALID
    assert {prediction.model.version for prediction in predictions} == {version}
    until(lambda: dead(stack).total() >= len(BAD), said=lambda: str(dead(stack)))
    assert dead(stack) == Counter(BAD)
    assert classes(stack) - letters == {"UnreadableRecord": 2, "InvalidTweet": 3}

    feedback(stack, predictions[:3], correct=False)
    until(lambda: len(told()) >= 2)
    feedback(stack, predictions[3:4], correct=True)
    until(lambda: len(told()) >= 4, said=lambda: str(told()))
    time.sleep(2)  # nothing may come twice

    assert Counter(told()) == Counter(
        (name, status) for name in ("BadBuzz", "ConsecutiveErrors") for status in ("firing", "resolved")
    )
    assert [status for name, status in told() if name == "BadBuzz"] == ["firing", "resolved"]
    posts = [post for post in receiver.accepted if ours(post.body["commonLabels"])]
    assert len({post.id for post in posts}) == 4
    assert receiver.forged == 0
    alert = next(post.body for post in posts if post.body["commonLabels"]["alertname"] == "BadBuzz")["alerts"][0]
    assert (alert["labels"]["watch"], alert["labels"]["severity"]) == (WATCH, "critical")
    assert "baggage" in json.dumps(alert["annotations"])

    listed = json.loads(stack.run("alerts", "list", "--all", "--format", "json").stdout)
    assert {one["labels"]["alertname"] for one in listed if ours(one["labels"])} == {"BadBuzz", "ConsecutiveErrors"}
    assert dead(stack) == Counter(BAD)
