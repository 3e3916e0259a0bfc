from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import SettingsError
from contracts.settings import Settings, load_settings, unknown_variables


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS", "nope"),
        ("BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS", "host:99999"),
        ("BUZZWATCH_REDIS__URL", "http://x"),
        ("BUZZWATCH_MLFLOW__TRACKING_URI", ""),
        ("BUZZWATCH_WORKER__ROLES", "scor"),
        ("BUZZWATCH_WORKER__TRANSACTION_TIMEOUT_S", "10"),
        ("BUZZWATCH_API__PORT", "0"),
        ("BUZZWATCH_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_bad_setting_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(name.rpartition("__TRANS")[0] or name)
    assert "\n" not in str(raised.value)


def test_a_password_in_a_bad_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", "http://user:hunter2@cache")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)


def test_addresses_follow_the_local_ports_unless_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_LOCAL__KAFKA_PORT", "19092")
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", "redis://cache:6379/1")
    settings = load_settings()
    assert settings.kafka.bootstrap_servers == "127.0.0.1:19092"
    assert settings.redis.url == "redis://cache:6379/1"
    assert settings.external == {"redis"}


def test_tls_and_sasl_pass_through_to_every_client() -> None:
    kafka = Settings.model_validate(
        {
            "kafka": {
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_username": "ann",
                "sasl_password": "secret",
                "ssl_cafile": "/ca.pem",
            }
        }
    ).kafka
    properties, arguments = kafka.librdkafka_producer(), kafka.kafka_python()
    assert (properties["sasl.password"], properties["ssl.ca.location"]) == ("secret", "/ca.pem")
    assert (arguments["sasl_plain_password"], arguments["ssl_cafile"]) == ("secret", "/ca.pem")
    assert properties["partitioner"] == "murmur2_random"
    assert "secret" not in repr(kafka)


def test_dead_letters_have_more_room_than_tweets_and_labels_are_kept_for_ever() -> None:
    tweets, scored, feedback, dead, *_ = Settings().kafka.topics.all()
    labels = Settings().kafka.topics.all()[-1]
    assert (labels.retention_ms, labels.partitions) == (-1, 1)
    assert dead.max_message_bytes - tweets.max_message_bytes == 64 * 1024
    assert (tweets.partitions, scored.partitions, feedback.partitions) == (4, 4, 1)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BUZZWATCH_KAFKA__TOPICS__SCORED", "tweets", "two topics have the name 'tweets'"),
        ("BUZZWATCH_KAFKA__TOPICS__SCORED", "bad name!", "is no topic name"),
        ("BUZZWATCH_ALERTS__TICK_S", "inf", "finite"),
    ],
)
def test_what_could_never_work_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=said):
        load_settings()


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("BUZZWATCH_KAFKA__BOOTSTRAP_SERVER", "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"),
        ("BUZZWATCH_KAFKAS__BOOTSTRAP_SERVERS", "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"),
        ("BUZZWATCH_WORKER_ROLES", "BUZZWATCH_WORKER__ROLES"),
        ("buzzwatch_kafka__topics__tweet", "BUZZWATCH_KAFKA__TOPICS__TWEETS"),
        ("BUZZWATCH_LOGLEVEL", "BUZZWATCH_LOG_LEVEL"),
    ],
)
def test_a_misspelt_variable_stops_the_program_and_the_nearest_is_named(
    monkeypatch: pytest.MonkeyPatch, misspelt: str, meant: str
) -> None:
    monkeypatch.setenv(misspelt, "x")
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value) == f"{misspelt}: there is no such setting; did you mean {meant}?"


def test_a_variable_of_somebodys_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_WEBHOOK_SECRET", "whsec_x")
    monkeypatch.setenv("BUZZWATCH_DATA_DIR", "/data")
    assert load_settings() == Settings()


def test_a_variable_that_nothing_reads_is_named_with_what_may_be_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("receivers: [{name: a, secret: '${BUZZWATCH_WEBHOOK_SECRET}'}]")
    monkeypatch.setenv("BUZZWATCH_RULES", str(rules))
    for name in ("WEBHOOK_SECRET", "DATA_DIR", "RULES_DIR", "ZZ"):
        monkeypatch.setenv(f"BUZZWATCH_{name}", "x")
    assert unknown_variables(load_settings()) == [
        "BUZZWATCH_RULES_DIR is no setting and nothing reads it: is BUZZWATCH_RULES meant?",
        "BUZZWATCH_ZZ is no setting and nothing reads it",
    ]


