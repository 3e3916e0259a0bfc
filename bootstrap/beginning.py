"""What a worker does first, before most of it is imported: a restart after `kill -9` takes as long as what follows."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

from contracts.settings import Settings, load_settings
from stream.scoring.fencing import Takeover
from stream.worker.instance import Instance


@dataclass(frozen=True)
class Beginning:
    """What is known from the start."""

    settings: Settings
    instance: Instance
    takeover: Takeover | None
    """None when this worker does not score."""


def begin(settings: Settings | None = None) -> Beginning:
    """Read the settings and take a name; nothing is asked of Kafka before the takeover is started.

    Raises:
        SettingsError: one line that names the setting.
    """
    settings = settings or load_settings()
    instance = Instance(settings)
    takeover = Takeover(settings, instance.name) if "score" in settings.worker.roles else None
    return Beginning(settings, instance, takeover)


def import_numba_without_scipy() -> None:
    """Keep numba from importing scipy.linalg, which it does when its first function is loaded.

    It looks for a BLAS that no kernel of ours uses: a quarter of a second. Where SciPy is not installed, as in the
    serving image, numba does without it too.
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
