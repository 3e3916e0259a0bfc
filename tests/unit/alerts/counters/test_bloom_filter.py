from __future__ import annotations

import numpy as np

from alerts.counters.bloom_filter import FILTER_BITS, filter_bits, salt
from models.text.digests import digests


def test_a_text_about_two_watches_has_bits_of_its_own_for_each() -> None:
    found = digests(["my bag is lost"])
    acme, other = (filter_bits(found ^ np.uint64(salt(watch))) for watch in ("acme", "other"))
    assert acme != other
    place, mask = acme
    assert 0 <= int(str(place).removeprefix("#")) < FILTER_BITS // 32
    assert 1 <= int(mask).bit_count() <= 3
    assert int(mask) < 1 << 32


def test_texts_are_spread_over_the_whole_filter() -> None:
    bits = filter_bits(digests([chr(97 + one % 26) * (1 + one // 26) + "x" for one in range(26 * 40)]))
    places = [int(str(place).removeprefix("#")) for place in bits[::2]]
    assert len(set(places)) > 1030
    assert abs(np.mean(places) / (FILTER_BITS / 32) - 0.5) < 0.05
