from __future__ import annotations

import logging
import random
import threading
from urllib.parse import urlsplit

import pytest

from alerts.counters.store import CounterStore
from alerts.outbox.store import Outbox
from alerts.rules.evaluator import Evaluator
from alerts.state.alert import Acknowledgement
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from contracts.rules.file import load_rules
from contracts.rules.schema import Rules, Watch, Webhook
from contracts.settings import Settings
from tests.fakes import SECRET
from tests.integration.alerts.feeding import Feeder
from tests.integration.alerts.notifications import dispatch

START_MS = 1_790_000_040_000 // 60_000 * 60_000
DAY_S = 86_400
RECEIVER = Webhook(name="team", url="http://127.0.0.1:9/", secret=SECRET)


def default_rules(**changes: object) -> Rules:
    rules = load_rules(Settings().rules)
    bad_buzz = rules.rules[0].model_copy(update=changes)
    return rules.model_copy(update={"rules": (bad_buzz, *rules.rules[1:]), "receivers": (RECEIVER,)})


@pytest.fixture
def feeder(settings: Settings) -> Feeder:
    return Feeder(CounterStore(connect(settings), settings))


@pytest.fixture
def store(settings: Settings) -> AlertStore:
    return AlertStore(connect(settings), settings)


def evaluator(settings: Settings, **changes: object) -> Evaluator:
    return Evaluator(connect(settings), settings, default_rules(**changes))


def a_days_past(feeder: Feeder, share: float = 0.28, until_ms: int = START_MS) -> None:
    for minutes in range(10, 1440, 10):
        feeder.tweets(
            until_ms - minutes * 60_000, negative=round(30 * share), positive=30 - round(30 * share), late=True
        )


def crisis(feeder: Feeder, from_ms: int, seconds: int, *, negative: int = 17, of: int = 20) -> None:
    """Five seconds at a time, four tweets a second, 85 % negative."""
    for second in range(0, seconds, 5):
        feeder.tweets(from_ms + second * 1000, negative=negative, positive=of - negative, theme="baggage")


def test_the_demo_crisis_fires_within_ten_seconds_and_resolves_soon_after_its_end(
    settings: Settings, feeder: Feeder, store: AlertStore
) -> None:
    source = random.Random(3)
    for minute in range(1440, 0, -1):
        negative = sum(source.random() < 0.28 for _ in range(20))
        feeder.tweets(START_MS - minute * 60_000, negative=negative, positive=20 - negative, late=minute > 2)
    rules = evaluator(settings)
    seen: list[tuple[int, str]] = []
    for second in range(-30, 360):
        now_ms = START_MS + second * 1000
        in_crisis = 0 <= second < 60
        for _ in range(4 if in_crisis else second % 3 == 0):
            is_negative = source.random() < (0.85 if in_crisis else 0.28)
            feeder.tweets(
                now_ms, negative=is_negative, positive=not is_negative, theme="baggage" if in_crisis else None
            )
        seen += [(second, status) for status, _ in rules.tick(now_ms + 999, "7")]
    assert [status for _, status in seen] == ["firing", "resolved"]
    fired, over = seen[0][0], seen[1][0]
    assert fired <= 10
    assert 60 <= over <= 60 + 240
    (alert,) = store.list("resolved")
    assert START_MS <= alert.starts_at_ms <= START_MS + 10_000
    assert alert.annotations["top_themes"].startswith("baggage")


def test_an_alert_explains_itself_and_is_logged_with_its_numbers(
    settings: Settings, feeder: Feeder, store: AlertStore, caplog: pytest.LogCaptureFixture
) -> None:
    a_days_past(feeder)
    for number, text in enumerate(
        ["@user my suitcase is lost", "@user my suitcase is lost!!", "no suitcase at the carousel", "nobody helps us"]
    ):
        feeder.tweets(START_MS + number, negative=14, theme="baggage")
        feeder.tweets(START_MS + number, negative=1, theme="baggage", text=text)
    with caplog.at_level(logging.INFO, "buzzwatch.alerts"):
        ((status, alert),) = evaluator(settings).tick(START_MS + 5000, "7")
        assert status == "firing"
        evaluator(settings).tick(START_MS + 320_000, "7")
        evaluator(settings).tick(START_MS + 441_000, "7")
    assert alert.labels == {"alertname": "BadBuzz", "severity": "critical", "watch": "air-paradis"}
    assert alert.annotations["summary"].startswith("Bad buzz about air-paradis: 100% of 60 voices are negative, 27%")
    assert alert.annotations["top_themes"] == "baggage (60)"
    assert alert.annotations["top_terms"].startswith("suitcase")
    assert {alert.annotations[f"sample_{number}"] for number in (1, 2, 3)} >= {"no suitcase at the carousel"}
    levels = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in levels] == ["ERROR", "INFO"]
    assert 'firing BadBuzz{watch="air-paradis"}' in levels[0][1]
    assert "60 of 60 voices" in levels[0][1]
    link = urlsplit(alert.link)
    assert link.path == f"/room/alerts/{alert.fingerprint}"
    assert 0 <= float(alert.annotations["score"]) <= 100


