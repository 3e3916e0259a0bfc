"""Requests made from `/openapi.json`, sent to the API of the running stack."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import RunningStack

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
EXAMPLES = 25


@pytest.fixture
def log(stack: RunningStack) -> Iterator[Path]:
    """The API's log; silences that somebody made up meanwhile are ended afterwards."""
    [log] = (stack.folder / "var" / "logs").glob("api*.log")
    before = {one["id"] for one in stack.client.get("/silences").json()["silences"]}
    yield log
    for one in stack.client.get("/silences").json()["silences"]:
        if one["id"] not in before:
            stack.client.delete(f"/silences/{one['id']}")


def test_every_answer_is_one_that_the_document_names(stack: RunningStack, log: Path, tmp_path: Path) -> None:
    start = len(log.read_text())
    fuzzing = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", f"http://127.0.0.1:{stack.api}/openapi.json"),
            *("--checks", CHECKS, "--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing"),
            # On a stack with crises `/health?alerts=critical` is 503, as documented; the API's own tests have that.
            *("--exclude-path", "/health"),
            *("--seed", "1", "--max-time", "10", "--request-timeout", "20", "--no-shrink", "--continue-on-failure"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert fuzzing.returncode == 0, fuzzing.stdout[-8000:] + fuzzing.stderr[-2000:]
    assert "Traceback" not in log.read_text()[start:]
