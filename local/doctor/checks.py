"""What `buzzwatch doctor` asks: one check per component, each with its version and what to do."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import httpx

from alerts.receivers.checks import receivers_can_be_reached
from alerts.rules.checks import kept_long_enough
from contracts.errors import ArtefactError, BuzzwatchError
from contracts.redaction import redacted
from contracts.rules.file import load_rules
from contracts.settings import Settings
from local.doctor.check_servers import check_kafka, check_mlflow, check_redis, check_topics
from local.doctor.findings import Finding
from local.servers.kafka_jars import have_jars, kafka_version
from local.servers.server import reachable_host


class Probe(NamedTuple):
    """A component and how to examine it."""

    component: str
    examine: Callable[[Settings], Finding]


def findings(settings: Settings) -> Iterator[Finding]:
    """Examine all components at once, for a server that is away takes seconds each; told in the order of `PROBES`.

    None of them raises.
    """
    with ThreadPoolExecutor(len(PROBES)) as pool:
        yield from pool.map(partial(_examined, settings), PROBES)


def _examined(settings: Settings, probe: Probe) -> Finding:
    try:
        finding = probe.examine(settings)
    except BuzzwatchError as error:
        finding = Finding.broken(str(error))
    except Exception as error:  # the doctor must not be the patient
        finding = Finding.broken(f"cannot be examined: {type(error).__name__}: {error}".splitlines()[0])
    detail, remedy = redacted(finding.detail), redacted(finding.remedy)
    return finding._replace(component=probe.component, detail=detail, remedy=remedy)


def _python(_: Settings) -> Finding:
    version = platform.python_version()
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding.broken("buzzwatch is for Python 3.11 to 3.13", version, "run `make setup` with one of them")
    return Finding.fine(sys.executable, version)


def _java(settings: Settings) -> Finding:
    if "kafka" in settings.external:
        return Finding.fine("not needed, Kafka is elsewhere")
    install = "apt-get install openjdk-17-jre-headless"
    java = shutil.which("java")
    if java is None:
        return Finding.broken("missing; the local Kafka needs it", remedy=install)
    printed = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30).stderr
    found = re.search(r'version "(\d+)([^"]*)"', printed)
    if found is None:
        return Finding.broken(f"{java} does not run: {printed.strip()[:100]}", remedy=install)
    if int(found[1]) < 17:
        return Finding.broken("Kafka 4 needs Java 17", found[1] + found[2], install)
    return Finding.fine(java, found[1] + found[2])


def _maven(settings: Settings) -> Finding:
    if "kafka" in settings.external:
        return Finding.fine("not needed, Kafka is elsewhere")
    if have_jars():
        return Finding.fine(f"not needed, the jars of Kafka {kafka_version()} are here")
    maven = shutil.which("mvn")
    if maven is None:
        return Finding.broken("missing; it fetches Kafka's jars", remedy="apt-get install maven")
    return Finding.fine(f"{maven}; Kafka's jars are fetched at the first `buzzwatch up`")


def _redis_server(settings: Settings) -> Finding:
    if "redis" in settings.external:
        return Finding.fine("not needed, Redis is elsewhere")
    binary = shutil.which("redis-server")
    if binary is None:
        return Finding.broken("missing; the local Redis is it", remedy="apt-get install redis-server")
    printed = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    found = re.search(r"v=(\S+)", printed)
    return Finding.fine(binary, found[1] if found else "")


def _rules(settings: Settings) -> Finding:
    rules = load_rules(settings.rules, kept_long_enough(settings.alerts), receivers_can_be_reached)
    counts = f"{len(rules.watches)} watches, {len(rules.themes)} themes, {len(rules.rules)} rules"
    return Finding.fine(f"{settings.rules}: {counts}, {len(rules.receivers)} receivers")


def _privacy(settings: Settings) -> Finding:
    if settings.privacy.secret:
        return Finding.fine("authors are hashed under a key of your own")
    return Finding.doubtful(
        "authors are hashed under a key that everybody can look up: who knows an id can find its hash",
        remedy="set BUZZWATCH_PRIVACY__AUTHOR_KEY to a secret, the same for all workers",
    )


def _artefact(settings: Settings) -> Finding:
    from models.base.artefact import load_artefact

    try:
        model = load_artefact(settings.artefact)
    except ArtefactError as error:
        return Finding.broken(str(error), remedy="check BUZZWATCH_ARTEFACT, or restore the folder from the project")
    return Finding.fine(f"{settings.artefact} loads", str(model.metadata.get("format_version", "")))


def _worker(settings: Settings) -> Finding:
    return _asked(settings.worker.web_host, settings.worker.web_port, "/readyz")


def _notifier(settings: Settings) -> Finding:
    return _asked(settings.worker.web_host, settings.alerts.metrics_port, "/readyz")


def _api(settings: Settings) -> Finding:
    return _asked(settings.api.host, settings.api.port, "/readyz")


def _asked(host: str, port: int, path: str) -> Finding:
    url = f"http://{reachable_host(host)}:{port}{path}"
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        return Finding.broken(f"{url} does not answer ({error})", remedy="buzzwatch up")
    if answer.is_success:
        return Finding.fine(f"{url} answers")
    answered = " ".join(answer.text.split())[:150]
    return Finding.broken(f"{url} answers {answer.status_code}: {answered}", remedy="read its log in the data folder")


PROBES: tuple[Probe, ...] = (
    Probe("python", _python),
    Probe("java", _java),
    Probe("maven", _maven),
    Probe("redis-server", _redis_server),
    Probe("rules", _rules),
    Probe("artefact", _artefact),
    Probe("privacy", _privacy),
    Probe("kafka", check_kafka),
    Probe("topics", check_topics),
    Probe("redis", check_redis),
    Probe("mlflow", check_mlflow),
    Probe("worker", _worker),
    Probe("notifier", _notifier),
    Probe("api", _api),
)
