from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest

from alerts.counters.feedback_counts import Judgements, Recent, judgements_between, recent_judgements
from alerts.grouping.groups import AlertEvent
from alerts.rules.evaluator import Evaluator
from alerts.rules.feedback_evaluator import FeedbackEvaluator
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from contracts.events import Feedback
from contracts.rules.schema import ConsecutiveErrors, Rules, Watch, Webhook
from contracts.settings import Settings
from tests.fakes import SECRET
from tests.judgements import judgements

NOW_MS = 1_790_000_000_000
RULES = Rules(
    watches=(Watch(name="acme", match=("acme",)),),
    rules=(ConsecutiveErrors(alert="ConsecutiveErrors", kind="consecutive_errors"),),
    receivers=(Webhook(name="team", url="http://127.0.0.1:9/", secret=SECRET),),
)


def judgement(
    *, correct: bool, version: str = "7", feedback_id: uuid.UUID | None = None, at_ms: int | None = None
) -> Feedback:
    return Feedback(
        feedback_id=feedback_id or uuid.uuid4(),
        prediction_id=uuid.uuid4(),
        predicted="negative",
        correct=correct,
        model_version=version,
        created_at=None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC),
    )


WRONG, RIGHT = False, True


def events(*verdicts: bool, version: str = "7", first: int = 0) -> list[tuple[int, Feedback]]:
    return [(first + number, judgement(correct=correct, version=version)) for number, correct in enumerate(verdicts)]


@pytest.fixture
def judge(settings: Settings) -> FeedbackEvaluator:
    return FeedbackEvaluator(connect(settings), settings, RULES)


@pytest.fixture
def store(settings: Settings) -> AlertStore:
    return AlertStore(connect(settings), settings)


def posted(settings: Settings) -> list[str]:
    """The changes that are to be told, in their order."""
    client = connect(settings)
    (group,) = client.keys(f"{settings.redis.prefix}:*:outbox:notices:*")
    return [msgspec.json.decode(notice, type=AlertEvent).status for notice in client.lrange(group, 0, -1)]


def judged(settings: Settings) -> dict[str, int]:
    return judgements(connect(settings), settings.redis.prefix)


def test_three_wrong_and_a_right_one_in_a_batch_fire_and_resolve(
    judge: FeedbackEvaluator, settings: Settings, store: AlertStore
) -> None:
    assert judge.judge("t", None, 4, events(WRONG, WRONG, WRONG, RIGHT), now_ms=NOW_MS) == 4
    (alert,) = store.list()
    assert alert.state == "resolved"
    assert alert.labels["model_version"] == "7"
    assert alert.annotations["summary"] == "Model version 7 was right again"
    assert "last 3 judged predictions" in alert.annotations["description"]
    assert posted(settings) == ["firing", "resolved"]


def test_every_row_of_errors_is_an_episode_of_its_own(
    judge: FeedbackEvaluator, settings: Settings, store: AlertStore
) -> None:
    judge.judge("t", 0, 8, events(*([WRONG] * 3 + [RIGHT]) * 2), now_ms=NOW_MS)
    starts = {alert.starts_at_ms for alert in store.list("resolved")}
    assert len(starts) == 2
    assert posted(settings) == ["firing", "resolved"] * 2


def test_a_row_may_span_batches_and_a_right_one_breaks_it(judge: FeedbackEvaluator, store: AlertStore) -> None:
    judge.judge("t", 0, 2, events(WRONG, WRONG), now_ms=NOW_MS)
    judge.judge("t", 2, 5, events(RIGHT, WRONG, WRONG), now_ms=NOW_MS)
    assert store.list() == []
    judge.judge("t", 5, 6, events(WRONG), now_ms=NOW_MS)
    (alert,) = store.list("firing")
    assert alert.value == 3
    judge.judge("t", 6, 9, events(WRONG, WRONG, WRONG), now_ms=NOW_MS)
    assert len(store.list()) == 1


def test_versions_have_rows_of_their_own(judge: FeedbackEvaluator, store: AlertStore) -> None:
    mixed = [
        (number, judgement(correct=WRONG, version=version)) for number, version in enumerate(["7", "8", "7", "8", "8"])
    ]
    judge.judge("t", 0, 5, mixed, now_ms=NOW_MS)
    assert [alert.labels["model_version"] for alert in store.list("firing")] == ["8"]


def test_a_feedback_id_counts_once_in_a_batch_and_later(
    judge: FeedbackEvaluator, settings: Settings, store: AlertStore
) -> None:
    same = judgement(correct=WRONG)
    judge.judge("t", 0, 3, [(0, same), (1, same), (2, same)], now_ms=NOW_MS)
    judge.judge("t", 3, 4, [(3, same)], now_ms=NOW_MS + 86_400_000)
    assert judged(settings) == {"7|wrong": 1}
    assert store.list() == []


