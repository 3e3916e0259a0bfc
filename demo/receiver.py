"""A webhook receiver as a customer would write one: verifies the signature, then reads the alert."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


class Receiver:
    """Listens on a free port of this machine.

    Args:
        secret: `whsec_…`, the one in the rules file.
        received: called with each verified body.
    """

    def __init__(self, secret: str, received: Callable[[dict[str, Any]], None]) -> None:
        verifier = Webhook(secret)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                try:
                    verifier.verify(body, {name.lower(): value for name, value in self.headers.items()})
                except WebhookVerificationError:
                    self._answer(401)
                    return
                received(json.loads(body))
                self._answer(204)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                """The demo shows the alerts; so the access log is left out."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
