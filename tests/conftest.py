"""Fixtures for every test. Servers start when a test first asks for one, and are shared by the whole run."""

from __future__ import annotations

import gc
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from contracts.settings import AlertSettings, KafkaSettings, LocalSettings, MlflowSettings, RedisSettings, Settings
from contracts.topics import TopicSettings
from local.topics import create_topics as create
from tests import java_classes
from tests.servers import RunningServer, start_kafka, start_mlflow, start_redis
from tests.sharing import ByFile, SharedServers, fills_gaps, longest_first, processes

# Settings of whoever runs the tests are not the tests' settings.
for _name in [name for name in os.environ if name.startswith("BUZZWATCH_")]:
    del os.environ[_name]
# Where this forbids to keep compiled modules, hundreds of processes compile ours anew, and pytest the tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ["JAVA_TOOL_OPTIONS"] = java_classes.options()

# What is imported and collected stays to the end: the collector would walk it again and again.
gc.disable()

# Hypothesis' own: no deadline and no check of speed, which a busy machine misses; each run draws the same examples.
hypothesis.settings.load_profile("ci")

NOBODY = "127.0.0.1:1"
"""An address where nothing listens: what `settings` names for a server that the test did not ask for."""

LOOPBACK = (ip_network("127.0.0.0/8"),)
"""Where the receivers of tests are; the notifier refuses it unless told."""


_SHARED = pytest.StashKey[SharedServers]()


def pytest_xdist_auto_num_workers() -> int:
    return processes()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: longest_first(item.nodeid))
        if fills_gaps(config.workerinput):
            os.nice(5)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    # Not in a fixture: waiting for the other processes shall not count as the time of the last test.
    if (shared := session.config.stash.get(_SHARED, None)) is not None:
        shared.leave()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Commands and entry points set up logging as if the process were theirs: the next test finds it as it was."""
    root, disabled_below = logging.root, logging.root.manager.disable
    loggers = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = [(one, one.level, one.propagate, one.disabled, one.handlers[:]) for one in (root, *loggers)]
    yield
    logging.disable(disabled_below)
    known = {one for one, *_ in before}
    new = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger) and one not in known]
    before += [(one, logging.NOTSET, True, False, []) for one in new if one.name.startswith(("buzzwatch", "uvicorn"))]
    for logger, level, propagate, disabled, handlers in before:
        if logger.level != level:
            logger.setLevel(level)
        logger.propagate, logger.disabled, logger.handlers[:] = propagate, disabled, handlers


@pytest.fixture(scope="session")
def shared_servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SharedServers:
    folder = tmp_path_factory.getbasetemp()
    # With several processes, each has a folder in that of the run.
    shared = SharedServers(folder.parent if hasattr(request.config, "workerinput") else folder)
    request.config.stash[_SHARED] = shared
    return shared


@pytest.fixture(scope="session")
def kafka_servers(shared_servers: SharedServers) -> str:
    """`host:port` of a real broker."""
    return shared_servers.address("kafka", start_kafka)


@pytest.fixture(scope="session")
def mlflow_uri(shared_servers: SharedServers) -> str:
    """URL of a real MLflow server."""
    return shared_servers.address("mlflow", start_mlflow)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real Redis, of this process alone."""
    running = start_redis(tmp_path_factory.mktemp("redis"))
    yield running.address
    running.kill()


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Settings:
    """Settings with topics, group-safe names, Redis prefix and data folder of this test alone.

    Redis is always real. Kafka and MLflow are when the test asks for them (`kafka_servers`, `topics`,
    `create_topics`; `mlflow_uri`); otherwise nothing listens at their addresses.
    """
    mark = uuid.uuid4().hex[:8]
    kafka = request.getfixturevalue("kafka_servers") if "kafka_servers" in request.fixturenames else NOBODY
    mlflow = request.getfixturevalue("mlflow_uri") if "mlflow_uri" in request.fixturenames else f"http://{NOBODY}"
    topics = TopicSettings(
        tweets=f"tweets-{mark}",
        scored=f"scored-{mark}",
        feedback=f"feedback-{mark}",
        dead_letters=f"dead-{mark}",
        audit=f"audit-{mark}",
        labels=f"labels-{mark}",
    )
    return Settings(
        kafka=KafkaSettings(bootstrap_servers=kafka, topics=topics),
        redis=RedisSettings(url=redis_url, prefix=f"test-{mark}"),
        mlflow=MlflowSettings(tracking_uri=mlflow, model_name=f"sentiment-{mark}"),
        local=LocalSettings(data_dir=tmp_path),
        alerts=AlertSettings(allowed_networks=LOOPBACK),
    )


@pytest.fixture
def create_topics(kafka_servers: str) -> Callable[[Settings], None]:
    """Creates the topics of the settings it is given."""

    def create_them(settings: Settings) -> None:
        create(settings)

    return create_them


@pytest.fixture
def topics(settings: Settings, create_topics: Callable[[Settings], None]) -> TopicSettings:
    """The topics of `settings`, created."""
    create_topics(settings)
    return settings.kafka.topics


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RunningServer]:
    """A Redis of this test alone, to kill and restart."""
    running = start_redis(tmp_path / "own")
    yield running
    running.kill()


@pytest.fixture(scope="session")
def kafka_to_kill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = start_kafka(tmp_path_factory.mktemp("kafka-to-kill"))
    yield running
    running.kill()


@pytest.fixture
def own_kafka(kafka_to_kill: RunningServer) -> RunningServer:
    """A broker that no other test uses meanwhile, to kill and restart; the next one finds it as it is left."""
    return _awake(kafka_to_kill)


@pytest.fixture(scope="session")
def mlflow_to_kill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = start_mlflow(tmp_path_factory.mktemp("mlflow-to-kill"))
    yield running
    running.kill()


@pytest.fixture
def own_mlflow(mlflow_to_kill: RunningServer) -> RunningServer:
    """An MLflow that no other test uses meanwhile, to kill and restart; the next one finds it as it is left."""
    return _awake(mlflow_to_kill)


def _awake(server: RunningServer) -> RunningServer:
    if server.runs:
        server.thaw()
    else:
        server.kill()
        server.start()
    return server
