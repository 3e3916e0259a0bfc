from __future__ import annotations

from bench.stage.ports import free_ports


def test_a_port_is_given_to_one_server_alone_also_while_that_is_away() -> None:
    given = [port for count in (3, 1, 7) for port in free_ports(count)]
    assert len(set(given)) == len(given)
