"""MLflow as training uses it: imported late, quiet, and its failures in one line."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from contracts.errors import Unavailable
from contracts.settings import Settings
from models.registry.client import short_cause, without_password


@contextmanager
def connected(settings: Settings) -> Iterator[Any]:
    """MLflow, talking to the server of the settings; its failures in one line."""
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # standard output is for the report
    }.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        # MLflow warns about type hints of its own when it is imported, and about choices that were made on purpose.
        warnings.simplefilter("ignore")
        import mlflow
        from mlflow.exceptions import MlflowException

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        # Warns of a missing Git, which no image has: a run in a checkout notes the commit.
        logging.getLogger("mlflow.utils.git_utils").setLevel(logging.ERROR)
        uri = settings.mlflow.tracking_uri
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            mlflow.set_experiment(settings.mlflow.model_name)
            yield mlflow
        except (MlflowException, OSError) as error:
            raise Unavailable(
                f"MLflow at {without_password(uri)}: {short_cause(error)} (start it with `buzzwatch up` or set "
                "BUZZWATCH_MLFLOW__TRACKING_URI)"
            ) from None
