"""What the processes of the stack write, followed in their logs and shown line by line with the name in front."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from local.servers.server import Server

_LOOK_EVERY_S = 0.2


class LogFollower:
    """Hands every new line of the servers' logs to `show(name, line)`, from a thread of its own.

    A log that is rotated is followed into its successor.
    """

    def __init__(self, servers: Iterable[Server], show: Callable[[str, str], None]) -> None:
        self._logs = [_Log(server.name, server.log) for server in servers]
        self._show = show
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="log-follower", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _follow(self) -> None:
        while True:
            last = self._done.wait(_LOOK_EVERY_S)  # after the end, look once more: the farewells
            for log in self._logs:
                for line in log.new_lines():
                    self._show(log.name, line)
            if last:
                for log in self._logs:
                    log.close()
                return


class _Log:
    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._file: IO[bytes] | None = None
        self._started = path.stat().st_size if path.exists() else 0
        self._rest = b""

    def new_lines(self) -> list[str]:
        """Whole lines written since the last call."""
        written = b""
        if self._file is not None:
            written = self._file.read()
            if self._replaced():
                self._file.close()
                self._file, self._started = None, 0
        if self._file is None and self._path.exists():
            self._file = self._path.open("rb")
            self._file.seek(self._started)
            written += self._file.read()
        *lines, self._rest = (self._rest + written).split(b"\n")
        return [line.decode("utf-8", errors="replace").rstrip() for line in lines if line.strip()]

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _replaced(self) -> bool:
        assert self._file is not None
        try:
            return self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except OSError:
            return True
