"""What a worker does about a trial: it follows its state in Redis, runs the challenger, and counts.

One of the workers has the lead: it judges and makes the changes that are due. When it dies, another one has the lead
some seconds later. Redis or MLflow being away holds up nothing but the trial.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import redis

from alerts.storage.redis_health import in_words
from contracts.audit import AuditEvent, decode_audit
from contracts.errors import ArtefactError, BuzzwatchError, Unavailable, UnreadableRecord
from contracts.events import ModelRef
from contracts.settings import Settings
from contracts.times import clock_ms
from learning.metrics import ANSWERED, CHANGES, COMPARED, ERRORS, SHARE
from learning.rollout.decide import Change, Facts, next_change, refuse
from learning.rollout.judged import Answers, Judged, Look, as_json, look
from learning.rollout.promote import PromotionRefused
from learning.rollout.state import Counts, TrialState, TrialStore
from models.base.artefact import in_short
from models.base.asking import Asker, TooLate
from models.base.smoke_test import tried
from models.registry.champion import Champion, LoadedModel
from models.registry.champion_cache import ChampionCache
from models.registry.client import RegisteredVersion, Registry
from stream.scoring.trial import Tally, Trial

_log = logging.getLogger("buzzwatch.rollout")

_LEAD_S: Final = 10.0
"""How long the lead of a worker lasts that does not renew it."""
_MOST_DEATHS: Final = 3
"""Times that a worker may die while it loads a challenger: one that takes the process with it would do so for ever."""


class RolloutFollower:
    """Follows the trial in a thread of its own.

    Args:
        champion: the model that serves.
        store: the trial.
        who: this worker's name.
        install: gives the scorer the challenger, None takes it away.
        judged: the tweets judged since a time, milliseconds.
        publish: writes events to the audit topic.
        announce: tells receivers of a change; may be called again with the same one.
        promote: gives a version the champion's alias; raises PromotionRefused where the gate does not let it pass.
        patience_s: how long a challenger is waited for that is asked about judged tweets, a hundred at a time.
    """

    def __init__(
        self,
        settings: Settings,
        champion: Champion,
        store: TrialStore,
        who: str,
        *,
        install: Callable[[Trial | None], None],
        judged: Callable[[int], Sequence[Judged]],
        publish: Callable[[Sequence[AuditEvent]], None],
        announce: Callable[[AuditEvent], None] = lambda _: None,
        promote: Callable[[TrialState], None],
        patience_s: float = 20.0,
    ) -> None:
        self._settings = settings
        self._champion = champion
        self._store = store
        self._who = who
        self._install = install
        self._judged = judged
        self._publish = publish
        self._announce = announce
        self._promote = promote
        self._patience_s = patience_s
        self._cache = ChampionCache(settings.champion_cache)
        self._trial: tuple[str, Trial] | None = None
        self._unusable: str | None = None
        """A trial whose challenger cannot be loaded here."""
        self._answers: dict[ModelRef, Answers] = {}
        self._look = Look([], 0)
        self._looked_at = -1e9
        self._problem = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rollout", daemon=True)

    def start(self) -> None:
        """Bring the scorer into the trial's state, as far as Redis answers, and follow it from then on."""
        self.step()  # here: what is scored again after a crash goes the way that it went before
        self._thread.start()

    def stop(self) -> None:
        """Stop; what was counted is kept."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        if self._trial is not None:
            trial_id, trial = self._trial
            self._uninstall()
            with contextlib.suppress(redis.RedisError):  # the figures of a second
                self._flush(trial_id, trial)

    def _run(self) -> None:
        while not self._stopping.wait(self._settings.rollout.poll_s):
            self.step()

    def step(self) -> None:
        """Look once. What hinders it is logged, once as long as it lasts."""
        try:
            revision, state = self._store.read()
            self._follow(state)
            if self._store.lead(self._who, _LEAD_S):
                if state is not None and state.active:
                    self._lead(revision, state)
                self._send()
            self._problem = ""
        except (redis.RedisError, BuzzwatchError) as error:
            problem = f"Redis {in_words(error)}" if isinstance(error, redis.RedisError) else in_short(error)
            if problem != self._problem:
                _log.warning("the trial of a challenger waits: %s", problem)
            self._problem = problem
        except Exception:
            _log.exception("the trial of a challenger could not be followed; scoring goes on")

    def _follow(self, state: TrialState | None) -> None:
        if self._trial is not None and (state is None or not state.active or state.id != self._trial[0]):
            trial_id, trial = self._trial
            self._uninstall()
            self._flush(trial_id, trial)
        if state is None or not state.active:
            return
        if self._trial is None and state.id != self._unusable:
            self._load(state)
        if self._trial is not None:
            trial = self._trial[1]
            steps = self._settings.rollout.steps
            trial.share = steps[min(state.step, len(steps) - 1)].share if state.phase == "canary" else 0.0
            SHARE.set(trial.share)
            self._flush(state.id, trial)

    def _load(self, state: TrialState) -> None:
        begun = self._store.note_loading(state.id, self._who)
        try:
            if begun > _MOST_DEATHS:
                self._cannot_load(state, f"worker {self._who} died {_MOST_DEATHS} times while it did")
            else:
                self._try_to_load(state)
        finally:
            self._store.note_loaded(state.id, self._who)

    def _cannot_load(self, state: TrialState, why: str) -> None:
        self._unusable = state.id
        _log.warning("the challenger, version %s, cannot be tried: %s", state.version, why)
        self._store.note_trouble(state.id, f"it cannot be loaded: {why}")

    def _try_to_load(self, state: TrialState) -> None:
        version = RegisteredVersion(state.name, state.version, (), state.origin)
        registry = Registry(self._settings.mlflow)
        try:
            model = self._cache.load(version, lambda folder: registry.download(version, folder))
            tried(model)
        except Unavailable:
            raise  # MLflow is away: no fault of the challenger's, and tried again
        except (ArtefactError, Exception) as error:
            self._cannot_load(state, in_short(error))
            return
        finally:
            registry.close()
        loaded = LoadedModel.of(ModelRef(state.name, state.version), model)
        self._trial = state.id, Trial(loaded, cpu_share=self._settings.rollout.shadow_cpu_share)
        self._install(self._trial[1])
        _log.info("%s version %s is on trial (%s)", state.name, state.version, state.phase)

    def _uninstall(self) -> None:
        if self._trial is not None:
            self._install(None)
            self._trial[1].stop()
            self._trial = None
            self._answers.clear()
            self._look, self._looked_at = Look([], 0), -1e9
            SHARE.set(0)

    def _flush(self, trial_id: str, trial: Trial) -> None:
        tally = trial.take()
        _measure(tally)
        self._store.add(trial_id, tally)

    def _lead(self, revision: int, state: TrialState) -> None:
        now_ms = clock_ms()
        counts = self._store.counts(state.id)
        if self._trial is not None and time.monotonic() - self._looked_at >= self._settings.rollout.look_s:
            self._looked_at = time.monotonic()
            self._judge(state, self._trial[1].challenger, now_ms)
        serving = self._champion.current.ref.version
        change = next_change(
            state, Facts(now_ms, serving, counts, self._look.verdicts, self._look.streak), self._settings.rollout,
            f"worker {self._who}",
        )  # fmt: skip
        if change is None:
            return
        if change.promotes:
            try:
                self._promote(state)  # twice does no harm: what has the alias already is promoted
            except PromotionRefused as error:
                change = refuse(state, str(error), f"worker {self._who}", counts)
        if self._store.change(revision, change.state, change.event):
            self._note(change, counts)
            self._follow(change.state)

    def _judge(self, state: TrialState, challenger: LoadedModel, now_ms: int) -> None:
        champion = self._champion.current
        first = self._answers.setdefault(champion.ref, Answers(champion.model))
        if challenger.ref not in self._answers:
            asker = Asker("challenger about judged tweets", self._patience_s)
            self._answers[challenger.ref] = Answers(challenger.model, asker=asker)
        try:
            self._look = look(
                self._judged(state.started_ms), first, self._answers[challenger.ref],
                version=state.version, since_ms=state.started_ms, now_ms=now_ms,
            )  # fmt: skip
        except TooLate as error:
            self._store.note_trouble(state.id, f"asked about judged tweets: {error}")
            return
        self._store.note_verdicts(state.id, as_json(self._look.verdicts), self._look.streak)

    def _note(self, change: Change, counts: Counts) -> None:
        state = change.state
        CHANGES.labels(change.event.what).inc()
        level = logging.WARNING if state.phase == "rolled back" or state.refused else logging.INFO
        _log.log(
            level, "the challenger, version %s: %s (%s); %s tweets answered by it, %s compared",
            state.version, change.event.what, state.why, f"{counts.answered:,}", f"{counts.compared:,}",
        )  # fmt: skip

    def _send(self) -> None:
        """Changes that are not on the audit topic yet: twice where somebody dies here, and read once.

        Receivers hear of them here, too, for commands make changes as well as workers.
        """
        for text in self._store.unsent():
            try:
                event = decode_audit(text.encode())
                self._publish([event])
                self._announce(event)
            except UnreadableRecord as error:
                _log.warning("an event for the audit topic cannot be read and is dropped: %s", error)
            self._store.sent(text)


def _measure(tally: Tally) -> None:
    agree = int(tally.confusion.trace())
    COMPARED.labels("yes").inc(agree)
    COMPARED.labels("no").inc(int(tally.confusion.sum()) - agree)
    ANSWERED.inc(tally.answered)
    ERRORS.inc(tally.errors)
