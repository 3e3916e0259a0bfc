"""The style sheet, the scripts and uPlot: in memory, compressed once, under an address that changes with them.

uPlot is not part of the repository: `make charts` fetches it (dashboard/package-lock.json names version and digest).
Without it pages have their tables, and say so.
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import APIRouter, HTTPException, Request, Response

from dashboard.html.words import words_of

_FOLDER: Final = Path(__file__).resolve().parent.parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
CHARTS: Final = "vendor/uPlot.iife.min.js"

router = APIRouter()


class File(NamedTuple):
    """One of them."""

    type: str
    plain: bytes
    packed: bytes


class Files:
    """All of them, read once."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._files: dict[str, File] = {}
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if path.suffix in _TYPES:
                plain = path.read_bytes()
                digest.update(plain)
                name = path.relative_to(folder).as_posix()
                self._files[name] = File(_TYPES[path.suffix], plain, gzip.compress(plain, 9, mtime=0))
        self.version = digest.hexdigest()[:12]
        self.has_charts = CHARTS in self._files
        own = [file.plain.decode() for name, file in self._files.items() if name.endswith(".js") and "/" not in name]
        self.words = frozenset().union(*(words_of(script) for script in own))
        """What scripts say to people."""

    def get(self, name: str) -> File | None:
        """The file of this name."""
        return self._files.get(name)


FILES: Final = Files()


@router.get("/room/static/{version}/{name:path}", include_in_schema=False)
async def file(request: Request, version: str, name: str) -> Response:
    """A file; browsers keep it for good, as another content has another address."""
    found = FILES.get(name)
    if found is None:
        hint = "; run `make charts`, which fetches it" if name.startswith("vendor/") else ""
        raise HTTPException(404, f"there is no file {name}{hint}")
    lasting = "public, max-age=31536000, immutable" if version == FILES.version else "no-cache"
    headers = {"cache-control": lasting, "vary": "accept-encoding", "x-content-type-options": "nosniff"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, media_type=found.type, headers={**headers, "content-encoding": "gzip"})
    return Response(found.plain, media_type=found.type, headers=headers)
