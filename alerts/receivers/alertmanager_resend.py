"""Vouches for what fires: an Alertmanager is told again and again, as by Prometheus.

Told is what the receiver was told of and knows to fire, muted and acknowledged alerts too: without news Alertmanager
would call them resolved. Several notifiers share the work by a key in Redis that runs out after `resend_delay`. One
that has asked for a pause (`Retry-After`, here or when it was told something new) is left alone until then.
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
from alerts.receivers.transport.result import Answer
from alerts.state.alert import Alert, decode
from alerts.state.lifecycle import resolved
from alerts.storage.connection import require_text
from alerts.storage.keys import AlertKeys
from contracts.rules.receivers import Alertmanager
from contracts.settings import Settings

_group_of = msgspec.json.Decoder(Group).decode
_log = logging.getLogger("buzzwatch.notifier")


class Resender:
    """Sends again when it is time, one thread for each receiver that is due, so that none waits for another.

    Args:
        redis: from `alerts.storage.connection.connect`.
        hand_over: posts alerts, as the webhook body has them, to a receiver.
        clock: milliseconds since 1970.
    """

    def __init__(
        self,
        redis: redis.Redis,
        settings: Settings,
        hand_over: Callable[[Alertmanager, list[dict[str, Any]]], Answer],
        clock: Callable[[], int],
    ) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)
        self._hand_over = hand_over
        self._clock = clock
        self._under_way: set[str] = set()

    def run_due(self, receivers: Iterable[Alertmanager]) -> None:
        """Start what is due."""
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
            pass  # the loop says so; the next time is soon
        finally:
            self._under_way.discard(receiver.name)

    def resend(self, receiver: Alertmanager) -> Answer | None:
        """Send all that the receiver knows to fire; None when that is nothing."""
        known = self._known_to(receiver)
        if not known:
            return None
        answer = self._handed_over(receiver, [shown("firing", alert, url) for alert, url in known.values()])
        RESENT.labels(receiver.name, answer.outcome).inc()
        if answer.outcome != "delivered":
            _log.warning("%s was not told again of %d alerts: %s", receiver.name, len(known), answer.said)
            return answer
        # What has ended meanwhile may just have been called firing again after its end had been told.
        still = self._known_to(receiver)
        now = self._clock()
        over = [
            shown("resolved", resolved(alert, max(now, alert.starts_at_ms)), url)
            for fingerprint, (alert, url) in known.items()
            if fingerprint not in still
        ]
        return self._handed_over(receiver, over) if over and receiver.send_resolved else answer

    def _handed_over(self, receiver: Alertmanager, alerts: list[dict[str, Any]]) -> Answer:
        answer = self._hand_over(receiver, alerts)
        pause = pause_ms(answer.retry_after_s)
        if pause:
            self._redis.zadd(self._keys.not_before, {receiver.name: self._clock() + pause}, gt=True)
        return answer

    def _known_to(self, receiver: Alertmanager) -> dict[str, tuple[Alert, str]]:
        """What the receiver was told of and fires, as it is now, by fingerprint; with the external URL."""
        names = [name for name in self._redis.zrange(self._keys.flushes, 0, -1) if _is_of(name, receiver.name)]
        if not names:
            return {}
        texts = self._redis.mget([self._keys.group(name) for name in names])
        groups = [_group_of(text) for text in texts if text]
        known = {
            fingerprint: (member.alert, group.external_url)
            for group in groups
            for fingerprint, member in group.members.items()
        }
        if not known:
            return {}
        newest = self._redis.hmget(self._keys.active, list(known))
        for (fingerprint, (alert, url)), text in zip(list(known.items()), newest, strict=True):
            current = decode(text) if text else alert
            if current.starts_at_ms == alert.starts_at_ms and current.state == "firing":
                known[fingerprint] = (current, url)
        return known


def _is_of(group: str, receiver: str) -> bool:
    return group.partition(":")[0] == receiver
