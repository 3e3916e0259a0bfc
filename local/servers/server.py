"""A server of the local stack: how it is started, when it is ready, and the reason in its log when it dies."""

from __future__ import annotations

import functools
import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from contracts.errors import Unavailable

_LOOK_EVERY_S: Final = 0.1
_TAIL_BYTES: Final = 200_000
# From the surest sign to the vaguest: our own last words and the closing line of a Python traceback; a log line of
# that severity; anything that sounds like it. Indented lines are stack frames.
_LAST_WORDS: Final = (
    re.compile(r"^(buzzwatch: |\w*(Error|Exception): |[\w.]+\.[A-Z]\w+: )"),
    re.compile(r"^[^a-z]*\b(FATAL|ERROR|CRITICAL)\b"),
    re.compile(r"^\S.*\b(fatal|error|exception|cannot|can't|could not|failed)\b", re.IGNORECASE),
    re.compile(r"^\S"),
)


def nothing_to_prepare() -> None:
    """For a server that needs nothing before it starts."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server process, described; something else starts it."""

    name: str
    command: tuple[str, ...]
    log: Path
    """Where the process' output goes."""
    ports: Mapping[str, int]
    """Setting → port it listens on."""
    host: str = "127.0.0.1"
    """Address it listens on."""
    ready: Callable[[], bool]
    """Asks it whether it serves; never raises."""
    prepare: Callable[[], None] = nothing_to_prepare
    """To call before each start; repeats nothing that is done."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to those of the starting process."""
    is_spare: bool = False
    """Whether the others do their work without it, once they have started."""
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 20.0
    """How long SIGTERM may take before SIGKILL, seconds."""


def make_folder(folder: Path) -> Path:
    """Create the folder for a server's data.

    Raises:
        Unavailable: it cannot be created or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Unavailable(
            f"{folder} cannot be written ({error.strerror}); set BUZZWATCH_LOCAL__DATA_DIR to a folder that can"
        ) from None
    return folder


def reachable_host(host: str) -> str:
    """The address at which this machine reaches what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 (compared, not bound)


def ensure_port_is_free(name: str, setting: str, port: int, host: str) -> None:
    """Refuse before anything starts.

    Raises:
        Unavailable: another process listens there; names the setting.
    """
    if (error := port_error(port, host)) is not None:
        raise Unavailable(
            f"port {port} for {name} cannot be used on {host} ({error.strerror}); "
            f"end what listens there or set {setting}"
        )


def port_error(port: int, host: str) -> OSError | None:
    """Why nothing can listen there now, None if something can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def ensure_ports_are_free(server: Server) -> None:
    """Refuse before the server starts; without this, whoever listens there would pass for it.

    Raises:
        Unavailable: a port is taken; names the setting.
    """
    for setting, port in server.ports.items():
        ensure_port_is_free(server.name, setting, port, server.host)


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a connection is accepted: cheaper and quieter than a client's first try."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def says_ok(url: str) -> bool:
    """Whether the address answers with a success."""
    try:
        return _client().get(url).is_success
    except httpx.HTTPError:
        return False


@functools.cache
def _client() -> httpx.Client:
    """One for all questions: each client reads the certificates of all authorities, 27 ms of processor time, and a
    server that starts is asked ten times a second. No connection is kept, so that none holds up the server's end."""
    return httpx.Client(timeout=2, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


def wait_until_ready(
    server: Server, *, is_alive: Callable[[], bool], log_offset: int = 0, timeout_s: float | None = None
) -> None:
    """Wait until the server answers.

    Args:
        server: the server that was started.
        is_alive: whether its process still runs.
        log_offset: size of its log before this start, bytes, so that an older death is not reported.
        timeout_s: instead of the server's own.

    Raises:
        Unavailable: it died or did not answer in time; one line from its log.
    """
    limit = server.start_timeout_s if timeout_s is None else timeout_s
    deadline = time.monotonic() + limit
    while True:
        alive = is_alive()  # first, so that a death between the two questions is seen next time
        if server.ready():
            return
        if not alive:
            raise Unavailable(why_it_died(server, log_offset))
        if time.monotonic() > deadline:
            raise Unavailable(f"{server.name} was not ready within {limit:.0f} s; read {server.log}")
        time.sleep(_LOOK_EVERY_S)


def why_it_died(server: Server, log_offset: int = 0) -> str:
    """One line for a person, from what the process wrote since `log_offset`."""
    lines = [line.rstrip() for line in _written_since(server.log, log_offset).splitlines() if line.strip()]
    text = "\n".join(lines)
    if re.search(r"address (is )?already in use|Failed to bind|bind: ", text, re.IGNORECASE):
        taken = [f"{port} ({setting})" for setting, port in server.ports.items()]
        return f"{server.name} cannot listen: a port is taken, one of {', '.join(taken)}; end what listens there"
    if re.search(r"permission denied|AccessDeniedException|read-only file system", text, re.IGNORECASE):
        return (
            f"{server.name} may not write its data; set BUZZWATCH_LOCAL__DATA_DIR to a folder it can; read {server.log}"
        )
    if "UnsupportedClassVersionError" in text:
        return f"{server.name} needs Java 17 or newer; install it (apt-get install openjdk-17-jre-headless)"
    if re.search(r"Could not reserve enough space|Cannot allocate memory|OutOfMemoryError", text):
        return (
            f"{server.name} found too little memory; lower BUZZWATCH_LOCAL__KAFKA_HEAP or free some; read {server.log}"
        )
    found = (line for sign in _LAST_WORDS for line in reversed(lines) if sign.search(line))
    last = next(found, "it wrote nothing").strip()
    return f"{server.name} ended: {last[:300]}; read {server.log}"


def _written_since(log: Path, offset: int) -> str:
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            start = offset if offset <= size else 0  # it was rotated meanwhile
            file.seek(max(start, size - _TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
