from __future__ import annotations

import pytest
from pydantic import SecretStr

from api.security.production import production_findings
from contracts.settings import (
    AlertSettings,
    ApiSettings,
    KafkaSettings,
    MlflowSettings,
    PrivacySettings,
    RedisSettings,
    Settings,
    WorkerSettings,
)
from contracts.topics import TopicSettings

SAFE = Settings(
    kafka=KafkaSettings(
        bootstrap_servers="kafka-1:9093",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="buzzwatch",
        sasl_password=SecretStr("0123456789abcdef"),
        topics=TopicSettings(replication_factor=3),
    ),
    redis=RedisSettings(url="rediss://app:secret@cache:6379/0"),
    mlflow=MlflowSettings(tracking_uri="https://mlflow.example.org"),
    alerts=AlertSettings(external_url="https://buzz.example.org"),
    privacy=PrivacySettings.model_validate({"author_key": "0123456789abcdef0123456789abcdef"}),
)


def unsafe(settings: Settings, component: str) -> list[tuple[str, str]]:
    return [
        (finding.status, finding.detail)
        for finding in production_findings(settings)
        if finding.component == component and finding.status != "ok"
    ]


def test_of_settings_that_are_safe_only_a_proxy_is_asked_for() -> None:
    found = [finding for finding in production_findings(SAFE) if finding.status != "ok"]
    assert [(finding.component, "asks for no key" in finding.detail) for finding in found] == [("api", True)]


def test_rates_that_are_switched_off_are_named() -> None:
    settings = SAFE.model_copy(update={"api": ApiSettings(rate_login="", rate_predict="")})
    assert ("warning", "no rate limits predict, login") in unsafe(settings, "api")


def test_every_finding_says_what_to_do_about_it() -> None:
    assert all(finding.remedy for finding in production_findings(Settings()) if finding.status != "ok")


@pytest.mark.parametrize(
    ("component", "change", "said"),
    [
        ("privacy", {"privacy": PrivacySettings()}, "a key that everybody can look up"),
        ("privacy", {"worker": WorkerSettings(text="raw")}, "the text as it came"),
        ("kafka", {"kafka": KafkaSettings(bootstrap_servers="kafka-1:9092")}, "PLAINTEXT: no one is asked"),
        ("kafka", {"kafka": KafkaSettings(bootstrap_servers="kafka-1:9092")}, "1 copy"),
        ("redis", {"redis": RedisSettings(url="redis://cache:6379/0")}, "no password"),
        ("redis", {"redis": RedisSettings(url="redis://cache:6379/0")}, "not encrypted"),
        ("mlflow", {"mlflow": MlflowSettings(tracking_uri="http://mlflow:5000")}, "not encrypted"),
        ("api", {"alerts": AlertSettings(external_url="http://buzz.example.org")}, "not encrypted"),
        ("api", {"worker": WorkerSettings(web_host="10.0.0.1")}, "open to all who reach 10.0.0.1"),
        (
            "receivers",
            {"alerts": AlertSettings.model_validate({"allowed_networks": "169.254.0.0/16"})},
            "metadata service",
        ),
        ("receivers", {"alerts": AlertSettings.model_validate({"allowed_networks": "::/0"})}, "any address in ::/0"),
    ],
)
def test_what_is_not_safe_is_named(component: str, change: dict[str, object], said: str) -> None:
    found = unsafe(SAFE.model_copy(update=change), component)
    assert any(said in detail for _, detail in found), found


def test_where_keys_are_needed_they_are_looked_at_and_a_redis_that_is_away_is_a_finding() -> None:
    there = SAFE.model_copy(
        update={"api": ApiSettings(host="0.0.0.0"), "redis": RedisSettings(url="redis://127.0.0.1:1")}
    )
    [(status, detail)] = unsafe(there, "keys")
    assert (status, "the keys cannot be looked up: Redis does not answer" in detail) == ("broken", True)


def test_switched_off_keys_where_others_can_reach_us_are_broken() -> None:
    off = SAFE.model_copy(update={"api": ApiSettings(host="0.0.0.0", require_keys=False)})
    assert [status for status, _ in unsafe(off, "api")] == ["broken"]
