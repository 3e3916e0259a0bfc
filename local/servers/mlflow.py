"""MLflow of the local stack: one server process on SQLite that also keeps the artifacts."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from contracts.errors import Unavailable
from contracts.extras import what_to_install
from contracts.settings import LocalSettings
from local.servers.server import Server, is_listening, make_folder, says_ok

ENVIRONMENT: Final[Mapping[str, str]] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # Its job runner is for hosted evaluations; without it there are two processes instead of six.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONUNBUFFERED": "1",
}


def mlflow_server(local: LocalSettings) -> Server:
    """The server on `local.mlflow_port`, its data under `local.data_dir`.

    Raises:
        Unavailable: the full MLflow is not installed, or the folder cannot be written.
    """
    # mlflow-skinny, which serving installs, has no server; the database layer comes with the full one only.
    if importlib.util.find_spec("mlflow") is None or importlib.util.find_spec("sqlalchemy") is None:
        raise Unavailable(
            f"MLflow's server cannot be started: {what_to_install('sqlalchemy')}, or name a server in "
            "BUZZWATCH_MLFLOW__TRACKING_URI"
        )
    data_dir = local.data_dir.absolute()
    folder = make_folder(data_dir / "mlflow")
    logs = make_folder(data_dir / "logs")
    database = folder / "mlflow.db"
    artifacts = make_folder(folder / "artifacts")
    begun = folder / ".creating"

    def ready() -> bool:
        answers = _answers(local.mlflow_port)
        if answers:
            begun.unlink(missing_ok=True)
        return answers

    return Server(
        name="mlflow",
        command=(
            *(sys.executable, "-m", "local.servers.mlflow_process"),
            *(f"sqlite:///{database}", str(artifacts), str(local.mlflow_port)),
        ),
        log=logs / "mlflow.log",
        ports={"BUZZWATCH_LOCAL__MLFLOW_PORT": local.mlflow_port},
        prepare=lambda: _remove_half_a_database(database, begun),
        ready=ready,
        environment=ENVIRONMENT,
        is_spare=True,  # the champion is served from the cache
        start_timeout_s=300,
    )


def _remove_half_a_database(database: Path, begun: Path) -> None:
    """The server creates its tables when it first starts; if it is killed meanwhile it cannot resume that.

    `begun` is there from before the first start until the server has answered, so that a database beside it is empty.
    (`mlflow db upgrade` into another file would import all of MLflow once more: a sixth of the time of a first start.)
    """
    if begun.exists():
        for file in database.parent.glob(f"{database.name}*"):
            file.unlink()
    elif not database.exists():
        begun.touch()


def _answers(port: int) -> bool:
    return is_listening(port) and says_ok(f"http://127.0.0.1:{port}/health")
