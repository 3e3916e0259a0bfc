"""What holds for all pages: nobody is shut out, nothing overflows, light and dark, English and French."""

from __future__ import annotations

import uuid

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from confluent_kafka import Producer
from playwright.sync_api import Page, expect

from dashboard.html.rendering import PAGES
from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage

ADDRESSES = [f"/room/{name}" if name else "/" for name, _, _ in PAGES]


def violations(page: Page) -> list[tuple[str, list[str]]]:
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]


@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_nothing_and_nothing_overflows(open_page: OpenPage, address: str) -> None:
    for dark in (False, True):
        page = open_page(address, dark=dark, locale="fr-FR" if dark else "en-GB")
        page.wait_for_selector("h1", state="attached")
        assert violations(page) == []
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        page.keyboard.press("?")
        page.wait_for_selector("#help[open]")
        assert violations(page) == [], "what unfolds, and the keys"
        page.keyboard.press("Escape")
        for width in (360, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_health_of_every_part_is_on_the_page(stack: RunningStack) -> None:
    said = httpx.get(f"http://127.0.0.1:{stack.api}/room/system", trust_env=False, timeout=60).text
    parts = ("model", "Kafka", "Redis", "MLflow", "rules", "worker", "notifier", "API", "scoring", "counting")
    assert [part for part in parts if f"<h3>{part}</h3>" not in said] == []
    assert "1 scores" in said
    assert "1 delivers" in said


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
