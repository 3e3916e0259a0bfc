from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from contracts.errors import InvalidRecord
from stream import metrics

_RUNNING = Path(__file__).parents[3] / "docs" / "running.md"
_ALL = [metric for metric in vars(metrics).values() if isinstance(metric, Counter | Gauge | Histogram)]


def _name(metric: Counter | Gauge | Histogram) -> str:
    [family] = metric.describe()
    return f"{family.name}_total" if isinstance(metric, Counter) else family.name


def test_every_metric_of_the_worker_is_documented() -> None:
    documented = _RUNNING.read_text("utf-8")
    assert len(_ALL) >= 12
    assert [name for name in map(_name, _ALL) if f"`{name}" not in documented] == []


def test_metrics_are_in_base_units() -> None:
    assert [name for name in map(_name, _ALL) if name.endswith(("_ms", "_milliseconds", "_minutes", "_kb"))] == []
    assert all(_name(metric).startswith("buzzwatch_") for metric in _ALL)


def test_every_class_of_dead_letters_is_counted_from_zero() -> None:
    fresh = "import stream.metrics, prometheus_client as p; print(p.generate_latest().decode())"
    said = subprocess.run([sys.executable, "-c", fresh], capture_output=True, text=True, check=True).stdout
    classes = [one.__name__ for one in InvalidRecord.__subclasses__()]
    assert len(classes) >= 4
    assert [name for name in classes if f'dead_letters_total{{error_class="{name}"}} 0.0' not in said] == []
