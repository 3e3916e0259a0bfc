from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from training.evaluation.held_out import FILE, HeldOut, drawn
from training.registry.promotion_gate import GateRefused, check, compare

N = 600


def evidence(right: float, *, seed: int = 0, worse_where: str | None = None, n: int = N) -> HeldOut:
    """Two sets; the first `right` share of a fixed random order of rows is answered rightly."""
    rng = np.random.default_rng(seed)
    names = np.array(["negative", "neutral", "positive"])
    source = np.repeat(["airline", "sentiment140"], n)
    labels = names[np.concatenate([rng.integers(0, 3, n), 2 * rng.integers(0, 2, n)])]
    company = np.where(np.arange(2 * n) % 4 == 0, "paradis", "")
    company[n:] = ""
    texts = [f"text {i}{' ?' if i % 3 == 0 else ''}" for i in range(2 * n)]
    truth = np.searchsorted(names, labels)
    good = rng.random(2 * n) < right
    if worse_where is not None:
        good &= ~((company == worse_where) & (rng.random(2 * n) < 0.5))
    answer = np.where(good, truth, np.where(truth == 0, 2, 0))
    scores = np.full((2 * n, 3), 0.1)
    scores[np.arange(2 * n), answer] = 0.8
    return HeldOut.of(texts, labels, source, company, scores)


def test_a_model_that_is_better_everywhere_passes() -> None:
    comparisons = check(evidence(0.7), evidence(0.8))
    assert {one.where for one in comparisons} >= {"airline", "sentiment140", "airline / paradis", "airline / question"}
    assert all(one.challenger >= one.champion for one in comparisons)


def test_the_same_model_passes() -> None:
    assert all(one.low == one.high == 0 for one in check(evidence(0.7), evidence(0.7)))


def test_a_model_that_is_worse_is_refused_with_figures() -> None:
    with pytest.raises(
        GateRefused, match=r"worse than the champion on airline: accuracy 0\.\d+ instead of 0\.\d+"
    ) as error:
        check(evidence(0.8), evidence(0.7))
    assert "\n" not in str(error.value)


def test_a_gain_on_the_whole_does_not_hide_a_loss_on_a_slice() -> None:
    champion, challenger = evidence(0.75, n=2000), evidence(0.9, n=2000, worse_where="paradis")
    worse = [one.where for one in compare(champion, challenger) if one.worse]
    assert worse == ["airline / paradis"]
    with pytest.raises(GateRefused, match="airline / paradis"):
        check(champion, challenger)


def test_models_that_are_as_good_seldom_fail_by_chance() -> None:
    failed = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        one = evidence(0.8)
        other = one.scores.copy()
        flipped = rng.random(len(other)) < 0.05
        other[flipped] = other[flipped][:, ::-1]
        flipped = rng.random(len(other)) < 0.05
        first = one.scores.copy()
        first[flipped] = first[flipped][:, ::-1]
        a = HeldOut(one.keys, one.source, one.truth, first, one.slices)
        b = HeldOut(one.keys, one.source, one.truth, other, one.slices)
        failed += any(comparison.worse for comparison in compare(a, b))
    assert failed <= 2


def test_labels_by_emoticons_are_shown_and_do_not_judge(tmp_path: Path) -> None:
    champion, challenger = evidence(0.8), evidence(0.8)
    emoticons = challenger.source == "sentiment140"
    scores = np.where(emoticons[:, None], challenger.scores[:, ::-1], challenger.scores)
    worse = replace(challenger, scores=scores)
    with pytest.raises(GateRefused, match="on sentiment140"):
        check(champion, worse)
    noted = replace(worse, distant=frozenset({"sentiment140"}))
    shown = [one for one in check(champion, noted) if one.where == "sentiment140"]
    assert [one.judges for one in shown] == [False, False]
    assert shown[0].challenger < shown[0].champion
    noted.save(tmp_path)
    kept = HeldOut.load(tmp_path)
    assert kept is not None
    assert kept.distant == {"sentiment140"}
    only = replace(_part(champion, emoticons), distant=frozenset({"sentiment140"}))
    with pytest.raises(GateRefused, match="on sentiment140"):  # nothing else judges
        check(only, _part(noted, emoticons))


def test_models_measured_on_other_texts_cannot_be_compared() -> None:
    other = evidence(0.9)
    moved = HeldOut(other.keys + np.uint32(1), other.source, other.truth, other.scores, other.slices)
    with pytest.raises(GateRefused, match="on 0 of the champion's 600 held-out texts of airline"):
        check(evidence(0.7), moved)


