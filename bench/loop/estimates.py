"""Estimates without labels beside the truth, and beside NannyML's."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.detectors.drift import Reference
from bench.contenders.estimate import nannyml_cbpe
from bench.loop.world import Texts, World, answers, carried
from bench.stage.peers import nannyml_python
from contracts.errors import Unavailable
from contracts.events import SENTIMENTS
from learning.estimate.cbpe import Calibration, Estimate
from learning.estimate.findings import JudgedAccuracy, findings
from learning.estimate.stream_figures import Answers
from learning.review.accuracy import Drawn, accuracy_in_production
from models.linear.model import HashedModel
from models.text.word_profile import WordProfile
from training.evaluation.drift_reference import reference
from training.evaluation.held_out import HeldOut

CRISIS_DAYS: Final = 20
A_FEW: Final = 150
"""Tweets drawn at random and judged beside an estimate."""
HALVINGS: Final = 20
KNOWN: Final = ("semeval", "kaggle")
"""Sets that the model knows: one half of each is calibrated on, the other one is the stream."""
_NANNYML_S: Final = 600.0


class Estimated(NamedTuple):
    """An estimate without labels beside the truth."""

    where: str
    truth: float
    estimate: Estimate


class Halved(NamedTuple):
    """Estimates on halves of a set that the model knows: points off, with their signs."""

    where: str
    tweets: int
    """In a half."""
    ours: list[float]
    even: list[float]
    """Ours, each set counting the same whatever the tweets' words."""
    nannyml: list[float]
    """Empty where it cannot run here."""
    chance: float
    """Points by which the truth of such a half is off by chance alone, on the mean."""


class Case(NamedTuple):
    """What an estimate is made from, and what it is held against."""

    where: str
    evidence: HeldOut
    calibration: Calibration
    stream: Texts
    scores: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,): which answers are right."""
        found: NDArray[np.bool_] = self.scores.argmax(axis=1) == self.stream.truth
        return found


def halve(world: World, frozen: HashedModel, rng: np.random.Generator) -> tuple[Calibration, HeldOut, dict[str, Texts]]:
    """Calibrate on one half of each set that the model knows; the other halves."""
    known: dict[str, Texts] = {}
    stream: dict[str, Texts] = {}
    for name in KNOWN:
        order = rng.permutation(len(world.held_out[name]))
        known[name], stream[name] = (world.held_out[name].rows(part) for part in np.array_split(order, 2))
    evidence = carried(known, frozen)
    return Calibration.of(evidence), evidence, stream


def halved(world: World, frozen: HashedModel) -> tuple[list[Halved], str]:
    """How far estimates are off on `HALVINGS` random halves of each known set; and why NannyML is not beside them."""
    rng = np.random.default_rng(1)
    cases = []
    for _ in range(HALVINGS):
        calibration, evidence, stream = halve(world, frozen, rng)
        cases += [Case(name, evidence, calibration, one, answers(frozen, one)) for name, one in stream.items()]
    theirs: list[float] = []
    missing = ""
    try:
        theirs = _nannyml(cases)
    except Unavailable as error:
        missing = str(error)
    found = []
    for name in KNOWN:
        mine = [place for place, case in enumerate(cases) if case.where == name]
        ours, even = zip(*(_off(cases[place]) for place in mine), strict=True)
        truths = [float(cases[place].right.mean()) for place in mine]
        n = len(cases[mine[0]].stream)
        chance = float(np.mean([(truth * (1 - truth) / n) ** 0.5 for truth in truths])) * (2 / np.pi) ** 0.5 * 100
        off = [(theirs[place] - truth) * 100 for place, truth in zip(mine, truths, strict=True)] if theirs else []
        found.append(Halved(name, n, list(ours), list(even), off, chance))
    return found, missing


def _off(case: Case) -> tuple[float, float]:
    top, truth = case.scores.max(axis=1), float(case.right.mean())
    mine = case.calibration.estimate(top, words=WordProfile.of(case.stream.texts)).accuracy
    even = case.calibration.estimate(top).accuracy
    assert mine is not None, "a half has enough tweets"
    assert even is not None, "a half has enough tweets"
    return (mine - truth) * 100, (even - truth) * 100


def _nannyml(cases: list[Case]) -> list[float]:
    """NannyML's estimates from the same numbers.

    Raises:
        Unavailable: it cannot be installed here, or fails.
    """
    python = nannyml_python()
    numbers: dict[str, NDArray[np.generic]] = {}
    for place, case in enumerate(cases):
        numbers |= {
            f"{place}/reference": case.evidence.scores,
            f"{place}/truth": case.evidence.truth,
            f"{place}/analysis": case.scores,
        }
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "numbers.npz"
        np.savez(file, allow_pickle=False, **numbers)
        command = [python, nannyml_cbpe.__file__, str(file)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_NANNYML_S, check=True)
        except (subprocess.SubprocessError, OSError) as error:
            why = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
            raise Unavailable(f"NannyML does not run here: {why[:300]}") from None
    found: list[float] = json.loads(done.stdout)
    return found


class CrisisDays(NamedTuple):
    """Days on which nothing is wrong with the model."""

    days: int
    worse: int
    """On which it is called worse."""
    doubted: int
    """On which the estimate says that it cannot be trusted."""


def arrival(world: World, frozen: HashedModel) -> tuple[list[Estimated], CrisisDays]:
    """On airline tweets that have just arrived, without and with a few judged; then crisis days."""
    rng = np.random.default_rng(0)
    calibration, evidence, stream = halve(world, frozen, rng)
    texts = world.held_out["airline"]
    scores = answers(frozen, texts)
    right = scores.argmax(axis=1) == texts.truth
    profile = WordProfile.of(texts.texts)
    estimate = calibration.estimate(scores.max(axis=1), words=profile)
    found = [Estimated("airline", float(right.mean()), estimate)]
    drawn = accuracy_in_production([Drawn(one, 1.0) for one in right[rng.permutation(len(right))[:A_FEW]].tolist()])
    assert drawn is not None, "some were judged"
    judged = JudgedAccuracy(drawn.n, drawn.value, drawn.low, drawn.high)
    told = findings(Answers(scores.max(axis=1).tolist(), profile=profile), calibration, None, judged)
    found.append(Estimated(f"airline, {A_FEW} judged at random", float(right.mean()), told.estimate))
    return found, _crisis(stream, frozen, calibration, Reference.of({"reference": reference(evidence)}), rng)


def _crisis(
    stream: Mapping[str, Texts],
    frozen: HashedModel,
    calibration: Calibration,
    usual: Reference | None,
    rng: np.random.Generator,
) -> CrisisDays:
    rest = Texts(
        [text for one in stream.values() for text in one.texts], np.concatenate([one.truth for one in stream.values()])
    )
    scores = answers(frozen, rest)
    worse = strange = 0
    for _ in range(CRISIS_DAYS):
        # A crisis: four times as many negative tweets as usual.
        weight = np.where(rest.truth == 0, 4.0, 1.0)
        day = rng.choice(len(rest), 1_500, p=weight / weight.sum())
        answered = Answers(scores[day].max(axis=1).tolist(), profile=WordProfile.of(rest.rows(day).texts))
        answered.classes.update(SENTIMENTS[label] for label in scores[day].argmax(axis=1).tolist())
        said = findings(answered, calibration, usual)
        worse += bool(said.model)
        strange += not said.estimate.trusted
    return CrisisDays(CRISIS_DAYS, worse, strange)
