"""The whole circle on a running stack: tweets called wrong make a better champion, and a worse challenger goes back."""

from __future__ import annotations

import csv
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Producer

from alerts.storage.connection import connect
from contracts.events import SENTIMENTS, Prediction
from learning.rollout.state import RolloutStatus, TrialStore
from models.linear.model import HashedModel
from stream.kafka.audit import audit_events
from tests.fakes import Receiver
from tests.stack import RunningStack
from tests.unit.learning.retraining.telling import NEW, old_data, tweet
from tests.unit.training.linear.small import SMALL
from tests.waiting import until
from training.data.datasets import load_training_data
from training.evaluation.held_out import HeldOut
from training.linear.hashed_classifier import HashedClassifier
from training.registry.register import register_artefact


class Circle:
    """A stack, a champion that knows the old words alone, and tweets in new words with what they mean."""

    def __init__(self, stack: RunningStack, folder: Path) -> None:
        from mlflow import MlflowClient  # two seconds of every process that collects tests

        self.stack = stack
        self.folder = folder
        self.data = old_data(folder / "data")
        self.client = MlflowClient(stack.settings.mlflow.tracking_uri)
        self.truth: dict[str, str] = {}
        """Tweet id → label."""
        self._texts: dict[str, str] = {}
        self._rng = np.random.default_rng(7)
        self._numbers = itertools.count()
        self._producer = Producer(stack.settings.kafka.librdkafka_producer())

    def register(self, name: str, alias: str, labels: Sequence[str] = SENTIMENTS) -> str:
        """A small model of the old data, with its held-out predictions.

        Args:
            labels: what it is taught to say for negative, neutral, positive.
        """
        data = load_training_data(self.data)
        texts, truth = data.rows(data.learn)
        said = np.array(labels)[np.searchsorted(np.array(SENTIMENTS), truth)]
        fitted = HashedClassifier(**SMALL).fit(texts, said)
        home = self.folder / name
        metadata = {"params": fitted.get_params(), "trained_on": name, "metrics": {}}
        HashedModel(fitted.model_.weights, metadata).save(home)
        texts, truth = data.rows(data.held_out)
        scores = fitted.model_.predict_proba(texts)
        HeldOut.of(texts, truth, data.source[data.held_out], data.company[data.held_out], scores).save(home)
        return register_artefact(self.stack.settings, home, alias=alias)

    def new_texts(self, count: int) -> list[tuple[str, str]]:
        """Texts in new words, and their labels."""
        names = [SENTIMENTS[number % 3] for number in range(count)]
        return [(f"@AirParadis {tweet(self._rng, NEW, name)}", name) for name in names]

    def send(self, texts: Sequence[tuple[str, str]]) -> list[str]:
        """Tweets of these texts; their ids."""
        ids = []
        for text, label in texts:
            ids.append(f"loop-{next(self._numbers)}")
            self.truth[ids[-1]], self._texts[ids[-1]] = label, text
            value = json.dumps({"id": ids[-1], "text": text, "lang": "en"}).encode()
            self._producer.produce(self.stack.settings.kafka.topics.tweets, value, ids[-1])
        assert self._producer.flush(60) == 0
        return ids

    def answers(self, ids: Sequence[str]) -> list[Prediction]:
        """The predictions about these tweets, each once."""
        wanted = set(ids)

        def found() -> list[Prediction]:
            return [one for one in self.stack.predictions() if one.tweet_id in wanted]

        until(lambda: len(found()) >= len(wanted), 600, self.stack.said)
        answers = found()
        assert sorted(one.tweet_id for one in answers) == sorted(wanted)
        return answers

    def right(self, predictions: Sequence[Prediction]) -> float:
        """Share of right answers."""
        return float(np.mean([one.sentiment == self.truth[one.tweet_id] for one in predictions]))

    def report_wrong(self, prediction: Prediction) -> None:
        body = {
            "prediction_id": prediction.prediction_id, "predicted": prediction.sentiment, "correct": False,
            "expected": self.truth[prediction.tweet_id], "model_version": prediction.model.version,
            "tweet_id": prediction.tweet_id, "text": self._texts[prediction.tweet_id],
        }  # fmt: skip
        answer = self.stack.client.post("/feedback", json=body)
        assert answer.status_code == 202, answer.text

    def review(self, at_least: int) -> int:
        """Judge what the queue offers of these tweets while they come, as a person would; how many were judged."""
        judged = 0
        deadline = time.monotonic() + 600
        while judged < at_least:
            assert time.monotonic() < deadline, f"{judged} were judged"
            self.send(self.new_texts(60))
            for item in self.stack.client.get("/review", params={"judge": "ada", "limit": 100}).json()["items"]:
                label = self.truth.get(item["tweet_id"])
                body = {"judge": "ada"} | ({"label": label} if label else {"skip": True})
                assert self.stack.client.post(f"/review/{item['id']}", json=body).status_code == 200
                judged += label is not None
            time.sleep(0.5)
        return judged

    def bring_labels(self, judge: str, count: int) -> None:
        """Labels of tweets that others have read."""
        file = self.folder / f"{judge}.csv"
        with file.open("w", newline="") as out:
            csv.writer(out).writerows([("text", "label"), *self.new_texts(count)])
        self.stack.run("labels", "import", str(file), "--judge", judge)

    def status(self) -> RolloutStatus:
        with connect(self.stack.settings) as client:
            return TrialStore(client, self.stack.settings).status()

    def until(self, phase: str) -> RolloutStatus:
        """Send tweets until the trial is in this phase."""
        deadline = time.monotonic() + 900
        while (found := self.status()).state is None or found.state.phase != phase:
            assert time.monotonic() < deadline, f"{found} {self.stack.said()[-2000:]}"
            self.send(self.new_texts(60))
            time.sleep(0.5)
        return found


