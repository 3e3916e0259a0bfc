from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score, roc_auc_score

from contracts.events import SENTIMENTS
from training.evaluation.metrics import as_json, held_out_report, measure, wilson

NAMES = np.array(SENTIMENTS)


def sample(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.choice(3, size=n, p=[0.5, 0.2, 0.3])
    logits = rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[codes]
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True), NAMES[codes]


def test_figures_are_those_of_scikit_learn() -> None:
    table, labels = sample(3000)
    predicted = NAMES[table.argmax(axis=1)]
    report = measure(table, labels)
    assert report["n"] == 3000
    assert report["accuracy"].value == pytest.approx((predicted == labels).mean())
    assert report["macro_f1"].value == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert report["macro_recall"].value == pytest.approx(recall_score(labels, predicted, average="macro"))
    polar = labels != "neutral"
    odds = table[polar, 2] / (table[polar, 0] + table[polar, 2])
    assert report["roc_auc"].value == pytest.approx(roc_auc_score(labels[polar] == "positive", odds))
    assert report["binary_accuracy"].value == pytest.approx(((odds > 0.5) == (labels[polar] == "positive")).mean())
    assert {label: report["recall"][label].value for label in report["recall"]} == pytest.approx(
        dict(zip(NAMES, recall_score(labels, predicted, average=None, labels=NAMES), strict=True))
    )


def test_brier_sums_over_labels_and_ece_has_fifteen_bins() -> None:
    table = np.array([[0.9, 0.05, 0.05], [0.62, 0.3, 0.08], [0.61, 0.3, 0.09], [0.1, 0.2, 0.7]])
    labels = np.array(["negative", "negative", "neutral", "positive"])
    report = measure(table, labels)
    squares = [0.01 + 2 * 0.0025, 0.38**2 + 0.09 + 0.0064, 0.61**2 + 0.49 + 0.0081, 0.01 + 0.04 + 0.09]
    assert report["brier"].value == pytest.approx(np.mean(squares))
    # .9 → bin 13, .62 and .61 → bin 9 (.6 to .667), .7 → bin 10
    assert report["ece"].value == pytest.approx((0.1 + abs(1 - 1.23) + 0.3) / 4)


def test_the_binary_ece_rescales_negative_and_positive_to_one() -> None:
    # Two of three are right at .75 after rescaling, however much went to neutral; the neutral row is left out.
    table = np.array([[0.3, 0.6, 0.1], [0.75, 0.0, 0.25], [0.15, 0.4, 0.45], [0.9, 0.1, 0.0]])
    report = held_out_report(table, np.array(["negative", "negative", "negative", "neutral"]))
    assert report["binary_ece"]["value"] == pytest.approx(0.75 - 2 / 3, abs=1e-6)
    assert report["n"] == 4
    assert held_out_report(table, np.full(4, "neutral"))["binary_ece"] is None


def test_macros_run_over_the_labels_present() -> None:
    table = np.array([[0.8, 0.1, 0.1], [0.3, 0.1, 0.6], [0.2, 0.7, 0.1]])
    report = measure(table, np.array(["negative", "negative", "positive"]))
    assert set(report["recall"]) == {"negative", "positive"}
    assert report["macro_recall"].value == pytest.approx((0.5 + 0.0) / 2)
    assert report["binary_accuracy"].value == pytest.approx(1 / 3)


def test_neutral_rows_alone_have_no_binary_figures() -> None:
    report = as_json(measure(np.array([[0.2, 0.7, 0.1]]), np.array(["neutral"])))
    assert report["binary_accuracy"] is None
    assert report["roc_auc"] is None
    assert report["accuracy"]["value"] == 1


def test_wilson_gives_the_published_interval() -> None:
    # Newcombe 1998, table I, 81 of 263
    measured = wilson(81, 263)
    assert (measured.low, measured.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20).low == 0
    assert wilson(20, 20).high == 1


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    table, labels = sample(40_000, seed=1)
    truth = measure(table, labels)
    covered = dict.fromkeys(("accuracy", "macro_f1", "macro_recall", "binary_accuracy", "roc_auc", "brier"), 0)
    for part in range(80):
        rows = slice(part * 500, part * 500 + 500)
        report = measure(table[rows], labels[rows])
        for name in covered:
            measured = report[name]
            assert measured.low <= measured.value <= measured.high
            covered[name] += measured.low <= truth[name].value <= measured.high
    assert min(covered.values()) >= 70, covered  # 76 expected, standard deviation 2


def test_a_calibrated_model_has_a_small_calibration_error() -> None:
    rng = np.random.default_rng(0)
    table = rng.dirichlet([1, 1, 1], size=50_000)
    codes = (table.cumsum(axis=1) > rng.random((50_000, 1))).argmax(axis=1)
    assert measure(table, NAMES[codes])["ece"].value < 0.01
    assert measure(np.eye(3)[rng.integers(0, 3, 3000)], NAMES[codes[:3000]])["ece"].value > 0.5


def test_the_report_is_the_contract_of_evaluate() -> None:
    table, labels = sample(50)
    report = as_json(measure(table, labels))
    assert list(report) == [
        "n", "accuracy", "macro_f1", "macro_recall", "binary_accuracy", "roc_auc", "brier", "ece", "recall",
    ]  # fmt: skip
    assert set(report["accuracy"]) == {"value", "low", "high"}
    assert set(report["recall"]["negative"]) == {"value", "low", "high"}
