"""The masks that most tweets need, compiled: handles and links. What else `masking` knows it only suspects."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.base.jit import compiled

TOP_LEVEL: Final = (
    *(
        "com",
        "net",
        "org",
        "info",
        "io",
        "app",
        "dev",
        "eu",
        "fr",
        "de",
        "uk",
        "es",
        "nl",
        "ch",
        "ie",
        "pl",
        "pt",
        "se",
    ),
    *("ca", "au", "nz", "jp", "cn", "br", "mx", "ru", "biz", "gov", "edu", "aero", "travel", "online", "shop", "site"),
    *("xyz", "ly", "gl", "tv", "social", "cloud", "page", "blog", "news"),
)
"""Ends of host names that are known without a scheme before them or a path behind them; none is a word that often
follows a full stop without a blank (`it`, `me`, `us`, `so`)."""
_LETTER_BITS: Final = 5


def _packed(name: str) -> int:
    number = 0
    for letter in name:
        number = number << _LETTER_BITS | (ord(letter) - 96)
    return number


_TOPS: Final = np.array(sorted(_packed(name) for name in TOP_LEVEL), np.int64)
_LONGEST_TOP: Final = max(map(len, TOP_LEVEL))

_USER: Final = np.frombuffer(b"@user", np.uint8)
_URL: Final = np.frombuffer(b"<url>", np.uint8)

# Of a byte:
_TRIGGER: Final = 1  # something to be masked may begin here
_HANDLE: Final = 2  # part of a handle
_LETTER: Final = 4
_LOCAL: Final = 8  # before an @: this may be an address
_ENDS_LINK: Final = 16
_LEFT_OUT: Final = 32  # not the last one of a link
_IN_PHONE: Final = 64


def _classes() -> Any:
    letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    digits = b"0123456789"
    table = np.zeros(256, np.uint8)
    for bit, members in (
        (_TRIGGER, b"@:./+(" + digits + b"\xef"),
        (_HANDLE, letters + digits + b"_"),
        (_LETTER, letters),
        (_LOCAL, letters + digits + b"_.+-"),
        (_ENDS_LINK, b' \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\0<>"'),
        (_LEFT_OUT, b".,;:!?)]}'"),
        (_IN_PHONE, b" .()/-" + digits),
    ):
        table[list(members)] |= bit
    return table


CLASSES: Final = _classes()


@compiled
def _after_link(text: Any, at: int, stop: int, kind: Any) -> int:
    """The place behind what a link can hold from `at`; -1 when that takes to know more than ASCII."""
    end = at
    while end < stop and not kind[text[end]] & _ENDS_LINK:
        if text[end] >= 128:
            return -1
        end += 1
    while end > at and kind[text[end - 1]] & _LEFT_OUT:
        end -= 1
    return end


@compiled
def _ends_host(text: Any, at: int, stop: int, kind: Any) -> bool:
    """Whether one of TOP_LEVEL, in small letters, is the whole word behind the full stop at `at`."""
    number, end = 0, at + 1
    while end < stop and 97 <= text[end] <= 122:
        if end - at > _LONGEST_TOP:
            return False
        number = number << _LETTER_BITS | (int(text[end]) - 96)
        end += 1
    if end == at + 1 or (end < stop and kind[text[end]] & _HANDLE):
        return False
    return bool(_TOPS[np.searchsorted(_TOPS, number) % len(_TOPS)] == number)


@compiled
def _is_code(text: Any, at: int, start: int, stop: int) -> bool:
    """Whether a digit beside a capital may begin an account's number or stand in a booking reference."""
    first = at
    while first > start and (65 <= text[first - 1] <= 90 or 48 <= text[first - 1] <= 57):
        first -= 1
    end = at
    while end < stop and (65 <= text[end] <= 90 or 48 <= text[end] <= 57):
        end += 1
    length = end - first
    # An IBAN: two letters, two digits, groups of four.
    if length >= 15 or (length == 4 and stop - end > 10 and text[end] == 32 and text[end + 5] == 32):
        return True
    if length != 6:
        return False
    capitals = 0
    for place in range(first + 2, end):
        capitals += text[place] > 57
    return capitals > 0  # a flight has four digits at its end


