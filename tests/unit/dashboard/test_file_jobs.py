"""Whatever file somebody sends to Try it, the job ends, and says what could not be scored."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence

import pytest

from api.routes.predict import Scored
from contracts.events import ModelRef
from dashboard.pages.file_jobs import FileJobs, Job
from models.annotator import Annotation
from tests.waiting import until


def neutral(texts: Sequence[str]) -> list[Scored]:
    found = Annotation("neutral", 0.8, (0.1, 0.8, 0.1), ["delta"], [], "")
    return [Scored(found, ModelRef("sentiment", "1")) for _ in texts]


@pytest.fixture
def jobs() -> Iterator[FileJobs]:
    jobs = FileJobs()
    yield jobs
    jobs.stop()


def ended(jobs: FileJobs, name: str, content: bytes) -> Job:
    job = jobs.add(name, content, neutral)
    until(lambda: job.is_finished)
    return job


def test_rows_that_cannot_be_scored_are_named_and_the_others_scored(jobs: FileJobs) -> None:
    lines = [r'{"text": "\ud800 @delta"}', '{"text": 5}', "rubbish", '{"text": "=1+1 @delta"}']
    job = ended(jobs, "a.jsonl", "\n".join(lines).encode())
    assert (job.problem, job.done, job.wrong, job.counts["neutral"]) == (None, 4, 3, 1)
    answers = [json.loads(line) for line in job.result("jsonl").read_text(encoding="utf-8").splitlines()]
    assert [("error" in answer, "sentiment" in answer) for answer in answers] == [(True, False)] * 3 + [(False, True)]
    with job.result("csv").open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)][3] == "'=1+1 @delta", "no formula of a stranger is run"


@pytest.mark.parametrize("name", ["a." + "x" * 400, "noend", "a.c\x00sv", "😡.<b>", "." * 300, ".."])
def test_any_name_of_a_file_will_do(jobs: FileJobs, name: str) -> None:
    assert ended(jobs, name, b"text\nhello @delta\n").done == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"foo\n1\n", "a.csv: no column 'text' (it has foo)"),
        ("a.csv", b'text\n"open', "a quote is opened there and never closed"),
        ("a.parquet", b"rubbish", "a.parquet: not a Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_one_line(jobs: FileJobs, name: str, content: bytes, said: str) -> None:
    job = ended(jobs, name, content)
    assert said in (job.problem or "")
    assert job.done == 0
