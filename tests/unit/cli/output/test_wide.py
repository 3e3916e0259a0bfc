from __future__ import annotations

import json

import pytest
from rich.table import Table
from rich.text import Text

from cli.output.console import print_error, table_console
from contracts.printable import safe_json

NASTY = "\x1b]0;t\x9b2J\u202e\u2066x"


def test_whatever_is_printed_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("a", NASTY)
    table.add_row(Text(NASTY), "🛩️ ﷽")
    table_console().print(NASTY, table, Text(NASTY), markup=False)
    print_error(f"it said {NASTY} of redis://u:hush@cache:1")
    out, err = capsys.readouterr()
    for shown in (out, err):
        assert "\\x1b]0;t\\x9b2J\\u202e\\u2066x" in shown
        assert not set(NASTY[:-1]) & set(shown) - set("]0;t2J")
    assert "🛩️" in out
    assert "hush" not in err


def test_safe_json_means_the_same() -> None:
    written = json.dumps({"text": NASTY + "👩\u200d✈️ é\xa0"}, ensure_ascii=False)
    safe = safe_json(written)
    assert json.loads(safe) == json.loads(written)
    assert "\u202e" not in safe
    assert "👩\u200d✈️ é\xa0" in safe
