"""The first key of a deployment: without one nobody could ask for anything, and the API would not start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from alerts.storage.connection import connect
from api.security.keys import SCOPES, new_key
from api.security.store import KeyStore
from contracts.settings import Settings
from contracts.times import clock_ms

NAME: Final = "first"


def make_first_key(settings: Settings) -> Path | None:
    """Make a key with all scopes when there is none, and write it into a file that only its owner may read.

    Returns:
        The file `first-key` in the data folder; None when there were keys before.

    Raises:
        redis.RedisError: Redis does not answer.
        OSError: the file cannot be written; there is no key then.
    """
    now_ms = clock_ms()
    key = new_key(NAME, SCOPES, now_ms=now_ms, created_by="up")
    file = settings.local.data_dir.absolute() / "first-key"
    with connect(settings) as client:
        store = KeyStore(client, settings)
        if store.all():
            return None
        file.parent.mkdir(parents=True, exist_ok=True)
        written = file.with_name(f".first-key.{os.getpid()}")
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(f"{key.text}\n")
        if not store.add_first(key.record):
            written.unlink()
            return None
        written.replace(file)
        return file
