"""`docs/asyncapi.json`: topics, their records and the webhooks as AsyncAPI 3.0, for tools that draw or generate code."""

from __future__ import annotations

from typing import Any

from alerts.grouping.payload import EVENT_SOURCE
from contracts.settings import KafkaSettings
from contracts.topics import Topic, TopicSettings
from docs.generator.schemas import schemas
from stream.codecs.cloud_events import SOURCE, TYPE
from stream.dead_letters.record import OURS

_TEXT = {"type": "string"}
_MESSAGES = {
    "tweets": (
        "tweet",
        "A tweet, flat. Objects of the X API, Bluesky and Mastodon are read as they are, too.",
        "tweet id",
    ),
    "scored": ("prediction", "What the model says about a tweet; read committed records only.", "tweet id"),
    "feedback": ("feedback", "A judgement of a prediction.", "prediction id"),
    "dead_letters": (
        "dead-letter",
        "A record that cannot become an event: key, value and headers as they came.",
        "as it came",
    ),
    "audit": ("audit", "Who did what, when and why.", "the subject"),
    "labels": ("label", "What people said about a text, or take back.", "tweet id, else prediction id"),
}
"""Setting of the topic's name → its message, what it is, the record's key."""
_SENT = ("scored", "dead_letters", "audit", "labels")
_SECURITY = {
    "scram": {"type": "scramSha512", "description": "`BUZZWATCH_KAFKA__SECURITY_PROTOCOL=SASL_SSL`"},
    "certificate": {
        "type": "X509",
        "description": "`BUZZWATCH_KAFKA__SECURITY_PROTOCOL=SSL` with a client's certificate",
    },
}
"""One of them, or none on a network that nobody else is in."""
_TRACEPARENT = {"traceparent": _TEXT | {"description": "W3C's, where somebody traces it"}}
_MODEL = {"name": "sentiment", "version": "7"}
_PREDICTION_ID = "8f2c9d1e-5b7a-5c3d-9e1f-0a2b4c6d8e0f"
_EXAMPLES: dict[str, dict[str, Any]] = {
    "tweet": {
        "id": "1465", "text": "@AirParadis lost my bag again", "created_at": "2026-11-20T10:00:00Z", "author_id": "77", "lang": "en",
    },
    "prediction": {
        "tweet_id": "1465", "prediction_id": _PREDICTION_ID, "sentiment": "negative", "confidence": 0.93,
        "scores": {"negative": 0.93, "neutral": 0.05, "positive": 0.02}, "watches": ["air-paradis"], "themes": ["baggage"],
        "model": _MODEL, "theme_sentiments": {"baggage": "negative"}, "text": "@user lost my bag again", "lang": "en",
        "created_at": "2026-11-20T10:00:00.000Z", "scored_at": "2026-11-20T10:00:00.120Z",
    },
    "feedback": {
        "feedback_id": "6ff0a1b2-3c4d-4e5f-8a9b-0c1d2e3f4a5b", "prediction_id": _PREDICTION_ID, "predicted": "negative",
        "correct": False, "expected": "positive", "model_version": "7",
    },
}  # fmt: skip
"""What whoever writes a producer or a consumer begins with."""


def asyncapi() -> dict[str, Any]:
    """The document, of buzzwatch as the application: it receives tweets and feedback, and sends the rest."""
    names = TopicSettings()
    by_name = {topic.name: topic for topic in names.all()}
    shapes: dict[str, Any] = {}
    payloads = {name: _flattened(schema, shapes) for name, schema in schemas().items()}
    messages = {
        name: _record(name, summary, key, payloads.get(name, {}), _headers(setting))
        for setting, (name, summary, key) in _MESSAGES.items()
    }
    channels = {
        setting: _topic(by_name[getattr(names, setting)], name, summary, names.replication_factor)
        for setting, (name, summary, _) in _MESSAGES.items()
    }
    messages["alert"], channels["webhook"] = _notification(), _webhook()
    messages["alert-event"] = _as_event(messages["alert"])
    operations = {f"receive-{name}": _operation("receive", name) for name in ("tweets", "feedback")}
    operations |= {f"send-{name}": _operation("send", name) for name in _SENT}
    operations["send-alert"] = _operation("send", "webhook") | {
        "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}}
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "buzzwatch",
            "version": "1",
            "description": "Tweets in, predictions and alerts out. The names of topics and the servers are settings; these are "
            "the defaults.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": KafkaSettings().bootstrap_servers,
                "protocol": "kafka",
                "description": "Kafka 2.5 or newer",
                "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY],
            },
            "receiver": {
                "host": "hooks.example.org",
                "protocol": "https",
                "description": "Yours, named in the rules file",
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": shapes, "securitySchemes": _SECURITY},
    }


