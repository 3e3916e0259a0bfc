from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pydantic
import pytest
from ruamel.yaml import YAML

from contracts.settings import ROOT, AlertSettings, Settings
from local.servers.kafka_jars import kafka_version

DEFAULTS = Settings()
OURS = ("prepare", "worker", "notifier", "api")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    return loaded


def _ports(service: dict[str, Any]) -> list[int]:
    return [int(port.rsplit(":", 1)[1]) for port in service.get("ports", [])]


def _is_a_setting(variable: str) -> bool:
    model: type[pydantic.BaseModel] = Settings
    *groups, last = variable.removeprefix("BUZZWATCH_").lower().split("__")
    for group in groups:
        if group not in model.model_fields:
            return False
        annotation = model.model_fields[group].annotation
        assert isinstance(annotation, type)
        model = annotation
    return last in model.model_fields


def test_every_variable_is_a_setting_with_a_value_it_takes(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if name.startswith("BUZZWATCH_"):
                assert _is_a_setting(name), name
                if value is not None:  # those without one are passed on
                    monkeypatch.setenv(name, str(value))
    assert Settings().external == {"kafka", "redis", "mlflow"}


@pytest.mark.parametrize("service", ["worker", "notifier", "api"])
def test_alert_settings_and_secrets_of_the_rules_are_passed_on(compose: dict[str, Any], service: str) -> None:
    passed = {name for name, value in compose["services"][service]["environment"].items() if value is None}
    wanted = {f"BUZZWATCH_ALERTS__{name.upper()}" for name in AlertSettings.model_fields}
    assert wanted - passed == {"BUZZWATCH_ALERTS__METRICS_PORT"}  # which the health check asks
    assert compose["services"][service]["env_file"] == [{"path": ".env", "required": False}]
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_every_service_of_ours_reads_the_rules_of_a_folder_of_this_machine(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        folder, _, inside = next(volume for volume in service["volumes"] if volume.endswith(":ro")).rpartition(":/")
        assert inside == "rules:ro"
        default = re.fullmatch(r"\$\{RULES_FOLDER:-\./(\w+)\}", folder)
        file = re.fullmatch(r"/rules/\$\{RULES_FILE:-(.+)\}", service["environment"]["BUZZWATCH_RULES"])
        assert default is not None
        assert file is not None
        assert ROOT / default[1] / file[1] == DEFAULTS.rules


def test_a_misspelt_variable_would_be_noticed() -> None:
    assert not _is_a_setting("BUZZWATCH_KAFKA__BOOTSTRAP_SERVER")
    assert not _is_a_setting("BUZZWATCH_KAFKAS__BOOTSTRAP_SERVERS")


def test_kafka_is_the_version_of_the_pom_and_redis_is_7(compose: dict[str, Any]) -> None:
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{kafka_version()}"
    assert re.fullmatch(r"redis:7(\.\d+)*", compose["services"]["redis"]["image"])


def test_ports_are_the_defaults_of_the_settings(compose: dict[str, Any]) -> None:
    local, services = DEFAULTS.local, compose["services"]
    assert _ports(services["kafka"]) == [local.kafka_port]
    assert _ports(services["redis"]) == [local.redis_port]
    assert _ports(services["mlflow"]) == [local.mlflow_port]
    assert _ports(services["api"]) == [DEFAULTS.api.port]
    checks = {name: services[name]["healthcheck"]["test"][-1] for name in ("worker", "notifier", "api")}
    assert f":{DEFAULTS.worker.web_port}/readyz" in checks["worker"]
    assert f":{DEFAULTS.alerts.metrics_port}/livez" in checks["notifier"]
    assert f":{DEFAULTS.api.port}/readyz" in checks["api"]


def test_addresses_name_services_and_their_ports(compose: dict[str, Any]) -> None:
    services = compose["services"]
    environment = services["worker"]["environment"]
    assert (
        environment["BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"]
        in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    )
    mlflow = environment["BUZZWATCH_MLFLOW__TRACKING_URI"].removeprefix("http://")
    allowed = services["mlflow"]["command"][services["mlflow"]["command"].index("--allowed-hosts") + 1]
    assert mlflow in allowed.split(",")


def test_nothing_listens_beyond_this_machine(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_every_lasting_service_has_a_health_check(compose: dict[str, Any]) -> None:
    without = [name for name, service in compose["services"].items() if "healthcheck" not in service]
    assert without == ["prepare", "monitoring-key"]  # which run once


def test_our_services_wait_for_what_they_need(compose: dict[str, Any]) -> None:
    assert set(compose["services"]["prepare"]["depends_on"]) == {"kafka", "redis", "mlflow"}
    for name in ("worker", "notifier", "api"):
        needs = compose["services"][name]["depends_on"]
        assert needs["prepare"]["condition"] == "service_completed_successfully"
        assert {"kafka", "redis"} <= set(needs)


def test_the_worker_has_a_longer_grace_than_it_takes_to_drain(compose: dict[str, Any]) -> None:
    for name in OURS:
        grace = float(compose["services"][name]["stop_grace_period"].removesuffix("s"))
        assert grace > DEFAULTS.worker.drain_timeout_s + 5


@pytest.mark.parametrize("service", ["kafka", "redis", "mlflow", *OURS, "dashboard", "prometheus", "grafana"])
def test_no_container_has_more_rights_than_it_needs(compose: dict[str, Any], service: str) -> None:
    found = compose["services"][service]
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert service == "kafka" or (found["read_only"] and any(one.startswith("/tmp") for one in found["tmpfs"]))


def test_what_is_not_needed_to_score_and_alert_is_in_a_profile(compose: dict[str, Any]) -> None:
    core = {name for name, service in compose["services"].items() if "profiles" not in service}
    assert core == {"kafka", "redis", "mlflow", *OURS}
    assert compose["services"]["dashboard"]["profiles"] == ["dashboard"]


def test_volumes_hold_all_that_is_written(compose: dict[str, Any]) -> None:
    named = {
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
        if volume[0] not in "./$"
    }
    assert named == set(compose["volumes"])


def test_images_run_as_somebody_and_bring_their_machine_and_byte_code() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for target in ("mlflow", "runtime"):
        stage = text.split(f" AS {target}\n", 1)[1].split("\nFROM ", 1)[0]
        assert re.findall(r"^USER (\w+)$", stage, re.MULTILINE)[-1] == "buzzwatch"
    assert stage.index("python -m compileall -q /app") < stage.index("USER buzzwatch")
    assert stage.index("python -m bootstrap.compile") < stage.index("VOLUME /data")


def test_redis_is_as_the_local_one(compose: dict[str, Any]) -> None:
    command = shlex.join(compose["services"]["redis"]["command"])
    for option in ("--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction"):
        assert option in command


def test_the_image_has_every_package_and_no_more_than_the_context_lets_in() -> None:
    copied = set(re.findall(r"^COPY (?!--)(\S+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if re.fullmatch(r"![a-z]+", line)}
    packages = {init.parent.name for init in ROOT.glob("*/__init__.py")} - {"tests", "bench", "docs"}
    assert copied == packages
    assert allowed == packages


@pytest.mark.parametrize("lock", ["requirements.lock", "deploy/serving.lock", "deploy/mlflow.lock"])
def test_locks_have_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9._-]+(?:\[[^\]]+\])?==", text, re.MULTILINE | re.IGNORECASE)
    assert len(pins) > 30
    assert text.count(" \\\n    --hash=sha256:") >= len(pins)
    assert "://" not in text


def _pins(lock: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]+\])?==([^ ;]+)", lock.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("lock", ["deploy/serving.lock", "deploy/mlflow.lock"])
def test_images_hold_the_versions_that_were_tested(lock: str) -> None:
    tested = _pins(ROOT / "requirements.lock")
    assert {name: versions for name, versions in _pins(ROOT / lock).items() if not versions <= tested[name]} == {}


def test_serving_needs_neither_training_nor_the_full_mlflow() -> None:
    serving = _pins(ROOT / "deploy" / "serving.lock")
    assert not {"tensorflow", "keras", "scikit-learn", "pandas", "pyarrow", "mlflow", "matplotlib"} & set(serving)


def test_monitoring_is_a_profile_of_its_own_that_reads_what_is_here(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {name for name, service in services.items() if "monitoring" in service.get("profiles", [])} == {
        "monitoring-key",
        "prometheus",
        "grafana",
    }
    mounted = [volume for name in ("prometheus", "grafana") for volume in services[name]["volumes"]]
    files = [ROOT / volume.split(":")[0] for volume in mounted if volume.startswith("./")]
    assert len(files) == 4
    assert all(file.exists() for file in files)
    config = YAML(typ="safe").load(ROOT / "deploy" / "monitoring" / "prometheus.yml")
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    targets = {job["static_configs"][0]["targets"][0] for job in jobs.values()}
    ports = DEFAULTS.worker.web_port, DEFAULTS.alerts.metrics_port, DEFAULTS.api.port
    assert targets == {f"{name}:{port}" for name, port in zip(("worker", "notifier", "api"), ports, strict=True)}
    assert all(volume in mounted for volume in ("monitoring:/keys:ro",))
    key = Path(jobs["buzzwatch-api"]["authorization"]["credentials_file"])
    assert f"/data/{key.name}" in services["monitoring-key"]["command"][-1]
