from __future__ import annotations

import pytest

from alerts.conditions.feedback import FeedbackCondition, sharper
from alerts.conditions.finding import Moment
from alerts.counters.feedback_counts import Recent
from alerts.detectors import accuracy, error_count
from alerts.state.store import Snapshot
from contracts.rules.schema import Accuracy, ErrorCount, Rules, Watch

NOW = 1_790_000_000_000
ERRORS = ErrorCount(alert="Errors", kind="error_count")
ACCURACY = Accuracy(alert="Accuracy", kind="accuracy")


def test_eleven_wrong_ones_within_fifteen_minutes_are_too_many_and_ten_are_not() -> None:
    minutes = [NOW - minute * 60_000 for minute in range(14, 3, -1)]
    verdict = error_count.judge(ERRORS, minutes, NOW)
    assert verdict == (True, 11, minutes[10])
    assert not error_count.judge(ERRORS, minutes[1:], NOW).active


def test_wrong_ones_are_forgotten_after_fifteen_minutes_and_ahead_of_time_they_do_not_count_yet() -> None:
    at_once = [NOW] * 11
    assert error_count.judge(ERRORS, at_once, NOW + 899_999).active
    assert error_count.judge(ERRORS, at_once, NOW + 900_000) == (False, 0, NOW + 900_000)
    assert not error_count.judge(ERRORS, [NOW + 1] * 20, NOW).active


@pytest.mark.parametrize(
    ("right", "judged", "fires"),
    [(1, 4, False), (0, 4, False), (0, 19, False), (0, 20, True), (10, 20, True), (11, 20, False),
     (61, 100, True), (63, 100, False), (69, 100, False), (70, 100, False)],
)  # fmt: skip
def test_few_judgements_say_little(right: int, judged: int, fires: bool) -> None:
    verdicts = [True] * right + [False] * (judged - right)
    assert accuracy.judge(ACCURACY, verdicts, firing=False).active is fires


def test_only_the_newest_hundred_count() -> None:
    assert not accuracy.judge(ACCURACY, [True] * 100 + [False] * 900, firing=False).active
    assert accuracy.judge(ACCURACY, [False] * 100 + [True] * 900, firing=False).active


def test_it_is_over_when_the_accuracy_is_back_and_not_before() -> None:
    assert accuracy.judge(ACCURACY, [True] * 69 + [False] * 31, firing=True).active
    assert not accuracy.judge(ACCURACY, [True] * 70 + [False] * 30, firing=True).active


@pytest.mark.parametrize(
    ("right", "judged", "upper"), [(0, 10, 0.2129), (5, 10, 0.7307), (81, 100, 0.8660), (10, 10, 1.0), (0, 0, 1.0)]
)
def test_the_interval_is_wilsons(right: int, judged: int, upper: float) -> None:
    # scipy.stats.binomtest(right, judged).proportion_ci(0.9, "wilson").high: two sides at 90 % are one at 95 %.
    assert accuracy.wilson_upper(right, judged, 0.95) == pytest.approx(upper, abs=2e-4)


WEEK_S = 7 * 86_400.0


@pytest.mark.parametrize(
    ("since_ms", "fires"),
    [(NOW - 1000, True), (NOW - 7 * 86_400_000 + 1, True), (NOW - 7 * 86_400_000, False), (None, False)],
)
def test_a_version_that_took_over_is_watched_more_sharply_for_a_week(since_ms: int | None, fires: bool) -> None:
    rules = Rules(watches=(Watch(name="acme", match=("acme",)),), rules=(ERRORS, ACCURACY))
    verdicts = [True] * 66 + [False] * 34  # too few for a new one, enough for another
    recent = Recent([NOW - 1] * 6, verdicts, since_ms)
    condition = FeedbackCondition(rules, lambda: {"8": recent}, WEEK_S)
    moment = Moment(NOW, Snapshot("1", {}, {}), "8", None, None, True, {})
    found = {finding.rule.alert: finding for finding in condition.findings(moment)}
    assert set(found) == ({"Errors", "Accuracy"} if fires else set())
    if fires:
        assert "the limit is 5" in found["Errors"].begin().annotations["description"]


def test_no_rule_becomes_laxer_by_being_sharpened() -> None:
    assert sharper(ACCURACY.model_copy(update={"below": 0.99})).below == 0.99
    assert sharper(ACCURACY.model_copy(update={"below": 0.93})).below == 0.95
    assert sharper(ERRORS.model_copy(update={"count": 0})).count == 0
