from __future__ import annotations

import numpy as np

from alerts.counters.voices import PERIODS, SLOT_BITS, SLOTS, salt, slots_of
from models.text.digests import digests


def test_a_text_about_two_watches_has_a_slot_of_its_own_for_each() -> None:
    found = digests(["my bag is lost"])
    kinds = [("acme", "text"), ("other", "text"), ("acme", "negative"), ("acme", "other")]
    places = [slots_of(found ^ np.uint64(salt(*kind)), np.array([7])) for kind in kinds]
    assert len({place for (place,), _ in places}) == 4
    for (place,), (value,) in places:
        assert 0 <= int(place) < SLOTS * SLOT_BITS
        assert int(place) % SLOT_BITS == 0
        assert PERIODS <= int(value) < 1 << SLOT_BITS
        assert int(value) % PERIODS == 7


def test_entries_are_spread_over_the_whole_table() -> None:
    keys = digests([chr(97 + one % 26) * (1 + one // 26) + "x" for one in range(26 * 40)])
    places = [int(place) // SLOT_BITS for place in slots_of(keys, np.zeros(len(keys), np.int64))[0]]
    assert len(set(places)) > 1030
    assert abs(np.mean(places) / SLOTS - 0.5) < 0.05


def test_no_entry_looks_like_an_empty_slot() -> None:
    keys = np.arange(4096, dtype=np.uint64) << np.uint64(32)
    for period in range(PERIODS):
        values = {int(value) for value in slots_of(keys, np.full(len(keys), period))[1]}
        assert min(values) >= PERIODS
