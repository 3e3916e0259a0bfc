"""Many readers of the stream at once: lag of each frame, memory and processor of the API, `/predict` beside them."""

from __future__ import annotations

import asyncio
import re
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from bench.percentiles import percentiles
from bench.room.rows import Traffic
from contracts.errors import BuzzwatchError
from contracts.settings import Settings

_FRAME: Final = b"event: frame"
_AT: Final = re.compile(rb'"at":(\d{13})')
_HEAD: Final = 200
"""Bytes of a frame within which its time stands."""
_PREDICTS_PER_S: Final = 20
_TEXT: Final = {"text": "two hours on the tarmac, and nobody says why @delta"}


def measure(settings: Settings, url: str, number: int, seconds: float) -> dict[str, float]:
    """So many readers for so long, with a little traffic, so that every frame has something new."""
    with Traffic(settings, 40):
        return asyncio.run(_measure(url, number, seconds))


async def _measure(url: str, number: int, seconds: float) -> dict[str, float]:
    api = _server_of(int(httpx.URL(url).port or 80))
    alone = await _predict(url, seconds / 3)
    lags: list[float] = []
    tasks = [asyncio.create_task(_read(url, lags)) for _ in range(number)]
    try:
        await asyncio.sleep(3)  # until all have their snapshot
        lags.clear()
        memory, cpu, began = _rss_mib(api), _cpu_s(api), time.monotonic()
        beside = await _predict(url, seconds)
        took = time.monotonic() - began
        used, grown = (_cpu_s(api) - cpu) / took, _rss_mib(api) - memory
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    (p50, p99) = percentiles(lags, 0, [50, 99]) if lags else (float("inf"), float("inf"))
    return {
        "readers": number,
        "readers_cut": sum(not isinstance(one, asyncio.CancelledError) for one in ended),
        "frames_per_reader_s": round(len(lags) / number / took, 2),
        "lag_p50_ms": round(p50),
        "lag_p99_ms": round(p99),
        "api_cores": round(used, 2),
        "api_memory_grown_mib": round(grown, 1),
        "predict_p99_alone_ms": round(alone, 1),
        "predict_p99_beside_ms": round(beside, 1),
    }


class _Reader(asyncio.Protocol):
    """One browser's end of the stream. It looks for a frame's time in what comes, and at nothing else: on a machine of
    two processors readers that parse would be what is slow."""

    def __init__(self, request: bytes, lags: list[float]) -> None:
        self._request = request
        self._lags = lags
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

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
        if not self.gone.done():
            self.gone.set_result(None)


async def _read(url: str, lags: list[float]) -> None:
    target = httpx.URL(url)
    host, port = target.host, target.port or 80
    request = f"GET {target.path}stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    transport, reader = await asyncio.get_running_loop().create_connection(lambda: _Reader(request, lags), host, port)
    try:
        await reader.gone
    finally:
        transport.close()


async def _predict(url: str, seconds: float) -> float:
    """The 99th percentile of `/predict`, milliseconds, at a steady rate."""
    took: list[float] = []
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:

        async def ask() -> None:
            began = time.monotonic()
            (await client.post(f"{url}predict", json=_TEXT)).raise_for_status()
            took.append((time.monotonic() - began) * 1000)

        began, asked = time.monotonic(), []
        for at in range(int(seconds * _PREDICTS_PER_S)):
            await asyncio.sleep(max(0.0, began + at / _PREDICTS_PER_S - time.monotonic()))
            asked.append(asyncio.create_task(ask()))
        await asyncio.gather(*asked)
    return statistics.quantiles(took, n=100)[98] if len(took) > 1 else float("inf")


def _server_of(port: int) -> Path:
    """Where the kernel shows the process that serves here."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(port).encode() in command and (b"api" in command or b"dashboard" in command):
            return process
    raise BuzzwatchError(f"no process of this machine serves the pages at port {port}")


def _rss_mib(process: Path) -> float:
    found: Any = re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text())
    return int(found[1]) / 1024


def _cpu_s(process: Path) -> float:
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def crowd(url: str, number: int) -> Iterator[None]:
    """So many readers in a thread of their own, until the block is left."""
    loop = asyncio.new_event_loop()

    async def gather() -> None:
        await asyncio.gather(*(_read(url, []) for _ in range(number)), return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(gather(),), daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        thread.join(10)
