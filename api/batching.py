"""Micro-batching: requests that come together are scored together.

A request that nobody keeps company is scored at once: it waits for the window only when the batch before it had
more than one text, and not long ago. What comes while a batch is being scored makes the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

from contracts.errors import Unavailable

T = TypeVar("T")

_MOST_WAITING = 16_384
_QUIET = 10
"""No request for so many windows ends the traffic."""


class MicroBatcher(Generic[T]):
    """Turns single calls into calls of `score` on several texts.

    Args:
        score: blocks, and gives one result per text; called in `executor`, by one thread at a time.
        window_s: how long a text waits for company; 0 scores each alone, in as many threads as there are.
        max_batch: most texts in one call.
        scored: told the size of every batch.
    """

    def __init__(
        self,
        score: Callable[[Sequence[str]], Sequence[T]],
        executor: Executor,
        *,
        window_s: float,
        max_batch: int,
        scored: Callable[[int], object] = lambda _size: None,
    ) -> None:
        self._score = score
        self._executor = executor
        self._window_s = window_s
        self._max_batch = max_batch
        self._scored = scored
        self._waiting: list[tuple[str, asyncio.Future[T]]] = []
        self._last_arrival = float("-inf")
        self._last_size = 1
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None

    async def submit(self, text: str) -> T:
        """The result for one text.

        Raises:
            Unavailable: too many are waiting.
            Exception: whatever `score` raises on this text alone.
        """
        loop = asyncio.get_running_loop()
        if self._window_s == 0:
            self._scored(1)
            return (await loop.run_in_executor(self._executor, self._score, [text]))[0]
        if len(self._waiting) >= _MOST_WAITING:
            raise Unavailable(f"{_MOST_WAITING:,} requests are waiting to be scored: try again later")
        result: asyncio.Future[T] = loop.create_future()
        self._waiting.append((text, result))
        quiet = loop.time() - self._last_arrival > self._window_s * _QUIET
        self._last_arrival = loop.time()
        if self._running is None:
            if quiet or self._last_size == 1 or len(self._waiting) >= self._max_batch:
                self._start()
            elif self._timer is None:
                self._timer = loop.call_later(self._window_s, self._start)
        return await result

    async def drain(self) -> None:
        """Score what is waiting."""
        while self._waiting or self._running:
            if self._running is None:
                self._start()
            assert self._running is not None
            await self._running

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._running is None and self._waiting:
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """One batch after the other, as long as something is waiting."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._max_batch], self._waiting[self._max_batch :]
                await self._answer([(text, result) for text, result in batch if not result.done()])
        finally:
            self._running = None

    async def _answer(self, batch: list[tuple[str, asyncio.Future[T]]]) -> None:
        if not batch:  # everybody has gone
            return
        self._scored(len(batch))
        self._last_size = len(batch)
        try:
            answers = await self._call([text for text, _ in batch])
        except Exception as error:
            if len(batch) > 1:  # one text spoils it: each alone, so that the others get their answer
                for alone in batch:
                    await self._answer([alone])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, result), answer in zip(batch, answers, strict=True):
            if not result.done():  # cancelled meanwhile
                result.set_result(answer)

    async def _call(self, texts: Sequence[str]) -> Sequence[T]:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._score, texts)
