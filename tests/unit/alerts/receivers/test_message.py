from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from alerts.grouping.payload import render
from alerts.receivers.message import message_of
from alerts.state.alert import Alert, Transition
from tests.unit.alerts.notifications import notification_of

ALERT = Alert(
    "bad_buzz",
    "00000000000000ff",
    {"alertname": "BadBuzz", "severity": "critical", "watch": "air-paradis"},
    {"summary": "Bad buzz about air-paradis", "top_terms": "suitcase, carousel", "sample_1": "no suitcase"},
    starts_at_ms=1_790_000_000_000,
    value=0.8,
)
FIRING = Transition("firing", ALERT)
RESOLVED = Transition("resolved", msgspec.structs.replace(ALERT, ends_at_ms=1_790_000_060_000))
OTHER = Transition("firing", msgspec.structs.replace(ALERT, labels=ALERT.labels | {"severity": "warning"}))


def body(*transitions: Transition) -> Any:
    return json.loads(render(notification_of("desk", *transitions)))


def test_one_alert_is_its_summary_its_reason_and_where_to_look() -> None:
    title, text, kind, _ = message_of(body(FIRING))
    assert (title, kind) == ("[FIRING] Bad buzz about air-paradis", "failure")
    assert text.splitlines() == [
        "Terms: suitcase, carousel",
        "“no suitcase”",
        "critical, since 2026-09-21T14:13:20.000Z",
        "http://127.0.0.1:8000/alerts",
    ]


def test_the_text_says_where_such_alerts_are_silenced_while_they_fire() -> None:
    page = "http://127.0.0.1:8000/room/alerts/e7828b69622f061a"
    firing = Transition("firing", msgspec.structs.replace(FIRING.alert, link=page))
    ended = Transition("resolved", msgspec.structs.replace(RESOLVED.alert, link=page))
    last = message_of(body(firing)).text.splitlines()[-1]
    assert last.startswith("Silence these: http://127.0.0.1:8000/room/alerts?alertname=BadBuzz&watch=air-paradis")
    assert "Silence these" not in message_of(body(ended)).text


def test_an_end_says_until_when_and_shows_no_tweets() -> None:
    title, text, kind, _ = message_of(body(RESOLVED))
    assert (title, kind) == ("[RESOLVED] Bad buzz about air-paradis", "success")
    assert "until 2026-09-21T14:14:20.000Z" in text
    assert "suitcase" not in text


@pytest.mark.parametrize("others", [(), (OTHER,)])
def test_an_end_that_is_no_all_clear_says_so(others: tuple[Transition, ...]) -> None:
    annotations = ALERT.annotations | {"description": "Raised to critical."}
    raised = Transition("resolved", msgspec.structs.replace(RESOLVED.alert, annotations=annotations))
    assert "Raised to critical." in message_of(body(raised, *others)).text.splitlines()


def test_beginning_repeat_and_end_are_of_one_incident_although_the_routes_change_meanwhile() -> None:
    later = Transition("firing", msgspec.structs.replace(ALERT, annotations={"summary": "It has become worse"}))
    routed = body(RESOLVED) | {"groupKey": '{}/{severity="critical"}:{…}'}
    told = [message_of(one).incident for one in (body(FIRING), body(later), body(RESOLVED), routed)]
    assert set(told) == {ALERT.fingerprint}


def test_whoever_is_in_a_group_it_is_one_incident_and_other_groups_are_others() -> None:
    group = {"groupLabels": {"alertname": "BadBuzz"}, "groupKey": '{}:{alertname="BadBuzz"}'}
    told = {message_of(body(*some) | group).incident for some in ((FIRING,), (FIRING, OTHER), (RESOLVED, OTHER))}
    assert len(told) == 1
    another = {"groupLabels": {"alertname": "Quiet"}, "groupKey": '{}:{alertname="Quiet"}'}
    assert message_of(body(FIRING) | another).incident not in told


def test_several_are_counted_and_told_one_by_one() -> None:
    title, text, kind, _ = message_of(body(OTHER, RESOLVED))
    assert (title, kind) == ("[FIRING] BadBuzz: 1 firing, 1 resolved", "warning")
    first, second = text.split("\n\n")
    assert first.startswith("firing: Bad buzz about air-paradis\n")
    assert second.startswith("resolved: Bad buzz about air-paradis\n")


def test_of_very_many_the_first_that_fire_are_told_and_the_rest_counted() -> None:
    _, text, _, _ = message_of(body(*[RESOLVED] * 30, *[FIRING] * 1000))
    *told_in_full, rest = text.split("\n\n")
    assert len(told_in_full) == 10
    assert all(paragraph.startswith("firing: ") for paragraph in told_in_full)
    assert rest == "… and 1,020 more: http://127.0.0.1:8000/alerts"
    assert len(text) < 4000


@pytest.mark.parametrize("annotations", [{}, {"summary": ""}])
def test_without_a_summary_the_labels_are_the_headline(annotations: dict[str, str]) -> None:
    plain = Transition("firing", msgspec.structs.replace(ALERT, annotations=annotations))
    assert message_of(body(plain)).title == "[FIRING] BadBuzz air-paradis"
