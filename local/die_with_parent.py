"""Run a command that ends when its parent ends, however the parent ends.

    python -I -S local/die_with_parent.py redis-server --port 6379

Linux sends SIGTERM to the process when the thread that started it dies (prctl(2), PR_SET_PDEATHSIG), and keeps
that setting across exec. Elsewhere this only runs the command. Standard library only: it starts in 15 ms.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def die_with_parent(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` so that it ends with the process that starts it."""
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), *command]  # noqa: PTH100 (no pathlib: start-up time)


def main() -> None:
    """Become the command given as arguments."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:  # the parent died before prctl was called
            sys.exit(1)
    try:
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
    except OSError as error:
        sys.exit(f"{sys.argv[1]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
