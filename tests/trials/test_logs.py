"""What strangers write does not end up in the logs of any process, and neither do our secrets."""

from __future__ import annotations

import json
import uuid

import httpx

from tests.fakes import Receiver
from tests.stack import RunningStack
from tests.waiting import until

WORD = "quockerwodger"
"""In every text that is sent here, and nowhere else."""


def test_no_log_of_the_running_stack_holds_a_text_or_a_secret(stack: RunningStack, receiver: Receiver) -> None:
    name = uuid.uuid4().hex
    rows: list[object] = [
        {"id": name, "text": f"@AirParadis lost my bag {WORD}", "author_id": WORD},
        {"id": f"{name}b", "text": WORD * 2000},
        {"id": f"{name}c", "text": [WORD]},
        {"id": {"of": WORD}, "text": WORD},
        {"id": f"{name}d", "text": f"fine {WORD}", "created_at": f"no date {WORD}"},
    ]
    lines = [*map(json.dumps, rows), f"{{no json {WORD}", json.dumps(f"{WORD} \ud800")]
    stack.run("produce", "--format", "jsonl", text="".join(line + "\n" for line in lines).encode())
    api = f"http://127.0.0.1:{stack.api}"
    with httpx.Client(base_url=api, timeout=60, trust_env=False) as client:
        for body in ({"text": WORD}, {"text": WORD * 9000}, {"text": {WORD: 1}}, {WORD: WORD}):
            for route in ("/predict", "/explain", "/feedback"):
                client.post(route, json=body)
        client.post("/predict/batch", json={"texts": [WORD, "", WORD]})
        client.post("/predict", content=f"{{{WORD}", headers={"content-type": "application/json"})
        client.get(f"/{WORD}")
    until(lambda: any(one.tweet_id == name for one in stack.predictions()))
    logs = sorted((stack.folder / "var" / "logs").glob("*.log*"))
    assert len(logs) >= 6
    written = "".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)
    assert len(written) > 2000
    assert WORD not in written
    assert receiver.secret not in written
    assert receiver.secret.removeprefix("whsec_") not in written
