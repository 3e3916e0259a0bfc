"""Receive alerts: `WEBHOOK_SECRET=whsec_… python receiver.py [PORT]`. Needs standardwebhooks.

Prints a line for each alert. The signature is made over the bytes as they came, so it is verified before they are
parsed. An alert may come twice (a crash after the answer); `webhook-id` is the same then.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen: set[str] = set()  # yours: a table with a unique key


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what is ours and 401 to what is not; what is answered otherwise, or not at all, comes again."""

    def do_POST(self) -> None:
        """One notification."""
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            notification = webhook.verify(raw, dict(self.headers))
        except WebhookVerificationError as error:
            print(f"refused: {error}", flush=True)
            self._answer(401)
            return
        webhook_id = self.headers["webhook-id"]
        if webhook_id not in seen:
            seen.add(webhook_id)
            for alert in notification["alerts"]:
                labels = alert["labels"]
                print(
                    alert["status"],
                    labels["alertname"],
                    labels["severity"],
                    alert["annotations"]["summary"],
                    flush=True,
                )
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing about each request."""


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
