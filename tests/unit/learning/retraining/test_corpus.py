from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from contracts.learning.settings import LearningSettings
from learning.retraining.corpus import Corpus, make_corpus
from tests.unit.learning.labels.saying import DAY
from tests.unit.learning.retraining.telling import labels, old_data
from training.data.datasets import TrainingData, load_training_data
from training.evaluation.held_out import JUDGED, PRODUCTION


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return load_training_data(old_data(tmp_path_factory.mktemp("old")))


def made(old: TrainingData, **more: object) -> Corpus:
    return make_corpus(labels(300, random=range(0, 300, 3)), old, LearningSettings(**more), seen_until=None)


def test_what_is_measured_on_is_never_learnt_from(old: TrainingData) -> None:
    corpus = made(old)
    assert not (corpus.held_out & corpus.learn).any()
    is_label = np.isin(corpus.source, [PRODUCTION, JUDGED])
    assert not (corpus.held_out & corpus.final & is_label).any()
    assert (corpus.held_out & corpus.final & ~is_label).any()
    held = {corpus.texts[i] for i in np.flatnonzero(corpus.held_out)}
    assert held.isdisjoint(corpus.texts[i] for i in np.flatnonzero(corpus.learn))


def test_the_newest_half_of_what_was_drawn_by_chance_is_measured_on(old: TrainingData) -> None:
    corpus = made(old)
    assert (corpus.source == PRODUCTION).sum() == 50
    assert corpus.held_out[corpus.source == PRODUCTION].all()
    later = make_corpus(
        labels(300, random=range(0, 300, 3)), old, LearningSettings(), seen_until=DAY + timedelta(minutes=290)
    )
    assert (later.source == PRODUCTION).sum() == 2


def test_the_old_data_keep_their_share_and_no_label_counts_too_much(old: TrainingData) -> None:
    for share in (0.8, 0.95):
        corpus = made(old, old_share=share)
        is_label = np.isin(corpus.source, [PRODUCTION, JUDGED]) & corpus.learn
        by_labels = corpus.weight[is_label].sum()
        assert by_labels / corpus.weight[corpus.learn].sum() == pytest.approx(1 - share, abs=0.01)
    few = make_corpus(labels(60), old, LearningSettings(old_share=0.5), seen_until=None)
    assert few.label_factor == 5


def test_old_labels_count_less_and_rare_ones_more(old: TrainingData) -> None:
    given = labels(300)
    aged = [
        replace(one, created_at=one.created_at - timedelta(days=90 if n < 150 else 0)) for n, one in enumerate(given)
    ]
    corpus = make_corpus(aged, old, LearningSettings(), seen_until=None)
    weights = corpus.weight[len(old.texts) :]
    assert weights[:150].mean() / weights[150:].mean() == pytest.approx(0.5, abs=0.01)
    rare = [one for n, one in enumerate(given) if one.label != "positive" or n < 60]
    corpus = make_corpus(rare, old, LearningSettings(), seen_until=None)
    weights, names = corpus.weight[len(old.texts) :], corpus.labels[len(old.texts) :]
    assert weights[names == "positive"].mean() > 1.5 * weights[names == "negative"].mean()


def test_a_masked_link_is_learnt_as_a_link(old: TrainingData) -> None:
    texts = made(old).texts[len(old.texts) :]
    assert all("https://t.co/x" in text and "<url>" not in text for text in texts)
