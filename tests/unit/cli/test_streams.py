"""What a command does when what it writes cannot be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("buzzwatch"))


def test_a_full_disk_is_one_line_and_status_1() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([COMMAND, "--help"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (1, b"buzzwatch: could not write: No space left on device\n")


def test_without_standard_output_a_command_ends_as_ever() -> None:
    done = subprocess.run(["sh", "-c", f"exec {COMMAND} --help >&-"], stderr=subprocess.PIPE, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
