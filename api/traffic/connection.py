"""One connection whose client cannot hold it for ever, whatever it does not send or does not read.

uvicorn waits without an end for the rest of a head and for an answer to be taken, and takes heads of any size; so two
thousand connections that say nothing would be all that there are.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.errors import PROBLEM_JSON, problem_body
from api.limits import BODY_S
from api.metrics import Metrics
from api.traffic.drawn import random_bytes

HEAD_BYTES: Final = 64 * 1024
"""Of the head of a request."""
ADDRESS_BYTES: Final = 16 * 1024
"""Of the address in it."""


class NoWebSockets(asyncio.Protocol):
    """Has uvicorn ask `Connection.handle_websocket_upgrade` rather than advise to install something."""


class Connection(HttpToolsProtocol):
    """One connection; what HTTP itself does not allow is answered with a problem, too."""

    patience_s = BODY_S
    """How long a client may take to send the head of a request, and to take what has been written for it, seconds."""
    metrics: Metrics
    waits_since = 0.0
    """Since when the client is waited for, by the loop's clock, where it is."""
    is_refused = False
    """The request that is arriving was, and the rest of it counts for nothing."""
    _in_head = False
    _begun_now = False
    """The head that is arriving began with the bytes that are being read."""
    _head_bytes = 0
    """Of it, in what was read before."""
    _is_long = False
    """What is being read may hold a head that is too large."""
    _watch: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for its first request."""
        super().connection_made(transport)
        self._overtaken: list[RequestResponseCycle] = []
        """Requests that are not answered yet and have others behind them."""
        self.waits_since = self.loop.time()
        self._watch = self.loop.call_later(self.patience_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        for timer in (self._watch, self._unread):
            if timer is not None:
                timer.cancel()
        for cycle in self._overtaken:  # uvicorn tells the last one alone, and the others write to nobody
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._begun_now = False
        self._is_long = self._head_bytes + len(data) > HEAD_BYTES
        super().data_received(data)
        if self._in_head and not self._begun_now:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self._too_large()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = self._begun_now = True
        self._head_bytes = 0
        self.waits_since = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is here."""
        self._in_head = False
        if self.transport.is_closing():
            self.is_refused = True
            return
        if len(self.url) > ADDRESS_BYTES:
            self.send_problem(414, f"the address is longer than {ADDRESS_BYTES:,} bytes")
            self.is_refused = True
            return
        if self._is_long and len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            self._too_large()
            self.is_refused = True
            return
        before = self.cycle
        super().on_headers_complete()
        if self.pipeline:
            self._overtaken.append(before)

    def on_body(self, body: bytes) -> None:
        """A part of its body is here."""
        if not self.is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is here."""
        if self.is_refused:
            self.is_refused = False
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """It has been answered."""
        self.waits_since = self.loop.time()
        if not self.pipeline:
            self._overtaken.clear()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client takes less than is written."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.patience_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken most of it."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def handle_websocket_upgrade(self) -> None:
        """Answer who wants to speak another protocol."""
        self.send_problem(400, "there are no WebSockets here")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words)
        """Answer what is no HTTP."""
        self.send_problem(400, "this is no request of HTTP/1.1 that can be read")

    def send_problem(self, status: int, detail: str) -> None:
        """Answer on the connection itself and close it; where another answer is under way, only close it."""
        if not self._is_idle and not self.cycle.response_started and not self._overtaken:
            self.cycle.disconnected = True  # what has been made of the request so far is for nobody
            self.cycle.message_event.set()
        if self._is_idle or self.cycle.disconnected:
            named = random_bytes().hex()
            body = json.dumps(problem_body(status, detail, named), separators=(",", ":")).encode()
            lines = [b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode())]
            lines += [b"content-type: %s\r\ncontent-length: %d\r\n" % (PROBLEM_JSON.encode(), len(body))]
            lines += [b"%s: %s\r\n" % pair for pair in self.server_state.default_headers]
            lines += [b"x-request-id: %s\r\nconnection: close\r\n\r\n" % named.encode(), body]
            self.metrics.requests.labels("other", "unknown", status).inc()
            self.transport.write(b"".join(lines))
        self.transport.close()

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _too_large(self) -> None:
        self.send_problem(431, f"the head of the request is larger than {HEAD_BYTES:,} bytes")

    def _look(self) -> None:
        """Close it if the client has been waited for long enough; else look again when it will have been."""
        if self.transport.is_closing():
            return
        now = self.loop.time()
        if not self._is_idle:  # an answer is being made, or a body read, which has a limit of its own
            self.waits_since = now
        left = self.waits_since + self.patience_s - now
        if left > 0:
            self._watch = self.loop.call_later(left, self._look)
        elif self._in_head:
            self.send_problem(408, f"the head of the request did not arrive within {self.patience_s:g} s")
        else:
            self.transport.close()
