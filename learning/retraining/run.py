"""One retraining, step by step; what is done is kept, so that it goes on after a `kill -9`.

take (a snapshot, the champion's version) → learn → measure → learn again for good → register

Everything of a run is in one folder of the data folder. A step writes its result under another name and renames it, so
that what is there is whole. The registry is touched by the last step alone, and the champion's alias by none.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import filelock
import numpy as np

from contracts.audit import Figure
from contracts.errors import SettingsError, Unavailable
from contracts.settings import Settings
from contracts.whole_files import arriving, write_whole
from learning.labels.log import resolved_labels
from learning.labels.resolution import Label
from learning.labels.snapshot import content_hash, read_snapshot, write_snapshot
from learning.retraining.base_model import BaseModel, CannotRetrain, download_champion
from learning.retraining.comparison import Outcome, measure_both
from learning.retraining.corpus import Corpus, make_corpus
from learning.retraining.release_note import FILE, release_note
from models.linear.model import HashedModel
from models.linear.rare_words import unseen_shares
from models.text.masking import mask
from training.data.datasets import Labelled, TrainingData, data_summary, load_training_data
from training.data.profile import profile
from training.evaluation.drift_reference import reference
from training.evaluation.held_out import CHAMPIONS_FILE
from training.linear.train import known_languages
from training.registry.promotion import CHALLENGER
from training.registry.register import RETRAINING_TAGS, check_reachable, flat, register_folder
from training.tracking import connected

Progress = Callable[[str], None]

FEWEST: Final = 50
"""Labels from which a retraining makes sense."""
_PLAN: Final = "plan.json"
_DONE: Final = "registered.json"
_KEPT: Final = 5
"""Finished runs whose folders are kept; their models are in the registry."""


@dataclass(frozen=True)
class Retrained:
    """What came out."""

    version: str
    alias: str
    note: str
    """The release note, Markdown."""
    folder: Path
    """The artefact, its held-out predictions and the note."""
    worse: int
    """Sets and slices on which it is shown to be worse than the champion."""
    key: str
    """Of the run: the same where it is called again for what was registered."""
    figures: dict[str, Figure]
    """What was learnt from, and the differences to the champion on each held-out set."""


@contextmanager
def alone(settings: Settings) -> Iterator[Path]:
    """Hold the folder of the retrainings; one runs at a time.

    Raises:
        CannotRetrain: another one runs. SettingsError: the folder cannot be written.
    """
    folder = settings.local.data_dir / "retraining"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock", timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise CannotRetrain(
            f"another retraining runs on this data folder ({folder / 'lock'} is held): wait for it or end it"
        ) from None
    except OSError as error:
        raise SettingsError(f"BUZZWATCH_LOCAL__DATA_DIR: {folder}: {error.strerror or error}") from None
    try:
        yield folder
    finally:
        lock.release()


def retrain(
    settings: Settings,
    data_dir: Path,
    *,
    description: Path | None = None,
    snapshot: Path | None = None,
    seed: int = 0,
    fresh: bool = False,
    progress: Progress = lambda _: None,
    report: Progress = lambda _: None,
) -> Retrained:
    """Retrain the champion and register the result as `challenger`.

    Args:
        data_dir: the labelled files that the champion learnt from, or the like, as `buzzwatch train` reads them.
        description: of those files.
        snapshot: to learn from instead of what the topic holds now.
        fresh: begin anew instead of going on with a run that was cut off.
        progress: receives what begins now. tell: receives a line about each file, and about a run that goes on.

    Raises:
        CannotRetrain: another one runs, there is too little to learn from, the champion is of another family, or the
            disk takes no more.
        SnapshotError, DataError, SourcesError: the labels or the old data cannot be used.
        Unavailable: Kafka or MLflow cannot be reached. What was trained is kept, and goes on from there.
    """
    with alone(settings) as root:
        check_reachable(settings)
        base = download_champion(settings)
        progress("reading the data")
        old = load_training_data(data_dir, description, report, roles=("people", "test", "teacher"))
        with _room(root):
            work = _Work.open(settings, root, base, old, snapshot, seed, fresh=fresh, report=report)
            worse = _trained(work, base, old, settings, progress)
        progress("registering")
        try:
            version = _register(settings, work)
        except Unavailable as error:
            raise Unavailable(f"{error}; what was trained is kept, and the same command registers it") from None
        with _room(root):
            write_whole(work.folder / _DONE, json.dumps({"version": version}))
        _forget_old_runs(root)
        note = (work.artefact / FILE).read_text(encoding="utf-8")
        return Retrained(version, CHALLENGER, note, work.artefact, worse, str(work.plan["key"]), _figures(work))


@contextmanager
def _room(root: Path) -> Iterator[None]:
    """One line for a disk that takes no more, or takes nothing: NumPy's own errors do not even name the file."""
    try:
        yield
    except OSError as error:
        why = error.strerror or " ".join(str(error).split())
        raise CannotRetrain(
            f"{error.filename or root}: {why}; make room and run it again: it goes on from here"
        ) from None


