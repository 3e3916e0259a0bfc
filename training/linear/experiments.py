"""Measuring a table of experiments; a finished one is kept, so that an interrupted comparison goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import pydantic
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from contracts.errors import BuzzwatchError
from contracts.events import one_line
from contracts.settings import ROOT
from training.evaluation.behaviour import pass_rates
from training.evaluation.results import Result, environment, read_results, write_result
from training.linear.model_zoo import MEMBERS
from training.linear.train import Trained, train

DEFAULT: Final = ROOT / "training" / "experiments.yaml"


class ExperimentsError(BuzzwatchError):
    """The file of experiments cannot be used. Names the file and the entry."""


class Experiment(pydantic.BaseModel):
    """One entry of the file."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    member: str
    rows: Annotated[int, pydantic.Field(ge=0)] | None = None
    """Most rows labelled by emoticons; 0 for all, the member's own number when left out."""
    seed: int = 0
    curve: bool | None = None
    """Also train on a tenth and three tenths of the rows; as the command says when left out."""

    @pydantic.field_validator("member")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in MEMBERS:
            raise ValueError(f"{value!r} is none of {', '.join(MEMBERS)}")
        return value

    @property
    def name(self) -> str:
        """Of the stored result."""
        rows = "" if self.rows is None else f"-rows{self.rows}"
        return f"{self.member}{rows}{f'-seed{self.seed}' if self.seed else ''}"

    @property
    def command(self) -> str:
        """What makes this row alone."""
        parts = [f"buzzwatch train {MEMBERS[self.member].family} --model {self.member}"]
        parts += [f"--rows {self.rows}"] if self.rows is not None else []
        return " ".join([*parts, *([f"--seed {self.seed}"] if self.seed else [])])


class _Experiments(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    experiments: Annotated[list[Experiment], pydantic.Field(min_length=1)]


class Done(NamedTuple):
    """A finished experiment."""

    trained: Trained
    result: Result


def load_experiments(path: Path | None = None) -> list[Experiment]:
    """Read the file; `training/experiments.yaml` when none is given.

    Raises:
        ExperimentsError: missing, no YAML, or an entry that cannot be used.
    """
    path = path or DEFAULT
    try:
        content: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExperimentsError(f"{path}: {error.strerror}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ExperimentsError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    try:
        return _Experiments.model_validate(content).experiments
    except pydantic.ValidationError as error:
        raise ExperimentsError(f"{path}: {one_line(error)}") from None


def compare_all(
    experiments: Sequence[Experiment],
    data_dir: Path,
    results: Path,
    *,
    again: bool,
    progress: Callable[[str], None],
    curve: bool = False,
) -> Iterator[Done]:
    """Train and measure what is not in `results` yet; each result is stored before the next begins.

    An experiment is done when its very command is, other rows or another seed make another one.

    Raises:
        DataError: a file is missing or cannot be used. ResultsError: a stored result is damaged.
    """
    finished = set() if again or not results.is_dir() else {one.command for one in read_results(results)}
    wanted = [experiment for experiment in experiments if experiment.command not in finished]
    for number, experiment in enumerate(wanted, 1):
        member = MEMBERS[experiment.member]
        trained = train(
            data_dir,
            member,
            experiment.seed,
            _named(progress, f"{number} of {len(wanted)}, {experiment.name}"),
            distant=experiment.rows,
            curve=curve if experiment.curve is None else experiment.curve,
            keep=False,
        )
        result = measured(trained, experiment.command)
        write_result(result, results, experiment.name)
        yield Done(trained, result)


def measured(trained: Trained, command: str) -> Result:
    """What is stored of a training run."""
    return Result(
        family=trained.member.family,
        member=trained.member.name,
        about=trained.member.about,
        format="native",
        metrics=trained.metrics,
        rows=trained.rows,
        distant_rows=trained.distant_rows,
        seconds=round(trained.seconds, 1),
        tweets_per_s=round(trained.tweets_per_s),
        megabytes=trained.megabytes,
        behaviour=pass_rates(trained.estimator),
        command=command,
        data_hash=trained.data_hash,
        params={name: value for name, value in trained.params.items() if not isinstance(value, tuple)},
        environment=environment(*trained.member.packages),
    )


def _named(progress: Callable[[str], None], name: str) -> Callable[[str], None]:
    return lambda step: progress(f"{name}: {step}")
