"""The bytes of scored events: CloudEvents 1.0 in Kafka's binary mode, a batch at a time.

The JSON is assembled from parts that are encoded beforehand; only identifiers, text and language are escaped one by
one. `contracts.events.Prediction` is the definition, the tests read every event back with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.events import MAX_REACH, SENTIMENTS, ModelRef
from contracts.times import to_ms, to_rfc3339
from models.annotator import Annotator
from stream.kafka.records import Headers

SOURCE = b"/buzzwatch/score"
TYPE = b"buzzwatch.tweet.scored.v1"

_encode = msgspec.json.Encoder().encode
_SHARES = [_encode(share / 10_000) for share in range(10_001)]
"""Every probability of four digits, as JSON."""
_LABELS = [b'%b,"confidence":' % _encode(label) for label in SENTIMENTS]
_MAX_CACHED = 10_000
"""Combinations of watches and themes whose JSON is kept; a few MB."""
UNRELIABLE = b',"reliable":false'
"""The field is written only where it is false."""
CANARY = b',"canary":true'
"""The field is written only where it is true."""


def marks(annotator: Annotator, topics: int) -> bytes:
    """The optional fields of an event: `reliable` where it is false, `tier` where a cascade answered,
    `theme_sentiments` where there are themes, `canary` where a challenger answered."""
    tier, felt = annotator.tier(topics), annotator.theme_sentiments(topics)
    return (
        (b"" if annotator.reliable(topics) else UNRELIABLE)
        + (b',"tier":%b' % _encode(tier) if tier else b"")
        + (b',"theme_sentiments":%b' % _encode(felt) if felt else b"")
        + (CANARY if topics & annotator.challenger else b"")
    )


def instant(moment: datetime | None, timestamp_ms: int) -> bytes:
    """When a tweet was written, in UTC to the millisecond; its record's timestamp when it has no date."""
    if moment is None:
        return to_rfc3339(timestamp_ms).encode()
    if moment.tzinfo is not UTC:
        return to_rfc3339(to_ms(moment)).encode()
    # The usual case. msgspec writes "2026-11-20T10:00:00Z", quoted, or six digits more; five times
    # faster than isoformat.
    written: bytes = _encode(moment)
    return written[1:20] + b".000Z" if len(written) == 22 else written[1:24] + b"Z"


def endings(authors: NDArray[np.uint64], reach: Sequence[int | None]) -> list[bytes]:
    """The last fields of each event, written where they are known: author (0 for none) and reach."""
    return [
        (b',"author":"%016x"' % author if author else b"")
        + (b"" if followers is None else b',"reach":%d' % min(followers, MAX_REACH))
        for author, followers in zip(authors.tolist(), reach, strict=True)
    ]


class EventWriter:
    """Writes the events of one model's answers.

    Args:
        annotator: names the watches and themes.
        ref: the model that answered.
        challenger: the model that answered where the topics say so.
    """

    def __init__(self, annotator: Annotator, ref: ModelRef, challenger: ModelRef | None = None) -> None:
        self.ref = ref
        self.challenger = challenger
        self._annotator = annotator
        self._models = _encode(ref), _encode(challenger or ref)
        self._topics: dict[int, bytes] = {}

    def events(
        self,
        tweet_ids: Sequence[bytes],
        identifiers: Sequence[bytes],
        probabilities: NDArray[np.float32],
        topics: Sequence[int],
        texts: Sequence[str | None],
        langs: Sequence[str | None],
        instants: Sequence[bytes],
        endings: Sequence[bytes],
        scored_at: bytes,
    ) -> list[bytes]:
        """The JSON of each event.

        Args:
            tweet_ids: in UTF-8.
            identifiers: of the predictions.
            probabilities: (n, 3).
            topics: as `Annotator.names` takes them.
            texts, langs, instants: the fields `text`, `lang`, `created_at`. endings: as of `endings`.
            scored_at: the same for all.

        Raises:
            ValueError: a probability is not between 0 and 1.
        """
        rounded = _ten_thousandths(probabilities)
        shares, labels, known = _SHARES, _LABELS, self._topics
        template = (
            b'{"tweet_id":%b,"prediction_id":"%b","sentiment":%b%b,"scores":{"negative":%b,"neutral":%b,"positive":%b}'
            b',%b,"text":%b,"lang":%b,"created_at":"%b","scored_at":"' + scored_at + b'"%b}'
        )
        return [
            template
            % (
                name,
                identifier,
                labels[best],
                shares[row[best]],
                shares[row[0]],
                shares[row[1]],
                shares[row[2]],
                known.get(bits) or self._topics_of(bits),
                text,
                lang,
                moment,
                end,
            )
            for name, identifier, best, row, bits, text, lang, moment, end in zip(
                _quoted(tweet_ids),
                identifiers,
                probabilities.argmax(axis=1).tolist(),
                rounded.tolist(),
                topics,
                map(_encode, texts),
                map(_encode, langs),
                instants,
                endings,
                strict=True,
            )
        ]

    def _topics_of(self, bits: int) -> bytes:
        watches, themes = self._annotator.names(bits)
        part = b'"watches":%b,"themes":%b,"model":%b' % (
            _encode(watches),
            _encode(themes),
            self._models[bool(bits & self._annotator.challenger)],
        )
        part += marks(self._annotator, bits)
        if len(self._topics) < _MAX_CACHED:  # a usual stream has few combinations; the bound is for a hostile one
            self._topics[bits] = part
        return part


def _ten_thousandths(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    # Exact: 24 bits of a float32 times 10,000 fit into a float64, so this rounds as `round(share, 4)` does.
    rounded = np.rint(probabilities.astype(np.float64) * 10_000)
    if not ((rounded >= 0) & (rounded <= 10_000)).all():
        raise ValueError("a probability is not between 0 and 1")
    return rounded.astype(np.int64)


def _quoted(tweet_ids: Sequence[bytes]) -> list[bytes]:
    """The ids as JSON strings."""
    if b"".join(tweet_ids).isalnum():  # ASCII letters and digits: nothing to escape
        return [b'"%b"' % name for name in tweet_ids]
    return [_encode(name.decode()) for name in tweet_ids]


def cloud_event_headers(identifiers: Sequence[bytes], scored_at: bytes) -> list[Headers]:
    """The headers of each event; all but `ce_id` are the same objects."""
    version, source, kind = ("ce_specversion", b"1.0"), ("ce_source", SOURCE), ("ce_type", TYPE)
    moment, content = ("ce_time", scored_at), ("content-type", b"application/json")
    return [[version, ("ce_id", identifier), source, kind, moment, content] for identifier in identifiers]
