from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.rules.matchers import parse_matcher
from contracts.rules.routing import InhibitRule
from tests.unit.api.conftest import Api


def body(**changes: Any) -> dict[str, Any]:
    """As Alertmanager takes it."""
    return {
        "matchers": [{"name": "alertname", "value": "Bad.*", "isRegex": True, "isEqual": True}],
        "endsAt": (datetime.now(UTC) + timedelta(hours=2)).isoformat(),
        "createdBy": "maya",
        "comment": "we know",
        **changes,
    }


async def test_a_silence_is_taken_as_alertmanager_takes_it_and_shown(api: Api) -> None:
    made = await api.post("/silences", body())
    assert made.status_code == 200, made.text
    silence = made.json()
    assert silence["silenceID"] == silence["id"]
    assert silence["status"] == {"state": "active"}
    assert silence["matchers"] == body()["matchers"]
    assert (silence["createdBy"], silence["comment"]) == ("maya", "we know")
    assert (await api.get("/silences")).json() == {"silences": [silence]}
    assert (await api.get("/silences", state="expired")).json() == {"silences": []}
    assert (await api.get(f"/silences/{silence['id']}")).json() == silence


async def test_matchers_may_be_written_as_text(api: Api) -> None:
    made = await api.post("/silences", body(matchers=['watch!="delta"', "alertname=~Bad.*"]))
    assert made.json()["matchers"] == [
        {"name": "watch", "value": "delta", "isRegex": False, "isEqual": False},
        {"name": "alertname", "value": "Bad.*", "isRegex": True, "isEqual": True},
    ]


async def test_an_alert_shows_which_silence_mutes_it_and_which_alert(api: Api) -> None:
    identifier = (await api.post("/silences", body())).json()["id"]
    firing, over = (await api.get("/alerts")).json()["alerts"]
    assert (firing["silencedBy"], firing["inhibitedBy"]) == ([identifier], [])
    assert (over["silencedBy"], over["inhibitedBy"]) == ([], [])

    def all_of(text: str) -> tuple[Any, ...]:
        return (parse_matcher(text),)

    api.alerts.kept[1] = api.alerts.kept[0].__class__("x", "c" * 16, {"alertname": "Errors"}, {}, 1000, 0.5)
    api.inhibit_rules = (
        InhibitRule(source_matchers=all_of("alertname=Errors"), target_matchers=all_of("severity=critical")),
    )
    buzz = (await api.get("/alerts")).json()["alerts"][0]
    assert buzz["inhibitedBy"] == ["c" * 16]


async def test_a_silence_can_be_changed_and_ended(api: Api) -> None:
    identifier = (await api.post("/silences", body())).json()["id"]
    changed = await api.post("/silences", body(id=identifier, comment="still"))
    assert (changed.json()["id"], changed.json()["comment"]) == (identifier, "still")
    assert (await api.delete(f"/silences/{identifier}")).status_code == 204
    assert (await api.get(f"/silences/{identifier}")).json()["status"] == {"state": "expired"}
    assert (await api.get("/alerts", state="firing")).json()["alerts"][0]["silencedBy"] == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"matchers": []}, "matchers"),
        ({"matchers": [{"name": "watch", "value": ".*", "isRegex": True}]}, "mute everything"),
        ({"matchers": [{"name": "watch", "value": "(", "isRegex": True}]}, "not a regular expression"),
        ({"matchers": ["watch"]}, "not a matcher"),
        ({"matchers": [7]}, "matchers"),
        ({"comment": " "}, "comment"),
        ({"createdBy": ""}, "createdBy"),
        ({"endsAt": "2020-01-01T00:00:00Z"}, "must end"),
        ({"endsAt": "2999-01-01T00:00:00Z", "startsAt": "2999-01-02T00:00:00Z"}, "must end after it starts"),
        ({"endsAt": "tomorrow"}, "endsAt"),
    ],
)
async def test_a_silence_that_cannot_be_is_refused_in_one_line(
    api: Api, changes: dict[str, Any], complaint: str
) -> None:
    answer = await api.post("/silences", body(**changes))
    assert answer.status_code == 422
    assert complaint in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert api.silences.kept == {}


@pytest.mark.parametrize("changes", [{"matchers": ["watch=\ud800"]}, {"id": "\ud800"}, {"createdBy": "\ud800"}])
async def test_half_a_character_is_refused(api: Api, changes: dict[str, Any]) -> None:
    answer = await api.client.post(
        "/silences", content=json.dumps(body(**changes)).encode(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert api.silences.kept == {}


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    for answer in (
        await api.get("/silences/nobody"),
        await api.delete("/silences/nobody"),
        await api.post("/silences", body(id="nobody")),
        await api.post("/alerts/nobody/ack", {"by": "maya"}),
        await api.post(f"/alerts/{'b' * 16}/ack", {"by": "maya"}),  # it is over
        await api.delete("/alerts/nobody/ack"),
    ):
        assert answer.status_code == 404
        assert set(answer.json()) == {"type", "title", "status", "detail", "request_id"}


async def test_who_is_at_an_alert_and_since_when_is_shown_until_it_is_taken_back(api: Api) -> None:
    answer = await api.post(f"/alerts/{'a' * 16}/ack", {"by": "maya", "comment": "calling baggage"})
    shown = answer.json()["alert"]["acknowledgement"]
    assert (shown["by"], shown["comment"]) == ("maya", "calling baggage")
    assert shown["at"].endswith("Z")
    assert (await api.get("/alerts", state="firing")).json()["alerts"][0]["acknowledgement"] == shown
    await api.delete(f"/alerts/{'a' * 16}/ack")
    assert (await api.get("/alerts", state="firing")).json()["alerts"][0]["acknowledgement"] is None


async def test_who_did_what_is_written_down(api: Api) -> None:
    silence = {"matchers": ["watch=delta"], "endsAt": "2999-01-01T00:00:00Z", "createdBy": "maya", "comment": "theirs"}
    made = (await api.post("/silences", silence)).json()["id"]
    await api.delete(f"/silences/{made}")
    await api.post(f"/alerts/{'a' * 16}/ack", {"by": "maya", "comment": "calling"})
    await api.delete(f"/alerts/{'a' * 16}/ack")
    assert [(event.what, event.subject, event.why) for event in api.audited] == [
        ("silence.added", f"silence {made}", "theirs"),
        ("silence.ended", f"silence {made}", ""),
        ("alert.acknowledged", f"alert {'a' * 16}", "calling"),
        ("alert.acknowledgement_withdrawn", f"alert {'a' * 16}", ""),
    ]
    assert {event.who for event in api.audited} == {"local"}
    assert api.audited[0].figures == {"by": "maya", "matchers": 'watch="delta"'}
    await api.delete("/silences/none")  # nothing was done
    assert len(api.audited) == 4
    assert api.kept == ["silence.added", "silence.ended", "alert.acknowledged", "alert.acknowledgement_withdrawn"]