def _flattened(schema: dict[str, Any], shapes: dict[str, Any]) -> dict[str, Any]:
    """The schema without a dialect and definitions of its own: those go to `shapes`, which the whole document shares."""
    inner = {key: value for key, value in schema.items() if key not in ("$schema", "$defs")}
    for name, shape in schema.get("$defs", {}).items():
        shapes[name] = _moved(shape)
    moved: dict[str, Any] = _moved(inner)
    return moved


def _moved(part: Any) -> Any:
    if isinstance(part, list):
        return [_moved(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _moved(value)
        for key, value in part.items()
    }


def _headers(setting: str) -> dict[str, Any]:
    if setting == "scored":
        fixed = {
            "ce_specversion": "1.0",
            "ce_source": SOURCE.decode(),
            "ce_type": TYPE.decode(),
            "content-type": "application/json",
        }
        free = {"ce_id": _TEXT | {"format": "uuid"}, "ce_time": _TEXT | {"format": "date-time"}}
        return _object({name: _TEXT | {"const": value} for name, value in fixed.items()} | free, _TRACEPARENT)
    if setting == "dead_letters":
        return _object(dict.fromkeys(OURS, _TEXT))
    return _object({}, _TRACEPARENT) if setting == "tweets" else {}


def _record(name: str, summary: str, key: str, payload: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"name": name, "title": name, "summary": summary}
    if headers:
        message["headers"] = headers
    message["payload"] = payload or {"description": "The bytes as they came"}
    if name in _EXAMPLES:
        message["examples"] = [{"payload": _EXAMPLES[name]}]
    message["bindings"] = {"kafka": {"key": _TEXT | {"description": key}, "bindingVersion": "0.5.0"}}
    return message


def _topic(topic: Topic, message: str, summary: str, replicas: int) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": summary,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "replicas": replicas,
                "topicConfiguration": {
                    "cleanup.policy": [topic.config["cleanup.policy"]],
                    "retention.ms": topic.retention_ms,
                    "max.message.bytes": topic.max_message_bytes,
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _webhook() -> dict[str, Any]:
    return {
        "address": "/",
        "description": "A receiver of kind `webhook`, as Standard Webhooks has it; posted again until it answers 2xx. "
        "With `format: cloudevents` it is sent events, with `alertmanager`, the default, the alerts alone.",
        "servers": [{"$ref": "#/servers/receiver"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in ("alert", "alert-event")},
    }


def _notification() -> dict[str, Any]:
    texts = {"type": "object", "additionalProperties": _TEXT}
    moment = _TEXT | {"format": "date-time"}
    status = _TEXT | {"enum": ["firing", "resolved"]}
    alert = {
        "status": status,
        "labels": texts,
        "annotations": texts,
        "startsAt": moment,
        "endsAt": moment,
        "generatorURL": _TEXT | {"format": "uri"},
        "fingerprint": _TEXT | {"pattern": "^[0-9a-f]{16}$"},
    }
    body = {
        "version": _TEXT | {"const": "4"},
        "groupKey": _TEXT,
        "truncatedAlerts": {"type": "integer", "minimum": 0},
        "status": status,
        "receiver": _TEXT,
        "groupLabels": texts,
        "commonLabels": texts,
        "commonAnnotations": texts,
        "externalURL": _TEXT | {"format": "uri"},
        "alerts": {"type": "array", "minItems": 1, "items": _object(alert, {"silenceURL": _TEXT | {"format": "uri"}})},
    }
    headers = {
        "webhook-id": _TEXT | {"format": "uuid", "description": "The same at every attempt"},
        "webhook-timestamp": _TEXT | {"pattern": "^[0-9]+$", "description": "Seconds since 1970"},
        "webhook-signature": _TEXT | {"description": "`v1,` and HMAC-SHA256 over `id.timestamp.body` in base64"},
    }
    return {
        "name": "alert",
        "title": "alert",
        "summary": "Alerts of a group that fire or have ended: Alertmanager's webhook, version 4.",
        "headers": _object(headers, _TRACEPARENT),
        "payload": _object(body),
    }


def _as_event(alert: dict[str, Any]) -> dict[str, Any]:
    """The notification in a CloudEvent, structured mode."""
    event = {
        "specversion": _TEXT | {"const": "1.0"},
        "id": _TEXT | {"format": "uuid", "description": "The `webhook-id`"},
        "source": _TEXT | {"const": EVENT_SOURCE},
        "type": _TEXT | {"enum": [f"buzzwatch.alert.{status}.v1" for status in ("firing", "resolved")]},
        "time": _TEXT | {"format": "date-time"},
        "datacontenttype": _TEXT | {"const": "application/json"},
        "data": alert["payload"],
    }
    name = {"name": "alert-event", "title": "alert-event", "contentType": "application/cloudevents+json"}
    return alert | name | {"summary": "The same as a CloudEvent.", "payload": _object(event)}


def _object(properties: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    found = {"type": "object", "properties": properties | (optional or {})}
    return found | ({"required": sorted(properties)} if properties else {})
