from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.metrics import Metrics
from api.traffic.admission import Admission, Turns
from api.traffic.door import door_of
from tests.unit.api.conftest import Api
from tests.waiting import PATIENCE_S, until


async def test_what_is_too_much_is_refused_at_once_and_what_is_served_goes_on(api: Api) -> None:
    api.parts.settings.most_at_once = 2
    let_go, model = threading.Event(), api.champion.model
    answer = model.predict_proba

    def slowly(texts: Sequence[str]) -> Any:
        let_go.wait(20)
        return answer(texts)

    model.predict_proba = slowly  # type: ignore[method-assign]
    served = [asyncio.create_task(api.post("/predict", {"text": "bad"})) for _ in range(2)]
    await asyncio.sleep(0.2)
    refused = await api.post("/predict", {"text": "bad"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await api.get("/readyz")).is_success  # probes are answered
    assert (await api.get("/alerts")).is_success  # and so is what predicts nothing
    let_go.set()
    assert [(await one).status_code for one in served] == [200, 200]
    assert (await api.post("/predict", {"text": "bad"})).is_success


class _Slow:
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        self.asked += 1
        await receive()
        await asyncio.to_thread(self.let_go.wait, PATIENCE_S)
        await Response("served")(scope, receive, send)


class _Served(NamedTuple):
    url: str
    slow: _Slow
    metrics: Metrics
    admission: Admission


@pytest.fixture
def behind_a_door() -> Iterator[_Served]:
    """A server that lets two predictions in and works on one; its address."""
    slow, metrics, admission = _Slow(), Metrics(), Admission(lambda: 2, at_a_time=1)
    door = door_of(admission, metrics, most_connections=6)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(Turns(slow), http=door, lifespan="off", log_level="error", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield _Served(f"http://127.0.0.1:{listening.getsockname()[1]}", slow, metrics, admission)
        slow.let_go.set()
        server.should_exit = True
        thread.join()


async def test_the_door_refuses_what_is_too_much_and_lets_in_again_when_there_is_room(
    behind_a_door: _Served,
) -> None:
    url, slow, metrics, admission = behind_a_door
    inside = [await _sent(url) for _ in range(2)]
    await _until(lambda: admission.full and slow.asked == 1)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
        refused = await _refused(client)
        assert (refused.headers["retry-after"], refused.headers["x-request-id"]) == ("1", "mine")
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json() == {
            "type": "about:blank", "title": "Service Unavailable", "status": 503,
            "detail": "more requests come than can be answered in time: try again", "request_id": "mine",
        }  # fmt: skip
        again = await client.post("/predict", json={"text": "d"}, headers={"connection": "close"})
        assert (again.status_code, again.headers["connection"]) == (503, "close")
        assert slow.asked == 1  # one is worked on, one waits for its turn
        slow.let_go.set()
        for reader, writer in inside:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
            await writer.wait_closed()
        assert (await client.post("/predict", json={"text": "e"})).text == "served"
    labels = {"method": "POST", "route": "/predict", "status": "503"}
    assert (metrics.registry.get_sample_value("buzzwatch_api_requests_total", labels) or 0) >= 2


@pytest.mark.parametrize(
    ("request_bytes", "kept"),
    [
        (b"POST /predict HTTP/1.1\r\nhost: x\r\nContent-Length: 2\r\nX-Request-Id: mine\r\n\r\n{}", True),  # whole
        (b"POST /predict?a=1 HTTP/1.1\r\ncontent-length: 2\r\nconnection: keep-alive\r\nx-request-id: mine\r\n\r\n{}",
         True),
        (b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nx-request-id: mine\r\n\r\n{}", True),  # a part
        (b"POST /predict HTTP/1.1\r\ncontent-length: 2\r\nconnection: close\r\nx-request-id: mine\r\n\r\n{}", False),
        (b"POST /explain HTTP/1.0\r\ncontent-length: 2\r\nx-request-id: mine\r\n\r\n{}", False),
    ],
)  # fmt: skip
async def test_a_request_is_refused_in_the_same_words_however_it_comes(
    behind_a_door: _Served, request_bytes: bytes, kept: bool
) -> None:
    url, slow, _, admission = behind_a_door
    inside = [await _sent(url) for _ in range(2)]
    await _until(lambda: admission.full and slow.asked == 1)
    reader, writer = await _sent(url, request_bytes)
    for _ in range(2 if kept else 1):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nretry-after: 1\r\n" in head
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        assert json.loads(await reader.readexactly(length))["request_id"] == "mine"
        if kept:  # the next one on the same connection, the rest of the one before ahead of it
            rest = b"{}" if b"length: 4" in request_bytes else b""
            writer.write(rest + request_bytes.replace(b"length: 4", b"length: 2"))
    if not kept:
        assert await reader.read() == b""
    assert slow.asked == 1
    slow.let_go.set()
    for _, one in [*inside, (reader, writer)]:
        one.close()
        await one.wait_closed()


async def test_a_connection_too_many_is_sent_away_whatever_it_asks_for(behind_a_door: _Served) -> None:
    url, slow, metrics, _ = behind_a_door
    slow.let_go.set()
    connections = []
    for _ in range(6):
        reader, writer = await _sent(url)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        connections.append(writer)
    reader, writer = await _sent(url)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in head
    assert json.loads(body)["detail"] == "6 connections are open: try again"
    writer.close()
    connections.pop().close()
    await _until(lambda: _answered(url) == 200)
    for one in connections:
        one.close()
    labels = {"method": "unknown", "route": "unknown", "status": "503"}
    assert (metrics.registry.get_sample_value("buzzwatch_api_requests_total", labels) or 0) >= 1


def _answered(url: str) -> int:
    """The status of a request on a connection of its own."""
    return httpx.post(f"{url}/predict", json={}, trust_env=False).status_code


async def test_who_goes_away_while_waiting_leaves_room(behind_a_door: _Served) -> None:
    url, slow, _, admission = behind_a_door
    gone = [await _sent(url) for _ in range(2)]
    await _until(lambda: admission.full and slow.asked == 1)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
        await _refused(client)
        for _reader, writer in gone:
            writer.close()
            await writer.wait_closed()
        slow.let_go.set()
        await _until(lambda: slow.asked == 2)
        for _ in range(3):
            assert (await client.post("/predict", json={"text": "c"})).text == "served"


async def test_a_slow_sender_takes_nobodys_place(behind_a_door: _Served) -> None:
    url, slow, _, _ = behind_a_door
    slow.let_go.set()
    host, port = url.removeprefix("http://").split(":")
    writers = []
    for _ in range(4):
        _reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        writers.append(writer)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
        assert (await client.post("/predict", json={"text": "c"})).text == "served"
    for writer in writers:
        writer.close()
        await writer.wait_closed()


_WHOLE = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"


async def _sent(url: str, request: bytes = _WHOLE) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A prediction asked for in one piece."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    return reader, writer


async def _refused(client: httpx.AsyncClient) -> httpx.Response:
    """The answer of a door that is full."""
    return await client.post("/predict", json={"text": "c"}, headers={"x-request-id": "mine"})


async def _until(holds: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, holds)
