"""The entry point: `uvicorn api.app:app`."""

from __future__ import annotations

from bootstrap.api import build_api

app = build_api()
