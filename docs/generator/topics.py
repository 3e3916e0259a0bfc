"""`docs/reference/topics.md`: the topics as `buzzwatch topics create` makes them."""

from __future__ import annotations

from contracts.topics import FOR_EVER, TopicSettings
from docs.generator.text import attribute_docs, page, table

_HEAD = """The topics that `buzzwatch topics create` and `buzzwatch up` make where they are missing, with the defaults of the
settings. `buzzwatch doctor` compares those that are there with this list. What the records hold: [events](../events.md); the
same for programs: [asyncapi.json](../asyncapi.json), AsyncAPI 3.0."""
_WRITTEN = {
    "tweets": ("you (`buzzwatch produce`)", "worker, role `score`", "[tweet](../schemas/tweet.schema.json)"),
    "scored": (
        "worker, in transactions",
        "worker, role `watch`; the watch room; you, with `isolation.level=read_committed`",
        "[prediction](../schemas/prediction.schema.json)",
    ),
    "feedback": (
        "API, `buzzwatch feedback`, you",
        "worker, role `judge`",
        "[feedback](../schemas/feedback.schema.json)",
    ),
    "dead_letters": ("worker", "`buzzwatch dlq`, the watch room", "as it came, with headers about why"),
    "audit": ("API, worker, commands", "`buzzwatch audit`", "[audit](../schemas/audit.schema.json)"),
    "labels": (
        "worker, API, `buzzwatch labels`",
        "`buzzwatch retrain`, `labels`",
        "[label](../schemas/label.schema.json)",
    ),
}
"""Setting of the name → who writes, who reads, what it holds."""
_KEYS = {
    "tweets": "tweet id",
    "scored": "tweet id",
    "feedback": "prediction id",
    "dead_letters": "as it came",
    "audit": "the subject",
    "labels": "tweet id, else prediction id",
}


def topics_page() -> str:
    """One row a topic, then a section each."""
    settings = TopicSettings()
    named = {getattr(settings, name): name for name in _WRITTEN}
    rows = []
    for topic in settings.all():
        name = named[topic.name]
        kept = "for ever" if topic.retention_ms == FOR_EVER else f"{topic.retention_ms // 3_600_000} h"
        rows.append(
            (
                f"`{topic.name}`",
                _KEYS[name],
                str(topic.partitions),
                kept,
                f"{topic.max_message_bytes:,} bytes",
                *_WRITTEN[name],
            )
        )
    said = attribute_docs(TopicSettings)
    names = [
        (f"`BUZZWATCH_KAFKA__TOPICS__{name.upper()}`", f"`{getattr(settings, name)}`", said[name]) for name in said
    ]
    config = "\n".join(
        f"{topic.name}: " + " ".join(f"{key}={value}" for key, value in topic.config.items())
        for topic in settings.all()
    )
    return page(
        "Topics",
        "contracts/topics.py",
        _HEAD,
        table(("topic", "key", "partitions", "kept", "largest record batch", "written by", "read by", "holds"), rows),
        "Configuration, as `kafka-topics.sh --config` takes it:",
        f"```\n{config}\n```",
        "## Settings",
        table(("variable", "default", "what it is"), names),
    )
