from __future__ import annotations

from typing import Any

import msgspec

from alerts.state.alert import Alert, fingerprint_of
from alerts.state.inhibition import Inhibitor
from alerts.state.visibility import shown
from contracts.rules.matchers import parse_matcher
from contracts.rules.routing import InhibitRule


def alert(name: str, annotations: dict[str, str] | None = None, **labels: str) -> Alert:
    labels = {"alertname": name, **labels}
    return Alert("bad_buzz", fingerprint_of(labels), labels, annotations or {}, 1000, 0.5)


def rule(source: str, target: str, *equal: str) -> InhibitRule:
    def one(text: str) -> Any:
        return (parse_matcher(text),)

    return InhibitRule(source_matchers=one(source), target_matchers=one(target), equal=equal)


ERRORS = alert("Errors", model_version="7")
BUZZ = alert("BadBuzz", {"model_version": "7"}, watch="delta")
BY_VERSION = (rule("alertname=Errors", "alertname=BadBuzz", "model_version"),)


def test_a_target_is_muted_while_a_source_that_agrees_fires() -> None:
    assert Inhibitor(BY_VERSION, [ERRORS, BUZZ]).muting(BUZZ) == [ERRORS.fingerprint]
    assert Inhibitor(BY_VERSION, [ERRORS, BUZZ]).muting(ERRORS) == []
    assert Inhibitor(BY_VERSION, [alert("Errors", model_version="8")]).muting(BUZZ) == []


def test_only_what_fires_mutes() -> None:
    pending = msgspec.structs.replace(ERRORS, active_since_ms=1000)
    over = msgspec.structs.replace(ERRORS, ends_at_ms=2000)
    assert Inhibitor(BY_VERSION, [pending]).muting(BUZZ) == []
    assert Inhibitor(BY_VERSION, [over]).muting(BUZZ) == []


def test_labels_that_both_lack_agree() -> None:
    by_theme = (rule("alertname=Errors", "alertname=BadBuzz", "theme"),)
    assert Inhibitor(by_theme, [ERRORS]).muting(BUZZ) == [ERRORS.fingerprint]
    themed = alert("BadBuzz", watch="delta", theme="delay")
    assert Inhibitor(by_theme, [ERRORS]).muting(themed) == []


def test_no_two_alerts_mute_each_other_and_none_itself() -> None:
    mutual = (rule('watch!=""', 'watch!=""'),)
    other = alert("Quiet", watch="delta")
    inhibitor = Inhibitor(mutual, [BUZZ, other])
    assert inhibitor.muting(BUZZ) == inhibitor.muting(other) == []
    worse = (rule("severity=critical", 'watch!=""', "watch"),)
    critical = alert("BadBuzz", watch="delta", severity="critical")
    assert Inhibitor(worse, [critical]).muting(critical) == []
    assert Inhibitor(worse, [critical]).muting(BUZZ) == [critical.fingerprint]


def test_what_is_over_is_shown_as_muted_by_nothing() -> None:
    over = msgspec.structs.replace(BUZZ, ends_at_ms=2000)
    assert [one.inhibited_by for one in shown([ERRORS, BUZZ, over], [], BY_VERSION, 5000)] == [
        [],
        [ERRORS.fingerprint],
        [],
    ]
