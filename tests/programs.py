"""Programs that only tests start; `.ci/system-packages` installs them."""

from __future__ import annotations

import shutil

import pytest


def program(*names: str, package: str) -> str:
    """The path of the first of these programs that is here; without one the test fails, for it shall not be skipped."""
    found = next((path for path in map(shutil.which, names) if path is not None), None)
    if found is None:
        pytest.fail(f"{names[0]} is missing: apt-get install {package}")
    return found
