"""The vectorised function of the PyFlink contender: Flink hands over a data frame and takes one back.

In a module of its own, for Flink's Python workers import it by name.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from pyflink.table import DataTypes
from pyflink.table.udf import ScalarFunction, udf

from bench.stage.functions import CameIn, Work

HEADERS = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type")
"""Of a scored event. Arrow takes no map, so each travels as a column and SQL puts them together."""

_FIELDS = ("record_key", "record_value", "at_ms", *(f"header_{number}" for number in range(len(HEADERS))))


class Score(ScalarFunction):
    """Whole or plain, by a variable of the environment; the plain function leaves the headers empty."""

    def open(self, function_context: Any) -> None:
        """Load the champion, once in each Python worker."""
        del function_context
        self._work = Work()

    def eval(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Key, value and time of records in; key, value, time and headers of records out."""
        keys, values, instants = (frame.iloc[:, number] for number in range(3))
        instants = instants.dt.tz_convert(None).astype("datetime64[ms]").astype("int64")
        came = [CameIn(*record) for record in zip(keys, values, instants, strict=True)]
        columns: list[tuple[Any, ...]] = []
        for record in self._work(came):
            headers = dict(record.headers)
            columns.append((record.key, record.value, record.timestamp_ms, *(headers.get(name) for name in HEADERS)))
        return pd.DataFrame(columns, columns=list(_FIELDS))


_types = [DataTypes.BYTES(), DataTypes.BYTES(), DataTypes.BIGINT(), *(DataTypes.STRING() for _ in HEADERS)]
_row = DataTypes.ROW([DataTypes.FIELD(name, kind) for name, kind in zip(_FIELDS, _types, strict=True)])
score = udf(Score(), result_type=_row, func_type="pandas")
