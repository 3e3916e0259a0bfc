"""Programs under measurement: started with the settings of one run, logged, ended with all their children."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.stage.functions import FUNCTION
from bench.stage.peers import our_python
from bench.stage.processes import end
from bench.stage.site import Site, environment
from contracts.errors import BuzzwatchError, Unavailable
from contracts.settings import Settings
from local.die_with_parent import die_with_parent

START_S: Final = 120.0
"""How long a program may take until it does something."""
_LOOK_EVERY_S: Final = 0.1
_ASK_S: Final = 2.0
WORKER: Final = ("-m", "faust", "-A", "bench.contenders.worker_app", "worker")
"""Arguments of the interpreter that start a buzzwatch worker."""


class Program(NamedTuple):
    """A process with its log."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    @property
    def complaint(self) -> str:
        """Its last lines, on one."""
        lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return " / ".join(lines[-3:])[-600:] or "it wrote no output"


@contextmanager
def running(site: Site, settings: Settings, command: list[str], **variables: str) -> Iterator[Program]:
    """Run a command until the block ends; it dies with this process, too."""
    log = site.folder / f"{settings.worker.group}-{time.monotonic_ns()}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            die_with_parent(command),
            env=environment(settings, **variables),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Program(process, log)
    finally:
        end(process)


class Worker:
    """A buzzwatch worker that runs, and what its pages say.

    Args:
        program: the process.
        web_port: of `/readyz` and `/metrics`.
    """

    def __init__(self, program: Program, web_port: int) -> None:
        self.program = program
        self.pid = program.process.pid
        self._pages = httpx.Client(base_url=f"http://127.0.0.1:{web_port}", timeout=_ASK_S, trust_env=False)

    def await_partitions(self, count: int, role: str = "score") -> None:
        """Wait until it is ready and has so many partitions.

        Raises:
            BuzzwatchError: it did not reach that state.
        """
        deadline = time.monotonic() + START_S
        while self.program.is_alive and time.monotonic() < deadline:
            if self._is_ready() and self.metrics().get(f"buzzwatch_partitions_assigned {role}") == count:
                return
            time.sleep(_LOOK_EVERY_S)
        raise BuzzwatchError(f"the worker was not ready within {START_S:.0f} s: {self.program.complaint}")

    def metrics(self) -> dict[str, float]:
        """Samples by name and label values; none when it does not answer at once."""
        try:
            text = self._pages.get("/metrics").text
        except httpx.HTTPError:
            return {}
        return {
            " ".join((sample.name, *sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def close(self) -> None:
        """Ask no more."""
        self._pages.close()

    def _is_ready(self) -> bool:
        try:
            return self._pages.get("/readyz").is_success
        except httpx.HTTPError:
            return False


@contextmanager
def running_worker(site: Site, settings: Settings, *, partitions: int | None = None, slot: int = 0) -> Iterator[Worker]:
    """One buzzwatch worker, ready.

    Args:
        site: where it runs.
        settings: of the run.
        partitions: how many of the input it must have been given; all by default.
        slot: how many workers of these settings run already; Faust's port is that of the settings and this.

    Raises:
        BuzzwatchError: it did not become ready.
    """
    with running(site, settings, [our_python(), *WORKER], **{FUNCTION: "whole"}) as program:
        worker = Worker(program, settings.worker.web_port + slot)
        try:
            role = "score" if "score" in settings.worker.roles else "watch"
            worker.await_partitions(partitions or settings.kafka.topics.partitions, role)
            yield worker
        finally:
            worker.close()


def explained(error: Exception) -> str:
    """Why something could not be measured, in one line."""
    if not isinstance(error, BuzzwatchError):
        return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return f"not here: {error}" if isinstance(error, Unavailable) else str(error)
