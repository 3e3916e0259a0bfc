"""The manifests of deploy/kubernetes: valid, in step with the code, as safe as documented. No cluster is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from contracts.settings import ROOT, Settings, load_settings
from contracts.topics import TopicSettings

HOME = ROOT / "deploy" / "kubernetes"
KUBERNETES = "1.34"
SCHEMAS = {
    schema["properties"]["kind"]["const"]: schema
    for schema in (json.loads(path.read_text()) for path in (HOME / "schemas").glob("*.json"))
}
OURS = ("worker", "notifier", "api", "prepare", "retrain")


def documents() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(HOME.rglob("*.yaml")):
        if path.name != "rules.yaml":
            for document in YAML(typ="safe").load_all(path):
                yield path, document


ALL = list(documents())
OBJECTS = [(path, one) for path, one in ALL if one["kind"] != "Kustomization"]
BASE, KAFKA = (
    {(one["kind"], one["metadata"]["name"]): one for path, one in OBJECTS if HOME / folder in path.parents}
    for folder in ("base", "kafka")
)


def pods() -> dict[str, dict[str, Any]]:
    """Name → spec of each pod template."""
    found = {}
    for (kind, name), one in BASE.items():
        if kind in ("Deployment", "StatefulSet", "Job"):
            found[name] = one["spec"]["template"]["spec"]
        elif kind == "CronJob":
            found[name] = one["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize(
    ("path", "document"), OBJECTS, ids=lambda one: one["kind"] if isinstance(one, dict) else one.stem
)
def test_every_object_is_valid(path: Path, document: dict[str, Any]) -> None:
    if document["kind"] in SCHEMAS:
        jsonschema.Draft202012Validator(SCHEMAS[document["kind"]]).validate(document)
    elif path.name == "sizes.yaml":
        assert (document["kind"], document["metadata"]["name"]) in BASE  # a patch: what it changes is there
    else:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_a_mistake_would_be_found() -> None:
    scaled = json.loads(json.dumps(BASE["ScaledObject", "worker"]))
    scaled["spec"]["minReplicas"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMAS["ScaledObject"]).validate(scaled)
    worker = json.loads(json.dumps(BASE["StatefulSet", "worker"]))
    worker["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(worker, KUBERNETES, strict=True)


def test_kustomizations_name_all_files_that_are_there() -> None:
    for path, one in ALL:
        if one["kind"] == "Kustomization":
            named = {*one.get("resources", ()), *(patch["path"] for patch in one.get("patches", ()))}
            assert all((path.parent / name).exists() for name in named)
            here = {file.name for file in path.parent.glob("*.yaml")} - {"kustomization.yaml", "rules.yaml"}
            assert here <= named, path
            for generator in one.get("configMapGenerator", ()):
                for file in (*generator.get("envs", ()), *generator.get("files", ())):
                    assert (path.parent / file).exists()


def test_topics_are_those_of_the_contract() -> None:
    expected = TopicSettings(replication_factor=3)
    found = {one["spec"]["topicName"]: one["spec"] for (kind, _), one in KAFKA.items() if kind == "KafkaTopic"}
    assert set(found) == {topic.name for topic in expected.all()}
    for topic in expected.all():
        spec = found[topic.name]
        assert spec["partitions"] == topic.partitions
        assert spec["replicas"] == 3
        assert topic.config.items() <= spec["config"].items()


def test_settings_are_settings_that_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for file in HOME.rglob("settings.env"):
        for line in file.read_text().splitlines():
            name, _, value = line.partition("=")
            if value.startswith("/secrets/"):
                (tmp_path / name).write_text("redis://:secret@redis:6379/0")
                value = str(tmp_path / name)
            monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.external == {"kafka", "redis", "mlflow"}
    assert settings.kafka.security_protocol == "SASL_SSL"
    assert settings.kafka.topics.replication_factor == 3
    assert settings.privacy.secret


def test_workers_scale_on_tweets_and_never_beyond_their_partitions() -> None:
    spec = BASE["ScaledObject", "worker"]["spec"]
    [trigger] = spec["triggers"]
    assert trigger["metadata"]["topic"] == TopicSettings().tweets
    assert trigger["metadata"]["consumerGroup"] == f"{Settings().worker.group}-score"
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, TopicSettings().partitions)
    assert "replicas" not in BASE["StatefulSet", "worker"]["spec"]
    assert "replicas" not in BASE["Deployment", "api"]["spec"]


@pytest.mark.parametrize("name", sorted(pods()))
def test_pods_have_no_more_rights_than_they_need(name: str) -> None:
    spec = pods()[name]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
        assert not any("value" in one and "PASSWORD" in one["name"] for one in container.get("env", ()))


def test_lasting_pods_of_ours_are_probed_at_their_ports() -> None:
    ports = {
        "worker": Settings().worker.web_port,
        "notifier": Settings().alerts.metrics_port,
        "api": Settings().api.port,
    }
    for name, port in ports.items():
        [container] = pods()[name]["containers"]
        assert container["ports"][0]["containerPort"] == port
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert pods()[name]["terminationGracePeriodSeconds"] > Settings().worker.drain_timeout_s + 5


def test_a_workers_name_survives_its_pod() -> None:
    [container] = pods()["worker"]["containers"]
    named = {one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"] for one in container["env"]}
    assert named == {"BUZZWATCH_WORKER__INSTANCE": "metadata.name"}


def test_everything_that_lasts_has_a_disruption_budget_or_is_alone() -> None:
    budgets = {name for kind, name in BASE if kind == "PodDisruptionBudget"}
    lasting = {name for kind, name in BASE if kind in ("Deployment", "StatefulSet")}
    assert lasting - budgets == {"redis", "mlflow"}


def test_nothing_is_open_that_no_policy_names() -> None:
    policies = {name: one["spec"] for (kind, name), one in BASE.items() if kind == "NetworkPolicy"}
    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    [ours] = policies["ours"]["podSelector"]["matchExpressions"]
    assert set(ours["values"]) == set(OURS)


def test_redis_keeps_what_it_is_given() -> None:
    [container] = pods()["redis"]["containers"]
    for option in ("--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction"):
        assert option in container["args"][0]
    assert BASE["StatefulSet", "redis"]["spec"]["volumeClaimTemplates"]


def test_the_rules_are_the_default_ones() -> None:
    assert (HOME / "base" / "rules.yaml").read_bytes() == Settings().rules.read_bytes()