def test_late_tweets_never_page(settings: Settings, feeder: Feeder) -> None:
    feeder.tweets(START_MS, negative=500, late=True)
    assert evaluator(settings).tick(START_MS + 1000, "7") == []


def test_two_evaluators_at_once_write_one_change(settings: Settings, feeder: Feeder, store: AlertStore) -> None:
    crisis(feeder, START_MS, 10)
    told: list[str] = []
    together = threading.Barrier(4)

    def work() -> None:
        rules = evaluator(settings)
        together.wait()
        told.extend(status for status, _ in rules.tick(START_MS + 9000, "7"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["firing"]
    assert len(store.list()) == 1
    dispatch(settings, START_MS + 9000)
    assert len(Outbox(connect(settings), settings).waiting()) == 1


def test_a_change_that_redis_lost_is_found_again_with_the_same_id(
    settings: Settings, feeder: Feeder, store: AlertStore
) -> None:
    crisis(feeder, START_MS, 20)
    evaluator(settings).tick(START_MS + 6000, "7")
    dispatch(settings, START_MS + 6000)
    outbox = Outbox(connect(settings), settings)
    (entry,) = outbox.waiting()
    client, keys = connect(settings), AlertKeys(settings.redis.prefix)
    client.delete(*client.keys(f"{settings.redis.prefix}:{{alerts}}*"))
    assert store.list() == []
    evaluator(settings).tick(START_MS + 14_700, "7")
    dispatch(settings, START_MS + 14_700)
    (again,) = outbox.waiting()
    assert again.id == entry.id
    assert client.exists(keys.revision)


def test_the_crisis_itself_does_not_become_the_past(settings: Settings, feeder: Feeder, store: AlertStore) -> None:
    feeder.tweets(START_MS - 3600_000, negative=30, positive=70, late=True)
    rules = evaluator(settings)
    for second in range(0, 1800, 5):
        crisis(feeder, START_MS + second * 1000, 5)
        told = rules.tick(START_MS + second * 1000 + 4000, "7")
        assert all(status == "firing" for status, _ in told)
    (alert,) = store.list("firing")
    # Nor does it hide the next one.
    rules.tick(START_MS + 2200_000, "7")
    rules.tick(START_MS + 2321_000, "7")
    assert [one.state for one in store.list()] == ["resolved"]
    crisis(feeder, START_MS + 3000_000, 15)
    ((status, second_alert),) = rules.tick(START_MS + 3015_000, "7")
    assert status == "firing"
    assert second_alert.annotations["share_before"] == "0.300"
    assert second_alert.starts_at_ms > alert.starts_at_ms


def test_what_lasts_longer_than_the_baseline_is_the_new_usual(
    settings: Settings, feeder: Feeder, store: AlertStore
) -> None:
    rules = evaluator(settings, baseline=600.0, windows=(60.0,))
    over = None
    for second in range(0, 1500, 30):
        feeder.tweets(START_MS + second * 1000, negative=45, positive=15)
        for status, _ in rules.tick(START_MS + second * 1000 + 1000, "7"):
            if status == "resolved":
                over = second
    assert over is not None
    assert 600 <= over <= 720


def test_an_alert_that_the_rules_ask_for_no_more_is_over(settings: Settings, feeder: Feeder, store: AlertStore) -> None:
    crisis(feeder, START_MS, 10)
    evaluator(settings).tick(START_MS + 9000, "7")
    ((status, alert),) = evaluator(settings, enabled=False).tick(START_MS + 10_000, "7")
    assert status == "resolved"
    assert "does not ask" in alert.annotations["description"]
    assert store.list("firing") == []


def test_watches_have_alerts_of_their_own(settings: Settings, feeder: Feeder, store: AlertStore) -> None:
    feeder.tweets(START_MS, negative=40, watch="united")
    feeder.tweets(START_MS, negative=40, watch="air-paradis")
    feeder.tweets(START_MS, positive=40, watch="delta")
    evaluator(settings).tick(START_MS + 1000, "7")
    assert {alert.labels["watch"] for alert in store.list("firing")} == {"united", "air-paradis"}


def test_an_alert_that_fires_for_long_says_once_a_minute_what_is_so_now(
    settings: Settings, feeder: Feeder, store: AlertStore
) -> None:
    a_days_past(feeder)
    rules = evaluator(settings, severity="critical", annotations={"who": "{{ $labels.severity }} {{ $value }}"})
    seen: dict[int, tuple[str, float]] = {}
    feeder.tweets(START_MS, negative=60, positive=40)
    (began,) = rules.tick(START_MS + 4900, "7")
    store.acknowledge(began.alert.fingerprint, Acknowledgement("maya", "on it", START_MS))
    for second in range(5, 190, 5):
        now_ms = START_MS + second * 1000 + 4900
        feeder.tweets(now_ms, negative=57, positive=1 + second // 60, theme="crew")
        feeder.tweets(now_ms, negative=1, theme="crew", text=f"the crew left us behind {second}")
        assert rules.tick(now_ms, "7") == []
        (alert,) = store.list()
        seen[second] = alert.annotations["top_terms"], alert.value
    changes = [second for second in seen if second > 5 and seen[second] != seen[second - 5]]
    assert changes == [60, 120, 180]
    assert seen[5] == ("", 0.6)
    assert alert.value > 0.94
    assert alert.annotations["share_now"] == f"{alert.value:.3f}"
    assert "behind" in alert.annotations["top_terms"]
    assert alert.annotations["top_themes"].startswith("crew")
    assert alert.annotations["sample_1"].startswith("the crew left us behind")
    assert alert.annotations["who"] == f"critical {alert.value:.4g}"
    assert alert.annotations["since"] == began.alert.annotations["since"]
    for name in ("labels", "fingerprint", "starts_at_ms", "link", "ends_at_ms", "kind"):
        assert getattr(alert, name) == getattr(began.alert, name)
    assert alert.acknowledgement is not None


def test_what_is_explained_anew_is_told_with_the_next_repeat_and_not_before(
    settings: Settings, feeder: Feeder, store: AlertStore
) -> None:
    a_days_past(feeder)
    feeder.tweets(START_MS, negative=60, positive=40)
    rules = evaluator(settings, severity="critical")
    rules.tick(START_MS + 4900, "7")
    dispatch(settings, START_MS + 4900)
    outbox = Outbox(connect(settings), settings)
    (first,) = outbox.waiting()
    for second in range(5, 120, 5):
        feeder.tweets(START_MS + second * 1000, negative=57, positive=3)
        rules.tick(START_MS + second * 1000 + 4900, "7")
    assert store.list("firing")[0].value > 0.9
    assert dispatch(settings, START_MS + 120_000) == 0
    assert outbox.waiting() == [first]
    assert "60%" in first.body
    claim = outbox.claim("team", START_MS + 120_000, 1000)
    assert claim is not None
    assert outbox.delivered(claim, START_MS + 120_000)
    dispatch(settings, START_MS + 5 * 3600_000)
    (again,) = outbox.waiting()
    assert store.list("firing")[0].annotations["summary"] in again.body
    assert again.id != first.id


def test_of_many_alerts_those_explained_longest_ago_come_first(
    settings: Settings, feeder: Feeder, store: AlertStore
) -> None:
    names = [f"brand-{number}" for number in range(30)]
    rules = default_rules(severity="critical").model_copy(
        update={"watches": tuple(Watch(name=name, match=(f"@{name}",)) for name in names)}
    )
    for name in names:
        feeder.tweets(START_MS, negative=40, watch=name)
    evaluator = Evaluator(connect(settings), settings, rules)
    assert len(evaluator.tick(START_MS + 1000, "7")) == 30
    explained = []
    for now_ms in (START_MS + 61_000, START_MS + 61_500, START_MS + 62_000):
        assert evaluator.tick(now_ms, "7") == []
        explained.append(sum(alert.explained_ms == now_ms for alert in store.list("firing")))
    assert explained == [20, 10, 0]
