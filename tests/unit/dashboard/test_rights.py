"""What a page offers is what its reader may do."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from alerts.state.alert import Alert, fingerprint_of
from alerts.state.silences import Silence
from api.security.gate import LOCAL, Caller
from contracts.rules.matchers import matcher
from contracts.times import clock_ms
from dashboard.feed.alert_view import AlertView
from dashboard.html.rendering import page
from dashboard.pages.alerts import DURATIONS, SilenceNow

READER = Caller("maya", frozenset({"read"}), "session")
NOW_MS = clock_ms()


def alerts_page(caller: Caller) -> str:
    """The page Alerts with one of everything."""
    labels = {"alertname": "BadBuzz", "severity": "critical", "watch": "delta"}
    alert = Alert("bad_buzz", fingerprint_of(labels), labels, {"summary": "Bad"}, NOW_MS, 1.0, fired_ms=NOW_MS)
    silence = Silence("1", (matcher("watch", "=", "x"),), NOW_MS, NOW_MS + 60_000, "maya", "why", NOW_MS)
    room: Any = SimpleNamespace(path="/", at=lambda name="": f"/room/{name}")
    scope = {"type": "http", "path": "/room/alerts", "query_string": b"", "headers": [], "state": {"caller": caller}}
    values: dict[str, Any] = {"over": [], "opinions": {}, "tallies": {}, "durations": DURATIONS, "asked": ""}
    answer = page(
        Request(scope),
        room,
        "alerts.html",
        opened=[AlertView(alert, [], [])],
        silences=[SilenceNow(silence, "active", 0)],
        **values,
    )
    return bytes(answer.body).decode()


def forms(html: str) -> set[str]:
    """Where forms that change something post to."""
    return {found.rpartition("/")[2] for found in re.findall(r'<form[^>]* method="post" action="([^"]+)"', html)}


@pytest.mark.parametrize(
    ("caller", "posts", "pages"),
    [
        (READER, {"language", "theme", "logout"}, {"n", "a", "w", "m", "s"}),
        (LOCAL, {"language", "theme", "acknowledge", "opinion", "silences", "end"}, {*"nawtrms"}),
    ],
)
def test_no_form_is_shown_that_would_be_refused(caller: Caller, posts: set[str], pages: set[str]) -> None:
    html = alerts_page(caller)
    assert forms(html) == posts
    assert set(re.findall(r'data-key="(\w)"', html)) == pages
    assert ("needs a key with the scope operate" in html) == (caller is READER)
    assert ("<kbd>e</kbd>" in html) == (caller is LOCAL)
