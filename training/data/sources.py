"""Which labelled files are learnt from, what their rows count and which are held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import pydantic
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS, one_line
from contracts.settings import ROOT
from contracts.tweet_objects.fields import is_unicode

SOURCES_FILE: Final = "sources.yaml"
"""Name of the description inside the folder of the labelled files."""
SHIPPED: Final = ROOT / "training" / "data" / SOURCES_FILE
LANGUAGE_KEY: Final = "buzzwatch.language"
"""In the metadata of a Parquet file that `buzzwatch train teach` wrote."""
_Label = Literal["negative", "neutral", "positive"]
TAUGHT: Final = 0.7
"""What a row that a model labelled counts, of one that people labelled in the same language."""
TAUGHT_CLASSES: Final[dict[_Label, float]] = {"negative": 1.3}
"""What the labels of such a file count: complaints first."""
SUFFIXES: Final = (".parquet", ".csv", ".jsonl")

_WHAT: Final = {
    "people": "labels by people",
    "emoticons": "labels by emoticons",
    "teacher": "labels by a model",
    "test": "only measured on",
}
_Weight = Annotated[float, pydantic.Field(gt=0, le=1000, allow_inf_nan=False)]


class SourcesError(BuzzwatchError):
    """The description of the labelled files cannot be used. Names the file and the entry."""


class Source(pydantic.BaseModel):
    """One labelled file."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    file: Annotated[str, pydantic.Field(min_length=1)]
    """Name inside the folder, or a path from there."""
    name: str = ""
    """What it is called in tables; the file's name without its ending unless given."""
    role: Literal["people", "emoticons", "teacher", "test"] = "people"
    """`people`: labels by people, learnt from and measured on. `emoticons`: labels by emoticons, negative or positive
    only, learnt from as a polarity. `teacher`: labels by a model (`buzzwatch train teach`), learnt from as people's
    are, never measured on. `test`: never learnt from."""
    weight: _Weight = 1.0
    """What one of its rows counts in training. A teacher's, unless given: see `weighted`."""
    class_weights: dict[_Label, _Weight] = {}
    """How many times more the rows of a label count. A teacher's, unless given: see `weighted`."""
    held_out: Annotated[float, pydantic.Field(ge=0, le=0.9)] = 0.2
    """Share of the texts that is held out, chosen by a hash of the text."""
    held_out_where: dict[str, str] = {}
    """Column → value of the rows that are held out, instead of a share."""
    part: str | None = None
    """Column whose values are slices of this file in reports, such as the company."""
    period: str | None = None
    """Column with the year, or a text that holds one (`twitter-2016test`)."""
    language: str | None = None
    """Language of the texts, as `fr`; a model that is good enough on it lists it as known. English unless given."""

    @pydantic.model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"file": value}
        if isinstance(value, dict) and isinstance(value.get("file"), str) and not value.get("name"):
            value = {**value, "name": Path(value["file"]).name.split(".")[0]}
        return value

    @pydantic.model_validator(mode="after")
    def _measured_on_people(self) -> Source:
        if self.role == "teacher" and (self.held_out_where or ("held_out" in self.model_fields_set and self.held_out)):
            raise ValueError(f"{self.name}: nothing is measured on a teacher's labels: leave out held_out")
        return self

    @property
    def distant(self) -> bool:
        """Labelled by emoticons, not by people."""
        return self.role == "emoticons"

    @property
    def spoken(self) -> str:
        """Language of the texts, English unless the description says another."""
        return self.language or "en"

    def weight_of(self, label: str) -> float:
        """What a row with this label counts."""
        return self.weight * self.class_weights.get(label, 1.0)  # type: ignore[call-overload, no-any-return]


