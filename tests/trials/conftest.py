"""What strangers send, tried on one running stack: each trial sends records of its own and finds them by their ids."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import Receiver
from tests.stack import RunningStack, quick_rules


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Receives the alerts of `stack`."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[RunningStack]:
    """`buzzwatch up` with rules that fire and resolve within seconds."""
    folder = tmp_path_factory.mktemp("trials")
    rules = folder / "rules.yaml"
    quick_rules(rules, receiver)
    running = RunningStack(folder, rules)
    yield running
    running.kill()
