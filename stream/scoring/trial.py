"""A challenger beside the champion, in the worker: it answers a share of the tweets, and looks at others unseen.

*Canary*: a tweet is the challenger's when the first eight digits of its prediction id under the challenger's version,
read as a number, lie below the share of all such numbers. So the same tweet goes the same way whenever it is scored
again, a larger share holds the smaller one, and anybody can check it.

*Shadow*: batches that the champion has answered are offered to a thread of its own. It takes what fits into the
share of processor time that it is given, and the rest is dropped: the champion waits for nothing.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS, ModelRef
from models.annotator import walks_bytes
from models.base.artefact import in_short
from models.base.asking import Asker, TooLate
from models.registry.champion import LoadedModel
from models.text.batch import TextBatch
from stream.codecs.cloud_events import LENGTH

_T = TypeVar("_T")

_N: Final = len(SENTIMENTS)
_DIGITS: Final = 8
_VALUES: Final = np.zeros(256, np.uint64)
_VALUES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_CHUNK_S: Final = 0.1
"""How long the shadow works in one go: as many texts as the challenger scores in this time."""
_FIRST_CHUNK: Final = 64
_MOST: Final = 2_000
"""Texts of one batch that the shadow looks at."""
_TOO_LATE_S: Final = 5.0
"""A stream so far behind has no time for a shadow."""
_LATE_AGAIN_S: Final = 1.0
"""A challenger that hangs has one more error so often, for as long as tweets come: ten of them end the trial."""


@dataclass
class Tally:
    """What was counted since the last time it was taken."""

    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((_N, _N), np.int64))
    """(3, 3): champion's label, challenger's label, of the tweets that both scored."""
    offered: int = 0
    """Tweets that the shadow could have looked at."""
    answered: int = 0
    """Tweets that the challenger answered in the champion's place."""
    errors: int = 0
    """Times that the challenger raised, gave no answer of the right shape, or none in time."""
    challenger_s: float = 0.0
    challenger_texts: int = 0
    """What its time is of."""
    champion_s: float = 0.0
    champion_texts: int = 0
    last_error: str = ""


class _Offer(NamedTuple):
    texts: TextBatch
    champion: NDArray[np.intp]
    rows: NDArray[np.intp]
    """Those that have not been compared yet."""


