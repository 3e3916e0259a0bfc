"""Messages of their own, in a real outbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from alerts.grouping.announcement import announce
from alerts.outbox.store import Outbox
from alerts.state.silences import SilenceStore, new_silence
from alerts.storage.connection import connect
from contracts.audit import AuditEvent
from contracts.rules.matchers import parse_matcher
from contracts.rules.routing import Route
from contracts.rules.schema import Rules
from contracts.settings import Settings
from learning.rollout.messages import annotations_of, announcer, labels_of
from tests.integration.alerts.notifications import rules_for

NOW_MS = 1_790_000_000_000


def event(what: str, **figures: float) -> AuditEvent:
    when = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    return AuditEvent(who="worker a", what=what, subject="model sentiment 8", why="so", figures=figures, when=when)


def test_a_change_is_one_message_for_each_receiver_however_often_it_is_announced(settings: Settings) -> None:
    client, rules = connect(settings), rules_for("team", "desk")
    for change in (event("canary.step", share=0.5), event("canary.rolled_back")):
        for _ in range(3):
            announcer(client, settings, lambda: rules)(change)
    outbox, sent = Outbox(client, settings), []
    while (claim := outbox.claim("team", NOW_MS * 2, 1000)) is not None:
        assert outbox.claim("team", NOW_MS * 2, 1000) is None  # in order, whatever the severity
        sent.append(json.loads(claim.entry.body)["alerts"][0])
        outbox.delivered(claim, NOW_MS * 2)
    assert [one["annotations"]["summary"] for one in sent] == [
        "Model version 8 answers 50% of the tweets now",
        "Model version 8 was rolled back: the champion answers everything",
    ]
    assert [one["labels"]["severity"] for one in sent] == ["info", "warning"]
    assert sent[0]["annotations"]["description"] == "Why: so. By worker a. Figures: share 0.5."
    announcer(client, settings, lambda: rules)(event("canary.step", share=0.5))
    assert outbox.claim("team", NOW_MS * 2, 1000) is None  # delivered, and remembered
    assert outbox.claim("desk", NOW_MS * 2, 1000) is not None


def test_routes_and_silences_hold_for_messages_too(settings: Settings) -> None:
    client, change = connect(settings), event("canary.refused")

    def announced(rules: Rules, at_ms: int) -> int:
        return announce(
            client, settings, rules, labels_of(change), annotations_of(change), at_ms=at_ms, now_ms=NOW_MS + 1
        )

    routed = rules_for("team", "desk").model_copy(update={"route": Route(receiver="desk")})
    assert announced(routed, 1) == 1
    silence = new_silence(
        [parse_matcher('alertname="ModelTrial"')], starts_at_ms=NOW_MS, ends_at_ms=NOW_MS + 10_000,
        created_by="ada", comment="holiday", now_ms=NOW_MS,
    )  # fmt: skip
    SilenceStore(client, settings).add(silence, NOW_MS)
    assert announced(routed, 2) == 0
