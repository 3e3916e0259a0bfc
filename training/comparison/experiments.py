"""Measuring a table of experiments; a finished one is kept, so that an interrupted comparison goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, Protocol

import pydantic
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from contracts.errors import BuzzwatchError
from contracts.events import one_line
from contracts.settings import ROOT, Settings
from training.comparison.parameters import (
    RECURRENT_PARAMS,
    TRANSFORMER_PARAMS,
    check_type,
    unknown_parameter,
    with_params,
)
from training.evaluation.behaviour import pass_rates
from training.evaluation.results import Result, environment, read_results, write_result
from training.linear.model_zoo import MEMBERS
from training.linear.train import Trained, train
from training.registry.register import log_trained

DEFAULT: Final = ROOT / "training" / "experiments.yaml"


class ExperimentsError(BuzzwatchError):
    """The file of experiments cannot be used. Names the file and the entry."""


class Experiment(pydantic.BaseModel):
    """One entry of the file; keys other than these are hyper-parameters of the member."""

    model_config = pydantic.ConfigDict(extra="allow", frozen=True)

    member: str
    rows: Annotated[int, pydantic.Field(ge=0)] | None = None
    """Classic: most rows labelled by emoticons, 0 for all. Networks: tweets to see. The member's own when left out."""
    seed: int = 0
    curve: bool | None = None
    """Also train on a tenth and three tenths of the rows; as in the command when left out."""

    @pydantic.model_validator(mode="after")
    def _known(self) -> Experiment:
        self.kind.check(self.member, self.params)
        return self

    @property
    def kind(self) -> Kind:
        """How its member is trained.

        Raises:
            ValueError: there is no such member.
        """
        for kind in KINDS:
            if self.member in kind.members:
                return kind
        names = [name for kind in KINDS for name in kind.members]
        raise ValueError(f"member {self.member!r} is none of {', '.join(names)}")

    @property
    def params(self) -> dict[str, Any]:
        """Hyper-parameters, by the names given."""
        return dict(self.model_extra or {})

    @property
    def name(self) -> str:
        """Of the stored result."""
        rows = "" if self.rows is None else f"-rows{self.rows}"
        params = "".join(f"-{name}{value}" for name, value in sorted(self.params.items()))
        return f"{self.member}{rows}{params}{f'-seed{self.seed}' if self.seed else ''}"

    @property
    def command(self) -> str:
        """What makes this row alone; hyper-parameters have no option, so such a row names its entry."""
        if self.params:
            entry = {"member": self.member, **({} if self.rows is None else {"rows": self.rows}), **self.params}
            shown = ", ".join(f"{name}: {value}" for name, value in entry.items())
            return f"buzzwatch train compare with {{{shown}{f', seed: {self.seed}' if self.seed else ''}}}"
        parts = [f"buzzwatch train {self.kind.family(self.member)} {self.kind.option(self.member)} {self.member}"]
        parts += [f"--rows {self.rows}"] if self.rows is not None else []
        return " ".join([*parts, *([f"--seed {self.seed}"] if self.seed else [])])


class _Experiments(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    experiments: Annotated[list[Experiment], pydantic.Field(min_length=1)]


class Done(NamedTuple):
    """A finished experiment."""

    result: Result
    log: Callable[[Settings], Any]
    """Logs the run to MLflow."""


@dataclass(frozen=True, kw_only=True)
class _Options:
    again: bool = False
    """Also what has been measured already."""
    curve: bool = False
    """Learning curves, where the experiment leaves it open."""
    progress: Callable[[str], None] = lambda _: None


class Comparison:
    """Where a comparison reads and keeps."""

    def __init__(self, data_dir: Path, description: Path | None, results: Path, **options: Any) -> None:
        self.data_dir, self.description, self.results = data_dir, description, results
        self.options = _Options(**options)


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


def compare_all(experiments: Sequence[Experiment], run: Comparison) -> Iterator[Done]:
    """Train and measure what is not in the results yet; each result is stored before the next begins.

    An experiment is done when its very command is, other rows, hyper-parameters or another seed make another one.

    Raises:
        DataError, SourcesError: the labelled files cannot be used. ResultsError: a stored result is damaged.
        ExperimentsError: a hyper-parameter has a value that its learner refuses.
    """
    kept = run.results.is_dir() and not run.options.again
    finished = {one.command for one in read_results(run.results)} if kept else set()
    left = [experiment for experiment in experiments if experiment.command not in finished]
    for number, experiment in enumerate(left, 1):
        named = _named(run.options.progress, f"{number} of {len(left)}, {experiment.name}")
        try:
            done = experiment.kind.run(experiment, run, named)
        except (TypeError, ValueError) as error:
            if not experiment.params:
                raise
            raise ExperimentsError(f"{experiment.name}: {' '.join(str(error).split())[:300]}") from None
        write_result(done.result, run.results, experiment.name)
        yield done


class Kind(Protocol):
    """One way of training."""

    members: Sequence[str]

    def option(self, member: str, /) -> str:
        """The option of its command that names it."""
        ...

    def family(self, member: str) -> str:
        """Name of that command."""
        ...

    def check(self, member: str, params: Mapping[str, Any]) -> None:
        """Raises ValueError when the member has no such hyper-parameter, or of another type."""
        ...

    def run(self, experiment: Experiment, run: Comparison, progress: Callable[[str], None]) -> Done:
        """Train and measure."""
        ...


class _Classic:
    """Members of `training.linear.model_zoo`."""

    members: Sequence[str] = tuple(MEMBERS)

    def option(self, _: str) -> str:
        return "--model"

    def family(self, member: str) -> str:
        return MEMBERS[member].family

    def check(self, member: str, params: Mapping[str, Any]) -> None:
        if params:
            with_params(MEMBERS[member], params).build(0)

    def run(self, experiment: Experiment, run: Comparison, progress: Callable[[str], None]) -> Done:
        trained = train(
            run.data_dir,
            with_params(MEMBERS[experiment.member], experiment.params),
            experiment.seed,
            progress,
            distant=experiment.rows,
            curve=run.options.curve if experiment.curve is None else experiment.curve,
            keep=False,
            description=run.description,
        )
        return Done(measured(trained, experiment.command), lambda settings: log_trained(settings, trained, alias=None))


class _Deep:
    """Networks; TensorFlow is imported when one is trained. Each keeps its work in `var/deep/NAME`."""

    members: Sequence[str] = ("bilstm", "bigru", "cnn", "dense", "minilm-l6")

    def option(self, member: str) -> str:
        return "--preset" if member == "minilm-l6" else "--model"

    def family(self, member: str) -> str:
        return "transformer" if member == "minilm-l6" else "recurrent"

    def check(self, member: str, params: Mapping[str, Any]) -> None:
        known = TRANSFORMER_PARAMS if self.family(member) == "transformer" else RECURRENT_PARAMS
        for name, value in params.items():
            if name not in known:
                raise ValueError(unknown_parameter(member, name, known))
            check_type(name, value, known[name])

    def run(self, experiment: Experiment, run: Comparison, progress: Callable[[str], None]) -> Done:
        from training.comparison.networks import run_network

        done, result, data = run_network(experiment, run.data_dir, run.description, progress)
        return Done(result, lambda settings: _log_network(settings, done, data, result))


def _log_network(settings: Settings, done: Any, data: Any, result: Result) -> None:
    from training.deep.export.register import log_run

    log_run(settings, done, data, result, None)


KINDS: Final[tuple[Kind, ...]] = (_Classic(), _Deep())


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
