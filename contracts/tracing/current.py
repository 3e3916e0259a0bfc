"""What the log names beside a line: the request that is answered, and the trace that it belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""Empty outside of a request."""
TRACE_ID: Final[ContextVar[str]] = ContextVar("trace_id", default="")
"""32 hexadecimal digits; empty where nothing is traced."""
