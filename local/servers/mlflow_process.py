"""MLflow's server in this process: `python -m local.servers.mlflow_process STORE ARTIFACTS PORT`.

`mlflow server` does the same in two processes that both import all of MLflow, seven seconds of processor time each.
Source: MLflow's own command (`mlflow.cli.server`) and the variables that its application reads (`mlflow.server`).
"""

from __future__ import annotations

import os
import sys

import uvicorn


def main(store: str, artifacts: str, port: int) -> None:
    """Create or migrate the tables, then serve until SIGTERM.

    Args:
        store: address of the database, as SQLAlchemy writes it.
        artifacts: folder or bucket (`s3://…`) for the files of runs and models.
        port: on 127.0.0.1.
    """
    # MLflow 3.5 and later answers only to host names it knows.
    os.environ["MLFLOW_SERVER_ALLOWED_HOSTS"] = f"127.0.0.1:{port},localhost:{port}"
    from mlflow.server import constants
    from mlflow.server.handlers import initialize_backend_stores

    root = "mlflow-artifacts:/"  # clients send files to the server
    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = store
    os.environ[constants.REGISTRY_STORE_URI_ENV_VAR] = store
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = root
    os.environ[constants.ARTIFACTS_DESTINATION_ENV_VAR] = artifacts
    os.environ[constants.SERVE_ARTIFACTS_ENV_VAR] = "true"
    initialize_backend_stores(store, store, root)
    uvicorn.run("mlflow.server.fastapi_app:app", host="127.0.0.1", port=port, access_log=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
