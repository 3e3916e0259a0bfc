from __future__ import annotations

from typing import Any

import pydantic
import pytest

from alerts.grouping.routing import Target, targets
from alerts.state.alert import fingerprint_of
from contracts.rules.schema import Rules
from tests.fakes import SECRET

BUZZ = {"alertname": "BadBuzz", "severity": "critical", "watch": "delta"}
ERRORS = {"alertname": "Errors", "severity": "warning", "model_version": "7"}
DRIFT = {"alertname": "Drift", "severity": "info", "model_version": "7"}


def rules(route: dict[str, Any] | None = None, **named: Any) -> Rules:
    receivers = [{"name": name, "url": "http://127.0.0.1:9/", "secret": SECRET} for name in ("team", "desk", "pager")]
    return Rules.model_validate(
        {
            "watches": [{"name": "delta", "match": ["delta"]}],
            "rules": [{"alert": "Errors", "kind": "consecutive_errors", **named}],
            "receivers": receivers,
            **({"route": route} if route is not None else {}),
        }
    )


def told(found: list[Target]) -> list[str]:
    return [target.receiver for target in found]


def test_without_a_route_everybody_is_told_at_once_of_each_alert_by_itself() -> None:
    found = targets(rules(), BUZZ)
    assert told(found) == ["team", "desk", "pager"]
    for target in found:
        assert (target.wait_s, target.interval_s, target.repeat_s) == (0, 0, 14_400)
        assert target.alone
        assert target.group_key == '{}:{alertname="BadBuzz", severity="critical", watch="delta"}'
        assert target.group_labels == BUZZ


def test_what_is_told_by_itself_stays_in_its_group_when_its_severity_is_raised() -> None:
    tree = {"routes": [{"matchers": ["severity=critical"], "group_wait": "1s"}]}
    (before, *_), (after, *_) = targets(rules(tree), BUZZ | {"severity": "warning"}), targets(rules(tree), BUZZ)
    assert before.group == after.group == f"team:{fingerprint_of({'alertname': 'BadBuzz', 'watch': 'delta'})}"
    assert before.group_labels["severity"] == "warning"
    assert before.group != targets(rules(tree), BUZZ | {"watch": "american"})[0].group


def test_a_rule_that_names_receivers_is_told_to_those_alone() -> None:
    assert told(targets(rules(receivers=["desk"]), ERRORS)) == ["desk"]
    routed = rules({"receiver": "pager"}, receivers=["desk"])
    assert told(targets(routed, ERRORS)) == ["desk"]
    assert told(targets(routed, BUZZ)) == ["pager"]
    assert told(targets(rules(receivers=[]), ERRORS)) == []


def test_the_first_branch_that_matches_is_taken_and_the_next_ones_only_after_continue() -> None:
    tree: dict[str, Any] = {
        "receiver": "team",
        "routes": [
            {"matchers": ["severity=critical"], "receiver": "pager", "continue": True},
            {"matchers": ['watch=~"del.*"'], "receiver": "desk"},
            {"matchers": ["severity=critical"], "receiver": "team"},
        ],
    }
    assert told(targets(rules(tree), BUZZ)) == ["pager", "desk"]
    assert told(targets(rules(tree), ERRORS)) == ["team"]
    tree["routes"][0]["continue"] = False
    assert told(targets(rules(tree), BUZZ)) == ["pager"]


def test_a_branch_has_from_its_parents_what_it_does_not_say() -> None:
    tree = {
        "receivers": ["team", "desk"],
        "group_by": ["alertname"],
        "group_wait": "10s",
        "repeat_interval": "1h",
        "routes": [
            {
                "matchers": ['model_version!=""'],
                "group_interval": "1m",
                "routes": [{"matchers": ["severity=info"], "receiver": "pager", "group_by": ["model_version"]}],
            }
        ],
    }
    (drift,) = targets(rules(tree), DRIFT)
    assert (drift.receiver, drift.wait_s, drift.interval_s, drift.repeat_s) == ("pager", 10, 60, 3600)
    assert drift.group_key == '{}/{model_version!=""}/{severity="info"}:{model_version="7"}'
    team, desk = targets(rules(tree), ERRORS)
    assert (team.receiver, desk.receiver, team.group_labels) == ("team", "desk", {"alertname": "Errors"})
    assert team.group != desk.group


def test_alerts_that_agree_in_the_labels_of_group_by_share_a_group() -> None:
    grouping = rules({"group_by": ["alertname"]})
    american = BUZZ | {"watch": "american"}
    assert [t.group for t in targets(grouping, BUZZ)] == [t.group for t in targets(grouping, american)]
    assert [t.group for t in targets(grouping, BUZZ)] != [t.group for t in targets(grouping, ERRORS)]
    everything = rules({"group_by": []})
    assert [t.group for t in targets(everything, BUZZ)] == [t.group for t in targets(everything, ERRORS)]
    assert targets(everything, BUZZ)[0].group_key == "{}:{}"


def test_critical_alerts_wait_for_nobody_unless_the_route_says_so() -> None:
    grouping = {"group_by": ["alertname"]}
    (critical, *_), (warning, *_) = targets(rules(grouping), BUZZ), targets(rules(grouping), ERRORS)
    assert (critical.wait_s, critical.interval_s) == (0, 0)
    assert (warning.wait_s, warning.interval_s) == (30, 300)
    (critical, *_) = targets(rules(grouping | {"group_wait": "5s", "group_interval": "2m"}), BUZZ)
    assert (critical.wait_s, critical.interval_s) == (5, 120)


@pytest.mark.parametrize(
    ("route", "complaint"),
    [
        ({"receiver": "nobody"}, "'nobody', which is not defined"),
        ({"routes": [{"receivers": ["team", "nobody"]}]}, "'nobody', which is not defined"),
        ({"matchers": ["a=b"]}, "neither matchers nor continue"),
        ({"receiver": "team", "receivers": ["desk"]}, "receiver or receivers, not both"),
        ({"group_by": ["...", "watch"]}, "stands alone"),
        ({"routes": [{"matchers": ["watch"]}]}, "'watch' is not a matcher"),
        ({"routes": [{"matchers": ["watch=~("]}]}, "not a regular expression"),
    ],
)
def test_a_route_that_cannot_be_is_refused(route: dict[str, Any], complaint: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=complaint):
        rules(route)
