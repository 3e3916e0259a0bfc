"""Apprise's own plugins, with what they post kept instead of sent."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import requests

from alerts.receivers.apprise_child import send, sender_of
from alerts.receivers.message import Message

# Loading all of them asks for modules that Python is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FIRING = Message("[FIRING] Bad buzz about acme: 83% are negative", "50 of 60", "failure", "key-of-the-group")
AGAIN = FIRING._replace(title="[FIRING] Bad buzz about acme: 90% are negative")
RESOLVED = Message("[RESOLVED] Bad buzz about acme is over", "until 12:00", "success", "key-of-the-group")
TOLD = (FIRING, AGAIN, RESOLVED)
PAGERDUTY = "pagerduty://integrationkey@apikey"
DISCORD = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
TEAMS = "workflow://host.example/643d8427/signature"
SMS = f"d7sms://{'t' * 20}@15551231234"


@pytest.fixture
def posts(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """What would have gone out, instead."""
    kept: list[requests.PreparedRequest] = []

    def take(_: Any, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        kept.append(request)
        response = requests.Response()
        response.status_code, response.raw, response.request = 200, io.BytesIO(b'{"result": "ok"}'), request
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", take)
    return kept


def told(url: str, *messages: Message, within_s: float = 10.0) -> None:
    for message in messages:
        assert send(sender_of(url), url, message, within_s)


def bodies(posts: list[requests.PreparedRequest]) -> list[Any]:
    return [json.loads(post.body) for post in posts if isinstance(post.body, (str, bytes))]


def events(posts: list[requests.PreparedRequest]) -> list[tuple[str, str | None]]:
    return [(body["event_action"], body.get("dedup_key")) for body in bodies(posts)]


def test_the_end_of_an_alert_closes_the_incident_that_its_beginning_opened(
    posts: list[requests.PreparedRequest],
) -> None:
    told(PAGERDUTY, *TOLD, FIRING._replace(incident="another"))
    assert events(posts) == [
        ("trigger", "key-of-the-group"),
        ("trigger", "key-of-the-group"),
        ("resolve", "key-of-the-group"),
        ("trigger", "another"),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "ilert://integrationkey",
        "incidentio://source/token",
        "squadcast://apikey",
        "signl4://teamsecret",
        "pagertree://int_abcdefghij",
        "splunk://routing@apikey",
        "goalert://goalert.example/7a1b6d5e-2c1f-4a6e-9b8f-1f0a3a5d2c11",
        "firehydrant://integration",
    ],
)
def test_all_other_services_with_incidents_are_given_the_key_too(
    posts: list[requests.PreparedRequest], url: str
) -> None:
    told(url, *TOLD)
    assert len(posts) == 3
    first, again, end = [f"{post.url} {post.body!r}" for post in posts]
    assert all("key-of-the-group" in post for post in (first, again, end))
    assert not {"RESOLVE", "RECOVERY", "CLOSE"} & set(first.upper().replace('"', " ").split())
    assert any(word in end.upper() for word in ("RESOLVE", "RECOVERY", "CLOSE"))


def test_what_an_address_says_about_incidents_stays(posts: list[requests.PreparedRequest]) -> None:
    told(PAGERDUTY + "?action=trigger&dedup=mine", *TOLD)
    told("splunk://routing@apikey/mine", FIRING)
    assert events(posts[:3]) == [("trigger", "mine")] * 3
    assert bodies(posts)[3]["entity_id"] == "mine"


LINES = "\n".join(f"{number:03d} " + "x" * 76 for number in range(150))
"""12,149 characters, as ten alerts have."""


def test_a_text_that_is_too_long_for_a_chat_comes_whole_in_several_messages(
    posts: list[requests.PreparedRequest],
) -> None:
    told(DISCORD, FIRING._replace(text=LINES))
    texts = [body["content"] for body in bodies(posts)]
    assert len(texts) == 7
    assert all(len(text) <= 2000 for text in texts)
    assert all(sum(f"{number:03d} x" in text for text in texts) == 1 for number in range(150))


@pytest.mark.parametrize(
    ("url", "length", "within_s", "mode"),
    [
        (DISCORD, 12_000, 10, "split"),
        (DISCORD, 100_000, 10, "truncate"),  # so many messages nobody reads
        (SMS, 1_200, 10, "truncate"),
        (TEAMS, 1_200, 10, "split"),
        (TEAMS, 1_200, 5, "truncate"),  # it pauses for 5.5 s between two messages
        (TEAMS, 3_000, 10, "truncate"),
        (PAGERDUTY, 1_200, 10, "truncate"),  # an incident has one summary
        (DISCORD + "?overflow=upstream", 12_000, 10, "upstream"),
    ],
)
def test_a_text_is_split_where_all_pieces_come_in_time_and_cut_elsewhere(
    posts: list[requests.PreparedRequest],
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    length: int,
    within_s: float,
    mode: str,
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    sender = sender_of(url)
    (service,) = sender
    send(sender, url, FIRING._replace(text="x" * length), within_s)
    assert service.overflow_mode.value == mode
    assert (len(posts) > 1) == (mode == "split")
