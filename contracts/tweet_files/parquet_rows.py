"""Tweets in Parquet: every type of column is read, or refused with its name."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from contracts.extras import what_to_install
from contracts.tweet_files.errors import TweetFileError, first_line
from contracts.tweet_files.rows import ReadOptions, Row, refuse
from contracts.tweet_objects.dates import EXPECTED

_BATCH: Final = 4096
_TEXTS: Final = frozenset({"text", "full_text"})
_IDS: Final = frozenset({"id", "id_str"})
_DATES: Final = frozenset({"created_at", "date", "createdAt", "received_at"})


def parquet_rows(
    file: Path | io.BytesIO, options: ReadOptions, name: str, known: Mapping[str, str | None]
) -> Iterator[Row]:
    """The rows; what is missing (null, NaN, NaT) is None.

    Args:
        file: where it is, or what is in it.
        options: what is needed.
        name: as errors name it.
        known: values of columns that the folder's name holds.

    Raises:
        TweetFileError: no Parquet file; a column is missing, there twice, or of a type that it cannot have.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise TweetFileError(f"{name}: Parquet cannot be read: {what_to_install('pyarrow')}") from None
    try:
        table = pq.ParquetFile(file)
        schema = table.schema_arrow
        selected = options.selected_columns(schema.names, name, known)
        for column in selected:
            _check_type(schema.field(column).type, column, name, pa)
        number = 0
        for batch in table.iter_batches(batch_size=_BATCH, columns=selected):
            values = {column: _values(batch.column(column), column, name, number, pa) for column in selected}
            for at in range(batch.num_rows):
                number += 1
                where = f"row {number}"
                fields = {column: _plain(column, values[column][at], name, where, options) for column in selected}
                yield Row(where, {**known, **fields})
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TweetFileError(f"{name}: not a Parquet file that can be read: {first_line(error)}") from None


def _check_type(kind: Any, column: str, name: str, pa: Any) -> None:
    """Refuse at once what no row of the column can be."""
    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    textual = any(
        check(kind)
        for check in (
            types.is_string, types.is_large_string, types.is_string_view, types.is_binary, types.is_large_binary,
            types.is_fixed_size_binary, types.is_binary_view, types.is_null,
        )
    )  # fmt: skip
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    if column in _TEXTS and not textual:
        raise TweetFileError(f"{name}: column {column!r} is of type {kind}: expected text")
    if column in _IDS and not (textual or number):
        raise TweetFileError(f"{name}: column {column!r} is of type {kind}: expected text or whole numbers")
    if column in _DATES and not (textual or number or types.is_timestamp(kind) or types.is_date(kind)):
        raise TweetFileError(
            f"{name}: column {column!r} is of type {kind}: {EXPECTED}, or a column of timestamps or days"
        )


def _values(array: Any, column: str, name: str, before: int, pa: Any) -> list[Any]:
    if pa.types.is_timestamp(array.type):
        # Kept in UTC, whatever the name of the zone, which this machine need not know. Python's dates end at
        # microseconds: what is beyond is left out.
        unit = "us" if array.type.unit == "ns" else array.type.unit
        array = array.cast(pa.timestamp(unit, array.type.tz and "UTC"), safe=False)
    try:
        values: list[Any] = array.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        values = [_value(one, f"{name}, row {before + at}", column) for at, one in enumerate(array, start=1)]
    return values


def _value(scalar: Any, where: str, column: str) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError) as error:
        raise TweetFileError(
            f"{where}: column {column!r} of type {scalar.type} cannot be read: {first_line(error)}"
        ) from None


def _plain(column: str, value: Any, name: str, where: str, options: ReadOptions) -> Any:
    """The value as JSON has it, dates aside."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            if column not in {*_TEXTS, *_IDS, *_DATES, *options.required}:
                return value.hex()  # an author's id in bytes, say
            problem = f"byte {error.start + 1} is not UTF-8: expected text"
            raise refuse(name, where, column, value, problem) from None
    if isinstance(value, Decimal):
        value = int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if column in _IDS:
            options.notes.identifier(value, where)
            return int(value) if value.is_integer() else value
    return value
