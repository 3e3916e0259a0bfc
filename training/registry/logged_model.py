"""A model as MLflow keeps it: the artefact folder, and the script by which `mlflow.pyfunc` loads it.

`mlflow.pyfunc.log_model` leaves the same behind and imports pandas, which the serving image does without.
Source: MLflow, "MLmodel format" and "Custom Python models".
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from contracts.events import SENTIMENTS

ARTEFACT: Final = "artifacts/linear"
"""Where in a registered version's files the artefact folder lies."""
_SCRIPT: Final = "buzzwatch_pyfunc"
_REQUIREMENTS: Final = ("mlflow", "numba", "numpy", "pandas")


def log_artefact(mlflow: Any, artefact: Path) -> str:
    """Log an artefact folder as a model of the run that is open, with the run's parameters and metrics.

    Returns:
        The URI to register it by.
    """
    from mlflow.entities import LoggedModelOutput, Metric

    client, run_id = mlflow.MlflowClient(), mlflow.active_run().info.run_id
    run = client.get_run(run_id)
    logged = client.create_logged_model(
        run.info.experiment_id, name="model", source_run_id=run_id, params=run.data.params
    )
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    now = run.info.start_time
    metrics = [
        Metric(name, value, now, 0, model_id=logged.model_id, run_id=run_id) for name, value in run.data.metrics.items()
    ]
    client.log_batch(run_id, metrics=metrics)
    with tempfile.TemporaryDirectory() as scratch:
        _write_files(Path(scratch), logged, artefact)
        client.log_model_artifacts(logged.model_id, scratch)
    client.finalize_logged_model(logged.model_id, "READY")
    return f"models:/{logged.model_id}"


def _write_files(folder: Path, logged: Any, artefact: Path) -> None:
    from mlflow.models import Model

    shutil.copytree(artefact, folder / ARTEFACT)
    (folder / "code").mkdir()
    shutil.copy(Path(__file__).with_name("pyfunc_model.py"), folder / "code" / f"{_SCRIPT}.py")
    python = platform.python_version()
    (folder / "requirements.txt").write_text("\n".join(_REQUIREMENTS) + "\n", encoding="utf-8")
    environment = {"python": python, "dependencies": ["-r requirements.txt"]}
    (folder / "python_env.yaml").write_text(json.dumps(environment, indent=1) + "\n", encoding="utf-8")
    model = Model(
        artifact_path=logged.artifact_location,
        run_id=logged.source_run_id,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
    )
    model.add_flavor(
        "python_function",
        loader_module=_SCRIPT,
        code="code",
        data=ARTEFACT,
        env={"virtualenv": "python_env.yaml"},
        python_version=python,
    )
    # JSON is YAML. The signature is added here, since MLflow's class for it imports pandas.
    document = model.to_dict() | {"signature": _signature()}
    (folder / "MLmodel").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _signature() -> dict[str, str | None]:
    """A text in, a probability for each label and the likeliest label out."""
    from mlflow.types import ColSpec, DataType, Schema

    scores = [ColSpec(DataType.float, name) for name in SENTIMENTS]
    return {
        "inputs": json.dumps(Schema([ColSpec(DataType.string, "text")]).to_dict()),
        "outputs": json.dumps(Schema([*scores, ColSpec(DataType.string, "sentiment")]).to_dict()),
        "params": None,
    }
