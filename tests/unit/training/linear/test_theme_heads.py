from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from contracts.rules.schema import LEARNT_THEMES
from models.themes.learnt import load_learnt_themes
from training.data.datasets import DataError


def write(folder: Path, reasons: list[str]) -> None:
    """Complaints that say their reason in a word that no list has."""
    source = random.Random(1)
    texts = []
    for reason in reasons:
        said = "the" + reason.replace(" ", "").replace("'", "") + "thing"
        more = "".join(source.choices("abcdefghijklmnop", k=9))  # near-duplicates would fall on one side
        texts.append(f"{source.choice(('so', 'very', 'how'))} {said} {said} {more}")
    table = pyarrow.table({"text": texts, "negativereason": reasons})
    pyarrow.parquet.write_table(table, folder / "airline.parquet")


def test_heads_learn_what_complaints_are_about(tmp_path: Path) -> None:
    from cli.training.train import app
    from training.linear.theme_heads import REASONS

    write(tmp_path, [*list(REASONS) * 30, *["longlines"] * 30, *["Can't Tell"] * 30])
    arguments = ["themes", "--data-dir", str(tmp_path), "--out", str(tmp_path / "out"), "--format", "json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    figures = json.loads(done.stdout)
    assert list(figures) == list(LEARNT_THEMES)
    for ways in figures.values():
        assert ways["words"]["recall"] == 0
        assert ways["learnt"] == ways["both"]
        assert ways["both"]["precision"] > 0.9
        assert ways["both"]["recall"] > 0.75
    assert load_learnt_themes(tmp_path / "out").least == 0.5


def test_too_few_complaints_are_named(tmp_path: Path) -> None:
    from cli.training.train import app

    write(tmp_path, ["Late Flight"] * 20)
    with pytest.raises(DataError, match="too few complaints about baggage, booking"):
        CliRunner().invoke(app, ["themes", "--data-dir", str(tmp_path)], catch_exceptions=False)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    from cli.training.train import app

    with pytest.raises(DataError, match=r"airline.parquet: no Parquet file with text and negativereason"):
        CliRunner().invoke(app, ["themes", "--data-dir", str(tmp_path)], catch_exceptions=False)
    (tmp_path / "airline.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match=r"airline.parquet: no Parquet file"):
        CliRunner().invoke(app, ["themes", "--data-dir", str(tmp_path)], catch_exceptions=False)
