"""The notifier's probes answer whatever asks."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from alerts.notifier.web import serve


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = serve("127.0.0.1", 0, alive=lambda: True, problem=lambda: None)
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/metrics"])
def test_head_is_get_without_a_body(address: str, path: str) -> None:
    answer = httpx.head(address + path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_what_is_not_allowed_is_said_as_by_the_others(address: str, method: str) -> None:
    answer = httpx.request(method, address + "/livez", content=b"x" if method != "OPTIONS" else None)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json() == {"detail": "only GET and HEAD"}
