"""Charts by keyboard, files to download and to score."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage, go, press


def test_arrow_keys_move_the_cursor_of_charts(open_page: OpenPage) -> None:
    page = open_page("/")
    said = page.locator(".card .read-out").first
    press(page, "j")
    expect(page.locator(".card").first).to_be_focused()
    for focused in (False, True):  # the card by j, then its chart by Tab
        if focused:
            page.locator(".plot").first.focus()
        press(page, "Home")
        expect(said).to_have_text(re.compile(r"\d\d:\d\d tweets \d+, negative \d+"))
        first = said.inner_text()
        press(page, "ArrowRight")
        expect(said).not_to_have_text(first)
    go(page, "w", "**/room/watch*")

    read_out = page.locator("#read-out")
    page.locator("#chart").focus()
    press(page, "ArrowLeft")
    expect(read_out).to_have_text(re.compile(r"\d\d:\d\d · "))
    last = read_out.inner_text()
    page.emulate_media(color_scheme="dark")  # the chart is drawn again
    press(page, "Home")
    expect(read_out).not_to_have_text(last)
    press(page, "Enter")
    page.wait_for_url(re.compile(r"span=hour&at=\d+"))


def test_a_text_and_a_file_are_tried(open_page: OpenPage) -> None:
    page = open_page("/room/try")
    page.fill("textarea", "@delta lost my bag <b>again</b>, awful")
    page.get_by_role("button", name="What does it feel?").click()
    expect(page.locator("#answer .bars")).to_contain_text("negative")
    expect(page.locator("#answer blockquote")).to_contain_text("@user lost my bag <b>again</b>, awful")
    page.locator("#answer button[value=neutral]").click()
    expect(page.locator(".said")).to_contain_text("neutral is noted")

    rows = '{"text": "@delta awful"}\n{"text": "\\ud800"}\n{"text": "@delta thank you, lovely crew"}\n'
    file = {"name": "rows.jsonl", "mimeType": "application/x-ndjson", "buffer": rows.encode()}
    page.locator("[name=file]").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Score the file").click()
    expect(page.locator("[data-live=job] [role=status]")).to_contain_text("3 rows read, it is finished")
    expect(page.locator("[data-live=job] tr", has_text="cannot be scored").locator("td").first).to_have_text("1")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "rows-scored.csv"


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/?watch=nobody&theme=nothing", 200, "There is no watch “nobody”: all are shown."),
        ("/room/nowhere", 404, "there is no page nowhere"),
        ("/room/alerts/?watch=delta", 200, 'value="watch=&#34;delta&#34;"'),
        ("/room/watch?watch=nobody", 404, "there is no watch"),
    ],
)
def test_an_address_that_is_wrong_is_said_on_a_page(stack: RunningStack, address: str, status: int, said: str) -> None:
    answer = httpx.get(f"http://127.0.0.1:{stack.api}{address}", trust_env=False, timeout=60, follow_redirects=True)
    assert answer.status_code == status
    assert said in answer.text
    assert "text/html" in answer.headers["content-type"]
