from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from contracts.errors import SettingsError
from contracts.events import SENTIMENTS
from tests.unit.training.data.test_datasets import write
from training.data.datasets import Labelled
from training.data.profile import profile

TEXTS = [
    *[f"@a they lost my bag, number {i}" for i in range(20)],
    *["what a lovely crew on board today"] * 10,
    "WHAT a lovely crew on board today!!",
    "my trip was Cancelled Flighted again",
    *[f"gate {'abcdefghij'[i]} opens soon" for i in range(8)],
]
LABELS = ["negative"] * 20 + ["positive"] * 10 + ["neutral", "negative"] + ["neutral"] * 8


def labelled() -> Labelled:
    return Labelled(TEXTS, np.array(LABELS))


def test_duplicates_conflicts_and_artefacts_are_counted() -> None:
    one = profile({"made up": labelled()})["sets"]["made up"]
    assert one["rows"] == 40
    assert one["classes"] == {"negative": 21, "neutral": 9, "positive": 10}
    assert one["duplicates"] == {"exact": 9, "near": 19 + 10, "largest_group": 20}
    assert one["conflicts"] == {"near_duplicates_with_several_labels": 11}
    assert one["artefacts"]["Cancelled Flighted"] == {"rows": 1, "labels": {"negative": 1}}


def test_typical_ngrams_are_those_of_the_label() -> None:
    grams = profile({"made up": labelled()})["sets"]["made up"]["ngrams"]
    assert "lost my" in [gram["ngram"] for gram in grams["negative"]]
    assert "lovely crew" in [gram["ngram"] for gram in grams["positive"]]
    assert not {"lost", "bag"} & {gram["ngram"] for gram in grams["positive"]}


def test_word_clouds_have_no_function_words_and_one_for_each_label() -> None:
    from training.data.profile_report import profile_page

    said = [
        "this valise was lost, je dois pour dans avoir have with that",
        "merci for the lovely crew, it's c'est vous",
    ]
    data = Labelled([text for text in said for _ in range(10)], np.array(["negative"] * 10 + ["positive"] * 10))
    words = profile({"made up": data})["sets"]["made up"]["words"]
    assert {label: set(counts) for label, counts in words.items()} == {
        "negative": {"valise", "lost"},
        "positive": {"merci", "lovely", "crew"},
    }
    page = profile_page(profile({"made up": data}))
    assert [label for label in SENTIMENTS if f"<figcaption>{label}<" in page] == ["negative", "positive"]


def test_words_that_are_equally_frequent_stand_in_the_order_of_the_texts_whatever_process_counts_them() -> None:
    text = "zephyr quince walrus marble lantern pebble thistle comet velvet harbour saddle copper willow ember falcon"
    found = profile({"made up": Labelled([text] * 10, np.array(["negative"] * 10))})["sets"]["made up"]
    assert list(found["words"]["negative"]) == text.split()


def test_near_duplicates_across_sets_are_counted() -> None:
    other = Labelled(["what a LOVELY crew on board today"], np.array(["positive"]))
    assert profile({"one": labelled(), "two": other})["shared"] == [{"sets": ["one", "two"], "near_duplicates": 1}]


def test_files_that_are_called_the_same_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    from cli.training.data import app

    paths = [tmp_path / "a" / "x.csv", tmp_path / "b" / "x.jsonl", tmp_path / "b" / "y.csv"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        write(path, {"text": list(TEXTS), "label": list(LABELS)})
    asked = ["profile", *map(str, paths), "--out", str(tmp_path / "report"), "--format", "json"]
    result = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert list(json.loads(result.stdout)["sets"]) == [str(paths[0]), str(paths[1]), "y"]


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    from cli.training.data import app

    path = write(tmp_path / "made.csv", {"text": list(TEXTS), "label": list(LABELS)})
    result = CliRunner().invoke(app, ["profile", str(path), "--out", str(path / "report")])
    assert isinstance(result.exception, SettingsError)
    assert str(result.exception) == f"--out {path / 'report'}: Not a directory"


def test_the_report_is_written_and_holds_no_tweet(tmp_path: Path) -> None:
    from cli.training.data import app

    path = write(tmp_path / "made.csv", {"text": list(TEXTS), "label": list(LABELS)})
    out = tmp_path / "report"
    result = CliRunner().invoke(
        app, ["profile", str(path), "--out", str(out), "--format", "json"], catch_exceptions=False
    )
    assert result.exit_code == 0
    kept = json.loads((out / "data_profile.json").read_text(encoding="utf-8"))
    assert kept["sets"]["made"]["rows"] == 40
    page = (out / "profile.html").read_text(encoding="utf-8")
    assert "data:image/png" in page
    assert "lovely crew" in page
    assert not any(text in page or text in json.dumps(kept) for text in TEXTS)
