"""A trial with real Redis and MLflow: commands begin it, two workers follow it, one of them decides."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import redis
from typer.testing import CliRunner

from alerts.storage.connection import connect
from bench.stage.site import environment
from cli.main import app
from contracts.audit import AuditEvent
from contracts.events import decode_prediction
from contracts.settings import Settings
from learning.rollout.follower import RolloutFollower
from learning.rollout.judged import Judged
from learning.rollout.promote import promote_challenger
from learning.rollout.state import TrialState, TrialStore
from models.linear.model import HashedModel
from models.registry.champion import Champion
from stream.kafka.records import RecordBatch
from stream.scoring.scorer import Scorer
from tests.fakes_kafka import FakeRecord
from tests.integration.registering import Registering
from tests.unit.models.hashed_samples import random_weights
from tests.unit.stream.scoring.test_scorer import ANNOTATOR, NOW_MS, SENT_MS
from tests.unit.training.registry.test_promotion_gate import evidence

TEXTS = [f"flight {number} was {word}" for number in range(150) for word in ("late", "fine", "lovely")]
QUICK = {"canary_steps": "10%/0s,100%/0s", "canary_tweets": 20, "look_s": 0.001, "poll_s": 3600.0}


class Worker:
    """Scores and follows the trial when it is told to."""

    def __init__(
        self,
        settings: Settings,
        client: redis.Redis,
        name: str,
        judged: list[Judged],
        promote: Callable[[TrialState], None] | None = None,
        patience_s: float = 20.0,
    ) -> None:
        self.champion = Champion(settings)
        self.champion.load()
        self.scorer = Scorer(ANNOTATOR, "masked")
        self.audit: list[AuditEvent] = []
        self.follower = RolloutFollower(
            settings, self.champion, TrialStore(client, settings), name,
            install=lambda trial: setattr(self.scorer, "trial", trial),
            judged=lambda _since: judged,
            publish=self.audit.extend,
            promote=promote or (lambda state: promote_challenger(settings, state)),
            patience_s=patience_s,
        )  # fmt: skip

    def score(self, ids: Sequence[int]) -> list[str]:
        """The version that answered each."""
        records = [
            FakeRecord(json.dumps({"id": str(name), "text": TEXTS[name % len(TEXTS)]}).encode(), timestamp_ms=SENT_MS)
            for name in ids
        ]
        scored = self.scorer.score(RecordBatch(records, 0, None), self.champion.current, NOW_MS)
        assert len(scored.predictions) == len(ids)
        return [decode_prediction(record.value).model.version for record in scored.predictions]


@pytest.fixture
def trial_settings(settings: Settings, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    return settings.model_copy(update={"rollout": settings.rollout.model_copy(update=QUICK)})


@pytest.fixture
def judged() -> list[Judged]:
    return []


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with connect(settings) as client:
        yield client


@pytest.fixture
def start(
    trial_settings: Settings, registering: Registering, client: redis.Redis, judged: list[Judged]
) -> Iterator[Callable[..., Worker]]:
    registering.promote(registering.version(held_out=evidence(0.7)))
    registering.version(held_out=evidence(0.8))
    workers: list[Worker] = []

    def started(name: str, *, patience_s: float = 20.0) -> Worker:
        workers.append(Worker(trial_settings, client, name, judged, patience_s=patience_s))
        return workers[-1]

    yield started
    for worker in workers:
        worker.follower.stop()


def run(*command: str) -> str:
    done = CliRunner().invoke(app, ["models", *command])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def refused(*command: str) -> str:
    return str(CliRunner().invoke(app, ["models", *command]).exception)


def as_seed_says(seed: int) -> list[Judged]:
    labels = HashedModel(random_weights(seed), {}).predict_proba(TEXTS).argmax(axis=1)
    return [Judged(text, label, 0, False, "1") for text, label in zip(TEXTS, labels.tolist(), strict=True)]


def test_a_better_challenger_goes_through_shadow_and_canary_to_champion_and_each_change_is_told_once(
    start: Callable[..., Worker], trial_settings: Settings, client: redis.Redis, judged: list[Judged]
) -> None:
    one, other = start("one"), start("other")
    assert "is the champion" in refused("shadow", "start", "1")
    assert "has no version 9" in refused("canary", "start", "9")
    assert "no canary" in refused("canary", "abort")
    run("shadow", "start", "2", "--why", "new")
    assert "version 2 is on trial (shadow)" in refused("shadow", "start", "2")
    for worker in (one, other):
        worker.follower.step()
        assert set(worker.score(range(300))) == {"1"}
    run("canary", "start", "2")
    for worker in (one, other):
        worker.follower.step()
    versions = one.score(range(1_000))
    assert 50 < versions.count("2") < 150
    assert other.score(range(1_000)) == versions
    judged += as_seed_says(2)
    for _ in range(3):
        for worker in (one, other):
            worker.follower.step()
            worker.score(range(1_000))
    status = json.loads(run("canary", "status", "--format", "json"))
    assert (status["state"]["phase"], status["state"]["who"]) == ("promoted", "worker one")
    assert status["verdicts"][0]["outcome"] == "better"
    assert status["compared"] == np.sum(status["confusion"]) > 1_000
    assert "better: accuracy" in run("canary", "status")
    champion = Champion(trial_settings)
    assert champion.load().ref.version == "2"
    told = [event.what for event in [*one.audit, *other.audit]]
    assert told == ["shadow.started", "canary.started", "canary.step", "canary.promoted"]
    assert one.scorer.trial is None
    assert TrialStore(client, trial_settings).unsent() == []


def test_a_worker_killed_in_shadow_is_followed_by_one_that_goes_on(
    start: Callable[..., Worker], trial_settings: Settings, client: redis.Redis
) -> None:
    store = TrialStore(client, trial_settings)
    assert killed(trial_settings, "shadow") == ["shadow.started"]
    client.delete(f"{trial_settings.redis.prefix}:{{rollout}}:leader")  # its turn of ten seconds is over
    again = start("two")
    again.follower.start()
    assert again.scorer.trial is not None
    assert set(again.score(range(300))) == {"1"}
    assert store.status().state.phase == "shadow"  # type: ignore[union-attr]
    again.follower.step()
    assert again.audit == []  # what was said is not said again


def test_a_challenger_that_takes_the_worker_with_it_while_it_is_loaded_is_rolled_back(
    start: Callable[..., Worker], trial_settings: Settings, client: redis.Redis
) -> None:
    one, store = start("dying"), TrialStore(client, trial_settings)
    run("canary", "start", "2")
    assert killed(trial_settings, "load") == []
    _, state = store.read()
    assert state is not None
    assert [store.note_loading(state.id, "dying") for _ in range(2)] == [2, 3]  # as two more of them
    one.follower.start()
    assert one.scorer.trial is None
    one.follower.step()
    assert set(one.score(range(100))) == {"1"}
    assert one.audit[-1].what == "canary.rolled_back"
    assert one.audit[-1].why == "it cannot be loaded: worker dying died 3 times while it did"


def test_a_challenger_that_hangs_over_judged_tweets_is_rolled_back_and_the_follower_goes_on(
    start: Callable[..., Worker], judged: list[Judged], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = start("one", patience_s=0.05)
    run("canary", "start", "2")
    one.follower.step()
    assert one.scorer.trial is not None
    go_on = threading.Event()
    monkeypatch.setattr(one.scorer.trial.challenger.model, "predict_proba", lambda _texts: go_on.wait(300))
    judged += as_seed_says(2)
    for _ in range(3):
        one.follower.step()
    go_on.set()
    assert one.scorer.trial is None
    assert one.audit[-1].what == "canary.rolled_back"
    assert one.audit[-1].why == "asked about judged tweets: no answer within 0.05 s"


KILLED = """
import os, signal, sys
from alerts.storage.connection import connect
from contracts.settings import load_settings
from learning.rollout.promote import promote_challenger
from learning.rollout.state import TrialStore
from models.registry.champion_cache import ChampionCache
from learning.rollout.trials import end_trial, start_canary, start_shadow
from tests.integration.learning.rollout.test_follower import QUICK, Worker, as_seed_says

