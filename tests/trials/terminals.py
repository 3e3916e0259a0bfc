"""Commands on a pseudo-terminal and in a pipe, as people run them."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("buzzwatch"))


def on_a_terminal(arguments: Sequence[str], environment: Mapping[str, str], *, limit_s: float = 300) -> str:
    """What the command writes to a terminal, both streams."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments],
        env={**environment, "TERM": "xterm", "COLUMNS": "250"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                came = os.read(master, 65_536)
            except OSError:  # nobody holds the other end any more
                break
            if not came:
                break
            shown += came
        elif process.poll() is not None:
            break
    process.wait(60)
    os.close(master)
    return shown.decode()


def piped_to_head(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Status of the command, the line that `head -n 1` took, and standard error."""
    with subprocess.Popen(
        [COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline().decode()
        process.stdout.close()
        said = process.stderr.read().decode()
        return process.wait(60), first, said


def interrupted(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Status and standard error of a command that follows something and gets Ctrl-C after its first line."""
    with subprocess.Popen(
        [COMMAND, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        time.sleep(1)  # it goes on to what it follows
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        try:
            said = process.communicate(timeout=60)[1]
        finally:
            process.kill()
        return process.returncode, said
