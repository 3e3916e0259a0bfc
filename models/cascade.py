"""Two models in a row: a fast one that answers when it is sure, a slow one for what it is unsure of."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from models.base.artefact import in_short, write_artefact
from models.base.sentiment import SentimentModel, Tier, WordWeight
from models.base.smoke_test import tried
from models.deep.model import DeepModel
from models.linear.model import HashedModel

_log = logging.getLogger("buzzwatch.cascade")

FAMILY: Final = "cascade"
TIERS: Final[tuple[Tier, ...]] = ("linear", "deep")
BY: Final = ("margin", "confidence")
"""Measures of certainty."""
_CHUNK: Final = 32
"""Most texts that the deep tier gets between two looks at the clock."""
_TRIAL_S: Final = 20.0
"""How long the deep tier's trial may take; whoever else opens a model of the cache waits as long."""
_FIRST: Final = 4
"""How many it gets while nobody knows how long it takes."""
_FORGET: Final = 0.9
"""After a hiccup the deep tier looks too slow to be asked: what is remembered of its pace fades until it is again."""


def certainty(probabilities: NDArray[np.float32], by: str) -> NDArray[np.float32]:
    """How sure a model is of its answers (n, 3): what is compared with the threshold, (n,).

    Args:
        by: `margin`, the likeliest label's probability minus the next one's, or `confidence`, the former alone.
    """
    found: NDArray[np.float32] = probabilities.max(axis=1)
    if by == "margin":
        found = found - np.partition(probabilities, 1, axis=1)[:, 1]
    return found


class Answered(NamedTuple):
    """Answers, and who gave them."""

    probabilities: NDArray[np.float32]
    """(n, 3), columns in the order of `SENTIMENTS`."""
    tiers: NDArray[np.uint8]
    """(n,) index into `TIERS`."""


