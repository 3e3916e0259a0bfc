from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from api.limits import BODY_BYTES
from tests.fake_model import POISON
from tests.unit.api.conftest import Api

TEXT = b'{"text": "good"}'
ROUTES = ["/predict", "/predict/batch", "/explain", "/feedback", "/silences", "/alerts/aaaaaaaaaaaaaaaa/ack"]


@pytest.mark.parametrize(
    ("headers", "content", "status", "complaint"),
    [
        ({}, TEXT, 415, "the body has no content type: send it with the header `content-type: application/json`"),
        ({"content-type": "application/x-www-form-urlencoded"}, TEXT, 415, "the body must be JSON, and its content"),
        ({"content-type": "text/plain; charset=utf-8"}, TEXT, 415, "the body must be JSON, and its content type says"),
        ({"content-type": "application/json; charset=latin-1"}, TEXT, 415, "the body must be UTF-8, and its content"),
        ({"content-type": "application/json", "content-encoding": "deflate"}, zlib.compress(TEXT), 415, "the body's"),
        (
            {"content-type": "application/json", "content-encoding": "br"},
            TEXT,
            415,
            "the body's content encoding is br",
        ),
        ({"content-type": "application/json", "content-encoding": "gzip, gzip"}, TEXT, 415, "the body's content"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, TEXT, 422, "the body is not gzip"),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            gzip.compress(TEXT, mtime=0)[:-9],
            422,
            "the gzip of the body ends too early",
        ),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            2 * gzip.compress(TEXT, mtime=0),
            422,
            "something follows the gzip of the body",
        ),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            gzip.compress(b" " * 17 * 1024 * 1024, mtime=0),
            413,
            "the body unpacks to more than ",
        ),
        ({"content-type": "application/json"}, b"", 422, "the body is empty; send a JSON object"),
        ({}, b"", 422, "the body is empty; send a JSON object"),
        ({"content-type": "application/json"}, b'{"a": -Infinity}', 422, "the body is not JSON: -Infinity"),
        ({"content-type": "application/json"}, TEXT.decode().encode("utf-16"), 422, "the body is not UTF-8"),
    ],
)
async def test_a_body_that_is_no_json_gets_a_line_that_says_what_to_send(
    api: Api, headers: dict[str, str], content: bytes, status: int, complaint: str
) -> None:
    for path in ROUTES:  # of one API: each takes a while to be made
        answer = await api.client.post(path, content=content, headers=headers)
        assert answer.status_code == status, path
        assert answer.json()["detail"].startswith(complaint), path


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"content-type": "application/json; charset=UTF-8"}, TEXT),
        ({"content-type": "application/vnd.api+json"}, TEXT),
        ({"content-type": "application/json", "content-encoding": "gzip"}, gzip.compress(TEXT, mtime=0)),
        ({"content-type": "application/json", "content-encoding": "identity"}, TEXT),
        ({"content-type": "application/json"}, b"\xef\xbb\xbf" + TEXT),
    ],
)
async def test_json_is_read_gzipped_and_with_a_byte_order_mark(
    api: Api, headers: dict[str, str], content: bytes
) -> None:
    answer = await api.client.post("/predict", content=content, headers=headers)
    assert (answer.status_code, answer.json()["sentiment"]) == (200, "positive")


async def test_a_route_that_does_not_exist_is_404_whatever_its_body(api: Api) -> None:
    assert (await api.client.post("/nowhere", content=b"x")).status_code == 404
    assert (await api.client.post("/livez", content=b"x")).status_code == 405


async def test_the_limit_holds_before_and_after_unpacking(api: Api) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    whole = json.dumps({"text": "x", "more": "y" * (BODY_BYTES - 100)}).encode()
    packed = gzip.compress(whole, mtime=0)
    assert (await api.client.post("/predict", content=packed, headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz", "/metrics", "/model", "/docs", "/openapi.json", "/"])
async def test_head_is_get_without_the_body(api: Api, path: str) -> None:
    got, head = await api.client.get(path), await api.client.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"] if path != "/" else head.headers["location"]


async def test_head_of_what_only_takes_posts_is_405(api: Api) -> None:
    assert (await api.client.head("/predict")).status_code == 405
    assert (await api.client.head("/nowhere")).status_code == 404


BAD: list[Any] = ["good", "", "bad", 5, None, "x" * 10_001, " "]


async def test_a_batch_is_refused_with_all_that_is_wrong_and_how_to_go_on(api: Api) -> None:
    answer = await api.post("/predict/batch", {"texts": BAD})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "texts.1: is empty; texts.3: Input should be a valid string; texts.4: Input should be a valid string; "
        "texts.5: has 10,001 code points, the limit is 10,000; texts.6: is empty "
        '(5 of 7 texts; with "on_error": "skip" the others are scored)'
    )
    many = (await api.post("/predict/batch", {"texts": [""] * 25})).json()["detail"]
    assert many.count("is empty") == 20
    assert "; also texts 20, 21, 22, 23, 24 (25 of 25 texts" in many


async def test_a_batch_that_skips_answers_each_text_in_its_place(api: Api) -> None:
    answer = await api.post("/predict/batch", {"texts": [*BAD, POISON], "on_error": "skip"})
    assert answer.status_code == 200
    found = answer.json()
    assert [one.get("sentiment") for one in found] == ["positive", None, "negative", *[None] * 5]
    assert found[1] == {"error": "is empty"}
    assert found[7] == {"error": "the model failed on this text (ValueError)"}
    assert (await api.post("/predict/batch", {"texts": [], "on_error": "skip"})).json() == []
    refused = await api.post("/predict/batch", {"texts": ["x"], "on_error": "ignore"})
    assert refused.json()["detail"] == "on_error: Input should be 'refuse' or 'skip'"
