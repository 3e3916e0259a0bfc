"""What the notifier measures, and the small web server that shows it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from alerts.rules import reloader as rules_following
from contracts.errors import Unavailable

REGISTRY: Final = CollectorRegistry()
DELIVERED: Final = Counter(
    "buzzwatch_deliveries",
    "Attempts to post an alert, by outcome: delivered, retry, exhausted, gone (410), lost (claim ran out)",
    ["receiver", "outcome"],
    registry=REGISTRY,
)
DURATION: Final = Histogram(
    "buzzwatch_delivery_seconds", "How long an attempt to post an alert took", ["receiver"], registry=REGISTRY
)
RESENT: Final = Counter(
    "buzzwatch_alertmanager_resends",
    "How often an Alertmanager was told again of all that fires, by outcome: delivered, failed, gone",
    ["receiver", "outcome"],
    registry=REGISTRY,
)
WAITING: Final = Gauge(
    "buzzwatch_outbox_waiting", "Notifications still to be delivered to receivers of the rules", registry=REGISTRY
)
ORPHANED: Final = Gauge(
    "buzzwatch_outbox_orphaned", "Notifications that wait for receivers that the rules do not name", registry=REGISTRY
)
EXHAUSTED: Final = Gauge("buzzwatch_outbox_exhausted", "Notifications whose attempts are used up", registry=REGISTRY)
ALERTS: Final = Gauge("buzzwatch_alerts", "Pending and firing alerts", ["state"], registry=REGISTRY)
SILENCES: Final = Gauge("buzzwatch_silences_active", "Silences that hold", registry=REGISTRY)
HELD: Final = Gauge("buzzwatch_groups_muted", "Groups of alerts in which something is muted", registry=REGISTRY)
DISABLED: Final = Gauge("buzzwatch_receivers_disabled", "Receivers that answered 410 Gone", registry=REGISTRY)
for _metric in rules_following.METRICS:
    REGISTRY.register(_metric)


def serve(host: str, port: int, *, alive: Callable[[], bool], problem: Callable[[], str | None]) -> ThreadingHTTPServer:
    """Answer `/livez`, `/readyz`, `/health` (the same) and `/metrics` in a daemon thread until `shutdown()`.

    Args:
        host: where to listen.
        port: the same.
        alive: whether the loop goes round.
        problem: why nothing can be delivered, None when it can.

    Raises:
        Unavailable: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, generate_latest(REGISTRY), CONTENT_TYPE_LATEST)
            elif path in ("/livez", "/readyz", "/health"):
                problems = [] if alive() else ["the loop that delivers hangs"]
                if path != "/livez" and (found := problem()) is not None:
                    problems.append(found)
                body = json.dumps({"status": "failing" if problems else "ok", "problems": problems}).encode()
                self._answer(503 if problems else 200, body, "application/json")
            else:
                self._answer(404, b'{"detail": "not found"}', "application/json")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the server's name for it

        def log_message(self, *_: Any) -> None:
            """Health checks are no news."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise Unavailable(
            f"port {port} on {host} cannot be taken for the notifier ({error.strerror}); "
            "another notifier? Choose one with BUZZWATCH_ALERTS__METRICS_PORT"
        ) from None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="notifier-web", daemon=True).start()
    return server
