"""The page Now and its feed, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage, Produce, press, see

STREAM = re.compile(r"/stream(\?.*)?$")
LONG = "I hate you @delta, awful " + "long " * 1980 + "hostile-long"
HOSTILE = (
    "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"> @delta hostile-markup",
    "@delta \u202eright to left\u202c שלום مرحبا hostile-direction",
    "😡😡😡 @delta 🤬",
    "@delta {{ 7 * 7 }} ${7*7} %s </p></li></template> hostile-template",
)


def test_tweets_appear_as_they_are_scored_and_hostile_ones_are_text(open_page: OpenPage, produce: Produce) -> None:
    page = open_page("/?watch=delta")
    see(page, produce, *HOSTILE, shown=("hostile-markup", "hostile-direction", "😡😡😡", "hostile-template"))
    expect(page.locator(".tweet .text", has_text="<script>").first).to_be_visible()
    assert "taken" not in page.title()
    assert page.locator(".rows img, .rows script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_very_long_text_is_shown_by_its_beginning(open_page: OpenPage, produce: Produce) -> None:
    page = open_page("/?watch=delta")
    see(page, produce, LONG, shown=("long long",))
    assert len(page.locator(".tweet .text", has_text="long long").first.inner_text()) <= 500


def test_a_filter_in_the_address_holds_for_what_comes(open_page: OpenPage, produce: Produce) -> None:
    page = open_page("/?watch=united&sentiment=negative")
    expect(page.locator("select[name=watch]")).to_have_value("united")
    both = ("@united lost my bag, terrible, filter-yes", "@jetblue lost my bag, terrible, filter-no")
    see(page, produce, *both, shown=("filter-yes",))
    assert page.locator(".tweet", has_text="filter-no").count() == 0


def test_an_erased_tweet_leaves_open_pages(open_page: OpenPage, produce: Produce, stack: RunningStack) -> None:
    page = open_page("/?watch=united")
    both = ("@united you lost my zither, terrible, to-be-erased", "@united a lovely evening, to-be-kept")
    gone = see(page, produce, *both, shown=("to-be-erased", "to-be-kept"))[::2]
    stack.run("privacy", "forget", *(word for tweet in gone for word in ("--tweet", tweet)))
    expect(page.locator(".tweet", has_text="to-be-erased")).to_have_count(0)
    expect(page.locator(".tweet", has_text="to-be-kept").first).to_be_visible()
    page.reload()
    expect(page.locator(".tweet", has_text="to-be-kept").first).to_be_visible()
    assert "to-be-erased" not in page.content()


def test_pause_holds_new_rows_back_and_loses_none(open_page: OpenPage, produce: Produce) -> None:
    page = open_page("/?watch=jetblue")
    expect(page.locator("#stream")).to_have_attribute("data-state", "live")
    press(page, "p")
    expect(page.locator("#pause")).to_have_attribute("aria-pressed", "true")
    produce("@jetblue thank you for the lovely flight, held-back")
    expect(page.locator("#pause")).to_contain_text("1 new")
    assert page.locator(".tweet", has_text="held-back").count() == 0
    press(page, "p")
    expect(page.locator(".tweet", has_text="held-back").first).to_be_visible()


def test_a_stream_that_is_cut_is_said_and_comes_back(open_page: OpenPage) -> None:
    page = open_page("/docs")
    page.route(STREAM, lambda route: route.fulfill(status=503, body=""))
    page.goto("/room/alerts")
    expect(page.locator("#stream")).to_have_attribute("data-state", "lost")
    page.unroute(STREAM)
    expect(page.locator("#stream")).to_have_attribute("data-state", "live")


def test_ten_tabs_of_a_browser_share_one_stream(open_page: OpenPage) -> None:
    first = open_page("/room/alerts")
    others = [first.context.new_page() for _ in range(9)]
    for page in others:
        page.goto("/room/alerts")
    for page in (first, *others):
        expect(page.locator("#stream")).to_have_attribute("data-state", "live")
    streams = [page.evaluate("performance.getEntriesByType('resource').length") for page in others]
    assert all(streams)


def test_a_reader_that_comes_back_gets_what_came_since(stack: RunningStack, produce: Produce) -> None:
    url = f"http://127.0.0.1:{stack.api}/stream"

    def events(headers: dict[str, str], wanted: Callable[[str, str], bool]) -> tuple[list[tuple[str, str]], str]:
        found, last, kind = [], "", ""
        with httpx.stream("GET", url, headers=headers, timeout=60, trust_env=False) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    kind = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif line.startswith("id: "):
                    last = line[4:]
                    found.append((kind, data))
                    if wanted(kind, data):
                        return found, last
        raise AssertionError("the stream ended")

    first, last = events({}, lambda kind, _data: kind == "frame")
    assert first[0][0] == "snapshot"
    produce("@united a tweet while nobody reads, came-since")
    again, _ = events({"last-event-id": last}, lambda _kind, data: "came-since" in data)
    assert "snapshot" not in [kind for kind, _ in again]
    frames = [json.loads(data) for kind, data in again if kind == "frame"]
    assert len([tweet for frame in frames for tweet in frame["tweets"] if "came-since" in tweet["text"]]) == 1


def test_without_script_the_page_shows_the_state_of_its_load(open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    expect(page.locator(".card").first).to_be_visible()
    page.locator("select[name=watch]").select_option("delta")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("watch=delta"))
    page.get_by_role("button", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.get_by_role("button", name="Sombre").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
