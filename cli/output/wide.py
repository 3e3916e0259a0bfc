"""Standard output for tables: as wide as the terminal, and wide enough for whole rows when piped."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console

_PIPED_COLUMNS: Final = 220


def wide_console() -> Console:
    """A console on standard output."""
    return Console(width=None if sys.stdout.isatty() else _PIPED_COLUMNS)
