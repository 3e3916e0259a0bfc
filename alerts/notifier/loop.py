"""Delivers the outbox: one loop claims what is due, short-lived threads post it.

Every receiver has slots of its own, so one that hangs holds up nobody else. The loop renews the claims of the
posts in flight; a notifier that is killed stops renewing, and after LEASE_MS any other goes on with the same bytes
and the same `webhook-id`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import redis

from alerts.grouping.dispatcher import Dispatcher
from alerts.metrics import ALERTS, DELIVERED, DISABLED, DURATION, EXHAUSTED, HELD, ORPHANED, SILENCES, WAITING
from alerts.outbox.store import Claim, Outbox
from alerts.receivers.alertmanager_resend import Resender
from alerts.receivers.sender import Sending
from alerts.receivers.transport.result import Answer
from alerts.storage.redis_health import TroubleLog, trouble_of
from contracts.rules.receivers import Alertmanager, AnyReceiver
from contracts.rules.schema import Rules

LEASE_MS: Final = 5000
"""How long a claim lasts without being renewed: the pause after a notifier was killed."""
SLOTS: Final = 4
"""Posts at once per receiver."""
_LONGEST_WAIT_S: Final = 1.0
_LOOK_S: Final = 5.0
"""How often the gauges and the list of unknown receivers are refreshed."""

_log = logging.getLogger("buzzwatch.notifier")


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


@dataclass(frozen=True)
class _Flight:
    """A post that is on its way."""

    claim: Claim
    started: float
    """Monotonic seconds."""


class Notifier:
    """Posts what the outbox holds for `receivers`.

    Args:
        outbox: where the entries are.
        dispatcher: puts them there when it is time.
        receivers: from the rules file; entries for others stay where they are.
        sending: makes an attempt.
        resender: tells Alertmanagers again; None leaves that out.
        timeout_s: of an attempt.
        trouble: logs what is wrong with Redis.
        clock: milliseconds since 1970.
    """

    def __init__(
        self,
        outbox: Outbox,
        dispatcher: Dispatcher,
        receivers: Sequence[AnyReceiver],
        sending: Sending,
        *,
        timeout_s: float,
        trouble: TroubleLog,
        resender: Resender | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._outbox = outbox
        self._dispatcher = dispatcher
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._next: Rules | None = None
        self._timeout_s = timeout_s
        self._clock = clock
        self._sending = sending
        self._resender = resender
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()
        self._known_disabled: set[str] = set()
        self._known_unknown: set[str] = set()
        self._looked = float("-inf")
        self.last_loop = time.monotonic()
        """When the loop last came round, monotonic seconds."""
        self.connected = False
        """Whether Redis answered the last time."""
        self._trouble = trouble

    def follow(self, rules: Rules) -> None:
        """Work by these rules from the next round on. Any thread."""
        self._next = rules

    def _take_over(self) -> None:
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
                self._take_over()
                self._renew()
                self._dispatcher.run_due(self._clock())
                self._start_due()
                self._resend_due()
                self._look()
                if not self.connected:
                    _log.info("delivering to %s", ", ".join(self._receivers) or "nobody: the rules name no receivers")
                self.connected = True
                if not stopping.is_set():
                    self._outbox.wait(self._nap_s())  # the first write of a quiet round: a replica refuses it
                pause_s = 0.1
            except redis.RedisError as error:
                self._trouble.met(trouble_of(error))
                self.connected = False
                stopping.wait(pause_s)
                pause_s = min(pause_s * 2, 2.0)
        self._finish()

    def _finish(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while self._in_flight() and time.monotonic() < deadline:
            try:
                self._renew()
            except redis.RedisError:
                break
            time.sleep(0.02)
        self._sending.close()

    def _in_flight(self) -> list[_Flight]:
        with self._lock:
            return list(self._flights.values())

    def _free_slots(self, receiver: str) -> int:
        with self._lock:
            return SLOTS - sum(flight.claim.entry.receiver == receiver for flight in self._flights.values())

    def _active(self) -> list[str]:
        """Receivers that are posted to now."""
        disabled = self._outbox.disabled()
        for name in disabled.keys() - self._known_disabled:
            _log.error("receiver %s has answered 410 Gone and is disabled; its alerts wait", name)
        self._known_disabled = set(disabled)
        DISABLED.set(len(disabled))
        return [name for name in self._receivers if name not in disabled]

    def _start_due(self) -> None:
        for receiver in self._active():
            while self._free_slots(receiver) > 0:
                claim = self._outbox.claim(receiver, self._clock(), LEASE_MS)
                if claim is None:
                    break
                with self._lock:
                    self._flights[claim.token] = _Flight(claim, time.monotonic())
                arguments = (claim, self._receivers[receiver])
                threading.Thread(target=self._deliver, args=arguments, name=f"post-{receiver}", daemon=True).start()

    def _resend_due(self) -> None:
        receivers = [one for one in self._receivers.values() if isinstance(one, Alertmanager)]
        if self._resender is not None:
            self._resender.run_due(one for one in receivers if one.name not in self._known_disabled)

    def _nap_s(self) -> float:
        """Until a group is due, or an entry for a receiver with a free slot; a new notice wakes earlier."""
        now = self._clock()
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
        now = self._clock()
        for flight in self._in_flight():
            if time.monotonic() - flight.started > self._timeout_s + 1:
                with self._lock:
                    gone = self._flights.pop(flight.claim.token, None)
                if gone is not None:
                    self._failed(flight.claim, f"no answer within {self._timeout_s:g} s", None)
            else:
                self._outbox.renew(flight.claim, now, LEASE_MS)

    def _deliver(self, claim: Claim, receiver: AnyReceiver) -> None:
        """One attempt, in its own thread."""
        with DURATION.labels(receiver.name).time():
            answer = self._sending.attempt(receiver, claim.entry)
        with self._lock:
            ours = self._flights.get(claim.token) is not None
        if not ours:
            return
        self._until_redis_answers(lambda: self._settle(claim, answer))
        with self._lock:
            self._flights.pop(claim.token, None)
        self._until_redis_answers(self._outbox.wake)

    def _settle(self, claim: Claim, answer: Answer) -> None:
        receiver, entry = claim.entry.receiver, claim.entry
        if answer.outcome == "delivered":
            if self._outbox.delivered(claim, self._clock()):
                DELIVERED.labels(receiver, "delivered").inc()
                _log.info("delivered %s %s to %s", entry.status, entry.alertname, receiver)
            else:
                DELIVERED.labels(receiver, "lost").inc()
                _log.warning("%s has %s, but the claim was lost; it may come twice", receiver, entry.id)
        elif answer.outcome == "gone":
            self._outbox.gone(claim, self._clock(), answer.said)
            DELIVERED.labels(receiver, "gone").inc()
        else:
            self._failed(claim, answer.said, answer.retry_after_s)

    def _failed(self, claim: Claim, error: str, retry_after: float | None) -> None:
        entry = claim.entry
        outcome = self._outbox.failed(claim, self._clock(), error, retry_after)
        DELIVERED.labels(entry.receiver, outcome or "lost").inc()
        if outcome == "exhausted":
            _log.error("gave up %s %s to %s (%s): %s", entry.status, entry.alertname, entry.receiver, entry.id, error)
        elif outcome == "retry":
            _log.warning(
                "%s %s to %s failed (attempt %d): %s",
                entry.status,
                entry.alertname,
                entry.receiver,
                entry.failures + 1,
                error,
            )

    def _until_redis_answers(self, act: Callable[[], None]) -> None:
        """Try until the lease has surely run out; then the entry comes round again by itself."""
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

    def _look(self) -> None:
        """Refresh the gauges, and name receivers that have entries but left the rules."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        waiting, exhausted = self._outbox.counts()
        unknown = self._outbox.receivers() - self._receivers.keys()
        orphaned = {name: self._outbox.waiting_for(name) for name in unknown}
        ORPHANED.set(sum(orphaned.values()))
        WAITING.set(waiting - sum(orphaned.values()))
        EXHAUSTED.set(exhausted)
        status = self._dispatcher.status(self._clock())
        ALERTS.labels("pending").set(status.pending)
        ALERTS.labels("firing").set(status.firing)
        SILENCES.set(status.silences)
        HELD.set(status.held)
        for name in sorted(unknown - self._known_unknown):
            self._known_unknown.add(name)
            number = orphaned[name]
            if number:
                _log.warning("%d alerts wait for the receiver %s, which the rules do not name any more", number, name)
        self._looked = time.monotonic()
