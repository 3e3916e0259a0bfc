from __future__ import annotations

import re

import pytest

from tests.unit.api.conftest import Api


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_a_page_needs_no_other_server(api: Api, page: str) -> None:
    answer = await api.get(page)
    assert answer.status_code == 200
    addresses = re.findall(r"""(?:src|href|spec-url|url)\s*[=:]\s*["']([^"']+)["']""", answer.text)
    assert any(address.endswith(".js") for address in addresses)
    assert "/openapi.json" in addresses
    for address in addresses:
        assert address.startswith("/"), f"{address} is on another server"
        assert not address.startswith("//"), f"{address} is on another server"
        asset = await api.get(address)
        assert (asset.status_code, bool(asset.content)) == (200, True), address
    assert not re.search(r"https?://", answer.text)
    # ReDoc's script would ask a CDN for a logo.
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "http" not in policy


async def test_the_first_page_is_the_interactive_one(api: Api) -> None:
    answer = await api.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


async def test_no_page_of_another_site_may_read_an_answer(api: Api) -> None:
    elsewhere = {"origin": "https://elsewhere.example", "access-control-request-method": "POST"}
    for method, path in (("GET", "/alerts"), ("POST", "/predict"), ("OPTIONS", "/predict"), ("OPTIONS", "/silences")):
        answer = await api.client.request(method, path, headers=elsewhere)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
