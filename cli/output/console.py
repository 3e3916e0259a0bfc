"""Text of others for tables of the command line; `contracts.printable` says what is escaped."""

from __future__ import annotations

from rich.markup import escape

from contracts.printable import printable, printable_json, printable_line, safe_json

__all__ = ["cell", "printable", "printable_json", "printable_line", "safe_json"]


def cell(text: str) -> str:
    """Printable for a cell of a table, where brackets are no markup either."""
    return escape(printable(text))
