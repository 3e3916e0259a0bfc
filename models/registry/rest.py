"""What serving asks MLflow, as plain REST calls: which version has the alias, and to note that it serves.

The `mlflow` package does the same, but its import takes three seconds of processor time and 140 MiB, in the first
seconds of a worker, when it catches up. It is imported when files are to be downloaded, and where the connection to the
server needs more than this module supports (`is_plain`).

Source: MLflow, REST API, "Registered Models" and "Model Versions".
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pydantic

_API: Final = "/api/2.0/mlflow"
_NEED_THE_PACKAGE: Final = (
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_WORKSPACE",
)
_CREDENTIALS: Final = Path("~/.mlflow/credentials")


class Version(pydantic.BaseModel):
    """What is used of a model version."""

    version: str
    source: str = ""
    creation_timestamp: int = 0
    aliases: tuple[str, ...] = ()


class _Pair(pydantic.BaseModel):
    key: str
    value: str = ""


class _Alias(pydantic.BaseModel):
    alias: str
    version: str


class _Model(pydantic.BaseModel):
    tags: tuple[_Pair, ...] = ()
    aliases: tuple[_Alias, ...] = ()


class _VersionAnswer(pydantic.BaseModel):
    model_version: Version


class _ModelAnswer(pydantic.BaseModel):
    registered_model: _Model


class RegisteredModel(NamedTuple):
    """What is used of a registered model."""

    tags: dict[str, str]
    aliases: dict[str, str]
    """Alias → version."""


class RestError(Exception):
    """MLflow answers with an error.

    Attributes:
        error_code: as MlflowException has it, or the HTTP status where the answer has none.
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


class RestClient:
    """Keeps one connection to MLflow. Methods are named as those of `mlflow.MlflowClient`, and raise:

    - RestError: MLflow refuses.
    - httpx.HTTPError: nothing answers.
    - pydantic.ValidationError: what answers is not MLflow.

    Args:
        tracking_uri: the server's, for which `is_plain` holds.
        timeout_s: of one request.
        transport: instead of the network.
    """

    def __init__(self, tracking_uri: str, timeout_s: float, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=True, auth=_credentials(), transport=transport)
        self._url = tracking_uri.rstrip("/") + _API

    def get_model_version_by_alias(self, name: str, alias: str) -> Version:
        """The version of the model `name` that has the alias."""
        answer = self._request("GET", "/registered-models/alias", params={"name": name, "alias": alias})
        return _VersionAnswer.model_validate_json(answer).model_version

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Tags and aliases of a model."""
        answer = self._request("GET", "/registered-models/get", params={"name": name})
        model = _ModelAnswer.model_validate_json(answer).registered_model
        return RegisteredModel(
            {tag.key: tag.value for tag in model.tags}, {one.alias: one.version for one in model.aliases}
        )

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        """Set a tag of a model."""
        self._request("POST", "/registered-models/set-tag", json={"name": name, "key": key, "value": value})

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Set a tag of a version."""
        body = {"name": name, "version": version, "key": key, "value": value}
        self._request("POST", "/model-versions/set-tag", json=body)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _request(self, method: str, path: str, **options: Any) -> bytes:
        answer = self._client.request(method, self._url + path, **options)
        if answer.is_success:
            return answer.content
        try:
            problem = answer.json()
            raise RestError(str(problem["error_code"]), str(problem.get("message", "")))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise RestError(str(answer.status_code), answer.reason_phrase) from None


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
