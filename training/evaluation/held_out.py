"""Held-out predictions: what a model predicted for texts that it had not seen, kept beside its weights.

Two models that were measured on the same texts can be compared row by row later, where the texts are not at hand: the
gate of `buzzwatch models promote` needs no data. The file holds no text, only a 32-bit hash of each to pair rows by.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from contracts.events import SENTIMENTS
from models.text.masking import mask
from models.text.word_profile import BUCKETS, WordProfile
from training.data.slices import slice_masks
from training.evaluation.metrics import Measured, wilson

FILE: Final = "held_out.npz"
CHAMPIONS_FILE: Final = "champion_held_out.npz"
"""What the champion of the time says about the same rows, beside the predictions of a model that was retrained."""
PRODUCTION: Final = "production"
JUDGED: Final = "judged"
DRAWN_ANEW: Final = (PRODUCTION, JUDGED)
"""Sets of which each retraining has other rows: labels that are newer than the champion."""
MOST_ROWS: Final = 20_000
"""Of one set; of a larger one those with the smallest hashes, which is a random draw that every model makes alike."""
_STEPS: Final = 65_535
_LEAST_SLICE: Final = 50
"""Rows of a slice whose figures say something."""


@dataclass(frozen=True)
class HeldOut:
    """Predictions on held-out texts, row by row."""

    keys: NDArray[np.uint32]
    """(n,) hash of source and text."""
    source: NDArray[np.str_]
    """(n,) data set."""
    truth: NDArray[np.int64]
    """(n,) index into `SENTIMENTS`."""
    scores: NDArray[np.float64]
    """(n, 3) probabilities."""
    slices: Mapping[str, NDArray[np.bool_]]
    """Slice → (n,) membership."""
    distant: frozenset[str] = frozenset()
    """Data sets labelled by emoticons: they show something, and judge nothing."""
    words: Mapping[str, WordProfile] = field(default_factory=dict)
    """Data set → the words of its texts; empty in artefacts from before there were any."""

    @classmethod
    def of(
        cls,
        texts: Sequence[str],
        labels: NDArray[np.str_],
        source: NDArray[np.str_],
        companies: NDArray[np.str_],
        scores: NDArray[np.floating],
        distant: Collection[str] = (),
    ) -> HeldOut:
        """At most `MOST_ROWS` rows of each source, in the order of their keys."""
        keys = np.array([_key(name, text) for name, text in zip(source.tolist(), texts, strict=True)], np.uint32)
        sets = [np.flatnonzero(source == name) for name in dict.fromkeys(source.tolist())]
        kept = np.concatenate([rows[_smallest(keys[rows], MOST_ROWS)] for rows in sets])
        chosen = [texts[i] for i in kept.tolist()]
        return cls(
            keys=keys[kept],
            source=source[kept],
            truth=np.searchsorted(np.array(SENTIMENTS), labels[kept]),
            scores=np.asarray(scores, np.float64)[kept],
            slices=slice_masks(chosen, companies[kept]),
            distant=frozenset(distant),
            words={
                str(source[rows[0]]): WordProfile.of(mask(texts[row]) for row in rows[:MOST_ROWS].tolist())
                for rows in sets
            },
        )

    def save(self, folder: Path, file: str = FILE) -> None:
        """Write `held_out.npz`, or a file of another name, into an artefact's folder."""
        names = list(self.slices)
        bits = np.zeros(len(self.keys), np.uint32)
        for bit, name in enumerate(names):
            bits |= self.slices[name].astype(np.uint32) << np.uint32(bit)
        sources = list(dict.fromkeys(self.source.tolist()))
        np.savez_compressed(
            folder / file,
            allow_pickle=False,
            keys=self.keys,
            source=np.array([sources.index(name) for name in self.source.tolist()], np.uint8),
            sources=np.array(sources),
            truth=self.truth.astype(np.uint8),
            scores=np.round(self.scores * _STEPS).astype(np.uint16),
            slices=bits,
            slice_names=np.array(names),
            distant=np.array(sorted(self.distant), np.str_),
            word_sets=np.array(list(self.words), np.str_),
            word_counts=np.array([one.counts for one in self.words.values()], np.uint16).reshape(-1, BUCKETS),
            word_texts=np.array([one.texts for one in self.words.values()], np.uint32),
        )

    @classmethod
    def load(cls, folder: Path, file: str = FILE) -> HeldOut | None:
        """What `save` wrote; None when the folder has no such file.

        Raises:
            ArtefactError: it is there and cannot be read.
        """
        path = folder / file
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as archive:
                bits, names = archive["slices"], archive["slice_names"].tolist()
                source, truth = archive["sources"][archive["source"]], archive["truth"].astype(np.int64)
                return cls(
                    keys=archive["keys"],
                    source=source,
                    truth=truth,
                    scores=archive["scores"] / _STEPS,
                    slices={name: (bits >> np.uint32(bit) & 1).astype(bool) for bit, name in enumerate(names)},
                    distant=frozenset(archive["distant"].tolist() if "distant" in archive else _two(source, truth)),
                    words=_words_of(archive) if "word_sets" in archive else {},
                )
        except (ValueError, OSError, EOFError, KeyError, IndexError, zipfile.BadZipFile) as error:
            raise ArtefactError(f"{path}: the held-out predictions are damaged ({type(error).__name__})") from None

    def rows(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> HeldOut:
        """Some of them: a mask, or places. The words stay those of the whole sets."""
        slices = {name: members[chosen] for name, members in self.slices.items()}
        return HeldOut(
            self.keys[chosen], self.source[chosen], self.truth[chosen], self.scores[chosen], slices, self.distant,
            self.words,
        )  # fmt: skip


class SliceFigures(NamedTuple):
    """How a model does on one part of a held-out set."""

    source: str
    """The set."""
    slice: str
    n: int
    accuracy: Measured
    negative_recall: Measured | None
    """None where the part has no negative texts."""


def slice_figures(held_out: HeldOut) -> list[SliceFigures]:
    """Of every slice with enough rows, of the sets that people have labelled, in the order of the file."""
    found = []
    for source in dict.fromkeys(held_out.source.tolist()):
        if source in held_out.distant:
            continue
        for name, members in held_out.slices.items():
            rows = members & (held_out.source == source)
            n = int(rows.sum())
            if n < _LEAST_SLICE:
                continue
            right = held_out.scores[rows].argmax(axis=1) == held_out.truth[rows]
            negative = right[held_out.truth[rows] == SENTIMENTS.index("negative")]
            recall = wilson(int(negative.sum()), len(negative)) if len(negative) else None
            found.append(SliceFigures(source, name, n, wilson(int(right.sum()), n), recall))
    return found


def _words_of(archive: Any) -> dict[str, WordProfile]:
    counts, texts = archive["word_counts"].astype(np.int64), archive["word_texts"].tolist()
    return {
        name: WordProfile(row, number)
        for name, row, number in zip(archive["word_sets"].tolist(), counts, texts, strict=True)
    }


def _two(source: NDArray[np.str_], truth: NDArray[np.int64]) -> list[str]:
    """Sets without neutral tweets, which is how evidence from before it was noted shows labels by emoticons."""
    return [name for name in np.unique(source).tolist() if not (truth[source == name] == 1).any()]


def drawn(source: str, texts: Sequence[str], most: int) -> NDArray[np.intp]:
    """Which texts of a set to measure on: the same `most` for every model, those that `HeldOut` keeps first."""
    return _smallest(keys_of(source, texts), most)


def keys_of(source: str, texts: Sequence[str]) -> NDArray[np.uint32]:
    """(n,): `HeldOut.keys` of texts of one set, in their order."""
    return np.array([_key(source, text) for text in texts], np.uint32)


def _smallest(keys: NDArray[np.uint32], most: int) -> NDArray[np.intp]:
    return np.argsort(keys, kind="stable")[:most]


def _key(source: str, text: str) -> int:
    content = f"{source}\n{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=4).digest(), "big")
