"""Where a benchmark runs: Kafka and Redis of its own (or named ones), topics, and the shipped model as champion."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import pydantic

from bench.stage.ports import free_ports
from contracts.errors import BuzzwatchError
from contracts.settings import KafkaSettings, LocalSettings, MlflowSettings, RedisSettings, Settings, load_settings
from contracts.topics import TopicSettings
from local.die_with_parent import die_with_parent
from local.servers.kafka import kafka_server
from local.servers.redis import redis_server
from local.servers.server import Server, wait_until_ready
from local.topics import admin, create_topics
from models.registry.champion_cache import ChampionCache
from models.registry.client import RegisteredVersion

NOBODY = "http://127.0.0.1:1"
"""No MLflow runs: every contender serves the champion from the cache."""

Roles = frozenset[Literal["score", "watch"]]
SCORE: Final[Roles] = frozenset({"score"})
BOTH: Final[Roles] = frozenset({"score", "watch"})


class Site:
    """Servers and champion that all contenders share.

    Args:
        settings: of the servers.
        folder: for logs and data.
        delete_s: how long the deletion of topics is waited for.

    Attributes:
        left: the runs whose topics are still there.
    """

    def __init__(self, settings: Settings, folder: Path, *, delete_s: float = 10.0) -> None:
        self.settings = settings
        self.folder = folder
        self._delete_s = delete_s
        self.left: list[Settings] = []

    def fresh(
        self, *, tweets: str | None = None, partitions: int = 4, roles: Roles = SCORE, rules: Path | None = None
    ) -> Settings:
        """Settings of one run: topics and groups that nobody has used, created.

        Args:
            tweets: an input topic that is there already; by default a fresh one.
            partitions: of each topic.
            roles: of the worker.
            rules: file with watches, themes, rules, receivers; by default the shipped one.
        """
        mark = uuid.uuid4().hex[:8]
        topics = TopicSettings(
            tweets=tweets or f"tweets-{mark}",
            scored=f"scored-{mark}",
            feedback=f"feedback-{mark}",
            dead_letters=f"dead-{mark}",
            audit=f"audit-{mark}",
            labels=f"labels-{mark}",
            partitions=partitions,
        )
        settings = self.settings.model_copy(deep=True)
        settings.kafka.topics = topics
        settings.worker.group = f"bench-{mark}"
        settings.redis.prefix = f"bench-{mark}"
        settings.worker.roles = roles
        settings.worker.web_port, settings.alerts.metrics_port = free_ports(2)
        settings.rules = rules or settings.rules
        self.left.append(settings)  # before: the creation may be cut off half way
        create_topics(settings)
        return settings

    def forget(self, *runs: Settings) -> None:
        """Delete the topics of runs but for an input that others read too: they fill memory and disk.

        A busy broker may take longer than anybody waits here; it goes on with the deletion by itself.
        """
        own = [
            topic.name
            for run in runs
            for topic in run.kafka.topics.all()
            if topic.name.endswith(run.worker.group.removeprefix("bench-"))
        ]
        if own:
            client = admin(self.settings.kafka)  # it must live until the answers are there
            wait(client.delete_topics(own).values(), self._delete_s)
        self.left = [one for one in self.left if one not in runs]


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The variables with which a process comes to the same settings."""
    kafka, topics = settings.kafka, settings.kafka.topics
    return {
        **os.environ,
        "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "BUZZWATCH_KAFKA__TOPICS__TWEETS": topics.tweets,
        "BUZZWATCH_KAFKA__TOPICS__SCORED": topics.scored,
        "BUZZWATCH_KAFKA__TOPICS__FEEDBACK": topics.feedback,
        "BUZZWATCH_KAFKA__TOPICS__DEAD_LETTERS": topics.dead_letters,
        "BUZZWATCH_KAFKA__TOPICS__AUDIT": topics.audit,
        "BUZZWATCH_KAFKA__TOPICS__LABELS": topics.labels,
        "BUZZWATCH_KAFKA__TOPICS__PARTITIONS": str(topics.partitions),
        "BUZZWATCH_REDIS__URL": settings.redis.url,
        "BUZZWATCH_REDIS__PREFIX": settings.redis.prefix,
        "BUZZWATCH_MLFLOW__TRACKING_URI": settings.mlflow.tracking_uri,
        "BUZZWATCH_MLFLOW__MODEL_NAME": settings.mlflow.model_name,
        "BUZZWATCH_MLFLOW__CACHE_DIR": str(settings.champion_cache),
        "BUZZWATCH_WORKER__ROLES": ",".join(sorted(settings.worker.roles)),
        "BUZZWATCH_WORKER__GROUP": settings.worker.group,
        "BUZZWATCH_WORKER__WEB_PORT": str(settings.worker.web_port),
        "BUZZWATCH_ALERTS__METRICS_PORT": str(settings.alerts.metrics_port),
        "BUZZWATCH_ALERTS__ALLOWED_NETWORKS": "127.0.0.0/8",  # our own receivers
        "BUZZWATCH_RULES": str(settings.rules),
        "BUZZWATCH_LOCAL__DATA_DIR": str(settings.local.data_dir),
        "OMP_NUM_THREADS": "1",
        **more,
    }


