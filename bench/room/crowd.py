"""Many readers of the stream in a process of their own: what is measured beside them has an interpreter for itself."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import re
import time
from array import array
from multiprocessing.connection import Connection
from typing import Final, NamedTuple, Self

import httpx

from contracts.errors import BuzzwatchError

_FRAME: Final = b"event: frame"
_AT: Final = re.compile(rb'"at":(\d{13})')
_HEAD: Final = 200
"""Bytes of a frame within which its time stands."""
_CONNECTED_S: Final = 60.0


class Heard(NamedTuple):
    """What all readers have got since `Crowd.begin`."""

    lags_ms: list[float]
    """Of each frame at each reader: from its making to its arrival."""
    cut: int
    """Readers whose stream has ended."""


class Crowd:
    """So many readers, until the block is left."""

    def __init__(self, url: str, number: int) -> None:
        self._url = url
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_main, args=(url, number, there), daemon=True)

    def __enter__(self) -> Self:
        """Returns when all of them are connected.

        Raises:
            BuzzwatchError: they are not within a minute, or nobody serves there.
        """
        self._process.start()
        if not self._here.poll(_CONNECTED_S):
            self._end()
            raise BuzzwatchError(f"the readers were not connected within {_CONNECTED_S:g} s")
        if refused := self._here.recv():
            self._end()
            raise BuzzwatchError(f"the readers cannot be connected to {self._url}: {refused}; does the API run there?")
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()

    def begin(self) -> None:
        """Count from now on."""
        self._here.send("begin")

    def heard(self) -> Heard:
        """What has come since."""
        self._here.send("tell")
        heard: Heard = self._here.recv()
        return heard

    def _end(self) -> None:
        self._process.terminate()
        self._process.join()
        self._here.close()


def _main(url: str, number: int, told: Connection) -> None:
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        asyncio.run(_serve(url, number, told))


async def _serve(url: str, number: int, told: Connection) -> None:
    lags = array("d")
    try:
        readers = await asyncio.gather(*(_connected(url, lags) for _ in range(number)))
    except OSError as error:
        told.send(os.strerror(error.errno).lower() if error.errno else str(error))
        return
    told.send("")
    while True:
        asked = await asyncio.to_thread(told.recv)
        if asked == "begin":
            del lags[:]
        else:
            told.send(Heard(lags.tolist(), sum(reader.is_cut for reader in readers)))


class _Reader(asyncio.Protocol):
    """One browser's end of the stream. It looks for a frame's time in what comes, and at nothing else: on a machine of
    two processors readers that parse would be what is slow."""

    def __init__(self, request: bytes, lags: array[float]) -> None:
        self._request = request
        self._lags = lags
        self.is_cut = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        at = data.find(_FRAME)
        if at < 0:
            return
        now_ms = time.time() * 1000
        while at >= 0:  # one cut in two by the network is left out
            if found := _AT.search(data, at, at + _HEAD):
                self._lags.append(now_ms - int(found[1]))
            at = data.find(_FRAME, at + len(_FRAME))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it so
        self.is_cut = True


async def _connected(url: str, lags: array[float]) -> _Reader:
    target = httpx.URL(url)
    host, port = target.host, target.port or 80
    request = f"GET {target.path}stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    _, reader = await asyncio.get_running_loop().create_connection(lambda: _Reader(request, lags), host, port)
    return reader
