"""Refuses predictions on the connection itself, while too many are inside: in a tenth of what a route's answer takes.

uvicorn's own `--limit-concurrency` counts open connections too, answers in plain text, and without Retry-After.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors import PROBLEM_JSON, problem_body
from api.metrics import Metrics
from api.traffic.admission import Admission, mark
from api.traffic.drawn import random_bytes
from api.traffic.request_id import given_id

RETRY_S: Final = 1
_PREDICTING: Final = frozenset({b"/predict", b"/predict/batch", b"/explain"})
_SMALL: Final = 64 * 1024
"""Bytes of a body that comes in one piece; a larger one is refused once it is here, by `api.traffic.overload`."""


def too_much(most: int) -> str:
    """The line for who is refused."""
    return f"{most} requests are being answered: try again"


_STATUS: Final = HTTPStatus.SERVICE_UNAVAILABLE
_HEAD: Final = (
    f"HTTP/1.1 {_STATUS.value} {_STATUS.phrase}\r\ncontent-type: {PROBLEM_JSON}\r\nretry-after: {RETRY_S}\r\n"
).encode()


def door_of(admission: Admission, metrics: Metrics) -> type[HttpToolsProtocol]:
    """uvicorn's protocol, which lets predictions in as long as there is room."""
    body = problem_body(_STATUS.value, too_much(admission.most), "ID")
    start = json.dumps(body, separators=(",", ":")).encode().removesuffix(b'ID"}')
    return type("Door", (_Door,), {"admission": admission, "metrics": metrics, "start": start})


class _Door(HttpToolsProtocol):
    """One connection."""

    _refused = False
    """The request that is arriving was, and the rest of it counts for nothing."""
    _just_begun = False
    """Its head came with the bytes that are being read, so that nothing has been done for it yet."""
    admission: Admission
    metrics: Metrics
    start: bytes
    """Of the body, up to the id of the request."""

    def data_received(self, data: bytes) -> None:
        self._just_begun = False
        super().data_received(data)
        # What is left of a refused request's body is not read. A client that then sends nothing is closed as idle.
        if self._refused and self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_headers_complete(self) -> None:
        self._just_begun = False
        path = self.url.partition(b"?")[0]
        if path in _PREDICTING and (self.cycle is None or self.cycle.response_complete):  # else it is pipelined
            if self.admission.full and self._is_small():
                self._refuse(path.decode())
                return
            self._just_begun = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._refused:
            self._refused = False
            return
        super().on_message_complete()
        if self._just_begun:  # else `api.traffic.overload` counts it: a slow sender takes nobody's place
            self.admission.enter()
            mark(self.scope["state"], self.admission)

    def _is_small(self) -> bool:
        stated = next((value for name, value in self.headers if name == b"content-length"), b"")
        return stated.isdigit() and int(stated) <= _SMALL and not self.parser.should_upgrade()

    def _refuse(self, path: str) -> None:
        self._refused = True
        name = (given_id(self.headers) or random_bytes().hex()).encode()
        answer = self.start + name + b'"}'
        lines = [_HEAD, b"content-length: %d\r\nx-request-id: %s\r\n" % (len(answer), name)]
        lines += [b"%s: %s\r\n" % pair for pair in self.server_state.default_headers]
        stays = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        lines += [b"\r\n" if stays else b"connection: close\r\n\r\n", answer]
        self.transport.write(b"".join(lines))
        self.metrics.requests.labels(self.parser.get_method().decode(), path, _STATUS.value).inc()
        if stays:
            self.on_response_complete()
        else:
            self.transport.close()
