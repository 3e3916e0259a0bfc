"""What the page Model has done with models: by `buzzwatch models`, in a process of its own.

The gate compares the held-out predictions of two models, which takes seconds of a processor and packages that a
process which answers requests does not load.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal, NamedTuple

from contracts.errors import BuzzwatchError
from contracts.times import clock_ms
from dashboard.lately import Known, Lately

Kind = Literal["promote", "rollback", "estimate"]
_FRESH_S: Final = 20.0
_HARDLY_EVER_S: Final = 600.0
"""What a version carries does not change; MLflow may have been away."""
_LONGEST_S: Final = 600.0
_PREFIX: Final = "buzzwatch: "


class Answer(NamedTuple):
    """What a command answered."""

    status: int
    output: str
    lines: list[str]
    """Of standard error."""


Run = Callable[[Sequence[str]], Answer]


@dataclass
class Job:
    """One command that somebody has started."""

    kind: Kind
    version: str
    who: str
    began_ms: int
    ended_ms: int | None = None
    failed: bool = False
    lines: list[str] = field(default_factory=list)
    """What it had to say: what was done, or why not."""
    result: dict[str, Any] | None = None
    """Its JSON, when it succeeded."""


class ModelDesk:
    """Runs one command at a time.

    Args:
        run: runs `buzzwatch models` with these arguments; blocks.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._versions: Lately[list[dict[str, Any]]] = Lately(self._list, _FRESH_S)
        self._held_out: dict[str, Lately[dict[str, Any]]] = {}
        """Of the version that was asked for last: of another one it is asked for anew."""
        self._lock = threading.Lock()
        self.last: Job | None = None
        """The promotion or rollback that runs, or ran last."""
        self.estimate: Job | None = None
        """Likewise of estimates."""

    def versions(self, wait_s: float = 0.0) -> Known[list[dict[str, Any]]]:
        """The registered versions, newest first, as `buzzwatch models list --format json` prints them."""
        return self._versions.get(wait_s)

    def held_out(self, version: str, wait_s: float = 0.0) -> Known[dict[str, Any]]:
        """What a version carries about itself, as `buzzwatch models held-out --format json` prints it."""
        if version not in self._held_out:
            self._held_out = {version: Lately(partial(self._ask_held_out, version), _HARDLY_EVER_S)}
        return self._held_out[version].get(wait_s)

    def promote(self, version: str, who: str, reason: str = "") -> None:
        """Begin a promotion.

        Args:
            reason: why it shall serve even where the gate refuses it; empty: then it does not.

        Raises:
            BuzzwatchError: another one runs.
        """
        force = [f"--force={reason}"] if reason else []
        self._begin("promote", version, who, ["promote", version, f"--by={who}", *force])

    def roll_back(self, who: str, reason: str) -> None:
        """Begin a rollback; raises as `promote`."""
        self._begin("rollback", "", who, ["rollback", f"--by={who}", f"--why={reason}"])

    def estimate_now(self, who: str, since: str) -> None:
        """Begin to estimate how accurate the champion has been since then; raises as `promote`."""
        self._begin("estimate", "", who, ["estimate", "--since", since])

    def _begin(self, kind: Kind, version: str, who: str, arguments: list[str]) -> None:
        job = Job(kind, version, who, clock_ms())
        with self._lock:
            before = self.estimate if kind == "estimate" else self.last
            if before is not None and before.ended_ms is None:
                raise BuzzwatchError(f"{before.who} has started one that still runs: wait for its end")
            if kind == "estimate":
                self.estimate = job
            else:
                self.last = job
        threading.Thread(target=self._work, args=(job, arguments), name="models", daemon=True).start()

    def _work(self, job: Job, arguments: list[str]) -> None:
        try:
            answer = self._run([*arguments, "--format", "json"])
            job.failed, job.lines = answer.status != 0, answer.lines
            job.result = json.loads(answer.output) if answer.output.strip() else None
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            job.failed, job.lines = True, [f"it did not come to an end: {error}"]
        finally:
            self._versions.outdate()
            job.ended_ms = clock_ms()

    def _list(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask(["list"], "the models cannot be listed")
        return found

    def _ask_held_out(self, version: str) -> dict[str, Any]:
        found: dict[str, Any] = self._ask(["held-out", version], "its held-out predictions cannot be read")
        return found

    def _ask(self, arguments: Sequence[str], wrong: str) -> Any:
        answer = self._run([*arguments, "--format", "json"])
        if answer.status:
            raise BuzzwatchError(answer.lines[-1] if answer.lines else wrong)
        return json.loads(answer.output)


def run_models(arguments: Sequence[str]) -> Answer:
    """`buzzwatch models` with these arguments and the environment of this process."""
    command = [sys.executable, "-m", "cli.main", "models", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_LONGEST_S, stdin=subprocess.DEVNULL, check=False
    )
    lines = [line.removeprefix(_PREFIX) for line in done.stderr.splitlines() if line.strip()]
    return Answer(done.returncode, done.stdout, lines)