def test_a_feedback_id_is_forgotten_after_the_stated_time(judge: FeedbackEvaluator, settings: Settings) -> None:
    same = judgement(correct=WRONG)
    judge.judge("t", 0, 1, [(0, same)], now_ms=NOW_MS)
    later = NOW_MS + int(settings.alerts.feedback_memory_s * 1000) + 1
    judge.judge("t", 1, 2, events(RIGHT, first=1), now_ms=later)
    judge.judge("t", 2, 3, [(2, same)], now_ms=later)
    assert judged(settings) == {"7|wrong": 2, "7|right": 1}


def test_a_batch_that_was_judged_is_not_judged_again(judge: FeedbackEvaluator, settings: Settings) -> None:
    batch = events(WRONG, RIGHT)
    assert judge.marks("t", [0]) == {}
    assert judge.judge("t", None, 2, batch, now_ms=NOW_MS) == 2
    assert judge.judge("t", None, 2, batch, now_ms=NOW_MS) == 2
    assert judge.judge("t", 0, 9, events(*[WRONG] * 9), now_ms=NOW_MS) == 2
    assert judge.marks("t", [0]) == {0: 2}
    assert judge.marks("recreated", [0]) == {}
    assert judged(settings) == {"7|wrong": 1, "7|right": 1}


def test_two_judges_at_once_count_each_judgement_once(settings: Settings, store: AlertStore) -> None:
    batches = [events(WRONG, first=number) for number in range(40)]

    def work() -> None:
        judge, mark = FeedbackEvaluator(connect(settings), settings, RULES), 0
        while mark < len(batches):
            mark = judge.judge("t", mark, mark + 1, batches[mark], now_ms=NOW_MS + mark)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert judged(settings) == {"7|wrong": 40}
    assert len(store.list()) == 1
    assert posted(settings) == ["firing"]


def test_the_alert_is_over_when_its_version_stops_serving(
    judge: FeedbackEvaluator, settings: Settings, store: AlertStore
) -> None:
    judge.serving("7", NOW_MS)
    judge.judge("t", 0, 3, events(WRONG, WRONG, WRONG), now_ms=NOW_MS)
    judge.serving("7", NOW_MS + 1000)
    assert [alert.state for alert in store.list()] == ["firing"]
    judge.serving("8", NOW_MS + 2000)
    (alert,) = store.list()
    assert (alert.state, alert.ends_at_ms) == ("resolved", NOW_MS + 2000)
    assert posted(settings) == ["firing", "resolved"]


def test_a_version_that_stopped_serving_fires_nothing_until_it_serves_again(
    judge: FeedbackEvaluator, settings: Settings, store: AlertStore
) -> None:
    judge.serving("7", NOW_MS)
    judge.serving("8", NOW_MS)
    judge.judge("t", 0, 3, events(WRONG, WRONG, WRONG), now_ms=NOW_MS)
    assert store.list() == []
    judge.serving("7", NOW_MS + 10)
    judge.judge("t", 3, 5, events(WRONG, WRONG, first=3), now_ms=NOW_MS + 20)
    assert store.list() == []  # those that came while another one served are no part of the row
    judge.judge("t", 5, 6, events(WRONG, first=5), now_ms=NOW_MS + 30)
    (alert,) = store.list("firing")
    assert alert.starts_at_ms >= NOW_MS + 10
    assert judged(settings) == {"7|wrong": 6}


def test_each_partition_of_the_feedback_topic_has_its_mark(judge: FeedbackEvaluator, settings: Settings) -> None:
    assert judge.judge("t", 0, 2, events(WRONG, RIGHT), now_ms=NOW_MS) == 2
    assert judge.judge("t", 0, 1, events(WRONG, first=2), partition=1, now_ms=NOW_MS) == 1
    assert judge.judge("t", 0, 1, events(WRONG, first=2), partition=1, now_ms=NOW_MS) == 1
    assert judge.marks("t", [0, 1, 2]) == {0: 2, 1: 1}
    assert judged(settings) == {"7|wrong": 2, "7|right": 1}


def test_a_version_nobody_knows_fires_and_keeps_firing(judge: FeedbackEvaluator, store: AlertStore) -> None:
    judge.serving("8", NOW_MS)
    judge.judge("t", 0, 3, events(WRONG, WRONG, WRONG, version="canary"), now_ms=NOW_MS)
    judge.serving("9", NOW_MS)
    assert [alert.state for alert in store.list()] == ["firing"]


