"""The notifier's small web server: probes and metrics."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from alerts.metrics import REGISTRY, RULES
from contracts.errors import Unavailable

_SLOW_S: Final = 10.0
"""Who takes longer to send a request is hung up on."""

for _metric in RULES:
    REGISTRY.register(_metric)


def serve(host: str, port: int, *, alive: Callable[[], bool], problem: Callable[[], str | None]) -> ThreadingHTTPServer:
    """Answer `/livez`, `/readyz`, `/health` (the same) and `/metrics` in a daemon thread until `shutdown()`.

    Args:
        host: where to listen.
        port: the same.
        alive: whether the loop goes round.
        problem: why nothing can be delivered, None when all is well.

    Raises:
        Unavailable: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _SLOW_S

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, generate_latest(REGISTRY), CONTENT_TYPE_LATEST)
            elif path in ("/livez", "/readyz", "/health"):
                problems = (
                    [] if alive() else ["the notifier's loop has made no progress for a while; restart the notifier"]
                )
                if path != "/livez" and (found := problem()) is not None:
                    problems.append(found)
                body = json.dumps({"status": "failing" if problems else "ok", "problems": problems}).encode()
                self._answer(503 if problems else 200, body, "application/json")
            else:
                self._answer(404, b'{"detail": "not found"}', "application/json")

        def _answer(self, status: int, body: bytes, content_type: str, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _refuse(self) -> None:
            self._answer(405, b'{"detail": "only GET and HEAD"}', "application/json", allow="GET, HEAD")

        do_HEAD = do_GET  # noqa: N815 - the server's name for it
        do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815 - the same

        def log_message(self, *_: Any) -> None:
            """Do not log requests: probes come every few seconds."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise Unavailable(
            f"port {port} on {host} cannot be taken for the notifier ({error.strerror}); "
            "stop the other notifier, or set BUZZWATCH_ALERTS__METRICS_PORT to another port"
        ) from None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="notifier-web", daemon=True).start()
    return server
