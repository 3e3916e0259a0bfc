"""Which form the state in Redis has, so that programs of different releases do not spoil it for each other.

The first who comes writes the version of the form that it knows. Who finds another one that it cannot work with refuses
to start, and changes nothing.
"""

from __future__ import annotations

from typing import Any, Final

import redis

from alerts.storage.connection import require_text
from contracts.errors import SettingsError
from contracts.settings import Settings

CURRENT: Final = 1
"""Raise it with a change that a program of the release before would misread; new keys and optional fields are none."""
WORKS_WITH: Final = frozenset({1})
"""Versions that this release reads and writes without harm: it runs beside programs of those."""


def state_version_key(prefix: str) -> str:
    """String: the version."""
    return f"{prefix}:state-version"


def check_state(client: redis.Redis, settings: Settings) -> None:
    """Write the version where there is none.

    Nothing is done while Redis does not answer: whoever starts next looks again.

    Raises:
        SettingsError: the state is of a version that this release cannot work with.
    """
    text: Any = require_text(client)
    try:
        text.set(state_version_key(settings.redis.prefix), str(CURRENT), nx=True)
        unknown = unknown_state(client, settings)
    except redis.RedisError:
        return
    if unknown is not None:
        raise SettingsError(": ".join(unknown))


def unknown_state(client: redis.Redis, settings: Settings) -> tuple[str, str] | None:
    """What is wrong with the version that the state has, and what to do; None where there is none, or one we work with.

    Raises:
        RedisError: Redis does not answer.
    """
    text: Any = require_text(client)
    found = text.get(state_version_key(settings.redis.prefix))
    if found is None or found in {str(version) for version in WORKS_WITH}:
        return None
    ours = " and ".join(str(version) for version in sorted(WORKS_WITH))
    return (
        f"the state in Redis under the prefix {settings.redis.prefix!r} is of version {found}, and this release works "
        f"with {ours}",
        "start the release that wrote it, or name another BUZZWATCH_REDIS__PREFIX (docs/upgrade.md)",
    )
