"""Re-sends active alerts to Alertmanager every `resend_delay`, as Prometheus does.

It re-sends what the receiver was notified of and what still fires, muted and acknowledged alerts too: without it
Alertmanager would count them as resolved. Several notifiers share the work by a key in Redis that expires after
`resend_delay`. A receiver that asked for a pause (`Retry-After` of any request) gets nothing until then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import redis

from alerts.grouping.groups import Group
from alerts.grouping.payload import shown
from alerts.metrics import RESENT
from alerts.outbox.backoff import pause_ms
from alerts.receivers.transport.result import DeliveryResult
from alerts.state.alert import Alert, decode
from alerts.state.lifecycle import resolved
from alerts.storage.connection import require_text
from alerts.storage.foreign import readable, readable_values
from alerts.storage.keys import AlertKeys
from contracts.rules.receivers import Alertmanager
from contracts.settings import Settings

_group_of = msgspec.json.Decoder(Group).decode
_log = logging.getLogger("buzzwatch.notifier")


class Resender:
    """Re-sends when it is due, in one thread per receiver, so that no receiver waits for another.

    Args:
        redis: from `alerts.storage.connection.connect`.
        post: posts alerts, as the webhook body has them, to a receiver.
        clock: milliseconds since 1970.
    """

    def __init__(
        self,
        redis: redis.Redis,
        settings: Settings,
        post: Callable[[Alertmanager, list[dict[str, Any]]], DeliveryResult],
        clock: Callable[[], int],
    ) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)
        self._post = post
        self._clock = clock
        self._under_way: set[str] = set()

    def run_due(self, receivers: Iterable[Alertmanager]) -> None:
        """Start a thread for each receiver that is due."""
        for receiver in receivers:
            if receiver.name in self._under_way:
                continue
            if int(self._redis.zscore(self._keys.not_before, receiver.name) or 0) > self._clock():
                continue
            delay_ms = int(receiver.resend_delay * 1000)
            if self._redis.set(self._keys.resent(receiver.name), "1", nx=True, px=delay_ms):
                self._under_way.add(receiver.name)
                name = f"resend-{receiver.name}"
                threading.Thread(target=self._run, args=(receiver,), name=name, daemon=True).start()

    def _run(self, receiver: Alertmanager) -> None:
        try:
            self.resend(receiver)
        except redis.RedisError:
            pass  # the notifier's loop logs it, and the next turn is soon
        finally:
            self._under_way.discard(receiver.name)

    def resend(self, receiver: Alertmanager) -> DeliveryResult | None:
        """Send all alerts that the receiver knows to fire; None when there are none."""
        known = self._known_to(receiver)
        if not known:
            return None
        result = self._send(receiver, [shown("firing", alert, url) for alert, url in known.values()])
        RESENT.labels(receiver.name, result.outcome).inc()
        if result.outcome != "delivered":
            _log.warning(
                "%d firing alerts were not re-sent to the Alertmanager %s, the next attempt is in %g s: %s",
                len(known),
                receiver.name,
                receiver.resend_delay,
                result.detail,
            )
            return result
        # An alert that ended meanwhile may just have been re-sent as firing after its end was sent: send the end again.
        still = self._known_to(receiver)
        now = self._clock()
        over = [
            shown("resolved", resolved(alert, max(now, alert.starts_at_ms)), url)
            for fingerprint, (alert, url) in known.items()
            if fingerprint not in still
        ]
        return self._send(receiver, over) if over and receiver.send_resolved else result

    def _send(self, receiver: Alertmanager, alerts: list[dict[str, Any]]) -> DeliveryResult:
        result = self._post(receiver, alerts)
        pause = pause_ms(result.retry_after_s)
        if pause:
            self._redis.zadd(self._keys.not_before, {receiver.name: self._clock() + pause}, gt=True)
        return result

    def _known_to(self, receiver: Alertmanager) -> dict[str, tuple[Alert, str]]:
        """By fingerprint: alerts that fire and that the receiver was notified of, as they are now, and the external
        URL."""
        names = [name for name in self._redis.zrange(self._keys.flushes, 0, -1) if _is_of(name, receiver.name)]
        if not names:
            return {}
        texts = self._redis.mget([self._keys.group(name) for name in names])  # a key of another type is nothing to it
        stored = ((name, text) for name, text in zip(names, texts, strict=True) if text)
        groups = [group for _, group in readable(self._keys.group(receiver.name), stored, _group_of)]
        known = {
            fingerprint: (member.alert, group.external_url)
            for group in groups
            for fingerprint, member in group.members.items()
        }
        if not known:
            return {}
        newest = self._redis.hmget(self._keys.active, list(known))
        for (fingerprint, (alert, url)), text in zip(list(known.items()), newest, strict=True):
            current = next(iter(readable_values(self._keys.active, [text] if text else [], decode)), alert)
            if current.starts_at_ms == alert.starts_at_ms and current.state == "firing":
                known[fingerprint] = (current, url)
        return known


def _is_of(group: str, receiver: str) -> bool:
    return group.partition(":")[0] == receiver
