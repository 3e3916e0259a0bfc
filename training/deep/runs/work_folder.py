"""A work folder: what a training run needs to go on, and what is made of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from contracts.errors import BuzzwatchError
from training.deep.data.embeddings import DIMENSIONS
from training.deep.networks.recurrent import network as small_network
from training.deep.networks.transformer import backbone_of, transformer
from training.deep.runs.training_loop import State

OPTIONS: Final = "options.json"
TOKENIZER: Final = "tokenizer.json"


class WorkFolderError(BuzzwatchError):
    """A work folder cannot be used. Names it and the reason."""


@dataclass(frozen=True)
class Finished:
    """A trained network and what is known about it."""

    family: str
    """`recurrent`, `student` or `transformer`."""
    member: str
    network: keras.Model
    tokenizer: str
    """The content of `tokenizer.json`."""
    longest: int
    params: Mapping[str, Any]
    state: State
    losses: Sequence[tuple[int, float]] = ()
    """(tweets seen, moving average of the loss), for the learning curve."""


def begin(work: Path, family: str, longest: int, options: Any, tokenizer: str, data_hash: str) -> None:
    """Note what the run is; a folder with another run in it is refused, and stays as it is.

    A folder that was written before the data's hash was noted is taken for one of these data, and it is noted then.

    Args:
        tokenizer: the content of `tokenizer.json`; with other numbers for the words the weights mean nothing.

    Raises:
        WorkFolderError: it holds a run with other options, other data or another vocabulary.
    """
    work.mkdir(parents=True, exist_ok=True)
    written = {"family": family, "longest": longest, "data_hash": data_hash, "params": asdict(options)}
    noted: dict[str, Any] = json.loads(json.dumps(written))  # as it will be read: tuples are lists
    path, words = work / OPTIONS, work / TOKENIZER
    if (work / "state.json").is_file() and path.is_file():
        before = json.loads(path.read_text("utf-8"))
        # An option that was added later has its default in an older folder.
        older = {one.name: one.default for one in fields(options) if one.default is not MISSING}
        theirs = json.loads(json.dumps({**older, **before["params"]}))
        # More time or more rows is what resuming is for.
        differing = sorted(
            name
            for name, value in noted["params"].items()
            if name not in ("minutes", "rows", "steps") and theirs.get(name) != value
        )
        differing += ["family"] * (before["family"] != family)
        differing += ["data"] * (before.get("data_hash", data_hash) != data_hash)
        differing += ["vocabulary"] * (words.is_file() and words.read_text("utf-8") != tokenizer)
        if differing:
            raise WorkFolderError(
                f"{work} holds another run (other {', '.join(differing)}): name another folder with --work"
            )
    path.write_text(json.dumps(noted, indent=2) + "\n", "utf-8")
    words.write_text(tokenizer, "utf-8")


def losses_of(work: Path) -> list[tuple[int, float]]:
    """The progress that a run has recorded; a line that a kill has cut off is left out."""
    found = []
    try:
        lines = (work / "progress.jsonl").read_text("utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            entry = json.loads(line)
            found.append((int(entry["rows"]), float(entry["loss"])))
        except (ValueError, TypeError, KeyError):
            continue
    return sorted(found)


def restored(work: Path) -> Finished:
    """The network of a run that has ended or stands at a checkpoint: that of the state beside it.

    Raises:
        WorkFolderError: nothing was trained there.
    """
    try:
        noted = json.loads((work / OPTIONS).read_text("utf-8"))
        tokenizer = (work / TOKENIZER).read_text("utf-8")
        state = json.loads((work / "state.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WorkFolderError(f"{work} holds no trained network: {error}") from None
    params = noted["params"]
    net = built(noted["family"], params, tokenizer)
    checkpoint = work / str(state.pop("checkpoint"))
    if not checkpoint.with_suffix(".index").is_file():
        raise WorkFolderError(f"{work}: nothing was kept of the training yet; give it its command again")
    tf.train.Checkpoint(network=net).restore(str(checkpoint)).expect_partial()  # the optimizer is not needed
    member = params["preset"] if noted["family"] == "transformer" else params["member"]
    return Finished(noted["family"], member, net, tokenizer, noted["longest"], params, State(**state), losses_of(work))


def built(family: str, params: Mapping[str, Any], tokenizer: str, *, width: int | None = None) -> keras.Model:
    """The network of a family, untrained but for a transformer's preset.

    Args:
        width: tokens of every text where LiteRT needs them fixed, see `recurrent.network`.
    """
    if family == "transformer":
        return transformer(backbone_of(params["preset"]))
    words = len(json.loads(tokenizer)["model"]["vocab"])
    return small_network(
        params["member"],
        np.zeros((words, params.get("dimensions", DIMENSIONS)), np.float32),
        units=params["units"],
        dropout=params["dropout"],
        width=width,
    )
