"""Numba when it can run, plain Python when it cannot."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

try:
    import numba

    COMPILED = True
except Exception as error:  # no wheel for this machine, an unsupported NumPy, no LLVM
    COMPILED = False
    logging.getLogger("buzzwatch.models").warning(
        "numba cannot be imported (%s); texts are scored in plain Python, which is many times slower", error
    )


def compiled(function: _Function) -> _Function:
    """Compile for the types it is first called with; the machine code is kept on disk and runs without the GIL.

    Call compiled functions of the same file only: numba does not check others when it validates its cache.
    """
    if not COMPILED:
        return function
    try:
        result: _Function = numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # no folder for the cache: compile at every start
        result = numba.njit(function, nogil=True)
    return result


def compiled_anew(function: _Function) -> _Function:
    """Compile in every process that calls it: for functions that call compiled ones of other files."""
    if not COMPILED:
        return function
    result: _Function = numba.njit(function, nogil=True)
    return result