def test_a_version_nobody_knows_is_forgotten_an_hour_after_its_last_judgement(
    judge: FeedbackEvaluator, settings: Settings, store: AlertStore
) -> None:
    judge.serving("8", NOW_MS)
    judge.judge("t", 0, 3, events(WRONG, WRONG, WRONG, version="made-up"), now_ms=NOW_MS)
    FeedbackEvaluator(connect(settings), settings, RULES).serving("8", NOW_MS + 3_600_000)
    assert [alert.state for alert in store.list()] == ["firing"]
    FeedbackEvaluator(connect(settings), settings, RULES).serving("8", NOW_MS + 3_600_001)
    assert [alert.state for alert in store.list()] == ["resolved"]
    client = connect(settings)
    assert judged(settings) == {"made-up|wrong": 3}
    left = [key for key in client.keys(f"{settings.redis.prefix}*") if "made-up" in key]
    assert left == []
    judge.judge("t", 3, 4, events(WRONG, version="made-up", first=3), now_ms=NOW_MS + 3_700_000)
    assert [alert.state for alert in store.list()] == ["resolved"]


def test_the_version_that_serves_is_not_forgotten(
    judge: FeedbackEvaluator, settings: Settings, store: AlertStore
) -> None:
    judge.serving("8", NOW_MS)
    judge.judge("t", 0, 3, events(WRONG, WRONG, WRONG, version="8"), now_ms=NOW_MS)
    FeedbackEvaluator(connect(settings), settings, RULES).serving("8", NOW_MS + 30 * 86_400_000)
    assert [alert.state for alert in store.list()] == ["firing"]


def test_the_newest_judgements_are_kept_for_the_rules_that_look_at_many(
    judge: FeedbackEvaluator, settings: Settings
) -> None:
    judge.serving("7", NOW_MS)
    judge.judge("t", 0, 3, events(WRONG, RIGHT, WRONG), now_ms=NOW_MS)
    judge.judge("t", 3, 4, events(WRONG, version="8"), now_ms=NOW_MS + 1)
    client = connect(settings)
    assert recent_judgements(client, settings) == {
        "7": Recent([NOW_MS, NOW_MS], [WRONG, RIGHT, WRONG]),
        "8": Recent([NOW_MS + 1], [WRONG]),
    }
    judge.judge("t", 4, 1504, events(*[WRONG] * 1500), now_ms=NOW_MS + 2)
    newest = recent_judgements(client, settings)["7"]
    assert (len(newest.wrong_ms), len(newest.verdicts)) == (1100, 1100)
    judge.serving("8", NOW_MS + 3)
    assert list(recent_judgements(client, settings)) == ["8"]


