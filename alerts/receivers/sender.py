"""One attempt to deliver a notification, by the kind of its receiver."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from alerts.outbox.store import Entry
from alerts.receivers import alertmanager
from alerts.receivers import apprise_client as apprise_urls
from alerts.receivers import webhook as signed_webhook
from alerts.receivers.transport.http_client import ending_within, guarded_client
from alerts.receivers.transport.redaction import secrets_of
from alerts.receivers.transport.result import DeliveryResult, of_failure
from contracts.rules.receivers import Alertmanager, AnyReceiver, Apprise, Webhook
from contracts.settings import AlertSettings


class Sender:
    """Sends to receivers. Any thread may call it."""

    def __init__(self, settings: AlertSettings, clock: Callable[[], int]) -> None:
        self._allowed = settings.allowed_networks
        self._timeout_s = settings.delivery_timeout_s
        self._clock = clock
        self._client = guarded_client(self._allowed, self._timeout_s)

    def attempt(self, receiver: AnyReceiver, entry: Entry) -> DeliveryResult:
        """Returns a result for every error, too: so the entry is retried, and other deliveries go on."""
        try:
            match receiver:
                case Webhook():
                    with ending_within(self._timeout_s):
                        return signed_webhook.post(self._client, receiver, entry, self._clock())
                case Alertmanager():
                    return self.hand_over(receiver, json.loads(entry.body)["alerts"])
                case Apprise():
                    return apprise_urls.send(receiver, json.loads(entry.body), self._allowed, self._timeout_s)
        except Exception as failure:
            return of_failure(failure, secrets_of(receiver))

    def hand_over(self, receiver: Alertmanager, alerts: list[dict[str, Any]]) -> DeliveryResult:
        """Post alerts of the webhook body to an Alertmanager."""
        try:
            with ending_within(self._timeout_s):
                return alertmanager.post(self._client, receiver, alerts, self._clock())
        except Exception as failure:
            return of_failure(failure, secrets_of(receiver))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
