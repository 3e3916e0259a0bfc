"""What both Faust contenders share: the app and its two topics."""

from __future__ import annotations

from typing import Any

import faust

from contracts.settings import Settings


def build(settings: Settings) -> tuple[Any, Any, Any]:
    """App, input and output topic, with Faust's defaults but for raw bytes and a producer that lingers."""
    topics, worker = settings.kafka.topics, settings.worker
    app = faust.App(
        worker.group,
        broker=[f"kafka://{server}" for server in settings.kafka.bootstrap_servers.split(",")],
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        topic_allow_declare=False,
        producer_linger=0.005,  # seconds
        producer_max_batch_size=262_144,
        datadir=str(settings.local.data_dir / worker.group),
        web_port=worker.web_port,
        web_bind="127.0.0.1",
    )
    raw: dict[str, Any] = {
        "key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw",
    }  # fmt: skip
    return app, app.topic(topics.tweets, **raw), app.topic(topics.scored, **raw)
