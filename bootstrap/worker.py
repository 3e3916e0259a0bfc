"""Builds the worker: the Faust app, its roles, and what they share."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from alerts.counters.store import CounterStore
from alerts.rules.checks import kept_long_enough
from alerts.rules.evaluator import Evaluator
from alerts.rules.feedback_evaluator import FeedbackEvaluator
from alerts.rules.reloader import RulesReloader
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from alerts.storage.redis_health import TroubleLog, WriteMonitor, WriteProbe
from alerts.storage.state_version import check_state
from bootstrap.logs import logging_config, warn_of_unknown_variables
from bootstrap.prepare import WorkerBootstrap, prepare
from bootstrap.tracing import start_tracing
from contracts.errors import Unavailable
from learning.labels.credible import Credibility
from learning.labels.from_feedback import LabelsFromFeedback
from learning.labels.log import LabelWriter
from learning.labels.texts import PredictionTexts
from learning.review.queue import ReviewQueue
from learning.review.sampler import ReviewSampler
from learning.rollout.follower import RolloutFollower
from learning.rollout.judged import judged_since
from learning.rollout.messages import announcer
from learning.rollout.promote import promote_challenger
from learning.rollout.state import TrialStore
from models.annotator import Annotator
from models.registry.champion import Champion, LoadedModel, serving_version
from models.registry.client import Registry
from models.text import language
from stream import metrics
from stream.codecs.authors import AuthorKey
from stream.counting.feedback_consumer import MOST, JudgeFeedback, JudgeRole
from stream.counting.marked_consumer import Source, Task
from stream.counting.role import WatchRole
from stream.dead_letters.producer import DeadLetterProducer
from stream.kafka.admin import wait_for_topics
from stream.kafka.audit import AuditLog
from stream.kafka.consumers import batch_consumer
from stream.kafka.polling import end_of_undecodable
from stream.kafka.topic_id import TopicIdentity
from stream.scoring.role import ScoreRole
from stream.scoring.scorer import BatchScorer, Scorer
from stream.worker.faust_app import Deliver, Failed, Roles, Worker, create_worker
from stream.worker.health import Health

if TYPE_CHECKING:
    from alerts.rules.traced import AlertTracing
    from contracts.tracing.spans import Tracer

_log = logging.getLogger("buzzwatch.worker")


def build_worker(bootstrap: WorkerBootstrap | None = None, scorer: BatchScorer | None = None) -> Worker:
    """The Faust app with its real parts; Redis and MLflow are not contacted before it starts.

    Args:
        bootstrap: of this process, by default made now.
        scorer: what every batch of tweets goes through, by default the one of the settings and the rules file.

    Raises:
        SettingsError, RulesError: one line that names the setting or the place in the rules file.
    """
    bootstrap = bootstrap or prepare()
    settings = bootstrap.settings
    checks = (kept_long_enough(settings.alerts),)
    following = RulesReloader(settings.rules, every_s=settings.alerts.rules_poll_s, checks=checks)
    following.on_sighup()

    def build(deliver: Deliver, failed: Failed) -> Roles:
        _wait_for_kafka(bootstrap)
        return _RoleBuilder(bootstrap, following, deliver, failed, scorer).build()

    return create_worker(settings, bootstrap.instance, build, logging_config(settings.log_level, settings.log_format))


def _wait_for_kafka(bootstrap: WorkerBootstrap) -> None:
    if bootstrap.fencing is None:
        wait_for_topics(bootstrap.settings)
    else:
        bootstrap.fencing.await_topics()


class _RoleBuilder:
    """Makes the roles of a worker and what they share: the model, the Redis connection and the rules.

    Args:
        bootstrap: settings, this worker's name, the producer's fencing.
        following: the rules file.
        deliver: hands a batch to its Faust agent.
        failed: stops the worker.
        scorer: see `build_worker`.
    """

    def __init__(
        self,
        bootstrap: WorkerBootstrap,
        following: RulesReloader,
        deliver: Deliver,
        failed: Failed,
        scorer: BatchScorer | None,
    ) -> None:
        settings = bootstrap.settings
        self._settings = settings
        self._instance = bootstrap.instance.name
        self._fencing = bootstrap.fencing
        self._following = following
        self._deliver = deliver
        self._failed = failed
        self._scorer = scorer
        self._scores: BatchScorer | None = None
        self._rollout: RolloutFollower | None = None
        self._champion = Champion(settings)
        self._redis = connect(settings)
        self._tracer = start_tracing(settings, "worker", self._instance)
        self._monitor = WriteMonitor(
            WriteProbe(self._redis, settings), TroubleLog(_log, settings.redis, "counting, rules and judging wait")
        )
        self._judge = FeedbackEvaluator(self._redis, settings, following.rules)
        self._scored_topic = TopicIdentity(settings, settings.kafka.topics.scored)
        self._sampler = ReviewSampler(
            ReviewQueue(self._redis, settings),
            PredictionTexts(self._redis, settings),
            settings,
            partial(_watches_with_bad_buzz, AlertStore(self._redis, settings)),
            champion=partial(_serving, self._champion),
            challenger=self._on_trial,
        )

    def build(self) -> Roles:
        """The roles of the settings; also starts what follows the model, the rules file and Redis."""
        warn_of_unknown_variables(self._settings)
        check_state(self._redis, self._settings)
        self._following.on_change(self._judge.follow)
        score = self._score_role()
        # After the score role, whose `language.warm` loads its tables in a thread while the model is loaded here.
        self._champion.start(cached_first=True)
        watch = self._watch_role() if "watch" in self._settings.worker.roles else None
        judging = self._judge_role()
        self._follow_trials()
        health = self._health(score, watch, judging)
        # Last, so that a rules file that changes meanwhile reaches every role.
        self._following.start()
        self._monitor.start()
        if watch is not None and self._settings.learning.review_queue:
            self._sampler.start()
        _publish_gauges(self._champion, score, watch, judging)
        return Roles(judging, score, watch, health, self._close)

    def _score_role(self) -> ScoreRole | None:
        if self._fencing is None:
            return None
        language.warm()
        self._scores = self._scorer or self._scorer_of_the_rules()
        return ScoreRole(
            self._settings,
            self._champion,
            self._scores if self._tracer is None else self._traced_scorer(self._scores, self._tracer),
            self._instance,
            fencing=self._fencing,
            deliver=self._deliver,
            failed=self._failed,
        )

    def _follow_trials(self) -> None:
        """A challenger on trial scores where tweets are scored, and there with a scorer that knows of trials."""
        if not isinstance(self._scores, Scorer):
            return
        scorer, settings = self._scores, self._settings
        self._rollout = RolloutFollower(
            settings,
            self._champion,
            TrialStore(self._redis, settings),
            self._instance,
            install=lambda trial: setattr(scorer, "trial", trial),
            judged=partial(judged_since, settings),
            publish=AuditLog(settings).send,
            announce=announcer(self._redis, settings, lambda: self._following.rules),
            promote=partial(promote_challenger, settings),
        )
        self._rollout.start()

    def _on_trial(self) -> LoadedModel | None:
        trial = self._scores.trial if isinstance(self._scores, Scorer) else None
        return None if trial is None else trial.challenger

    def _scorer_of_the_rules(self) -> Scorer:
        settings = self._settings
        scorer = Scorer(Annotator(self._following.rules), settings.worker.text, AuthorKey.of(settings.privacy.secret))
        self._following.on_change(lambda new: scorer.follow(Annotator(new)))
        return scorer

    @staticmethod
    def _traced_scorer(scorer: BatchScorer, tracer: Tracer) -> BatchScorer:
        from stream.scoring.traced import TracedScorer  # OpenTelemetry is imported where it is used

        return TracedScorer(scorer, tracer)

    def _traced_counting(self) -> tuple[AlertTracing | None, Callable[[Task], Task]]:
        """What ties alerts to traced tweets, and what follows those into the counters."""
        if self._tracer is None:
            return None, lambda task: task
        from alerts.rules.traced import AlertTracing
        from alerts.state.traces import RecentTraces
        from stream.counting.traced import TracedCounting

        recent, tracer = RecentTraces(self._redis, self._settings), self._tracer
        return AlertTracing(tracer, recent), lambda task: TracedCounting(task, tracer, recent)

    def _watch_role(self) -> WatchRole:
        traced_alerts, traced_counting = self._traced_counting()
        evaluator = Evaluator(self._redis, self._settings, self._following.rules, traced_alerts)
        self._following.on_change(evaluator.follow)
        return WatchRole(
            self._settings,
            CounterStore(self._redis, self._settings),
            evaluator,
            self._judge,
            self._champion,
            self._instance,
            identity=self._scored_topic,
            failed=self._failed,
            seen=self._sampler.see if self._settings.learning.review_queue else lambda _: None,
            traced=traced_counting,
        )

    def _judge_role(self) -> JudgeRole:
        settings, topic = self._settings, self._settings.kafka.topics.feedback
        source = Source(
            topic,
            batch_consumer(settings, settings.worker.group, self._instance, check_crcs=True),
            TopicIdentity(settings, topic),
            partial(end_of_undecodable, settings),
            most=MOST,
            # Without Kafka the other roles end the worker. Without feedback alone, tweets are scored all the same.
            give_up_after_s=math.inf,
        )
        texts = PredictionTexts(self._redis, settings)
        labels = LabelsFromFeedback(
            LabelWriter(settings, timeout_s=settings.worker.session_timeout_s), texts, settings.privacy.secret
        )
        task = JudgeFeedback(
            self._judge,
            DeadLetterProducer(settings).send,
            labels,
            credibility=Credibility(
                self._redis,
                settings,
                texts,
                serving=lambda: serving_version(self._champion),
                served=Registry(settings.mlflow).served_versions,
            ),
        )
        return JudgeRole(source, task, deliver=self._deliver, failed=self._failed)

    def _health(self, score: ScoreRole | None, watch: WatchRole | None, judging: JudgeRole) -> Health:
        return Health(
            [role for role in (score, watch) if role is not None],
            sole=[judging],
            model_problem=lambda: self._champion.missing,
            kafka_problem=lambda: score.kafka_problem if score is not None else self._scored_topic.problem,
            redis_problem=lambda: (
                self._monitor.problem
                or next(
                    (role.redis_problem for role in (watch, judging) if role is not None and role.redis_problem), None
                )
            ),
            stalled_after_s=self._settings.worker.stalled_after_s,
        )

    def _close(self) -> None:
        if self._rollout is not None:
            self._rollout.stop()
        self._following.stop()
        self._sampler.stop()
        self._monitor.stop()
        self._champion.stop()
        self._redis.close()
        if self._tracer is not None:
            self._tracer.close()


def _watches_with_bad_buzz(alerts: AlertStore) -> frozenset[str]:
    return frozenset(alert.labels.get("watch", "") for alert in alerts.list("firing") if alert.kind == "bad_buzz")


def _serving(champion: Champion) -> LoadedModel | None:
    try:
        return champion.current
    except Unavailable:
        return None


def _publish_gauges(champion: Champion, score: ScoreRole | None, watch: WatchRole | None, judging: JudgeRole) -> None:
    """Set the gauges that are computed at each scrape."""
    metrics.FEEDBACK_LAG.set_function(lambda: judging.lag)
    metrics.PARTITIONS.labels("judge").set_function(lambda: judging.partitions)
    if score is not None:
        metrics.SCORE_LAG.set_function(lambda: score.lag)
        metrics.PARTITIONS.labels("score").set_function(lambda: score.partitions)
    if watch is not None:
        metrics.WATCH_LAG.set_function(lambda: watch.lag)
        metrics.PARTITIONS.labels("watch").set_function(lambda: watch.partitions)
    metrics.MODEL_VERSION.set_function(lambda: float(champion.current.ref.version))
    metrics.MODEL_BROKEN.set_function(lambda: float(champion.failure is not None))
