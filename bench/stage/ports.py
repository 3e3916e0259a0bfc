"""Ports for servers that are started beside others."""

from __future__ import annotations

import os
import socket

_handed_out: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, below the range that outgoing connections use, and none twice in this process: what
    one was asked for may not have started yet, or be away for a moment."""
    found: list[int] = []
    candidate = 10_000 + os.getpid() * 1_009 % 20_000
    while len(found) < count:
        candidate = 10_000 + (candidate + 1 - 10_000) % 20_000
        if candidate in _handed_out:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
        found.append(candidate)
        _handed_out.add(candidate)
    return found
