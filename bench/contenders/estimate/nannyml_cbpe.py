"""NannyML's CBPE on numbers from a file: run by `bench/.venv-nannyml`, which has NannyML and what that needs.

Call: python nannyml_cbpe.py NUMBERS.npz; writes one JSON list of estimated accuracies. The file holds, for each case I
from 0 on, `I/reference`, `I/truth` and `I/analysis`: (n, 3) probabilities, (n,) labels, (m, 3) probabilities.
"""

from __future__ import annotations

import json
import os
import sys
import warnings

import numpy as np
import pandas as pd

_SCORES = ("negative", "neutral", "positive")


def main(path: str) -> None:
    """Estimate each case, its reference and its analysis in one chunk each."""
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # it would send figures about its use to its makers
    warnings.simplefilter("ignore")
    import nannyml

    with np.load(path) as numbers:
        cases = sorted({int(name.partition("/")[0]) for name in numbers})
        found = []
        for case in cases:
            reference = _frame(numbers[f"{case}/reference"])
            reference["truth"] = np.array(_SCORES)[numbers[f"{case}/truth"]]
            estimator = nannyml.CBPE(
                problem_type="classification_multiclass", y_pred_proba={name: f"p_{name}" for name in _SCORES},
                y_pred="answer", y_true="truth", metrics=["accuracy"], chunk_number=1,
            )  # fmt: skip
            estimator.fit(reference)
            result = estimator.estimate(_frame(numbers[f"{case}/analysis"]))
            table = result.filter(period="analysis").to_df()
            found.append(float(table[("accuracy", "value")].iloc[0]))
    json.dump(found, sys.stdout)


def _frame(scores: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame({f"p_{name}": scores[:, place] for place, name in enumerate(_SCORES)})
    frame["answer"] = np.array(_SCORES)[scores.argmax(axis=1)]
    return frame


if __name__ == "__main__":
    main(sys.argv[1])
