"""The images without a container engine: what docker-compose.yml starts and what an operator types, run in environments
made from the images' lock files, with the files that the Dockerfile copies, against real servers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from contracts.settings import ROOT
from local.servers.server import Server
from models.base.artefact import METADATA
from tests.environments import environment
from tests.servers import RunningServer, free_ports
from tests.unit.models.deep.tiny import tiny_model
from tests.waiting import until

if TYPE_CHECKING:
    from mlflow import MlflowClient

pytestmark = pytest.mark.timeout(600)  # the first time environments are made

LABELLED = "text,label\nlost my bag again,negative\nthank you lovely crew,positive\nwhen does the gate open,neutral\n"


class Image:
    """The runtime image's environment and files, and the compose file's variables with real servers' addresses."""

    def __init__(self, python: Path, app: Path, data: Path, addresses: dict[str, str]) -> None:
        self._python, self._app, self._data, self._addresses = python, app, data, addresses
        self.api, self._web, self._metrics = free_ports(3)
        self.compose: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")

    def variables(self, service: str) -> dict[str, str]:
        named = self.compose["services"][service]["environment"]
        ours = {name: str(value) for name, value in named.items() if value is not None}
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("BUZZWATCH_", "PYTHON"))},
            **ours,
            **self._addresses,
            "BUZZWATCH_RULES": str(self._app / "alerts" / "default_rules.yaml"),
            "BUZZWATCH_LOCAL__DATA_DIR": str(self._data / service),
            "BUZZWATCH_WORKER__WEB_PORT": str(self._web),
            "BUZZWATCH_WORKER__INSTANCE": f"{service}-{self._web}",
            "BUZZWATCH_ALERTS__METRICS_PORT": str(self._metrics),
            "PYTHONPATH": str(self._app),
            "PYTHONUNBUFFERED": "1",
        }

    def command(self, words: list[str]) -> tuple[str, ...]:
        """A command of the compose file as it is run here."""
        program = {"buzzwatch": [str(self._python), str(self._app / "buzzwatch")], "python": [str(self._python)]}
        rest = [str(self.api) if word == "8000" else word for word in words[1:]]
        return (*program[words[0]], *rest)

    def service(self, name: str) -> RunningServer:
        """A lasting service, not started; ready when its health check's address answers."""
        check = str(self.compose["services"][name]["healthcheck"]["test"])
        found = re.search(r"localhost:(\d+)(/\w+)", check)
        assert found is not None
        port = {"worker": self._web, "notifier": self._metrics, "api": self.api}[name]
        url = f"http://127.0.0.1:{port}{found[2]}"
        self._data.joinpath(name).mkdir(parents=True, exist_ok=True)
        server = Server(
            name=name,
            command=("env", "-C", str(self._app), *self.command(self.compose["services"][name]["command"])),
            log=self._data / f"{name}.log",
            ports={},
            ready=lambda: answers(url),
            environment=self.variables(name),
            start_timeout_s=300,
        )
        return RunningServer(server, url)

    def get(self, path: str) -> dict[str, Any]:
        """What the API answers to the first key, which `prepare` has made."""
        key = (self._data / "worker" / "first-key").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.api}{path}", headers={"authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def run(self, *arguments: str, text: str = "", expect: int = 0) -> subprocess.CompletedProcess[str]:
        """A `buzzwatch` command as an operator types it in the worker's container."""
        done = subprocess.run(
            self.command(["buzzwatch", *arguments]),
            env=self.variables("worker"),
            cwd=self._data,
            input=text,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = f"{arguments}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        assert done.returncode == expect, said
        assert "Traceback" not in done.stdout + done.stderr, said
        return done


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pythons() -> dict[str, Path]:
    """Image → Python of its environment."""
    locks = dict(re.findall(r"AS (\w+)-packages\nCOPY deploy/(\w+\.lock)", dockerfile()))
    with ThreadPoolExecutor() as pool:
        made = pool.map(lambda lock: environment(ROOT / "deploy" / lock), locks.values())
        return dict(zip(locks, made, strict=True))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Dockerfile copies to /app, and the console script."""
    folder = tmp_path_factory.mktemp("app")
    for name in re.findall(r"^COPY (?!--|deploy)(\w+) \1$", dockerfile(), re.MULTILINE):
        shutil.copytree(ROOT / name, folder / name)  # with the compiled kernels of this machine
    shutil.copy(ROOT / "deploy" / "entrypoint", folder / "buzzwatch")
    return folder


@pytest.fixture(scope="module")
def registry(pythons: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The mlflow image's server, started as its Dockerfile says."""
    data = tmp_path_factory.mktemp("registry")
    entry = re.search(r"AS mlflow\n.*?ENTRYPOINT (\[.*?\])\n", dockerfile(), re.DOTALL)
    assert entry is not None
    [port] = free_ports(1)
    words: list[str] = json.loads(entry[1].replace("\\\n", ""))
    words = [word.replace("/data/", f"{data}/").replace("0.0.0.0", "127.0.0.1") for word in words]
    words = [str(port) if word == "5000" else word for word in words]
    url = f"http://127.0.0.1:{port}"
    server = Server(
        name="mlflow",
        command=(str(pythons["mlflow"].with_name("mlflow")), *words[1:], "--allowed-hosts", f"127.0.0.1:{port}"),
        log=data / "mlflow.log",
        ports={},
        ready=lambda: answers(f"{url}/health"),
        environment={"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        start_timeout_s=300,
    )
    running = RunningServer(server, url)
    running.start()
    yield url
    running.stop()


@pytest.fixture(scope="module")
def image(
    pythons: dict[str, Path],
    app: Path,
    registry: str,
    kafka_servers: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Image:
    mark = uuid.uuid4().hex[:8]
    topics = {"TWEETS": "tweets", "SCORED": "scored", "FEEDBACK": "feedback", "DEAD_LETTERS": "dead"}
    addresses = {
        "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": kafka_servers,
        "BUZZWATCH_REDIS__URL": redis_url,
        "BUZZWATCH_REDIS__PREFIX": f"image-{mark}",
        "BUZZWATCH_MLFLOW__TRACKING_URI": registry,
        **{f"BUZZWATCH_KAFKA__TOPICS__{name}": f"{topic}-{mark}" for name, topic in topics.items()},
    }
    return Image(pythons["runtime"], app, tmp_path_factory.mktemp("image"), addresses)


@pytest.fixture(scope="module")
def prepared(image: Image) -> Image:
    """The `prepare` service has ended well."""
    done = image.run(*image.compose["services"]["prepare"]["command"][1:])
    assert "was given the model" in done.stdout
    return image


@pytest.fixture(scope="module")
def running(prepared: Image) -> Iterator[Image]:
    """Worker, notifier and API are ready."""
    services = [prepared.service(name) for name in ("worker", "notifier", "api")]
    with ThreadPoolExecutor() as pool:  # to the end: a process ends with the thread that started it
        try:
            list(pool.map(lambda one: one.start(), services))
            yield prepared
        finally:
            for one in services:
                one.stop()


def test_a_tweet_goes_through_the_services_of_the_images(running: Image) -> None:
    running.run("produce", text='{"id": "77", "text": "@AirParadis lost my bag again"}\n')
    done = running.run("consume", "--from-beginning", "--limit", "1", "--format", "jsonl")
    prediction = json.loads(done.stdout)
    assert prediction["tweet_id"] == "77"
    assert prediction["model"]["version"] == "1"


def test_a_second_preparation_changes_nothing(prepared: Image) -> None:
    assert "was given the model" not in prepared.run("up", "--prepare-only").stdout


@pytest.mark.parametrize(
    "command",
    [
        ["models", "list"],
        ["models", "list", "--format", "json"],
        ["topics", "list"],
        ["topics", "describe"],
        ["topics", "create"],
        ["dlq", "list"],
        ["alerts", "list"],
        ["alerts", "silence", "list"],
        ["predict", "lost my bag"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_what_an_operator_looks_at_works(prepared: Image, command: list[str]) -> None:
    prepared.run(*command)


def test_the_doctor_finds_every_part_well(running: Image) -> None:
    shown = subprocess.run(
        running.command(["buzzwatch", "doctor", "--format", "json"]),
        env=running.variables("worker") | {"BUZZWATCH_API__PORT": str(running.api)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in shown.stderr
    assert [one for one in json.loads(shown.stdout) if one["status"] == "broken"] == []


def test_a_labelled_file_is_evaluated_and_recorded_tweets_are_tried(prepared: Image, tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.csv"
    labelled.write_text(LABELLED, encoding="utf-8")
    report = json.loads(prepared.run("evaluate", "--data", str(labelled), "--format", "json").stdout)
    assert report["n"] == 3
    recorded = tmp_path / "recorded.csv"
    rows = (f'{k},"@AirParadis lost my bag, flight {k}",2026-11-20T10:{k:02}:00Z' for k in range(30))
    recorded.write_text("id,text,created_at\n" + "\n".join(rows) + "\n", encoding="utf-8")
    prepared.run("alerts", "backtest", "--data", str(recorded))


def test_feedback_is_sent(running: Image) -> None:
    judged = ["--predicted", "negative", "--correct", "--model-version", "1"]
    assert uuid.UUID(running.run("feedback", str(uuid.uuid4()), *judged).stdout.strip())


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["up"], "buzzwatch[local]"),
        (["demo"], "buzzwatch[local]"),
        (["train", "linear", "--help"], "buzzwatch[train]"),
        (["data", "profile", "--help"], "buzzwatch[train]"),
        (["bench", "alerts"], "part of a checkout"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_the_image_lacks_is_one_line_with_what_to_install(
    prepared: Image, command: list[str], extra: str, tmp_path: Path
) -> None:
    unnamed = {"BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS", "BUZZWATCH_REDIS__URL"}
    done = subprocess.run(
        prepared.command(["buzzwatch", *command]),
        env={name: value for name, value in prepared.variables("worker").items() if name not in unnamed},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.strip()]
    assert extra in line


def test_a_parquet_file_is_refused_with_what_to_install(prepared: Image, tmp_path: Path) -> None:
    file = tmp_path / "tweets.parquet"
    file.write_bytes(b"PAR1")
    data = ["--data", str(file)]
    for command in (["produce", str(file)], ["evaluate", *data], ["alerts", "backtest", *data]):
        done = prepared.run(*command, expect=1)
        assert "pyarrow" in done.stderr.splitlines()[-1]
        assert "buzzwatch[train]" in done.stderr.splitlines()[-1]


def test_versions_are_promoted_and_rolled_back_whoever_moved_the_alias_and_a_model_in_onnx_serves(
    running: Image, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    uri = running.variables("worker")["BUZZWATCH_MLFLOW__TRACKING_URI"]
    client = MlflowClient(uri, uri)
    version = register(client, tmp_path, "onnx")
    assert "no held-out predictions" in running.run("models", "promote", version, expect=1).stderr
    running.run("models", "promote", version, "--force", "a trial")
    until(lambda: served(running) == version)
    until(lambda: "served_at" in client.get_model_version("sentiment", version).tags)
    # Another client registers a folder that is no model of ours, and gives it the alias.
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "model.pkl").write_bytes(b"\x80\x04N.")
    foreign = register_folder(client, tmp_path / "foreign")
    client.set_registered_model_alias("sentiment", "champion", foreign)
    until(lambda: f"version {foreign} cannot serve" in failing(running))
    assert served(running) == version
    for before in (version, "1"):
        assert f"version {before} is the champion again" in running.run("models", "rollback").stderr
        until(lambda before=before: served(running) == before)  # type: ignore[misc]
    assert "nothing to roll back to" in running.run("models", "rollback", expect=1).stderr


def test_a_model_whose_runtime_the_image_lacks_is_refused_in_one_line(prepared: Image, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = prepared.variables("worker")["BUZZWATCH_MLFLOW__TRACKING_URI"]
    client = MlflowClient(uri, uri)
    version = register(client, tmp_path, "litert")
    done = prepared.run("models", "promote", version, "--force", "a trial", expect=1)
    assert "cannot serve" in done.stderr
    assert "buzzwatch[deep]" in done.stderr
    assert str(client.get_model_version_by_alias("sentiment", "champion").version) != version


def register(client: MlflowClient, folder: Path, runtime: str) -> str:
    """A small deep model as another client of MLflow registers it; only its metadata say which runtime it needs."""
    artefact = folder / "model" / "artifacts" / "linear"
    tiny_model(metrics={}).save(artefact)
    metadata = json.loads((artefact / METADATA).read_text()) | {"runtime": runtime}
    del metadata["metadata_sha256"]
    (artefact / METADATA).write_text(json.dumps(metadata))
    return register_folder(client, folder / "model")


def register_folder(client: MlflowClient, folder: Path) -> str:
    run = client.create_run(client.create_experiment(uuid.uuid4().hex))
    client.log_artifacts(run.info.run_id, str(folder), "model")
    source = f"{run.info.artifact_uri}/model"
    return str(client.create_model_version("sentiment", source, run.info.run_id).version)


def failing(image: Image) -> str:
    """What the API says about the version that has the alias."""
    try:
        return str(image.get("/health"))
    except urllib.error.HTTPError as error:  # 503, with the same body
        with error:
            return error.read().decode()


def served(image: Image) -> str:
    return str(image.get("/model")["version"])


def test_no_environment_is_larger_than_it_was(pythons: dict[str, Path]) -> None:
    """The bounds are some percent above what was measured: a new package is a decision."""
    for name, most in {"runtime": 620, "mlflow": 400}.items():
        folder = pythons[name].parent.parent
        total = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        assert total / 2**20 < most, name
