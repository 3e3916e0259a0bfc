"""The one question that serving asks MLflow again and again, which version has the alias, as a plain REST call.

The `mlflow` package answers it too, but its import takes more than a second of processor time and 140 MiB, in the first
seconds of a worker, when it catches up. It is imported when files are to be downloaded, and where the way to the server
needs more than this module knows (`is_plain`).

Source: MLflow, REST API, "Get Model Version by Alias".
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

import httpx
import pydantic

_ENDPOINT: Final = "/api/2.0/mlflow/registered-models/alias"
_NEED_THE_PACKAGE: Final = (
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_WORKSPACE",
)
_CREDENTIALS: Final = Path("~/.mlflow/credentials")


class AliasAnswer(pydantic.BaseModel):
    """What of MLflow's answer is used."""

    version: str
    source: str = ""
    creation_timestamp: int = 0
    aliases: tuple[str, ...] = ()


class _Found(pydantic.BaseModel):
    model_version: AliasAnswer


class RestError(Exception):
    """MLflow answers with an error.

    Attributes:
        error_code: as MlflowException has it, or the HTTP status where MLflow says none.
    """

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(f"{error_code}: {message}")
        self.error_code = error_code


def is_plain(tracking_uri: str) -> bool:
    """Whether the server is reached by HTTP with no more than a password or a token."""
    return (
        tracking_uri.startswith(("http://", "https://"))
        and not any(os.environ.get(name) for name in _NEED_THE_PACKAGE)
        and not _has_credentials()
    )


def _has_credentials() -> bool:
    try:
        return _CREDENTIALS.expanduser().exists()
    except (RuntimeError, OSError):  # a user without a home, as in some containers, or one that is not ours to read
        return False


class AliasReader:
    """Keeps one connection to MLflow.

    Args:
        tracking_uri: the server's, for which `is_plain` holds.
        timeout_s: of one request.
        transport: instead of the network.
    """

    def __init__(self, tracking_uri: str, timeout_s: float, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=True, auth=_credentials(), transport=transport)
        self._url = tracking_uri.rstrip("/") + _ENDPOINT

    def read(self, name: str, alias: str) -> AliasAnswer:
        """The version of the model `name` that has the alias.

        Raises:
            RestError: MLflow says why not.
            httpx.HTTPError: nobody answers.
            pydantic.ValidationError: who answers is not MLflow.
        """
        answer = self._client.get(self._url, params={"name": name, "alias": alias})
        if answer.is_success:
            return _Found.model_validate_json(answer.content).model_version
        try:
            told = answer.json()
            raise RestError(str(told["error_code"]), str(told.get("message", "")))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RestError(str(answer.status_code), answer.reason_phrase) from None

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _credentials() -> httpx.Auth | None:
    """As the `mlflow` package reads them; those in the address are httpx's own business."""
    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    if user and password:
        return httpx.BasicAuth(user, password)
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return _Bearer(token)
    return None


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = self._header
        yield request