class Trial:
    """One challenger on trial in this worker.

    Args:
        challenger: the model.
        cpu_share: of one core, for the shadow; 0: no shadow.
        answer_s: how long the challenger is waited for, in the canary before the champion answers in its place; it is
            not asked again before it has answered.
        late_again_s: how often that is counted as an error once more.
    """

    def __init__(
        self,
        challenger: LoadedModel,
        *,
        cpu_share: float,
        answer_s: float = 5.0,
        late_again_s: float = _LATE_AGAIN_S,
    ) -> None:
        self.challenger = challenger
        self._late_again_s = late_again_s
        self._late_at = float("-inf")
        self.share = 0.0
        """Of the tweets, answered by the challenger. May be set at any time, from any thread."""
        self._cpu_share = cpu_share
        self._counts = Tally()
        self._lock = threading.Lock()
        self._offers: queue.Queue[_Offer | None] = queue.Queue(1)
        self._per_text_s = _CHUNK_S / _FIRST_CHUNK
        self._answering = Asker("challenger", answer_s)
        self._looking = Asker("challenger in shadow", answer_s)
        self._stopping = threading.Event()
        self._shadow = threading.Thread(target=self._look, name="shadow", daemon=True)
        if cpu_share > 0:
            self._shadow.start()

    @property
    def ref(self) -> ModelRef:
        """Name and version of the challenger."""
        return self.challenger.ref

    def stop(self) -> None:
        """End the threads; what is counted can still be taken."""
        self._stopping.set()
        self._answering.stop()
        self._looking.stop()
        with suppress(queue.Full):
            self._offers.put_nowait(None)
        if self._shadow.is_alive():
            self._shadow.join(timeout=2)

    def take(self) -> Tally:
        """What was counted since the last call."""
        with self._lock:
            counts, self._counts = self._counts, Tally()
        return counts

    def chosen(self, identifiers: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which tweets are the challenger's.

        Args:
            identifiers: of the predictions under the challenger's version, 36 letters each, in a row.

        Returns:
            (n,).
        """
        digits = _VALUES[identifiers.reshape(-1, LENGTH)[:, :_DIGITS]]
        places = np.uint64(16) ** np.arange(_DIGITS - 1, -1, -1, dtype=np.uint64)
        below: NDArray[np.bool_] = (digits * places).sum(axis=1) < round(self.share * 16**_DIGITS)
        return below

    def answer(self, ask: Callable[[], _T], texts: int) -> _T | None:
        """What `ask` returns, which asks the challenger about so many texts; None where it fails or takes too long."""
        if self._stopping.is_set():
            return None
        since = time.perf_counter()
        try:
            found = self._answering.ask(ask)
        except TooLate as error:
            self._late(str(error))
            return None
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a model may raise anything; a panic of a tokenizer in Rust is no Exception
            self.failed(in_short(error))
            return None
        took_s = time.perf_counter() - since
        with self._lock:
            self._counts.answered += texts
            self._counts.challenger_s += took_s
            self._counts.challenger_texts += texts
        return found

    def failed(self, why: str) -> None:
        """Count an error of the challenger; the champion has answered in its place."""
        with self._lock:
            self._counts.errors += 1
            self._counts.last_error = why

    def _late(self, why: str) -> None:
        now = time.monotonic()
        if now - self._late_at >= self._late_again_s:
            self._late_at = now
            self.failed(why)

    def compare(self, champion: NDArray[np.float32], challenger: NDArray[np.float32]) -> None:
        """Count the labels of tweets that both have scored.

        Args:
            champion, challenger: (n, 3).
        """
        pairs = champion.argmax(axis=1) * _N + challenger.argmax(axis=1)
        counted = np.bincount(pairs, minlength=_N * _N).reshape(_N, _N)
        with self._lock:
            self._counts.confusion += counted

    def offer(
        self,
        texts: TextBatch,
        champion: NDArray[np.float32],
        took_s: float,
        behind_s: float,
        compared: NDArray[np.intp] | None = None,
    ) -> None:
        """Let the shadow look at a batch that the champion has answered. Returns at once.

        Args:
            texts: n of them. champion: (n, 3), its answers. took_s: how long it took over them.
            behind_s: age of the newest of them.
            compared: rows that the challenger has answered already, for `compare`: they are not looked at again.
        """
        with self._lock:
            self._counts.offered += len(texts)
            self._counts.champion_s += took_s
            self._counts.champion_texts += len(texts)
        if self._cpu_share > 0 and behind_s < _TOO_LATE_S and not self._offers.full():
            rows = np.arange(len(texts))
            rows = rows if compared is None else np.delete(rows, compared)
            if not len(rows):
                return
            try:
                self._offers.put_nowait(_Offer(texts, champion.argmax(axis=1), rows))
            except queue.Full:
                return

    def _look(self) -> None:
        while not self._stopping.is_set():
            try:
                offer = self._offers.get(timeout=0.5)
            except queue.Empty:
                continue
            if offer is not None:
                worked_s = self._look_at(offer)
                self._stopping.wait(worked_s * (1 / self._cpu_share - 1))

    def _look_at(self, offer: _Offer) -> float:
        """Score what fits into a short time; how long it took, seconds."""
        fitting = max(1, min(len(offer.rows), _MOST, int(_CHUNK_S / self._per_text_s)))
        # Spread over the batch, not its beginning: whoever floods the stream is not all that is seen.
        rows = offer.rows[np.linspace(0, len(offer.rows) - 1, fitting).astype(np.intp)]
        texts = offer.texts if len(rows) == len(offer.texts) else taken(offer.texts, rows)
        since = time.perf_counter()
        try:
            model = self.challenger.model
            found = self._looking.ask(lambda: model.predict_proba(texts if walks_bytes(model) else texts.strings()))
            if found.shape != (len(texts), _N):
                raise ValueError(f"an array of shape {found.shape} for {len(texts):,} texts")
        except TooLate as error:
            self._per_text_s = max(self._per_text_s, (time.perf_counter() - since) / fitting)
            self._late(str(error))
            return _CHUNK_S
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self.failed(in_short(error))
            return time.perf_counter() - since
        took_s = time.perf_counter() - since
        self._per_text_s = max(took_s / fitting, 1e-7)
        counted = np.bincount(offer.champion[rows] * _N + found.argmax(axis=1), minlength=_N * _N).reshape(_N, _N)
        with self._lock:
            self._counts.confusion += counted
            self._counts.challenger_s += took_s
            self._counts.challenger_texts += fitting
        return took_s


def taken(texts: TextBatch, rows: NDArray[np.intp]) -> TextBatch:
    """Some of the texts."""
    data, bounds = texts.data.tobytes(), texts.bounds.tolist()
    pieces = [data[bounds[row] : bounds[row + 1]] for row in rows.tolist()]
    ends = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=ends[1:])
    return TextBatch(np.frombuffer(b"".join(pieces), np.uint8), ends)
