"""Files that are there as a whole or not at all, whenever the process that writes them is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def arriving(path: Path) -> Iterator[Path]:
    """Where to write what is to be at `path`, with the same ending; it is moved there once the block is through.

    Two processes do not meet; what a block that raises has written is gone.
    """
    new = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text, as UTF-8."""
    with arriving(path) as new:
        new.write_text(text, encoding="utf-8")
