"""A batch of texts as one run of bytes, the form in which compiled code walks them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

# Between texts: white space to the cleaning, and rarer in tweets than a line break.
_BETWEEN = "\x00"


class TextBatch(Sequence[str]):
    """Texts in UTF-8, a NUL byte after each; they become strings only where somebody asks for strings.

    Args:
        data: the bytes; lone surrogates are encoded as they are.
        bounds: text i is `data[bounds[i] : bounds[i + 1]]`, its NUL included; n + 1 of them.
    """

    def __init__(self, data: NDArray[np.uint8], bounds: NDArray[np.int64]) -> None:
        data.flags.writeable = False  # compiled code is compiled once more for arrays that can be written to
        self.data = data
        self.bounds = bounds

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextBatch:
        """The batch of these texts; a NUL inside a text stays what it is."""
        if isinstance(texts, TextBatch):
            return texts
        if len(texts) == 1:
            written = texts[0].encode("utf-8", "surrogatepass") + b"\x00"
            return cls(np.frombuffer(written, np.uint8), np.array([0, len(written)]))
        joined = _BETWEEN.join(texts)
        bounds = np.zeros(len(texts) + 1, np.int64)
        if not texts or joined.count(_BETWEEN) != len(texts) - 1:
            pieces = [text.encode("utf-8", "surrogatepass") + b"\x00" for text in texts]
            np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)), out=bounds[1:])
            return cls(np.frombuffer(b"".join(pieces), np.uint8), bounds)
        data = np.frombuffer((joined + _BETWEEN).encode("utf-8", "surrogatepass"), np.uint8)
        np.add(np.flatnonzero(data == 0), 1, out=bounds[1:])
        return cls(data, bounds)

    def strings(self) -> list[str]:
        """The texts."""
        if not len(self):
            return []
        texts = self.data.tobytes().decode("utf-8", "surrogatepass").split(_BETWEEN)
        return texts[:-1] if len(texts) == len(self) + 1 else [self[i] for i in range(len(self))]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        at %= len(self)
        return self.data[self.bounds[at] : self.bounds[at + 1] - 1].tobytes().decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return iter(self.strings())


def join(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`TextBatch.of(texts)` as its bytes and bounds."""
    batch = TextBatch.of(texts)
    return batch.data, batch.bounds
