from __future__ import annotations

import json
import re
from pathlib import Path

from alerts.alert import Alert, Transition, fingerprint_of
from alerts.schedule import DELAYS_S
from alerts.webhook import render
from tests.unit.alerts.telling import told

DOCS = Path(__file__).parents[3] / "docs"


def test_the_documented_body_is_what_is_sent() -> None:
    text = (DOCS / "webhook.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    documented = json.loads(example)
    shown = documented["alerts"][0]
    alert = Alert("bad_buzz", fingerprint_of(shown["labels"]), shown["labels"], shown["annotations"], 0, 0.8)
    sent = json.loads(render(told("social-team", Transition("firing", alert))))
    sent["alerts"][0]["startsAt"] = shown["startsAt"]
    sent["commonAnnotations"] = documented["commonAnnotations"]
    assert documented == sent


def test_the_documented_schedule_is_the_one_that_is_kept() -> None:
    text = " ".join((DOCS / "alerts.md").read_text(encoding="utf-8").split())
    assert "0, 1, 5, 15, 60 s, 5 min, 30 min, 2 h, 5 h and 10 h" in text
    assert DELAYS_S == (0, 1, 5, 15, 60, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)
