"""The Faust app: its two agents, the roles that own threads, a timer, and the pages for probes and Prometheus."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import faust
from faust.transport.drivers.aiokafka import Consumer as AiokafkaConsumer
from faust.types import TP
from mode.utils.queues import FlowControlEvent, ThrowableQueue
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.errors import BuzzwatchError
from contracts.settings import Settings
from stream.counting.feedback_consumer import JudgeRole
from stream.counting.role import WatchRole
from stream.kafka.records import Headers, RecordBatch
from stream.scoring.role import ScoreRole, reason
from stream.worker.gc_tuning import relax_collector
from stream.worker.health import Health, Report
from stream.worker.instance import Instance

_log = logging.getLogger("buzzwatch.stream.worker")

_METADATA_MAX_AGE_MS = 5_000
"""How long feedback waits at most when its topic was deleted and is there again: Faust's consumer drops a topic that it
does not find, and looks again after five minutes unless told otherwise."""

_LEAVE_S = 5.0
"""What Faust gets to leave Kafka, after the roles have had `drain_timeout_s`. Without Kafka it waits for ever."""

Failed = Callable[[Exception], None]
Deliver = Callable[[RecordBatch], None]


@dataclass(frozen=True)
class Roles:
    """What a worker does. `close` lets go of what the roles share."""

    judge: JudgeRole
    score: ScoreRole | None
    watch: WatchRole | None
    health: Health
    close: Callable[[], None]

    @property
    def threaded(self) -> list[ScoreRole | WatchRole]:
        """The roles that are started and stopped."""
        return [role for role in (self.score, self.watch) if role is not None]


class Worker(faust.App):
    """Starts our roles before Faust's own consumer, stops them before it.

    Args:
        build: makes the roles; called in a thread once Kafka is there, told how to hand a batch to the agent
            and how to say that a role cannot go on.
        stop_within_s: how long stopping may take; then the process ends as it is, with status 1.
    """

    def __init__(
        self, name: str, *, build: Callable[[Deliver, Failed], Roles], stop_within_s: float, **conf: Any
    ) -> None:
        super().__init__(name, **conf)
        self._build = build
        self._last_call = threading.Timer(stop_within_s, _end_as_it_is, (stop_within_s,))
        self._last_call.daemon = True
        self._roles: Roles | None = None
        self._failure: Exception | None = None
        self._running: list[ScoreRole | WatchRole] = []
        self.batches: Any = Batches(self)

    @property
    def roles(self) -> Roles:
        """The roles; there are none before the app has started."""
        assert self._roles is not None, "the app has not started"
        return self._roles

    async def on_start(self) -> None:
        """Faust starts the agents after this, and its own consumer a good second later."""
        await super().on_start()
        loop = asyncio.get_running_loop()

        def deliver(batch: RecordBatch) -> None:
            asyncio.run_coroutine_threadsafe(self.batches.put(batch), loop)

        def failed(error: Exception) -> None:
            if self._failure is None:
                self._failure = error
                _log.error("the worker stops: %s", reason(error))
                loop.call_soon_threadsafe(sys.exit, 1)

        try:
            self._roles = await loop.run_in_executor(None, self._build, deliver, failed)
        except BuzzwatchError as error:
            _log.error("the worker does not start: %s", error)
            sys.exit(1)
        self.add_future(self._start_roles())

    async def _start_roles(self) -> None:
        """Start as soon as the agent listens, and not before: a batch that nobody takes would be lost."""
        while not self.batches.subscriber_count:
            await self.sleep(0.01)
        relax_collector()
        for role in self.roles.threaded:
            self._running.append(role)
            role.start()

    async def on_stop(self) -> None:
        """Drain first, so that what was polled is committed or left alone."""
        if self._last_call.ident is None:
            self._last_call.start()
        if self._roles is not None:
            loop = asyncio.get_running_loop()
            for role in self._running:
                await loop.run_in_executor(None, role.stop)
            await loop.run_in_executor(None, self.roles.close)
        await super().on_stop()

    def _new_transport(self) -> Any:
        transport: Any = super()._new_transport()
        transport.Consumer = _ConsumerAtMarks
        return transport

    def probes(self) -> tuple[Report, Report]:
        """Liveness and readiness."""
        if self._roles is None:
            waiting = Report(["starting"])
            return Report([]), waiting
        return self.roles.health.live(), self.roles.health.ready()


def _end_as_it_is(after_s: float) -> None:
    _log.error("the worker has not stopped within %g s; it ends now, and what is not committed is read again", after_s)
    logging.shutdown()
    os._exit(1)


class Batches(faust.Channel[Any]):
    """Batches on their way to the agent, out of the reach of Faust's flow control.

    Faust empties every queue when its own consumer gets or loses partitions, for it reads those records again.
    A batch of ours would be gone, and the next one would commit the offsets behind it.
    """

    @property
    def queue(self) -> Any:
        """What the agent reads from."""
        if self._queue is None:
            self._queue = ThrowableQueue(flow_control=FlowControlEvent(initially_suspended=False))
        return self._queue


class _Process(faust.Worker):
    """The process of `faust worker`, without the spinner that turns the log's level down to warnings."""

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Leave logging as our settings have it."""


class _ConsumerAtMarks(AiokafkaConsumer):
    """Faust's consumer, starting where Redis says that counting has come to, not where Kafka says."""

    async def seek_to_committed(self) -> Any:
        committed = dict(await super().seek_to_committed())
        judge = cast("Worker", self.app).roles.judge
        for partition in self.assignment():
            mark = await judge.await_start()
            offset = mark or 0
            await self.seek(partition, offset)
            committed[partition] = offset
        return committed


