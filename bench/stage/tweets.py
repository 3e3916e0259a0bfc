"""Invented tweets, the same ones on every machine."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Final

from contracts.times import clock_ms, to_rfc3339

_WORDS = (  # noqa: SIM905
    "my flight is late again and nobody at the desk knows why the bag lost thanks for nothing love this crew great "
    "service delayed hours waiting on hold with customer support please help was so good today I can't believe it took "
    "3 hrs lol :) haha going to bed now miss you work tomorrow ugh gate seat coffee weekend never flying them home"
).split(" ")
_NAMES = ("@united", "@AirParadis", "@jetblue", "@SouthwestAir", "@AmericanAir", "@bob_77", "@kim")
_ENDINGS = (".", "!", "", "...", "?", " 😡", " ☺", " é")
_TEXTS: Final = 50_000
"""As many different texts; what follows repeats them under new identifiers, for inventing costs more than scoring."""
_CLOCK_EVERY: Final = 1000


def tweets(count: int, *, characters: int | None = None, live: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of `count` records of `tweets`.

    Args:
        count: how many.
        characters: length of each text; by default it varies as on Twitter, 86 characters on average, which makes
            records of 204 bytes.
        live: dated now, so that the watch role counts them as it does in life, instead of always the same.
    """
    rng = random.Random(20_261_120)
    bodies = [_body(rng, characters) for _ in range(min(count, _TEXTS))]
    now = ""
    for number in range(count):
        name = b"%d" % (560_000_000_000_000_000 + number * 7_919)
        if live and number % _CLOCK_EVERY == 0:
            now = to_rfc3339(clock_ms())
        created_at = now or f"2026-11-20T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"
        yield name, b'{"id": "%s", "created_at": "%s", %s' % (name, created_at.encode(), bodies[number % _TEXTS])


def _body(rng: random.Random, characters: int | None) -> bytes:
    """Text, author and language, without the opening brace."""
    tweet = {"text": _text(rng, characters), "author_id": str(rng.randrange(10**9)), "lang": "en"}
    return json.dumps(tweet, ensure_ascii=False)[1:].encode()


def _text(rng: random.Random, characters: int | None) -> str:
    words = rng.choices(_WORDS, k=rng.randint(6, 24) if characters is None else characters // 4 + 1)
    if rng.random() < 0.6:
        words.insert(0, rng.choice(_NAMES))
    if rng.random() < 0.15:
        words.append("#" + rng.choice(_WORDS).strip("':)"))
    if rng.random() < 0.12:
        words.append(f"http://t.co/{rng.randrange(10**8):08d}")
    text = " ".join(words) + rng.choice(_ENDINGS)
    return text if characters is None else text.ljust(characters, ".")[:characters]
