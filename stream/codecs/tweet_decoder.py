"""Reading the values of a whole batch of `tweets` at once, as columns of bytes instead of objects.

The compiled walk accepts what almost every tweet looks like and is sure of; anything else (a date with an offset, a
nested field, a key that may say text, id, date or author in another way, a text that may not be in NFC, whatever is
wrong) it leaves to `contracts.events.decode_tweet`, which is the definition: what that reads is written down plainly
and walked again.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.errors import InvalidRecord
from contracts.events import decode_fields
from contracts.times import OLDEST_MS, to_ms, to_rfc3339
from contracts.tweet_objects.fields import Fields
from models.base.jit import compiled
from models.text.batch import TextBatch
from stream.codecs.record_times import AHEAD_MS, all_sent_ms
from stream.codecs.tweet_kernel import INSTANT, read_tweets
from stream.kafka.records import Record
from stream.metrics import FIELDS_DROPPED

_encode = msgspec.json.Encoder().encode
_PLANE: Final = 0x10000
_FIRST_MS: Final = -62_135_596_800_000
_LAST_MS: Final = 253_402_300_799_999
_DAY_MS: Final = 86_400_000


class TweetColumns(NamedTuple):
    """What the tweets of a batch say, n rows."""

    rows: list[int]
    """Which record of the batch each is."""
    ids: TextBatch
    texts: TextBatch
    """In NFC."""
    langs: TextBatch
    has_lang: NDArray[np.bool_]
    """(n,): False where a tweet names no language; `langs` is empty there."""
    authors: TextBatch
    """Ids of the authors."""
    has_author: NDArray[np.bool_]
    """(n,): False where a tweet names no author; `authors` is empty there."""
    reach: NDArray[np.int64]
    """(n,): followers of the author, -1 where a tweet does not say."""
    instants: NDArray[np.uint8]
    """(n, 24): `created_at` in UTC to the millisecond, or when the record was sent."""
    timestamps: NDArray[np.int64]
    """(n,): when the records were sent (`record_times`), milliseconds."""


def read_batch(records: Sequence[Record], now_ms: int) -> tuple[TweetColumns | None, list[tuple[int, InvalidRecord]]]:
    """The tweets among the records (None when there are none), and the numbers of the others with what is wrong."""
    values = [record.value() for record in records]
    stamps = [record.timestamp()[1] for record in records]
    if not values:
        return None, []
    columns, unsure = read_values([value or b"" for value in values], stamps, now_ms)
    if not unsure:
        return columns, []
    wrong: list[tuple[int, InvalidRecord]] = []
    plain: dict[int, bytes] = {}
    for row in unsure:
        try:
            plain[row] = _plainly(values[row])
        except InvalidRecord as error:
            wrong.append((row, error))
    bad = {row for row, _ in wrong}
    rows = [row for row in range(len(values)) if row not in bad]
    if not rows:
        return None, wrong
    again = [plain.get(row) or values[row] or b"" for row in rows]
    columns, unsure = _walked(rows, again, [stamps[row] for row in rows], now_ms, is_plain=True)
    assert not unsure, "what is written plainly is read"
    return columns, wrong


def read_values(values: Sequence[bytes], timestamps: Sequence[int], now_ms: int) -> tuple[TweetColumns, list[int]]:
    """The columns as far as the walk is sure, and the rows that it is not sure of."""
    return _walked(list(range(len(values))), values, timestamps, now_ms, is_plain=False)


def _walked(
    rows: list[int], values: Sequence[bytes], timestamps: Sequence[int], now_ms: int, *, is_plain: bool
) -> tuple[TweetColumns, list[int]]:
    """The columns, and the rows that the walk is not sure of; the columns are of no use when there are any."""
    ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
    data = np.frombuffer(b"".join(values), np.uint8)
    stamps = np.array(timestamps, np.int64)
    instants = np.empty((len(values), INSTANT), np.uint8)
    has = np.empty((len(values), 3), np.bool_)
    reach = np.empty(len(values), np.int64)
    sure = np.empty(len(values), np.bool_)
    texts, ids, langs, authors, bounds = read_tweets(data, ends, _inert(), is_plain, sure, instants, reach, has)
    has[~sure] = False  # the walk ended somewhere in them: what stands there is no date
    has_lang, has_author, has_instant = (np.ascontiguousarray(column) for column in has.T)
    stamps = _sent(stamps, instants, has_instant, now_ms)
    _write_missing(stamps, has_instant, instants)
    columns = TweetColumns(
        rows,
        ids=TextBatch(ids, bounds[1]),
        texts=TextBatch(texts, bounds[0]),
        langs=TextBatch(langs, bounds[2]),
        has_lang=has_lang,
        authors=TextBatch(authors, bounds[3]),
        has_author=has_author,
        reach=reach,
        instants=instants,
        timestamps=stamps,
    )
    return columns, [] if sure.all() else [rows[at] for at in np.flatnonzero(~sure).tolist()]


def _sent(
    stamps: NDArray[np.int64], instants: NDArray[np.uint8], has_instant: NDArray[np.bool_], now_ms: int
) -> NDArray[np.int64]:
    """When each record was sent."""
    if len(stamps) and stamps.min() >= OLDEST_MS and stamps.max() <= now_ms + AHEAD_MS:
        return stamps
    own = np.full(len(stamps), -1, np.int64)
    dates = np.ascontiguousarray(instants[has_instant, :-1]).view(f"S{INSTANT - 1}").reshape(-1)  # without the Z
    own[has_instant] = dates.astype(np.str_).astype("datetime64[ms]").astype(np.int64)
    return all_sent_ms(stamps, own, now_ms)


def decode_counted(value: bytes | None) -> Fields:
    """`contracts.events.decode_fields`; what it drops is counted.

    Raises:
        InvalidRecord: no tweet.
    """
    fields = decode_fields(value)
    for name in fields.dropped:
        FIELDS_DROPPED.labels(name).inc()
    return fields


def _plainly(value: bytes | None) -> bytes:
    tweet = decode_counted(value)
    plain: dict[str, Any] = {"id": str(tweet.id), "text": tweet.text, "lang": tweet.lang, "author_id": tweet.author_id}
    if tweet.reach is not None:
        plain["reach"] = tweet.reach
    if tweet.created_at is not None:
        plain["created_at"] = to_rfc3339(to_ms(tweet.created_at))
    written: bytes = _encode(plain)
    return written


@functools.cache
def _inert() -> NDArray[np.bool_]:
    """(65536,): characters of the first plane that cannot make a text differ from its NFC (UAX 15, quick check).

    Without a combining class, not decomposed by NFC, and never the second of a pair that is composed.
    """
    table = np.zeros(_PLANE, np.bool_)
    seconds = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # parts of Hangul syllables
    for point in range(_PLANE):
        if 0xD800 <= point < 0xE000:
            continue
        character = chr(point)
        table[point] = not unicodedata.combining(character) and unicodedata.is_normalized("NFC", character)
        pair = unicodedata.decomposition(character).split()
        if len(pair) == 2 and not pair[0].startswith("<"):
            seconds.add(int(pair[1], 16))
    table[[point for point in seconds if point < _PLANE]] = False
    table.flags.writeable = False
    return table


@compiled
def _write_number(value: int, digits: int, out: Any, at: int) -> None:
    """The last digits of a number."""
    for i in range(digits):
        out[at + digits - 1 - i] = 48 + value % 10
        value //= 10


@compiled
def _write_instant(ms: int, out: Any) -> None:
    """Milliseconds since 1970 as a date (Hinnant, "chrono-compatible low-level date algorithms", civil_from_days)."""
    ms = min(max(ms, _FIRST_MS), _LAST_MS)
    days = ms // _DAY_MS
    ms -= days * _DAY_MS
    days += 719_468
    era = days // 146_097
    of_era = days - era * 146_097
    years = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = years + era * 400 + (1 if month <= 2 else 0)
    _write_number(year, 4, out, 0)
    out[4] = 45
    _write_number(month, 2, out, 5)
    out[7] = 45
    _write_number(day, 2, out, 8)
    out[10] = 84
    _write_number(ms // 3_600_000, 2, out, 11)
    out[13] = 58
    _write_number(ms // 60_000 % 60, 2, out, 14)
    out[16] = 58
    _write_number(ms // 1000 % 60, 2, out, 17)
    out[19] = 46
    _write_number(ms % 1000, 3, out, 20)
    out[23] = 90


@compiled
def _write_missing(timestamps: Any, has_instant: Any, out: Any) -> None:
    """Fill in those rows of `out`, (n, 24), that have no instant, from milliseconds since 1970."""
    for row in range(len(timestamps)):
        if not has_instant[row]:
            _write_instant(timestamps[row], out[row])
