from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

from alerts.counters.counts import Counts
from alerts.explanation.annotations import link_to
from alerts.explanation.bad_buzz import begun
from alerts.grouping.payload import render
from alerts.outbox.backoff import DELAYS_S
from alerts.state.alert import Alert, Transition, fingerprint_of
from contracts.settings import Settings
from contracts.times import to_ms
from tests.unit.alerts.explanation.test_bad_buzz import evidence, verdict_on
from tests.unit.alerts.notifications import notification_of

DOCS = Path(__file__).parents[4] / "docs"
(EXAMPLE,) = re.findall(r"```json\n(.*?)```", (DOCS / "webhook.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_documented_body_is_what_is_sent() -> None:
    documented = json.loads(EXAMPLE)
    shown = documented["alerts"][0]
    labels, start = shown["labels"], to_ms(datetime.fromisoformat(shown["startsAt"]))
    link = link_to(Settings(), labels, start)
    alert = Alert("bad_buzz", fingerprint_of(labels), labels, shown["annotations"], start, 0.8, link=link)
    sent = json.loads(render(notification_of("social-team", Transition("firing", alert))))
    sent["commonAnnotations"] = documented["commonAnnotations"]
    assert documented == sent


def test_the_documented_annotations_of_a_bad_buzz_are_those_that_it_has() -> None:
    documented = json.loads(EXAMPLE)["alerts"][0]["annotations"]
    real = begun(evidence(verdict_on(Counts(50, 5, 5))))
    assert list(documented) == list(real)
    numbers = {"share_now", "share_before", "growth", "volume_now", "negative_now", "texts_now", "window", "score"}
    assert {name: documented[name] for name in numbers} == {name: real[name] for name in numbers}


def test_the_documented_schedule_is_the_one_that_is_kept() -> None:
    text = " ".join((DOCS / "alerts" / "operations.md").read_text(encoding="utf-8").split())
    assert "0, 1, 5, 15, 60 s, 5 min, 30 min, 2 h, 5 h and 10 h" in text
    assert DELAYS_S == (0, 1, 5, 15, 60, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)
