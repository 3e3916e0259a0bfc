"""Settings of topics that a test changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.waiting import until


def set_topic_config(servers: str, topics: Sequence[str], config: Mapping[str, str]) -> None:
    """Change them, and wait until the broker works by them: it hears of a change only after the controller."""
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    entries = [ConfigEntry(*one, incremental_operation=AlterConfigOpType.SET) for one in config.items()]
    resources = [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries) for topic in topics]
    for altered in admin.incremental_alter_configs(resources).values():
        altered.result(60)

    def holds() -> bool:
        asked = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
        described = [future.result(60) for future in admin.describe_configs(asked).values()]
        return all(found[name].value == value for found in described for name, value in config.items())

    until(holds)
