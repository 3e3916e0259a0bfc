"""The training loop: by wall clock or by steps, with checkpoints, to be stopped and resumed at any time."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import keras
import tensorflow as tf

from contracts.settings import load_settings
from contracts.whole_files import write_whole
from training.deep.data.mixture import Batch
from training.deep.networks.loss import mixed_loss
from training.deep.runs.stopping import terminated

_WRITING_SHARE: Final = 0.02
"""Of the time, at most, goes into checkpoints: a gigabyte is not written as often as
`training.checkpoint_every_s` asks for."""
_REPORT_EVERY_S: Final = 10.0
_CLIPPED_AT: Final = 1.0


@dataclass(frozen=True)
class Schedule:
    """How far the step size has come is the larger share of what `steps` and `minutes` allow."""

    peak: float
    """Largest step size, reached after the warm-up, from where it falls in a line to a hundredth."""
    warm_up: float = 0.06
    steps: int | None = None
    minutes: float | None = None

    def position(self, step: int, seconds: float) -> float:
        """From 0 at the start to 1 at the end."""
        shares = [step / self.steps] if self.steps else []
        if self.minutes:
            shares.append(seconds / (60 * self.minutes))
        return max(shares)

    def rate(self, position: float) -> float:
        """The step size there."""
        if position < self.warm_up:
            return self.peak * max(position, 1e-3) / self.warm_up
        return self.peak * max(0.01, (1 - position) / (1 - self.warm_up))


@dataclass
class State:
    """Where the descent stands; written beside the checkpoint."""

    step: int = 0
    rows: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    """Moving average."""


def descend(
    network: keras.Model,
    batches: Callable[[int], Iterator[Batch]],
    schedule: Schedule,
    folder: Path,
    *,
    decay: float,
    progress: Callable[[str], None],
    rates: Callable[[str], float] | None = None,
) -> State:
    """Train until the schedule ends; goes on where a checkpoint in `folder` stands.

    Args:
        network: (n, width) token ids in, (n, 3) logits out.
        batches: batches from a number on.
        decay: decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101).
        rates: path of a variable to what its step size is multiplied by.
        folder: receives `checkpoint*`, `state.json` and `progress.jsonl`.

    Raises:
        SystemExit: on SIGTERM; the step that was running is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = _optimizer(network, schedule, decay, rates)
    keeper = tf.train.CheckpointManager(
        tf.train.Checkpoint(network=network, optimizer=optimizer), str(folder), max_to_keep=2
    )
    state = _resumed(keeper, folder)
    step = _step(network, optimizer)
    at_least_s = every_s = load_settings().training.checkpoint_every_s
    report_every_s = min(_REPORT_EVERY_S, at_least_s)
    saved = reported = started = time.monotonic()
    before = state.seconds
    with terminated() as ended:
        for batch in batches(state.step):
            state.seconds = before + time.monotonic() - started
            position = schedule.position(state.step, state.seconds)
            if position >= 1:
                break
            optimizer.learning_rate.assign(schedule.rate(position))
            loss = float(step(*map(tf.constant, batch)))
            state.step += 1
            state.rows += len(batch.ids)
            state.loss = loss if state.step == 1 else 0.99 * state.loss + 0.01 * loss
            now = time.monotonic()
            if now - reported > report_every_s:
                reported = now
                _report(state, position, folder, progress)
            if now - saved > every_s:
                _save(keeper, state, folder)
                saved = time.monotonic()
                every_s = max(at_least_s, (saved - now) / _WRITING_SHARE)
            if ended.is_set():
                _save(keeper, state, folder)
                raise SystemExit(128 + signal.SIGTERM)
    _save(keeper, state, folder)
    return state


def _optimizer(
    network: keras.Model, schedule: Schedule, decay: float, rates: Callable[[str], float] | None
) -> LayerwiseAdamW:
    optimizer = LayerwiseAdamW(schedule.peak, weight_decay=decay, clipnorm=None, global_clipnorm=_CLIPPED_AT)
    optimizer.rates = rates
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "layer_norm", "embedding"])
    optimizer.build(network.trainable_variables)
    return optimizer


class LayerwiseAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW with a step size of its own for each variable."""

    rates: Callable[[str], float] | None = None
    """Path of a variable to what its step size is multiplied by; set before `build`."""

    def build(self, variables: Any) -> None:
        """Note each variable's share, and make the moments."""
        super().build(variables)
        # TensorFlow's variables know their last name only.
        self._shares = {one.value.ref(): self.rates(one.path) for one in variables} if self.rates else {}

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's step."""
        super().update_step(gradient, variable, learning_rate * self._shares.get(variable.ref(), 1.0))


def _step(network: keras.Model, optimizer: keras.optimizers.Optimizer) -> Any:
    variables = network.trainable_variables

    # Widths differ, so the shape is left open: one trace for all.
    @tf.function(  # type: ignore[untyped-decorator]
        autograph=False,
        input_signature=[
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None, 3), tf.float32),
            tf.TensorSpec((None,), tf.bool),
            tf.TensorSpec((None,), tf.float32),
        ],
    )
    def step(ids: tf.Tensor, targets: tf.Tensor, distant: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = mixed_loss(targets, distant, weights, network(ids, training=True))
        gradients = tape.gradient(loss, variables)
        # A backbone may have parts that the head does not use, such as BERT's pooled output.
        pairs = zip(gradients, variables, strict=True)
        optimizer.apply([tf.zeros_like(held) if found is None else found for found, held in pairs], variables)
        return loss

    return step


def _resumed(keeper: tf.train.CheckpointManager, folder: Path) -> State:
    noted = folder / "state.json"
    if not noted.is_file():
        return State()
    seen = json.loads(noted.read_text("utf-8"))
    # The state names its checkpoint: a kill between the two writes leaves the older pair whole.
    keeper.checkpoint.restore(str(folder / seen.pop("checkpoint"))).assert_existing_objects_matched()
    return State(**seen)


def _save(keeper: tf.train.CheckpointManager, state: State, folder: Path) -> None:
    path = Path(keeper.save(checkpoint_number=state.step))
    write_whole(folder / "state.json", json.dumps({**asdict(state), "checkpoint": path.name}) + "\n")


def _report(state: State, position: float, folder: Path, progress: Callable[[str], None]) -> None:
    rate = state.rows / max(state.seconds, 1)
    progress(f"{position:.0%}, {state.rows:,} tweets, {rate:,.0f} a second, loss {state.loss:.4f}")
    with (folder / "progress.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"position": round(position, 4), **asdict(state)}) + "\n")