def test_a_judgement_counts_in_its_own_minute_unless_that_cannot_be(
    judge: FeedbackEvaluator, settings: Settings
) -> None:
    dated = [
        Feedback.model_validate(judgement(correct=RIGHT).model_dump() | {"created_at": when})
        for when in ("2026-09-21T12:00:30Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", None)
    ]
    judge.judge("t", 0, 4, list(enumerate(dated)), now_ms=NOW_MS)
    client, keys = connect(settings), AlertKeys(settings.redis.prefix)
    assert client.hgetall(keys.judged_minute(1_789_992_000)) == {"7|right": "1"}
    assert client.hgetall(keys.judged_minute(NOW_MS // 60_000 * 60)) == {"7|right": "3"}
    assert 0 < client.ttl(keys.judged_minute(1_789_992_000)) <= settings.alerts.minute_retention_s


def test_accuracy_is_read_per_version_and_time(judge: FeedbackEvaluator, settings: Settings) -> None:
    judge.judge("t", 0, 4, events(RIGHT, RIGHT, RIGHT, WRONG), now_ms=NOW_MS)
    judge.judge("t", 4, 5, events(WRONG, version="8|b"), now_ms=NOW_MS + 3600_000)
    client = connect(settings)
    assert judged(settings) == {"7|right": 3, "7|wrong": 1, "8|b|wrong": 1}
    assert Judgements(3, 1).accuracy == 0.75
    assert Judgements().accuracy is None
    now_s = NOW_MS // 1000
    between = partial(judgements_between, client, settings, now_s=now_s)
    assert between(since_s=now_s - 600, until_s=now_s + 1) == {"7": Judgements(3, 1)}
    assert between(since_s=now_s - 1200, until_s=now_s - 600) == {}


def test_accuracy_of_all_times_is_asked_for_only_where_it_can_be(judge: FeedbackEvaluator, settings: Settings) -> None:
    judge.judge("t", 0, 1, events(RIGHT), now_ms=NOW_MS)
    client, now_s = connect(settings), NOW_MS // 1000
    before = client.info("commandstats").get("cmdstat_hgetall", {}).get("calls", 0)
    ever = judgements_between(client, settings, since_s=-62_000_000_000, until_s=253_000_000_000, now_s=now_s)
    assert ever == {"7": Judgements(1, 0)}
    asked = client.info("commandstats")["cmdstat_hgetall"]["calls"] - before
    assert asked < settings.alerts.minute_retention_s / 60 + 20


def test_what_the_judge_left_waiting_goes_on_between_two_judgements(settings: Settings) -> None:
    rule = {"alert": "Errors", "kind": "consecutive_errors", "count": 1, "for": "30s", "keep_firing_for": "20s"}
    rules = Rules.model_validate({"watches": [{"name": "acme", "match": ["acme"]}], "rules": [rule]})
    client = connect(settings)
    judge, evaluator, store = (
        FeedbackEvaluator(client, settings, rules),
        Evaluator(client, settings, rules),
        AlertStore(client, settings),
    )
    judge.serving("7", NOW_MS)
    judge.judge("t", 0, 1, [(0, judgement(correct=False))], now_ms=NOW_MS)
    assert evaluator.tick(NOW_MS + 29_000, "7") == []
    assert [alert.state for alert in store.list()] == ["pending"]
    (began,) = evaluator.tick(NOW_MS + 30_000, "7")
    assert (began.status, began.alert.starts_at_ms) == ("firing", NOW_MS)
    judge.judge("t", 1, 2, [(1, judgement(correct=True))], now_ms=NOW_MS + 40_000)
    assert evaluator.tick(NOW_MS + 59_000, "7") == []
    (over,) = evaluator.tick(NOW_MS + 60_000, "7")
    assert (over.status, over.alert.ends_at_ms) == ("resolved", NOW_MS + 60_000)
    assert evaluator.tick(NOW_MS + 61_000, "7") == []


HOUR_MS = 3_600_000


@pytest.mark.parametrize("dated_ms", [None, NOW_MS - HOUR_MS, NOW_MS + 60_000])
def test_no_date_of_a_judgement_shortens_or_lengthens_a_wait(settings: Settings, dated_ms: int | None) -> None:
    rule = {"alert": "Errors", "kind": "consecutive_errors", "for": "10m", "keep_firing_for": "30m"}
    rules = Rules.model_validate({"watches": [{"name": "acme", "match": ["acme"]}], "rules": [rule]})
    client = connect(settings)
    judge, evaluator = FeedbackEvaluator(client, settings, rules), Evaluator(client, settings, rules)
    store, minute = AlertStore(client, settings), 60_000

    def judged(*verdicts: bool, first: int, now_ms: int) -> None:
        some = [(first + place, judgement(correct=one, at_ms=dated_ms)) for place, one in enumerate(verdicts)]
        judge.judge("t", first, first + len(some), some, now_ms=now_ms)

    judge.serving("7", NOW_MS)
    judged(WRONG, WRONG, WRONG, first=0, now_ms=NOW_MS)
    judged(WRONG, first=3, now_ms=NOW_MS + minute)
    assert evaluator.tick(NOW_MS + 10 * minute - 1, "7") == []
    (began,) = evaluator.tick(NOW_MS + 10 * minute, "7")
    assert (began.status, began.alert.starts_at_ms) == ("firing", dated_ms or NOW_MS)
    judged(RIGHT, first=4, now_ms=NOW_MS + 11 * minute)
    judged(RIGHT, first=5, now_ms=NOW_MS + 12 * minute)
    assert evaluator.tick(NOW_MS + 41 * minute - 1, "7") == []
    assert [alert.state for alert in store.list()] == ["firing"]
    (over,) = evaluator.tick(NOW_MS + 41 * minute, "7")
    assert (over.status, over.alert.ends_at_ms) == ("resolved", NOW_MS + 41 * minute)


def test_judgements_date_an_episode_that_waits_for_nothing(judge: FeedbackEvaluator, store: AlertStore) -> None:
    dated = [judgement(correct=one, at_ms=NOW_MS - HOUR_MS + place) for place, one in enumerate([WRONG] * 3 + [RIGHT])]
    judge.judge("t", 0, 4, list(enumerate(dated)), now_ms=NOW_MS)
    (alert,) = store.list("resolved")
    assert (alert.starts_at_ms, alert.ends_at_ms) == (NOW_MS - HOUR_MS + 2, NOW_MS - HOUR_MS + 3)


def test_a_row_that_grows_is_told_as_long_as_it_is_and_tells_nobody_anew(
    judge: FeedbackEvaluator, settings: Settings, store: AlertStore
) -> None:
    judge.judge("t", 0, 3, events(*[WRONG] * 3), now_ms=NOW_MS)
    (before,) = store.list("firing")
    judge.judge("t", 3, 7, events(*[WRONG] * 4, first=3), now_ms=NOW_MS + 5000)
    (alert,) = store.list("firing")
    assert (alert.value, alert.annotations["streak"]) == (7, "7")
    assert alert.annotations["summary"].startswith("7 wrong predictions in a row")
    assert (alert.starts_at_ms, alert.fingerprint, alert.link) == (before.starts_at_ms, before.fingerprint, before.link)
    assert posted(settings) == ["firing"]
