"""Supervisor (supervisord) as a child: it starts, restarts and, in order, stops the processes of the stack.

Why not honcho: its manager ends every process at once and restarts none; the worker must drain while Kafka
and Redis still run. See docs/decisions/supervisor.md.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from contracts.errors import Unavailable
from contracts.extras import what_to_install
from local.die_with_parent import die_with_parent
from local.servers.server import Server, make_folder

_GRACE_S: Final = 10.0
_START_TIMEOUT_S: Final = 60.0  # less than a second but on a machine that is overloaded
_CONFIGURATION: Final = "supervisord.conf"
STARTING: Final = 10  # supervisor.states.ProcessStates
RUNNING: Final = 20
FATAL: Final = 200


def await_the_previous_one(run_dir: Path, progress: Callable[[str], None]) -> None:
    """After a `kill -9` of its starter, supervisord still stops the old stack in order: let it finish.

    Raises:
        Unavailable: it does not within a minute.
    """
    try:
        pid = int((run_dir / "supervisord.pid").read_text(encoding="ascii"))
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return
    if os.fsencode(run_dir / _CONFIGURATION) not in arguments:
        return  # the number belongs to someone else by now
    progress(f"waiting for the end of the previous stack (process {pid})")
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            raise Unavailable(f"the previous stack (process {pid}) does not end; end it and try again")
        time.sleep(0.1)


class Supervision:
    """Processes in groups; the last group is stopped first, and its end awaited before the next."""

    def __init__(self, groups: Mapping[str, Sequence[Server]], run_dir: Path, log: Path) -> None:
        if importlib.util.find_spec("supervisor") is None:
            raise Unavailable(f"the local stack cannot be started: {what_to_install('supervisor')}")
        self._groups = {name: tuple(servers) for name, servers in groups.items() if servers}
        self._run_dir = make_folder(run_dir)
        self.log = log
        self._config = self._run_dir / _CONFIGURATION
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Start supervisord; it starts nothing by itself."""
        # Not in the run folder: the path of a Unix socket has 108 bytes at most.
        self._socket = tempfile.TemporaryDirectory(prefix="buzzwatch-")
        self._config.write_text(self._configuration(), encoding="utf-8")
        command = [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--silent"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                die_with_parent([*command, "--configuration", str(self._config)]),
                env={**os.environ, **self._environment()},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for us alone; we stop it in order
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            try:
                self._call("getState")
                return
            except Unavailable:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def start_process(self, name: str) -> None:
        """Start one process without waiting for it."""
        self._call("startProcess", self._full_name(name), False)

    def processes(self) -> dict[str, Mapping[str, Any]]:
        """Name → supervisor's `getProcessInfo`: state, pid, exitstatus …"""
        return {info["name"]: info for info in self._call("getAllProcessInfo")}

    def is_alive(self, name: str) -> bool:
        """Whether the process runs now."""
        return self.processes()[name]["state"] in (STARTING, RUNNING)

    def stop(self) -> None:
        """Stop every process, the last group first, then supervisord. Does nothing when it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        patience = sum(max(server.stop_timeout_s for server in servers) for servers in self._groups.values())
        try:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(patience + _GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()  # its children use die_with_parent and end too
            process.wait()
        finally:
            if self._socket is not None:
                self._socket.cleanup()

    def _call(self, method: str, *arguments: Any) -> Any:
        from supervisor.xmlrpc import SupervisorTransport  # the image, which supervises nothing, is without it

        assert self._socket is not None
        transport = SupervisorTransport(None, None, f"unix://{self._socket.name}/rpc")
        try:
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, HTTPException, xmlrpc.client.Error) as error:
            raise Unavailable(f"supervisord does not answer ({error}); read {self.log}") from None
        finally:
            transport.close()

    def _full_name(self, name: str) -> str:
        group = next(group for group, servers in self._groups.items() if any(server.name == name for server in servers))
        return f"{group}:{name}"

    def _environment(self) -> dict[str, str]:
        """Commands and paths go in by variables: the configuration's syntax gives `;`, `#` and `%` a meaning."""
        assert self._socket is not None
        values = {
            "STACK_SOCKET": f"{self._socket.name}/rpc",
            "STACK_LOG": str(self.log),
            "STACK_RUN": str(self._run_dir),
        }
        for servers in self._groups.values():
            for server in servers:
                values |= server.environment
                values[_variable(server, "COMMAND")] = shlex.join(die_with_parent(server.command))
                values[_variable(server, "LOG")] = str(server.log)
        return values

    def _configuration(self) -> str:
        lines = [
            *("[unix_http_server]", "file=%(ENV_STACK_SOCKET)s", "chmod=0700"),
            *("[supervisord]", "logfile=%(ENV_STACK_LOG)s", "pidfile=%(ENV_STACK_RUN)s/supervisord.pid"),
            "strip_ansi=true",  # Faust moves the cursor even in a file
            *(["user=root"] if os.geteuid() == 0 else []),  # says that it is meant
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        ]
        for priority, (group, servers) in enumerate(self._groups.items(), start=1):
            names = ",".join(server.name for server in servers)
            lines += [f"[group:{group}]", f"programs={names}", f"priority={priority * 100}"]
            for server in servers:
                lines += [
                    f"[program:{server.name}]",
                    f"command=%(ENV_{_variable(server, 'COMMAND')})s",
                    f"stdout_logfile=%(ENV_{_variable(server, 'LOG')})s",
                    *("redirect_stderr=true", "stdout_logfile_maxbytes=20MB", "stdout_logfile_backups=3"),
                    *("autostart=false", "autorestart=true", "startsecs=10", "startretries=3"),
                    f"stopwaitsecs={server.stop_timeout_s:.0f}",
                    *("stopasgroup=true", "killasgroup=true"),
                ]
        return "\n".join(lines) + "\n"


def _variable(server: Server, what: str) -> str:
    return f"STACK_{server.name.upper().replace('-', '_')}_{what}"
