"""What each file and each label counts to a network."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.training.deep.invented import write_data
from training.data.datasets import TrainingData, load_training_data
from training.deep.data.corpus import row_weights, shares_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return load_training_data(write_data(tmp_path_factory.mktemp("data"), polar=200, human=90))


def test_labels_that_are_rare_in_a_file_count_more_and_files_count_by_their_share(data: TrainingData) -> None:
    weights = row_weights(data, emoticons=0.5)
    airline = data.learn & (data.source == "airline")
    assert weights[airline].mean() == pytest.approx(1)
    negative, neutral = (weights[airline & (data.labels == label)] for label in ("negative", "neutral"))
    assert neutral[0] / negative[0] == pytest.approx(1.5)  # as sources.yaml says
    np.testing.assert_allclose(weights[data.learn & data.distant], 0.5)


def test_people_and_emoticons_share_the_batches(data: TrainingData) -> None:
    shares = shares_of(data, emoticons=0.75)
    assert shares["sentiment140"] == pytest.approx(0.75)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["airline"] > shares["french"] > 0
