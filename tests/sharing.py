"""One run in several processes: how tests are dealt out to them, and the servers that they share."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.servers import RunningServer

TOGETHER: Final = {
    "a stack with pages": ("tests/trials/dashboard/",),
    "environments of the images": ("tests/trials/image/",),
    "a stack": ("tests/trials/",),
    "a broker to kill": (
        "tests/chaos/",
        "tests/integration/api/test_feedback_publishing.py",
        "tests/integration/local/test_servers.py",
        "tests/integration/stream/counting/test_consumer.py",
        "tests/integration/stream/kafka/test_undecodable.py",
        "tests/integration/stream/scoring/test_role.py",
    ),
    "a registry to kill": ("tests/integration/models/registry/",),
    "TensorFlow": ("tests/integration/training/deep/",),
    "models registered": ("tests/integration/training/",),
    "compiled training": ("tests/unit/training/", "tests/unit/api/test_parity.py"),
}
"""What only one test may use at a time, or what each process would import or compile anew, and the tests that use it.
A test belongs to the first that names it."""
WITHOUT_SERVERS: Final = (
    *("tests/integration/training/deep/", "tests/integration/cli/training/test_training.py"),
    *("tests/unit/training/", "tests/behavioural/", "tests/unit/"),
)
"""What needs no server but a Redis of its own, and no answer in time: processors are all that it waits for."""
_LONGEST_FIRST: Final = (
    *("tests/chaos/", "tests/trials/dashboard/", "tests/trials/image/", "tests/trials/", "tests/e2e/"),
    *("tests/integration/", *WITHOUT_SERVERS),
)


class ByFile(LoadScopeScheduling):
    """The tests of a file run one after the other in one process, those that `TOGETHER` names side by side, too.

    They are dealt out in the order of `longest_first`; the filler is given those first that need no servers.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    # pytest-xdist documents no other way to say what follows.

    def _split_scope(self, nodeid: str) -> str:
        return next((what for what, tests in TOGETHER.items() if nodeid.startswith(tests)), nodeid.partition("::")[0])

    def _assign_work_unit(self, node: WorkerController) -> None:
        if not self.workqueue:
            node.shutdown()
            return
        scope = next(iter(self.workqueue))
        if fills_gaps(node.workerinput):
            scope = next((name for name, tests in self.workqueue.items() if _alone(tests)), scope)
        tests = self.assigned_work[node][scope] = self.workqueue.pop(scope)
        numbers = {name: number for number, name in enumerate(self.registered_collections[node])}
        node.send_runtest_some([numbers[name] for name, done in tests.items() if not done])


def _alone(tests: Iterable[str]) -> bool:
    return all(test.startswith(WITHOUT_SERVERS) for test in tests)


def processes() -> int:
    """How many share the tests: one for each processor, and one more with less priority, which fills the gaps where
    others wait: with tests that need no servers, then with those that are left."""
    return _processors() + 1


def fills_gaps(workerinput: Mapping[str, Any]) -> bool:
    """Whether this process is the one more of `processes`."""
    count = int(workerinput["workercount"])
    return count > _processors() and workerinput["workerid"] == f"gw{count - 1}"


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def longest_first(nodeid: str) -> int:
    """Sorts tests so that what takes long does not begin last; many short ones fill the gaps at the end."""
    found = [(len(folder), rank) for rank, folder in enumerate(_LONGEST_FIRST) if nodeid.startswith(folder)]
    return max(found, default=(0, 0))[1]


class SharedServers:
    """Servers that the processes of a run share: who asks first starts one, and stops it after the last has ended.

    A test that kills, fills or restarts a server needs one of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[str, RunningServer] = {}
        self._used: set[str] = set()

    def address(self, name: str, start: Callable[[Path], RunningServer]) -> str:
        """The address of the server of that name, which `start` starts in the folder that it is given."""
        note = self._folder / f"{name}.json"
        with self._lock(name):
            noted = json.loads(note.read_text()) if note.exists() else None
            if noted is None:
                running = self._started[name] = start(self._folder / name)
                noted = {"address": running.address, "users": []}
            noted["users"].append(os.getpid())
            note.write_text(json.dumps(noted))
        self._used.add(name)
        return str(noted["address"])

    def leave(self) -> None:
        """Say that this process needs none any more; stop those that it has started once nobody does."""
        for name in self._used:
            with self._lock(name):
                self._forget(name, os.getpid())
        for name, running in self._started.items():
            while not self._unused(name):
                time.sleep(0.1)
            running.kill()
        self._used, self._started = set(), {}

    def _lock(self, name: str) -> FileLock:
        return FileLock(self._folder / f"{name}.lock")

    def _forget(self, name: str, user: int) -> None:
        note = self._folder / f"{name}.json"
        noted = json.loads(note.read_text())
        noted["users"].remove(user)
        note.write_text(json.dumps(noted))

    def _unused(self, name: str) -> bool:
        """Whether nobody uses it; who asks for it from then on starts another."""
        note = self._folder / f"{name}.json"
        with self._lock(name):
            alive = [user for user in json.loads(note.read_text())["users"] if Path(f"/proc/{user}").exists()]
            if not alive:
                note.unlink()
        return not alive
