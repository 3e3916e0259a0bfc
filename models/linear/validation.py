"""What compiled code may rely on in the weights of a hashed model: it reads tables without looking at their bounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from models.linear.weights import DENSE, HashedWeights

_MOST_BITS: Final = 30
"""Of a table: hashes have 32, and a table of 2**30 rows is 4 GiB."""
_LONGEST_WORDS: Final = 3
"""`kernels.word_hashes` knows no longer n-grams."""
_LONGEST_CHARS: Final = 16
"""The walk keeps room for all byte n-grams of the longest text of a batch."""
_LARGEST: Final = 1e6
"""Of any factor, far from where exponentials of float64 overflow into NaN."""
_TEMPERATURES: Final = (1e-3, 1e3)

_TABLES: Final = {"polarity": 0, "words": 4, "chars": 4}
"""Columns; 0: the table has one dimension."""
_NUMBERS: Final[dict[str, tuple[int, ...]]] = {
    "polarity_scale": (),
    "word_scale": (4,),
    "char_scale": (4,),
    "dense": (DENSE, 4),
    "temperature": (),
    "direction": (2,),
}
_LENGTHS: Final = {
    "polarity_longest": (1, _LONGEST_WORDS),
    "word_longest": (1, _LONGEST_WORDS),
    "char_shortest": (1, _LONGEST_CHARS),
    "char_longest": (0, _LONGEST_CHARS),
    "negator_reach": (0, 100),
}


def checked(arrays: Mapping[str, NDArray[Any]]) -> HashedWeights:
    """The weights in an artefact's arrays.

    Raises:
        ArtefactError: an array is missing, or of another type, shape or range.
    """
    arrays = _with_negation(arrays)
    missing = sorted({field.name for field in dataclasses.fields(HashedWeights)} - set(arrays))
    if missing:
        raise ArtefactError(f"the model lacks {', '.join(missing)}")
    values: dict[str, Any] = {name: _table(name, arrays[name], columns) for name, columns in _TABLES.items()}
    values["negators"] = _negators(arrays["negators"])
    values |= {name: _numbers(name, arrays[name], shape) for name, shape in _NUMBERS.items()}
    values |= {name: _length(name, arrays[name], *between) for name, between in _LENGTHS.items()}
    if values["char_longest"] and values["char_shortest"] > values["char_longest"]:
        raise ArtefactError(
            f"char_shortest of the model is {values['char_shortest']}, above char_longest {values['char_longest']}"
        )
    least, most = _TEMPERATURES
    if not least <= values["temperature"] <= most:
        raise ArtefactError(f"temperature of the model is {values['temperature']}, not from {least} to {most}")
    return HashedWeights(**values)


def _with_negation(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """An artefact from before there were negators has none, and no weights of what they negate."""
    if "negators" in arrays or "negator_reach" in arrays:
        return arrays
    dense = arrays.get("dense")
    if dense is not None and dense.dtype.kind == "f" and dense.shape == (DENSE - 2, 4):
        dense = np.concatenate([dense, np.zeros((2, 4))])
    known = {"negators": np.zeros(2, np.uint32), "negator_reach": np.array(0)}
    return {**arrays, **known} if dense is None else {**arrays, **known, "dense": dense}


def _negators(table: NDArray[Any]) -> NDArray[np.uint32]:
    if table.dtype != np.uint32:
        raise ArtefactError(f"negators of the model holds {table.dtype}, not uint32")
    if table.ndim != 1 or not 2 <= len(table) <= 1 << 16 or len(table).bit_count() != 1:
        raise ArtefactError(f"negators of the model has shape {table.shape}, not (2**bits,)")
    return np.ascontiguousarray(table)


def _table(name: str, table: NDArray[Any], columns: int) -> NDArray[np.int8]:
    if table.dtype != np.int8:
        raise ArtefactError(f"{name} of the model holds {table.dtype}, not int8")
    rows = table.shape[0] if table.ndim else 0
    if table.shape != ((rows, columns) if columns else (rows,)) or rows.bit_count() != 1 or rows > 1 << _MOST_BITS:
        expected = f"(2**bits, {columns})" if columns else "(2**bits,)"
        raise ArtefactError(f"{name} of the model has shape {table.shape}, not {expected}")
    return np.ascontiguousarray(table)


def _numbers(name: str, numbers: NDArray[Any], shape: tuple[int, ...]) -> Any:
    if numbers.dtype.kind != "f":
        raise ArtefactError(f"{name} of the model holds {numbers.dtype}, not numbers with a fraction")
    if numbers.shape != shape:
        raise ArtefactError(f"{name} of the model has shape {numbers.shape}, not {shape}")
    if not (np.abs(numbers) <= _LARGEST).all():  # neither does NaN
        raise ArtefactError(f"{name} of the model holds a number that is not from {-_LARGEST:g} to {_LARGEST:g}")
    return np.ascontiguousarray(numbers, np.float64) if shape else float(numbers)


def _length(name: str, length: NDArray[Any], least: int, most: int) -> int:
    if length.shape != () or length.dtype.kind not in "iu":
        raise ArtefactError(f"{name} of the model is no whole number but {length.dtype} of shape {length.shape}")
    value = int(length)
    if not least <= value <= most:
        raise ArtefactError(f"{name} of the model is {value}, not from {least} to {most}")
    return value
