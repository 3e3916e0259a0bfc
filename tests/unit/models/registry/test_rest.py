from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pydantic
import pytest

from contracts.errors import Unavailable
from contracts.settings import MlflowSettings
from models.registry.client import NoChampion, Registry
from models.registry.rest import RestClient, RestError, is_plain

SERVER = "http://mlflow.test:5000/base/"
VERSION = {"version": "7", "source": "models:/m-1", "creation_timestamp": 12, "aliases": ["champion"], "tags": []}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("USERNAME", "PASSWORD", "TOKEN", "AUTH", "AWS_SIGV4", "INSECURE_TLS", "SERVER_CERT_PATH"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def client(answer: Callable[[httpx.Request], httpx.Response]) -> RestClient:
    return RestClient(SERVER, 1.0, httpx.MockTransport(answer))


def test_it_asks_for_the_alias_and_reads_the_version() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"model_version": VERSION})

    found = client(answer).get_model_version_by_alias("air line", "champion")
    assert (found.version, found.source, found.creation_timestamp, found.aliases) == (
        "7",
        "models:/m-1",
        12,
        ("champion",),
    )
    assert asked[0].url.path == "/base/api/2.0/mlflow/registered-models/alias"
    assert dict(asked[0].url.params) == {"name": "air line", "alias": "champion"}
    assert "Authorization" not in asked[0].headers


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"USERNAME": "me", "PASSWORD": "pass"}, "Basic " + base64.b64encode(b"me:pass").decode()),
        ({"TOKEN": "a.b"}, "Bearer a.b"),
        ({"USERNAME": "me", "TOKEN": "a.b"}, "Bearer a.b"),
    ],
    ids=["password", "token", "no-password"],
)
def test_credentials_are_those_of_the_mlflow_package(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], header: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", value)
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200, json={"model_version": VERSION})

    client(answer).get_model_version_by_alias("sentiment", "champion")
    assert seen == [header]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (
            httpx.Response(404, json={"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}),
            "RESOURCE_DOES_NOT_EXIST",
        ),
        (httpx.Response(401, text="who are you"), "401"),
        (httpx.Response(500, json=["odd"]), "500"),
        (httpx.Response(502, json={"detail": "none"}), "502"),
    ],
    ids=["mlflow", "text", "list", "other"],
)
def test_an_error_keeps_its_code(answer: httpx.Response, code: str) -> None:
    with pytest.raises(RestError) as raised:
        client(lambda _: answer).get_model_version_by_alias("sentiment", "champion")
    assert raised.value.error_code == code


def test_who_is_not_mlflow_is_found_out() -> None:
    with pytest.raises(pydantic.ValidationError):
        client(lambda _: httpx.Response(200, text="<html>welcome</html>")).get_model_version_by_alias(
            "sentiment", "champion"
        )


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "databricks", "./mlruns"])
def test_stores_that_are_no_http_server_are_for_the_package(uri: str) -> None:
    assert not is_plain(uri)


def test_what_this_module_does_not_know_is_for_the_package(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_plain(SERVER)
    with monkeypatch.context() as more:
        more.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        assert not is_plain(SERVER)
    (home / ".mlflow").mkdir()
    (home / ".mlflow" / "credentials").write_text("[mlflow]\n")
    assert not is_plain(SERVER)


def test_a_user_without_a_home_reaches_mlflow_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nowhere)
    assert is_plain(SERVER)


@pytest.mark.parametrize(
    ("status", "body", "raised", "said"),
    [
        (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "x"}, NoChampion, "has the alias 'champion'"),
        (403, {"error_code": "PERMISSION_DENIED", "message": "not you"}, Unavailable, "PERMISSION_DENIED: not you"),
        (500, ["oops"], Unavailable, "answers with an error .500: Internal Server Error"),
        (200, {"welcome": 1}, Unavailable, "is not MLflow .model_version: Field required.: set BUZZWATCH_MLFLOW"),
    ],
)
def test_the_registry_says_it_in_a_line(
    monkeypatch: pytest.MonkeyPatch, status: int, body: object, raised: type[Exception], said: str
) -> None:
    registry = Registry(MlflowSettings(tracking_uri=SERVER), client(lambda _: httpx.Response(status, json=body)))
    with pytest.raises(raised, match=said) as error:
        registry.champion()
    assert "\n" not in str(error.value)
    registry.close()


def test_tags_and_aliases_of_a_model_are_read_and_tags_are_set() -> None:
    requests: list[tuple[str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append((request.url.path, json.loads(request.content) if request.content else None))
        tags = [{"key": "champions", "value": "1,2"}, {"key": "empty"}]
        model = {"name": "sentiment", "tags": tags, "aliases": [{"alias": "champion", "version": "2"}]}
        return httpx.Response(200, json={"registered_model": model} if request.method == "GET" else {})

    registry = client(answer)
    assert registry.get_registered_model("sentiment") == ({"champions": "1,2", "empty": ""}, {"champion": "2"})
    registry.set_registered_model_tag("sentiment", "champions", "1,2,3")
    registry.set_model_version_tag("sentiment", "3", "served_at", "now")
    api = "/base/api/2.0/mlflow"
    assert requests[1:] == [
        (f"{api}/registered-models/set-tag", {"name": "sentiment", "key": "champions", "value": "1,2,3"}),
        (f"{api}/model-versions/set-tag", {"name": "sentiment", "version": "3", "key": "served_at", "value": "now"}),
    ]
