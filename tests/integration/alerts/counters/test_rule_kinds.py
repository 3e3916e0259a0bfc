"""Every kind of rule through the evaluator, over a real Redis."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

import pytest

from alerts.counters.counts import Answer, Cell, Sample
from alerts.counters.store import CounterStore
from alerts.detectors.drift import Reference
from alerts.rules.evaluator import Evaluator
from alerts.rules.feedback_evaluator import FeedbackEvaluator
from alerts.state.alert import Acknowledgement
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from contracts.events import Feedback
from contracts.rules.schema import Rule, Rules
from contracts.settings import Settings
from tests.integration.alerts.feeding import Feeder

NOW_MS = 1_790_000_040_000 // 3_600_000 * 3_600_000
NOW_S = NOW_MS // 1000
REFERENCE = Reference((0.4, 0.25, 0.35), tuple([0.0] * 8 + [0.05] * 8 + [0.15] * 4))


def rules(*some: dict[str, Any]) -> Rules:
    return Rules.model_validate(
        {
            "watches": [{"name": "acme", "match": ["acme"]}, {"name": "other", "match": ["other"]}],
            "themes": [{"name": "baggage", "match": ["bag"]}, {"name": "crew", "match": ["crew"]}],
            "rules": [{"alert": one.get("kind", "").title().replace("_", ""), **one} for one in some],
        }
    )


def evaluator(settings: Settings, *some: dict[str, Any]) -> Evaluator:
    return Evaluator(connect(settings), settings, rules(*some))


@pytest.fixture
def feeder(settings: Settings) -> Feeder:
    return Feeder(CounterStore(connect(settings), settings))


@pytest.fixture
def store(settings: Settings) -> AlertStore:
    return AlertStore(connect(settings), settings)


def judged(settings: Settings, *verdicts: bool, version: str = "7", now_ms: int = NOW_MS) -> None:
    judge = FeedbackEvaluator(connect(settings), settings, rules())
    first = judge.marks("t", [0]).get(0, 0)
    events = [
        (
            first + number,
            Feedback(
                feedback_id=uuid.uuid4(),
                prediction_id=uuid.uuid4(),
                predicted="negative",
                correct=correct,
                model_version=version,
            ),
        )
        for number, correct in enumerate(verdicts)
    ]
    assert judge.judge("t", first, first + len(events), events, now_ms=now_ms) == first + len(events)


def test_more_than_ten_wrong_within_fifteen_minutes_fire_and_resolve_when_they_are_past(settings: Settings) -> None:
    ticking = evaluator(settings, {"kind": "error_count"})
    judged(settings, *[False, True] * 10)
    assert ticking.tick(NOW_MS + 1000, "7") == []
    judged(settings, False, now_ms=NOW_MS + 60_000)
    ((status, alert),) = ticking.tick(NOW_MS + 61_000, "7")
    assert (status, alert.value, alert.starts_at_ms) == ("firing", 11, NOW_MS + 60_000)
    assert alert.labels == {"alertname": "ErrorCount", "severity": "warning", "model_version": "7"}
    again = evaluator(settings, {"kind": "error_count"})
    assert again.tick(NOW_MS + 899_000, "7") == []
    ((status, alert),) = again.tick(NOW_MS + 900_000, "7")
    assert (status, alert.annotations["wrong"]) == ("resolved", "1")


def test_an_accuracy_below_the_limit_fires_per_version_and_ends_when_it_is_back(settings: Settings) -> None:
    ticking = evaluator(settings, {"kind": "accuracy", "annotations": {"note": "{{ $value | humanizePercentage }}"}})
    judged(settings, *[False] * 3, True)
    judged(settings, *[True] * 60, *[False] * 40, version="8")
    ((status, alert),) = ticking.tick(NOW_MS, "8")
    assert (status, alert.labels["model_version"], alert.value) == ("firing", "8", 0.6)
    assert (alert.annotations["accuracy"], alert.annotations["note"]) == ("0.600", "60%")
    judged(settings, *[True] * 70, version="8", now_ms=NOW_MS + 1)
    ((status, alert),) = ticking.tick(NOW_MS + 2000, "8")
    assert (status, alert.annotations["accuracy"]) == ("resolved", "0.700")


def test_the_end_of_a_version_ends_its_alerts(settings: Settings, store: AlertStore) -> None:
    ticking = evaluator(settings, {"kind": "accuracy"}, {"kind": "error_count"})
    judge = FeedbackEvaluator(connect(settings), settings, rules())
    judge.serving("7", NOW_MS)
    judged(settings, *[False] * 30)
    ticking.tick(NOW_MS, "7")
    assert len(store.list("firing")) == 2
    judge.serving("8", NOW_MS + 1000)
    over = ticking.tick(NOW_MS + 2000, "8")
    assert [alert.annotations["summary"] for _, alert in over] == ["Model version 7 serves no more"] * 2
    assert store.list("firing") == []


def test_an_alert_of_a_version_belongs_to_the_time_when_it_serves(
    settings: Settings, store: AlertStore, feeder: Feeder
) -> None:
    ticking = evaluator(settings, {"kind": "accuracy"}, {"kind": "error_count"}, {"kind": "drift"})
    slot = NOW_S // 600 * 600
    said = {Answer(slot - 1200, "7", "negative", 19): 1900, Answer(slot - 600, "7", "positive", 12): 400}
    feeder.store.add(topic_id="t", partition=0, expected=0, end=1, buckets={}, minutes={}, samples=[], answers=said)
    judge = FeedbackEvaluator(connect(settings), settings, rules())
    judge.serving("7", NOW_MS - 60_000)
    judge.serving("8", NOW_MS - 50_000)
    judged(settings, *[False] * 30, now_ms=NOW_MS - 40_000)
    assert ticking.tick(NOW_MS - 30_000, "8") == []
    back_ms = NOW_MS - 5000
    judge.serving("7", back_ms)  # a rollback
    assert {alert.kind for _, alert in ticking.tick(NOW_MS, "7", reference=REFERENCE)} == {"drift"}
    judged(settings, *[False] * 30, now_ms=NOW_MS + 1000)
    ticking.tick(NOW_MS + 2000, "7", reference=REFERENCE)
    assert {alert.kind for alert in store.list("firing")} == {"drift", "accuracy", "error_count"}
    assert all(alert.starts_at_ms >= back_ms for alert in store.list("firing"))


def test_drift_fires_against_the_reference_of_the_version_that_serves(settings: Settings, feeder: Feeder) -> None:
    ticking = evaluator(settings, {"kind": "drift", "for": "1h"})
    slot = NOW_S // 600 * 600
    said = {Answer(slot - 1200, "7", "negative", 19): 1900, Answer(slot - 600, "7", "positive", 12): 400}
    feeder.store.add(topic_id="t", partition=0, expected=0, end=1, buckets={}, minutes={}, samples=[], answers=said)
    assert ticking.tick(NOW_MS, "7") == []  # the model has no reference
    assert ticking.tick(NOW_MS, "8", reference=REFERENCE) == []  # and this one has said nothing
    assert ticking.tick(NOW_MS, "7", reference=REFERENCE) == []  # pending
    ((status, alert),) = ticking.tick(NOW_MS + 3_600_000, "7", reference=REFERENCE)
    assert (status, alert.labels["model_version"]) == ("firing", "7")
    assert "share of negative has moved by +43%" in alert.annotations["description"]
    ((status, _),) = ticking.tick(NOW_MS + 3_601_000, "8", reference=REFERENCE)
    assert status == "resolved"


def a_week(feeder: Feeder, watch: str, an_hour: int) -> None:
    minutes: Counter[Cell] = Counter()
    for hours in range(1, 8 * 24):
        minutes[Cell(NOW_S - hours * 3600, watch, "", "positive")] = an_hour
    feeder.store.add(topic_id="past", partition=0, expected=0, end=1, buckets={}, minutes=minutes, samples=[])


def test_a_stream_gone_quiet_fires_unless_tweets_still_wait_to_be_counted(settings: Settings, feeder: Feeder) -> None:
    a_week(feeder, "", 400)
    ticking = evaluator(settings, {"kind": "quiet"})
    later = NOW_MS + 1_800_000
    assert ticking.tick(later, "7", caught_up=False) == []
    ((status, alert),) = ticking.tick(later, "7")
    assert status == "firing"
    assert alert.annotations["summary"].startswith("The whole stream has gone quiet: 0 tweets in 15 minutes, 100 are")
    feeder.tweets(later, positive=30, watch="")
    ((status, alert),) = ticking.tick(later + 3000, "7")
    assert (status, alert.annotations["volume_now"]) == ("resolved", "30")


def test_a_watch_may_go_quiet_alone(settings: Settings, feeder: Feeder) -> None:
    a_week(feeder, "acme", 400)
    ticking = evaluator(settings, {"kind": "quiet", "watches": ["acme", "other"], "severity": "critical"})
    ((_, alert),) = ticking.tick(NOW_MS + 1_800_000, "7")
    assert alert.labels == {"alertname": "Quiet", "severity": "critical", "watch": "acme"}


def _foreign(feeder: Feeder, at_ms: int, number: int) -> None:
    feeder.tweets(at_ms, positive=number, watch="acme", unreliable=True)
    sample = Sample("acme", at_ms, "ma valise est perdue", (), str(at_ms), "fr")
    feeder.store.add(
        topic_id="s",
        partition=0,
        expected=feeder.offset - number,
        end=feeder.offset,
        buckets={},
        minutes={},
        samples=[sample],
    )


def test_a_rise_of_tweets_in_an_unknown_language_fires_with_its_name_and_ends(
    settings: Settings, feeder: Feeder
) -> None:
    ticking = evaluator(settings, {"kind": "foreign_volume", "watches": ["acme"]})
    _foreign(feeder, NOW_MS - 2_000, 19)
    feeder.tweets(NOW_MS - 2_000, negative=5, positive=100, watch="acme")
    assert ticking.tick(NOW_MS, "7") == []
    _foreign(feeder, NOW_MS - 1_000, 21)
    ((status, alert),) = ticking.tick(NOW_MS, "7")
    assert (status, alert.value) == ("firing", 40)
    assert alert.labels == {"alertname": "ForeignVolume", "severity": "warning", "watch": "acme"}
    assert (alert.annotations["languages"], alert.annotations["sample_1"]) == ("fr", "ma valise est perdue")
    assert evaluator(settings, {"kind": "foreign_volume"}).tick(NOW_MS + 4000, "7") == []
    ((status, alert),) = ticking.tick(NOW_MS + 310_000, "7")
    assert (status, alert.annotations["voices_now"]) == ("resolved", "0")
    assert feeder.store.samples("acme", 0) == []  # what nobody judged is not shown as negative


def test_a_watch_that_always_gets_so_many_is_left_alone(settings: Settings, feeder: Feeder) -> None:
    for minute in range(120, 0, -1):
        feeder.tweets(NOW_MS - minute * 60_000, positive=10, watch="acme", unreliable=True, late=minute > 50)
        feeder.tweets(NOW_MS - minute * 60_000, positive=10, watch="", unreliable=True, late=minute > 50)
    ticking = evaluator(settings, {"kind": "foreign_volume"})
    assert ticking.tick(NOW_MS, "7") == []
    feeder.tweets(NOW_MS + 30_000, positive=300, watch="acme", unreliable=True)
    ((status, alert),) = ticking.tick(NOW_MS + 31_000, "7")
    assert status == "firing"
    assert float(alert.annotations["volume_before"]) == pytest.approx(50, rel=0.1)


def test_a_model_that_cannot_serve_fires_until_it_does(settings: Settings) -> None:
    ticking = evaluator(settings, {"kind": "model_broken"})
    assert ticking.tick(NOW_MS, "7") == []
    ((status, alert),) = ticking.tick(NOW_MS + 1, "7", model_failure="sentiment version 8 cannot serve: damaged")
    assert (status, alert.annotations["description"]) == ("firing", "sentiment version 8 cannot serve: damaged")
    assert ticking.tick(NOW_MS + 500, "7", model_failure="sentiment version 8 cannot serve: damaged") == []
    ((status, _),) = ticking.tick(NOW_MS + 1000, "8")
    assert status == "resolved"


def test_a_theme_fires_with_its_own_labels_while_the_watch_is_calm(settings: Settings, feeder: Feeder) -> None:
    feeder.tweets(NOW_MS - 7_200_000, positive=3000, negative=500, late=True)
    feeder.tweets(NOW_MS, positive=400, negative=60, watch="acme")
    feeder.tweets(NOW_MS, negative=40, positive=3, watch="acme", theme="baggage")
    feeder.tweets(NOW_MS, negative=10, positive=40, watch="acme", theme="crew")
    ticking = evaluator(
        settings, {"kind": "bad_buzz", "per_theme": True, "severity": "warning"}, {"kind": "bad_buzz", "alert": "Whole"}
    )
    ((_, alert),) = ticking.tick(NOW_MS + 2000, "7")
    assert alert.labels == {"alertname": "BadBuzz", "severity": "warning", "watch": "acme", "theme": "baggage"}
    assert alert.annotations["summary"].startswith("Bad buzz about acme, baggage: 93% of 43 voices are negative")


def test_one_text_repeated_a_thousand_times_is_no_crisis(settings: Settings, feeder: Feeder) -> None:
    feeder.tweets(NOW_MS, positive=30, watch="acme")
    for _ in range(10):
        feeder.tweets(NOW_MS, negative=100, watch="acme", text="worst airline ever, do not fly acme")
    assert evaluator(settings, {"kind": "bad_buzz"}).tick(NOW_MS + 1000, "7") == []


@pytest.mark.parametrize(
    ("authors", "text", "firing"),
    [
        # one author who varies the words; 60 who say the same; one who says the same; nobody is known
        ([7] * 60, None, {"Texts", "Tweets"}),
        (list(range(1, 61)), "worst airline ever", {"Voices", "Tweets"}),
        ([7] * 60, "worst airline ever", {"Tweets"}),
        (None, None, {"Voices", "Texts", "Tweets"}),
        (None, "worst airline ever", {"Tweets"}),
    ],
)
def test_a_rule_counts_voices_texts_or_tweets(
    settings: Settings, feeder: Feeder, authors: list[int] | None, text: str | None, firing: set[str]
) -> None:
    feeder.tweets(NOW_MS - 2000, negative=60, watch="acme", authors=authors, text=text)
    feeder.tweets(NOW_MS - 2000, positive=10, watch="acme")
    kinds = [
        {"kind": "bad_buzz", "severity": "warning", "alert": unit.title(), "count": unit}
        for unit in ("voices", "texts", "tweets")
    ]
    changes = evaluator(settings, *kinds).tick(NOW_MS, "7")
    assert {change.alert.labels["alertname"] for change in changes} == firing
    for change in changes:
        said = change.alert.annotations
        unit = said["counted"]
        assert change.alert.labels["alertname"] == unit.title()
        assert f"{'different texts' if unit == 'texts' else unit} are negative" in said["summary"]


def test_followers_of_those_who_complain_make_it_worse_and_never_milder(settings: Settings, feeder: Feeder) -> None:
    for number, reach in enumerate((0, 1, 50_000)):
        watch, authors = f"watch{number}", list(range(100 * number + 1, 100 * number + 41))
        feeder.tweets(NOW_MS - 2000, negative=40, watch=watch, authors=authors, reach=reach)
        feeder.tweets(NOW_MS - 2000, positive=10, watch=watch)
    watches = [{"name": f"watch{number}", "match": [f"watch{number}"]} for number in range(3)]
    rule = {"alert": "BadBuzz", "kind": "bad_buzz", "severity": "warning"}
    some = Rules.model_validate({"watches": watches, "rules": [rule]})
    changes = Evaluator(connect(settings), settings, some).tick(NOW_MS, "7")
    said = [change.alert.annotations for change in sorted(changes, key=lambda change: change.alert.labels["watch"])]
    assert [one.get("reach_now") for one in said] == [None, "40", "2000000"]
    scores = [int(one["score"]) for one in said]
    assert scores[0] == scores[1] < scores[2]


def test_tweets_in_unknown_languages_raise_nothing_unless_a_rule_asks_for_them(
    settings: Settings, feeder: Feeder
) -> None:
    feeder.tweets(NOW_MS, negative=80, watch="acme", unreliable=True)
    careful = {"kind": "bad_buzz", "alert": "Careful"}
    ticking = evaluator(settings, careful, {"kind": "bad_buzz", "alert": "All", "include_unreliable": True})
    assert [alert.labels["alertname"] for _, alert in ticking.tick(NOW_MS + 1000, "7")] == ["All"]


def test_the_severity_follows_the_score_and_is_raised_with_it(
    settings: Settings, feeder: Feeder, store: AlertStore
) -> None:
    ticking = evaluator(settings, {"kind": "bad_buzz", "critical_from": 70})
    feeder.tweets(NOW_MS - 7_200_000, positive=2100, negative=900, watch="acme", late=True)
    feeder.tweets(NOW_MS, negative=60, positive=35, watch="acme")
    assert ticking.tick(NOW_MS + 1000, "7") == []
    (settling,) = store.list("pending")
    ((_, mild),) = ticking.tick(NOW_MS + 16_000, "7")
    assert mild.starts_at_ms == settling.starts_at_ms
    assert mild.labels["severity"] == "warning"
    assert 30 <= float(mild.annotations["score"]) < 70
    store.acknowledge(mild.fingerprint, Acknowledgement("maya", "on it", NOW_MS + 17_000))
    feeder.tweets(NOW_MS + 20_000, negative=900, watch="acme")
    (over, raised) = ticking.tick(NOW_MS + 21_000, "7")
    assert (over.status, over.alert.fingerprint) == ("resolved", mild.fingerprint)
    assert over.alert.annotations["description"] == "Raised to critical."
    assert (raised.status, raised.alert.labels["severity"]) == ("firing", "critical")
    assert raised.alert.starts_at_ms == mild.starts_at_ms
    assert raised.alert.acknowledgement is not None
    assert raised.alert.acknowledgement.by == "maya"
    assert float(raised.alert.annotations["score"]) >= 70
    assert [status for status, _ in ticking.tick(NOW_MS + 22_000, "7")] == []
    assert [status for status, _ in ticking.tick(NOW_MS + 7_200_000, "7")] == ["resolved"]
    assert store.list("firing") == []


def test_a_severity_that_rises_at_once_changes_the_first_notification_and_adds_none(
    settings: Settings, feeder: Feeder, store: AlertStore
) -> None:
    ticking = evaluator(settings, {"kind": "bad_buzz", "critical_from": 70})
    feeder.tweets(NOW_MS - 7_200_000, positive=2100, negative=900, watch="acme", late=True)
    feeder.tweets(NOW_MS, negative=60, positive=35, watch="acme")
    assert ticking.tick(NOW_MS + 1000, "7") == []
    (settling,) = store.list("pending")
    assert settling.labels["severity"] == "warning"
    store.acknowledge(settling.fingerprint, Acknowledgement("maya", "on it", NOW_MS + 2000))
    feeder.tweets(NOW_MS + 5000, negative=900, watch="acme")
    ((status, alert),) = ticking.tick(NOW_MS + 6000, "7")
    assert (status, alert.labels["severity"]) == ("firing", "critical")
    assert alert.starts_at_ms == settling.starts_at_ms
    assert alert.acknowledgement is not None
    assert [one.labels["severity"] for one in store.list()] == ["critical"]


def test_while_it_settles_the_severity_of_an_alert_only_rises(
    settings: Settings, feeder: Feeder, store: AlertStore
) -> None:
    ticking = evaluator(settings, {"kind": "bad_buzz", "warning_from": 55, "critical_from": 101})
    feeder.tweets(NOW_MS - 7_200_000, positive=2100, negative=900, watch="acme", late=True)
    feeder.tweets(NOW_MS, negative=60, positive=35, watch="acme")
    seen = []
    for seconds, negative, positive in ((1, 0, 0), (6, 120, 0), (11, 0, 100)):
        feeder.tweets(NOW_MS + seconds * 1000 - 500, negative=negative, positive=positive, watch="acme")
        assert ticking.tick(NOW_MS + seconds * 1000, "7") == []
        (alert,) = store.list()
        seen.append((alert.state, alert.labels["severity"]))
    assert seen == [("pending", "info"), ("pending", "warning"), ("pending", "warning")]
    ((_, alert),) = ticking.tick(NOW_MS + 16_000, "7")
    assert alert.labels["severity"] == "warning"


def test_rules_that_are_taken_away_end_their_alerts_and_new_ones_begin(settings: Settings, feeder: Feeder) -> None:
    feeder.tweets(NOW_MS, negative=80, watch="acme")
    ticking = evaluator(settings, {"kind": "bad_buzz", "severity": "warning"})
    ((_, first),) = ticking.tick(NOW_MS + 1000, "7")
    same: dict[str, Any] = {"kind": "bad_buzz", "severity": "warning", "annotations": {"runbook": "call the desk"}}
    ticking.follow(rules(same))
    assert ticking.tick(NOW_MS + 2000, "7") == []
    ticking.follow(rules({**same, "labels": {"team": "social"}}))
    changes = ticking.tick(NOW_MS + 3000, "7")
    assert [status for status, _ in changes] == ["resolved"]
    assert changes[0].alert.fingerprint == first.fingerprint
    ((status, alert),) = ticking.tick(NOW_MS + 4000, "7")
    assert (status, alert.labels["team"]) == ("firing", "social")
    ticking.follow(rules({**same, "labels": {"team": "social"}, "watches": ["other"]}))
    assert [status for status, _ in ticking.tick(NOW_MS + 5000, "7")] == ["resolved"]


def kinds() -> set[str]:
    union = Rule.__origin__.__args__  # type: ignore[attr-defined]
    return {kind.model_fields["kind"].annotation.__args__[0] for kind in union}


def test_every_kind_of_rule_has_a_condition_or_is_the_judges(settings: Settings) -> None:
    assert evaluator(settings).kinds == kinds()
