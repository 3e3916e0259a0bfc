"""Small files of invented tweets, in the shape of the training data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GOOD = ["love", "great", "thanks", "happy", "lovely", "super"]
BAD = ["hate", "awful", "lost", "angry", "broken", "late"]
PLAIN = ["boarding", "gate", "flight", "ticket", "monday", "airport", "seat", "question"]


def tweets(count: int, labels: list[str], seed: int) -> tuple[list[str], list[str]]:
    """Texts whose label can be read from one of their words."""
    random = np.random.default_rng(seed)
    texts, chosen = [], []
    for number in range(count):
        label = labels[number % len(labels)]
        words = random.choice(PLAIN, 4).tolist()
        if label != "neutral":
            words.insert(int(random.integers(5)), str(random.choice(GOOD if label == "positive" else BAD)))
        # Letters of its own, so that no two are near-duplicates.
        texts.append(f"@air {' '.join(words)} {_letters(number)}")
        chosen.append(label)
    return texts, chosen


def write_data(folder: Path, *, polar: int = 600, human: int = 240) -> Path:
    """The four files."""
    folder.mkdir(parents=True, exist_ok=True)
    three = ["negative", "neutral", "positive"]
    sets = {"sentiment140": (polar, ["negative", "positive"]), "airline": (human, three), "french": (60, three)}
    for seed, (name, (count, labels)) in enumerate(sets.items()):
        texts, chosen = tweets(count, labels, seed)
        pq.write_table(pa.table({"text": texts, "label": chosen}), folder / f"{name}.parquet")
    texts, chosen = tweets(human, three, 9)
    part = ["val" if number % 4 == 0 else "train" for number in range(human)]
    pq.write_table(pa.table({"text": texts, "label": chosen, "tweeteval": part}), folder / "semeval.parquet")
    return folder


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))
