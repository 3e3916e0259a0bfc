"""Reading the values of a whole batch of `tweets.scored` at once, as columns of numbers instead of objects.

The compiled walk accepts what `prediction_encoder` writes. Anything else (another order of fields, white space, an
escaped character, a probability of five digits, an invalid event) is left to `contracts.events.decode_prediction`,
which is the definition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from alerts.counters.counts import ANSWER_BINS, UNRELIABLE
from contracts.errors import InvalidRecord, UnreadableRecord
from contracts.events import MAX_REACH, SENTIMENTS, ModelRef, Prediction, Sentiment, decode_prediction
from contracts.times import to_ms
from contracts.tweet_objects.dates import read_date
from models.text.batch import TextBatch
from models.text.digests import digest_array, digests
from stream.codecs.authors import author_number
from stream.codecs.prediction_decoder_kernel import read_events

_MOST_KEPT: Final = 10_000
_BIN_OF: Final = np.array(
    [min(int(share / 10_000 * ANSWER_BINS), ANSWER_BINS - 1) for share in range(20_000)], np.int64
)
"""Bin of a confidence of four digits."""


class Topics(NamedTuple):
    """What the events of a group are about."""

    watches: tuple[str, ...]
    themes: tuple[str, ...]
    felt: tuple[Sentiment | None, ...]
    """About each theme; None: what the tweet says."""
    reliable: bool

    @classmethod
    def of(cls, prediction: Prediction | _Part) -> Topics:
        """Those of an event."""
        said = prediction.theme_sentiments or {}
        felt = tuple([said.get(theme) for theme in prediction.themes])
        return cls(tuple(prediction.watches), tuple(prediction.themes), felt, prediction.reliable)

    def sentiment(self, number: int) -> str:
        """As it counts."""
        return self._counted(SENTIMENTS[number])

    def themes_felt(self, number: int) -> tuple[tuple[str, str], ...]:
        """Each theme and the sentiment that counts for it, of a tweet whose own is `number` among SENTIMENTS."""
        return tuple(
            [
                (theme, self._counted(felt or SENTIMENTS[number]))
                for theme, felt in zip(self.themes, self.felt, strict=True)
            ]
        )

    @property
    def shown_for(self) -> tuple[str, ...]:
        """Themes that a negative tweet of these topics is an example of; all of them where nobody knows."""
        if not self.reliable:
            return self.themes
        pairs = zip(self.themes, self.felt, strict=True)
        return tuple([theme for theme, felt in pairs if felt is None or felt == "negative"])

    def _counted(self, sentiment: str) -> str:
        return sentiment if self.reliable else sentiment + UNRELIABLE


class ScoredColumns(NamedTuple):
    """What the events of a batch say, n rows."""

    values: list[bytes]
    sentiments: NDArray[np.int64]
    """(n,): place among SENTIMENTS."""
    bins: NDArray[np.int64]
    """(n,): of the confidence, as in `alerts.counters.counts.Answer`."""
    created: NDArray[np.int64]
    """(n,): milliseconds since 1970."""
    stamps: NDArray[np.int64]
    """(n,): of the records, milliseconds."""
    topic_of: NDArray[np.int64]
    """(n,): place in `topics`."""
    version_of: NDArray[np.int64]
    """(n,): place in `versions`."""
    has_text: NDArray[np.bool_]
    """(n,): False where it is null or empty."""
    digests: NDArray[np.uint64]
    """(n,): of the text, or of the prediction's id where there is none; 0 where no watch is concerned."""
    authors: NDArray[np.uint64]
    """(n,): hashes, 0 where the author is unknown."""
    reach: NDArray[np.int64]
    """(n,): followers of the author, 0 where unknown."""
    topics: list[Topics]
    versions: list[str]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of an event between its scores and its text."""

    watches: list[str]
    themes: list[str]
    model: ModelRef
    reliable: bool = True
    tier: Literal["linear", "deep"] | UnsetType = UNSET
    theme_sentiments: dict[str, Sentiment] | UnsetType | None = UNSET
    canary: bool = False


class ScoredReader:
    """Reads batches; remembers what the parts between scores and text say, of which a stream has few."""

    def __init__(self) -> None:
        self._decode_part = msgspec.json.Decoder(_Part).decode
        self._parts: dict[bytes, tuple[Topics, str] | None] = {}

    def read(
        self, values: Sequence[bytes | None], stamps: Sequence[int], wrong: Callable[[int, InvalidRecord], None]
    ) -> ScoredColumns:
        """The columns of the events; `wrong` is told the number of each value that is none, and why."""
        n = len(values)
        present = [value or b"" for value in values]
        data = np.frombuffer(b"".join(present), np.uint8)
        sentiments, shares, created, part_of = np.zeros((4, n), np.int64)
        has_text, authors, reach = np.zeros(n, np.bool_), np.zeros(n, np.uint64), np.zeros(n, np.int64)
        texts, bounds, spans = read_events(
            data,
            np.cumsum(np.fromiter(map(len, present), np.int64, n)),
            (sentiments, shares, created, part_of, has_text, authors, reach),
        )
        tables = _Tables()
        pairs = np.array([tables.pair(part) for part in self._known(data, spans)] or [(-1, -1)], np.int64)
        pairs = np.vstack((pairs, (-1, -1)))  # for part -1, of which the walk is not sure
        topic_of, version_of = pairs[part_of].T
        bins = _BIN_OF[shares]
        found = digest_array(TextBatch(texts, bounds), topic_of >= 0)
        columns = ScoredColumns(
            present,
            sentiments,
            bins,
            created,
            np.array(stamps, np.int64),
            topic_of.copy(),
            version_of.copy(),
            has_text,
            found,
            authors,
            np.minimum(reach, MAX_REACH),
            tables.topics,
            tables.versions,
        )
        unsure = np.flatnonzero(topic_of < 0).tolist()
        return _completed(columns, values, unsure, tables, wrong) if unsure else columns

    def _known(self, data: NDArray[np.uint8], spans: NDArray[np.int64]) -> list[tuple[Topics, str] | None]:
        """What each part says; None when it is not one of ours."""
        if len(self._parts) > _MOST_KEPT:  # a usual stream has few combinations; the bound is for a hostile one
            self._parts.clear()
        known = self._parts
        written = [data[start:stop].tobytes() for start, stop in spans.tolist()]
        for part in written:
            if part not in known:
                known[part] = self._read_part(part)
        return [known[part] for part in written]

    def _read_part(self, part: bytes) -> tuple[Topics, str] | None:
        try:
            said = self._decode_part(b"{%b}" % part)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return Topics.of(said), said.model.version


class _Tables:
    """Numbers the topics and versions of a batch."""

    def __init__(self) -> None:
        self.topics: list[Topics] = []
        self.versions: list[str] = []
        self._topic_of: dict[Topics, int] = {}
        self._version_of: dict[str, int] = {}

    def pair(self, part: tuple[Topics, str] | None) -> tuple[int, int]:
        """Topic and version, both -1 for None."""
        if part is None:
            return -1, -1
        topics, version = part
        if topics not in self._topic_of:
            self._topic_of[topics] = len(self.topics)
            self.topics.append(topics)
        if version not in self._version_of:
            self._version_of[version] = len(self.versions)
            self.versions.append(version)
        return self._topic_of[topics], self._version_of[version]


def _completed(
    columns: ScoredColumns,
    values: Sequence[bytes | None],
    unsure: list[int],
    tables: _Tables,
    wrong: Callable[[int, InvalidRecord], None],
) -> ScoredColumns:
    """Fill in the rows that the walk is not sure of, one by one; rows of values that are no events are left out."""
    bad: list[int] = []
    rows: list[int] = []
    texts: list[str] = []
    for row in unsure:
        try:
            prediction, columns.created[row] = read_one(values[row])
        except InvalidRecord as error:
            wrong(row, error)
            bad.append(row)
            continue
        columns.sentiments[row] = SENTIMENTS.index(prediction.sentiment)
        columns.bins[row] = confidence_bin(prediction.confidence)
        columns.topic_of[row], columns.version_of[row] = tables.pair((Topics.of(prediction), prediction.model.version))
        columns.has_text[row] = bool(prediction.text)
        columns.authors[row], columns.reach[row] = author_number(prediction.author), followers(prediction)
        rows.append(row)
        texts.append(prediction.text or prediction.prediction_id)
    if rows:
        columns.digests[rows] = digests(texts)
    if not bad:
        return columns
    good = np.ones(len(values), np.bool_)
    good[bad] = False
    return columns._replace(
        values=[columns.values[row] for row in np.flatnonzero(good).tolist()],
        sentiments=columns.sentiments[good],
        bins=columns.bins[good],
        created=columns.created[good],
        stamps=columns.stamps[good],
        topic_of=columns.topic_of[good],
        version_of=columns.version_of[good],
        has_text=columns.has_text[good],
        digests=columns.digests[good],
        authors=columns.authors[good],
        reach=columns.reach[good],
    )


def read_one(value: bytes | None) -> tuple[Prediction, int]:
    """A prediction and when its tweet was written, milliseconds since 1970.

    Raises:
        UnreadableRecord: not a prediction of ours, or its date is none.
    """
    prediction = decode_prediction(value)
    try:
        return prediction, to_ms(read_date(prediction.created_at))
    except (ValueError, OverflowError):
        raise UnreadableRecord(f"not a prediction: created_at is no date: {prediction.created_at[:40]!r}") from None


def followers(prediction: Prediction) -> int:
    """Of its author, 0 where unknown."""
    return min(prediction.reach, MAX_REACH) if isinstance(prediction.reach, int) else 0


def confidence_bin(confidence: float) -> int:
    """Which of ANSWER_BINS equal parts of [0, 1] holds it."""
    return min(int(min(max(confidence, 0.0), 1.0) * ANSWER_BINS), ANSWER_BINS - 1)
