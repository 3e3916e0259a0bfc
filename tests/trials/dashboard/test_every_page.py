"""What holds for all pages: nobody is shut out, nothing overflows, light and dark, English and French."""

from __future__ import annotations

import functools
import uuid

import pytest
from axe_playwright_python.sync_playwright import Axe
from confluent_kafka import Producer
from playwright.sync_api import Page, expect

from dashboard.html.rendering import PAGES
from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage, press
from tests.waiting import until

ADDRESSES = [f"/room/{name}" if name else "/" for name, _, _ in PAGES]


def violations(page: Page) -> list[tuple[str, list[str]]]:
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]


def fits(page: Page, width: int) -> bool:
    """Whether nothing overflows; a chart hears of its new width a moment later."""
    found: int = page.evaluate("document.documentElement.scrollWidth")
    return found <= width


@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_nothing_and_nothing_overflows(open_page: OpenPage, address: str) -> None:
    for dark in (False, True):
        page = open_page(address, dark=dark, locale="fr-FR" if dark else "en-GB")
        page.wait_for_selector("h1", state="attached")
        assert violations(page) == []
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        press(page, "?")
        page.wait_for_selector("#help[open]")
        assert violations(page) == [], "what unfolds, and the keys"
        press(page, "Escape")
        for width in (360, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            until(functools.partial(fits, page, width))


def test_the_health_of_every_part_is_on_the_page(stack: RunningStack) -> None:
    parts = ("model", "Kafka", "Redis", "MLflow", "rules", "worker", "notifier", "API", "scoring", "counting")
    expected = [*(f"<h3>{part}</h3>" for part in parts), "1 scores", "1 delivers"]

    def missing() -> list[str]:
        said = stack.client.get("/room/system").text
        return [part for part in expected if part not in said]

    until(lambda: not missing(), said=lambda: str(missing()))  # who has been silent for a while is not counted


def test_a_dead_letter_is_sent_back_by_a_click_and_only_once(open_page: OpenPage, stack: RunningStack) -> None:
    mark = f"no tweet {uuid.uuid4().hex}"
    producer = Producer(stack.settings.kafka.librdkafka_producer())
    producer.produce(stack.settings.kafka.topics.tweets, mark.encode())
    assert producer.flush(60) == 0
    page = open_page("/room/system")
    row = page.locator("tr", has_text=mark)
    expect(row).to_be_visible()
    position = row.locator("td").first.inner_text()
    again = page.locator(f"form:has([value='{position}']) button")
    again.click()
    expect(page.locator(".said")).to_contain_text(f"Dead letter {position} was sent back")
    again.click()
    expect(page.locator(".said")).to_contain_text(f"Dead letter {position} was replayed before")
