"""Who is at the keyboard."""

from __future__ import annotations

import getpass
import os


def who() -> str:
    """The name of the user; in a container that runs under a number without a name, that number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
