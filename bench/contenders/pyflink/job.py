"""PyFlink: a pandas function between two Kafka tables, exactly once by Flink's checkpoints and Kafka's transactions."""

from __future__ import annotations

import os
import sys

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

from bench.contenders.pyflink.udf import HEADERS, score
from bench.stage.functions import FUNCTION
from bench.stage.peers import kafka_connector
from contracts.settings import load_settings

_SOURCE = """
CREATE TABLE tweets (
  record_key BYTES, record_value BYTES, at_ms TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
  'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{servers}',
  'properties.group.id' = '{group}', 'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw', 'key.fields' = 'record_key', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY'
)"""
_SINK = """
CREATE TABLE scored (
  record_key BYTES, record_value BYTES, written TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', {headers}
) WITH (
  'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{servers}',
  'key.format' = 'raw', 'key.fields' = 'record_key', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY',
  'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = '{group}',
  'properties.transaction.timeout.ms' = '60000', 'properties.compression.type' = 'lz4', 'properties.linger.ms' = '5'
)"""


def main() -> None:
    """Drain until ended."""
    settings = load_settings()
    topics = settings.kafka.topics
    configuration = Configuration()
    for name, value in {
        "pipeline.jars": kafka_connector().as_uri(),
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "execution.checkpointing.interval": "1 s",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "parallelism.default": "2",
        "table.local-time-zone": "UTC",
    }.items():
        configuration.set_string(name, value)
    tables = TableEnvironment.create(
        EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    )
    where = {"servers": settings.kafka.bootstrap_servers, "group": settings.worker.group}
    is_whole = os.environ[FUNCTION] == "whole"
    headers = "headers MAP<STRING, BYTES> METADATA"
    tables.execute_sql(_SOURCE.format(topic=topics.tweets, **where))
    tables.execute_sql(_SINK.format(topic=topics.scored, headers=headers, **where))
    came = tables.sql_query("SELECT record_key, record_value, at_ms FROM tweets")
    tables.create_temporary_view("results", came.map(score))
    entries = ", ".join(f"'{name}', ENCODE(header_{number}, 'UTF-8')" for number, name in enumerate(HEADERS))
    made = f"MAP[{entries}]" if is_whole else "CAST(NULL AS MAP<STRING, BYTES>)"
    insert = f"INSERT INTO scored SELECT record_key, record_value, TO_TIMESTAMP_LTZ(at_ms, 3), {made} FROM results"
    tables.execute_sql(insert).wait()


if __name__ == "__main__":
    main()
