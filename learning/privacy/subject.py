"""Whom or what a request is about: tweets and authors, and all names under which they are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from contracts.tweet_objects.fields import author_name
from contracts.tweet_objects.shapes import is_name
from models.text.batch import TextBatch
from models.text.masking import mask
from stream.codecs.authors import AuthorKey

_PIECE: Final = re.compile(rb"[A-Za-z0-9]+")


@dataclass
class Subject:
    """Grows while topics are read: an author's tweets become ids, ids become predictions and texts."""

    tweet_ids: set[str]
    authors: set[str]
    """Their ids, as networks give them; of who is known only by a user name `author_name` of it."""
    author_hashes: set[str] = field(default_factory=set)
    """The same as scored events have them."""
    prediction_ids: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    """Masked, white space made one."""

    @classmethod
    def of(cls, tweet_ids: Iterable[str], authors: Iterable[str], secret: str) -> Subject:
        """Args:
        authors: ids; one that may be a user name stands for that, too.
        secret: `PrivacySettings.secret`, under which authors are hashed.
        """
        ids = set(authors)
        names = sorted(ids | {author_name(one) for one in ids if is_name(one)})
        hashes = AuthorKey.of(secret).hashes(TextBatch.of(names)).tolist() if names else []
        return cls(set(tweet_ids), set(names), {f"{number:016x}" for number in hashes})

    def is_of(self, tweet_id: str | None, *, author: str | None = None, prediction_id: str | None = None) -> bool:
        """Whether something with these names belongs to it."""
        return (
            tweet_id in self.tweet_ids
            or prediction_id in self.prediction_ids
            or (author is not None and (author in self.authors or author in self.author_hashes))
        )

    def add_text(self, text: str | None) -> None:
        """Keep what a tweet says, as samples and alerts show it."""
        if text and (shown := " ".join(mask(text).split())):
            self.texts.add(shown)

    def pieces(self, *, texts: bool = False) -> list[bytes]:
        """Bytes of which one is in every record about it, however its JSON is escaped: a quick look before decoding.

        In small letters, as user names are written in any.
        """
        names = [
            *self.tweet_ids,
            *self.authors,
            *self.author_hashes,
            *self.prediction_ids,
            *(self.texts if texts else ()),
        ]
        return sorted({max(_PIECE.findall(name.encode()), key=len, default=name.encode()).lower() for name in names})
