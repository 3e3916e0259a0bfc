from __future__ import annotations

import sys
from pathlib import Path

import pytest

from demo.retraining import OLD_TWEETS, missing, write_old_data
from training.data.datasets import load_training_data


def test_the_old_data_are_labelled_tweets_that_a_retraining_reads(tmp_path: Path) -> None:
    data = load_training_data(write_old_data(tmp_path), roles=("people", "test", "teacher"))
    assert 0 < data.usable.sum() <= OLD_TWEETS
    assert set(data.labels.tolist()) == {"negative", "neutral", "positive"}


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert missing() == []
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    assert "sklearn" in missing()
