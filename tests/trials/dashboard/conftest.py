"""A real Chromium, Debian's, on the pages of the shared stack."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stream.kafka.tweet_files import Line
from stream.kafka.tweet_producer import TweetProducer
from tests.stack import RunningStack

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MS = 60_000
"""A machine on which much else runs."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the session: Playwright keeps an event loop running, beside which no asynchronous test can run."""
    assert CHROMIUM.exists(), "these tests need Chromium: apt-get install chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, stack: RunningStack) -> Iterator[OpenPage]:
    """Opens a page of the room: a window size, light or dark, a language, with script or without.

    A test ends with a failure when a page has reported an error, or has asked another server for something.
    """
    contexts: list[Any] = []
    faults: list[str] = []
    api = f"http://127.0.0.1:{stack.api}"

    def noted(kind: str, text: str) -> None:
        if "status of 503" not in text and "net::ERR_" not in text:  # a test answers so on purpose, or kills the API
            faults.append(f"{kind}: {text}")

    def opened(
        path: str = "/", *, base: str = api, width: int = 1280, height: int = 900, dark: bool = False, **options: Any
    ) -> Page:
        context = browser.new_context(
            base_url=base,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            **{"locale": "en-GB", **options},
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: noted("error", str(error)))
        page.on("console", lambda message: noted("console", message.text) if message.type == "error" else None)
        page.on(
            "request",
            lambda request: None if request.url.startswith((base, "data:")) else noted("elsewhere", request.url),
        )
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def produce(stack: RunningStack) -> Callable[..., list[str]]:
    """Sends texts as tweets of now, of different authors; gives their ids."""

    def send(*texts: str) -> list[str]:
        ids = [uuid.uuid4().hex for _ in texts]
        producer = TweetProducer(stack.settings)
        for name, text in zip(ids, texts, strict=True):
            tweet = {"id": name, "text": text, "author_id": name}
            producer.send(Line(name.encode(), json.dumps(tweet, ensure_ascii=False).encode()))
        producer.close()
        return ids

    return send


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_MS / 1000) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)
