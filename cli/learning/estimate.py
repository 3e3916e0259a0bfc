"""`buzzwatch models estimate`: is the model still right, without labels; has the world changed?"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from cli.learning.held_out import calibration_rows
from cli.output.console import print_error, print_table
from cli.output.moments import period_ms
from cli.output.options import Format
from cli.output.preconditions import require_known
from contracts.errors import Unavailable
from contracts.printable import printable
from contracts.settings import Settings, load_settings
from contracts.times import clock_ms
from learning.estimate.evidence import Evidence, evidence
from learning.estimate.findings import Findings, as_json, different_words, findings, mean_confidence
from learning.estimate.judged import judged_accuracy
from learning.estimate.stream_figures import EVERYTHING, Answers, by_version, predictions, together

_DAY_MS = 86_400_000


def estimate(
    since: Annotated[str, typer.Option(metavar="TIME", help="Of scoring; such as 2026-11-20T10:00:00Z or 7d.")] = "7d",
    until: Annotated[str | None, typer.Option(metavar="TIME", help="The same.")] = None,
    version: Annotated[str | None, typer.Option(help="Version number or alias; by default the champion.")] = None,
    watch: Annotated[str | None, typer.Option(help="Of this watch only.")] = None,
    output: Format = "table",
) -> None:
    """Estimate how accurate a model is on the stream, by day and by watch, without labels; say when that means little.

    From how sure the model was, calibrated on its held-out predictions (CBPE). Two findings are kept apart: that the
    world has changed (more negative tweets, other languages), which is no reason to retrain, and that the model is
    worse.

    Examples:

      buzzwatch models estimate

      buzzwatch models estimate --since 24h --watch air-paradis

      buzzwatch models estimate --version challenger --format json
    """
    settings = load_settings()
    first_ms, end_ms = period_ms(since, until)
    known = evidence(settings, version or settings.mlflow.alias, words=True)
    words = known.rare_words.count if known.rare_words is not None else None
    found = predictions(settings, first_ms or 0, end_ms or clock_ms() + _DAY_MS)
    cells = by_version(found, known.version, words).get(known.version, {})
    if not cells:
        print_error(
            f"version {known.version} has answered nothing in this time; `buzzwatch models list` names versions"
        )
        raise typer.Exit(1)
    if watch is not None:
        names = {name for _, name in cells} - {EVERYTHING}
        require_known("watch", watch, names, f"what version {known.version} has answered in this time")
    parts = _parts(cells, watch)
    results = {name: _found(answers, known, settings, name) for name, answers in parts.items()}
    if output == "json":
        rows: list[dict[str, Any]] = [{"part": name, **as_json(one)} for name, one in results.items()]
        held_out = {
            "accuracy": round(known.calibration.accuracy, 4),
            "error_on_new_sets": round(known.calibration.spread, 4),
            "confidence": round(known.calibration.confidence, 4),
            "different_words": {
                name: round(different_words(one) or 0.0, 2) for name, one in known.calibration.words.items()
            },
            "unseen_words": {name: round(share, 4) for name, share in known.unseen_words.items()},
            "calibration": calibration_rows(known.calibration),
        }
        typer.echo(printable(json.dumps({"version": known.version, "held_out": held_out, "parts": rows})))
        return
    _show(known, results)


def _parts(cells: dict[tuple[str, str], Answers], watch: str | None) -> dict[str, Answers]:
    """All together, each day, each watch; of one watch alone, it and its days."""
    chosen = watch or EVERYTHING
    days = {day: answers for (day, name), answers in sorted(cells.items()) if name == chosen}
    parts = {f"watch {watch}" if watch else "all tweets": together(days.values()), **days}
    if watch is None:
        watches = sorted({name for _, name in cells if name != EVERYTHING})
        parts |= {f"watch {one}": together(cells[key] for key in cells if key[1] == one) for one in watches}
    return parts


def _found(answers: Answers, known: Evidence, settings: Settings, part: str) -> Findings:
    judged = None
    if part == "all tweets":
        try:
            judged = judged_accuracy(settings, known.version)
        except Unavailable as error:
            print_error(f"without judgements: {error}")
    return findings(answers, known.calibration, known.reference, judged)


def _figure(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _show(known: Evidence, results: dict[str, Findings]) -> None:
    head = (
        "part", "tweets", "neg / neu / pos", "sure", "words", "unseen", "distance", "other languages",
        "estimated accuracy", "95 %", "cannot be trusted, because",
    )  # fmt: skip
    rows = []
    for name, one in results.items():
        value = one.estimate
        shares = " / ".join(f"{share:.0%}" for share in one.answers.shares.tolist())
        accuracy = "–" if value.accuracy is None else f"{value.accuracy:.3f}"
        interval = "" if value.low is None else f"{value.low:.3f} to {value.high:.3f}"
        unknown = f"{one.answers.unknown / max(one.answers.n, 1):.0%}"
        usual = (
            _figure(mean_confidence(one.answers), 2),
            _figure(different_words(one.answers.profile), 1),
            _share(one.answers.unseen_words),
        )
        distance = "–" if value.distance is None else f"{value.distance:.1f} ({value.nearest})"
        doubts = "; ".join(value.doubts)
        rows.append((name, f"{one.answers.n:,}", shares, *usual, distance, unknown, accuracy, interval, doubts))
    print_table(head, rows)
    calibration = known.calibration
    lengths = ", ".join(f"{name} {_figure(different_words(one), 1)}" for name, one in calibration.words.items())
    sure = known.calibration.confidence
    print_error(f"held out: sure {sure:.2f} on the mean; different words in a text: {lengths or 'unknown'}")
    unseen = ", ".join(f"{name} {_share(share)}" for name, share in known.unseen_words.items())
    print_error(f"held out: words that the model has hardly seen: {unseen or 'not noted by this version'}")
    print_error(
        f"version {known.version}: {calibration.accuracy:.3f} on held-out sets, each counting the same; estimates for"
        f" sets that it was not calibrated on are off by {calibration.spread * 100:.1f} points"
    )
    whole = next(iter(results.values()))
    for what, lines in (("the world changed", whole.world), ("the model is worse", whole.model)):
        print_error(f"{what}: {'; '.join(lines) if lines else 'nothing says so'}")
