"""A notification as text for people: a chat, a mail, a telephone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

_FACTS: Final = (
    ("description", ""),
    ("top_themes", "Themes: "),
    ("top_terms", "Terms: "),
    ("sample_1", "“"),
    ("sample_2", "“"),
    ("sample_3", "“"),
)
"""Annotations in the text, each with its prefix."""
_FACTS_OF_AN_END: Final = _FACTS[:1]
"""The description of an end may be the reason that it was raised: "Raised to critical."."""
_MOST: Final = 10
"""Alerts in one text: chats refuse longer ones."""


class Message(NamedTuple):
    """Title and text of a notification."""

    title: str
    text: str
    kind: Literal["failure", "warning", "success"]
    """Apprise's notification type: the colour or the picture."""
    incident: str
    """The same in all notifications of an alert that is sent by itself, or of a group, from beginning to end."""


def message_of(body: Mapping[str, Any]) -> Message:
    """From Alertmanager's webhook body, as the outbox holds it."""
    alerts = body["alerts"]
    firing = [alert for alert in alerts if alert["status"] == "firing"]
    state = "FIRING" if firing else "RESOLVED"
    if len(alerts) == 1:
        title = f"[{state}] {_headline(alerts[0])}"
    else:
        names = ", ".join(sorted({alert["labels"]["alertname"] for alert in alerts}))
        counts = f"{len(firing)} firing, {len(alerts) - len(firing)} resolved"
        title = f"[{state}] {names}: {counts}"
    critical = any(alert["labels"].get("severity") == "critical" for alert in firing)
    kind: Literal["failure", "warning", "success"] = "failure" if critical else "warning" if firing else "success"
    first = sorted(alerts, key=lambda alert: alert["status"] != "firing")[:_MOST]
    paragraphs = [_paragraph(alert, alone=len(alerts) == 1) for alert in first]
    if len(alerts) > _MOST:
        paragraphs.append(f"… and {len(alerts) - _MOST:,} more: {body['externalURL']}/alerts")
    return Message(title, "\n\n".join(paragraphs), kind, _incident(body))


def _incident(body: Mapping[str, Any]) -> str:
    """Fingerprint of an alert that is sent by itself, as its group's key changes with the routes; for a group the hash
    of its key, as in Alertmanager."""
    shared = body["groupLabels"].keys()
    if all(alert["labels"].keys() == shared for alert in body["alerts"]):
        return str(body["alerts"][0]["fingerprint"])
    return hashlib.sha256(body["groupKey"].encode()).hexdigest()


def _headline(alert: Mapping[str, Any]) -> str:
    where = [alert["labels"][label] for label in ("watch", "theme", "model_version") if label in alert["labels"]]
    return str(alert["annotations"].get("summary") or " ".join([alert["labels"]["alertname"], *where]))


def _paragraph(alert: Mapping[str, Any], *, alone: bool) -> str:
    resolved = alert["status"] == "resolved"
    lines = [] if alone else [f"{'resolved' if resolved else 'firing'}: {_headline(alert)}"]
    for name, before in _FACTS_OF_AN_END if resolved else _FACTS:
        text = alert["annotations"].get(name)
        if text:
            lines.append(f"{before}{text}{'”' if before == '“' else ''}")
    since = f"{alert['labels'].get('severity', 'alert')}, since {alert['startsAt']}"
    lines.append(f"{since}, until {alert['endsAt']}" if resolved else since)
    lines.append(alert["generatorURL"])
    if not resolved and "silenceURL" in alert:
        lines.append(f"Silence these: {alert['silenceURL']}")
    return "\n".join(lines)
