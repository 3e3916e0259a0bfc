"""The ports of the stack that runs on a data folder: `buzzwatch up` writes them, settings take them as defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import pydantic

from contracts.whole_files import write_whole

_FILE: Final = "ports.json"
_START_TIME: Final = 19
"""Place of a process' start time in /proc/PID/stat, counted from behind its name (proc(5): field 22)."""


class _RunningPorts(pydantic.BaseModel):
    process: int
    started: int
    """When the process started, in clock ticks since the machine did: its number may be somebody else's later."""
    ports: dict[str, Annotated[int, pydantic.Field(ge=1, le=65_535)]]


def write_running_ports(data_dir: Path, ports: Mapping[str, int]) -> None:
    """Say that this process' stack uses these ports (setting → port), as long as the process lives.

    Raises:
        OSError: the file cannot be written.
    """
    own = _RunningPorts(process=os.getpid(), started=_started(os.getpid()) or 0, ports=dict(ports))
    write_whole(data_dir / _FILE, own.model_dump_json(indent=2))


def remove_running_ports(data_dir: Path) -> None:
    """The stack has ended."""
    (data_dir / _FILE).unlink(missing_ok=True)


def read_running_ports(data_dir: Path) -> dict[str, int]:
    """Setting → port of the stack that runs on the folder; nothing when none does."""
    try:
        found = _RunningPorts.model_validate_json((data_dir / _FILE).read_bytes())
    except (OSError, pydantic.ValidationError):
        return {}
    return found.ports if _started(found.process) == found.started else {}


def _started(process: int) -> int | None:
    try:
        # The name, in parentheses, may itself hold blanks and parentheses.
        return int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[_START_TIME])
    except (OSError, ValueError, IndexError):
        return None
