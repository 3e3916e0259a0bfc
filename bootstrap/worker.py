"""Wires the worker."""

from __future__ import annotations

import contextlib
import threading

from confluent_kafka import Producer

from alerts.connection import connect
from alerts.counters import CounterStore
from alerts.evaluator import Evaluator
from alerts.judging import Judge
from bootstrap.logs import logging_config
from contracts.errors import Unavailable
from contracts.rules_file import load_rules
from contracts.settings import Settings, load_settings
from models.annotate import Annotator
from models.champion import Champion
from stream import metrics
from stream.health import Health
from stream.instance import Instance
from stream.judge_role import JudgeRole
from stream.kafka_admin import topic_id, wait_for_topics
from stream.records import OutRecord
from stream.score_role import ScoreRole
from stream.scoring import Scorer
from stream.watch_role import WatchRole
from stream.worker import Deliver, Failed, Roles, Worker, create_worker


def build_worker(settings: Settings | None = None) -> Worker:
    """The Faust app with its real parts; Kafka, Redis and MLflow are not touched before it starts.

    Raises:
        SettingsError, RulesError: one line that names the setting or the place in the rules file.
    """
    settings = settings or load_settings()
    rules = load_rules(settings.rules)
    instance = Instance(settings)

    def build(deliver: Deliver, failed: Failed) -> Roles:
        wait_for_topics(settings)
        champion = Champion(settings)
        redis = connect(settings)
        judge = Judge(redis, settings, rules)
        topics, roles = settings.kafka.topics, settings.worker.roles
        score = watch = None
        if "score" in roles:
            scorer = Scorer(Annotator(rules), settings.worker.text)
            score = ScoreRole(settings, champion, scorer, instance.name, deliver=deliver, failed=failed)
            threading.Thread(target=_fence_early, args=(score,), daemon=True).start()  # while the model is loaded
        champion.start(cached_first=True)
        if "watch" in roles:
            watch = WatchRole(
                settings,
                CounterStore(redis, settings),
                Evaluator(redis, settings, rules),
                judge,
                champion,
                instance.name,
                topic_id=lambda: topic_id(settings, topics.scored),
                failed=failed,
            )
        judging = JudgeRole(
            judge,
            topics.feedback,
            topic_id=lambda: topic_id(settings, topics.feedback),
            bury=_Undertaker(settings).bury,
        )
        threaded = [role for role in (score, watch) if role is not None]
        health = Health(threaded, model_problem=lambda: None, stalled_after_s=settings.worker.stalled_after_s)

        def close() -> None:
            champion.stop()
            redis.close()

        _publish_gauges(champion, score, watch)
        return Roles(judging, score, watch, health, close)

    return create_worker(settings, instance, build, logging_config(settings.log_level))


def _fence_early(score: ScoreRole) -> None:
    with contextlib.suppress(Exception):  # the role tries again when it starts, and says what is wrong
        score.fence()


class _Undertaker:
    """Publishes the dead letters of feedback, one by one, acknowledged."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.kafka.topics.dead_letters
        self._timeout_s = settings.worker.session_timeout_s
        self._producer = Producer(settings.kafka.librdkafka_producer() | {"linger.ms": 0})

    def bury(self, letter: OutRecord) -> None:
        failures: list[str] = []
        self._producer.produce(
            self._topic,
            letter.value,
            letter.key,
            headers=letter.headers,
            on_delivery=lambda error, _message: failures.append(error.str()) if error else None,
        )
        if self._producer.flush(self._timeout_s) or failures:
            self._producer.purge()
            raise Unavailable(f"the dead letter was not acknowledged: {failures[:1] or 'time-out'}")


def _publish_gauges(champion: Champion, score: ScoreRole | None, watch: WatchRole | None) -> None:
    """Gauges that are read when Prometheus asks."""
    if score is not None:
        metrics.SCORE_LAG.set_function(score.lag)
        metrics.PARTITIONS.labels("score").set_function(lambda: score.partitions)
    if watch is not None:
        metrics.WATCH_LAG.set_function(watch.lag)
        metrics.PARTITIONS.labels("watch").set_function(lambda: watch.partitions)
    metrics.MODEL_VERSION.set_function(lambda: float(champion.current.ref.version))
