"""`docs/reference/metrics.md`: every metric of every process."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docs.generator.text import calls, code_of, literal, page, table

_HEAD = """Every metric that is ours, as Prometheus reads it at `/metrics`, in base units. Beside them each process has those of its
client library (`process_…`, `python_…`). A histogram also has the series `_bucket`, `_sum` and `_count`; a counter `_created`.

| process | address | setting |
|---|---|---|
| worker | http://127.0.0.1:6066/metrics | `BUZZWATCH_WORKER__WEB_PORT` |
| notifier | http://127.0.0.1:6065/metrics | `BUZZWATCH_ALERTS__METRICS_PORT` |
| API | http://127.0.0.1:8000/metrics, with a key that may `read` | `BUZZWATCH_API__PORT` |

What to be woken for: `deploy/prometheus/buzzwatch.rules.yml`, and [troubleshooting](../troubleshooting.md)."""
_KINDS = {
    "Counter": "counter",
    "Gauge": "gauge",
    "Histogram": "histogram",
    "Summary": "summary",
    "CounterMetricFamily": "counter",
    "GaugeMetricFamily": "gauge",
}
_PROCESSES = {
    "stream": "worker",
    "learning": "worker",
    "alerts": "notifier",
    "api": "API",
    "dashboard": "API",
    "models": "worker, API",
}
"""Package → the processes that serve its metrics."""
_SHARED = {"alerts/rules/reloader.py": "worker, notifier, API"}
"""Files for which that is not so."""


class Metric(NamedTuple):
    """One of them, as it is exposed."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    file: Path


def metrics() -> Iterator[Metric]:
    """All that the code makes.

    Raises:
        ValueError: one whose name, help or labels are worked out while the program runs.
    """
    for file, call in calls():
        called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        name = literal(call.args[0]) if call.args else None
        if called not in _KINDS or not isinstance(name, str) or not name.startswith("buzzwatch_"):
            continue
        told, labels = literal(call.args[1]), _labels(file, call)
        if not isinstance(told, str) or labels is None:
            raise ValueError(f"{file}:{call.lineno}: the help and labels of {name} must be written out")
        if _KINDS[called] == "counter":
            name = name.removesuffix("_total") + "_total"
        yield Metric(name, _KINDS[called], tuple(labels), told, file)


def _labels(file: Path, call: ast.Call) -> list[str] | None:
    """As they are written, or as they stand under a name in the same file."""
    given = [keyword.value for keyword in call.keywords if keyword.arg in ("labels", "labelnames")]
    named = given[0] if given else call.args[2] if len(call.args) > 2 else None
    if named is None:
        return []
    name = named.id if isinstance(named, ast.Name) else getattr(named, "attr", None)
    for node in ast.walk(code_of(file)):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if name in [target.id for target in targets if isinstance(target, ast.Name)]:
                named = node.value
    found = literal(named)
    return None if found is None else list(found)


def metrics_page() -> str:
    """One section a process."""
    by_process: dict[str, list[Metric]] = {}
    for metric in metrics():
        where = _SHARED.get(str(metric.file)) or _PROCESSES[metric.file.parts[0]]
        by_process.setdefault(where, []).append(metric)
    parts = []
    for process in sorted(by_process, key=lambda name: (name.count(","), name)):
        rows = [
            (f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), one.help)
            for one in sorted(by_process[process])
        ]
        parts += [f"## {process[0].upper()}{process[1:]}", table(("name", "type", "labels", "is"), rows)]
    return page("Metrics", "the calls that make them", _HEAD, *parts)
