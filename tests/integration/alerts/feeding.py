"""Scored tweets into the counters, as the worker counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from alerts.counters.counts import UNRELIABLE, VoiceGroup
from alerts.counters.store import Cell, CounterStore, Sample


class Feeder:
    """Counts tweets of one partition; offsets go on by themselves."""

    def __init__(self, store: CounterStore, *, partition: int = 0, bucket_s: int = 5) -> None:
        self.store = store
        self.partition = partition
        self.bucket_s = bucket_s
        self.offset = 0

    def tweets(
        self,
        at_ms: int,
        *,
        negative: int = 0,
        positive: int = 0,
        watch: str = "air-paradis",
        theme: str | None = None,
        late: bool = False,
        text: str | None = None,
        unreliable: bool = False,
        authors: Sequence[int] | None = None,
        reach: int = 0,
    ) -> None:
        """Tweets of one moment; their texts all differ, unless `text` is what the negative ones say.

        `authors` of the negative ones, unknown when not given; each has so much `reach`.
        """
        buckets: Counter[Cell] = Counter()
        minutes: Counter[Cell] = Counter()
        voices: list[VoiceGroup] = []
        second = at_ms // 1000
        for sentiment, number in (("negative", int(negative)), ("positive", int(positive))):
            if number:
                label = sentiment + UNRELIABLE if unreliable else sentiment
                names = ("",) if theme is None else ("", theme)
                some = tuple(Cell(second // self.bucket_s * self.bucket_s, watch, name, label) for name in names)
                long = tuple(Cell(second // 60 * 60, watch, name, label) for name in names)
                buckets.update(dict.fromkeys(some, number))
                minutes.update(dict.fromkeys(long, number))
                said = [f"{label} {self.offset + one} {watch}" for one in range(number)]
                if text is not None and sentiment == "negative":
                    said = [text] * number
                known = [int.from_bytes(blake2b(one.encode(), digest_size=8).digest(), "little") for one in said]
                whose = np.zeros(number, np.uint64)
                if authors is not None and sentiment == "negative":
                    whose[:] = authors
                of_texts = np.array(known, np.uint64)
                voices.append(
                    VoiceGroup(
                        watch,
                        () if late else some,
                        long,
                        of_texts,
                        whose,
                        np.full(number, reach, np.int64),
                        np.ones(number, np.bool_),
                    )
                )
        samples = [Sample(watch, at_ms, text, () if theme is None else (theme,), str(self.offset))] if text else []
        end = self.offset + negative + positive
        mark = self.store.add(
            topic_id="t",
            partition=self.partition,
            expected=self.offset,
            end=end,
            buckets={} if late else buckets,
            minutes=minutes,
            samples=samples,
            voices=voices,
        )
        assert mark == end
        self.offset = end
