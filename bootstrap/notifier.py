"""The notifier process: outbox, receivers, web server, signals."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING

from alerts.grouping.dispatcher import Dispatcher
from alerts.notifier import web as notifier_web
from alerts.notifier.loop import Notifier
from alerts.outbox.attempts import AttemptLog
from alerts.outbox.presence import Notifiers
from alerts.outbox.store import Outbox
from alerts.receivers.alertmanager_resend import Resender
from alerts.receivers.checks import receivers_can_be_reached
from alerts.receivers.sender import Sender
from alerts.rules.checks import kept_long_enough
from alerts.rules.reloader import RulesReloader
from alerts.storage.connection import connect
from alerts.storage.redis_health import TroubleLog, WriteMonitor, WriteProbe
from alerts.storage.state_version import check_state
from bootstrap.logs import configure_logging, warn_of_unknown_variables
from bootstrap.tracing import start_tracing
from contracts.settings import Settings
from contracts.times import clock_ms

if TYPE_CHECKING:
    from contracts.tracing.spans import Tracer

_STALLED_S = 60.0
log = logging.getLogger("buzzwatch.notifier")


def run_notifier(settings: Settings) -> None:
    """Deliver alerts until SIGTERM or Ctrl-C; blocks.

    Raises:
        RulesError: the rules file cannot be used.
        Unavailable: the metrics port is taken.
    """
    configure_logging(settings)
    warn_of_unknown_variables(settings)
    tracer = start_tracing(settings, "notifier")
    checks = (kept_long_enough(settings.alerts), receivers_can_be_reached)
    following = RulesReloader(settings.rules, every_s=settings.alerts.rules_poll_s, checks=checks)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with connect(settings) as client:
        check_state(client, settings)
        trouble = TroubleLog(log, settings.redis, "deliveries wait")
        dispatcher = Dispatcher(client, settings, following.rules.inhibit_rules)
        sending = _sender(settings, tracer)
        notifier = Notifier(
            Outbox(client, settings),
            dispatcher,
            following.rules.receivers,
            sending,
            timeout_s=settings.alerts.delivery_timeout_s,
            trouble=trouble,
            resender=Resender(client, settings, sending.hand_over, clock_ms),
            attempts=AttemptLog(client, settings),
            notifiers=Notifiers(client, settings),
        )
        following.on_change(notifier.follow)
        following.on_sighup()
        monitor = WriteMonitor(WriteProbe(client, settings), trouble)
        server = notifier_web.serve(
            settings.worker.web_host,
            settings.alerts.metrics_port,
            alive=lambda: time.monotonic() - notifier.last_loop < _STALLED_S,
            problem=lambda: (
                monitor.problem or (None if notifier.connected else trouble.problem or "Redis has not answered yet")
            ),
        )
        following.start()
        monitor.start()
        try:
            notifier.run(stopping)
        finally:
            following.stop()
            monitor.stop()
            server.shutdown()
            server.server_close()
            if tracer is not None:
                tracer.close()


def _sender(settings: Settings, tracer: Tracer | None) -> Sender:
    if tracer is None:
        return Sender(settings.alerts, clock_ms)
    from alerts.receivers.traced import TracedSender  # OpenTelemetry is imported where it is used

    return TracedSender(settings.alerts, clock_ms, tracer)
