"""The process that makes what open pages of the watch room receive: `python -m bootstrap.frames`, started by the API.

It has an interpreter of its own, so that reading the stream and the counters four times a second holds up no request.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import partial
from typing import Any

from alerts.state.silences import SilenceStore
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from bootstrap.logs import configure_logging
from contracts.rules.schema import Rules
from contracts.settings import Settings
from dashboard.feed.alert_view import views
from dashboard.feed.board import Board
from dashboard.feed.forgotten import ForgottenTweets
from dashboard.feed.frames import Frames
from dashboard.feed.maker import handed, write
from dashboard.feed.tail import ScoredTail
from dashboard.html.lines import line_in


def main() -> None:
    """Until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the parent, with which this process ends
        signal.signal(number, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no event
    settings, rules = handed(sys.stdin.buffer)
    configure_logging(settings)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        run(settings, rules, partial(write, out))
    except BrokenPipeError:  # nobody listens any more
        os._exit(0)


def run(settings: Settings, rules: Rules, tell: Any) -> None:
    """Make frames by these rules; blocks."""
    with connect(settings) as client:
        alerts, silences = AlertStore(client, settings), SilenceStore(client, settings)

        def open_alerts() -> list[dict[str, Any]]:
            opened = views(alerts, silences, rules.inhibit_rules, history=False)
            return [{**view.brief(), "summary_fr": line_in("fr", view.summary)} for view in opened]

        board = Board(settings, client, lambda: rules)
        tail = ScoredTail(settings)
        forgotten = ForgottenTweets(client, settings.redis.prefix)
        tail.start()
        Frames(settings.dashboard.frame_ms, tail, board, open_alerts, forgotten).run(tell, threading.Event())


def _end_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