@compiled
def _is_suspect(text: Any, at: int, start: int, stop: int, kind: Any) -> bool:
    """Whether an address, a host, a path or a phone number may begin at a trigger."""
    byte = int(text[at])
    if byte == 64:  # an address, or a word that may be one
        return at > start and (kind[text[at - 1]] & _LOCAL != 0 or text[at - 1] >= 128)
    if byte == 46:
        if at + 1 < stop and 97 <= text[at + 1] <= 122 and _ends_host(text, at, stop, kind):
            return True
        return at - start >= 3 and text[at - 1] | 32 == 119 and text[at - 2] | 32 == 119 and text[at - 3] | 32 == 119
    if byte == 47:  # .io/ and .com/
        if at - start < 3 or not kind[text[at - 1]] & _LETTER or not kind[text[at - 2]] & _LETTER:
            return False
        return bool(text[at - 3] == 46 or (at - start >= 4 and text[at - 4] == 46))
    if byte == 43:
        return at + 1 < stop and 49 <= text[at + 1] <= 57
    if byte == 40:
        return at + 1 < stop and 48 <= text[at + 1] <= 57
    if byte == 58:
        return False
    if byte >= 128:  # the wide @
        return at + 2 < stop and text[at + 1] == 0xBC and text[at + 2] == 0xA0
    if (
        ((at > start and 65 <= text[at - 1] <= 90) or (at + 1 < stop and 65 <= text[at + 1] <= 90))
        and _is_code(text, at, start, stop)
    ):  # fmt: skip
        return True
    length = 1
    while length < 8 and at + length < stop and kind[text[at + length]] & _IN_PHONE:
        length += 1
    return length == 8


@compiled
def _mask(text: Any, start: int, stop: int, kind: Any, out: Any, n: int) -> int:  # noqa: C901, one case each
    """Write the masked `text[start:stop]` to `out[n:]`; the place behind it, -1 when it is to be masked otherwise."""
    done = start
    at = start
    while at < stop:
        if not kind[text[at]] & _TRIGGER:
            out[n] = text[at]
            n += 1
            at += 1
            continue
        if _is_suspect(text, at, start, stop, kind):
            return -1
        byte = text[at]
        end = at + 1
        if byte == 64:
            while end < stop and kind[text[end]] & _HANDLE:
                end += 1
            if end < stop and (
                text[end] >= 128 or (text[end] == 46 and end + 1 < stop and kind[text[end + 1]] & _LETTER)
            ):
                return -1  # a letter beyond ASCII, or a domain (Bluesky)
            if end > at + 1:
                for i in range(5):
                    out[n + i] = _USER[i]
                n += 5
                at = end
                done = end
                continue
        elif (
            byte == 58 and at > start and kind[text[at - 1]] & _LETTER
            and stop - at > 2 and text[at + 1] == 47 and text[at + 2] == 47
        ):  # fmt: skip
            end = _after_link(text, at + 3, stop, kind)
            if end < 0:
                return -1
            if end > at + 3:
                scheme = at
                while scheme > done and kind[text[scheme - 1]] & _LETTER:
                    scheme -= 1
                n -= at - scheme
                for i in range(5):
                    out[n + i] = _URL[i]
                n += 5
                at = end
                done = end
                continue
        out[n] = byte
        n += 1
        at += 1
    return n


@compiled
def mask_all(text: Any, bounds: Any, kind: Any, sure: Any) -> Any:
    """Mask many texts, each with a NUL behind it.

    Args:
        text, bounds: see `models.text.batch.TextBatch`.
        kind: CLASSES.
        sure: out, per text: whether it was masked; one that was not is left empty.

    Returns:
        The masked texts and their bounds.
    """
    rows = len(bounds) - 1
    out = np.empty(5 * len(text) // 2 + 8, np.uint8)  # two bytes become five at most
    out_bounds = np.zeros(rows + 1, np.int64)
    n: Any = np.int64(0)  # a bare 0 would have numba compile `_mask` once more, for the constant
    for row in range(rows):
        after = _mask(text, bounds[row], bounds[row + 1] - 1, kind, out, n)
        sure[row] = after >= 0
        if after >= 0:
            n = after
        out[n] = 0
        n += 1
        out_bounds[row + 1] = n
    return out[:n], out_bounds
