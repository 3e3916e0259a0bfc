"""One attempt to deliver a notification, by the kind of its receiver."""

from __future__ import annotations

from collections.abc import Callable

from alerts.outbox import Entry
from alerts.receivers import signed_webhook
from alerts.receivers.answer import Answer, of_failure
from alerts.receivers.guarded_http import guarded_client
from contracts.receivers import AnyReceiver, Webhook
from contracts.settings import AlertSettings


class Sending:
    """Sends to receivers. Any thread may call it."""

    def __init__(self, settings: AlertSettings, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._client = guarded_client(settings.allowed_networks, settings.delivery_timeout_s)

    def attempt(self, receiver: AnyReceiver, entry: Entry) -> Answer:
        """Whatever happens is an answer: the entry is tried again and nothing else suffers."""
        try:
            match receiver:
                case Webhook():
                    return signed_webhook.post(self._client, receiver, entry, self._clock())
                case _:
                    return Answer("failed", f"{receiver.kind} is not known")
        except Exception as failure:
            return of_failure(failure)

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()