class _Sources(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    files: Annotated[list[Source], pydantic.Field(min_length=1)]

    @pydantic.field_validator("files")
    @classmethod
    def _different(cls, value: list[Source]) -> list[Source]:
        for what, names in (("file", [one.file for one in value]), ("name", [one.name for one in value])):
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise ValueError(f"two entries have the {what} {twice[0]!r}")
        return value


def read_sources(path: Path) -> list[Source]:
    """Read a description of labelled files.

    Raises:
        SourcesError: missing, no YAML, or an entry that cannot be used.
    """
    try:
        content: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourcesError(f"{path}: {error.strerror}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise SourcesError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    try:
        return _Sources.model_validate(content).files
    except pydantic.ValidationError as error:
        raise SourcesError(f"{path}: {one_line(error)}") from None


class Found(NamedTuple):
    """The labelled files of a folder."""

    sources: list[Source]
    left_out: list[str]
    """Names of labelled files there that the description leaves out."""
    described: bool
    """By the folder's own description or a given one, which must hold; what is shipped is a guess by the name."""


def find_sources(folder: Path, described: Path | None = None) -> Found:
    """The labelled files of a folder: those of its `sources.yaml`, or all of them.

    A file without a description has the shipped description of its name (`sources.yaml` here), or the defaults.

    Args:
        described: a description to be used instead of the folder's.

    Raises:
        SourcesError: the folder is none or holds no labelled file, or a described file is not there.
    """
    if not folder.is_dir():
        raise SourcesError(f"{folder}: no such folder (--data-dir is the folder of the labelled files)")
    there = sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    for name in there:
        if not is_unicode(name):
            raise SourcesError(f"{folder}: the file name {name!r} is not UTF-8: rename it")
    if described is None and (folder / SOURCES_FILE).is_file():
        described = folder / SOURCES_FILE
    if described is None:
        if not there:
            raise SourcesError(f"{folder} holds no labelled file ({', '.join(SUFFIXES)})")
        shipped = {source.file: source for source in read_sources(SHIPPED)}
        known = [shipped[name] for name in shipped if name in there]
        sources = known + [Source(file=name) for name in there if name not in shipped]
        _check_names(folder, sources)
        return Found(sources, [], described=False)
    sources = read_sources(described)
    for source in sources:
        if not (folder / source.file).is_file():
            raise SourcesError(f"{described}: {folder / source.file} is missing ({folder} has {_listed(there)})")
    used = {source.file for source in sources}
    return Found(sources, [name for name in there if name not in used], described=True)


def weighted(sources: Sequence[Source]) -> list[Source]:
    """The same, with weights for each teacher's file without them: `TAUGHT` of a row of people's in its language, and
    `TAUGHT_CLASSES`.

    Where people labelled several files in the language, the one whose rows count least is meant.
    """
    least: dict[str, float] = {}
    for one in sources:
        if one.role == "people":
            least[one.spoken] = min(one.weight, least.get(one.spoken, one.weight))

    def missing(one: Source) -> dict[str, Any]:
        usual = {"weight": TAUGHT * least.get(one.spoken, 1.0), "class_weights": TAUGHT_CLASSES}
        return {name: value for name, value in usual.items() if name not in one.model_fields_set}

    return [one.model_copy(update=missing(one)) if one.role == "teacher" else one for one in sources]


def taught_sources(files: Sequence[Path]) -> list[Source]:
    """Files of `buzzwatch train teach`.

    Raises:
        SourcesError: one is missing.
    """
    found: list[Source] = []
    names = [path.stem for path in files]
    for path, name in zip(files, names, strict=True):
        if not path.is_file():
            raise SourcesError(f"--taught {path}: no such file (`buzzwatch train teach` makes one)")
        found.append(
            Source(
                file=str(path.resolve()),
                name=name if names.count(name) == 1 else str(path),
                role="teacher",
                language=_language_of(path),
            )
        )
    return found


def _language_of(path: Path) -> str:
    """As `buzzwatch train teach` noted it; English for a file that does not say."""
    # Here, since the registry's commands read this module in images that have no pyarrow.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        noted = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError):  # reading its rows reports what is wrong
        return "en"
    return str(noted.get(LANGUAGE_KEY.encode(), b"en"), "utf-8", "replace")


def _check_names(folder: Path, sources: Sequence[Source]) -> None:
    counts = Counter(source.name for source in sources)
    if twice := [name for name, count in counts.items() if count > 1]:
        files = ", ".join(source.file for source in sources if source.name == twice[0])
        raise SourcesError(f"{folder}: {files} have the same name: give them others in {folder / SOURCES_FILE}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no labelled file"


def described(source: Source, labels: Sequence[str], held_out: int) -> str:
    """One line about a file: what it is taken for."""
    counts = Counter(labels)
    shown = ", ".join(f"{name} {counts[name]:,}" for name in SENTIMENTS if counts[name])
    what = _WHAT[source.role]
    weight = "" if source.weight == 1 else f", each row counts {source.weight:g}"
    return f"{source.name}: {len(labels):,} rows ({shown}), {what}{weight}, {held_out:,} held out"
