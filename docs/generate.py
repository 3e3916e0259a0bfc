"""Write the settings, schemas and `docs/reference` from the code: `make schemas`. A test keeps them current."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from docs.generator.asyncapi import asyncapi  # noqa: E402
from docs.generator.commands import commands_page  # noqa: E402
from docs.generator.errors import errors_page  # noqa: E402
from docs.generator.log_lines import log_lines_page  # noqa: E402
from docs.generator.metrics import metrics_page  # noqa: E402
from docs.generator.operating.licences import are_installed, licences_page  # noqa: E402
from docs.generator.operating.privacy import privacy_page  # noqa: E402
from docs.generator.rest import rest_page  # noqa: E402
from docs.generator.rules import rules_page  # noqa: E402
from docs.generator.schemas import as_text, schemas  # noqa: E402
from docs.generator.settings import settings_page  # noqa: E402
from docs.generator.topics import topics_page  # noqa: E402


def generated() -> dict[Path, str]:
    """File → what it should hold."""
    docs = ROOT / "docs"
    files = {docs / "asyncapi.json": as_text(asyncapi())}
    files |= {docs / "schemas" / f"{name}.schema.json": as_text(schema) for name, schema in schemas().items()}
    pages = {
        "cli": commands_page,
        "rest": rest_page,
        "topics": topics_page,
        "metrics": metrics_page,
        "rules": rules_page,
        "errors": errors_page,
        "log-lines": log_lines_page,
    }
    if are_installed():  # else `make setup` is due, and what is installed says nothing about what is locked
        files[docs / "licences.md"] = licences_page()
    return (
        files
        | {docs / "settings.md": settings_page(), docs / "privacy.md": privacy_page()}
        | {docs / "reference" / f"{name}.md": write() for name, write in pages.items()}
    )


def main() -> None:
    """Write what differs."""
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
