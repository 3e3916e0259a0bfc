from __future__ import annotations

import pydantic
import pytest

from alerts.state.alert import Alert, decode, encode, fingerprint_of, labels_of
from contracts.rules.schema import ConsecutiveErrors


def test_the_fingerprint_is_alertmanagers() -> None:
    # From the tests of prometheus/common, model/signature_test.go.
    labels = {"name": "garland, briggs", "fear": "love is not enough"}
    assert int(fingerprint_of(labels), 16) == 5799056148416392346
    assert fingerprint_of({}) == f"{14695981039346656037:016x}"


def test_the_order_of_labels_does_not_matter() -> None:
    assert fingerprint_of({"a": "1", "b": "2"}) == fingerprint_of({"b": "2", "a": "1"})
    assert fingerprint_of({"a": "1", "b": "2"}) != fingerprint_of({"a": "2", "b": "1"})


def test_a_rules_labels_cannot_replace_what_identifies_the_alert() -> None:
    with pytest.raises(pydantic.ValidationError, match="severity is set by the alert itself"):
        ConsecutiveErrors(alert="Errors", kind="consecutive_errors", labels={"severity": "x"})
    rule = ConsecutiveErrors(alert="Errors", kind="consecutive_errors", labels={"team": "data"})
    assert labels_of(rule, model_version="7") == {
        "alertname": "Errors",
        "severity": "warning",
        "team": "data",
        "model_version": "7",
    }


def test_an_alert_survives_being_stored() -> None:
    alert = Alert("bad_buzz", "f" * 16, {"alertname": "B"}, {"summary": "é\x00\U0001f621"}, 1000, 0.5, 2000)
    assert decode(encode(alert)) == alert


def test_a_firing_alert_shows_no_end() -> None:
    shown = Alert("bad_buzz", "f", {"alertname": "B"}, {}, 0, 0.5).public()
    assert shown["status"] == "firing"
    assert shown["startsAt"] == "1970-01-01T00:00:00.000Z"
    assert shown["endsAt"] == "0001-01-01T00:00:00Z"
