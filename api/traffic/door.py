"""Refuses predictions on the connection itself, while too many are inside: most of them before they are parsed.

Where three times as many come as can be answered, what a refusal costs decides how many are served. Besides what the
kernel takes it is 4 µs for a request that is not parsed, and 12 for one that is.

uvicorn's own `--limit-concurrency` counts open connections too, answers in plain text, and without Retry-After.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any, Final

from prometheus_client import Counter

from api.errors import PROBLEM_JSON, problem_body
from api.metrics import Metrics
from api.traffic.admission import Admission, mark
from api.traffic.connection import Connection
from api.traffic.drawn import random_bytes
from api.traffic.request_id import given_id

RETRY_S: Final = 1
_PREDICTING: Final = frozenset({b"/predict", b"/predict/batch", b"/explain"})
_SMALL: Final = 64 * 1024
"""Bytes of a body that comes in one piece; a larger one is refused once it is here, by `api.traffic.overload`."""

_OTHERS: Final = (
    rb"(?:(?!connection:(?! ?keep-alive\r\n)|content-length:|expect:|transfer-encoding:|upgrade:)[!#-~][^\r\n]*\r\n)*"
)
_WHOLE: Final = re.compile(
    rb"POST (/predict|/predict/batch|/explain)(?:\?[!-~]*)? HTTP/1\.1\r\n"
    + rb"(?i:%bcontent-length: ?(\d{1,6})\r\n%b\r\n)" % (_OTHERS, _OTHERS)
)
"""The head of a prediction in which nothing decides how its bytes are read but one stated length."""
_GIVEN_ID: Final = re.compile(rb"\r\nx-request-id: ?([A-Za-z0-9._:-]{1,64})\r\n", re.IGNORECASE)


TOO_MUCH: Final = "more requests come than can be answered in time: try again"


_STATUS: Final = HTTPStatus.SERVICE_UNAVAILABLE
_HEAD: Final = (
    f"HTTP/1.1 {_STATUS.value} {_STATUS.phrase}\r\ncontent-type: {PROBLEM_JSON}\r\nretry-after: {RETRY_S}\r\n"
).encode()


def door_of(admission: Admission, metrics: Metrics, most_connections: int) -> type[Connection]:
    """uvicorn's protocol, which lets predictions in as long as there is room, and no more connections than so many."""
    given: dict[str, Any] = {"admission": admission, "metrics": metrics, "most_connections": most_connections}
    given["refused"] = {path: metrics.requests.labels("POST", path.decode(), _STATUS.value) for path in _PREDICTING}
    given |= {"start": _body(TOO_MUCH)}
    given |= {"crowded": _body(f"{most_connections} connections are open: try again")}
    return type("Door", (_Door,), given)


def _body(detail: str) -> bytes:
    """Of the answer, up to the id of the request."""
    body = problem_body(_STATUS.value, detail, "ID")
    return json.dumps(body, separators=(",", ":")).encode().removesuffix(b'ID"}')


class _Door(Connection):
    """One connection."""

    _just_begun = False
    """Its head came with the bytes that are being read, so that nothing has been done for it yet."""
    _within = False
    """Part of a request has been parsed, and the rest has not come."""
    _one_too_many = False
    """Whatever it asks for, it is sent away."""
    admission: Admission
    most_connections: int
    refused: dict[bytes, Counter]
    """Route → how many have been refused unparsed."""
    start: bytes
    crowded: bytes

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._one_too_many = len(self.connections) > self.most_connections

    def data_received(self, data: bytes) -> None:
        if self._one_too_many:
            self._write(self.crowded, random_bytes().hex().encode(), stays=False)
            self.transport.close()
            self.metrics.requests.labels("unknown", "unknown", _STATUS.value).inc()
            return
        if self.admission.full and self._is_between_requests and self._refuse_whole(data):
            return
        self._just_begun = False
        super().data_received(data)
        # What is left of a refused request's body is not read. A client that then sends nothing is closed as idle.
        if self.is_refused and self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self._close_when_idle(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        left = self.waits_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._close_when_idle(left)
        else:
            super().timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        self._within = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._just_begun = False
        path = self.url.partition(b"?")[0]
        predicts = path in _PREDICTING and (self.cycle is None or self.cycle.response_complete)  # else it is pipelined
        if predicts and self.admission.full and self._is_small():
            self._refuse(path)
            return
        before = self.cycle
        super().on_headers_complete()
        self._just_begun = predicts and self.cycle is not before  # else it was refused, or asks for WebSockets

    def on_message_complete(self) -> None:
        self._within = False
        super().on_message_complete()
        if self._just_begun:  # else `api.traffic.overload` counts it: a slow sender takes nobody's place
            self.admission.enter()
            mark(self.scope["state"], self.admission)

    @property
    def _is_between_requests(self) -> bool:
        return not self._within and (self.cycle is None or self.cycle.response_complete) and not self.pipeline

    def _is_small(self) -> bool:
        stated = next((value for name, value in self.headers if name == b"content-length"), b"")
        return stated.isdigit() and int(stated) <= _SMALL and not self.parser.should_upgrade()

    def _refuse_whole(self, data: bytes) -> bool:
        """Refuse what has come, if it is one request from its first to its last byte; nothing of it is parsed then."""
        found = _WHOLE.match(data)
        if found is None or int(found[2]) != len(data) - found.end():
            return False
        given = _GIVEN_ID.search(data, 0, found.end())
        self._write(self.start, given[1] if given else random_bytes().hex().encode(), stays=True)
        self.refused[found[1]].inc()
        self.waits_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._close_when_idle(self.timeout_keep_alive)
        return True

    def _refuse(self, path: bytes) -> None:
        self.is_refused = True
        stays = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        self._write(self.start, (given_id(self.headers) or random_bytes().hex()).encode(), stays=stays)
        self.metrics.requests.labels(self.parser.get_method().decode(), path.decode(), _STATUS.value).inc()
        if stays:
            self.on_response_complete()
        else:
            self.transport.close()

    def _write(self, start: bytes, name: bytes, *, stays: bool) -> None:
        """Answer 503 with the id of the request."""
        answer = start + name + b'"}'
        lines = [_HEAD, b"content-length: %d\r\nx-request-id: %s\r\n" % (len(answer), name)]
        lines += [b"%s: %s\r\n" % pair for pair in self.server_state.default_headers]
        lines += [b"\r\n" if stays else b"connection: close\r\n\r\n", answer]
        self.transport.write(b"".join(lines))

    def _close_when_idle(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
