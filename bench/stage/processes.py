"""What a process and its children have used so far, from Linux' /proc; and their end."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_STOP_S: Final = 15.0


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time in user and kernel mode, seconds, that of the descendants included, ended ones too."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))  # own, then that of children which have ended
    return total / _TICKS


def peak_mib(pid: int) -> float:
    """Largest resident memory so far, MiB, the descendants' peaks added up."""
    return _memory_mib(pid, "VmHWM")


def resident_mib(pid: int) -> float:
    """Resident memory now, MiB, the descendants' included."""
    return _memory_mib(pid, "VmRSS")


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM; SIGKILL for processes that take too long and for children that outlive their parent."""
    everyone = family(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for left in everyone[1:]:
        try:
            os.kill(left, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _memory_mib(pid: int, line_name: str) -> float:
    total = 0
    for one in family(pid):
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith(line_name))
    return total / 1024
