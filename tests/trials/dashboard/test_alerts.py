"""The page Alerts: what is refused, and its keys."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage, go, press


@pytest.mark.parametrize(
    ("matchers", "said"),
    [("watch", "Not silenced"), ('watch=~".*"', "would mute everything"), ('watch=~"("', "Not silenced")],
)
def test_a_silence_that_cannot_be_is_refused_in_one_line(open_page: OpenPage, matchers: str, said: str) -> None:
    page = open_page("/room/alerts?watch=delta")
    form = page.locator("#new-silence form")
    expect(form.locator("[name=matchers]")).to_have_value('watch="delta"')
    form.locator("[name=matchers]").fill(matchers)
    form.locator("[name=who]").fill("maya")
    form.locator("[name=comment]").fill("test")
    form.get_by_role("button", name="Silence").click()
    expect(page.locator(".said.wrong")).to_contain_text(said)


def test_nothing_that_another_site_posts_works(stack: RunningStack) -> None:
    url = f"http://127.0.0.1:{stack.api}/room/alerts/silences"
    form = {"matchers": 'watch="delta"', "minutes": "60", "who": "mallory", "comment": "quiet"}
    for headers in ({}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert httpx.post(url, data=form, headers=headers, trust_env=False, timeout=60).status_code == 403
    kept = httpx.get(f"http://127.0.0.1:{stack.api}/silences", trust_env=False, timeout=60).json()["silences"]
    assert [one for one in kept if one["createdBy"] == "mallory"] == []


def test_the_keys_of_the_page(open_page: OpenPage) -> None:
    page = open_page("/")
    press(page, "?")
    expect(page.locator("#help")).to_be_visible()
    press(page, "Escape")
    expect(page.locator("#help")).to_be_hidden()
    go(page, "a", "**/room/alerts")
    page.locator("#sound").focus()
    press(page, "Enter")  # opens an alert in focus, and takes no button its key
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    page.locator("nav a[data-key=m]").focus()
    press(page, "Enter")
    page.wait_for_url("**/room/model")


def test_an_alert_that_is_not_there_is_said_on_a_page(stack: RunningStack) -> None:
    answer = httpx.get(f"http://127.0.0.1:{stack.api}/room/alerts/feedfeedfeedfeed", trust_env=False, timeout=60)
    assert answer.status_code == 404
    assert "no alert has the fingerprint feedfeedfeedfeed" in answer.text


def test_the_line_about_what_was_done_waits_for_somebody_who_sees_it(stack: RunningStack) -> None:
    url, kept = f"http://127.0.0.1:{stack.api}/room/alerts", {"cookie": "buzzwatch_said=.Silenced%20by%20maya"}
    renewed = httpx.get(url, headers=kept | {"sec-fetch-dest": "empty"}, trust_env=False, timeout=60)
    assert "Silenced by maya" not in renewed.text
    assert "set-cookie" not in renewed.headers
    shown = httpx.get(url, headers=kept | {"sec-fetch-dest": "document"}, trust_env=False, timeout=60)
    assert "Silenced by maya" in shown.text
    assert "buzzwatch_said=" in shown.headers["set-cookie"]
