"""The first steps of a worker, before most of its modules are imported, so that a restart after `kill -9` is short."""

from __future__ import annotations

from dataclasses import dataclass

from contracts.settings import Settings, load_settings
from stream.scoring.transactions import ProducerFencing
from stream.worker.instance import Instance


@dataclass(frozen=True)
class WorkerBootstrap:
    """What the rest of the worker is built from."""

    settings: Settings
    instance: Instance
    fencing: ProducerFencing | None
    """None when this worker does not score."""


def prepare(settings: Settings | None = None) -> WorkerBootstrap:
    """Read the settings and reserve the worker's name. Kafka is not contacted before `fencing` is started.

    Raises:
        SettingsError: one line that names the setting.
    """
    settings = settings or load_settings()
    instance = Instance(settings)
    fencing = ProducerFencing(settings, instance.name) if "score" in settings.worker.roles else None
    return WorkerBootstrap(settings, instance, fencing)
