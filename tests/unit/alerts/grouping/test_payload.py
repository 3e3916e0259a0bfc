from __future__ import annotations

import base64
import json

import msgspec
import pytest
import standardwebhooks

from alerts.grouping.payload import body_for, render, signed_headers, webhook_id
from alerts.state.alert import Alert, Transition
from contracts.times import clock_ms
from tests.unit.alerts.notifications import notification_of

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
ALERT = Alert(
    "bad_buzz",
    "00000000000000ff",
    {"alertname": "BadBuzz", "severity": "critical", "watch": "air-paradis"},
    {"summary": 'bags "lost" é \U0001f621'},
    starts_at_ms=1_790_000_000_000,
    value=0.8,
)
FIRING = Transition("firing", ALERT)
RESOLVED = Transition("resolved", msgspec.structs.replace(ALERT, ends_at_ms=1_790_000_060_000))


def test_the_body_is_alertmanagers_version_4() -> None:
    body = json.loads(render(notification_of("team", FIRING)))
    assert set(body) == {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels",
        "commonLabels", "commonAnnotations", "externalURL", "alerts",
    }  # fmt: skip
    assert (body["version"], body["status"], body["receiver"]) == ("4", "firing", "team")
    assert body["groupKey"] == '{}:{alertname="BadBuzz", severity="critical", watch="air-paradis"}'
    (alert,) = body["alerts"]
    assert set(alert) == {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
    assert alert["startsAt"] == "2026-09-21T14:13:20.000Z"
    assert alert["endsAt"] == "0001-01-01T00:00:00Z"
    assert json.loads(render(notification_of("team", RESOLVED)))["alerts"][0]["endsAt"] == "2026-09-21T14:14:20.000Z"


def test_a_notification_links_to_the_form_that_silences_such_alerts() -> None:
    page = "https://buzz.example.org/rooms/room/alerts/e7828b69622f061a"
    transition = Transition("firing", msgspec.structs.replace(ALERT, link=page))
    (alert,) = json.loads(render(notification_of("team", transition)))["alerts"]
    form = "https://buzz.example.org/rooms/room/alerts?alertname=BadBuzz&watch=air-paradis#new-silence"
    assert (alert["generatorURL"], alert["silenceURL"]) == (page, form)


def test_a_receiver_can_verify_the_signature_with_the_standard_library() -> None:
    body = render(notification_of("team", FIRING))
    headers = signed_headers([SECRET], webhook_id("team", FIRING), body, clock_ms())
    assert standardwebhooks.Webhook(SECRET).verify(body.encode(), headers)["receiver"] == "team"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(body.replace("lost", "found"), headers)


def test_a_notification_computed_again_has_the_same_id_and_any_other_has_not() -> None:
    again = Transition("firing", msgspec.structs.replace(ALERT, value=0.9, annotations={}))
    assert webhook_id("team", FIRING) == webhook_id("team", again)
    later = Transition("firing", msgspec.structs.replace(ALERT, starts_at_ms=1_790_000_000_001))
    other = Transition("firing", msgspec.structs.replace(ALERT, fingerprint="00000000000000fe"))
    ids = [webhook_id("team", one) for one in (FIRING, RESOLVED, later, other)]
    ids += [webhook_id("desk", FIRING), webhook_id("team", FIRING, repeat=1)]
    assert len(set(ids)) == len(ids)


def test_while_a_secret_is_changed_receivers_with_the_old_and_the_new_one_both_verify() -> None:
    new = "whsec_" + base64.b64encode(b"n" * 32).decode()
    body = render(notification_of("team", FIRING))
    headers = signed_headers([new, SECRET], "id-1", body, clock_ms())
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, new):
        assert standardwebhooks.Webhook(secret).verify(body, headers)["receiver"] == "team"
    stranger = "whsec_" + base64.b64encode(b"s" * 32).decode()
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(stranger).verify(body, headers)


def test_a_cloudevent_has_the_webhook_id_and_the_same_body_as_its_data() -> None:
    body = render(notification_of("team", FIRING))
    kind, event = body_for("cloudevents", "id-1", "firing", 1_790_000_000_000, body)
    assert kind == "application/cloudevents+json"
    parsed = json.loads(event)
    assert parsed.pop("data") == json.loads(body)
    assert parsed == {
        "specversion": "1.0",
        "id": "id-1",
        "source": "/buzzwatch/alerts",
        "type": "buzzwatch.alert.firing.v1",
        "time": "2026-09-21T14:13:20.000Z",
        "datacontenttype": "application/json",
    }
    assert body_for("cloudevents", "id-1", "firing", 1_790_000_000_000, body)[1] == event
