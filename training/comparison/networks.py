"""One network of a table of experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.settings import ROOT
from training.comparison.parameters import RECURRENT_PARAMS
from training.data.datasets import TrainingData, hash_of
from training.data.sources import find_sources
from training.deep.export.register import Served, finish, result_of
from training.deep.runs.recurrent import RecurrentOptions, train_recurrent
from training.deep.runs.transformer import TransformerOptions, train_transformer
from training.deep.runs.work_folder import Finished
from training.evaluation.results import Result, slug

if TYPE_CHECKING:
    from training.comparison.experiments import Experiment


def run_network(
    experiment: Experiment, data_dir: Path, description: Path | None, progress: Callable[[str], None]
) -> tuple[Served, Result, TrainingData]:
    """Train it, or go on where its work folder stands, and measure it as ONNX."""
    family = experiment.kind.family(experiment.member)
    # Other data, another folder: a work folder refuses to go on with those.
    files = [data_dir / source.file for source in find_sources(data_dir, description).sources]
    work = ROOT / "var" / "deep" / slug("compare", f"{experiment.name}-{hash_of(files)[:12]}")
    finished: Finished
    if family == "transformer":
        asked: dict[str, Any] = {"seed": experiment.seed, **experiment.params}
        finished, data = train_transformer(
            data_dir, TransformerOptions(preset=experiment.member, **asked), work, progress, description
        )
    else:
        rows = {} if experiment.rows is None else {"rows": experiment.rows}
        asked = {**RECURRENT_PARAMS, "seed": experiment.seed, **rows, **experiment.params}
        options = RecurrentOptions(member=experiment.member, **asked)  # type: ignore[arg-type]
        finished, data = train_recurrent(data_dir, options, work, progress, description)
    done = finish(finished, data, "onnx", progress)
    return done, result_of(done, data, f"{family}, {experiment.name}", experiment.command), data
