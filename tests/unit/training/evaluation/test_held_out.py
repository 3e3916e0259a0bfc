from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.held_out import HeldOut, slice_figures


def test_slices_are_measured_on_what_people_have_labelled_and_where_there_is_enough() -> None:
    n = 120
    truth = np.tile([0, 1, 2], 2 * n // 3)
    answer = np.where(np.arange(2 * n) % 6 == 0, 1, truth)  # every second negative one is called neutral
    scores = np.eye(3)[answer]
    source = np.repeat(["airline", "emoticons"], n)
    rows = np.arange(2 * n)
    slices = {"question": rows % 2 == 0, "rare": rows % 100 == 0}
    held_out = HeldOut(rows.astype(np.uint32), source, truth, scores, slices, frozenset({"emoticons"}))
    (found,) = slice_figures(held_out)
    assert (found.source, found.slice, found.n) == ("airline", "question", 60)
    assert found.accuracy.value == pytest.approx(2 / 3)
    assert found.accuracy.low < 2 / 3 < found.accuracy.high
    assert found.negative_recall is not None
    assert found.negative_recall.value == 0.0
