"""The vocabulary of the recurrent families: lower-cased words, marks in a row, emoji by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from models.deep.cleaning import cleaned_all

PAD: Final = "[PAD]"
UNKNOWN: Final = "[UNK]"
_CHUNK: Final = 20_000


def build_vocabulary(texts: Sequence[str], size: int, least: int) -> Tokenizer:
    """The `size` most frequent words that occur `least` times or more; 0 is padding, 1 every other word."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace("'", ""),
            normalizers.Replace(Regex(r"\d"), "0"),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(r"@user|\w+|[^\w\s]+"), "removed", invert=True)]
    )
    trainer = trainers.WordLevelTrainer(
        vocab_size=size, min_frequency=least, show_progress=False, special_tokens=[PAD, UNKNOWN]
    )
    tokenizer.train_from_iterator(_chunks(texts), trainer)
    return tokenizer


def vocabulary_of(tokenizer: Any) -> list[str]:
    """Words by number."""
    words = json.loads(tokenizer.to_str())["model"]["vocab"]
    return sorted(words, key=words.__getitem__)


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    for at in range(0, len(texts), _CHUNK):
        yield cleaned_all(texts[at : at + _CHUNK])
