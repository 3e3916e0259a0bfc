"""Text of others reaches no terminal as it is; a closed pipe and Ctrl-C end a command as they do elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence

import pytest

from tests.stack import RunningStack
from tests.trials.terminals import COMMAND, interrupted, on_a_terminal, piped_to_head
from tests.waiting import until

STEERING = "\x1b]0;pwned\x07 \x1b[2J\x1b[31m \x9b2J \u202egab\u2066 \r over"
HOSTILE = re.compile(r"\x1b\]|\x1b\[2J|\x07|\x9b|\u202e|\u2066|\r(?!\n)")


@pytest.fixture(scope="module")
def written(stack: RunningStack) -> RunningStack:
    """The stack, with hostile tweets, dead letters, an alert's silence and a model's tags."""
    tweets = [{"id": f"steer-{number}", "text": f"@AirParadis lost {STEERING} bag {number}"} for number in range(300)]
    lines = "".join(json.dumps(tweet) + "\n" for tweet in tweets)
    stack.run("produce", "--format", "jsonl", text=lines.encode())
    dead = "".join(
        json.dumps({"id": number, "text": 5, "why": STEERING}, ensure_ascii=False) + "\n" for number in range(3)
    )
    stack.run("produce", "--format", "jsonl", text=dead.encode())
    stack.run(
        "alerts", "silence", "add", f"theme={json.dumps('x' + STEERING)}", "--comment", STEERING, "--by", STEERING
    )
    until(lambda: sum(one.tweet_id.startswith("steer-") for one in stack.predictions()) == 300, said=stack.said)
    return stack


@pytest.mark.parametrize(
    "arguments",
    [
        ("consume", "--from-beginning", "--until-end"),
        ("consume", "--from-beginning", "--until-end", "--format", "jsonl"),
        ("dlq", "list"),
        ("dlq", "list", "--format", "json"),
        ("alerts", "list", "--all"),
        ("alerts", "list", "--all", "--format", "json"),
        ("alerts", "silence", "list"),
        ("alerts", "silence", "list", "--format", "json"),
        ("predict", f"my bag {STEERING}"),
        ("predict", "--format", "json", f"my bag {STEERING}"),
        ("dlq", "show", f"0:{STEERING}"),
        ("alerts", "ack", f"{STEERING}"),
        ("alerts", "silence", "expire", f"{STEERING}"),
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_no_text_of_others_steers_the_terminal(written: RunningStack, arguments: Sequence[str]) -> None:
    shown = on_a_terminal(arguments, written.environment)
    assert shown
    assert not HOSTILE.search(shown), HOSTILE.search(shown)


def test_a_dead_letter_is_shown_escaped_and_its_bytes_go_to_files_alone(written: RunningStack) -> None:
    [letter, *_] = [
        one for one in json.loads(written.run("dlq", "list", "--format", "json").stdout) if "pwned" in one["value"]
    ]
    position = letter["position"]
    assert not HOSTILE.search(on_a_terminal(("dlq", "show", position), written.environment))
    refused = on_a_terminal(("dlq", "show", position, "--raw"), written.environment)
    assert "would change your terminal" in refused
    assert not HOSTILE.search(refused)
    assert "\u202e".encode() in written.run("dlq", "show", position, "--raw").stdout


def test_lines_of_json_stay_the_json_that_they_were(written: RunningStack) -> None:
    out = written.run("consume", "--from-beginning", "--until-end", "--format", "jsonl").stdout.decode()
    texts = [one["text"] for one in map(json.loads, out.splitlines()) if one["tweet_id"].startswith("steer-")]
    assert len(texts) == 300
    assert all("\u202egab\u2066" in text and "\x9b2J" in text for text in texts)


@pytest.mark.parametrize(
    "arguments",
    [
        ("consume", "--from-beginning"),
        ("consume", "--from-beginning", "--format", "jsonl"),
        ("consume", "--from-beginning", "--until-end"),
    ],
)
def test_a_reader_that_has_had_enough_ends_the_command_silently(
    written: RunningStack, arguments: Sequence[str]
) -> None:
    status, first, said = piped_to_head(arguments, written.environment)
    assert first
    assert (status, said) == (141, "")


@pytest.mark.parametrize(
    "arguments",
    [("dlq", "list"), ("topics", "list"), ("models", "list"), ("alerts", "silence", "list"), ("doctor",), ("--help",)],
)
def test_no_command_complains_of_a_pipe_that_is_closed(written: RunningStack, arguments: Sequence[str]) -> None:
    closed = subprocess.run(
        ["bash", "-c", '"$@" | true; exit "${PIPESTATUS[0]}"', "-", COMMAND, *arguments],
        env=written.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert closed.returncode in (0, 1, 141) if arguments == ("doctor",) else closed.returncode in (0, 141)
    assert "Traceback" not in closed.stderr
    assert "Broken pipe" not in closed.stderr
    assert "Exception ignored" not in closed.stderr


def test_ctrl_c_ends_with_130_and_without_a_word(written: RunningStack) -> None:
    assert interrupted(("consume",), written.environment) == (130, "")
