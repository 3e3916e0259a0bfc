"""Markdown, and what the code says about itself."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from contracts.printable import markdown_table

ROOT = Path(__file__).resolve().parents[2]


def page(title: str, source: str, *parts: str) -> str:
    """A page with its title, a note that it is written from `source`, and its parts."""
    note = f"<!-- Written by `make schemas` from {source}; change it there. -->"
    return "\n\n".join([f"# {title}", note, *(part.strip("\n") for part in parts if part.strip())]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already; line breaks and pipes in them are made harmless."""
    return "\n".join(markdown_table(head, ([_cell(cell) for cell in row] for row in rows)))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """In backticks, in two where it has some itself."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


_BOUNDS: Final = {
    "minimum": "from",
    "exclusiveMinimum": "above",
    "maximum": "to",
    "exclusiveMaximum": "below",
    "multipleOf": "a multiple of",
    "maxLength": "at most this long:",
}


def bounds(schema: Mapping[str, Any]) -> list[str]:
    """The bounds of a JSON schema, in words."""
    return [f"{word} {schema[key]}" for key, word in _BOUNDS.items() if key in schema]


def attribute_docs(of: type) -> dict[str, str]:
    """Attribute → the string literal under it, of a class and those of ours that it stands on."""
    found: dict[str, str] = {}
    for one in reversed(of.__mro__):
        file = Path(*one.__module__.split(".")).with_suffix(".py")
        if file in product_files():
            found |= _said_in(file, one.__name__)
    return found


def _said_in(file: Path, name: str) -> dict[str, str]:
    found = {}
    for node in code_of(file).body:
        if not isinstance(node, ast.ClassDef) or node.name != name:
            continue
        for before, after in zip(node.body, node.body[1:], strict=False):
            if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
                match after:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        found[before.target.id] = text
    return found


def first_sentence(doc: str | None) -> str:
    """The first paragraph of a docstring, as one line."""
    return " ".join((doc or "").strip().split("\n\n")[0].split())


@cache
def calls() -> list[tuple[Path, ast.Call]]:
    """Every call in the product's code, with its file's path from the root."""
    return [(path, node) for path in product_files() for node in ast.walk(code_of(path)) if isinstance(node, ast.Call)]


@cache
def product_files() -> tuple[Path, ...]:
    """Python files of the product, as git knows them."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    names = sorted(set(listed.stdout.splitlines()))
    aside = ("tests/", "docs/", "bench/", "examples/")
    return tuple(Path(name) for name in names if not name.startswith(aside) and (ROOT / name).exists())


@cache
def code_of(path: Path) -> ast.Module:
    """The parsed code of a file, from the root or absolute."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def literal(node: ast.expr | None) -> Any:
    """The value of a literal, None where it is worked out while the program runs."""
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None
