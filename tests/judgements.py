"""What the judge has counted, read from Redis as it is there."""

from __future__ import annotations

from collections import Counter
from typing import Any

import redis


def judgements(client: redis.Redis, prefix: str) -> dict[str, int]:
    """`version|right` or `version|wrong` → judgements, all minutes added up. Plain Redis: it reads nothing of ours."""
    found: Counter[str] = Counter()
    for key in client.scan_iter(f"{prefix}:{{alerts}}:feedback:judged:*", count=1000):
        minute: Any = client.hgetall(key)
        for name, number in minute.items():
            found[str(name)] += int(number)
    return dict(found)
