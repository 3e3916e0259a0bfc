"""Frames come from a process of their own; what open pages receive of them, and what becomes of that process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dashboard.feed.feed import Feed
from dashboard.feed.hub import Reader
from dashboard.feed.maker import Maker

MODULE = "tests.unit.dashboard.telling"


class Making:
    """Starts the stand-in, and counts how often."""

    def __init__(self, *texts: str, ends: bool = False, outdates: int = 0) -> None:
        self.texts, self.ends, self.outdates = texts, ends, outdates
        self.made: list[Maker] = []

    def start(self) -> Maker:
        self.made.append(Maker(MODULE, (self.texts, self.ends)))
        return self.made[-1]

    def is_outdated(self) -> bool:
        return len(self.made) <= self.outdates


async def told(reader: Reader, wanted: Callable[[str], bool]) -> list[str]:
    """Events up to the first one that is wanted."""
    found: list[str] = []
    async with asyncio.timeout(60):
        async for event in reader:
            found.append(event.decode())
            if wanted(found[-1]):
                break
    return found


async def test_what_the_process_tells_is_told_to_readers_and_kept_for_those_to_come() -> None:
    making = Making("one", "gone", "two")
    feed = Feed(10, making.start, making.is_outdated)
    await feed.start()
    assert making.made == [], "nothing is made for nobody"
    reader = feed.join(None)
    events = "".join(await told(reader, lambda event: "event: forget" in event))
    assert "event: alerts" in events
    assert '{"watches":[],"n":1}' in events
    assert [row["id"] for row in feed.recent()] == ["two", "one"], "what was erased is shown to nobody any more"
    snapshot = (await told(feed.join(None), lambda event: "event: snapshot" in event))[-1]
    assert '"alerts":[]' in snapshot
    assert '"n":1' in snapshot
    await feed.stop()
    assert making.made[0].end() == 0, "it ended when it was asked to"


async def test_a_process_that_ends_by_itself_is_said_and_started_again() -> None:
    making = Making("one", ends=True)
    feed = Feed(10, making.start, making.is_outdated)
    await feed.start()
    events = await told(feed.join(None), lambda event: "is started again" in event)
    assert events
    reader = feed.join(None)
    making.ends = False
    await told(reader, lambda event: "event: frame" in event and '"n":1' in event)
    assert len(making.made) == 2
    await feed.stop()


async def test_what_it_works_with_has_changed_so_another_one_takes_over() -> None:
    making = Making("one", outdates=1)
    feed = Feed(10, making.start, making.is_outdated)
    await feed.start()
    await told(feed.join(None), lambda event: '"n":1' in event)
    assert len(making.made) == 2
    await feed.stop()
