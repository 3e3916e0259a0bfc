"""Settings of the services that buzzwatch uses: Kafka, Redis, MLflow. `contracts.settings` has its own, and all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import pydantic

from contracts.topics import DEAD_LETTER_ROOM, MAX_RECORD_BYTES, TopicSettings

Port = Annotated[int, pydantic.Field(ge=1, le=65_535)]
Seconds = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]


SENTINEL = "redis+sentinel://"
"""How an address of Sentinels begins: `redis+sentinel://HOST:PORT,HOST:PORT/MASTER/DATABASE`."""


class Group(pydantic.BaseModel):
    """Settings that share a prefix; an unknown one is a mistake."""

    model_config = pydantic.ConfigDict(extra="forbid", validate_default=True)


class KafkaSettings(Group):
    """How to reach Kafka."""

    bootstrap_servers: str = "127.0.0.1:9092"
    """`host:port`, several separated by commas. When set, `buzzwatch up` starts no Kafka of its own."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """As Kafka's `security.protocol`."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """As Kafka's `sasl.mechanism`."""
    sasl_username: str | None = None
    """SASL user."""
    sasl_password: pydantic.SecretStr | None = None
    """SASL password."""
    ssl_cafile: Path | None = None
    """Certificate authority, PEM."""
    ssl_certfile: Path | None = None
    """Client certificate, PEM."""
    ssl_keyfile: Path | None = None
    """Client key, PEM."""
    ssl_key_password: pydantic.SecretStr | None = None
    """Password of that key, where it has one."""
    topics: TopicSettings = TopicSettings()
    """Names, partitions and retention."""

    @pydantic.model_validator(mode="after")
    def _is_whole(self) -> KafkaSettings:
        """What the clients would complain about in words of their own, or not at all."""
        if self.security_protocol.startswith("SASL"):
            for name in ("sasl_mechanism", "sasl_username", "sasl_password"):
                if getattr(self, name) is None:
                    raise ValueError(f"security_protocol {self.security_protocol} needs {name}, which is not set")
        if (self.ssl_certfile is None) != (self.ssl_keyfile is None):
            raise ValueError("ssl_certfile and ssl_keyfile belong together: one of them is not set")
        return self

    @pydantic.field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        for server in value.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit() or not 1 <= int(port) <= 65_535:
                raise ValueError(f"{server.strip()!r} is not host:port")
        return value

    def librdkafka(self) -> dict[str, Any]:
        """Connection properties for confluent-kafka clients."""
        properties: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
            # A broker that is away is tried twice a second, not twenty times.
            "reconnect.backoff.ms": 500,
        }
        optional = {
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password and self.sasl_password.get_secret_value(),
            "ssl.ca.location": self.ssl_cafile and str(self.ssl_cafile),
            "ssl.certificate.location": self.ssl_certfile and str(self.ssl_certfile),
            "ssl.key.location": self.ssl_keyfile and str(self.ssl_keyfile),
            "ssl.key.password": self.ssl_key_password and self.ssl_key_password.get_secret_value(),
        }
        return properties | {name: value for name, value in optional.items() if value is not None}

    def librdkafka_producer(self) -> dict[str, Any]:
        """Connection properties plus what every producer of ours shares.

        murmur2_random puts a key on the partition on which Java and kafka-python put it.
        """
        return self.librdkafka() | {
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "message.max.bytes": MAX_RECORD_BYTES + DEAD_LETTER_ROOM,
        }

    def kafka_python(self) -> dict[str, Any]:
        """Keyword arguments for kafka-python clients."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": [server.strip() for server in self.bootstrap_servers.split(",")],
            "security_protocol": self.security_protocol,
        }
        optional = {
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password and self.sasl_password.get_secret_value(),
            "ssl_cafile": self.ssl_cafile and str(self.ssl_cafile),
            "ssl_certfile": self.ssl_certfile and str(self.ssl_certfile),
            "ssl_keyfile": self.ssl_keyfile and str(self.ssl_keyfile),
            "ssl_password": self.ssl_key_password and self.ssl_key_password.get_secret_value(),
        }
        return arguments | {name: value for name, value in optional.items() if value is not None}


