"""A registry as a deployment has it: MLflow on PostgreSQL, artefacts in a bucket."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from contracts.settings import ROOT
from local.servers.mlflow import ENVIRONMENT
from local.servers.server import Server, is_listening, says_ok
from tests.environments import environment
from tests.servers import RunningServer, free_ports

BUCKET = "models"
_USER, _PASSWORD = "mlflow", "registry-secret"
_KEYS = {"AWS_ACCESS_KEY_ID": "operator", "AWS_SECRET_ACCESS_KEY": "bucket-secret", "AWS_DEFAULT_REGION": "us-east-1"}


def _postgres(program: str) -> str:
    """A program of PostgreSQL; Debian keeps the server's outside of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    path = shutil.which(program) or (str(found[-1]) if found else None)
    assert path, "no PostgreSQL: run `make setup`"
    return path


def _as_nobody_special(command: Sequence[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return list(command)
    user = ("--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--pdeathsig", "TERM")
    return ["setpriv", *user, *command]


@contextmanager
def _running(server: Server, address: str) -> Iterator[str]:
    """Its address while it runs."""
    running = RunningServer(server, address)
    running.start()
    try:
        yield running.address
    finally:
        running.kill()


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty database, as SQLAlchemy writes it."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # not pytest's, which only its own user may enter
    [port] = free_ports(1)
    try:
        (folder / "password").write_text(_PASSWORD)
        if os.getuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        made = [_postgres("initdb"), "--pgdata", str(folder / "data"), "--username", _USER, "--encoding", "UTF8"]
        made += ["--auth", "scram-sha-256", "--pwfile", str(folder / "password"), "--no-sync", "--locale", "C"]
        subprocess.run(_as_nobody_special(made), cwd=folder, check=True, capture_output=True)
        command = [_postgres("postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder)]
        command += ["-c", "fsync=off"]
        server = Server(
            name="postgres",
            command=tuple(_as_nobody_special(command)),
            log=folder / "postgres.log",
            ports={"PORT": port},
            ready=lambda: is_listening(port),
        )
        with _running(server, f"postgresql://{_USER}:{_PASSWORD}@127.0.0.1:{port}/postgres") as address:
            yield address
    finally:
        shutil.rmtree(folder)


@contextmanager
def bucket(folder: Path) -> Iterator[str]:
    """The address of a store that speaks S3, with an empty bucket."""
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    server = Server(
        name="s3",
        command=(sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)),
        log=folder / "s3.log",
        ports={"PORT": port},
        ready=lambda: is_listening(port),
    )
    with _running(server, url):
        httpx.put(f"{url}/{BUCKET}", trust_env=False, timeout=60).raise_for_status()
        yield url


def objects(url: str) -> list[str]:
    """The names of what is in the bucket."""
    listed = httpx.get(f"{url}/{BUCKET}?list-type=2", trust_env=False, timeout=60).raise_for_status()
    return re.findall(r"<Key>([^<]+)</Key>", listed.text)


@contextmanager
def registry(folder: Path, database: str, s3: str) -> Iterator[str]:
    """The address of an MLflow that keeps everything there, run by what its image has installed."""
    [port] = free_ports(1)
    python = str(environment(ROOT / "deploy" / "mlflow.lock"))
    server = Server(
        name="mlflow",
        command=(python, "-m", "local.servers.mlflow_process", database, f"s3://{BUCKET}/registry", str(port)),
        log=folder / "mlflow.log",
        ports={"PORT": port},
        ready=lambda: is_listening(port) and says_ok(f"http://127.0.0.1:{port}/health"),
        environment={**ENVIRONMENT, **_KEYS, "MLFLOW_S3_ENDPOINT_URL": s3, "PYTHONPATH": str(ROOT)},
        start_timeout_s=300,
    )
    with _running(server, f"http://127.0.0.1:{port}") as address:
        yield address
