from __future__ import annotations

import subprocess
import sys

import pytest

from api.security.exposure import is_loopback, keys_required, uvicorn_host
from contracts.errors import SettingsError
from contracts.settings import ApiSettings, Settings, WorkerSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "api.localhost", "::1", "[::1]"])
def test_addresses_of_this_machine_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.5", "192.168.1.1", "api", "example.org", "", "127.0.0.1.nip.io"]
)
def test_every_other_address_can_be_reached_by_others(host: str) -> None:
    assert not is_loopback(host)


def _settings(api: str = "127.0.0.1", worker: str = "127.0.0.1", require: bool | None = None) -> Settings:
    return Settings(api=ApiSettings(host=api, require_keys=require), worker=WorkerSettings(web_host=worker))


def test_keys_are_needed_as_soon_as_anything_listens_for_others() -> None:
    assert not keys_required(_settings())
    assert keys_required(_settings(api="0.0.0.0"))
    assert keys_required(_settings(worker="0.0.0.0"))
    assert keys_required(_settings(require=True))
    assert keys_required(_settings(), host="0.0.0.0")  # as uvicorn was told


def test_keys_cannot_be_switched_off_where_others_can_reach_us() -> None:
    assert not keys_required(_settings(require=False))
    with pytest.raises(
        SettingsError, match=r"BUZZWATCH_API__REQUIRE_KEYS: cannot be false .*BUZZWATCH_API__HOST is ::"
    ):
        keys_required(_settings(api="::", require=False))
    with pytest.raises(SettingsError, match="cannot be false"):
        keys_required(_settings(require=False), host="10.1.2.3")


def test_the_address_is_found_in_uvicorns_options() -> None:
    assert uvicorn_host(["uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "8000"], {}) == "0.0.0.0"
    assert uvicorn_host(["uvicorn", "api.app:app", "--host=::"], {}) == "::"
    assert uvicorn_host(["uvicorn", "api.app:app"], {"UVICORN_HOST": "10.0.0.1"}) == "10.0.0.1"
    assert uvicorn_host(["uvicorn", "api.app:app", "--host"], {}) is None


def test_switched_off_keys_on_a_foreign_address_stop_the_start_with_one_line(tmp_path: object) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "1"],
        env={"BUZZWATCH_API__REQUIRE_KEYS": "false", "BUZZWATCH_LOCAL__DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert started.returncode == 1
    assert started.stderr.strip().splitlines() == [
        "buzzwatch: BUZZWATCH_API__REQUIRE_KEYS: cannot be false where others can reach us: BUZZWATCH_API__HOST is "
        "0.0.0.0; listen on 127.0.0.1, or leave it out and make a key with `buzzwatch keys create`"
    ]
