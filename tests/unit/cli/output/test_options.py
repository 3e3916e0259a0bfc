from __future__ import annotations

from pathlib import Path

import pytest
import typer

from cli.output.options import path


def test_an_unset_variable_of_a_shell_is_not_the_current_folder() -> None:
    with pytest.raises(typer.BadParameter, match="is empty"):
        path("")
    assert path("tweets.jsonl") == Path("tweets.jsonl")
