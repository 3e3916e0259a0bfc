"""A batch of scored events as a few long runs of bytes; `contracts.events.Prediction` is the definition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.events import MAX_REACH, SENTIMENTS, ModelRef
from models.annotator import Annotator, Columns
from models.text.batch import TextBatch
from stream.codecs.authors import AuthorKey
from stream.codecs.cloud_events import LENGTH, cloud_event_headers, identifiers
from stream.codecs.prediction_encoder_kernel import DIGITS, ESCAPES, write_events
from stream.codecs.tweet_decoder import TweetColumns
from stream.kafka.records import OutRecord

_encode = msgspec.json.Encoder().encode
TRACED: Final = b',"traced":true}'
"""How the value of a record ends that has a header `traceparent`: so readers need not look at the headers of all."""
_MOST_KEPT = 10_000
_Run = tuple[NDArray[np.uint8], NDArray[np.int64]]


def _run(pieces: Sequence[bytes]) -> _Run:
    bounds = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=bounds[1:])
    return np.frombuffer(b"".join(pieces), np.uint8), bounds


_PIECES = (
    b'{"tweet_id":', b',"prediction_id":"', b'","sentiment":', b',"confidence":', b',"scores":{"negative":',
    b',"neutral":', b',"positive":', b"},", b',"text":', b',"lang":', b',"created_at":"', b'","scored_at":"',
)  # fmt: skip
_OPTIONAL = (b',"author":"', b'"', b',"reach":')
_LABELS = _run([_encode(label) for label in SENTIMENTS])
_WRITTEN = [_encode(share / 10_000) for share in range(10_001)]
_SHARES = np.frombuffer(b"".join(share.ljust(DIGITS) for share in _WRITTEN), np.uint8)
_SHARE_LENGTHS = np.array([len(share) for share in _WRITTEN], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class EventBatch(Sequence[OutRecord]):
    """Events to publish; each becomes an `OutRecord` only where somebody asks for one."""

    data: NDArray[np.uint8]
    """The JSON of all events in a row."""
    bounds: NDArray[np.int64]
    """(n + 1,): event i is `data[bounds[i] : bounds[i + 1]]`."""
    keys: TextBatch
    identifiers: NDArray[np.uint8]
    """Of the predictions, 36 letters each."""
    timestamps: NDArray[np.int64]
    """(n,): milliseconds, as in `OutRecord`."""
    scored_at: bytes

    def __len__(self) -> int:
        return len(self.timestamps)

    @overload
    def __getitem__(self, at: int) -> OutRecord: ...
    @overload
    def __getitem__(self, at: slice) -> list[OutRecord]: ...
    def __getitem__(self, at: int | slice) -> OutRecord | list[OutRecord]:
        if isinstance(at, slice):
            return list(self)[at]
        row = range(len(self))[at]
        [headers] = cloud_event_headers([self.identifiers[LENGTH * row :][:LENGTH].tobytes()], self.scored_at)
        key = self.keys.data[self.keys.bounds[row] : self.keys.bounds[row + 1] - 1].tobytes()
        value = self.data[self.bounds[row] : self.bounds[row + 1]].tobytes()
        return OutRecord(key, value, headers, int(self.timestamps[row]))

    def __iter__(self) -> Iterator[OutRecord]:
        data, names, keys = self.data.tobytes(), self.identifiers.tobytes(), self.keys.data.tobytes()
        ends, key_ends = self.bounds.tolist(), self.keys.bounds.tolist()
        return map(
            OutRecord,
            [keys[start : end - 1] for start, end in pairwise(key_ends)],
            [data[start:end] for start, end in pairwise(ends)],
            cloud_event_headers([names[at : at + LENGTH] for at in range(0, len(names), LENGTH)], self.scored_at),
            self.timestamps.tolist(),
        )


class EventBatchWriter:
    """Writes the events of one model's answers, a batch in one call of compiled code.

    Args:
        annotator: names the watches and themes.
        ref: the model that answered.
        text: which text goes into the events: `masked`, `raw` or `none`.
        key: hashes the authors.
        challenger: the model that answered where the topics say so.
    """

    def __init__(
        self, annotator: Annotator, ref: ModelRef, text: str, key: AuthorKey, challenger: ModelRef | None = None
    ) -> None:
        self.ref = ref
        self.challenger = challenger
        self._annotator = annotator
        self._text = text
        self._key = key
        self._models = _encode(ref), _encode(challenger or ref)
        self._numbers: dict[int, int] = {}
        self._parts: list[bytes] = []
        self._run: _Run = _run([])

    def write(
        self, tweets: TweetColumns, columns: Columns, scored_at: bytes, names: NDArray[np.uint8] | None = None
    ) -> EventBatch:
        """The events.

        Args:
            tweets, columns: what the tweets say, and what is said about them.
            scored_at: the same for all.
            names: ids of the predictions, where they are not all those of `ref`.

        Raises:
            ValueError: a probability is not between 0 and 1.
        """
        numbers, parts = self._numbered(columns.topics)
        rows = len(tweets.timestamps)
        names = identifiers(self.ref, tweets.ids) if names is None else names
        texts = columns.masked if columns.masked is not None else tweets.texts
        has = np.empty((2, rows), np.bool_)
        has[0] = self._text != "none"
        has[1] = tweets.has_lang
        bounds = np.empty(rows + 1, np.int64)
        data = write_events(
            (tweets.ids.data, tweets.ids.bounds, texts.data, texts.bounds, tweets.langs.data, tweets.langs.bounds),
            numbers,
            names,
            columns.probabilities,
            tweets.instants,
            has,
            (self._key.hashes(tweets.authors), np.minimum(tweets.reach, MAX_REACH)),
            (
                *_run([*_PIECES[:-1], _PIECES[-1] + scored_at + b'"', *_OPTIONAL]),
                *_LABELS,
                *parts,
                _SHARES,
                _SHARE_LENGTHS,
                ESCAPES,
            ),
            bounds,
        )
        if not len(data):
            raise ValueError("a probability is not between 0 and 1")
        return EventBatch(data, bounds, tweets.ids, names, tweets.timestamps, scored_at)

    def _numbered(self, topics: Sequence[int]) -> tuple[NDArray[np.int64], _Run]:
        """Each combination of topics as a number, and what the events say of each."""
        known = self._numbers
        unknown = set(topics).difference(known)
        if unknown:
            if (
                len(known) + len(unknown) > _MOST_KEPT
            ):  # a usual stream has few combinations; the bound is for a hostile one
                known, self._parts = {}, []
                unknown = set(topics)
            for bits in unknown:
                known[bits] = len(self._parts)
                self._parts.append(self._part(bits))
            self._numbers, self._run = known, _run(self._parts)
        return np.fromiter(map(known.__getitem__, topics), np.int64, len(topics)), self._run

    def _part(self, bits: int) -> bytes:
        watches, themes = self._annotator.names(bits)
        model = self._models[bool(bits & self._annotator.challenger)]
        part = b'"watches":%b,"themes":%b,"model":%b' % (_encode(watches), _encode(themes), model)
        return part + _optional_fields(self._annotator, bits)


def _optional_fields(annotator: Annotator, topics: int) -> bytes:
    """The optional fields of an event: `reliable` where it is false, `tier` where a cascade answered,
    `theme_sentiments` where there are themes, `canary` where a challenger answered."""
    tier, felt = annotator.tier(topics), annotator.theme_sentiments(topics)
    return (
        (b"" if annotator.reliable(topics) else b',"reliable":false')
        + (b',"tier":%b' % _encode(tier) if tier else b"")
        + (b',"theme_sentiments":%b' % _encode(felt) if felt else b"")
        + (b',"canary":true' if topics & annotator.challenger else b"")
    )
