"""Kafka's classes as Java keeps them from one start to the next: tests start some thirty brokers.

A start takes half the processor time with such an archive; `make setup` writes it, and Java leaves it unread when it is
that of another Java or of other jars.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from contracts.settings import KafkaSettings, Settings
from local.servers.kafka_jars import JARS, ensure_jars
from local.topics import create_topics

ARCHIVE: Final = JARS / ".classes.jsa"
OPTIONS: Final = ("-XX:TieredStopAtLevel=1", "-Xlog:cds*=off", "-Xlog:cds+dynamic=off")
"""Of every Java that tests start: these live for seconds, what the second compiler takes is never earned back."""


def options() -> str:
    """`JAVA_TOOL_OPTIONS` of tests."""
    return " ".join((*OPTIONS, *((f"-XX:SharedArchiveFile={ARCHIVE}",) if ARCHIVE.exists() else ())))


def write() -> None:
    """Start a broker, create topics, and keep the classes that this took."""
    from tests.servers import start_kafka

    ensure_jars()
    fresh = ARCHIVE.with_suffix(".new")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JAVA_TOOL_OPTIONS"] = " ".join((*OPTIONS, f"-XX:ArchiveClassesAtExit={fresh}"))
        running = start_kafka(Path(folder))
        create_topics(Settings(kafka=KafkaSettings(bootstrap_servers=running.address)))
        running.stop()
    fresh.replace(ARCHIVE)


if __name__ == "__main__":
    write()
