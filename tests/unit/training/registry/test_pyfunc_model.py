from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from contracts.events import MAX_TEXT
from models.linear.model import HashedModel
from tests.unit.models.hashed_samples import random_weights

if TYPE_CHECKING:
    from training.registry.pyfunc_model import SentimentTable

TEXTS = ["lost my bag", "thank you"]


@pytest.fixture(scope="module")
def table() -> SentimentTable:
    from training.registry.pyfunc_model import SentimentTable

    return SentimentTable(HashedModel(random_weights(), {}))


@pytest.mark.parametrize("index", [[1, 0], ["b", "a"], [7, 7], pd.date_range("2026-11-20", periods=2)])
def test_the_answer_has_the_rows_names(table: SentimentTable, index: Any) -> None:

    answer = table.predict(pd.DataFrame({"text": TEXTS, "id": [1, 2]}, index=index))
    assert list(answer.index) == list(index)
    assert list(answer.columns) == ["negative", "neutral", "positive", "sentiment"]
    plain = table.predict(pd.DataFrame({"text": TEXTS}))
    np.testing.assert_array_equal(answer.to_numpy(), plain.to_numpy())


@pytest.mark.parametrize(
    "given",
    [
        pd.Series(TEXTS),
        TEXTS,
        tuple(TEXTS),
        {"text": TEXTS},
        {"text": np.array(TEXTS)},
        np.array(TEXTS),
        np.array(TEXTS, dtype=object)[:, None],
        pd.DataFrame({"text": pd.array(TEXTS, dtype="string")}),
    ],
    ids=lambda given: type(given).__name__,
)
def test_texts_may_come_in_any_form_that_holds_them(table: SentimentTable, given: Any) -> None:

    expected = table.predict(pd.DataFrame({"text": TEXTS}))
    np.testing.assert_array_equal(table.predict(given).to_numpy(), expected.to_numpy())


def test_one_text_is_one_row(table: SentimentTable) -> None:
    for given in (TEXTS[0], {"text": TEXTS[0]}):
        assert table.predict(given)["sentiment"].tolist() == table.predict([TEXTS[0]])["sentiment"].tolist()


def test_no_rows_give_no_rows(table: SentimentTable) -> None:

    nothing: list[Any] = [pd.DataFrame({"text": []}), [], np.array([]), {"text": []}, pd.Series([], dtype=object)]
    for given in nothing:
        answer = table.predict(given)
        assert answer.shape == (0, 4)
        assert list(answer.columns) == ["negative", "neutral", "positive", "sentiment"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "text is null"),
        (float("nan"), "text is null"),
        (pd.NA, "text is null"),
        (pd.NaT, "text is null"),
        (7, "text is 7, no text"),
        (True, "text is True, no text"),
        (b"lost my bag", "text is b'lost my bag', no text"),
        (["lost"], r"text is \['lost'\], no text"),
        ({"text": "lost"}, "no text"),
        ("", "text is empty"),
        (" \n\t", "text is empty"),
        ("a\ud800", "lone surrogate"),
        ("a" * (MAX_TEXT + 1), "the limit is 10,000"),
    ],
    ids=repr,
)
def test_what_is_no_text_is_refused_with_its_row(table: SentimentTable, text: Any, why: str) -> None:
    from mlflow.exceptions import MlflowException

    rows = pd.DataFrame({"text": pd.Series(["fine", text, "fine"], index=["x", "y", "z"], dtype=object)})
    for given in (rows, rows["text"]):
        with pytest.raises(MlflowException, match=rf"row 'y': .*{why}") as error:
            table.predict(given)
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"
        assert "\n" not in str(error.value)


def test_an_array_of_bytes_or_numbers_is_refused(table: SentimentTable) -> None:
    from mlflow.exceptions import MlflowException

    for given in (np.array([b"a", b"b"]), np.array([1.5, 2]), [1], {"text": [None]}, None, 3):
        with pytest.raises(MlflowException, match="row 0: text is"):
            table.predict(given)


def test_a_table_without_the_column_is_refused_with_the_columns_it_has(table: SentimentTable) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=r"no column 'text' \(it has tweet, id\)"):
        table.predict(pd.DataFrame({"tweet": TEXTS, "id": [1, 2]}))
    with pytest.raises(MlflowException, match="several columns 'text'"):
        table.predict(pd.DataFrame([["a", "b"]], columns=["text", "text"]))
    with pytest.raises(MlflowException, match=r"shape \(2, 2\)"):
        table.predict(np.array([["a", "b"], ["c", "d"]]))
