"""Functions that numba compiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile for the types it is first called with; the machine code is kept on disk and runs without the GIL.

    Call compiled functions of the same file only: numba does not check others when it validates its cache.
    """
    try:
        result: _Function = numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # no folder for the cache: compile at every start
        result = numba.njit(function, nogil=True)
    return result
