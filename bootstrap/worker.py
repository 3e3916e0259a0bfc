"""Wires the worker."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial

from confluent_kafka import Producer

from alerts.counters.store import CounterStore
from alerts.rules.checks import kept_long_enough
from alerts.rules.evaluator import Evaluator
from alerts.rules.feedback_evaluator import Judge
from alerts.rules.reloader import RulesFollower
from alerts.storage.connection import connect
from alerts.storage.redis_health import TroubleLog, WriteMonitor, WriteProbe
from bootstrap.beginning import Beginning, begin
from bootstrap.logs import logging_config
from contracts.errors import Unavailable
from contracts.settings import Settings
from models.annotator import Annotator
from models.registry.champion import Champion
from models.text import language
from stream import metrics
from stream.codecs.authors import AuthorKey
from stream.counting.feedback_consumer import MOST, JudgeFeedback, JudgeRole
from stream.counting.marked_consumer import Source
from stream.counting.role import WatchRole
from stream.kafka.admin import wait_for_topics
from stream.kafka.consumers import batch_consumer
from stream.kafka.polling import end_of_undecodable
from stream.kafka.records import OutRecord
from stream.kafka.topic_id import TopicIdentity
from stream.scoring.role import ScoreRole
from stream.scoring.scorer import Scorer
from stream.worker.faust_app import Deliver, Failed, Roles, Worker, create_worker
from stream.worker.health import Health

_log = logging.getLogger("buzzwatch.worker")


def build_worker(beginning: Beginning | None = None) -> Worker:
    """The Faust app with its real parts; Redis and MLflow are not touched before it starts.

    Raises:
        SettingsError, RulesError: one line that names the setting or the place in the rules file.
    """
    beginning = beginning or begin()
    settings, instance, takeover = beginning.settings, beginning.instance, beginning.takeover
    checks = (kept_long_enough(settings.alerts),)
    following = RulesFollower(settings.rules, every_s=settings.alerts.rules_poll_s, checks=checks)
    following.on_sighup()

    def build(deliver: Deliver, failed: Failed) -> Roles:
        if takeover is None:
            wait_for_topics(settings)
        else:
            takeover.await_topics()
        champion = Champion(settings)
        redis = connect(settings)
        monitor = WriteMonitor(
            WriteProbe(redis, settings), TroubleLog(_log, settings.redis, "counting, rules and judging wait")
        )
        rules = following.rules
        judge = Judge(redis, settings, rules)
        following.on_change(judge.follow)
        topics, roles = settings.kafka.topics, settings.worker.roles
        score = watch = None
        if takeover is not None:
            scorer = Scorer(Annotator(rules), settings.worker.text, AuthorKey.of(settings.privacy.secret))
            language.warm()
            following.on_change(lambda new: scorer.follow(Annotator(new)))
            score = ScoreRole(
                settings, champion, scorer, instance.name, takeover=takeover, deliver=deliver, failed=failed
            )
        champion.start(cached_first=True)
        scored = TopicIdentity(settings, topics.scored)
        if "watch" in roles:
            evaluator = Evaluator(redis, settings, rules)
            following.on_change(evaluator.follow)
            watch = WatchRole(
                settings,
                CounterStore(redis, settings),
                evaluator,
                judge,
                champion,
                instance.name,
                identity=scored,
                failed=failed,
            )
        judging = JudgeRole(
            Source(
                topics.feedback,
                batch_consumer(settings, settings.worker.group, instance.name),
                TopicIdentity(settings, topics.feedback),
                partial(end_of_undecodable, settings),
                most=MOST,
                give_up_after_s=math.inf,  # that Kafka is away the others say; without feedback tweets are scored
            ),
            JudgeFeedback(judge, _Undertaker(settings).bury),
            deliver=deliver,
            failed=failed,
        )
        threaded = [role for role in (score, watch) if role is not None]
        health = Health(
            threaded,
            sole=[judging],
            model_problem=lambda: champion.missing,
            kafka_problem=lambda: score.kafka_problem if score is not None else scored.problem,
            redis_problem=lambda: monitor.problem,
            stalled_after_s=settings.worker.stalled_after_s,
        )

        following.start()
        monitor.start()

        def close() -> None:
            following.stop()
            monitor.stop()
            champion.stop()
            redis.close()

        _publish_gauges(champion, score, watch, judging)
        return Roles(judging, score, watch, health, close)

    return create_worker(settings, instance, build, logging_config(settings.log_level))


class _Undertaker:
    """Publishes the dead letters of feedback and waits until Kafka has acknowledged them."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.kafka.topics.dead_letters
        self._timeout_s = settings.worker.session_timeout_s
        self._producer = Producer(settings.kafka.librdkafka_producer() | {"linger.ms": 0})

    def bury(self, letters: Sequence[OutRecord]) -> None:
        failures: list[str] = []
        for letter in letters:
            self._producer.produce(
                self._topic,
                letter.value,
                letter.key,
                headers=letter.headers,
                on_delivery=lambda error, _message: failures.append(error.str()) if error else None,
            )
        if self._producer.flush(self._timeout_s) or failures:
            self._producer.purge()
            raise Unavailable(f"dead letters were not acknowledged: {failures[:1] or 'time-out'}")


def _publish_gauges(champion: Champion, score: ScoreRole | None, watch: WatchRole | None, judging: JudgeRole) -> None:
    """Gauges that are read when Prometheus asks."""
    metrics.FEEDBACK_LAG.set_function(judging.lag)
    metrics.PARTITIONS.labels("judge").set_function(lambda: judging.partitions)
    if score is not None:
        metrics.SCORE_LAG.set_function(score.lag)
        metrics.PARTITIONS.labels("score").set_function(lambda: score.partitions)
    if watch is not None:
        metrics.WATCH_LAG.set_function(watch.lag)
        metrics.PARTITIONS.labels("watch").set_function(lambda: watch.partitions)
    metrics.MODEL_VERSION.set_function(lambda: float(champion.current.ref.version))
    metrics.MODEL_BROKEN.set_function(lambda: float(champion.failure is not None))
