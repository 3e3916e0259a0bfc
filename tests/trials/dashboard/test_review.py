"""The page Review by keyboard: one key a judgement, none lost, none twice."""

from __future__ import annotations

import os
import signal
import uuid
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from alerts.storage.connection import connect
from contracts.events import Scores
from contracts.times import clock_ms
from learning.labels.log import read_labels
from learning.review.item import ReviewItem
from learning.review.queue import ReviewQueue
from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage, listening, press
from tests.waiting import until

AGE_MS = "performance.now() - performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
"""Digits make no new text: texts that differ in nothing else are near-duplicates."""


@pytest.fixture
def waiting(stack: RunningStack) -> None:
    """Six texts wait for review, before all others."""
    now_ms = clock_ms()
    items = [
        ReviewItem(
            id=str(uuid.uuid4()),
            tweet_id=uuid.uuid4().hex,
            text=f"@user {word} was not what I hoped for, {uuid.uuid4().hex[:4].translate(_LETTERS)}",
            sentiment="negative",
            scores=Scores(negative=0.4, neutral=0.35, positive=0.25),
            model_version="1",
            reason="unsure",
            note="the model is unsure",
            priority=-1.0,
            queued_at_ms=now_ms,
            watches=["united"],
        )
        for word in ("breakfast", "boarding", "the lounge", "my seat", "the film", "landing")
    ]
    with connect(stack.settings) as client:
        assert ReviewQueue(client, stack.settings).offer(items) == len(items)


def ready(page: Page) -> str:
    """Waits until keys are taken; the item that is shown."""
    expect(page.locator("#judge [name=item]")).to_be_attached()
    # A key that comes at once is taken for one that was meant for the text before.
    until(lambda: listening(page).evaluate(AGE_MS) > 300)
    return page.locator("#judge [name=item]").input_value()


def judgements(stack: RunningStack) -> Counter[tuple[str, str]]:
    """(prediction, label) → judgements on the topic."""
    events = [one for one in read_labels(stack.settings) if one.kind == "judgement"]
    return Counter((str(one.prediction_id), str(one.label)) for one in events)


@pytest.mark.usefixtures("waiting")
def test_each_key_does_what_it_says(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page("/room/review")
    item = ready(page)
    press(page, "1")
    expect(page.locator(".said")).to_contain_text("negative")
    assert judgements(stack)[item, "negative"] == 1
    ready(page)
    press(page, "u")
    expect(page.locator(".said")).to_contain_text("Taken back")
    assert ready(page) == item, "what was taken back comes again"
    for key, said in (("2", "neutral"), ("3", "positive"), ("s", "Skipped")):
        ready(page)
        press(page, key)
        expect(page.locator(".said")).to_contain_text(said)
    press(page, "?")
    expect(page.locator("#help")).to_contain_text("take the last one back")


@pytest.mark.usefixtures("waiting")
def test_a_key_pressed_twice_or_held_is_one_judgement(
    open_page: OpenPage,
    stack: RunningStack,
) -> None:
    page = open_page("/room/review")
    item, before = ready(page), judgements(stack)
    page.evaluate(
        """() => { for (const repeat of [false, false, true, true])
             document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "2", repeat, bubbles: true })) }"""
    )
    expect(page.locator(".said")).to_contain_text("neutral")
    assert judgements(stack) - before == Counter({(item, "neutral"): 1})


@pytest.mark.usefixtures("waiting")
def test_a_judgement_outlives_a_killed_api(open_page: OpenPage, stack: RunningStack) -> None:
    page = open_page("/room/review")
    beside = open_page("/room/try")
    expect(beside.locator("#stream")).to_have_attribute("data-state", "live")
    old = beside.locator("[name=csrf_token]").first.input_value()
    item, before = ready(page), judgements(stack)
    os.kill(api_of(stack), signal.SIGKILL)
    press(page, "3")
    expect(page.locator("#waits")).to_contain_text("is kept here and sent again")
    expect(page.locator(".said").first).to_contain_text("positive")  # the stack has started it again
    assert judgements(stack) - before == Counter({(item, "positive"): 1})
    # A page that was open all the while gets the new server's token, so that its forms work.
    expect(beside.locator("[name=csrf_token]").first).not_to_have_value(old)
    beside.fill("textarea", "@delta awful")
    beside.get_by_role("button", name="What does it feel?").click()
    expect(beside.locator("#answer")).to_contain_text("negative")


def api_of(stack: RunningStack) -> int:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"api" in command and str(stack.api).encode() in command:
            return int(process.name)
    raise AssertionError("the API does not run")
