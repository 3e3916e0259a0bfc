"""Draws docs/pictures/demo.svg from what `buzzwatch demo` really prints.

    python docs/picture.py                   # plays the demo, which takes three minutes, and draws it
    python docs/picture.py --from demo.ansi  # draws what an earlier run has kept in a file

The picture begins with the calm phase and ends with the first alert that fires.
"""

from __future__ import annotations

import argparse
import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

_TARGET = Path(__file__).with_name("pictures") / "demo.svg"
_WIDTH = 118
_FROM = "a day's past"
_STATUS = re.compile(r"tweets in 10 s")
_MOST_STATUS_LINES = 2
"""Of each phase: the picture is no log."""


def play(target: Path) -> None:
    """Run the demo in a terminal of its own and keep what it prints.

    Raises:
        SystemExit: the demo failed.
    """
    parent, child = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(_WIDTH), "LINES": "200", "TERM": "xterm-256color"}
    command = [str(Path(sys.executable).with_name("buzzwatch")), "demo", "--exit"]
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environment)
    os.close(child)
    with target.open("wb") as file:
        while True:
            try:
                data = os.read(parent, 65536)
            except OSError:  # how Linux reports that the other end is closed
                break
            if not data:
                break
            file.write(data)
            file.flush()
            os.write(sys.stdout.fileno(), data)
    if process.wait():
        sys.exit("the demo failed; nothing was drawn")


def chosen(lines: list[Text]) -> list[Text]:
    """From the past to the end of the panel of the first alert that fires, few status lines a phase."""
    kept: list[Text] = []
    begun, status, in_alert = False, 0, False
    for line in lines:
        begun = begun or _FROM in line.plain
        if not begun:
            continue
        if _STATUS.search(line.plain):
            status += 1
            if status > _MOST_STATUS_LINES:
                continue
        elif not in_alert:
            status = 0
        kept.append(line)
        in_alert = in_alert or "FIRING" in line.plain
        if in_alert and line.plain.startswith(("┗", "└")):
            return kept
    raise SystemExit("no alert that fires is in this output")


def draw(ansi: str, target: Path) -> None:
    """Write the picture as SVG: text that can be searched and scales."""
    lines = [Text.from_ansi(line) for line in ansi.replace("\r", "").splitlines()]
    console = Console(record=True, width=_WIDTH, file=io.StringIO())
    for line in chosen(lines):
        console.print(line, soft_wrap=True)
    svg = console.export_svg(title="buzzwatch demo", unique_id="demo")
    # A picture loads nothing from elsewhere: the reader's own monospaced font will do.
    target.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")


def main() -> None:
    """Play or read, then draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="file", type=Path, help="what an earlier run printed")
    parser.add_argument("--keep", type=Path, help="where to keep what this run prints")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        file = options.file or options.keep or Path(scratch) / "demo.ansi"
        if options.file is None:
            play(file)
        draw(file.read_text(encoding="utf-8", errors="replace"), _TARGET)
    sys.stdout.write(f"wrote {_TARGET}\n")


if __name__ == "__main__":
    main()
