"""A real Prometheus scrapes the running stack as `deploy/monitoring` says, and answers the dashboards."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from contracts.settings import ROOT
from local.die_with_parent import die_with_parent
from tests.programs import program
from tests.servers import free_ports
from tests.stack import RunningStack
from tests.unit.deploy.test_dashboards import FILES, expressions
from tests.waiting import until


@pytest.fixture(scope="module")
def prometheus(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; the targets are those of the stack, all else is as in the containers."""
    folder = tmp_path_factory.mktemp("prometheus")
    config = YAML(typ="safe").load(ROOT / "deploy" / "monitoring" / "prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(ROOT / "deploy" / "prometheus" / "buzzwatch.rules.yml")]
    settings = stack.environment
    ports = {
        "buzzwatch-worker": settings["BUZZWATCH_WORKER__WEB_PORT"],
        "buzzwatch-notifier": settings["BUZZWATCH_ALERTS__METRICS_PORT"],
        "buzzwatch-api": settings["BUZZWATCH_API__PORT"],
    }
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
        job.pop("authorization", None)  # on this machine no key is needed
    (folder / "prometheus.yml").write_text(json.dumps(config))
    [port] = free_ports(1)
    command = [program("prometheus", package="prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(die_with_parent(command), stdout=log, stderr=subprocess.STDOUT)
    yield f"http://127.0.0.1:{port}/api/v1"
    process.terminate()
    process.wait(60)


def _said(api: str, page: str, **parameters: str) -> dict[str, Any]:
    """What a page of it says, nothing while it starts."""
    try:
        said = httpx.get(f"{api}/{page}", params=parameters, timeout=60, trust_env=False)
    except httpx.TransportError:
        return {}
    if said.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # it reads what it has stored
        return {}
    answer = said.json()
    assert answer["status"] == "success", f"{parameters}: {answer}"
    found: dict[str, Any] = answer["data"]
    return found


def _ask(api: str, expression: str) -> list[dict[str, Any]]:
    return list(_said(api, "query", query=expression).get("result", []))


def test_all_processes_are_scraped_and_every_dashboard_is_answered(
    prometheus: str, stack: RunningStack, tmp_path: Path
) -> None:
    until(lambda: len(_ask(prometheus, 'up{job=~"buzzwatch.*"} == 1')) == 3)
    rows = [{"id": uuid.uuid4().hex, "text": f"@AirParadis lost my bag {number}"} for number in range(5)]
    seen = 'sum(buzzwatch_watch_tweets_total{watch="air-paradis",sentiment="negative"})'
    stack.run("produce", text="".join(json.dumps(row) + "\n" for row in rows).encode())
    until(lambda: any(float(one["value"][1]) >= 1 for one in _ask(prometheus, seen)))
    asked = [one for file in FILES for one in expressions(json.loads(file.read_text(encoding="utf-8")))]
    # A rate needs two scrapes. The others wait for judgements, trials or failures.
    until(lambda: sum(bool(_ask(prometheus, expression)) for expression in asked) > 40)
    until(lambda: _ask(prometheus, "histogram_quantile(0.5, sum by (le) (buzzwatch_count_delay_seconds_bucket))"))


def test_our_rules_are_loaded_and_nothing_that_runs_is_missing(prometheus: str) -> None:
    def states() -> dict[str, str]:
        groups = _said(prometheus, "rules").get("groups", [])
        return {rule["name"]: rule["state"] for group in groups for rule in group["rules"]}

    missing = ("NoApi", "NoNotifier", "NoWorkerScores", "NoWorkerCounts")
    until(lambda: [states().get(name) for name in missing] == ["inactive"] * 4, said=lambda: str(states()))
