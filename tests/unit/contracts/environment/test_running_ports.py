from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.environment.running_ports import read_running_ports, remove_running_ports, write_running_ports
from contracts.settings import configured_settings, load_settings

PORTS = {
    "BUZZWATCH_LOCAL__KAFKA_PORT": 9094,
    "BUZZWATCH_LOCAL__REDIS_PORT": 6380,
    "BUZZWATCH_API__PORT": 8001,
    "BUZZWATCH_WORKER__WEB_PORT": 6070,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("BUZZWATCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BUZZWATCH_LOCAL__DATA_DIR", str(tmp_path))
    return tmp_path


def test_settings_find_the_ports_of_the_stack_that_runs_on_the_data_folder(folder: Path) -> None:
    write_running_ports(folder, PORTS)
    settings = load_settings()
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9094"
    assert settings.redis.url == "redis://127.0.0.1:6380/0"
    assert settings.mlflow.tracking_uri == "http://127.0.0.1:5000"
    assert (settings.api.port, settings.worker.web_port) == (8001, 6070)
    assert settings.external == frozenset()
    remove_running_ports(folder)
    assert load_settings() == configured_settings()


def test_what_the_environment_names_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_running_ports(folder, PORTS)
    monkeypatch.setenv("BUZZWATCH_API", '{"port": 9001}')
    monkeypatch.setenv("BUZZWATCH_LOCAL__REDIS_PORT", "7000")
    monkeypatch.setenv("BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS", "kafka:9092")
    settings = load_settings()
    assert settings.api.port == 9001
    assert settings.redis.url == "redis://127.0.0.1:7000/0"
    assert settings.kafka.bootstrap_servers == "kafka:9092"
    assert settings.external == {"kafka"}
    assert settings.worker.web_port == 6070


def test_a_stack_that_was_killed_leaves_no_ports(folder: Path) -> None:
    script = "import sys, pathlib; from contracts.environment.running_ports import *; "
    script += "write_running_ports(pathlib.Path(sys.argv[1]), {'BUZZWATCH_API__PORT': 8001}); input()"
    with subprocess.Popen([sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE) as stack:
        while not read_running_ports(folder):
            assert stack.poll() is None
        stack.kill()
        stack.wait()
        assert (folder / "ports.json").exists()
        assert read_running_ports(folder) == {}
        assert load_settings().api.port == 8000


def test_a_process_that_has_the_number_of_a_dead_stack_is_not_taken_for_it(folder: Path) -> None:
    write_running_ports(folder, PORTS)
    file = folder / "ports.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"started": content["started"] - 1}))
    assert load_settings() == configured_settings()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"process": 1}', '{"process": 1, "started": 0, "ports": {"a": 0}}', "\ufeff"]
)
def test_a_broken_file_is_no_stack(folder: Path, text: str) -> None:
    (folder / "ports.json").write_text(text)
    assert load_settings() == configured_settings()


def test_a_setting_of_another_release_is_passed_over(folder: Path) -> None:
    write_running_ports(folder, {"BUZZWATCH_LOCAL__ZOOKEEPER_PORT": 2181, "BUZZWATCH_API__PORT": 8001, "PORT": 1})
    assert load_settings().api.port == 8001