@dataclass(frozen=True)
class _Work:
    """The folder of one run."""

    folder: Path
    plan: dict[str, Any]

    @property
    def artefact(self) -> Path:
        return self.folder / "artefact"

    @classmethod
    def open(
        cls,
        settings: Settings,
        root: Path,
        base: BaseModel,
        old: TrainingData,
        snapshot: Path | None,
        seed: int,
        *,
        fresh: bool,
        report: Progress,
    ) -> _Work:
        """Go on with the run that was cut off, where it is of the same champion, data and seed; else begin one."""
        inputs = {
            "champion": base.version,
            "data_hash": old.data_hash,
            "seed": seed,
            "old_share": settings.learning.old_share,
            "half_life_days": settings.learning.half_life_days,
        }
        if snapshot is None and not fresh and (found := _cut_off(root, inputs)) is not None:
            report(f"going on with the run that was cut off, from snapshot {found.plan['snapshot']}")
            return found
        path = snapshot
        if path is None:
            path = write_snapshot(resolved_labels(settings).labels, settings.snapshots)
        labels = read_snapshot(path)
        if len(labels) < FEWEST:
            raise CannotRetrain(
                f"{path} has {len(labels)} labels: from {FEWEST} on a retraining makes sense (`buzzwatch review`, "
                "`buzzwatch labels import`)"
            )
        plan = {
            **inputs,
            "snapshot": path.name,
            "labels": len(labels),
            "labels_until": max(label.created_at for label in labels).isoformat(timespec="milliseconds"),
            "content": content_hash(labels),
            "old_data": data_summary(old.source[old.usable].tolist()),
        }
        key = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:16]
        folder = root / key
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        if not (folder / path.name).exists():
            with arriving(folder / path.name) as new:
                shutil.copyfile(path, new)
        write_whole(folder / _PLAN, json.dumps({**plan, "key": key}, indent=2))
        return cls(folder, {**plan, "key": key})

    @property
    def labels(self) -> list[Label]:
        return read_snapshot(self.folder / str(self.plan["snapshot"]))


def _cut_off(root: Path, inputs: dict[str, Any]) -> _Work | None:
    """The newest run without a registered version."""
    for path in sorted(root.glob(f"*/{_PLAN}"), key=lambda path: path.stat().st_mtime, reverse=True):
        if (path.parent / _DONE).exists():
            return None  # the newest is done: nothing was cut off
        plan = json.loads(path.read_text(encoding="utf-8"))
        if all(plan.get(name) == value for name, value in inputs.items()):
            return _Work(path.parent, plan)
    return None


def _trained(work: _Work, base: BaseModel, old: TrainingData, settings: Settings, progress: Progress) -> int:
    """See that the artefact is there; on how many sets and slices it is worse."""
    done = work.folder / "outcome.json"
    if done.exists():
        return int(json.loads(done.read_text())["worse"])
    labels = work.labels
    corpus = make_corpus(labels, old, settings.learning, seen_until=base.seen_until)
    _check(corpus)
    scores_file = work.folder / "scores.npy"
    held = [corpus.texts[row] for row in np.flatnonzero(corpus.held_out).tolist()]
    if not scores_file.exists():
        measured = _fit(
            base, corpus, corpus.learn, int(work.plan["seed"]), lambda step: progress(f"to measure: {step}")
        )
        with arriving(scores_file) as new:
            np.save(new, measured.predict_proba(held))
    progress("comparing with the champion")
    outcome = measure_both(corpus, np.load(scores_file), base)
    final = _fit(base, corpus, corpus.final, int(work.plan["seed"]), lambda step: progress(f"to keep: {step}"))
    unfinished = work.folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    plan = {**work.plan, "label_factor": round(corpus.label_factor, 6)}
    noted = {"unseen_words": unseen_shares(base.model, list(map(mask, held)), corpus.source[corpus.held_out].tolist())}
    final.save(unfinished, _metadata(plan, old, outcome, base, labels) | noted)
    outcome.evidence.save(unfinished)
    outcome.champions.save(unfinished, CHAMPIONS_FILE)
    (unfinished / FILE).write_text(release_note(plan, labels, outcome), encoding="utf-8")
    (unfinished / "comparisons.json").write_text(json.dumps([one.as_json() for one in outcome.comparisons], indent=1))
    (unfinished / "profile.json").write_text(json.dumps(_profile(labels), indent=1))
    shutil.rmtree(work.artefact, ignore_errors=True)
    unfinished.rename(work.artefact)
    write_whole(done, json.dumps({"worse": len(outcome.worse)}))
    return len(outcome.worse)


