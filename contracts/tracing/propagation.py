"""W3C's `traceparent` where it is only passed on: no library is needed for that."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

HEADER: Final = "traceparent"
_FORM: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?")


def traceparent_in(headers: Iterable[tuple[str, str | bytes | None]] | None) -> str | None:
    """The context that the headers carry: None when there is none (or none that can be read), "" when whoever began it
    decided not to trace."""
    for name, value in headers or ():
        if name == HEADER and value is not None:
            text = value if isinstance(value, str) else value.decode("latin-1")
            form = _FORM.fullmatch(text.strip())
            if form is not None:
                return text.strip() if int(form[1], 16) & 1 else ""
    return None
