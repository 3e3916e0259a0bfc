"""The whole stack on one machine: started in order, watched, stopped in the opposite order."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from filelock import FileLock, Timeout

from alerts.storage.redis_health import shown_address
from contracts.environment.running_ports import remove_running_ports, write_running_ports
from contracts.errors import Unavailable
from contracts.redaction import redacted
from contracts.settings import LocalSettings, Settings
from local.ports import PortClaims
from local.servers.kafka import kafka_server
from local.servers.mlflow import mlflow_server
from local.servers.redis import redis_server
from local.servers.server import Server, ensure_ports_are_free, make_folder, reachable_host, wait_until_ready
from local.supervision import FATAL, Supervision, await_the_previous_one
from local.topics import create_topics

# A process that needed more restarts than this within the window is not helped by another one.
_MOST_RESTARTS: Final = 5
_WINDOW_S: Final = 300.0
_AGAIN_S: Final = 60.0
"""After so long a process without which the others go on is tried again."""

_SERVERS: Final[dict[str, Callable[[LocalSettings], Server]]] = {
    "kafka": kafka_server,
    "redis": redis_server,
    "mlflow": mlflow_server,
}


class Stack:
    """The servers that no setting names, our processes on top of them.

    with Stack(settings, programs=our_programs, seed=seed_registry, progress=print) as stack:
        while True:
            stack.check()
            time.sleep(1)

    Leaving the block stops the worker, the notifier and the API, waits for their end, then stops the servers.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        programs: Callable[[Settings], Sequence[Server]],
        seed: Callable[[Settings], object],
        progress: Callable[[str], None],
        before_programs: Callable[[Settings], object] = lambda _: None,
    ) -> None:
        """
        Args:
            settings: names the servers to use, or the ports of those to start; a default that is taken gives way to
                the next free port.
            programs: our processes on these settings, see `local.programs`.
            seed: fills an empty model registry; called when MLflow is ready, beside the start of the other servers.
            progress: takes one line of progress at a time.
            before_programs: called when all servers are ready.
        """
        self.settings = settings
        """With the ports in use, once the stack has started."""
        self._seed = seed
        self._before_programs = before_programs
        self._progress = progress
        data_dir = make_folder(settings.local.data_dir.absolute())
        self._lock = FileLock(data_dir / "up.lock")
        self._data_dir = data_dir
        self._claims = PortClaims()
        self._programs = programs
        self._describe(settings)
        self._supervision: Supervision | None = None
        self.pids: dict[str, int] = {}
        """Process numbers, as of the start or the last `check`."""
        self._restarts: dict[str, deque[float]] = {}
        self._again_at: dict[str, float] = {}

    @property
    def addresses(self) -> dict[str, str]:
        """What listens where, for people."""
        api = f"http://{reachable_host(self.settings.api.host)}:{self.settings.api.port}"
        path = self.settings.dashboard.path
        room = {} if path == "off" else {"watch room": f"{api}{path}"}
        return {
            **room,
            "API": f"{api}/docs",
            "MLflow": redacted(self.settings.mlflow.tracking_uri),
            "Kafka": self.settings.kafka.bootstrap_servers,
            "Redis": shown_address(self.settings.redis),
            "logs": str(self._data_dir / "logs"),
        }

    def __enter__(self) -> Self:
        """Start everything; returns when all of it is ready.

        Raises:
            Unavailable: a second stack in this data folder, a taken port, a missing program, a process that died
                while starting, a server that is not there; what was started is stopped again.
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise Unavailable(
                f"another `buzzwatch up` runs on {self._data_dir}; use it, end it or set BUZZWATCH_LOCAL__DATA_DIR"
            ) from None
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop everything in order."""
        self.stop()

    def stop(self) -> None:
        """Stop our processes, wait for their end, then the servers."""
        try:
            if self._supervision is not None:
                self._progress("stopping: first worker, notifier and API, then the servers")
                self._supervision.stop()
                self._supervision = None
        finally:
            if self._lock.is_locked:
                remove_running_ports(self._data_dir)
            self._claims.release()
            self._lock.release()

    def check(self) -> None:
        """To call every second or so: reports what was restarted.

        Raises:
            Unavailable: a process that the others need keeps dying; names the log to read.
        """
        assert self._supervision is not None
        for name, info in self._supervision.processes().items():
            server = next(one for one in [*self.servers, *self.programs] if one.name == name)
            if info["state"] == FATAL:
                self._given_up(server)
                continue
            before, now = self.pids.get(name, 0), int(info["pid"])
            if now in (0, before):
                continue
            self.pids[name] = now
            times = self._restarts.setdefault(name, deque())
            times.append(time.monotonic())
            while times[0] < time.monotonic() - _WINDOW_S:
                times.popleft()
            if len(times) > _MOST_RESTARTS and not server.is_spare:
                raise Unavailable(f"{name} died {len(times)} times in {_WINDOW_S / 60:.0f} minutes; read {server.log}")
            self._progress(f"{name} died and was started again (process {now}); what it wrote: {server.log}")

    def _given_up(self, server: Server) -> None:
        """Supervisor has: end with that, or go on without it and try it again now and then."""
        what = f"{server.name} keeps dying at its start; read {server.log}"
        if not server.is_spare:
            raise Unavailable(what)
        now = time.monotonic()
        if now < self._again_at.get(server.name, 0.0):
            return
        self._again_at[server.name] = now + _AGAIN_S
        self._progress(f"{what}; the others go on without it, and it is tried again every {_AGAIN_S:.0f} s")
        assert self._supervision is not None
        self._supervision.start_process(server.name)

    def _describe(self, settings: Settings) -> None:
        external = settings.external
        self.servers = [describe(settings.local) for name, describe in _SERVERS.items() if name not in external]
        self.programs = list(self._programs(settings))

    def _choose_ports(self) -> None:
        """Other ports where defaults are taken; written down for the commands beside this stack, handed to programs."""
        ports = self._claims.choose([*self.servers, *self.programs], self.settings, self._progress)
        self.settings = self.settings.with_ports(ports)
        self._describe(self.settings)
        variables = {setting: str(port) for setting, port in ports.items()}
        self.programs = [replace(one, environment={**one.environment, **variables}) for one in self.programs]
        write_running_ports(self._data_dir, ports)

    def _start(self) -> None:
        run_dir = self._data_dir / "run"
        await_the_previous_one(run_dir, self._progress)  # it still listens on the ports
        self._choose_ports()
        groups = {"servers": self.servers, "ours": self.programs}
        supervision = Supervision(groups, run_dir, self._data_dir / "logs" / "supervisord.log")
        for server in [*self.servers, *self.programs]:
            ensure_ports_are_free(server)
        self._supervision = supervision
        supervision.start()
        # Topics and a first model as soon as their server answers: the others take seconds more.
        self._launch(self.servers, {"kafka": self._create_topics, "mlflow": partial(self._seed, self.settings)})
        self._before_programs(self.settings)
        self._launch(self.programs, {})

    def _create_topics(self) -> None:
        for state in create_topics(self.settings):
            for difference in state.differences:
                self._progress(f"topic {state.expected.name}: {difference}")

    def _launch(self, servers: Sequence[Server], then: Mapping[str, Callable[[], object]]) -> None:
        """Start them side by side: preparing Kafka's storage and importing MLflow take seconds each.

        Args:
            then: name → what to do once that server is ready; at once where it is none of these.
        """
        if servers:
            self._progress(f"starting {_listed(servers)}")
        given_up = threading.Event()
        own = {server.name: server for server in servers}

        def step(name: str) -> None:
            if name in own:
                self._launch_one(own[name], given_up)
            if name in then:
                then[name]()

        names = own.keys() | then.keys()
        with ThreadPoolExecutor(len(names) or 1) as pool:
            try:
                for launched in as_completed([pool.submit(step, name) for name in names]):
                    launched.result()
            except BaseException:  # one failed, or Ctrl-C: the others are not waited for
                given_up.set()
                raise

    def _launch_one(self, server: Server, given_up: threading.Event) -> None:
        supervision = self._supervision
        assert supervision is not None
        server.prepare()
        size = server.log.stat().st_size if server.log.exists() else 0
        supervision.start_process(server.name)
        wait_until_ready(
            server, is_alive=lambda: not given_up.is_set() and supervision.is_alive(server.name), log_offset=size
        )
        self.pids[server.name] = int(supervision.processes()[server.name]["pid"])
        self._progress(f"{server.name} is ready")


def _listed(servers: Sequence[Server]) -> str:
    names = [server.name for server in servers]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