class _Fitted:
    """A trained head."""

    def __init__(self, model: HashedModel, params: dict[str, Any]) -> None:
        self._model = model
        self._params = params

    def predict_proba(self, texts: Sequence[str]) -> Any:
        parts = [self._model.predict_proba(texts[at : at + 5000]) for at in range(0, len(texts), 5000)]
        return np.concatenate(parts) if parts else np.empty((0, 3), np.float32)

    def save(self, folder: Path, metadata: dict[str, Any]) -> None:
        HashedModel(self._model.weights, {**metadata, "params": self._params}).save(folder)


def _fit(base: BaseModel, corpus: Corpus, rows: Any, seed: int, progress: Progress) -> _Fitted:
    estimator = base.estimator(seed)
    texts, labels, weight = corpus.rows(rows)
    estimator.fit(texts, labels, weight, polarity=base.polarity(), progress=progress, targets=corpus.targets[rows])
    return _Fitted(estimator.model_, estimator.get_params())


def _metadata(
    plan: dict[str, Any], old: TrainingData, outcome: Outcome, base: BaseModel, labels: Sequence[Label]
) -> dict[str, Any]:
    """Nothing of it depends on when or where it is trained: the same snapshot and seed give the same bytes."""
    found = known_languages(old.sources, outcome.metrics)
    return {
        "trained_on": f"{plan['old_data']} + labels {len(labels):,}",
        "data_hash": hashlib.sha256(f"{plan['data_hash']}/{plan['content']}".encode()).hexdigest(),
        "metrics": outcome.metrics,
        "reference": reference(outcome.evidence),
        # What the champion knows it does not forget: its polarity and nearly all of its data are the same.
        "languages": list(dict.fromkeys([*found, *base.model.metadata.get("languages", ["en"])])),
        "retraining": {name: plan[name] for name in sorted(plan)},
    }


def _profile(labels: Sequence[Label]) -> dict[str, Any]:
    return profile({"labels": Labelled([one.text for one in labels], np.array([one.label for one in labels], np.str_))})


def _check(corpus: Corpus) -> None:
    if len(set(corpus.labels[corpus.learn].tolist())) < 2:
        raise CannotRetrain("all that is learnt from has one label: a model needs at least two")


def _register(settings: Settings, work: _Work) -> str:
    """Register the artefact once, also when the step before was cut off behind it, and give it the alias."""
    name, key = settings.mlflow.model_name, str(work.plan["key"])
    with connected(settings) as mlflow:
        client = mlflow.MlflowClient()
        known = client.search_model_versions(f"name = '{name}' and tags.{RETRAINING_TAGS['key']} = '{key}'")
        if known:
            version = str(max(int(one.version) for one in known))
        else:
            metadata = json.loads((work.artefact / "metadata.json").read_text(encoding="utf-8"))
            with mlflow.start_run(run_name=f"retrained from version {work.plan['champion']}"):
                mlflow.log_params({k: v for k, v in work.plan.items() if k != "key"})
                mlflow.log_metrics(flat(metadata.get("metrics", {})))
                for file in (FILE, "comparisons.json", "profile.json", str(work.plan["snapshot"])):
                    source = work.artefact / file if (work.artefact / file).exists() else work.folder / file
                    mlflow.log_artifact(str(source))
                registered = register_folder(mlflow, settings, work.artefact, CHALLENGER)
            assert registered is not None
            version = registered
        note = (work.artefact / FILE).read_text(encoding="utf-8")
        client.update_model_version(name, version, description=note)
        client.set_registered_model_alias(name, CHALLENGER, version)
    return version


def _figures(work: _Work) -> dict[str, Figure]:
    comparisons = json.loads((work.artefact / "comparisons.json").read_text(encoding="utf-8"))
    sets = [one for one in comparisons if "/" not in one["where"]]
    differences = {f"{one['where']} {one['figure']}": round(one["challenger"] - one["champion"], 4) for one in sets}
    return {"champion": str(work.plan["champion"]), "labels": int(work.plan["labels"]), **differences}


def _forget_old_runs(root: Path) -> None:
    done = sorted(root.glob(f"*/{_DONE}"), key=lambda path: path.stat().st_mtime)
    for path in done[:-_KEPT]:
        shutil.rmtree(path.parent, ignore_errors=True)
