"""The few fakes that tests share: a clock, and a webhook receiver that can fail on demand."""

from __future__ import annotations

import base64
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import standardwebhooks

from tests.waiting import PATIENCE_S

SECRET = "whsec_" + base64.b64encode(b"tests only, 32 bytes of a key...").decode()


class Clock:
    """Milliseconds since 1970 that stand still until moved. Called as a function."""

    def __init__(self, now_ms: int = 1_790_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def forward(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


class Received(NamedTuple):
    """A post whose signature was valid."""

    id: str
    body: Any
    raw: bytes
    answered: int
    traceparent: str = ""
    at: float = 0.0
    """When it had come, monotonic seconds."""

    @property
    def status(self) -> str:
        return str(self.body.get("data", self.body)["status"])


class Receiver:
    """A real HTTP server on a free port. Verifies every signature with the `standardwebhooks` package.

    `answers`: status codes (with headers) of the next posts; 200 once they are used up.
    `delay_s`: how long each answer takes, unless `release` ends it.
    `redirect`: where it sends everybody, signed or not.
    """

    def __init__(self, name: str = "team", secret: str = SECRET, *, tls: ssl.SSLContext | None = None) -> None:
        self.name = name
        self.secret = secret
        self.posts: list[Received] = []
        self.forged = 0
        self.redirect: str | None = None
        self.answers: list[int | tuple[int, dict[str, str]]] = []
        self.delay_s = 0.0
        self._released = threading.Event()
        self._arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                raw = self.rfile.read(length)
                if len(raw) < length:
                    return  # the sender was killed while it sent
                status, headers = receiver.take(dict(self.headers), raw)
                receiver.wait()
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", "0")
                    self.end_headers()
                except OSError:
                    pass  # the sender gave up

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    @property
    def accepted(self) -> list[Received]:
        return [post for post in self.posts if post.answered < 300]

    def wait_for(self, posts: int, timeout_s: float = PATIENCE_S) -> list[Received]:
        """The posts so far, once there are that many; fails when they do not come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.posts) >= posts, timeout_s), (
                f"{len(self.posts)} of {posts} posts came within {timeout_s} s"
            )
            return list(self.posts)

    def wait(self) -> None:
        """As long as an answer takes."""
        self._released.wait(self.delay_s)

    def release(self) -> None:
        """Answer at once, also those who wait already."""
        self._released.set()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, str]]:
        """What is answered to a post."""
        if self.redirect is not None:
            return 307, {"location": self.redirect}
        try:
            body = standardwebhooks.Webhook(self.secret).verify(raw, headers)
        except standardwebhooks.WebhookVerificationError:
            self.forged += 1
            return 401, {}
        lower, now = {name.lower(): value for name, value in headers.items()}, time.monotonic()
        with self._arrived:
            answer = self.answers.pop(0) if self.answers else 200
            status, extra = (answer, {}) if isinstance(answer, int) else answer
            self.posts.append(Received(lower["webhook-id"], body, raw, status, lower.get("traceparent", ""), now))
            self._arrived.notify_all()
        return status, extra
