"""A trial as all workers see it: its state in Redis, what was counted, and changes that wait for the audit topic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec
import numpy as np
import redis
from numpy.typing import NDArray

from alerts.storage.foreign import readable, reading
from contracts.audit import AuditEvent
from contracts.events import SENTIMENTS
from contracts.settings import Settings
from stream.scoring.trial import Tally

Phase = Literal["shadow", "canary", "promoted", "rolled back", "stopped"]
ACTIVE: Final = ("shadow", "canary")
_KEPT_S: Final = 35 * 86_400
"""How long the figures of a trial are kept."""
_N: Final = len(SENTIMENTS)


class TrialState(msgspec.Struct, frozen=True, kw_only=True):
    """Which challenger is on trial, and how far."""

    id: str
    phase: Phase
    name: str
    version: str
    """Of the challenger."""
    origin: str
    """As of `RegisteredVersion`."""
    champion: str
    """The version that it is compared with."""
    who: str
    """Started it, or did the last step."""
    started_ms: int
    step: int = 0
    """Place in `RolloutSettings.steps`."""
    step_ms: int = 0
    """When the step began, or the trial ended."""
    answered: int = 0
    """Tweets that the challenger had answered when the step began."""
    why: str = ""
    """The reason of the last change."""
    refused: str = ""
    """Why the gate did not let it be promoted by itself: a person promotes or aborts it."""

    @property
    def active(self) -> bool:
        """Whether the challenger scores anything."""
        return self.phase in ACTIVE


@dataclass(frozen=True)
class Counts:
    """What all workers have counted in a trial."""

    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((_N, _N), np.int64))
    """(3, 3): champion's label, challenger's label."""
    offered: int = 0
    """Tweets scored since it began."""
    answered: int = 0
    """Of these, answered by the challenger."""
    errors: int = 0
    challenger_us: int = 0
    challenger_texts: int = 0
    champion_us: int = 0
    champion_texts: int = 0
    last_error: str = ""
    trouble: str = ""
    """Why a worker cannot go on with the challenger: it cannot be loaded, or does not answer."""

    @property
    def compared(self) -> int:
        """Tweets that both have scored."""
        return int(self.confusion.sum())

    @property
    def agreement(self) -> float | None:
        """Share of those with the same label."""
        return float(np.trace(self.confusion)) / self.compared if self.compared else None

    @property
    def challenger_ms(self) -> float | None:
        """Mean time for a tweet, milliseconds."""
        return self.challenger_us / self.challenger_texts / 1000 if self.challenger_texts else None

    @property
    def champion_ms(self) -> float | None:
        """The same of the champion, watches, themes and masking included."""
        return self.champion_us / self.champion_texts / 1000 if self.champion_texts else None


@dataclass(frozen=True)
class RolloutStatus:
    """All there is to show about a trial; the last one after its end."""

    state: TrialState | None
    counts: Counts
    verdicts: list[dict[str, Any]]
    """As the worker that judges wrote them: `metric`, `outcome`, `why`, `n`, `champion`, `challenger`, `difference`,
    `low`, `high`, `evidence`; empty before the first look."""
    streak: int = 0
    """Judged tweets in a row that the challenger had wrong and the champion right."""


_decoder: Final = msgspec.json.Decoder(TrialState)
_noted_of: Final = msgspec.json.Decoder(dict[str, Any]).decode
_CHANGE: Final = """
if (redis.call('HGET', KEYS[1], 'revision') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1] + 1, 'state', ARGV[2])
redis.call('RPUSH', KEYS[2], ARGV[3])
return 1
"""


class TrialStore:
    """The trial in Redis. All keys are in one slot.

    Args:
        client: as of `alerts.storage.connection.connect`.
    """

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._client: Any = client
        self._prefix = f"{settings.redis.prefix}:{{rollout}}"
        self._change = self._client.register_script(_CHANGE)

    def _key(self, name: str) -> str:
        return f"{self._prefix}:{name}"

    def read(self) -> tuple[int, TrialState | None]:
        """The revision, for `change`, and the state; None before the first trial, or where nobody can read it."""
        revision, state = self._client.hmget(self._key("trial"), "revision", "state")
        with reading(self._key("trial")):
            number = int(revision or 0)
        try:
            return number, _decoder.decode(state) if state else None
        except (ValueError, msgspec.MsgspecError):
            return number, None

    def change(self, revision: int, state: TrialState, event: AuditEvent) -> bool:
        """Write the next state and the event about it, unless somebody else was faster."""
        written = msgspec.json.encode(state).decode()
        keys = [self._key("trial"), self._key("audit")]
        return bool(self._change(keys=keys, args=[str(revision), written, event.model_dump_json()]))

    def unsent(self) -> list[str]:
        """Events that wait for the audit topic, as JSON, the oldest first."""
        found: list[str] = self._client.lrange(self._key("audit"), 0, -1)
        return found

    def sent(self, event: str) -> None:
        """Forget one of these."""
        self._client.lrem(self._key("audit"), 1, event)

    def add(self, trial: str, tally: Tally) -> None:
        """Add what a worker has counted."""
        pipe = self._client.pipeline(transaction=True)
        key = self._key(f"counts:{trial}")
        numbers = {f"c{at}": int(n) for at, n in enumerate(tally.confusion.ravel())} | {
            "offered": tally.offered,
            "answered": tally.answered,
            "errors": tally.errors,
            "challenger_us": round(tally.challenger_s * 1e6),
            "challenger_texts": tally.challenger_texts,
            "champion_us": round(tally.champion_s * 1e6),
            "champion_texts": tally.champion_texts,
        }
        for name, number in numbers.items():
            if number:
                pipe.hincrby(key, name, number)
        if tally.last_error:
            pipe.hset(key, "last_error", tally.last_error)
        pipe.expire(key, _KEPT_S)
        pipe.execute()

    def note_trouble(self, trial: str, why: str) -> None:
        """A worker cannot go on with the challenger; a sentence."""
        self._client.hset(self._key(f"counts:{trial}"), "trouble", why)

    def note_loading(self, trial: str, who: str) -> int:
        """A worker begins to load the challenger; how often it has, without an end that was noted."""
        key = self._key(f"counts:{trial}")
        found = int(self._client.hincrby(key, f"loading:{who}", 1))
        self._client.expire(key, _KEPT_S)
        return found

    def note_loaded(self, trial: str, who: str) -> None:
        """The worker is through with it, however that went."""
        self._client.hdel(self._key(f"counts:{trial}"), f"loading:{who}")

    def counts(self, trial: str) -> Counts:
        """What was counted."""
        key = self._key(f"counts:{trial}")
        found: dict[str, str] = self._client.hgetall(key)
        words = {"last_error", "trouble"}
        counted = dict(readable(key, ((name, one) for name, one in found.items() if name not in words), int))
        confusion = np.array([counted.get(f"c{at}", 0) for at in range(_N * _N)], np.int64).reshape(_N, _N)
        names = ("offered", "answered", "errors", "challenger_us", "challenger_texts", "champion_us", "champion_texts")
        numbers = {name: counted.get(name, 0) for name in names}
        return Counts(confusion, **numbers, last_error=found.get("last_error", ""), trouble=found.get("trouble", ""))

    def note_verdicts(self, trial: str, verdicts: Sequence[dict[str, Any]], streak: int) -> None:
        """Keep what the worker that judges has found."""
        text = json.dumps({"trial": trial, "streak": streak, "verdicts": list(verdicts)})
        self._client.set(self._key("verdicts"), text, ex=_KEPT_S)

    def status(self) -> RolloutStatus:
        """All there is to show."""
        _, state = self.read()
        if state is None:
            return RolloutStatus(None, Counts(), [])
        with reading(self._key("verdicts")):
            noted = _noted_of(self._client.get(self._key("verdicts")) or "{}")
        if noted.get("trial") != state.id:
            noted = {}
        return RolloutStatus(state, self.counts(state.id), noted.get("verdicts", []), noted.get("streak", 0))

    def lead(self, who: str, for_s: float) -> bool:
        """Take or keep the lead: one worker judges and changes the trial."""
        key = self._key("leader")
        if self._client.set(key, who, nx=True, px=round(for_s * 1000)):
            return True
        if self._client.get(key) == who:
            self._client.pexpire(key, round(for_s * 1000))
            return True
        return False
