"""The register in `docs/privacy.md`: what is stored where, and for how long."""

from __future__ import annotations

from pathlib import Path

from contracts.settings import LocalSettings, Settings
from docs.generator.text import ROOT, table
from learning.privacy.register import holdings

_BEGIN = "<!-- register, written by `make schemas` -->\n"
_END = "<!-- end of the register -->"
_COLUMNS = ("what", "where", "holds", "kept for", "at most", "setting", "`privacy forget`")


def privacy_page() -> str:
    """The page with its register written anew between the two marks."""
    before, _, rest = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8").partition(_BEGIN)
    rows = [
        (row.what, row.where, row.holds, row.kept, row.most, _variables(row.setting), row.forget)
        for row in holdings(Settings(local=LocalSettings(data_dir=Path("var"))))
    ]
    return f"{before}{_BEGIN}\n{table(_COLUMNS, rows)}\n\n{_END}{rest.partition(_END)[2]}"


def _variables(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", ") if name)
