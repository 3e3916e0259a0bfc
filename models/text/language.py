"""Is a text in a language that the model knows? Of anything else the answer is not reliable.

A model's metadata list its `languages`; without the list it knows English. A tweet says its language in `lang`
(`contracts.words.languages` reads it); where it does not, py3langid's naive Bayes over byte n-grams (Lui and Baldwin,
ACL 2012) decides. Its own Python takes 700 µs a tweet, so its tables are walked here by compiled code, and a text with
two common words that only English has is not walked at all. `docs/decisions/language.md` has the figures.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.words.languages import language_of
from models.base.jit import compiled
from models.text.batch import TextBatch, join
from models.text.language_tables import Tables, keep_tables, load_tables

KNOWN: Final = frozenset({"en"})
"""What a model knows that does not say."""
_SOUNDS_LIKE: Final = {"en": ("pcm",)}
"""py3langid takes some tweets in English for Nigerian Pidgin."""
LEAST: Final = 0.05
"""Probability of the known languages below which an answer is not reliable; py3langid's, tempered by the text's
length as it does."""
FEWEST_LETTERS: Final = 12
"""A shorter text is not judged: `lol`, `omg` and `merci` tell a model of n-grams nothing."""

# Common words of English that no other large language of the Latin script has, not even spelt without accents or
# apostrophes: no `was` (German, Dutch), `will`, `had`, `we`, `her`, `have` (Danish), `has` (Spanish), `are` (Romanian),
# `dont` (French), `just` (Swedish), and none that others often borrow, such as `flight`, `thanks`, `love` or `down`.
ENGLISH_WORDS: Final = (
    "the and you that this with they their there what when where which while who why how your its she his him our "
    "them those than then were would could should cant didnt doesnt isnt wasnt couldnt wouldnt havent youre theyre "
    "ive thats about from because before since until through though into now never ever again always really very much "
    "every other another today tomorrow tonight yesterday being having going getting trying waiting looking watching "
    "working doing coming making sitting leaving did does know think thought told tried wait hope forgot something "
    "someone anyone everyone everything nothing nobody myself only right way hours things morning already finally "
    "actually seriously almost either enough instead yet says sounds gonna"
)
_WARM_UP: Final = ("Toujours pas de nouvelles de ma valise, trois jours de retard",)

Array = NDArray[Any]
_OFFSET: Final = 2166136261
_PRIME: Final = 16777619


_reading = threading.Lock()


def known_languages(metadata: Mapping[str, Any]) -> frozenset[str]:
    """The languages that a model knows, as its metadata say."""
    listed = metadata.get("languages")
    if not isinstance(listed, list | tuple):
        return KNOWN
    return frozenset(code for tag in listed if (code := language_of(str(tag))) is not None) or KNOWN


def reliable(
    texts: Sequence[str], langs: Sequence[str | None] | None = None, known: frozenset[str] = KNOWN
) -> NDArray[np.bool_]:
    """(n,) whether the model knows the language of each text.

    Args:
        langs: what the tweets say themselves, as BCP 47; all unknown when not given.
        known: the languages that the model knows.
    """
    out = np.ones(len(texts), bool)
    asked: list[int] = []
    if langs is None:
        asked = list(range(len(texts)))
    elif not ("en" in known and isinstance(langs, TextBatch) and langs.data.tobytes() == b"en\x00" * len(langs)):
        for i, code in enumerate(map(language_of, langs)):
            if code is None:
                asked.append(i)
            elif code not in known:
                out[i] = False
    if len(asked) == len(texts):
        return detected(texts, known)
    if asked:
        out[asked] = detected([texts[i] for i in asked], known)
    return out


def detected(texts: Sequence[str], known: frozenset[str] = KNOWN) -> NDArray[np.bool_]:
    """The same by the texts alone."""
    data, offsets = join(texts)
    buffer = np.zeros(len(data), np.uint8)
    lengths, letters = np.zeros((2, len(texts)), np.int64)
    out = np.zeros(len(texts), bool)
    _prepare(data, offsets, _HASHES, buffer, lengths, letters, out)
    if "en" not in known:
        out[:] = False
    out |= letters < FEWEST_LETTERS
    left = np.flatnonzero(~out)
    if len(left):
        out[left] = _walked(buffer, offsets, lengths, left, known)[0] >= LEAST
    return out


def english(texts: Sequence[str]) -> NDArray[np.float64]:
    """(n,) probability of English by the tables alone: what `LEAST` is compared with."""
    buffer, offsets, lengths, _ = _prepared(texts)
    return _walked(buffer, offsets, lengths, np.arange(len(texts)), KNOWN)[0]


def likeliest(texts: Sequence[str]) -> list[str | None]:
    """The code of the language that each text is in, None where it is too short to tell."""
    if not texts:
        return []
    buffer, offsets, lengths, letters = _prepared(texts)
    _, best = _walked(buffer, offsets, lengths, np.arange(len(texts)), KNOWN)
    names = _tables().names[best].tolist()
    return [name if number >= FEWEST_LETTERS else None for name, number in zip(names, letters.tolist(), strict=True)]


def _prepared(texts: Sequence[str]) -> tuple[Array, Array, Array, Array]:
    data, offsets = join(texts)
    buffer = np.zeros(len(data), np.uint8)
    lengths, letters = np.zeros((2, len(texts)), np.int64)
    _prepare(data, offsets, _HASHES, buffer, lengths, letters, np.zeros(len(texts), bool))
    return buffer, offsets, lengths, letters


def _walked(
    buffer: Array, offsets: Array, lengths: Array, rows: Array, known: frozenset[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    tables = _tables()
    ours = np.isin(tables.names, _classes(known))
    found: tuple[NDArray[np.float64], NDArray[np.int64]] = _probabilities(
        buffer, offsets, lengths, rows, *tables[:-1], ours
    )
    return found


def _classes(known: frozenset[str]) -> list[str]:
    """The tables' names of these languages."""
    return [name for code in sorted(known) for name in (code, *_SOUNDS_LIKE.get(code, ()))]


