"""The process that makes frames, as the one that serves pages sees it: a command, and what it tells by a pipe."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final, Literal

import msgspec


class Told(msgspec.Struct, frozen=True):
    """One event for all pages."""

    kind: Literal["frame", "alerts", "forget"]
    payload: bytes
    """JSON, encoded once for all readers."""
    rows: list[dict[str, Any]] = []
    """The tweets that it shows."""
    gone: list[str] = []
    """Ids of tweets and predictions that were erased."""
    whole: bool = False
    """Whether the counters could be read: a snapshot is made of such a one."""


_LENGTH: Final = 4
"""Bytes in front of each event, which say how many follow."""
_END_S: Final = 5.0

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Told).decode


class Maker:
    """Runs it; it ends with its standard input, so also with us.

    Args:
        module: is run by Python; it reads what it is handed by `handed`, and writes by `write`.
        handed: what it works with; pickled.
    """

    def __init__(self, module: str, handed: Sequence[Any]) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert self._process.stdin is not None
            pickle.dump(tuple(handed), self._process.stdin)
            self._process.stdin.flush()
        except OSError:  # it has ended already: nothing comes then
            pass

    def __iter__(self) -> Iterator[Told]:
        """Each event as it comes, until the process ends."""
        assert self._process.stdout is not None
        while (told := _read(self._process.stdout)) is not None:
            yield told

    def end(self) -> int:
        """End it, if it still runs; its exit status."""
        self._close(self._process.stdin)
        try:
            return self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._close(self._process.stdout)

    def ask_to_end(self) -> None:
        """Do not wait for it; from any thread."""
        self._close(self._process.stdin)

    def _close(self, pipe: IO[bytes] | None) -> None:
        with contextlib.suppress(OSError):  # what was not written yet finds nobody
            if pipe is not None:
                pipe.close()


def handed(pipe: IO[bytes]) -> Any:
    """What this process was started with."""
    return pickle.load(pipe)  # noqa: S301 - our parent wrote it


def write(pipe: IO[bytes], told: Told) -> None:
    """Tell the parent; raises BrokenPipeError when it has gone."""
    event = _encode(told)
    pipe.write(len(event).to_bytes(_LENGTH, "big") + event)
    pipe.flush()


def _read(pipe: IO[bytes]) -> Told | None:
    head = pipe.read(_LENGTH)
    size = int.from_bytes(head, "big")
    event = pipe.read(size) if len(head) == _LENGTH else b""
    return _decode(event) if size and len(event) == size else None
