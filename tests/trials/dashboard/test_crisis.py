"""A crisis on the screen, from its first tweet to its end, by keyboard."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect

from stream.kafka.tweet_files import Line
from stream.kafka.tweet_producer import TweetProducer
from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage, listening, press
from tests.trials.dashboard.test_every_page import violations

LONG_WORD = "w" * 200
"""Which the alert then names: it fits into no line."""
PLACES = (
    *("Lyon", "Nice", "Rome", "Madrid", "Geneva", "Boston", "Austin", "Dublin"),
    *("Oslo", "Porto", "Milan", "Turin", "Zurich", "Berlin", "Vienna", "Prague"),
)


@contextmanager
def crisis(stack: RunningStack) -> Iterator[None]:
    """Angry tweets about one airline, of different people, until the block is left."""
    over = threading.Event()

    def rage() -> None:
        producer = TweetProducer(stack.settings)
        while not over.is_set():
            for place in PLACES:
                name = uuid.uuid4().hex
                text = f"@VirginAmerica lost my bag in {place}, awful and rude, I hate you {name[:6]} {LONG_WORD}"
                tweet = {"id": name, "text": text, "author_id": name}
                producer.send(Line(name.encode(), json.dumps(tweet).encode()))
            over.wait(1.0)
        producer.close()

    angry = threading.Thread(target=rage)
    angry.start()
    try:
        yield
    finally:
        over.set()
        angry.join()


def step_to(page: Page, fingerprint: str) -> None:
    """j until the alert has the focus."""
    for _ in range(30):
        if listening(page).evaluate("document.activeElement.id") == fingerprint:
            return
        press(page, "j")
    raise AssertionError("j does not come to the alert")


def test_a_crisis_is_seen_acknowledged_silenced_and_over_by_keyboard(open_page: OpenPage, stack: RunningStack) -> None:
    now = open_page("/?watch=virgin-america")
    expect(now.locator("#stream")).to_have_attribute("data-state", "live")
    page = open_page("/room/alerts")
    with crisis(stack):
        expect(now.locator(".tweet .text", has_text="lost my bag").first).to_be_visible()
        expect(now.locator('.card[data-watch="virgin-america"]')).to_have_attribute("data-mood", "critical")
        expect(now.locator("#strip.critical [role=alert]")).to_be_visible()
        alert = page.locator("article.alert.critical", has_text="Bad buzz about virgin-america")
        expect(alert).to_contain_text("baggage")
        fingerprint = alert.get_attribute("id") or ""

        step_to(page, fingerprint)
        press(page, "e")
        expect(alert.locator("form:has(.acknowledge) [name=who]")).to_be_focused()
        page.keyboard.type("Maya é")
        press(page, "Enter")
        expect(page.locator(".said")).to_contain_text("Maya é is on it")
        expect(alert).to_be_focused()
        expect(alert).to_contain_text("Maya é is on it")

        press(page, "s")
        expect(alert.locator("form.silence [name=comment]")).to_be_focused()
        expect(alert.locator("form.silence [name=matchers]")).to_have_value(re.compile('watch="virgin-america"'))
        page.keyboard.type("we know")
        press(page, "Enter")
        expect(page.locator(".said")).to_contain_text("Silenced")
        expect(alert).to_contain_text("Silenced by Maya é: we know")
        expect(now.locator("#strip")).not_to_contain_text("virgin-america")  # silenced ones are not loud

        plain = open_page("/room/alerts", java_script_enabled=False)  # the forms work without script
        judged = plain.locator(f"[id='{fingerprint}']")
        judged.get_by_role("button", name="useful").click()
        expect(judged.get_by_role("button", name="useful")).to_have_attribute("aria-pressed", "true")
        expect(plain.locator("#tallies-title + table")).to_contain_text("BadBuzz")

        step_to(page, fingerprint)
        press(page, "Enter")
        for step in ("It began", "It fired", "Maya é is on it"):
            expect(page.locator(".story")).to_contain_text(step)
        assert violations(page) == []
        expect(page.locator("article.alert")).to_contain_text(LONG_WORD)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator(".story")).to_contain_text("It was over")
    expect(now.locator('.card[data-watch="virgin-america"]')).not_to_have_attribute("data-mood", "critical")
    page.goto("/room/alerts")
    expect(page.locator("section:has(> #over-title)")).to_contain_text("virgin-america")
    row = page.locator("tr", has_text='watch="virgin-america"')
    expect(row).to_contain_text("matches nothing that is open")
    row.get_by_role("button", name="End now").click()
    expect(page.locator(".said")).to_contain_text("The silence has ended")
