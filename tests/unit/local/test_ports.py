from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from contracts.settings import ApiSettings, LocalSettings, Settings, WorkerSettings
from local.ports import PortClaims
from local.programs import our_programs
from local.servers.server import Server
from tests.servers import free_ports

API = "BUZZWATCH_API__PORT"
WEB = "BUZZWATCH_WORKER__WEB_PORT"
METRICS = "BUZZWATCH_ALERTS__METRICS_PORT"


@pytest.fixture
def claims() -> Iterator[PortClaims]:
    own = PortClaims()
    yield own
    own.release()


def server(name: str, setting: str, port: int) -> Server:
    return Server(name=name, command=(), log=Path("log"), ports={setting: port}, ready=lambda: False)


def listening(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def neighbours(count: int) -> int:
    """The first of so many free ports in a row; other tests' servers may have the one beside a free port."""
    while True:
        [port] = free_ports(1)
        try:
            with ExitStack() as taken:
                for at in range(count):
                    taken.enter_context(listening(port + at))
        except OSError:
            continue
        return port


def test_a_default_that_is_taken_gives_way_to_the_next_free_port_and_says_so(claims: PortClaims) -> None:
    port = neighbours(3)
    said: list[str] = []
    with listening(port), listening(port + 1):
        chosen = claims.choose([server("api", API, port)], Settings(), said.append)
    assert chosen[API] >= port + 2
    assert said == [f"api: port {port} taken, using port {chosen[API]} instead ({API})"]


def test_defaults_that_are_free_stay_and_nothing_is_said(claims: PortClaims, tmp_path: Path) -> None:
    port = neighbours(3)
    said: list[str] = []
    assert claims.choose([server("api", API, port)], Settings(), said.append) == {API: port}
    assert said == []


def test_a_configured_port_stays_also_when_it_is_taken(claims: PortClaims) -> None:
    port = neighbours(3)
    settings = Settings(api=ApiSettings(port=port))
    with listening(port):
        assert claims.choose([server("api", API, port)], settings, pytest.fail) == {API: port}


def test_no_setting_takes_the_port_that_another_one_wants(claims: PortClaims) -> None:
    port = neighbours(3)
    servers = [server("notifier", METRICS, port), server("api", API, port + 1)]
    settings = Settings(api=ApiSettings(port=port + 1))
    with listening(port):
        chosen = claims.choose(servers, settings, lambda _: None)
    assert chosen[API] == port + 1
    assert chosen[METRICS] >= port + 2


def test_several_workers_move_together(claims: PortClaims) -> None:
    port = neighbours(3)
    servers = [server(f"worker-{slot}", WEB, port + slot) for slot in range(3)]
    said: list[str] = []
    with listening(port + 2):
        chosen = claims.choose(servers, Settings(), said.append)
    assert chosen[WEB] >= port + 3
    assert len(said) == 1
    assert said[0].startswith(f"worker-0, worker-1, worker-2: ports {port} to {port + 2} taken, using ports ")
    assert f" {chosen[WEB]} to {chosen[WEB] + 2} instead" in said[0]


def test_two_stacks_that_start_at_once_choose_different_ports(claims: PortClaims) -> None:
    port = neighbours(3)
    other = PortClaims()
    try:
        first = claims.choose([server("api", API, port)], Settings(), lambda _: None)
        second = other.choose([server("api", API, port)], Settings(), lambda _: None)
        assert first[API] != second[API]
    finally:
        other.release()
    claims.release()
    assert other.choose([server("api", API, port)], Settings(), lambda _: None) == {API: port}
    other.release()


def test_an_address_that_this_machine_does_not_have_is_left_to_the_refusal(claims: PortClaims) -> None:
    port = neighbours(3)
    one = Server(name="api", command=(), log=Path("log"), host="192.0.2.1", ports={API: port}, ready=lambda: False)
    assert claims.choose([one], Settings(), pytest.fail) == {API: port}


def test_our_programs_move_where_their_settings_say(claims: PortClaims, tmp_path: Path) -> None:
    settings = Settings(local=LocalSettings(data_dir=tmp_path), worker=WorkerSettings(web_port=free_ports(1)[0]))
    default = {setting: port for one in our_programs(settings) for setting, port in one.ports.items()}
    with ExitStack() as taken:
        for port in default.values():
            try:
                taken.enter_context(listening(port))
            except OSError:
                continue  # somebody else listens there: taken as well
        chosen = claims.choose(our_programs(settings), settings, lambda _: None)
    assert chosen[WEB] == settings.worker.web_port
    moved = {setting: port for one in our_programs(settings.with_ports(chosen)) for setting, port in one.ports.items()}
    assert moved == chosen
    assert moved[API] > default[API]
    assert moved[METRICS] > default[METRICS]