@pytest.fixture
def circle(stack: RunningStack, tmp_path: Path) -> Iterator[Circle]:
    from mlflow import MlflowClient

    first = MlflowClient(stack.settings.mlflow.tracking_uri).get_model_version_by_alias("sentiment", "champion").version
    circle = Circle(stack, tmp_path)
    yield circle
    circle.client.set_registered_model_alias("sentiment", "champion", first)


def told(receiver: Receiver) -> list[tuple[str, str]]:
    """Name and summary of the alerts that the receiver was sent, in order."""
    alerts = [alert for post in receiver.accepted for alert in post.body["alerts"]]
    return [(alert["labels"]["alertname"], alert["annotations"]["summary"]) for alert in alerts]


def test_wrong_predictions_become_a_better_champion_and_a_worse_challenger_goes_back(
    circle: Circle, receiver: Receiver
) -> None:
    stack = circle.stack
    began = list(audit_events(stack.settings))
    champion = circle.register("champion", "champion")
    until(lambda: circle.answers(circle.send(circle.new_texts(1)))[0].model.version == champion, 600, stack.said)
    texts = circle.new_texts(120)
    before = circle.answers(circle.send(texts))
    assert circle.right(before) < 0.7

    # Three in a row are called wrong, and somebody is told.
    wrong = [one for one in before if one.sentiment != circle.truth[one.tweet_id]]
    for prediction in wrong[:3]:
        circle.report_wrong(prediction)
    named = f"version {champion}"
    until(lambda: any(named in said for name, said in told(receiver) if name == "ConsecutiveErrors"), 600)

    # People judge what is worth it; the champion's recipe learns from that.
    assert circle.review(at_least=15) >= 15
    circle.bring_labels("bert", 150)
    note = stack.run("retrain", "--data-dir", str(circle.data)).stdout.decode()
    assert f"Retrained from version {champion}" in note
    better = str(circle.client.get_model_version_by_alias("sentiment", "challenger").version)

    # It looks on in the shadow, then answers a share, and is promoted by itself.
    stack.run("models", "shadow", "start")
    until(lambda: circle.send(circle.new_texts(30)) and circle.status().counts.compared >= 50, 600, stack.said)
    stack.run("models", "canary", "start")
    circle.bring_labels("carl", 120)
    promoted = circle.until("promoted")
    assert promoted.state is not None
    assert promoted.state.version == better
    assert promoted.verdicts[0]["outcome"] == "better"
    until(lambda: circle.answers(circle.send(circle.new_texts(1)))[0].model.version == better, 600, stack.said)
    after = circle.answers(circle.send(texts))
    assert circle.right(after) > 0.9

    # One that calls bad what is good does not get far.
    worse = circle.register("worse", "challenger", labels=SENTIMENTS[::-1])
    stack.run("models", "canary", "start")
    circle.bring_labels("dora", 120)
    gone = circle.until("rolled back")
    assert gone.state is not None
    assert (gone.state.version, gone.verdicts[0]["outcome"]) == (worse, "worse")
    until(lambda: circle.answers(circle.send(circle.new_texts(1)))[0].model.version == better, 600, stack.said)
    assert {one.model.version for one in circle.answers(circle.send(texts))} == {better}
    until(lambda: len(list(audit_events(stack.settings))) - len(began) >= 7, 300)
    events = list(audit_events(stack.settings))[len(began) :]
    assert [(one.what, one.subject.split()[-1]) for one in events] == [
        ("model.retrained", better),
        ("shadow.started", better),
        ("canary.started", better),
        ("canary.step", better),
        ("canary.promoted", better),
        ("canary.started", worse),
        ("canary.rolled_back", worse),
    ]

    def trials() -> list[str]:
        """What was told about these versions; the stack may have had others on trial before."""
        ours = (f"Model version {better} ", f"Model version {worse} ")
        return [said for name, said in told(receiver) if name == "ModelTrial" and said.startswith(ours)]

    until(lambda: len(trials()) >= 6, 300, lambda: str(trials()))
    assert trials() == [
        f"Model version {better} is on trial (shadow)",
        f"Model version {better} answers 50% of the tweets now",
        f"Model version {better} answers 100% of the tweets now",
        f"Model version {better} is the champion now",
        f"Model version {worse} answers 50% of the tweets now",
        f"Model version {worse} was rolled back: the champion answers everything",
    ]