def test_a_certificate_that_is_not_there_is_said_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BUZZWATCH_KAFKA__SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("BUZZWATCH_KAFKA__SSL_CAFILE", str(tmp_path / "ca.pem"))
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value) == f"BUZZWATCH_KAFKA__SSL_CAFILE: there is no file {tmp_path / 'ca.pem'}"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BUZZWATCH_MLFLOW__MODEL_NAME", "l'humeur", "is no model name: MLflow finds none with / : % \\ ' \" ` in it"),
        ("BUZZWATCH_MLFLOW__MODEL_NAME", "a/b", "is no model name"),
        ("BUZZWATCH_MLFLOW__MODEL_NAME", " ", "is no model name"),
        ("BUZZWATCH_MLFLOW__ALIAS", "the best", "is no alias"),
        ("BUZZWATCH_MLFLOW__ALIAS", "latest", "is no alias"),
        ("BUZZWATCH_MLFLOW__ALIAS", "v7", "is no alias"),
        ("BUZZWATCH_MLFLOW__TRACKING_URI", "mlflow:5000", "did you mean http://mlflow:5000?"),
        ("BUZZWATCH_MLFLOW__TRACKING_URI", "http://mlflow:port", "is no address such as http://mlflow:5000"),
        ("BUZZWATCH_MLFLOW__TRACKING_URI", "http://", "is no address such as http://mlflow:5000"),
        ("BUZZWATCH_KAFKA__TOPICS__TWEETS", "my tweets", "is no topic name: letters, digits, '.', '_' and '-'"),
        ("BUZZWATCH_KAFKA__TOPICS__DEAD_LETTERS", "..", "is no topic name"),
        ("BUZZWATCH_REDIS__PREFIX", "{buzz}", "has something else than letters, digits, '.', '_' and '-'"),
        ("BUZZWATCH_WORKER__GROUP", "a b", "has something else than letters, digits, '.', '_' and '-'"),
        ("BUZZWATCH_LOCAL__KAFKA_HEAP", "much", "is no size such as 512m or 2g"),
        ("BUZZWATCH_ALERTS__ALLOWED_NETWORKS", "10.0.0.1/8", "write networks such as 10.20.0.0/16"),
        ("BUZZWATCH_ALERTS__ALLOWED_NETWORKS", "office", "write networks such as 10.20.0.0/16"),
        ("BUZZWATCH_KAFKA__TOPICS", "tweets", "is a group of settings: set BUZZWATCH_KAFKA__TOPICS__TWEETS and so on"),
        ("BUZZWATCH_API", "8000", "is a group of settings: set BUZZWATCH_API__HOST and so on"),
    ],
)
def test_what_a_server_would_refuse_later_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(f"{name}: ")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "uri",
    [
        "http://mlflow:5000",
        "https://u:p@mlflow/base",
        "sqlite:///x.db",
        "file:///x",
        "databricks",
        "./mlruns",
        "http://[::1]:5000",
    ],
)
def test_every_kind_of_registry_that_mlflow_knows_may_be_named(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("BUZZWATCH_MLFLOW__TRACKING_URI", uri)
    assert load_settings().mlflow.tracking_uri == uri


def test_a_password_in_the_query_of_a_bad_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("http://cache?password=hunter2", "redis://cache:port?password=hunter2", "redis://:hunter2:x@cache:p"):
        monkeypatch.setenv("BUZZWATCH_REDIS__URL", url)
        with pytest.raises(SettingsError) as raised:
            load_settings()
        assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://cache:6379/0?nosuch=1&password=hunter2", "Redis's client takes no parameter 'nosuch'"),
        ("redis://cache:6379/0?db=two", "Invalid value for 'db' in connection URL."),
        (f"redis://{'a' * 64}:6379/0", f"'{'a' * 64}' is no name of a host"),
        ("redis://:hunter2@a..b/0", "'a..b' is no name of a host"),
        ("redis://\udcff/0", r"'\udcff' is no name of a host"),
        (f"redis+sentinel://{'a' * 64}:1/main/0", f"'{'a' * 64}' is no name of a host"),
        ("redis://cache:6379/two", "'/two' is no number of a database such as /0"),
        ("redis://me:hun#ter2@cache:6379/0", "has a # in it: in a password it is written %23"),
        ("redis://hun#ter2@cache:6379/0", "has a # in it: in a password it is written %23"),
        ("redis://me:hun/ter2@cache:6379/0", "the port is not a number from 0 to 65535 (in a password / is"),
    ],
)
def test_an_address_that_the_client_of_redis_does_not_take_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", url)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(f"BUZZWATCH_REDIS__URL: {said}")
    assert "ter2" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["redis://cache", "redis://me:pw@cache:6379/0?ssl_cert_reqs=none", "unix:///run/r.sock?db=2"]
)
def test_an_address_that_the_client_of_redis_takes_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BUZZWATCH_REDIS__URL", url.replace("redis:", "rediss:", 1) if "ssl" in url else url)
    assert load_settings().redis.url.endswith(url.partition(":")[2])
