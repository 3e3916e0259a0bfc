"""An HTTP client that connects to permitted addresses alone, follows no redirects, and keeps to a deadline."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

from alerts.receivers.transport.allowed_addresses import Network, RefusedAddressError, require_permitted

_KEPT_ALIVE = 8


_deadline = threading.local()


@contextmanager
def ending_within(seconds: float) -> Iterator[None]:
    """All reading and writing of this thread's requests ends by then, however slowly a receiver answers."""
    _deadline.at = time.monotonic() + seconds
    try:
        yield
    finally:
        del _deadline.at


def _left_s(timeout: float | None) -> float | None:
    """Seconds for an operation: its own time-out, or the time until the deadline if that is less."""
    at: float | None = getattr(_deadline, "at", None)
    if at is None:
        return timeout
    left = at - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the receiver did not answer within the time of an attempt")
    return left if timeout is None else min(timeout, left)


class _TimedStream(httpcore.NetworkStream):
    """httpx's time-outs limit each read; this one limits all of them together."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, _left_s(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _GuardedBackend(httpcore.NetworkBackend):
    """Resolves the host, checks the addresses, and connects to the very address that was checked.

    TLS is a layer above and still requires the certificate of the host's name.
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
                connected = self._sockets.connect_tcp(address, port, _left_s(timeout), local_address, socket_options)
                return _TimedStream(connected)
            except (RefusedAddressError, httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """Refused: no receiver is a file of this machine."""
        raise httpcore.ConnectError("receivers cannot be Unix sockets")


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """httpcore's errors as those of httpx, which names them alike."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _errors_of_httpx():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _GuardedTransport(httpx.BaseTransport):
    """httpx's own transport takes no network backend, httpcore's pool does."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._connections = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),  # SSL_CERT_FILE: a certificate authority of one's own
            max_connections=None,
            max_keepalive_connections=_KEPT_ALIVE,
            keepalive_expiry=5.0,
            network_backend=_GuardedBackend(allowed),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        with _errors_of_httpx():
            response = self._connections.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    def close(self) -> None:
        self._connections.close()


def guarded_client(allowed: Sequence[Network], timeout_s: float) -> httpx.Client:
    """A client without proxies from the environment: the rules file alone decides where alerts go."""
    return httpx.Client(
        transport=_GuardedTransport(allowed), timeout=timeout_s, trust_env=False, follow_redirects=False
    )
