"""An HTTP client that connects to permitted addresses alone and follows no redirects."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore
import httpx

from alerts.receivers.addresses import Network, RefusedAddressError, require_permitted

_KEPT_ALIVE = 8


class _GuardedBackend(httpcore.NetworkBackend):
    """Resolves by itself, checks, and connects to the very address that was checked.

    TLS is above it and still asks for the certificate of the name.
    """

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first permitted address that answers.

        Raises:
            RefusedAddressError: the host has no permitted address.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved ({error.strerror or error})") from error
        failure: Exception | None = None
        for address in dict.fromkeys(str(entry[4][0]) for entry in found):
            try:
                require_permitted(host, address, self._allowed)
                return self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (RefusedAddressError, httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """No receiver is a file of this machine."""
        raise httpcore.ConnectError("receivers are not reached by Unix sockets")


class _GuardedTransport(httpx.HTTPTransport):
    """httpx has no parameter for the backend; its transport is a pool of httpcore's, which has one."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        super().__init__(trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=None,
            max_keepalive_connections=_KEPT_ALIVE,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(allowed),
        )


def guarded_client(allowed: Sequence[Network], timeout_s: float) -> httpx.Client:
    """No proxy from the environment: where alerts go is said in the rules file alone."""
    return httpx.Client(
        transport=_GuardedTransport(allowed), timeout=timeout_s, trust_env=False, follow_redirects=False
    )
