"""Builds the API: the FastAPI app and the parts behind its routes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

import redis
from fastapi import FastAPI

from alerts.counters.feedback_counts import judgements_between
from alerts.counters.store import CounterStore
from alerts.metrics import RULES
from alerts.rules.checks import kept_long_enough
from alerts.rules.reloader import RulesReloader
from alerts.state.silences import SilenceStore
from alerts.state.store import AlertStore
from alerts.storage.audit_waiting import WaitingEvents
from alerts.storage.connection import connect
from alerts.storage.redis_health import WriteProbe
from alerts.storage.state_version import check_state
from api.factory import create_app
from api.feedback import FeedbackPublisher
from api.parts import Component, Parts, remembered
from api.security.exposure import keys_required
from api.security.gate import Gate
from api.security.keyring import Keyring
from api.security.rates import Rates
from api.security.sessions import Sessions
from api.security.store import KeyStore
from bootstrap.dashboard import build_room
from bootstrap.logs import configure_logging, warn_of_unknown_variables
from bootstrap.tracing import start_tracing
from contracts.audit import AuditEvent
from contracts.errors import SettingsError, Unavailable
from contracts.events import Feedback
from contracts.rules.schema import Rules
from contracts.settings import Settings, load_settings
from learning.labels.credible import Credibility
from learning.labels.log import LabelWriter
from learning.labels.texts import PredictionTexts, TextMemory
from learning.review.queue import ReviewQueue
from models.annotator import Annotation, Annotator
from models.base.sentiment import SentimentModel
from models.registry.champion import Champion, serving_version
from models.registry.client import Registry, without_password
from models.registry.health import ask_version
from models.text import language
from stream.kafka.audit import AuditLog

_log = logging.getLogger("buzzwatch.api")

_PROBE_TIMEOUT_S = 2.0
"""Longest that a component may take to answer `/health`, which load balancers poll every few seconds."""

_SETTLE_S = 1.0
"""Longest that a judgement waits for the texts of predictions that were answered before it."""

_PROBED_EVERY_S = 1.0
"""How long an answer of a component is good for `/health`."""
_SILENT_S = 2.0
"""For so long after a time-out of Redis nobody waits for it, as for the rates of requests (`api.security.rates`)."""


def build_api(settings: Settings | None = None, *, host: str | None = None) -> FastAPI:
    """The app with its real parts; Kafka and MLflow are not contacted before it starts, Redis is asked for the keys.

    Args:
        settings: those of the environment when not given.
        host: what the server listens on, when that is not its setting.

    Raises:
        SettingsError, RulesError: one line that names the setting or the place in the rules file; also when others can
            reach the API and there is no key.
    """
    settings = settings or load_settings()
    configure_logging(settings)
    tracer = start_tracing(settings, "api")
    following = _following(settings)
    annotator = _LatestAnnotator(following.rules)
    following.on_change(annotator.follow)
    language.warm()
    client = connect(settings, silent_s=_SILENT_S)
    check_state(client, settings)
    gate = build_gate(settings, client, host)
    following.start()
    champion = Champion(settings)
    feedback = FeedbackPublisher(settings)
    labels = LabelWriter(settings, timeout_s=settings.api.feedback_timeout_s)
    texts = PredictionTexts(client, settings)
    memory = TextMemory(texts)
    versions = Registry(settings.mlflow).served_versions
    waiting = WaitingEvents(client, settings)
    credibility = Credibility(client, settings, texts, serving=lambda: serving_version(champion), served=versions)
    parts = Parts(
        settings=settings.api,
        champion=champion,
        annotator=annotator,
        feedback=feedback,
        alerts=AlertStore(client, settings),
        silences=SilenceStore(client, settings),
        stats=CounterStore(client, settings),
        judgements=partial(judgements_between, client, settings),
        rules=lambda: following.rules,
        probes={
            "kafka": remembered(partial(_kafka_health, feedback), _PROBED_EVERY_S),
            "redis": remembered(partial(_redis_health, client, WriteProbe(client, settings)), _PROBED_EVERY_S),
            "mlflow": remembered(partial(_mlflow_health, settings, champion), _PROBED_EVERY_S),
            "rules": partial(_rules_health, following),
        },
        gate=gate,
        remember=memory.remember,
        doubts=partial(_doubts, credibility, memory),
        audit=partial(_audited, AuditLog(settings, stored=waiting)),
        audit_kept=waiting.keeping,
        review=ReviewQueue(client, settings, labels.write) if settings.learning.review_queue else None,
        judge_secret=settings.privacy.secret,
        closing=[following.stop, memory.stop, client.close, *([] if tracer is None else [tracer.close])],
    )
    room = build_room(settings, client, parts)
    app = create_app(parts, [room] if room else [], tracer)
    for metric in RULES:
        app.state.metrics.registry.register(metric)
    return app


def _following(settings: Settings) -> RulesReloader:
    warn_of_unknown_variables(settings)
    checks = (kept_long_enough(settings.alerts),)
    following = RulesReloader(settings.rules, every_s=settings.alerts.rules_poll_s, checks=checks)
    following.on_sighup()
    return following


def build_gate(settings: Settings, client: redis.Redis, host: str | None = None) -> Gate:
    """Who may call what.

    Raises:
        SettingsError: others can reach the API, and no key is good. While Redis does not answer nobody is let in, so
            that is no reason not to start.
    """
    required = keys_required(settings, host)
    keyring = Keyring(KeyStore(client, settings), settings.redis)
    if required and keyring.read() and not keyring.any_active():
        raise SettingsError(
            f"BUZZWATCH_API__HOST: the API needs keys to listen on {host or settings.api.host}, and there is none that "
            "is good; make one with `buzzwatch keys create NAME --scopes all`, or listen on 127.0.0.1"
        )
    sessions = Sessions(client, keyring, settings)
    return Gate(keyring, sessions, Rates(settings), required=required, external_url=settings.alerts.external_url)


def _doubts(credibility: Credibility, memory: TextMemory, judgement: Feedback) -> str | None:
    """The worker looks again: where Redis is away here, its answer counts."""
    memory.settle(_SETTLE_S)  # the prediction may have been answered a moment ago
    try:
        return credibility.doubts([judgement])[0]
    except redis.RedisError:
        return None


def _audited(log: AuditLog, event: AuditEvent) -> None:
    problem = log.record(event)
    if problem is not None:
        _log.warning("%s of %s: %s", event.what, event.subject, problem)


def _kafka_health(feedback: FeedbackPublisher) -> Component:
    try:
        brokers = feedback.brokers(_PROBE_TIMEOUT_S)
    except Unavailable as error:
        return Component("down", detail=str(error))
    return Component("ok", detail=f"{brokers} broker{'s' if brokers > 1 else ''}")


def _redis_health(client: redis.Redis, probe: WriteProbe) -> Component:
    try:
        version = str(client.info("server")["redis_version"])
    except redis.RedisError:  # a user of Redis may have no right to INFO
        version = None
    problem = probe.problem()
    return Component("ok" if problem is None else "down", version, problem)


def _mlflow_health(settings: Settings, champion: Champion) -> Component:
    uri = settings.mlflow.tracking_uri
    if not uri.startswith("http"):  # a file or database store has no server to ask; the champion's thread reads it
        failure = champion.registry_failure
        return Component("down" if failure else "ok", detail=failure)
    found = ask_version(settings.mlflow, timeout_s=_PROBE_TIMEOUT_S)
    if isinstance(found, str):
        return Component("ok", found)
    return Component("down", detail=f"MLflow at {without_password(uri)} {found.what}; {found.remedy}")


def _rules_health(following: RulesReloader) -> Component:
    if following.problem is not None:
        return Component("degraded", following.version, f"the rules read before stay in force: {following.problem}")
    return Component("ok", following.version)


class _LatestAnnotator(Annotator):
    """Annotates by the rules in force."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self._latest: Annotator | None = None

    def follow(self, rules: Rules) -> None:
        self._latest = Annotator(rules)

    def annotate(self, model: SentimentModel, texts: Sequence[str]) -> list[Annotation]:
        return super().annotate(model, texts) if self._latest is None else self._latest.annotate(model, texts)
