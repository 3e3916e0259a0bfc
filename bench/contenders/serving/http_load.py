"""Sends requests at a steady rate whatever comes back, as a crowd does: `python -m bench.contenders.serving.http_load`.

Open loop: a request is sent when its time has come, on a connection that waits for nothing; its time to be answered is
counted from then, so that a server that falls behind cannot slow the crowd down. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections import deque
from typing import cast

import uvloop

_HEAD_END = b"\r\n\r\n"


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._buffer = b""
        self._due = 0.0
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass of it
        self._crowd.free.append(self)

    def ask(self, request: bytes, due: float) -> None:
        assert self.transport is not None
        self._due = due
        self._crowd.late.append(time.perf_counter() - due)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = b""
        self._crowd.answered(int(head[9:12]), time.perf_counter() - self._due, b"retry-after" in head)
        self._crowd.free.append(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._crowd.lost += 1


class Crowd:
    """Everybody who asks."""

    def __init__(self) -> None:
        self.free: deque[_Connection] = deque()
        self.took: dict[int, list[float]] = {}
        self.late: list[float] = []
        self.lost = self.unsent = self.without_retry_after = 0

    def answered(self, status: int, took: float, retry_after: bool) -> None:
        """An answer came after so many seconds."""
        self.took.setdefault(status, []).append(took)
        self.without_retry_after += status in (429, 503) and not retry_after

    async def come(
        self, host: str, port: int, request: bytes, *, rate: float, seconds: float, connections: int
    ) -> None:
        """Send so many requests a second, and wait two seconds for the last answers."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: _Connection(self), host, port)
        gc.disable()
        begun = time.perf_counter()
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            if (ahead := due - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            if number % 16 == 0:
                await asyncio.sleep(0)  # let answers in, also when we are late
            if self.free:
                self.free.popleft().ask(request, due)
            else:
                self.unsent += 1
        await asyncio.sleep(2)


def _quantile(took: list[float], share: float) -> float | None:
    ordered = sorted(took)
    return round(1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)], 2) if ordered else None


def main() -> None:
    """Send, print what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=1000)
    options = parser.parse_args()
    body = json.dumps({"text": "@AirParadis lost my bag again, two hours at the carousel"}).encode()
    head = "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    head += f"content-length: {len(body)}\r\n\r\n"
    crowd = Crowd()
    sent = crowd.come(
        "127.0.0.1", options.port, head.encode() + body,
        rate=options.rate, seconds=options.seconds, connections=options.connections,
    )  # fmt: skip
    began, processor = time.perf_counter(), time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(sent)
    processor = (time.process_time() - processor) / (time.perf_counter() - began - 2)
    served = crowd.took.get(200, [])
    refused = [one for status, took in crowd.took.items() if status in (429, 503) for one in took]
    others = sum(len(took) for status, took in crowd.took.items() if status not in (200, 429, 503))
    found = {
        "served": len(served),
        "served_p99_ms": _quantile(served, 0.99),
        "refused": len(refused),
        "refused_p99_ms": _quantile(refused, 0.99),
        "without_retry_after": crowd.without_retry_after,
        "other": others,
        "unsent": crowd.unsent,
        "lost": crowd.lost,
        "sent_late_p99_ms": _quantile(crowd.late, 0.99),
        "sender_cores": round(processor, 2),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
