"""Importing TensorFlow without its greetings."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

# TensorFlow 2.21 writes its first lines before anybody can set a level: TF_CPP_MIN_LOG_LEVEL comes too late for them.
_GREETING = re.compile(
    rb"^(?:[IW]\d{4} [\d:.]+ .*|WARNING: All log messages before absl::InitializeLog.*)\n?", re.MULTILINE
)


def import_tensorflow() -> None:
    """Import it, with a sign of life on a terminal; what is not a greeting is passed on.

    Raises:
        ImportError: it cannot be imported; everything it wrote is on standard error then.
    """
    if "tensorflow" in sys.modules:
        return
    with sifted_errors() as terminal, Console(file=terminal).status("starting TensorFlow"):
        import tensorflow  # noqa: F401


@contextmanager
def sifted_errors() -> Iterator[IO[str]]:
    """What is written to standard error, C++ included, waits and is sifted; gives the standard error as it was."""
    sys.stderr.flush()
    with os.fdopen(os.dup(2), "w") as before, tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        well = False
        try:
            yield before
            well = True
        finally:
            sys.stderr.flush()
            os.dup2(before.fileno(), 2)
            kept.seek(0)
            output = kept.read()
            os.write(2, _GREETING.sub(b"", output) if well else output)