def create_worker(
    settings: Settings, instance: Instance, build: Callable[[Deliver, Failed], Roles], logging_config: dict[str, Any]
) -> Worker:
    """The app with its agents, timer and pages.

    Args:
        settings: Kafka, groups, ports.
        instance: this worker's name, and its slot: workers of one host have ports and data folders of their own.
        build: makes the roles.
        logging_config: for `logging.config.dictConfig`; Faust sets up logging when it starts.
    """
    worker = settings.worker
    data_dir = settings.local.data_dir / "faust" / str(instance.slot)
    data_dir.mkdir(parents=True, exist_ok=True)  # Faust makes its folder, but not the folders above it
    app = Worker(
        worker.group,
        build=build,
        stop_within_s=worker.drain_timeout_s + _LEAVE_S,
        broker=[f"kafka://{server.strip()}" for server in settings.kafka.bootstrap_servers.split(",")],
        broker_credentials=_credentials(settings),
        broker_client_id=f"{worker.group}-{instance.name}",
        broker_session_timeout=worker.session_timeout_s,
        broker_heartbeat_interval=worker.session_timeout_s / 4,
        consumer_group_instance_id=f"{worker.group}-{instance.name}",
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=_METADATA_MAX_AGE_MS,
        topic_disable_leader=True,
        topic_allow_declare=False,
        datadir=str(data_dir),
        web_host=worker.web_host,
        web_bind=worker.web_host,
        web_port=worker.web_port + instance.slot,
        stream_wait_empty=False,
        logging_config=logging_config,
        Worker=_Process,
    )
    _add_agents(app, settings)
    _add_pages(app)
    return app


def _add_agents(app: Worker, settings: Settings) -> None:
    topic = app.topic(
        settings.kafka.topics.feedback, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes
    )
    feedback = TP(settings.kafka.topics.feedback, 0)

    async def seek(offset: int) -> None:
        await app.consumer.seek(feedback, offset)

    @app.agent(app.batches, name="score")
    async def score(batches: Any) -> None:
        async for batch in batches:
            if app.roles.score is not None:
                await app.roles.score.score(batch)

    # One at a time and in order: Faust can commit past an unfinished event otherwise.
    @app.agent(topic, name="judge", concurrency=1)
    async def judge(records: Any) -> None:
        async for event in records.events():
            await app.roles.judge.handle(_FaustRecord(event.message), seek)

    @app.timer(1.0)  # type: ignore[untyped-decorator]
    async def compare_marks() -> None:
        end = _end_of(app.consumer, feedback)
        app.roles.judge.measure(end)
        if end is not None:
            await app.roles.judge.compare(seek)


def _end_of(consumer: Any, partition: TP) -> int | None:
    """The end of the partition, 0 as long as it is not known; None when another worker has the partition."""
    if partition not in consumer.assignment():
        return None
    try:
        return consumer.highwater(partition) or 0
    except AssertionError:  # aiokafka's: it has been given away in this moment
        return None


class _FaustRecord:
    """A record that came through Faust, shown as confluent-kafka shows its own."""

    def __init__(self, message: Any) -> None:
        self._message = message

    def topic(self) -> str:
        return str(self._message.topic)

    def partition(self) -> int:
        return int(self._message.partition)

    def offset(self) -> int:
        return int(self._message.offset)

    def key(self) -> bytes | None:
        return cast("bytes | None", self._message.key)

    def value(self) -> bytes | None:
        return cast("bytes | None", self._message.value)

    def headers(self) -> Headers | None:
        headers = self._message.headers
        return list(headers.items() if isinstance(headers, dict) else headers or [])

    def timestamp(self) -> tuple[int, int]:
        return 1, int(self._message.timestamp * 1000)


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


def _credentials(settings: Settings) -> Any:
    kafka = settings.kafka
    if kafka.security_protocol == "PLAINTEXT":
        return None
    context = None
    if kafka.security_protocol.endswith("SSL"):
        import ssl

        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
        if kafka.ssl_certfile:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context)
