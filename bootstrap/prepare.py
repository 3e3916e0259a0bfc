"""The first steps of a worker, before most of its modules are imported, so that a restart after `kill -9` is short."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

from contracts.settings import Settings, load_settings
from stream.scoring.fencing import ProducerFencing
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


def import_numba_without_scipy() -> None:
    """Keep numba from importing scipy.linalg, which it does when its first function is loaded.

    numba looks there for a BLAS, which none of our kernels uses; the import takes a quarter of a second. Where SciPy is
    not installed, as in the serving image, numba runs without it too.
    """
    if "scipy.linalg" in sys.modules:
        return
    modules: Any = sys.modules
    modules["scipy.linalg"] = None  # an import of it fails
    try:
        with contextlib.suppress(ImportError):
            import numba.np.arraymath  # noqa: F401
    finally:
        del modules["scipy.linalg"]
