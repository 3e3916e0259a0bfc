"""Invented tweets, the same ones on every machine."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

_WORDS = (  # noqa: SIM905
    "my flight is late again and nobody at the desk knows why the bag lost thanks for nothing love this crew great "
    "service delayed hours waiting on hold with customer support please help was so good today I can't believe it took "
    "3 hrs lol :) haha going to bed now miss you work tomorrow ugh gate seat coffee weekend never flying them home"
).split(" ")
_NAMES = ("@united", "@AirParadis", "@jetblue", "@SouthwestAir", "@AmericanAir", "@bob_77", "@kim")
_ENDINGS = (".", "!", "", "...", "?", " 😡", " ☺", " é")


def tweets(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of `count` records of `tweets`: 204 bytes with 86 characters of text on average."""
    rng = random.Random(20_261_120)
    for number in range(count):
        words = rng.choices(_WORDS, k=rng.randint(6, 24))
        if rng.random() < 0.6:
            words.insert(0, rng.choice(_NAMES))
        if rng.random() < 0.15:
            words.append("#" + rng.choice(_WORDS).strip("':)"))
        if rng.random() < 0.12:
            words.append(f"http://t.co/{rng.randrange(10**8):08d}")
        name = str(560_000_000_000_000_000 + number * 7_919)
        tweet = {
            "id": name,
            "text": " ".join(words) + rng.choice(_ENDINGS),
            "created_at": f"2026-11-20T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z",
            "author_id": str(rng.randrange(10**9)),
            "lang": "en",
        }
        yield name.encode(), json.dumps(tweet, ensure_ascii=False).encode()
