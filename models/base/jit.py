"""Numba when it can run, plain Python when it cannot."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

try:
    import numba

    COMPILED = True
except Exception as error:  # no wheel for this machine, a NumPy it does not know, no LLVM to load: all end here
    COMPILED = False
    logging.getLogger("buzzwatch.models").warning(
        "numba cannot run (%s): texts are scored in plain Python, slowly", error
    )


def compiled(function: _Function) -> _Function:
    """Compile for the types it is first called with; the machine code is kept on disk and runs without the GIL.

    Call compiled functions of the same file only: numba looks at no other to see whether what it kept is still right.
    """
    if not COMPILED:
        return function
    try:
        result: _Function = numba.njit(function, nogil=True, cache=True)
    except RuntimeError:  # no folder to keep machine code in: compile at every start
        result = numba.njit(function, nogil=True)
    return result


def compiled_anew(function: _Function) -> _Function:
    """Compile in every process that calls it: for functions that call compiled ones of other files."""
    if not COMPILED:
        return function
    result: _Function = numba.njit(function, nogil=True)
    return result
