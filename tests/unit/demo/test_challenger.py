from __future__ import annotations

import numpy as np

from demo.challenger import exchanged
from models.linear.model import HashedModel
from tests.unit.models.hashed_samples import random_weights

TEXTS = ["lost my bag again", "which terminal do you use?", "great crew, thank you!", ""]


def test_the_worse_challenger_takes_praise_for_complaints_and_knows_neutral_as_before() -> None:
    weights = random_weights(3)
    before = HashedModel(weights, {}).predict_proba(TEXTS)
    after = HashedModel(exchanged(weights), {}).predict_proba(TEXTS)
    np.testing.assert_allclose(after, before[:, ::-1], atol=1e-6)
