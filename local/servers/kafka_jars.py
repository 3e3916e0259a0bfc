"""Kafka's jars, copied by Maven from what `pom.xml` names: once, until that file changes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock

from contracts.errors import Unavailable
from contracts.settings import ROOT

POM = ROOT / "pom.xml"
# Not under the data folder of a setting: test servers and several stacks share the jars.
JARS = ROOT / "var" / "kafka-jars"


def kafka_version() -> str:
    """The version that `pom.xml` names."""
    found = re.search(r"<kafka\.version>([^<]+)</kafka\.version>", POM.read_text(encoding="utf-8"))
    assert found is not None, "pom.xml names no kafka.version"
    return found[1]


def have_jars() -> bool:
    """Whether the jars of the present `pom.xml` are here."""
    stamp = JARS / ".pom"
    return POM.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == _expected()


def ensure_jars() -> Path:
    """The folder with the jars; fetches them when they are missing or older than `pom.xml`.

    Raises:
        Unavailable: no Maven here, or it failed; its first complaint. What was installed from a wheel has no `pom.xml`.
    """
    if have_jars():
        return JARS
    if not POM.exists():
        raise Unavailable(
            "only a checkout of the repository can start a Kafka: set BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS to yours"
        )
    JARS.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(JARS.parent / "kafka-jars.lock"):
        if not have_jars():
            _fetch()
    return JARS


def _expected() -> str:
    return hashlib.sha256(POM.read_bytes()).hexdigest()


def _fetch() -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable(
            "Kafka's jars are not here and Maven (mvn) is missing: install it (apt-get install maven) "
            "or set BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"
        )
    # Fetched beside and renamed, so that a fetch that was cut off leaves nothing that looks complete.
    with tempfile.TemporaryDirectory(dir=JARS.parent) as folder:
        fresh = Path(folder) / "jars"
        command = [maven, "--quiet", "--batch-mode", "--file", str(POM), "dependency:copy-dependencies",
                   "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"]  # fmt: skip
        brief = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # seconds of work: not worth a second compiler
        environment = {"MAVEN_OPTS": brief, **os.environ}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
            raise Unavailable(f"Maven cannot fetch Kafka's jars: {errors[0] if errors else done.stderr.strip()[:300]}")
        (fresh / ".pom").write_text(_expected(), encoding="ascii")
        if JARS.exists():
            shutil.rmtree(JARS)
        fresh.rename(JARS)