class RedisSettings(Group):
    """How to reach Redis."""

    url: str = "redis://127.0.0.1:6379/0"
    """`redis://` or `rediss://` URL; `redis+sentinel://HOST:26379,HOST:26379/MASTER/0`: the master that Sentinels name.
    When set, `buzzwatch up` starts no Redis of its own."""
    prefix: str = pydantic.Field(default="buzzwatch", pattern=r"^[\w.-]+$")
    """First part of every key."""
    timeout_s: Seconds = 5
    """Connect and read time-out, seconds."""

    @pydantic.field_validator("url")
    @classmethod
    def _scheme(cls, value: str) -> str:
        if value.startswith(SENTINEL):
            _check_sentinels(value)
            return value
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("does not start with redis://, rediss://, unix:// or redis+sentinel://")
        if "#" in value:
            raise ValueError("has a # in it: in a password it is written %23")
        try:
            parts = urlsplit(value)
            parts.port  # noqa: B018
        except ValueError:
            raise ValueError("the port is not a number from 0 to 65535 (in a password / is written %2F)") from None
        if parts.scheme != "unix" and not re.fullmatch(r"/?\d*", parts.path):
            raise ValueError(f"{parts.path!r} is no number of a database such as /0")
        if parts.query:
            _check_redis_query(value)
        _check_host(parts.hostname or "")
        return value


def _check_host(host: str) -> None:
    """Raises ValueError for what no resolver takes: a part that is empty or above 63 characters, bytes that are no
    UTF-8."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(f"{host!r} is no name of a host") from None


def _check_sentinels(url: str) -> None:
    """Raises ValueError for an address of Sentinels that lacks something."""
    parts = urlsplit(url)
    for host in parts.netloc.rpartition("@")[2].split(","):
        if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\[\]]+):\d{1,5}", host):
            raise ValueError(f"{host!r} is not host:port of a Sentinel")
        _check_host(host.rpartition(":")[0].strip("[]"))
    if not re.fullmatch(r"/[\w.-]+(/\d*)?", parts.path):
        raise ValueError("needs the name of the master behind the hosts, and at most a database: /mymaster/0")
    if parts.query:
        raise ValueError("takes no parameters behind a ?")


def _check_redis_query(url: str) -> None:
    """Raises ValueError for a parameter that Redis's client does not take; nothing is connected."""
    import redis  # few have a query

    try:
        pool = redis.ConnectionPool.from_url(url)
        pool.connection_class(**pool.connection_kwargs)
    except TypeError as error:
        unknown = re.search(r"argument '(\w+)'", str(error))
        raise ValueError(f"Redis's client takes no parameter {unknown[1] if unknown else 'of the query'!r}") from None


class TracingSettings(Group):
    """OpenTelemetry traces; off without a collector."""

    endpoint: str | None = None
    """Collector that takes OTLP over HTTP (`http://collector:4318`). Without one nothing is traced, at no cost. Needs
    `buzzwatch[tracing]`."""
    sample: float = pydantic.Field(default=0.01, ge=0, le=1)
    """Share of tweets and requests that are traced where their sender has not decided; 0.01 is one in a hundred."""

    @pydantic.field_validator("endpoint")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^/\s?#]+[^\s?#]*", value):
            raise ValueError("is no address such as http://collector:4318")
        return value


class MlflowSettings(Group):
    """How to reach the model registry."""

    tracking_uri: str = pydantic.Field(default="http://127.0.0.1:5000", min_length=1)
    """MLflow server. When set, `buzzwatch up` starts no MLflow of its own."""
    model_name: str = pydantic.Field(default="sentiment", min_length=1)
    """Registered model that is followed."""
    alias: str = pydantic.Field(default="champion", min_length=1)
    """Alias whose version serves."""
    poll_interval_s: Seconds = 2
    """How often the alias is asked for, seconds; a promotion is served within a few of these."""
    timeout_s: Seconds = 10
    """Time-out of one request, seconds."""
    cache_dir: Path | None = None
    """Where the champion is kept for the time when MLflow is away; by default `champion/` in the data folder."""

    @pydantic.field_validator("tracking_uri")
    @classmethod
    def _address(cls, value: str) -> str:
        if re.match(r"[\w.-]+:\d+(/|$)", value):
            raise ValueError(f"does not start with http:// or https://; did you mean http://{value}?")
        try:
            parts = urlsplit(value)
            usable = not value.startswith(("http:", "https:")) or (parts.hostname and parts.port != 0)
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("is no address such as http://mlflow:5000")
        return value

    @pydantic.field_validator("model_name")
    @classmethod
    def _name(cls, value: str) -> str:
        if re.search(r"[/:'\"`%\\\x00-\x1f\x7f]", value) or value != value.strip():
            raise ValueError("is no model name: MLflow finds none with / : % \\ ' \" ` in it, or a space at an end")
        return value

    @pydantic.field_validator("alias")
    @classmethod
    def _alias(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", value) or re.fullmatch(r"latest|v\d+", value, re.IGNORECASE):
            raise ValueError("is no alias: letters, digits, - and _, neither latest nor a version such as v7")
        return value
