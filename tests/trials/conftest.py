"""What strangers send, tried on one running stack: each trial sends records of its own and finds them by their ids."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import Receiver
from tests.otlp import Collector
from tests.stack import RunningStack, quick_rules

QUICK = {
    "BUZZWATCH_ROLLOUT__CANARY_STEPS": "50%/1s,100%/1s",
    "BUZZWATCH_ROLLOUT__CANARY_TWEETS": "50",
    "BUZZWATCH_ROLLOUT__LOOK_S": "1",
    "BUZZWATCH_LEARNING__RANDOM_INTERVAL_S": "2",
}
"""A challenger's trial is over within seconds."""


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Receives the alerts of `stack`."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Receives the spans of `stack`."""
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, collector: Collector) -> Iterator[RunningStack]:
    """`buzzwatch up` with rules that fire and resolve within seconds; it traces what comes with a trace."""
    folder = tmp_path_factory.mktemp("trials")
    rules = folder / "rules.yaml"
    quick_rules(rules, receiver)
    running = RunningStack(
        folder,
        rules,
        BUZZWATCH_TRACING__ENDPOINT=collector.url,
        BUZZWATCH_TRACING__SAMPLE="0",
        BUZZWATCH_LOG_FORMAT="json",
        **QUICK,
    )
    yield running
    running.kill()
