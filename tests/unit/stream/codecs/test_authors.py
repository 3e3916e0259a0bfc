from __future__ import annotations

import numpy as np
import pytest

from contracts.settings import PrivacySettings
from models.text.batch import TextBatch
from stream.codecs.authors import AuthorKey, author_number


@pytest.mark.parametrize(
    ("length", "expected"),
    # vectors_sip64 of the reference implementation: key and input are the bytes 0, 1, 2, …
    [(1, "fd67dc93c539f874"), (7, "37d1018bf50002ab"), (8, "6224939a79f5f593"), (15, "e545be4961ca29a1")],
)
def test_the_hash_is_siphash_2_4(length: int, expected: str) -> None:
    low, high = np.frombuffer(bytes(range(16)), "<u8")
    (found,) = AuthorKey(low, high).hashes(TextBatch.of(["".join(map(chr, range(length)))]))
    assert int(found).to_bytes(8, "little").hex() == expected


def test_an_author_is_the_same_in_every_worker_with_this_key_and_nobody_without_an_id() -> None:
    ids = TextBatch.of(["77", "", "78", "77", "é" * 300])
    one, other, without = (AuthorKey.of(secret).hashes(ids) for secret in ("a", "b", ""))
    assert one[0] == one[3] != one[2]
    assert one[1] == other[1] == 0
    assert len({int(some[0]) for some in (one, other, without)}) == 3
    assert (AuthorKey.of("a").hashes(ids) == one).all()
    assert PrivacySettings().secret == ""


@pytest.mark.parametrize("author", [None, "", 7, []])
def test_what_names_no_author_is_none(author: object) -> None:
    assert author_number(author) == 0


def test_an_author_that_others_write_is_told_apart_too() -> None:
    assert author_number("00000000000000ff") == 255
    assert len({author_number(name) for name in ("00000000000000FF", "ff", "bob", "0000000000000000")}) == 4
