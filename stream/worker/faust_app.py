"""The Faust app: its two agents, the roles that own threads, and the pages for probes and Prometheus."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import faust
from faust.app import BootStrategy
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.errors import BuzzwatchError, SettingsError
from contracts.settings import Settings
from stream.counting.feedback_consumer import FeedbackBatch, JudgeRole
from stream.counting.role import WatchRole
from stream.kafka.records import RecordBatch
from stream.scoring.role import ScoreRole, reason
from stream.worker.gc_tuning import relax_collector
from stream.worker.health import Health, Report
from stream.worker.instance import Instance

_log = logging.getLogger("buzzwatch.stream.worker")

_LEAVE_S = 5.0
"""Time for the roles to leave Kafka, on top of `drain_timeout_s`."""

Failed = Callable[[Exception], None]
Deliver = Callable[[RecordBatch | FeedbackBatch], None]
Role = ScoreRole | WatchRole | JudgeRole


@dataclass(frozen=True)
class Roles:
    """The roles of a worker. `close` closes what they share."""

    judge: JudgeRole
    score: ScoreRole | None
    watch: WatchRole | None
    health: Health
    close: Callable[[], None]

    @property
    def all(self) -> list[Role]:
        """In the order in which they are started and stopped."""
        return [role for role in (self.score, self.watch, self.judge) if role is not None]


class _WithoutFaustsKafka(BootStrategy):
    """Starts agents, timers and pages, but not Faust's consumer: ours read Kafka, in all codecs and formats."""

    enable_kafka = False

    def producer_only(self) -> Any:
        """The services to start: without table recovery, for which Faust would wait although there are no tables."""
        return self.server()


class Worker(faust.App):
    """Starts our roles once Faust's agents listen, and stops them before the agents.

    Args:
        build: makes the roles; called in a thread. Its arguments pass a batch to the agent, and report that a role
            cannot go on.
        stop_within_s: how long stopping may take; then the process is ended with status 1.
    """

    BootStrategy = _WithoutFaustsKafka
    producer_only = True

    def __init__(
        self, name: str, *, build: Callable[[Deliver, Failed], Roles], stop_within_s: float, **conf: Any
    ) -> None:
        super().__init__(name, **conf)
        self._build = build
        self._last_call = threading.Timer(stop_within_s, _exit_at_once, (stop_within_s,))
        self._last_call.daemon = True
        self._roles: Roles | None = None
        self._failure: Exception | None = None
        self._running: list[Role] = []
        self.batches: Any = self.channel()
        self.feedback: Any = self.channel()

    @property
    def roles(self) -> Roles:
        """The roles; there are none before the app has started."""
        assert self._roles is not None, "the app has not started"
        return self._roles

    async def on_start(self) -> None:
        """Build the roles. Faust starts the agents after this."""
        await super().on_start()
        self.flow_control.resume()  # opens the channels; normally Faust's consumer does it
        loop = asyncio.get_running_loop()

        def deliver(batch: RecordBatch | FeedbackBatch) -> None:
            channel = self.feedback if isinstance(batch, FeedbackBatch) else self.batches
            asyncio.run_coroutine_threadsafe(channel.put(batch), loop)

        def failed(error: Exception) -> None:
            if self._failure is None:
                self._failure = error
                _log.error("the worker cannot go on and stops with status 1: %s", reason(error))
                loop.call_soon_threadsafe(sys.exit, 1)

        try:
            self._roles = await loop.run_in_executor(None, self._build, deliver, failed)
        except BuzzwatchError as error:
            _log.error("the worker cannot start and stops with status 1: %s", error)
            sys.exit(1)
        self.add_future(self._start_roles())

    async def _start_roles(self) -> None:
        """Start once the agents listen. A batch sent to a channel without a subscriber would be lost."""
        while not (self.batches.subscriber_count and self.feedback.subscriber_count):
            await self.sleep(0.01)
        relax_collector()
        for role in self.roles.all:
            self._running.append(role)
            role.start()

    async def on_stop(self) -> None:
        """Stop the roles first, so that each polled batch is either committed or left to be read again."""
        if self._last_call.ident is None:
            self._last_call.start()
        if self._roles is not None:
            loop = asyncio.get_running_loop()
            for role in self._running:
                await loop.run_in_executor(None, role.stop)
            await loop.run_in_executor(None, self.roles.close)
        await super().on_stop()

    async def on_shutdown(self) -> None:
        """Everything has stopped: the process need not be ended by force."""
        await super().on_shutdown()
        self._last_call.cancel()

    def probes(self) -> tuple[Report, Report]:
        """Liveness and readiness."""
        if self._roles is None:
            waiting = Report(["starting"])
            return Report([]), waiting
        return self.roles.health.live(), self.roles.health.ready()


def _exit_at_once(after_s: float) -> None:
    _log.error(
        "the worker has not stopped within %g s and exits now; the next worker reads again what is not committed",
        after_s,
    )
    logging.shutdown()
    os._exit(1)


class _Process(faust.Worker):
    """The process of `faust worker`, without its spinner, which would set the log level to warnings."""

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Keep the log level of our settings."""


def create_worker(
    settings: Settings, instance: Instance, build: Callable[[Deliver, Failed], Roles], logging_config: dict[str, Any]
) -> Worker:
    """The app with its agents and pages.

    Args:
        settings: group, ports.
        instance: this worker's name, and its slot: workers of one host have ports and data folders of their own.
        build: makes the roles.
        logging_config: for `logging.config.dictConfig`; Faust sets up logging when it starts.
    """
    worker = settings.worker
    data_dir = settings.local.data_dir / "faust" / str(instance.slot)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)  # Faust makes its folder, but not the folders above it
    except OSError as error:
        raise SettingsError(
            f"BUZZWATCH_LOCAL__DATA_DIR: the folder {data_dir} cannot be created ({error.strerror})"
        ) from None
    app = Worker(
        worker.group,
        broker=[f"kafka://{server.strip()}" for server in settings.kafka.bootstrap_servers.split(",")],
        build=build,
        stop_within_s=worker.drain_timeout_s + _LEAVE_S,
        datadir=str(data_dir),
        web_host=worker.web_host,
        web_bind=worker.web_host,
        web_port=worker.web_port + instance.slot,
        stream_wait_empty=False,
        logging_config=logging_config,
        Worker=_Process,
    )
    _add_agents(app)
    _add_pages(app)
    return app


def _add_agents(app: Worker) -> None:
    @app.agent(app.batches, name="score")
    async def score(batches: Any) -> None:
        async for batch in batches:
            if app.roles.score is not None:
                await app.roles.score.score(batch)

    @app.agent(app.feedback, name="judge")
    async def judge(batches: Any) -> None:
        async for batch in batches:
            await app.roles.judge.judge(batch)


def _add_pages(app: Worker) -> None:
    def answer(view: Any, report: Report) -> Any:
        return view.json(
            {"status": "ok" if not report.problems else "failing", "problems": report.problems}, status=report.status
        )

    @app.page("/livez")
    async def livez(view: Any, _request: Any) -> Any:
        return answer(view, app.probes()[0])

    @app.page("/readyz")
    async def readyz(view: Any, _request: Any) -> Any:
        return answer(view, app.probes()[1])

    @app.page("/health")
    async def health(view: Any, _request: Any) -> Any:
        live, ready = app.probes()
        return answer(view, Report([*live.problems, *ready.problems]))

    @app.page("/metrics")
    async def metrics(view: Any, _request: Any) -> Any:
        return view.bytes(generate_latest(), content_type=CONTENT_TYPE_LATEST.partition(";")[0])
