"""`buzzwatch doctor --production`: what of a deployment's settings is not safe yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import redis

from alerts.storage.connection import connect
from alerts.storage.redis_health import trouble_of
from api.security import first_key
from api.security.exposure import is_loopback, keys_required
from api.security.store import KeyStore
from contracts.errors import BuzzwatchError
from contracts.settings import Settings
from contracts.times import clock_ms
from local.doctor.findings import Finding

_SOON_MS: Final = 14 * 86_400_000
_METADATA: Final = ip_address("169.254.169.254")
_COPIES: Final = 3


def production_findings(settings: Settings) -> Iterator[Finding]:
    """One finding after the other; only the keys are looked up, in Redis, the rest is read from the settings."""
    for component, examine in _EXAMINED:
        try:
            for finding in examine(settings):
                yield finding._replace(component=component)
        except BuzzwatchError as error:
            yield Finding.broken(str(error))._replace(component=component)


def _keys_needed(settings: Settings) -> Iterator[Finding]:
    if keys_required(settings):
        yield Finding.fine("requests need a key")
    else:
        yield Finding.doubtful(
            f"the API listens on {settings.api.host} and asks for no key: who comes through a proxy may do all",
            remedy="BUZZWATCH_API__REQUIRE_KEYS=true, unless only this machine uses it",
        )
    address = settings.alerts.external_url
    if address is None:
        yield Finding.doubtful(
            "links in alerts lead to the address that the API listens on",
            remedy="set BUZZWATCH_ALERTS__EXTERNAL_URL to where people reach it",
        )
    elif address.startswith("http://") and not is_loopback(urlsplit(address).hostname or ""):
        yield Finding.broken(f"{address} is not encrypted: keys and cookies can be read on the way", remedy="use https")
    unlimited = [name for name, rate in settings.api if name.startswith("rate_") and not rate]
    if unlimited:
        yield Finding.doubtful(
            "no rate limits " + ", ".join(name.removeprefix("rate_") for name in unlimited),
            remedy=f"take the default of BUZZWATCH_API__{unlimited[0].upper()}, or another rate such as 600/minute",
        )
    if not is_loopback(settings.worker.web_host):
        yield Finding.doubtful(
            f"metrics and health of workers and notifier are open to all who reach {settings.worker.web_host}",
            remedy="let the network keep others out, or set BUZZWATCH_WORKER__WEB_HOST=127.0.0.1",
        )


def _keys(settings: Settings) -> Iterator[Finding]:
    if not keys_required(settings):
        return
    try:
        with connect(settings) as client:
            kept = KeyStore(client, settings).all().values()
    except redis.RedisError as error:
        yield Finding.broken(f"the keys cannot be looked up: Redis {trouble_of(error, settings.redis).line}")
        return
    now_ms = clock_ms()
    active = [record for record in kept if record.state(now_ms) == "active"]
    if not active:
        yield Finding.broken("there is no key that is good", remedy="buzzwatch keys create NAME --scopes all")
        return
    for record in active:
        who = f"key {record.id} ({record.name})"
        if record.name == first_key.NAME and record.created_by == "up":
            yield Finding.doubtful(
                f"{who} was made by itself, may do everything and is in a file",
                remedy=f"make keys for people and programs, then buzzwatch keys revoke {record.id}",
            )
        elif record.expires_ms is None:
            yield Finding.doubtful(f"{who} never expires", remedy=f"buzzwatch keys rotate {record.id}")
        elif record.expires_ms < now_ms + _SOON_MS:
            yield Finding.doubtful(f"{who} expires within 14 days", remedy=f"buzzwatch keys rotate {record.id}")
    yield Finding.fine(f"{len(active)} that are good")


def _privacy(settings: Settings) -> Iterator[Finding]:
    if not settings.privacy.secret:
        yield Finding.broken(
            "authors are hashed under a key that everybody can look up: who knows an id can find its hash",
            remedy="set BUZZWATCH_PRIVACY__AUTHOR_KEY to a secret of your own, the same for all workers",
        )
    elif len(settings.privacy.secret) < 16:
        yield Finding.doubtful("the key under which authors are hashed is short", remedy="use 32 random characters")
    else:
        yield Finding.fine("authors are hashed under a key of your own")
    if settings.worker.text == "raw":
        yield Finding.doubtful(
            "scored events hold the text as it came, with handles, addresses and numbers",
            remedy="BUZZWATCH_WORKER__TEXT=masked",
        )


def _kafka(settings: Settings) -> Iterator[Finding]:
    kafka = settings.kafka
    if "kafka" not in settings.external:
        yield Finding.doubtful(
            "Kafka is the one that `buzzwatch up` starts: one broker, no copies, no users",
            remedy="set BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS",
        )
        return
    hosts = [server.strip().rpartition(":")[0] for server in kafka.bootstrap_servers.split(",")]
    if all(map(is_loopback, hosts)):
        yield Finding.fine("on this machine")
    elif kafka.security_protocol != "SASL_SSL" and not (kafka.security_protocol == "SSL" and kafka.ssl_certfile):
        yield Finding.broken(
            f"{kafka.security_protocol}: no one is asked who they are, or anybody on the way can read and write along",
            remedy="BUZZWATCH_KAFKA__SECURITY_PROTOCOL=SASL_SSL, or SSL with a client certificate",
        )
    else:
        yield Finding.fine(kafka.security_protocol)
    copies = kafka.topics.replication_factor
    if copies < _COPIES:
        yield Finding.doubtful(
            f"topics are made with {copies} cop{'y' if copies == 1 else 'ies'}: one lost broker takes tweets along",
            remedy="BUZZWATCH_KAFKA__TOPICS__REPLICATION_FACTOR=3",
        )


def _redis(settings: Settings) -> Iterator[Finding]:
    if "redis" not in settings.external:
        yield Finding.doubtful(
            "Redis is the one that `buzzwatch up` starts: without a password", remedy="set BUZZWATCH_REDIS__URL"
        )
        return
    address = urlsplit(settings.redis.url)
    if address.scheme == "unix" or is_loopback(address.hostname or "localhost"):
        yield Finding.fine("on this machine")
        return
    if not address.password:
        yield Finding.broken(
            "no password: who reaches Redis can make keys of the API and change alerts",
            remedy="redis://USER:PASSWORD@HOST in BUZZWATCH_REDIS__URL",
        )
    if address.scheme in ("redis", "redis+sentinel"):
        yield Finding.doubtful("the connection is not encrypted", remedy="rediss:// in BUZZWATCH_REDIS__URL")


def _mlflow(settings: Settings) -> Iterator[Finding]:
    address = urlsplit(settings.mlflow.tracking_uri)
    if address.scheme not in ("http", "https") or is_loopback(address.hostname or ""):
        yield Finding.fine("on this machine, or a store without a server")
    elif address.scheme == "http":
        yield Finding.broken(
            "the connection is not encrypted: who can change what is loaded chooses the model",
            remedy="https:// in BUZZWATCH_MLFLOW__TRACKING_URI, and users (MLFLOW_TRACKING_USERNAME)",
        )


def _receivers(settings: Settings) -> Iterator[Finding]:
    for network in settings.alerts.allowed_networks:
        if _METADATA in network:
            yield Finding.broken(
                f"receivers may have addresses in {network}, that of the cloud's metadata service among them",
                remedy="name the networks of your receivers alone in BUZZWATCH_ALERTS__ALLOWED_NETWORKS",
            )
        elif network.prefixlen < (8 if network.version == 4 else 32):
            yield Finding.doubtful(
                f"receivers may have any address in {network}", remedy="a smaller BUZZWATCH_ALERTS__ALLOWED_NETWORKS"
            )


_EXAMINED: Final[tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...]] = (
    ("api", _keys_needed),
    ("keys", _keys),
    ("privacy", _privacy),
    ("kafka", _kafka),
    ("redis", _redis),
    ("mlflow", _mlflow),
    ("receivers", _receivers),
)
