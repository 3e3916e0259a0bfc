"""A real Chromium, Debian's, on the pages of the shared stack."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as NotInTime

from stream.kafka.tweet_files import Line
from stream.kafka.tweet_producer import TweetProducer
from tests.stack import RunningStack
from tests.waiting import PATIENCE_S, until

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_MS = 1000 * PATIENCE_S
ROWS_MS = 15_000
"""Within which tweets that were sent are rows of an open page, if they come at all."""
STARTED_MS = 30_000
"""Within which a page that keys have asked for has begun to come, if they were understood."""


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
Produce = Callable[..., list[str]]


def listening(page: Page) -> Page:
    """The page, once its scripts listen. Modules run when a document has been read, and before its `load`; what the
    server has written is on the screen before, and a key that is pressed then is lost."""
    page.wait_for_load_state("load")
    return page


def press(page: Page, *keys: str) -> None:
    """Press keys on a page that listens. After a form was sent, or another page asked for, something of the new page
    must have been seen before: until then the old one takes the keys."""
    listening(page)
    for key in keys:
        page.keyboard.press(key)


def go(page: Page, key: str, url: str) -> None:
    """To another page by `g` and its letter, again if a busy machine has let too much time pass between the two."""

    def is_there() -> bool:
        press(page, "g", key)
        try:
            page.wait_for_url(url, timeout=STARTED_MS)
        except NotInTime:
            return False
        return True

    until(is_there, said=lambda: f"g {key} does not lead to {url}")


def see(page: Page, produce: Produce, *texts: str, shown: Sequence[str] = ()) -> list[str]:
    """Send texts until rows show all of them, or those with `shown` in them; gives the ids of all that were sent.

    A frame has room for those tweets that say most, and a page that is too busy to show a row in time leaves it out.
    """
    expect(page.locator("#stream")).to_have_attribute("data-state", "live")
    ids: list[str] = []

    def are_shown() -> bool:
        ids.extend(produce(*texts))
        try:
            for text in shown or texts:
                page.locator(".tweet .text", has_text=text).first.wait_for(timeout=ROWS_MS)
        except NotInTime:
            return False
        return True

    until(are_shown, said=lambda: f"no rows with {shown or texts}")
    return ids


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
def produce(stack: RunningStack) -> Produce:
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