@contextmanager
def open_site(kafka: str | None, progress: Callable[[str], None]) -> Iterator[Site]:
    """Start what is needed; everything is stopped and deleted at the end.

    Args:
        kafka: bootstrap servers to use instead of a broker of its own.
        progress: takes one line of progress at a time.

    Raises:
        BuzzwatchError: `kafka` is not host:port.
    """
    named = _named(kafka) if kafka else None
    folder = Path(tempfile.mkdtemp(prefix="buzzwatch-bench-"))
    running: list[tuple[Server, subprocess.Popen[bytes]]] = []
    try:
        broker, controller, redis = free_ports(3)
        local = LocalSettings(
            data_dir=folder, kafka_port=broker, kafka_controller_port=controller, redis_port=redis, kafka_heap="1g"
        )
        servers = [redis_server(local)] if kafka else [kafka_server(local), redis_server(local)]
        for server in servers:
            progress(f"starting {server.name}")
            running.append((server, start_server(server)))
        settings = Settings(
            kafka=named or KafkaSettings(bootstrap_servers=f"127.0.0.1:{broker}"),
            redis=RedisSettings(url=f"redis://127.0.0.1:{redis}/0"),
            mlflow=MlflowSettings(tracking_uri=NOBODY, timeout_s=1, poll_interval_s=60),
            local=local,
        )
        install_champion(settings, load_settings().artefact)
        site = Site(settings, folder)
        try:
            yield site
        finally:
            if kafka:  # a broker of its own goes with its folder
                site.forget(*site.left)
    finally:
        for server, process in reversed(running):
            process.terminate()
            try:
                process.wait(server.stop_timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _named(kafka: str) -> KafkaSettings:
    """The broker that somebody named. Raises: BuzzwatchError when that is no broker's name."""
    try:
        return KafkaSettings(bootstrap_servers=kafka)
    except pydantic.ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise BuzzwatchError(f"--kafka: {message}") from None


def start_server(server: Server) -> subprocess.Popen[bytes]:
    """Start it as a child, and wait until it is ready."""
    server.prepare()
    with server.log.open("ab") as log:
        process = subprocess.Popen(
            die_with_parent(server.command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **server.environment},
        )
    wait_until_ready(server, is_alive=lambda: process.poll() is None)
    return process


def install_champion(settings: Settings, artefact: Path) -> None:
    """Put the shipped model where a worker finds the champion while MLflow is away."""
    version = RegisteredVersion(settings.mlflow.model_name, "1", (settings.mlflow.alias,), "bench")
    cache = ChampionCache(settings.champion_cache)

    def fetch(folder: Path) -> None:
        shutil.copytree(artefact, folder / "artefact")

    cache.load(version, fetch)
    cache.remember(version)
