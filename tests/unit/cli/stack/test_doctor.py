from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.stack.doctor import app
from contracts.settings import KafkaSettings, MlflowSettings, RedisSettings, Settings
from local.doctor import checks
from local.doctor.checks import findings
from local.doctor.findings import Finding

NOWHERE = Settings(
    kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"),
    redis=RedisSettings(url="redis://:hunter2@127.0.0.1:1/0"),
    mlflow=MlflowSettings(tracking_uri="http://127.0.0.1:1"),
    rules=Path("/nowhere/rules.yaml"),
    artefact=Path("/nowhere/artefact"),
)


@pytest.fixture(scope="module")
def nothing_there() -> dict[str, Finding]:
    return {finding.component: finding for finding in findings(NOWHERE)}


def test_every_component_is_examined(nothing_there: dict[str, Finding]) -> None:
    parts = {
        "python",
        "java",
        "maven",
        "redis-server",
        "rules",
        "artefact",
        "privacy",
        "kafka",
        "topics",
        "redis",
        "mlflow",
    }
    assert set(nothing_there) == parts | {"worker", "notifier", "api"}


@pytest.mark.parametrize("component", ["rules", "artefact", "kafka", "topics", "redis", "mlflow"])
def test_what_is_not_there_is_broken_in_one_line(nothing_there: dict[str, Finding], component: str) -> None:
    finding = nothing_there[component]
    assert finding.status == "broken"
    assert finding.detail
    assert "\n" not in finding.detail


@pytest.mark.parametrize("component", ["java", "maven", "redis-server"])
def test_programs_of_a_local_stack_are_not_asked_for_when_the_servers_are_elsewhere(
    nothing_there: dict[str, Finding], component: str
) -> None:
    assert nothing_there[component].status == "ok"


def test_no_password_is_shown(nothing_there: dict[str, Finding]) -> None:
    assert "hunter2" not in str(nothing_there)


def test_a_check_that_crashes_is_a_finding_not_a_stack_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: Settings) -> Finding:
        raise ZeroDivisionError("over\nlines")

    monkeypatch.setattr(checks, "PROBES", (checks.Probe("odd", crash),))
    [finding] = findings(NOWHERE)
    assert finding == ("odd", "broken", "", "cannot be examined: ZeroDivisionError: over", "")


@pytest.mark.parametrize(("finding", "status"), [("fine", 0), ("doubtful", 0), ("broken", 1)])
def test_the_exit_status_says_whether_something_needed_is_broken(
    monkeypatch: pytest.MonkeyPatch, finding: str, status: int
) -> None:
    made = getattr(Finding, finding)("so it is")
    monkeypatch.setattr(checks, "PROBES", (checks.Probe("part", lambda _: made),))
    result = CliRunner().invoke(app, ["--format", "json"])
    assert result.exit_code == status
    assert json.loads(result.stdout)[0]["detail"] == "so it is"
