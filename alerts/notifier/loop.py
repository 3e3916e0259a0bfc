"""Delivers the outbox: one loop claims what is due, short-lived threads post it.

Every receiver has slots of its own, so one that hangs delays no other. The loop renews the claims of the
posts in flight; a notifier that is killed stops renewing, and after LEASE_MS another one posts the same bytes
with the same `webhook-id`.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import redis

from alerts.grouping.dispatcher import Dispatcher
from alerts.metrics import ACTIVE, ALERTS, DELIVERED, DISABLED, DURATION, EXHAUSTED, HELD, ORPHANED, SILENCES, WAITING
from alerts.outbox.attempts import AttemptLog
from alerts.outbox.presence import Notifiers
from alerts.outbox.store import Claim, Outbox
from alerts.receivers.alertmanager_resend import Resender
from alerts.receivers.sender import Sender
from alerts.receivers.transport.result import DeliveryResult
from alerts.storage.redis_health import TroubleLog, trouble_of
from contracts.rules.receivers import Alertmanager, AnyReceiver
from contracts.rules.schema import Rules
from contracts.times import clock_ms

LEASE_MS: Final = 5000
"""How long a claim lasts without renewal; so long its notifications wait after a notifier was killed."""
SLOTS: Final = 4
"""Posts at once per receiver."""
_LONGEST_WAIT_S: Final = 1.0
_REFRESH_S: Final = 5.0
"""How often the gauges, the list of unknown receivers and the note that it is at work are refreshed."""

_log = logging.getLogger("buzzwatch.notifier")


@dataclass(frozen=True)
class _Delivery:
    """A post in flight."""

    claim: Claim
    started: float
    """Monotonic seconds."""


class Notifier:
    """Posts the outbox's entries for `receivers`.

    Args:
        outbox: where the entries are.
        dispatcher: puts them there when they are due.
        receivers: from the rules file; entries for other receivers wait.
        sender: makes an attempt.
        resender: sends firing alerts to Alertmanagers again; None leaves that out.
        attempts: where the answers of receivers are kept for people; None leaves that out.
        notifiers: where it is kept that this one is at work; None leaves that out.
        timeout_s: of an attempt.
        trouble: logs failures of Redis.
    """

    def __init__(
        self,
        outbox: Outbox,
        dispatcher: Dispatcher,
        receivers: Sequence[AnyReceiver],
        sender: Sender,
        *,
        timeout_s: float,
        trouble: TroubleLog,
        resender: Resender | None = None,
        attempts: AttemptLog | None = None,
        notifiers: Notifiers | None = None,
    ) -> None:
        self._outbox = outbox
        self._dispatcher = dispatcher
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._next: Rules | None = None
        self._timeout_s = timeout_s
        self._sender = sender
        self._resender = resender
        self._attempts = attempts
        self._notifiers = notifiers
        self._deliveries: dict[str, _Delivery] = {}
        self._lock = threading.Lock()
        self._known_disabled: set[str] = set()
        self._reported_unknown: set[str] = set()
        self._refreshed = float("-inf")
        self.last_loop = time.monotonic()
        """When the loop last started a round, monotonic seconds."""
        self.connected = False
        """Whether Redis answered in the last round."""
        self._trouble = trouble
        self._announced: list[str] | None = None
        """The receivers that the log has named: once, not after each failure of Redis."""

    def follow(self, rules: Rules) -> None:
        """Use these rules from the next round on. Any thread."""
        self._next = rules

    def _apply_new_rules(self) -> None:
        if self._next is not None:
            rules, self._next = self._next, None
            self._receivers = {receiver.name: receiver for receiver in rules.receivers}
            self._dispatcher.follow(rules.inhibit_rules)

    def run(self, stopping: threading.Event) -> None:
        """Deliver until `stopping` is set, then wait for the posts in flight, at most one attempt's time-out."""
        pause_s = 0.1
        while not stopping.is_set():
            self.last_loop = time.monotonic()
            try:
                self._apply_new_rules()
                self._renew()
                self._dispatcher.run_due(clock_ms())
                self._start_due()
                self._resend_due()
                self._refresh_metrics()
                if not self.connected and self._announced != list(self._receivers):
                    self._announced = list(self._receivers)
                    _log.info(
                        "delivering notifications to the receivers: %s",
                        ", ".join(self._receivers) or "none, the rules file has no `receivers`",
                    )
                self.connected = True
                if not stopping.is_set():
                    # In a round without deliveries this is the first write: a read-only Redis fails here.
                    self._outbox.wait(self._wait_s())
                    self._trouble.can_be_read()
                pause_s = 0.1
            except redis.RedisError as error:
                self._trouble.failed(trouble_of(error))
                self.connected = False
                stopping.wait(pause_s)
                pause_s = min(pause_s * 2, 2.0)
        self._finish()
        if self._notifiers is not None:
            with contextlib.suppress(redis.RedisError):
                self._notifiers.forget_me()

    def _finish(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while self._in_flight() and time.monotonic() < deadline:
            try:
                self._renew()
            except redis.RedisError:
                break
            time.sleep(0.02)
        self._sender.close()

    def _in_flight(self) -> list[_Delivery]:
        with self._lock:
            return list(self._deliveries.values())

    def _free_slots(self, receiver: str) -> int:
        with self._lock:
            return SLOTS - sum(delivery.claim.entry.receiver == receiver for delivery in self._deliveries.values())

    def _active(self) -> list[str]:
        """Receivers that are not disabled."""
        disabled = self._outbox.disabled()
        for name in disabled.keys() - self._known_disabled:
            _log.error(
                "the receiver %s answered 410 Gone and is disabled, its notifications wait; "
                "enable it with `buzzwatch alerts redeliver --enable %s`",
                name,
                name,
            )
        self._known_disabled = set(disabled)
        DISABLED.set(len(disabled))
        return [name for name in self._receivers if name not in disabled]

    def _start_due(self) -> None:
        for receiver in self._active():
            while self._free_slots(receiver) > 0:
                claim = self._outbox.claim(receiver, clock_ms(), LEASE_MS)
                if claim is None:
                    break
                with self._lock:
                    self._deliveries[claim.token] = _Delivery(claim, time.monotonic())
                arguments = (claim, self._receivers[receiver])
                threading.Thread(target=self._deliver, args=arguments, name=f"post-{receiver}", daemon=True).start()

    def _resend_due(self) -> None:
        receivers = [one for one in self._receivers.values() if isinstance(one, Alertmanager)]
        if self._resender is not None:
            self._resender.run_due(one for one in receivers if one.name not in self._known_disabled)

    def _wait_s(self) -> float:
        """Until a group is due, or an entry for a receiver with a free slot; a new event wakes the notifier earlier."""
        now = clock_ms()
        waits = [_LONGEST_WAIT_S]
        look = self._dispatcher.next_due_ms(now)
        if look is not None:
            waits.append((look - now) / 1000)
        for receiver in self._receivers:
            if receiver not in self._known_disabled and self._free_slots(receiver) > 0:
                due = self._outbox.next_due_ms(receiver)
                if due is not None:
                    waits.append((due - now) / 1000)
        return max(0.01, min(waits))

    def _renew(self) -> None:
        """Keep the claims of posts in flight; one that takes longer than an attempt may is over."""
        now = clock_ms()
        for delivery in self._in_flight():
            if time.monotonic() - delivery.started > self._timeout_s + 1:
                with self._lock:
                    gone = self._deliveries.pop(delivery.claim.token, None)
                if gone is not None:
                    self._failed(delivery.claim, f"no answer within {self._timeout_s:g} s", None)
            else:
                self._outbox.renew(delivery.claim, now, LEASE_MS)

    def _deliver(self, claim: Claim, receiver: AnyReceiver) -> None:
        """One attempt, in its own thread."""
        with DURATION.labels(receiver.name).time():
            result = self._sender.attempt(receiver, claim.entry)
        with self._lock:
            ours = self._deliveries.get(claim.token) is not None
        if not ours:
            return
        outcomes: list[str] = []
        self._until_redis_answers(lambda: outcomes.append(self._record(claim, result)))
        with self._lock:
            self._deliveries.pop(claim.token, None)
        self._until_redis_answers(self._outbox.wake)
        if self._attempts is not None and outcomes:
            with contextlib.suppress(redis.RedisError):  # it is for people to look up, nothing waits for it
                self._attempts.note(claim.entry, outcomes[0], result.detail, clock_ms())

    def _record(self, claim: Claim, result: DeliveryResult) -> str:
        """What became of the attempt, recorded in the outbox."""
        receiver, entry = claim.entry.receiver, claim.entry
        if result.outcome == "delivered":
            if self._outbox.delivered(claim, clock_ms()):
                DELIVERED.labels(receiver, "delivered").inc()
                _log.info("notification %s %s delivered to the receiver %s", entry.status, entry.alertname, receiver)
                return "delivered"
            DELIVERED.labels(receiver, "lost").inc()
            _log.warning(
                "notification %s was delivered to the receiver %s after its claim had run out; another notifier "
                "may post it again with the same webhook-id",
                entry.id,
                receiver,
            )
            return "lost"
        if result.outcome == "gone":
            self._outbox.gone(claim, clock_ms(), result.detail)
            DELIVERED.labels(receiver, "gone").inc()
            return "gone"
        return self._failed(claim, result.detail, result.retry_after_s)

    def _failed(self, claim: Claim, error: str, retry_after: float | None) -> str:
        entry = claim.entry
        outcome = self._outbox.failed(claim, clock_ms(), error, retry_after)
        DELIVERED.labels(entry.receiver, outcome or "lost").inc()
        if outcome == "exhausted":
            _log.error(
                "notification %s %s to the receiver %s failed in all its attempts: %s; retry it with "
                "`buzzwatch alerts redeliver %s`",
                entry.status,
                entry.alertname,
                entry.receiver,
                error,
                entry.id,
            )
        elif outcome == "retry":
            _log.warning(
                "notification %s %s to the receiver %s failed in attempt %d and will be retried: %s",
                entry.status,
                entry.alertname,
                entry.receiver,
                entry.failures + 1,
                error,
            )
        return outcome or "lost"

    def _until_redis_answers(self, act: Callable[[], None]) -> None:
        """Retry until the lease has run out for sure; then a notifier claims the entry again."""
        deadline = time.monotonic() + LEASE_MS / 1000
        while True:
            try:
                act()
            except redis.RedisError:
                if time.monotonic() >= deadline:
                    return
                time.sleep(0.1)
            else:
                return

    def _refresh_metrics(self) -> None:
        """Refresh the gauges, and name receivers that have entries but left the rules."""
        if time.monotonic() - self._refreshed < _REFRESH_S:
            return
        if self._notifiers is not None:
            self._notifiers.note_me(clock_ms())
        waiting, exhausted = self._outbox.counts()
        unknown = self._outbox.receivers() - self._receivers.keys()
        orphaned = {name: self._outbox.waiting_for(name) for name in unknown}
        ORPHANED.set(sum(orphaned.values()))
        WAITING.set(waiting - sum(orphaned.values()))
        EXHAUSTED.set(exhausted)
        status = self._dispatcher.status(clock_ms())
        ACTIVE.show(status.active)
        ALERTS.labels("pending").set(status.pending)
        ALERTS.labels("firing").set(status.firing)
        SILENCES.set(status.silences)
        HELD.set(status.held)
        for name in sorted(unknown - self._reported_unknown):
            self._reported_unknown.add(name)
            number = orphaned[name]
            if number:
                _log.warning(
                    "%d notification(s) wait for the receiver %s, which the rules file does not name any more; name it "
                    "again, or drop them with `buzzwatch alerts redeliver --drop`",
                    number,
                    name,
                )
        self._refreshed = time.monotonic()
