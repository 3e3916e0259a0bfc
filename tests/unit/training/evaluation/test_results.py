"""Stored results: one file each, in the folder that was named, whatever the member is called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from training.evaluation.results import RESULTS, Result, read_results, write_result

RESULT = Result(
    family="transformer",
    member="minilm-l6",
    about="",
    format="onnx",
    metrics={},
    rows=1,
    distant_rows=1,
    seconds=1.0,
    tweets_per_s=1.0,
    megabytes=None,
    behaviour={},
    command="buzzwatch train transformer",
    data_hash="",
    params={},
    environment={},
)


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("minilm-l6", "transformer-minilm-l6.onnx.json"),
        ("/home/me/my presets/mine", "transformer-home-me-my-presets-mine.onnx.json"),
        ("models/mine", "transformer-models-mine.onnx.json"),
        ("../mine", "transformer-mine.onnx.json"),
        ("hf://org/name", "transformer-hf-org-name.onnx.json"),
    ],
)
def test_a_preset_that_is_a_path_or_an_address_stays_in_the_folder_of_results(
    tmp_path: Path, preset: str, name: str
) -> None:
    path = write_result(replace(RESULT, member=preset), tmp_path)
    assert path == tmp_path / name
    assert [one.member for one in read_results(tmp_path)] == [preset]


def test_members_of_two_families_with_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for family in ("student", "recurrent", "student"):
        write_result(replace(RESULT, family=family, member="cnn"), tmp_path)
    assert [(one.family, one.member) for one in read_results(tmp_path)] == [("recurrent", "cnn"), ("student", "cnn")]


def test_the_results_in_the_repository_have_the_names_that_they_would_be_given(tmp_path: Path) -> None:
    given = {write_result(one, tmp_path).name for one in read_results()}
    assert given == {path.name for path in RESULTS.glob("*.json")}
