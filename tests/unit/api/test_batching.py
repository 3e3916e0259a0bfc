from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.batching import MicroBatcher
from tests.waiting import until


class Scorer:
    """Upper case; refuses `bad`; takes as long as it is told; notes its batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, texts: Sequence[str]) -> list[str]:
        self.batches.append(list(texts))
        assert self.go_on.wait(60)
        if "bad" in texts:
            raise ValueError("bad text")
        return [text.upper() for text in texts]


@pytest.fixture
def scorer() -> Scorer:
    return Scorer()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


async def test_a_lonely_request_does_not_wait(scorer: Scorer, threads: ThreadPoolExecutor) -> None:
    batcher = MicroBatcher(scorer, threads, window_s=3600, max_batch=10)
    async with asyncio.timeout(60):
        for text in "abc":
            assert await batcher.submit(text) == text.upper()


async def test_what_comes_while_one_is_scored_is_scored_together(scorer: Scorer, threads: ThreadPoolExecutor) -> None:
    batcher = MicroBatcher(scorer, threads, window_s=0.001, max_batch=4)
    scorer.go_on.clear()
    first = asyncio.create_task(batcher.submit("first"))
    await asyncio.to_thread(until, lambda: scorer.batches)
    others = [asyncio.create_task(batcher.submit(str(number))) for number in range(6)]
    await asyncio.sleep(0)
    scorer.go_on.set()
    assert await asyncio.gather(first, *others) == ["FIRST", "0", "1", "2", "3", "4", "5"]
    assert scorer.batches == [["first"], ["0", "1", "2", "3"], ["4", "5"]]


async def test_in_traffic_a_request_waits_for_company_for_the_window(
    scorer: Scorer, threads: ThreadPoolExecutor
) -> None:
    batcher = MicroBatcher(scorer, threads, window_s=0.5, max_batch=10)
    scorer.go_on.clear()
    traffic = [asyncio.create_task(batcher.submit(text)) for text in "abc"]
    await asyncio.to_thread(until, lambda: scorer.batches)
    scorer.go_on.set()
    await asyncio.gather(*traffic)
    scorer.batches.clear()
    early = asyncio.create_task(batcher.submit("early"))
    for _ in range(5):  # it would be on its way by then
        await asyncio.sleep(0)
    late = asyncio.create_task(batcher.submit("late"))
    await asyncio.gather(early, late)
    assert scorer.batches == [["early", "late"]]


async def test_a_bad_text_fails_alone(scorer: Scorer, threads: ThreadPoolExecutor) -> None:
    batcher = MicroBatcher(scorer, threads, window_s=0.01, max_batch=10)
    answers = await asyncio.gather(*(batcher.submit(text) for text in ("a", "bad", "b")), return_exceptions=True)
    assert [answers[0], answers[2]] == ["A", "B"]
    assert isinstance(answers[1], ValueError)


async def test_a_cancelled_request_harms_nobody(scorer: Scorer, threads: ThreadPoolExecutor) -> None:
    batcher = MicroBatcher(scorer, threads, window_s=0.01, max_batch=10)
    scorer.go_on.clear()
    tasks = [asyncio.create_task(batcher.submit("a"))]
    await asyncio.to_thread(until, lambda: scorer.batches)  # a is being scored, the others will wait
    tasks += [asyncio.create_task(batcher.submit(text)) for text in "bcd"]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    await asyncio.sleep(0)
    scorer.go_on.set()
    assert list(await asyncio.gather(tasks[1], tasks[3])) == ["B", "D"]
    assert scorer.batches[1:] == [["b", "d"]]


async def test_without_a_window_each_is_scored_alone(scorer: Scorer, threads: ThreadPoolExecutor) -> None:
    batcher = MicroBatcher(scorer, threads, window_s=0, max_batch=10)
    assert await asyncio.gather(*(batcher.submit(text) for text in "abc")) == ["A", "B", "C"]
    assert sorted(scorer.batches) == [["a"], ["b"], ["c"]]


async def test_draining_answers_what_waits(scorer: Scorer, threads: ThreadPoolExecutor) -> None:
    sizes: list[int] = []
    batcher = MicroBatcher(scorer, threads, window_s=0.01, max_batch=2, scored=sizes.append)
    tasks = [asyncio.create_task(batcher.submit(str(number))) for number in range(7)]
    await asyncio.sleep(0)
    await batcher.drain()
    await asyncio.sleep(0)
    assert [task.result() for task in tasks] == [str(number) for number in range(7)]
    assert sum(sizes) == 7
