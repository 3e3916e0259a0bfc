from __future__ import annotations

import asyncio
import json

import pytest

from contracts.errors import Unavailable
from dashboard.feed.hub import Hub, Reader


async def read(reader: Reader, events: int) -> list[tuple[str, object, str]]:
    """Kind, payload and id of the next events; `retry:` lines left out."""
    found: list[tuple[str, object, str]] = []
    async for data in reader:
        fields = dict(line.split(": ", 1) for line in data.decode().strip().splitlines())
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"]), fields.get("id", "")))
        if len(found) == events:
            break
    return found


async def test_every_reader_gets_the_same_bytes() -> None:
    hub = Hub(10, lambda: {"alerts": []})
    readers = [hub.join(None) for _ in range(3)]
    taken: list[list[bytes]] = []

    async def take(reader: Reader) -> None:
        found = []
        async for data in reader:
            found.append(data)
            if b"event: frame" in data:
                break
        taken.append(found)

    waiting = [asyncio.create_task(take(reader)) for reader in readers]
    await asyncio.sleep(0)
    hub.publish("frame", {"text": "zwei\nlines é"})
    await asyncio.gather(*waiting)
    assert taken[0] == taken[1] == taken[2]
    assert taken[0][-1] is taken[1][-1]  # encoded once


async def test_a_new_reader_gets_a_snapshot_and_one_that_comes_back_what_it_missed() -> None:
    hub = Hub(10, lambda: {"n": "all"})
    hub.publish("frame", {"n": 1})
    [(kind, payload, first_id)] = await read(hub.join(None), 1)
    assert (kind, payload) == ("snapshot", {"n": "all"})
    hub.publish("frame", {"n": 2})
    hub.publish("alerts", [])
    assert [(kind, payload) for kind, payload, _ in await read(hub.join(first_id), 2)] == [
        ("frame", {"n": 2}),
        ("alerts", []),
    ]


async def test_after_something_was_erased_who_comes_back_is_not_told_of_it() -> None:
    hub = Hub(10, lambda: "whole")
    hub.publish("frame", {"n": 1})
    [(_, _, first_id)] = await read(hub.join(None), 1)
    hub.publish("frame", {"text": "erased later"})
    hub.forget()
    hub.publish("forget", ["7"])
    assert [(kind, payload) for kind, payload, _ in await read(hub.join(first_id), 1)] == [("snapshot", "whole")]


@pytest.mark.parametrize("last_id", ["", "nonsense", "00000000-1", "-5", "a-b-c"])
async def test_an_id_that_is_not_ours_gets_a_snapshot(last_id: str) -> None:
    hub = Hub(10, lambda: "whole")
    hub.publish("frame", 1)
    assert [(kind, payload) for kind, payload, _ in await read(hub.join(last_id), 1)] == [("snapshot", "whole")]


async def test_a_slow_reader_gets_the_newest_frame_and_how_many_it_missed() -> None:
    hub = Hub(10, lambda: "whole")
    reader = hub.join(None)
    for number in range(5):
        hub.publish("frame", number)
    hub.publish("alerts", ["now"])
    found = [(kind, payload) for kind, payload, _ in await read(reader, 4)]
    assert found == [("snapshot", "whole"), ("missed", 4), ("frame", 4), ("alerts", ["now"])]


async def test_closing_ends_every_stream() -> None:
    hub = Hub(10, lambda: "whole")
    reader = hub.join(None)
    waiting = asyncio.create_task(read(reader, 99))
    await asyncio.sleep(0)
    hub.close()
    assert len(await asyncio.wait_for(waiting, 5)) == 1


async def test_one_reader_too_many_is_refused_and_room_is_made_by_who_leaves() -> None:
    hub = Hub(1, lambda: "whole")
    reader = hub.join(None)
    assert hub.idle_s() == 0
    with pytest.raises(Unavailable, match="1 browsers read already"):
        hub.join(None)
    hub.leave(reader)
    assert hub.readers == 0
    hub.join(None)


async def test_a_crowd_is_served_in_turns_and_everybody_in_order() -> None:
    hub = Hub(300, dict)
    readers = [hub.join(None) for _ in range(120)]
    taken = [asyncio.create_task(read(reader, 3)) for reader in readers]
    await asyncio.sleep(0)
    hub.publish("alerts", [1])
    hub.publish("frame", {"n": 1})
    for reader in readers[:30]:
        hub.leave(reader)  # those behind them keep their turn
    assert [len(events) for events in await asyncio.gather(*taken)] == [3] * 120
    assert all([kind for kind, _, _ in task.result()] == ["snapshot", "alerts", "frame"] for task in taken)
