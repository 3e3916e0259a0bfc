from __future__ import annotations

import pytest
from starlette.requests import Request

from api.language import language_of


@pytest.mark.parametrize(
    ("header", "cookie", "language"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", "", "fr"),
        ("de, en;q=0.5, fr;q=0.3", "", "en"),
        ("de", "", "en"),
        ("", "", "en"),
        ("en;q=rubbish, fr;q=0.1", "", "fr"),
        ("en", "buzzwatch_language=fr", "fr"),
        ("fr", "buzzwatch_language=xx", "fr"),
    ],
)
def test_the_language_is_the_chosen_one_or_what_the_browser_prefers(header: str, cookie: str, language: str) -> None:
    headers = [(b"accept-language", header.encode()), (b"cookie", cookie.encode())]
    assert language_of(Request({"type": "http", "headers": headers})) == language
