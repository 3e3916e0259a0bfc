"""A stand-in for the process that makes frames: tells what it was handed, then waits for its end or ends by itself."""

from __future__ import annotations

import sys

from dashboard.feed.maker import Told, handed, write

if __name__ == "__main__":
    texts, ends = handed(sys.stdin.buffer)
    write(sys.stdout.buffer, Told("alerts", b"[]"))
    for text in texts:
        row = {"id": text, "tweet": f"t-{text}", "text": text}
        write(sys.stdout.buffer, Told("frame", b'{"watches":[],"n":1}', rows=[row], whole=True))
    write(sys.stdout.buffer, Told("forget", b'["t-gone"]', gone=["t-gone"]))
    if ends:
        sys.exit(3)
    sys.stdin.buffer.read()
