from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Collection, Iterator
from typing import NamedTuple

import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.metrics import Metrics
from api.traffic.admission import Admission, Turns
from api.traffic.connection import ADDRESS_BYTES, HEAD_BYTES, NoWebSockets
from api.traffic.door import door_of
from tests.waiting import until

_WEBSOCKET = (
    b"host: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
_ROOM = 2


class _Served(NamedTuple):
    address: tuple[str, int]
    metrics: Metrics
    connections: Collection[object]


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    """A short answer, or one that no buffer holds."""
    await Response(b"x" * (32_000_000 if scope["path"] == "/predict/batch" else 10))(scope, receive, send)


@pytest.fixture
def served() -> Iterator[_Served]:
    """A server that waits half a second for its clients, and lets two predictions in."""
    metrics, admission = Metrics(), Admission(lambda: _ROOM)
    door = door_of(admission, metrics, most_connections=100)
    door.patience_s = 0.5
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(Turns(_app), http=door, ws=NoWebSockets, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield _Served(listening.getsockname(), metrics, server.server_state.connections)
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x00\xf8\x01", 400),  # TLS
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
        (b"POST /predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n", 400),
        (b"GET /livez HTTP/1.1\r\n%b\r\n" % _WEBSOCKET, 400),
        (b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n" % (b"a" * ADDRESS_BYTES), 414),
        (b"GET / HTTP/1.1\r\nhost: x\r\n%b\r\n" % (b"x-a: b\r\n" * HEAD_BYTES), 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx-endless: %b" % (b"a" * 5 * HEAD_BYTES), 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx-half", 408),
    ],
)
async def test_what_http_does_not_allow_is_a_problem_with_an_id(served: _Served, sent: bytes, status: int) -> None:
    head, body = await _answer(served, sent)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    problem = json.loads(body)
    assert (problem["status"], problem["type"]) == (status, "about:blank")
    assert b"\r\nx-request-id: %b\r\n" % problem["request_id"].encode() in head
    labels = {"method": "other", "route": "unknown", "status": str(status)}
    assert served.metrics.registry.get_sample_value("buzzwatch_api_requests_total", labels) == 1


async def test_who_asks_for_websockets_takes_no_place_of_a_prediction(served: _Served) -> None:
    for _ in range(_ROOM + 1):
        await _answer(served, b"POST /predict HTTP/1.1\r\ncontent-length: 2\r\n%b\r\n{}" % _WEBSOCKET)
    asked = b"POST /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
    assert (await _answer(served, asked))[0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\na",  # answered, and the rest of the body does not come
    ],
)
async def test_who_sends_nothing_more_is_not_waited_for(served: _Served, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(sent)
    async with asyncio.timeout(60):
        await reader.read()  # until its end
    writer.close()


async def test_who_does_not_read_keeps_nobody_waiting_and_is_hung_up_on(
    served: _Served, caplog: pytest.LogCaptureFixture
) -> None:
    batch = b"POST /predict/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    deaf = []
    for _ in range(_ROOM + 1):
        one = socket.create_connection(served.address)
        one.sendall(batch * 3)
        deaf.append(one)
    asked = b"POST /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
    with caplog.at_level(logging.ERROR):
        assert (await _answer(served, asked))[0].startswith(b"HTTP/1.1 200 ")
        await asyncio.to_thread(until, lambda: not served.connections)
    for one in deaf:
        one.close()
    assert caplog.text == ""  # nothing failed: the clients went away


async def _answer(served: _Served, sent: bytes) -> tuple[bytes, bytes]:
    """Head and body of the only answer on a connection that the server closes."""
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(sent)
    async with asyncio.timeout(60):
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
    writer.close()
    return head, body
