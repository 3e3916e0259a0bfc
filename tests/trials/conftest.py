"""What strangers send, tried on one running stack: each trial sends records of its own and finds them by their ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from api.security.keys import SCOPES
from tests.fakes import Receiver
from tests.otlp import Collector
from tests.stack import RunningStack, quick_rules

FOLDER = Path(__file__).parent
QUICK = {
    "BUZZWATCH_ROLLOUT__CANARY_STEPS": "50%/1s,100%/1s",
    "BUZZWATCH_ROLLOUT__CANARY_TWEETS": "50",
    "BUZZWATCH_ROLLOUT__LOOK_S": "1",
    "BUZZWATCH_LEARNING__RANDOM_INTERVAL_S": "2",
}
"""A challenger's trial is over within seconds."""
_STACK = pytest.StashKey[RunningStack]()
CROWDED = ("botair", "onevoiceair", "templateair", "passedonair", "namelessair", "namelessbotair")
"""Airlines that a single trial talks about (`test_voices.py`)."""


def _watch(rules: Path, names: tuple[str, ...]) -> None:
    yaml = YAML()
    document = yaml.load(rules.read_text())
    document["watches"] += [{"name": name, "match": [f"@{name}"]} for name in names]
    with rules.open("w") as file:
        yaml.dump(document, file)


def _end(running: RunningStack) -> None:
    """Ctrl-C: all processes end well and none stays, whatever the trials have done to them."""
    try:
        assert running.stop() == 0, running.log
        assert running.left_behind() == []
    finally:
        running.kill()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """The stack ends with the last trial: idle until the end of the run, it would slow down the tests beside it."""
    yield
    running = item.config.stash.get(_STACK, None)
    if running is not None and (nextitem is None or FOLDER not in nextitem.path.parents):
        _end(running)


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
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, collector: Collector
) -> Iterator[RunningStack]:
    """`buzzwatch up` with rules that fire and resolve within seconds; it traces what comes with a trace."""
    folder = tmp_path_factory.mktemp("trials")
    rules = folder / "rules.yaml"
    quick_rules(rules, receiver)
    _watch(rules, (*CROWDED, "tracedair", "wholeair"))
    running = RunningStack(
        folder,
        rules,
        BUZZWATCH_TRACING__ENDPOINT=collector.url,
        BUZZWATCH_TRACING__SAMPLE="0",
        BUZZWATCH_LOG_FORMAT="json",
        BUZZWATCH_KAFKA__TOPICS__PARTITIONS="32",
        **QUICK,
        # The requests of many trials come from one address: none is refused for its rate.
        **{f"BUZZWATCH_API__RATE_{scope.upper()}": "" for scope in SCOPES},
    )
    request.config.stash[_STACK] = running
    yield running
    _end(running)
