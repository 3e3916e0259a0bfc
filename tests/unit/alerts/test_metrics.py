from __future__ import annotations

from prometheus_client import CollectorRegistry

from alerts.metrics import ActiveAlerts
from alerts.state.alert import Alert

FIRING = Alert(
    kind="bad_buzz",
    fingerprint="1",
    labels={"alertname": "BadBuzz", "severity": "critical", "watch": "air-paradis", "team": "social"},
    annotations={},
    starts_at_ms=0,
    value=1.0,
)


def test_an_alert_is_a_series_as_long_as_it_is_active() -> None:
    registry, active = CollectorRegistry(), ActiveAlerts()
    registry.register(active)
    where = {"alertname": "BadBuzz", "severity": "critical", "state": "firing", "watch": "air-paradis"}
    where |= {"theme": "", "model_version": ""}
    active.show([FIRING])
    assert registry.get_sample_value("buzzwatch_alert_active", where) == 1
    active.show([])
    assert registry.get_sample_value("buzzwatch_alert_active", where) is None


def test_labels_of_a_rule_that_differ_in_nothing_we_show_make_no_series_twice() -> None:
    active = ActiveAlerts()
    active.show([FIRING, Alert(**{name: getattr(FIRING, name) for name in FIRING.__struct_fields__})])
    [family] = active.collect()
    assert len(family.samples) == 1
