"""Invented tweets with labels, and labels on a snapshot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from learning.labels.resolution import Label
from tests.unit.learning.labels.saying import DAY

WORDS = {
    "negative": ["awful", "late", "lost", "rude", "broken", "dirty", "never", "worst", "angry", "cancelled"],
    "neutral": ["gate", "seat", "monday", "boarding", "schedule", "terminal", "paris", "counter", "row", "question"],
    "positive": ["thanks", "great", "love", "friendly", "smooth", "quick", "lovely", "perfect", "best", "happy"],
}
NEW = {
    "negative": ["meh", "cringe", "borked", "scuffed"],
    "neutral": ["fyi", "sched", "ticketing", "loungewear"],
    "positive": ["slaps", "fire", "goated", "stellar"],
}
FILL = ["the", "crew", "bag", "flight", "was", "my", "on", "to", "a", "plane", "captain", "meal"]


def tweet(rng: np.random.Generator, words: dict[str, list[str]], label: str) -> str:
    return " ".join([*rng.choice(words[label], 2), *rng.choice(FILL, 5)])


def old_data(folder: Path, rows: int = 600) -> Path:
    """A folder with one labelled file."""
    rng = np.random.default_rng(0)
    names = list(WORDS)
    lines = [{"text": tweet(rng, WORDS, names[row % 3]), "label": names[row % 3]} for row in range(rows)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "old.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def labels(count: int = 300, *, random: Sequence[int] = range(0), wrong: float = 0.0, seed: int = 1) -> list[Label]:
    """In words that the old data do not have."""
    rng = np.random.default_rng(seed)
    names = list(NEW)
    found = []
    for number in range(count):
        truth = names[number % 3]
        said = names[(number + 1) % 3] if rng.random() < wrong else truth
        found.append(
            Label(
                text=f"{tweet(rng, NEW, truth)} @user <url>",
                label=said,  # type: ignore[arg-type]
                probability=0.8,
                judges=1,
                sources=("random",) if number in random else ("review",),
                created_at=DAY + timedelta(minutes=number),
                tweet_id=str(number),
                prediction_id=None,
                model_version="1",
                scores=(0.5, 0.3, 0.2),
            )
        )
    return found