def warm() -> threading.Thread:
    """Compile the walk and read the tables in the background, so that the first text that needs them does not wait.

    The thread ends when they are also kept for the next process.
    """
    thread = threading.Thread(target=_warm, name="languages", daemon=True)
    thread.start()
    return thread


def _warm() -> None:
    detected(_WARM_UP)
    keep_tables(_tables())


def _tables() -> Tables:
    with _reading:
        return _read()


_read = functools.cache(load_tables)


def _hash(word: str) -> int:
    found = _OFFSET
    for byte in word.encode():
        found = (found ^ byte) * _PRIME & 0xFFFFFFFF
    return found


_HASHES: Final = np.array(sorted({_hash(word) for word in ENGLISH_WORDS.split()}), np.int64)


@compiled
def _prepare(
    data: Array, offsets: Array, words: Array, buffer: Array, lengths: Array, letters: Array, out: Array
) -> None:
    """Leave handles and links out, count letters, look for two English words in each text."""
    for i in range(len(offsets) - 1):
        at = offsets[i]
        stop = offsets[i + 1] - 1
        n = offsets[i]
        found = 0
        last = 0
        while at < stop:
            start = at
            while at < stop and data[at] > 32:
                at += 1
            if at > start:
                first = data[start]
                link = at - start > 7 and first == 104 and data[start + 1] == 116 and data[start + 4] in (58, 115)
                if first != 64 and first != 35 and not link:
                    word = 2166136261
                    sign = False
                    for j in range(start, at):
                        byte = int(data[j])
                        buffer[n] = byte
                        n += 1
                        if 65 <= byte <= 90:
                            byte += 32
                        if byte >= 0xC0:
                            sign = byte == 0xE2 or byte >= 0xF0  # punctuation, symbols and emoji
                        if 97 <= byte <= 122 or (byte >= 128 and not sign):
                            letters[i] += 1
                            word = ((word ^ byte) * 16777619) & 0xFFFFFFFF
                    where = np.searchsorted(words, word)
                    if where < len(words) and words[where] == word and word != last:
                        found += 1
                        last = word
                    buffer[n] = 32
                    n += 1
            at += 1
        lengths[i] = n - offsets[i]
        out[i] = found >= 2


@compiled
def _probabilities(
    buffer: Array,
    offsets: Array,
    lengths: Array,
    rows: Array,
    following: Array,
    base: Array,
    feature: Array,
    weights: Array,
    prior: Array,
    known: Array,
) -> Any:
    """Share of the known languages among the classes, their scores divided by the root of the length as py3langid
    does; and the class with the highest score."""
    classes = weights.shape[1]
    result = np.ones(len(rows), np.float64)
    best = np.zeros(len(rows), np.int64)
    scores = np.zeros(classes, np.float32)
    times = np.zeros(len(weights), np.int32)
    seen = np.zeros(len(weights), np.int32)
    for k in range(len(rows)):
        start = offsets[rows[k]]
        length = lengths[rows[k]]
        state = 0
        n = 0
        for at in range(start, start + length):
            state = following[base[state] + buffer[at]]
            if feature[state] >= 0:
                if times[feature[state]] == 0:
                    seen[n] = feature[state]
                    n += 1
                times[feature[state]] += 1
        if n == 0:
            continue
        for c in range(classes):  # one by one: of arrays, numba would compile checks of their shapes, for two seconds
            scores[c] = prior[c]
        for j in range(n):
            value = np.float32(np.log(1.0 + times[seen[j]]))
            times[seen[j]] = 0
            one = weights[seen[j]]
            for c in range(classes):
                scores[c] += value * one[c]
        best[k] = scores.argmax()
        top = scores[best[k]]
        temper = 1.0 / np.sqrt(length)
        total = 0.0
        ours = 0.0
        for c in range(classes):
            share = np.exp((scores[c] - top) * temper)
            total += share
            if known[c]:
                ours += share
        result[k] = ours / total
    return result, best