settings = load_settings()
settings = settings.model_copy(update={"rollout": settings.rollout.model_copy(update=QUICK)})
client = connect(settings)

def die(*_):
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)

def promote_and_die(state):
    promote_challenger(settings, state)
    die()

if sys.argv[1] in {"start", "abort"}:
    start_canary(settings, TrialStore(client, settings), "2", "ada", "")
    if sys.argv[1] == "abort":
        end_trial(TrialStore(client, settings), "canary", "ada", "worse")
    die()
worker = Worker(settings, client, "dying", as_seed_says(2), promote_and_die)
if sys.argv[1] == "load":
    ChampionCache.load = die  # in the middle of it
if sys.argv[1] == "shadow":
    start_shadow(settings, TrialStore(client, settings), "2", "ada", "")
    worker.follower.step()
    print(*[event.what for event in worker.audit], sep="\\n")
    worker.score(range(300))
    die()
for _ in range(6):
    worker.follower.step()
    print(*[event.what for event in worker.audit], sep="\\n")
    worker.audit.clear()
    worker.score(range(1_000))
"""
"""Begins a canary, aborts it, scores beside a shadow, loads a challenger, or works until it has given one the alias;
then it is killed, with no word to anybody."""


def killed(settings: Settings, what: str) -> list[str]:
    """What was on the audit topic before."""
    command = [sys.executable, "-c", KILLED, what]
    known = os.environ | environment(settings)
    done = subprocess.run(command, env=known, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stdout.split()


def test_kill_9_between_a_change_and_its_event_leaves_what_the_next_worker_notes_once(
    start: Callable[..., Worker], trial_settings: Settings, client: redis.Redis, judged: list[Judged]
) -> None:
    assert killed(trial_settings, "start") == []
    one, other = start("one"), start("other")
    assert set(one.score(range(100))) == {"1"}
    told = killed(trial_settings, "work")
    assert told == ["canary.started", "canary.step"]
    assert Champion(trial_settings).load().ref.version == "2"  # the alias was given, and nobody has said so
    _, state = TrialStore(client, trial_settings).read()
    assert state is not None
    assert state.phase == "canary"
    judged += as_seed_says(2)
    client.delete(f"{trial_settings.redis.prefix}:{{rollout}}:leader")  # its turn of ten seconds is over
    for _ in range(2):
        for worker in (one, other):
            worker.champion.load()
            worker.follower.step()
            worker.score(range(100))
    assert [event.what for event in [*one.audit, *other.audit]] == ["canary.promoted"]
    assert set(one.score(range(100))) == {"2"}


def test_kill_9_between_a_roll_back_and_its_event_leaves_what_the_next_worker_notes_once(
    start: Callable[..., Worker], trial_settings: Settings, client: redis.Redis
) -> None:
    assert killed(trial_settings, "abort") == []
    one, other = start("one"), start("other")
    for worker in (one, other, one, other):
        worker.follower.step()
        assert set(worker.score(range(100))) == {"1"}
    assert [event.what for event in [*one.audit, *other.audit]] == ["canary.started", "canary.rolled_back"]
    _, state = TrialStore(client, trial_settings).read()
    assert state is not None
    assert state.phase == "rolled back"


def test_a_worse_challenger_is_rolled_back_and_a_started_worker_is_in_the_trial_at_once(
    start: Callable[..., Worker], judged: list[Judged]
) -> None:
    one = start("one")
    run("canary", "start", "2")
    one.follower.start()
    versions = one.score(range(1_000))
    assert 50 < versions.count("2") < 150
    again = start("two")  # after a crash, say
    again.follower.start()
    assert again.score(range(1_000)) == versions
    judged += as_seed_says(1)
    one.follower.step()
    assert one.audit[-1].what == "canary.rolled_back"
    assert one.audit[-1].why.startswith("worse: accuracy")
    again.follower.step()
    assert set(again.score(range(1_000))) == {"1"}


def test_what_is_better_on_judged_tweets_and_worse_on_held_out_ones_waits_for_a_person(
    start: Callable[..., Worker], registering: Registering, trial_settings: Settings, judged: list[Judged]
) -> None:
    one = start("one")
    worse = registering.version(model=HashedModel(random_weights(2), {}), held_out=evidence(0.6))
    run("canary", "start", worse)
    judged += as_seed_says(2)
    for _ in range(5):
        one.follower.step()
        one.score(range(1_000))
    assert [event.what for event in one.audit] == ["canary.started", "canary.step", "canary.refused"]
    assert "worse than the champion on airline: accuracy" in one.audit[-1].why
    assert Champion(trial_settings).load().ref.version == "1"
    assert set(one.score(range(100))) == {worse}  # it goes on answering its share until somebody decides
    assert "the gate refuses its promotion" in run("canary", "status")
    run("canary", "promote", "--force", "airline tweets do not come any more")
    one.follower.step()
    assert one.audit[-1].what == "canary.promoted"


def test_a_challenger_that_cannot_be_loaded_is_rolled_back(
    start: Callable[..., Worker], registering: Registering
) -> None:
    one = start("one")
    broken = registering.version(damaged=True)
    run("canary", "start", broken)
    for _ in range(2):
        one.follower.step()
    assert set(one.score(range(100))) == {"1"}
    assert one.audit[-1].what == "canary.rolled_back"
    assert "cannot be loaded" in one.audit[-1].why


def test_a_person_aborts_a_canary_and_another_one_promotes_it(
    start: Callable[..., Worker], trial_settings: Settings
) -> None:
    one = start("one")
    run("canary", "start", "2")
    one.follower.step()
    run("canary", "abort", "--why", "enough")
    one.follower.step()
    assert set(one.score(range(100))) == {"1"}
    run("canary", "start", "2")
    run("canary", "promote", "--force", "a trial")
    assert Champion(trial_settings).load().ref.version == "2"
    one.follower.step()
    assert [event.what for event in one.audit] == [
        "canary.started", "canary.rolled_back", "canary.started", "canary.promoted",
    ]  # fmt: skip
