"""Which ports the stack uses: a configured one or none, else the default or the next one that is free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from contracts.errors import Unavailable
from contracts.settings import Settings
from local.servers.server import Server, port_error

_MOST_STEPS: Final = 1000


@dataclass
class _Need:
    """The ports that one setting stands for: a row of them for several workers."""

    host: str
    names: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)


class PortClaims:
    """Ports that this stack will use, kept from other stacks on this machine until `release`.

    Between the choice and the moment at which a server listens seconds pass, in which a stack that starts beside this
    one would choose the same. A claim is a Unix socket in the abstract namespace: it has no file and ends with us.
    """

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def choose(self, servers: Iterable[Server], settings: Settings, progress: Callable[[str], None]) -> dict[str, int]:
        """Setting → port (the first of a row) for all servers.

        A port that the settings name is left as it is, taken or not.

        Args:
            servers: described with the ports of `settings`.
            settings: as configured.
            progress: takes a line for each setting whose default is taken.

        Raises:
            Unavailable: no port is free behind the default.
        """
        needs: dict[str, _Need] = {}
        for server in servers:
            for setting, port in server.ports.items():
                need = needs.setdefault(setting, _Need(server.host))
                need.names.append(server.name)
                need.ports.append(port)
        needed = {port for need in needs.values() for port in need.ports}
        chosen = {}
        for setting, need in sorted(needs.items(), key=lambda item: not settings.names_port(item[0])):
            step = 0
            if settings.names_port(setting):
                self._claim(need.ports)
            else:
                step = self._first_free(need, needed)
            chosen[setting] = min(need.ports) + step
            if step:
                moved = _listed([port + step for port in need.ports])
                progress(f"{', '.join(need.names)}: {_listed(need.ports)} taken, using {moved} instead ({setting})")
        return chosen

    def release(self) -> None:
        """Give all of them back."""
        while self._sockets:
            self._sockets.pop().close()

    def _first_free(self, need: _Need, needed: set[int]) -> int:
        """How far behind the defaults ports are free that no other setting of ours wants."""
        for step in range(_MOST_STEPS):
            ports = [port + step for port in need.ports]
            if step and not needed.isdisjoint(ports):
                continue
            if not any(_is_taken(port, need.host) for port in ports) and self._claim(ports):
                return step
        raise Unavailable(f"no port for {need.names[0]} is free behind {_listed(need.ports)}")

    def _claim(self, ports: Sequence[int]) -> bool:
        claims = []
        for port in ports:
            claim = socket.socket(socket.AF_UNIX)
            claims.append(claim)
            try:
                claim.bind(f"\0buzzwatch-port-{port}")
            except OSError:
                for one in claims:
                    one.close()
                return False
        self._sockets += claims
        return True


def _is_taken(port: int, host: str) -> bool:
    # Another error, such as an address that this machine does not have, is no better on the next port.
    error = port_error(port, host)
    return error is not None and error.errno == errno.EADDRINUSE


def _listed(ports: Sequence[int]) -> str:
    return f"port {ports[0]}" if len(ports) == 1 else f"ports {min(ports)} to {max(ports)}"
