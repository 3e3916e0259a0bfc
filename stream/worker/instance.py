"""The name of a worker: unique among running workers, and the same after a restart.

It is the `group.instance.id` of its consumers and part of its `transactional.id`, so that a worker that comes
back after `kill -9` gets its partitions at once and fences its old producer.
"""

from __future__ import annotations

import getpass
import hashlib
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from contracts.errors import Unavailable
from contracts.settings import Settings, host_name

_MAX_SLOTS = 256
"""Far more workers than one host can run."""


class Instance:
    """Holds the lowest free slot of this host until the process ends, even by `kill -9`.

    Slots are counted per Kafka and consumer group, wherever the data folders are: two workers of the same name would
    take each other's partitions again and again.
    """

    def __init__(self, settings: Settings) -> None:
        group = f"{settings.kafka.bootstrap_servers} {settings.worker.group}"
        digest = hashlib.sha256(group.encode()).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"buzzwatch-{getpass.getuser()}" / digest
        folder.mkdir(parents=True, exist_ok=True)
        self.slot, self._lock = _lowest_free(folder)
        # The name that Kafka knows this worker by.
        self.name = settings.worker.instance or f"{host_name()}-{self.slot}"

    def release(self) -> None:
        """Give the slot back."""
        self._lock.release()


def _lowest_free(folder: Path) -> tuple[int, FileLock]:
    for slot in range(_MAX_SLOTS):
        lock = FileLock(folder / f"slot-{slot}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return slot, lock
    raise Unavailable(f"all {_MAX_SLOTS} worker slots of this host are taken ({folder})")
