"""Authors as hashes: whose tweets are the same author's can be counted, and nobody is named."""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.text.batch import TextBatch
from stream.codecs.author_kernel import hash_authors

_OURS: Final = re.compile(r"[0-9a-f]{16}").fullmatch
_SALT: Final = b"buzzwatch author"


class AuthorKey(NamedTuple):
    """What keys the hash: the same for all workers, or their authors are not the same."""

    low: np.uint64
    high: np.uint64

    @classmethod
    def of(cls, secret: str = "") -> AuthorKey:
        """From a secret of any length."""
        digest = hashlib.blake2b(secret.encode(), digest_size=16, person=_SALT).digest()
        return cls(*np.frombuffer(digest, "<u8"))

    def hashes(self, authors: TextBatch) -> NDArray[np.uint64]:
        """(n,): of each id, 0 where it is empty."""
        found = np.empty(len(authors), np.uint64)
        hash_authors(authors.data, authors.bounds, self.low, self.high, found)
        return found


def author_number(author: object) -> int:
    """The hash that the field `author` of a scored event says, 0 when it says none; that of others, who may write what
    they like, by its text."""
    if not isinstance(author, str) or not author:
        return 0
    if _OURS(author):
        return int(author, 16) or 1
    return int.from_bytes(hashlib.blake2b(author.encode(errors="surrogatepass"), digest_size=8).digest(), "big") or 1
