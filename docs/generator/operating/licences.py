"""`docs/licences.md`: what the images are made of, and under which licences, from the metadata of what is installed."""

from __future__ import annotations

import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, metadata

from packaging.markers import Marker

from docs.generator.text import ROOT, page, table

_LOCKS = {"serving": "the image `runtime`", "mlflow": "the image `mlflow`"}
_LOCKED = re.compile(r"^([a-z0-9._-]+)(?:\[[^\]]+\])?==([^\s;]+)(?: *; *(.*?))?(?: *\\)?$", re.MULTILINE)
_LONGEST = 60
_HEAD = """buzzwatch itself is under Apache-2.0. Packages of the images, with what their metadata say; the versions are in the lock files.
`make sbom` writes the same as CycloneDX, with hashes, and `make audit` asks whether any version is known to be vulnerable."""


def licences_page() -> str:
    """Every package of `deploy/*.lock` that is installed on this kind of machine."""
    where: dict[str, list[str]] = {}
    for lock in _LOCKS:
        for name in _locked(lock):
            where.setdefault(name, []).append(lock)
    rows = [(name, said, ", ".join(where[name])) for name in sorted(where) if (said := licence_of(name)) is not None]
    counted = Counter(licence for _, licence, _ in rows).most_common()
    return page(
        "Licences",
        "the lock files and installed metadata",
        _HEAD,
        "## How many of each",
        table(("licence", "packages"), [(licence, str(number)) for licence, number in counted]),
        "## Package by package",
        table(("package", "licence", "in"), rows),
    )


def are_installed() -> bool:
    """Whether the packages of the lock files are here, in the versions that they name."""
    for lock in _LOCKS:
        for name, version in _locked(lock).items():
            try:
                if metadata(name)["Version"] != version:
                    return False
            except PackageNotFoundError:
                return False
    return True


def _locked(lock: str) -> dict[str, str]:
    """Packages and versions for this system and Python; a lock file also has lines for others."""
    text = (ROOT / "deploy" / f"{lock}.lock").read_text(encoding="utf-8")
    return {name: version for name, version, marker in _LOCKED.findall(text) if not marker or Marker(marker).evaluate()}


def licence_of(name: str) -> str | None:
    """What the package says, the most exact first; None where it is not installed (one for another system)."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return None
    if "License-Expression" in said:
        return str(said["License-Expression"])
    classifiers = [one for one in said.get_all("Classifier") or () if one.startswith("License ::")]
    if classifiers:
        return ", ".join(sorted({one.rsplit(" :: ", 1)[-1] for one in classifiers}))
    text = str(said["License"]).strip() if "License" in said else ""
    return text.splitlines()[0] if text and len(text.splitlines()[0]) <= _LONGEST else "not stated"
