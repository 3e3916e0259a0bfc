"""Files of tweets as people have them: read whole by every command, or refused in one line before a tweet is sent."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.events import Prediction
from contracts.settings import Settings
from stream.kafka.tweet_files import Line
from stream.kafka.tweet_producer import TweetProducer
from tests import commands
from tests.stack import RunningStack
from tests.trials.terminals import COMMAND
from tests.waiting import until

INPUTS = Path(__file__).with_name("inputs")
MODEL = str(Settings().artefact)
LONG = "two hours on the tarmac and nobody has ever answered me, the worst service"
SKY = "at://did:plc:77/app.bsky.feed.post/"
WHOLE = {
    "v11.jsonl": {"1050118621198921728": "has ever answered me", "1050118621198921729": "lost my bag again"},
    "note.jsonl": {"1901": "never again, I hate it"},
    "array.json": {"array-1": "lost my bag again", "array-2": "thank you"},
    "author.jsonl": dict.fromkeys(("a1", "a2", "a3", "a4"), "lost my bag"),
    "retweets.jsonl": {"retweet-1": LONG, "quote-1": LONG},
    "tweets.js": {"archive-1": LONG},
    "page.json": {"page-1": LONG, "page-2": LONG},
    "bluesky.jsonl": {f"{SKY}sky1": LONG, f"{SKY}sky2": LONG},
    "mastodon.json": {"toot-1": LONG, "boost-1": LONG},
}


def tried(stack: RunningStack, *arguments: object, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """A command beside the stack, whatever it ends with."""
    return commands.run(*map(str, arguments), env=stack.environment, text=text)


def refused(done: subprocess.CompletedProcess[bytes], *said: str) -> None:
    """It has ended with 1 and one line that says so."""
    shown = done.stderr.decode()
    assert done.returncode == 1, shown
    assert "Traceback" not in shown
    (line,) = [line for line in shown.splitlines() if line.startswith(("buzzwatch:", "error:", "Error"))] or [shown]
    for part in said:
        assert part in line, shown


def scored(stack: RunningStack, known: Callable[[str], bool], number: int) -> dict[str, Prediction]:
    """The predictions of tweets whose id is known, once there are so many."""

    def found() -> dict[str, Prediction]:
        return {one.tweet_id: one for one in stack.predictions() if known(one.tweet_id)}

    until(lambda: len(found()) >= number, said=stack.said)
    return found()


def test_objects_of_every_network_are_scored_with_their_whole_text_from_files(stack: RunningStack) -> None:
    for name in WHOLE:
        stack.run("produce", str(INPUTS / name))
    expected = {identifier: end for texts in WHOLE.values() for identifier, end in texts.items()}
    predictions = scored(stack, expected.__contains__, len(expected))
    for identifier, end in expected.items():
        assert (predictions[identifier].text or "").endswith(end), identifier
    assert predictions["1050118621198921728"].created_at == "2018-10-10T20:19:24.000Z"
    # Whole ids, in quotes: short ones also occur by chance within the ids of other trials' records.
    quoted = [f'"{identifier}"'.encode() for identifier in expected]
    assert not [value for value in stack.dead() if value and any(one in value for one in quoted)]


def test_objects_of_every_network_are_scored_when_others_produce_them(stack: RunningStack) -> None:
    producer = TweetProducer(stack.settings)
    lines = [
        line.replace(b'"retweet-1"', b'"theirs-1"').replace(b"sky2", b"theirs-2").replace(b'"1901"', b'"theirs-3"')
        for name in ("retweets.jsonl", "bluesky.jsonl", "note.jsonl")
        for line in (INPUTS / name).read_bytes().splitlines()
    ]
    statuses = json.loads((INPUTS / "mastodon.json").read_text())
    for line in [*lines, json.dumps(statuses[1] | {"id": "theirs-4"}).encode()]:
        producer.send(Line(b"", line))
    producer.send(Line(b"", b'{"data":[{"id":"several-1","text":"a"},{"id":"several-2","text":"b"}]}'))
    producer.close()
    predictions = scored(stack, lambda identifier: "theirs-" in identifier, 4)
    ends = {(one.text or "")[-len(LONG) :] for one in predictions.values() if not one.tweet_id.endswith("3")}
    assert ends == {LONG}
    until(lambda: any(b"several-1" in (value or b"") for value in stack.dead()), said=stack.said)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("unclosed.csv", None, ("lines 3 to 6", "never closed")),
        ("backslash.csv", None, ("line 2", "written twice")),
        ("latin1.csv", None, ("line 2, byte", "0xE9 is not UTF-8", "--encoding")),
        ("ragged.csv", b"id,text\nbroken-1,a\nbroken-2,b,c\n", ("line 3", "3 fields, the header has 2")),
        ("twice.csv", b"id,text,text\nbroken-1,a,b\n", ("2 columns are called 'text'",)),
        ("half.json", b'[\n{"id":"broken-1","text":"a"},\n', ("no JSON", "line")),
        ("deep.json", b'[\n{"id":"broken-1","x":' + b"[" * 100_000, ("nested too deeply",)),
        ("sheet.xlsx", b"PK\x03\x04rest", ("save the sheet as CSV",)),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00rest", ("damaged gzip",)),
    ],
)
def test_a_file_whose_structure_is_wrong_is_refused_before_a_tweet_is_sent(
    stack: RunningStack, tmp_path: Path, name: str, content: bytes | None, said: tuple[str, ...]
) -> None:
    path = INPUTS / name
    if content is not None:
        path = tmp_path / name
        path.write_bytes(content)
    refused(tried(stack, "produce", path), str(path), *said)
    for command in (("evaluate", "--model", MODEL, "--data"), ("alerts", "backtest", "--data"), ("data", "profile")):
        done = tried(stack, *command, path)
        assert done.returncode == 1, done
        assert b"Traceback" not in done.stderr
    end = f"end-of-{name}"
    stack.run("produce", text=json.dumps({"id": end, "text": "the end"}).encode())
    scored(stack, end.__eq__, 1)
    assert not [one.tweet_id for one in stack.predictions() if one.tweet_id.startswith("broken-")]


def test_a_pipe_says_how_much_was_sent_before_it_broke(stack: RunningStack) -> None:
    done = tried(stack, "produce", "--format", "csv", text=b'id,text\npiped-1,a\npiped-2,"b\n')
    refused(done, "standard input", "never closed", "(1 tweets before it were sent)")
    scored(stack, "piped-1".__eq__, 1)


def test_an_encoding_can_be_named(stack: RunningStack) -> None:
    content = "id,text\nlatin-1,@AirParadis café froid\n".encode("latin-1")
    stack.run("produce", "--format", "csv", "--encoding", "latin-1", text=content)
    assert (scored(stack, "latin-1".__eq__, 1)["latin-1"].text or "").endswith("café froid")


def test_pipes_and_folders_of_parts_are_read_by_every_command(stack: RunningStack, tmp_path: Path) -> None:
    lines = [
        {"id": f"pipe-{number}", "text": text, "label": label, "created_at": f"2026-11-28T10:00:0{number}Z"}
        for number, (text, label) in enumerate([("@AirParadis lost my bag", "negative"), ("thanks", "positive")])
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder = tmp_path / "spark.parquet"
    folder.mkdir()
    for number, line in enumerate(lines):
        columns = {name: [f"part-{number}" if name == "id" else value] for name, value in line.items()}
        pq.write_table(pa.table(columns), folder / f"part-{number}.parquet")
    (folder / "_SUCCESS").touch()
    for data in (f"<(cat {path})", str(folder)):
        for command in (
            f"produce {data} --format {'parquet' if data == str(folder) else 'jsonl'}",
            f"evaluate --model {MODEL} --format json --data {data}",
            f"alerts backtest --model {MODEL} --data {data}",
            f"data profile {data} --out {tmp_path / 'profile'}",
        ):
            done = subprocess.run(
                ["bash", "-c", f"{COMMAND} {command}"], env=stack.environment, capture_output=True, check=False
            )
            assert done.returncode == 0, (command, done.stderr.decode())
    scored(stack, lambda identifier: identifier in {"pipe-0", "pipe-1", "part-0", "part-1"}, 4)


TEXT = ["@AirParadis lost my bag again", "@AirParadis rude crew"]
TYPES: dict[str, tuple[Any, str]] = {
    "text": (pa.array([text.encode() for text in TEXT], pa.binary()), ""),
    "created_at": (pa.array([dt.date(2026, 11, 28)] * 2), ""),
    "date": (pa.array([dt.time(10)] * 2), "column 'date' is of type time64[us]"),
    "id": (pa.array([decimal.Decimal(1050118621198921730)] * 2, pa.decimal128(20, 0)), ""),
    "user": (pa.array([{"id": 7, "since": dt.datetime(2020, 1, 1)}] * 2), ""),
    "author_id": (pa.array([7.0, float("nan")]), ""),
    "lang": (pa.array(["en", None]).dictionary_encode(), ""),
    "label": (pa.array(["negative"] * 2, pa.large_string()), ""),
}


@pytest.mark.parametrize("name", TYPES)
def test_parquet_columns_of_every_type_are_read_or_named(stack: RunningStack, tmp_path: Path, name: str) -> None:
    column, said = TYPES[name]
    columns = {"id": [f"typed-{name}-{number}" for number in (1, 2)], "text": TEXT, "label": ["negative"] * 2}
    if name != "date":
        columns["created_at"] = ["2026-11-28T10:00:00Z"] * 2
    path = tmp_path / "typed.parquet"
    pq.write_table(pa.table(columns | {name: column}), path)
    produced, backtested = (
        tried(stack, "produce", path),
        tried(stack, "alerts", "backtest", "--model", MODEL, "--data", path),
    )
    if said:
        refused(produced, said)
        refused(backtested, said)
    else:
        assert b"2 of 2 tweets acknowledged" in produced.stderr
        assert backtested.returncode == 0, backtested.stderr.decode()
        wanted = "1050118621198921730" if name == "id" else f"typed-{name}-1"
        scored(stack, wanted.__eq__, 1)
    # What a command does not need costs it nothing.
    assert tried(stack, "evaluate", "--model", MODEL, "--data", path).returncode == 0


def test_json_that_is_nested_deeply_is_one_line(stack: RunningStack, tmp_path: Path) -> None:
    path = tmp_path / "deep.jsonl"
    path.write_bytes(b'{"text":"a","label":"neutral"}\n' + b"[" * 100_000 + b"\n")
    refused(tried(stack, "evaluate", "--model", MODEL, "--data", path), "line 2", "nested too deeply")


def test_ids_that_a_spreadsheet_has_cut_are_named(stack: RunningStack) -> None:
    done = stack.run("produce", "--format", "csv", text=b"id,text\n1.05012E+18,a\n1.05012E+18,b\n")
    assert b"2 ids have lost digits (row 1 (line 2): 1.05012E+18, row 2 (line 3): 1.05012E+18)" in done.stderr
