from __future__ import annotations

import re
import subprocess
from pathlib import Path

from prometheus_client import REGISTRY, Metric
from ruamel.yaml import YAML

import alerts.metrics
import alerts.notifier.web
import stream.metrics
from api.metrics import Metrics
from tests.programs import program

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "prometheus"
RULES = FOLDER / "buzzwatch.rules.yml"


def test_the_alerts_fire_when_they_should_and_not_else() -> None:
    promtool = program("promtool", package="prometheus")
    for arguments in (["check", "rules", RULES.name], ["test", "rules", "buzzwatch.rules.test.yml"]):
        done = subprocess.run(
            [promtool, *arguments],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test() -> None:
    document = YAML(typ="safe").load(RULES)
    named = {rule["alert"] for group in document["groups"] for rule in group["rules"]}
    tested = YAML(typ="safe").load(FOLDER / "buzzwatch.rules.test.yml")["tests"]
    fired = {one["alertname"] for test in tested for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert named == fired


def test_every_metric_that_they_use_is_one_of_ours() -> None:
    assert stream.metrics.MODEL_BROKEN
    assert alerts.notifier.web
    known = set()
    for family in _families():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        known |= {family.name + suffix for suffix in suffixes}
    used = set(re.findall(r"buzzwatch_[a-z_]+", " ".join(_expressions())))
    assert used <= known


def test_what_must_not_be_absent_is_there_without_an_event() -> None:
    absent = set(re.findall(r"absent\((\w+)\)", " ".join(_expressions())))
    assert len(absent) == 2
    assert absent <= {sample.name for family in _families() for sample in family.samples if not sample.labels}


def _families() -> list[Metric]:
    registries = (alerts.metrics.REGISTRY, REGISTRY, Metrics().registry)
    return [family for registry in registries for family in registry.collect()]


def _expressions() -> list[str]:
    document = YAML(typ="safe").load(RULES)
    return [rule["expr"] for group in document["groups"] for rule in group["rules"]]
