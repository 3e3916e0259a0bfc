"""Models changed by the commands, seen in what two running workers publish."""

from __future__ import annotations

import functools
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from contracts.settings import KafkaSettings, MlflowSettings, RedisSettings, Settings
from contracts.topics import TopicSettings
from local.topics import create_topics
from models.base.artefact import METADATA, load_artefact
from models.cascade import CascadeModel
from models.linear.model import HashedModel
from tests.e2e.workers import Stream, Workers
from tests.unit.models.deep.tiny import tiny_model
from tests.unit.models.hashed_samples import random_weights
from tests.unit.training.registry.test_promotion_gate import evidence
from tests.waiting import until
from training.registry.register import default_alias, register_artefact


class Running(NamedTuple):
    """Workers that serve the champion, `first`, and what was registered beside it."""

    settings: Settings
    first: str
    better: str
    cascade: str
    """Its deep tier cannot be loaded."""
    workers: Workers
    stream: Stream

    def change(self, *arguments: str, to: str) -> None:
        """Give a command of `buzzwatch models`, and wait until every worker serves the version."""
        self.workers.command("models", *arguments)
        self.see(functools.partial(self._served, to))  # 10 s where nothing else runs

    def see(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds: what a worker says of itself is a moment old."""
        until(holds, said=self.said)

    def _served(self, version: str) -> bool:
        """Asked of both, since a worker that Kafka took for dead for a moment publishes nothing."""
        if not self.stream.answered_by(version):
            return False  # a page of metrics costs a worker milliseconds
        versions = self.workers.metric("buzzwatch_model_version")
        return versions == [float(version)] * 2

    def said(self) -> str:
        return f"{self.workers.partitions()} {self.stream.latest} {self.workers.said()}"


@pytest.fixture(scope="module")
def running(
    kafka_servers: str, redis_url: str, mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder, mark = tmp_path_factory.mktemp("workers"), uuid.uuid4().hex[:8]
    topics = TopicSettings(
        tweets=f"tweets-{mark}",
        scored=f"scored-{mark}",
        feedback=f"feedback-{mark}",
        dead_letters=f"dead-{mark}",
        audit=f"audit-{mark}",
        labels=f"labels-{mark}",
    )
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers=kafka_servers, topics=topics),
        redis=RedisSettings(url=redis_url, prefix=f"test-{mark}"),
        mlflow=MlflowSettings(tracking_uri=mlflow_uri, model_name=f"sentiment-{mark}"),
    )
    create_topics(settings)

    def registered(right: float, write: Callable[[Path], None]) -> str:
        home = folder / f"right-{right}"
        write(home)
        evidence(right).save(home)
        return register_artefact(settings, home, alias=default_alias(settings))

    first = registered(0.7, HashedModel(random_weights(1), {"trained_on": "seed 1"}).save)
    better = registered(0.9, HashedModel(random_weights(2), {"trained_on": "seed 2"}).save)
    cascade = registered(0.95, _without_its_runtime)
    workers = Workers(settings, folder)
    try:
        stream = Stream(settings.kafka.bootstrap_servers, topics)
        ready = Running(settings, first, better, cascade, workers, stream)
        until(lambda: workers.partitions() == [2, 2] and stream.answered_by(first), said=ready.said)
        yield ready
        stream.close()
    finally:
        workers.kill()


def _without_its_runtime(folder: Path) -> None:
    """A cascade whose network nothing that is installed can run."""
    linear = load_artefact(Settings().artefact)
    assert isinstance(linear, HashedModel)
    noted = {"threshold": 1.1, "blend": 1.0, "budget_s": 1.0, "patience_s": 5.0}
    CascadeModel(linear, tiny_model(), noted).save(folder)
    metadata = json.loads((folder / METADATA).read_text())
    del metadata["metadata_sha256"]
    metadata["parts"]["deep"]["runtime"] = "of tomorrow"
    (folder / METADATA).write_text(json.dumps(metadata))


def test_a_promotion_and_its_rollback_are_published_by_every_worker(running: Running) -> None:
    running.change("promote", running.better, to=running.better)
    running.change("rollback", to=running.first)
    running.see(lambda: running.workers.partitions() == [2, 2])
    assert running.workers.alive


def test_a_cascade_without_its_deep_tier_serves_with_the_linear_one_and_an_alert_says_so(running: Running) -> None:
    client = connect(running.settings)
    alerts = AlertStore(client, running.settings)

    def told(state: str) -> list[str]:
        return [alert.annotations["description"] for alert in alerts.list() if
                (alert.labels["alertname"], alert.state) == ("ModelBroken", state)]  # fmt: skip

    before = running.stream.latest[0]
    with pytest.raises(AssertionError, match=r"stays where it is: the deep tier .* cannot be loaded.*of tomorrow"):
        running.workers.command("models", "promote", running.cascade)
    running.change("promote", running.cascade, "--force", "to see it fall back", to=running.cascade)
    running.see(lambda: told("firing") != [])
    assert "the linear one answers alone" in told("firing")[0]
    assert "'of tomorrow'" in told("firing")[0]
    running.see(lambda: running.workers.ready() == [200, 200])
    running.see(lambda: running.workers.metric("buzzwatch_model_broken") == [1, 1])
    assert {prediction.tier for prediction in running.stream.seen if prediction.model.version == running.cascade} == {
        "linear"
    }
    running.change("rollback", to=before)
    running.see(lambda: told("resolved") != [] and told("firing") == [])
    client.close()


def test_while_models_change_no_tweet_is_lost_or_answered_twice(running: Running) -> None:
    running.change("promote", running.better, to=running.better)
    running.stream.finish()
    seen = running.stream.seen
    assert Counter(Counter(prediction.tweet_id for prediction in seen).values()) == {1: running.stream.sent}
    assert {prediction.model.version for prediction in seen} >= {running.first, running.better}
    assert running.workers.stop() == [0, 0]