def test_a_set_that_the_challenger_was_not_measured_on_cannot_be_passed_over() -> None:
    one = evidence(0.7, n=3_000)
    small = (one.source == "sentiment140") | (np.arange(len(one.keys)) < 60)
    part = _part(evidence(0.9, n=3_000), small)
    with pytest.raises(GateRefused, match="of the champion's 3,000 held-out texts of airline"):
        check(one, part)


def test_of_a_large_set_some_thousand_texts_suffice() -> None:
    champion, challenger = evidence(0.7, n=12_000), evidence(0.8, n=12_000)
    drawn = np.concatenate([np.flatnonzero(challenger.source == name)[:4_100] for name in ("airline", "sentiment140")])
    mask = np.zeros(len(challenger.keys), bool)
    mask[drawn] = True
    assert [one.n for one in check(champion, _part(challenger, mask)) if one.figure == "binary_accuracy"] == [4_100]
    few = mask.copy()
    few[drawn[-200:]] = False
    with pytest.raises(GateRefused, match=r"3,900 of the champion's 12,000 .* of sentiment140"):
        check(champion, _part(challenger, few))


def test_rows_are_drawn_alike_whoever_measures() -> None:
    texts = [f"text {i}" for i in range(1_000)]
    few, many = drawn("airline", texts, 100), drawn("airline", texts, 300)
    assert set(few) < set(many)
    assert set(few) != set(drawn("semeval", texts, 100))
    held = evidence(0.7, n=500)
    assert (held.keys[:500] == np.sort(held.keys[:500])).all()  # what HeldOut keeps first


def _part(whole: HeldOut, rows: NDArray[np.bool_]) -> HeldOut:
    slices = {name: members[rows] for name, members in whole.slices.items()}
    return HeldOut(whole.keys[rows], whole.source[rows], whole.truth[rows], whole.scores[rows], slices)


def test_a_few_texts_more_or_less_are_no_hindrance() -> None:
    one = evidence(0.7)
    part = np.arange(len(one.keys)) % 10 > 0
    assert sum(
        one.n for one in check(one, _part(one, part)) if one.where == "airline" and one.figure == "accuracy"
    ) == pytest.approx(0.9 * N, abs=40)


def test_damaged_evidence_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"damaged")
    with pytest.raises(ArtefactError, match=FILE):
        HeldOut.load(tmp_path)
    assert HeldOut.load(tmp_path / "nowhere") is None


def renamed(found: HeldOut, name: str, keys_from: int) -> HeldOut:
    """As a set that is drawn anew, of other texts."""
    found = found.rows(found.source == "airline")
    keys = np.arange(keys_from, keys_from + len(found.keys), dtype=np.uint32)
    return replace(found, source=np.full(len(found.keys), name), keys=keys)


def joined(*parts: HeldOut) -> HeldOut:
    return HeldOut(
        keys=np.concatenate([part.keys for part in parts]),
        source=np.concatenate([part.source for part in parts]),
        truth=np.concatenate([part.truth for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        slices={name: np.concatenate([part.slices[name] for part in parts]) for name in parts[0].slices},
    )


def test_sets_drawn_anew_are_compared_on_the_challengers_rows_where_the_same_champion_has_answered_them() -> None:
    champion = joined(evidence(0.7), renamed(evidence(0.7), "production", 1))
    challenger = joined(evidence(0.75), renamed(evidence(0.9, seed=1), "production", 10_000))
    with pytest.raises(GateRefused, match="0 of the champion's 600 held-out texts of production"):
        check(champion, challenger)
    on_same = joined(evidence(0.7), renamed(evidence(0.5, seed=1), "production", 10_000))
    found = {(one.where, one.figure): one for one in check(champion, challenger, on_same)}
    assert found["production", "accuracy"].n == N
    assert found["production", "accuracy"].champion == pytest.approx(0.5, abs=0.05)
    with pytest.raises(GateRefused, match="worse than the champion on production"):
        check(champion, joined(evidence(0.75), renamed(evidence(0.3, seed=1), "production", 10_000)), on_same)
    of_another_champion = joined(evidence(0.72, seed=5), renamed(evidence(0.5, seed=1), "production", 10_000))
    with pytest.raises(GateRefused, match="held-out texts of production"):
        check(champion, challenger, of_another_champion)