class CascadeModel:
    """A `SentimentModel` of a linear and a deep tier.

    The metadata say how: `threshold`, the certainty from which the linear answer stands; `by`, what that certainty is
    (`confidence` where it is not given, as in older cascades); `blend`, the deep model's share in the answer where it
    was asked; `budget_s`, how long a batch may take in the deep tier; `patience_s`, how
    far a stream may be behind before nothing is asked any more.
    """

    tiers = TIERS

    def __init__(self, linear: SentimentModel, deep: SentimentModel | None, metadata: Mapping[str, Any]) -> None:
        self.linear = linear
        self.deep = deep
        self.metadata: Mapping[str, Any] = {**metadata, "family": FAMILY}
        self.degraded: str | None = None
        """Why the deep tier is missing, or did not answer when it was asked last; None when it is there and does."""
        self._by = str(metadata.get("by", BY[1]))
        self._threshold = float(metadata["threshold"])
        self._blend = float(metadata["blend"])
        self._budget_s = float(metadata["budget_s"])
        self._patience_s = float(metadata["patience_s"])
        self._pace_s: float | None = None  # seconds a text in the deep tier, as measured; threads may race for it

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of shape (n, 3). Takes the time it needs: the same texts get the same answers."""
        return self.answer(texts, None).probabilities

    def predict_tiers(self, texts: Sequence[str], behind_s: float | None) -> Answered:
        """The answers to a batch of a stream, within the time budget.

        Args:
            behind_s: how far the stream is behind. The budget shrinks with it in a line, to nothing at `patience_s`.
                None: no stream, no budget.
        """
        if behind_s is None:
            return self.answer(texts, None)
        return self.answer(texts, self._budget_s * max(0.0, 1.0 - max(0.0, behind_s) / self._patience_s))

    def answer(self, texts: Sequence[str], budget_s: float | None) -> Answered:
        """The linear answers, and the deep ones for the least sure, as many as the budget allows (None: all unsure)."""
        probabilities = self.linear.predict_proba(texts)
        tiers = np.zeros(len(probabilities), np.uint8)
        if self.deep is None or not len(probabilities) or budget_s == 0:
            return Answered(probabilities, tiers)
        sure = certainty(probabilities, self._by)
        unsure = np.flatnonzero(sure < self._threshold)
        unsure = unsure[np.argsort(sure[unsure], kind="stable")]
        if budget_s is None:
            self._ask(texts, unsure, probabilities, tiers)
            return Answered(probabilities, tiers)
        self._ask_within(budget_s, texts, unsure, probabilities, tiers)
        return Answered(probabilities, tiers)

    def _ask_within(
        self,
        budget_s: float,
        texts: Sequence[str],
        rows: NDArray[np.intp],
        probabilities: NDArray[np.float32],
        tiers: NDArray[np.uint8],
    ) -> None:
        """Ask in chunks that are as large as the time that is left allows by the pace so far."""
        now = time.monotonic()
        end, at = now + budget_s, 0
        while at < len(rows):
            pace_s = self._pace_s
            size = _FIRST if pace_s is None else min(int((end - now) / pace_s), _CHUNK)
            if size < 1:
                if at == 0 and pace_s is not None:
                    self._pace_s = pace_s * _FORGET
                return
            chunk = rows[at : at + size]
            if not self._ask(texts, chunk, probabilities, tiers):
                return
            started, now = now, time.monotonic()
            took_s = (now - started) / len(chunk)
            self._pace_s = max(took_s if pace_s is None else (pace_s + took_s) / 2, 1e-9)
            at += len(chunk)

    def _ask(
        self, texts: Sequence[str], rows: NDArray[np.intp], probabilities: NDArray[np.float32], tiers: NDArray[np.uint8]
    ) -> bool:
        """Put the deep answers in. False when the deep tier raised: the linear ones stand, and `degraded` says why.

        The deep tier is tried again with the next texts: the cause may have been one text, or a lack of memory.
        """
        if not len(rows):
            return True
        assert self.deep is not None
        try:
            answers = self.deep.predict_proba([texts[row] for row in rows.tolist()])
            probabilities[rows] = (1 - self._blend) * probabilities[rows] + self._blend * answers
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a library's, a tokenizer's panic: the linear answers are there already
            failure = (
                f"the deep tier of the cascade failed, its linear tier answers: {in_short(error)}; it is tried again"
            )
            if failure != self.degraded:
                _log.error("%s", failure)
            self.degraded = failure
            return False
        tiers[rows] = 1
        self.degraded = None
        return True

    def explain(self, text: str) -> list[WordWeight]:
        """The words that weighed, by the tier that answers."""
        answered = self.answer([text], None)
        if self.deep is not None and answered.tiers[0]:
            return self.deep.explain(text)
        return self.linear.explain(text)

    def save(self, folder: Path) -> None:
        """Write `metadata.json` and `weights.npz`, both models in it.

        Raises:
            ArtefactError: the deep tier is missing.
        """
        if not isinstance(self.deep, DeepModel) or not isinstance(self.linear, HashedModel):
            raise ArtefactError("only a cascade of a hashed and a deep model can be written")
        arrays = {f"linear.{name}": value for name, value in self.linear.arrays().items()}
        arrays |= {f"deep.{name}": value for name, value in self.deep.arrays().items()}
        parts = {"linear": dict(self.linear.metadata), "deep": dict(self.deep.metadata)}
        write_artefact(folder, {**self.metadata, "parts": parts}, arrays)

    @classmethod
    def load(cls, metadata: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> CascadeModel:
        """Build both models from a checked artefact. It serves without its deep tier too; `degraded` has the reason.

        Raises:
            ArtefactError: the linear tier cannot be built, or the metadata lack a figure.
        """
        try:
            parts = metadata["parts"]
            linear = HashedModel.load(parts["linear"], _named(arrays, "linear."))
        except KeyError as error:
            raise ArtefactError(f"the cascade lacks {error}") from None
        failure, deep = None, None
        try:
            deep = DeepModel.load(parts["deep"], _named(arrays, "deep."))
            tried(deep, _TRIAL_S)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a library's, a tokenizer's panic: the linear tier does not need it
            deep = None
            why = in_short(error)
            failure = f"the deep tier of the cascade cannot be loaded, the linear one answers alone: {why}"
            _log.error("%s", failure)
        try:
            model = cls(linear, deep, metadata)
        except KeyError as error:
            raise ArtefactError(f"the cascade lacks {error}") from None
        # A patience of nothing divides by zero, and only when a stream is scored.
        if not (model._budget_s >= 0 and model._patience_s > 0 and 0 <= model._blend <= 1 and model._threshold >= 0):
            raise ArtefactError("the cascade has a threshold, blend, budget_s or patience_s that cannot be")
        if model._by not in BY:
            raise ArtefactError(f"the cascade goes by {model._by!r}, which this program does not know: {', '.join(BY)}")
        model.degraded = failure
        return model


def _named(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name[len(prefix) :]: value for name, value in arrays.items() if name.startswith(prefix)}
