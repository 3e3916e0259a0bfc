"""The Grafana dashboards show what the processes measure, and Prometheus understands what they ask."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from ruamel.yaml import YAML

import alerts.metrics
import alerts.notifier.web
import learning.rollout.follower
import stream.metrics
from alerts.explanation.annotations import dashboard_of
from api.metrics import Metrics
from contracts.settings import ROOT, AlertSettings, Settings
from tests.programs import program

FOLDER = ROOT / "deploy" / "monitoring" / "grafana" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
_GRAFANA = {"$__rate_interval": "1m", "$watch": ".*", "$model_version": ".*"}


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(request.param.read_text(encoding="utf-8"))
    return loaded


def expressions(dashboard: dict[str, Any]) -> list[str]:
    """What panels and annotations ask Prometheus for, with Grafana's variables filled in."""
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    asked += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    for name, value in _GRAFANA.items():
        asked = [expression.replace(name, value) for expression in asked]
    return asked


def _known() -> set[str]:
    """The names of all series of worker, notifier and API, and Prometheus' own `up` and `ALERTS`."""
    assert alerts.notifier.web
    assert learning.rollout.follower
    assert stream.metrics.WATCH_TWEETS
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return {"up", "ALERTS"} | {
        family.name + suffix
        for registry in (alerts.metrics.REGISTRY, REGISTRY, Metrics().registry)
        for family in registry.collect()
        for suffix in suffixes.get(family.type, ("",))
    }


def test_there_is_one_for_the_social_team_the_model_and_the_pipeline() -> None:
    assert [file.stem for file in FILES] == ["buzzwatch-model", "buzzwatch-pipeline", "buzzwatch-social"]


def test_every_metric_that_is_shown_is_one_of_ours(dashboard: dict[str, Any]) -> None:
    text = " ".join([*expressions(dashboard), *(variable["query"]["query"] for variable in _queries(dashboard))])
    used = set(re.findall(r"\b(?:buzzwatch|process)_[a-z_]+|\bup\b|\bALERTS\b", text))
    assert len(used) > 5
    assert used <= _known()


def test_prometheus_understands_every_expression(dashboard: dict[str, Any], tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions(dashboard))
    ]
    assert not [rule for rule in rules if "$" in rule["expr"]]
    file = tmp_path / "expressions.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool = program("promtool", package="prometheus")
    done = subprocess.run(
        [promtool, "check", "rules", "--lint=none", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_data_source_is_a_variable_everywhere(dashboard: dict[str, Any]) -> None:
    found = re.findall(r'"uid": "([^"]+)"', json.dumps(dashboard))
    assert set(found) == {dashboard["uid"], "${datasource}"}
    assert dashboard["templating"]["list"][0]["type"] == "datasource"


def test_panels_have_ids_of_their_own_and_do_not_cover_each_other(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_an_alert_leads_to_a_dashboard_and_to_variables_that_are_there() -> None:
    settings = Settings(alerts=AlertSettings(dashboard_url="https://grafana.example.org/"))
    boards = {board["uid"]: board for board in (json.loads(file.read_text(encoding="utf-8")) for file in FILES)}
    for labels in ({"watch": "air-paradis"}, {"model_version": "7"}, {"alertname": "ModelBroken"}):
        link = dashboard_of(settings, labels, 1_800_000_000_000)["dashboard"]
        uid, _, query = link.removeprefix("https://grafana.example.org/d/").partition("?")
        names = {variable["name"] for variable in boards[uid]["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", query)) <= names
        assert "from=1799998200000&to=1800001800000" in query
    assert dashboard_of(Settings(), {"watch": "air-paradis"}, 0) == {}


def test_grafana_finds_its_dashboards_where_compose_puts_them() -> None:
    compose = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    volumes = compose["services"]["grafana"]["volumes"]
    [inside] = [volume.split(":")[1] for volume in volumes if "/grafana/dashboards:" in volume]
    provider = ROOT / "deploy" / "monitoring" / "grafana" / "provisioning" / "dashboards" / "buzzwatch.yml"
    assert YAML(typ="safe").load(provider)["providers"][0]["options"]["path"] == inside


def _queries(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [variable for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
