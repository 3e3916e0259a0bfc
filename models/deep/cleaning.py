"""What a deep model reads of a tweet: names and links hidden, emoji spelled out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

CLEANING: Final = 1
"""Version of this cleaning; an artefact trained with another one is refused."""

_LINK: Final = re.compile(r"(?:https?://|www\.)\S*", re.IGNORECASE)
# No name sways the model: a handle is a handle, as in the linear model's cleaning.
_HANDLE: Final = re.compile(r"@\w+")
_REPEATED: Final = re.compile(r"(\S)\1{2,}")
_PICTURE: Final = re.compile(r"[\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]")
# Joiners, variation selectors and skin tones only change how an emoji looks.
_LOOKS: Final = re.compile(r"[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&"))


def cleaned(text: str) -> str:
    """One tweet as the tokenizer gets it; lone surrogates become question marks."""
    if "&" in text:
        for entity, character in _ENTITIES:
            text = text.replace(entity, character)
    if "@" in text:
        text = _HANDLE.sub("@user", text)
    text = _LINK.sub("http", text)
    if not text.isascii():
        text = _PICTURE.sub(_spelled, _LOOKS.sub("", text)).replace("’", "'")
        text = text.encode("utf-8", "replace").decode("utf-8")
    return _REPEATED.sub(r"\1\1", text)


def cleaned_all(texts: Sequence[str]) -> list[str]:
    """`cleaned` for each."""
    return [cleaned(text) for text in texts]


def _spelled(match: re.Match[str]) -> str:
    return _name_of(match[0])


@lru_cache(maxsize=4096)
def _name_of(character: str) -> str:
    # "pouting face" says to a network trained on text what its vocabulary has no piece for.
    return f" {unicodedata.name(character, '').lower()} "
