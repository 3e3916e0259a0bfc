"""Many readers of the stream at once: lag of each frame, memory and processor of the API, `/predict` beside them."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any, Final

import httpx

from bench.percentiles import percentiles
from bench.room.crowd import Crowd
from bench.room.rows import Traffic
from contracts.errors import BuzzwatchError
from contracts.settings import Settings

_PREDICTS_PER_S: Final = 50
_SETTLED_S: Final = 3.0
"""Until all readers have their snapshot."""
_TEXT: Final = {"text": "two hours on the tarmac, and nobody says why @delta"}


def measure(settings: Settings, url: str, number: int, seconds: float) -> dict[str, float]:
    """So many readers for so long, with a little traffic, so that every frame has something new.

    `/predict` is measured half the time before they come and half after they have gone, and all the time beside them:
    machines drift.
    """
    with Traffic(settings, 40):
        api = _server_of(int(httpx.URL(url).port or 80))
        _predict(url, _SETTLED_S)  # what is slow the first time
        alone = _predict(url, seconds / 2)
        with Crowd(url, number) as crowd:
            time.sleep(_SETTLED_S)
            crowd.begin()
            memory, cpu, began = _rss_mib(api), _cpu_s(api), time.monotonic()
            beside = _predict(url, seconds)
            took = time.monotonic() - began
            used, grown, heard = (_cpu_s(api) - cpu) / took, _rss_mib(api) - memory, crowd.heard()
        time.sleep(_SETTLED_S)
        alone += _predict(url, seconds / 2)
    alone_p50, alone_p99 = percentiles(alone, 0, [50, 99])
    beside_p50, beside_p99 = percentiles(beside, 0, [50, 99])
    lags = heard.lags_ms
    p50, p99 = percentiles(lags, 0, [50, 99]) if lags else (float("inf"), float("inf"))
    return {
        "readers": number,
        "readers_cut": heard.cut,
        "frames_per_reader_s": round(len(lags) / number / took, 2),
        "lag_p50_ms": round(p50),
        "lag_p99_ms": round(p99),
        "api_cores": round(used, 2),
        "api_memory_grown_mib": round(grown, 1),
        "predict_p50_alone_ms": round(alone_p50, 1),
        "predict_p50_beside_ms": round(beside_p50, 1),
        "predict_p99_alone_ms": round(alone_p99, 1),
        "predict_p99_beside_ms": round(beside_p99, 1),
    }


def _predict(url: str, seconds: float) -> list[float]:
    """How long `/predict` took, milliseconds, at a steady rate."""
    return asyncio.run(_ask(url, seconds))


async def _ask(url: str, seconds: float) -> list[float]:
    took: list[float] = []
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:

        async def ask() -> None:
            began = time.monotonic()
            (await client.post(f"{url}predict", json=_TEXT)).raise_for_status()
            took.append((time.monotonic() - began) * 1000)

        began, asked = time.monotonic(), []
        for at in range(max(int(seconds * _PREDICTS_PER_S), 1)):
            await asyncio.sleep(max(0.0, began + at / _PREDICTS_PER_S - time.monotonic()))
            asked.append(asyncio.create_task(ask()))
        await asyncio.gather(*asked)
    return took


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
