"""Scored tweets into the counters, as the worker counts them."""

from __future__ import annotations

from collections import Counter

from alerts.counters import Cell, CounterStore, Sample


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
    ) -> None:
        buckets: Counter[Cell] = Counter()
        minutes: Counter[Cell] = Counter()
        second = at_ms // 1000
        for sentiment, number in (("negative", negative), ("positive", positive)):
            if number:
                for name in ("",) if theme is None else ("", theme):
                    buckets[Cell(second // self.bucket_s * self.bucket_s, watch, name, sentiment)] += number
                    minutes[Cell(second // 60 * 60, watch, name, sentiment)] += number
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
        )
        assert mark == end
        self.offset = end
