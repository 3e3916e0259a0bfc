"""Opens a page in the reader's browser, where there is one."""

from __future__ import annotations

import contextlib
import os
import sys
import webbrowser
from collections.abc import Mapping


def has_browser(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether somebody sits in front of a screen: a terminal, a display, and no CI."""
    if not is_terminal or environment.get("CI"):
        return False
    return sys.platform == "darwin" or bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def open_browser(url: str) -> bool:
    """Open a page if somebody can see it; whether it was opened."""
    if not has_browser(os.environ, is_terminal=sys.stdout.isatty()):
        return False
    with contextlib.suppress(webbrowser.Error):
        return webbrowser.open(url)
    return False
