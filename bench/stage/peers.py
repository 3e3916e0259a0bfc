"""Virtual environments for peers that need other versions of our libraries; made at their first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Final

from contracts.errors import Unavailable

_HERE: Final = Path(__file__).parent.parent
_PEERS: Final = _HERE / ".venv-peers"
_SERVING: Final = _HERE / ".venv-serving"
_NANNYML: Final = _HERE / ".venv-nannyml"
_PYFLINK: Final = _HERE / ".venv-pyflink"
_CONNECTOR_POM: Final = _HERE / "connector" / "pom.xml"
_JARS: Final = _PYFLINK / "jars"
_INSTALL_S: Final = 540.0


def our_python() -> str:
    """The interpreter that runs this."""
    return sys.executable


def peers_python() -> str:
    """The interpreter of `bench/.venv-peers`, with bytewax and quixstreams.

    Raises:
        Unavailable: the packages cannot be installed here.
    """
    return _environment(_PEERS, _HERE / "peers.txt")


def serving_python() -> str:
    """The interpreter of `bench/.venv-serving`, with BentoML and LitServe.

    Raises:
        Unavailable: the packages cannot be installed here.
    """
    return _environment(_SERVING, _HERE / "serving.txt")


def nannyml_python() -> str:
    """The interpreter of `bench/.venv-nannyml`, with NannyML.

    Raises:
        Unavailable: the packages cannot be installed here.
    """
    return _environment(_NANNYML, _HERE / "nannyml.txt")


def pyflink_python() -> str:
    """The interpreter of `bench/.venv-pyflink`, with Flink's jars and its Kafka connector.

    Raises:
        Unavailable: no Java or Maven here, or the packages cannot be installed; which one, and what to do.
    """
    for program, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            raise Unavailable(f"PyFlink needs {program}: apt-get install {package}")
    return _environment(_PYFLINK, _HERE / "pyflink.txt", _fetch_connector)


def kafka_connector() -> Path:
    """Flink's Kafka connector, one jar with everything in it."""
    [jar] = _JARS.glob("flink-sql-connector-kafka-*.jar")
    return jar


def _environment(folder: Path, requirements: Path, more: Callable[[], None] | None = None) -> str:
    """A virtual environment with the packages of a hashed list: theirs first, ours behind them."""
    python = folder / "bin" / "python"
    done = folder / "installed.txt"
    if done.exists() and done.read_text() == requirements.read_text():
        return str(python)
    venv.create(folder, clear=True, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command = [*install, "--require-hashes", "--requirement", str(requirements)]
    _run(command, f"the packages of {requirements.name} cannot be installed")
    if more is not None:
        more()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    ours = f"{sysconfig.get_path('purelib')}\n{_HERE.parent}\n"
    (folder / "lib" / version / "site-packages" / "zz_buzzwatch.pth").write_text(ours)
    done.write_text(requirements.read_text())
    return str(python)


def _fetch_connector() -> None:
    command = ["mvn", "--quiet", "--batch-mode", "--file", str(_CONNECTOR_POM), "dependency:copy-dependencies"]
    _run([*command, f"-DoutputDirectory={_JARS}"], "Maven cannot fetch Flink's Kafka connector")


def _run(command: list[str], complaint: str) -> None:
    """Raises: Unavailable with the complaint and the command's first line that says ERROR, or its last one."""
    try:
        done = subprocess.run(command, check=False, timeout=_INSTALL_S, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{complaint} within {_INSTALL_S:.0f} s") from None
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["no reason given"]
        raise Unavailable(f"{complaint}: {next((line for line in lines if 'ERROR' in line), lines[-1])[:300]}")
