"""`docs/reference/log-lines.md`: what the processes log when something is wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docs.generator.text import calls, code, literal, page, table

_HEAD = """Every line that a process logs as a warning or an error, by the part of the code that writes it. `…` stands for what is
filled in; a line that is only `…` is made elsewhere and says all by itself. `exception` is an error with a stack trace: a
mistake of ours, worth a report. What to do by symptom: [troubleshooting](../troubleshooting.md).

Look for a line by its first words: `grep -rn 'the first words' var/logs`."""
_LEVELS = {"warning": "warning", "error": "error", "critical": "error", "exception": "exception"}
_PLACE = re.compile(r"%[-#0 +]*[0-9.]*[a-zA-Z]")
_PARTS = {
    "stream": "Worker",
    "learning": "Learning loop (worker, API, commands)",
    "alerts": "Alerts (worker, notifier)",
    "api": "API",
    "dashboard": "Watch room (API)",
    "models": "Models (worker, API)",
    "local": "Local stack (`up`, `doctor`)",
    "bootstrap": "Start",
    "training": "Training",
    "cli": "Commands",
    "contracts": "Settings and rules",
    "demo": "Demo",
}


class LogLine(NamedTuple):
    """One of them."""

    text: str
    level: str
    file: Path


def log_lines() -> Iterator[LogLine]:
    """All that the code logs above `info`."""
    for file, call in calls():
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _LEVELS or not call.args:
            continue
        if "log" not in ast.unparse(call.func.value).lower():
            continue
        text = literal(call.args[0])
        shown = _PLACE.sub("…", text) if isinstance(text, str) else "…"
        yield LogLine(shown, _LEVELS[call.func.attr], file)


def log_lines_page() -> str:
    """One section for each package."""
    by_part: dict[str, set[LogLine]] = {}
    for line in log_lines():
        by_part.setdefault(line.file.parts[0], set()).add(line)
    parts = []
    for package, title in _PARTS.items():
        if package in by_part:
            rows = [(code(one.text), one.level, f"`{one.file}`") for one in sorted(by_part.pop(package))]
            parts += [f"## {title}", table(("line", "level", "in"), rows)]
    if by_part:
        raise ValueError(f"name these packages in {Path(__file__).name}: {sorted(by_part)}")
    return page("Log lines", "the calls that log", _HEAD, *parts)
