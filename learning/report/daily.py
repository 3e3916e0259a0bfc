"""A day in figures: what came, what was felt, what went wrong, and whether the model can be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import redis

from alerts.explanation.trending_terms import grown_terms
from alerts.state.alert import Alert
from alerts.state.store import AlertStore
from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS, Prediction
from contracts.printable import markdown_table, markdown_text
from contracts.rules.schema import Rules
from contracts.settings import Settings
from contracts.times import to_ms, to_rfc3339
from contracts.tweet_objects.dates import read_date
from learning.estimate.evidence import evidence
from learning.estimate.findings import Findings, JudgedAccuracy, findings
from learning.estimate.judged import judged_accuracy
from learning.estimate.stream_figures import EVERYTHING, Answers, predictions
from learning.rollout.state import TrialState, TrialStore
from stream.dead_letters.reader import DeadLetter, dead_letters

DAY_MS: Final = 86_400_000
_MOST_TEXTS: Final = 5_000
"""Negative texts of a day that its words are taken from."""
_TOP: Final = 5


@dataclass
class Day:
    """The tweets that were scored on a day."""

    watches: dict[str, Answers] = field(default_factory=lambda: {EVERYTHING: Answers()})
    negative_themes: Counter[str] = field(default_factory=Counter)
    negative_texts: list[str] = field(default_factory=list)
    versions: dict[str, Answers] = field(default_factory=dict)

    def add(self, prediction: Prediction) -> None:
        """Count one."""
        for watch in (EVERYTHING, *prediction.watches):
            self.watches.setdefault(watch, Answers()).add(prediction)
        self.versions.setdefault(prediction.model.version, Answers()).add(prediction)
        if prediction.sentiment == "negative":
            self.negative_themes.update(prediction.themes)
            if prediction.text and len(self.negative_texts) < _MOST_TEXTS:
                self.negative_texts.append(prediction.text)

    @property
    def everything(self) -> Answers:
        """All tweets."""
        return self.watches[EVERYTHING]


@dataclass(frozen=True)
class DailyReport:
    """All that is said about a day."""

    day: str
    now: Day
    before: Day
    terms: list[str]
    """Words of the negative tweets that have grown most since the day before."""
    alerts: list[Alert]
    """Those that fired at some time of the day."""
    accuracy: Findings | None
    """Of the version that answered most; None: it carries nothing to estimate from."""
    version: str | None
    judged: JudgedAccuracy | None
    """Of that version, of all tweets drawn and judged so far."""
    trial: TrialState | None
    dead: dict[str, int]
    """Dead letters of the day by class."""
    missing: list[str]
    """What could not be read, in words."""


def split(found: Iterable[tuple[Prediction, int]], start_ms: int) -> tuple[Day, Day]:
    """The day that begins at `start_ms`, and the one before."""
    now, before = Day(), Day()
    for prediction, _ in found:
        at_ms = to_ms(read_date(prediction.scored_at))
        (now if at_ms >= start_ms else before).add(prediction)
    return now, before


def daily_report(settings: Settings, client: redis.Redis, rules: Rules | None, start_ms: int) -> DailyReport:
    """Read what is needed.

    Args:
        client: as of `alerts.storage.connection.connect`.
        rules: for the watches' own names, which are no news.
        start_ms: midnight, UTC.

    Raises:
        Unavailable: Kafka does not answer. redis.RedisError: Redis does not.
    """
    now, before = split(predictions(settings, start_ms - DAY_MS, start_ms + DAY_MS), start_ms)
    own = [term for watch in rules.watches for term in watch.match] if rules else []
    alerts = [one for one in AlertStore(client, settings).list() if _fired(one, start_ms)]
    version = max(now.versions, key=lambda one: now.versions[one].n, default=None)
    missing: list[str] = []
    accuracy = judged = None
    if version is not None:
        try:
            judged = judged_accuracy(settings, version)
        except BuzzwatchError as error:
            missing.append(f"judged accuracy: {error}")
        try:
            known = evidence(settings, version)
            accuracy = findings(now.versions[version], known.calibration, known.reference, judged)
        except BuzzwatchError as error:
            missing.append(f"estimated accuracy: {error}")
    return DailyReport(
        day=to_rfc3339(start_ms)[:10],
        now=now,
        before=before,
        terms=grown_terms(now.negative_texts, before.negative_texts, own),
        alerts=sorted(alerts, key=lambda one: one.starts_at_ms),
        accuracy=accuracy,
        version=version,
        judged=judged,
        trial=TrialStore(client, settings).read()[1],
        dead=_dead(dead_letters(settings), start_ms),
        missing=missing,
    )


def _fired(alert: Alert, start_ms: int) -> bool:
    return (
        alert.state != "pending"
        and alert.starts_at_ms < start_ms + DAY_MS
        and (alert.ends_at_ms is None or alert.ends_at_ms >= start_ms)
    )


def _dead(letters: Iterable[DeadLetter], start_ms: int) -> dict[str, int]:
    first, end = to_rfc3339(start_ms), to_rfc3339(start_ms + DAY_MS)
    return dict(Counter(one.error_class for one in letters if one.at is not None and first <= one.at < end))


def as_json(report: DailyReport) -> dict[str, Any]:
    """For programs."""
    accuracy = report.accuracy
    return {
        "day": report.day,
        "tweets": report.now.everything.n,
        "tweets_before": report.before.everything.n,
        "watches": {name or "all": _figures(one) for name, one in report.now.watches.items()},
        "negative_themes": dict(report.now.negative_themes.most_common(_TOP)),
        "terms": report.terms,
        "alerts": [
            {
                "alert": one.name,
                "watch": one.labels.get("watch"),
                "severity": one.labels.get("severity"),
                "from": to_rfc3339(one.starts_at_ms),
                "until": None if one.ends_at_ms is None else to_rfc3339(one.ends_at_ms),
                "summary": one.annotations.get("summary", ""),
            }
            for one in report.alerts
        ],
        "model": {
            "version": report.version,
            "answered": {version: one.n for version, one in report.now.versions.items()},
            "estimated_accuracy": None if accuracy is None else accuracy.estimate.accuracy,
            "estimate_trusted": None if accuracy is None else accuracy.estimate.trusted,
            "estimate_doubts": [] if accuracy is None else list(accuracy.estimate.doubts),
            "judged_accuracy": None if report.judged is None else asdict(report.judged),
            "world_changed": [] if accuracy is None else list(accuracy.world),
            "model_worse": [] if accuracy is None else list(accuracy.model),
            "trial": None if report.trial is None else {"version": report.trial.version, "phase": report.trial.phase},
        },
        "dead_letters": report.dead,
        "missing": report.missing,
    }


def _figures(answers: Answers) -> dict[str, Any]:
    return {
        "tweets": answers.n,
        "shares": {label: round(float(share), 4) for label, share in zip(SENTIMENTS, answers.shares, strict=True)},
        "unknown_language": answers.unknown,
    }


def headline(report: DailyReport) -> str:
    """The day in a line."""
    now, before = report.now.everything, report.before.everything
    negative = f", {now.shares[0]:.0%} negative" if now.n else ""
    change = f" ({before.n:,} the day before)" if before.n else ""
    fired = len(report.alerts)
    return f"{report.day}: {now.n:,} tweets{change}{negative}, {fired} alert{'s'[: fired != 1]}"


def markdown(report: DailyReport) -> str:
    """For people."""
    return "\n".join([f"# {headline(report)}", *_stream(report), *_alerts(report), *_model(report), *_rest(report), ""])


def _stream(report: DailyReport) -> list[str]:
    rows = []
    for name, one in sorted(report.now.watches.items(), key=lambda entry: (entry[0] != EVERYTHING, -entry[1].n)):
        before = report.before.watches.get(name, Answers())
        shares = (f"{share:.0%}" for share in one.shares.tolist())
        rows.append((markdown_text(name) or "all tweets", f"{one.n:,}", f"{before.n:,}", *shares))
    lines = ["", *markdown_table(("watch", "tweets", "the day before", "negative", "neutral", "positive"), rows)]
    themes = ", ".join(f"{markdown_text(name)} ({n:,})" for name, n in report.now.negative_themes.most_common(_TOP))
    lines += ["", f"Themes of negative tweets: {themes or 'none'}."]
    return [*lines, f"Words that have grown in them: {', '.join(map(markdown_text, report.terms)) or 'none'}."]


def _alerts(report: DailyReport) -> list[str]:
    if not report.alerts:
        return ["", "No alert fired."]
    lines = ["", "## Alerts", ""]
    for one in report.alerts:
        until = "still firing" if one.ends_at_ms is None else f"until {to_rfc3339(one.ends_at_ms)[11:16]}"
        summary = markdown_text(one.annotations.get("summary", ""))
        lines.append(f"- {to_rfc3339(one.starts_at_ms)[11:16]}, {until}: **{markdown_text(one.name)}** {summary}")
    return lines


def _model(report: DailyReport) -> list[str]:
    if report.version is None:
        return ["", "## Model", "", "No tweet was scored."]
    others = ", ".join(f"version {version}: {one.n:,}" for version, one in report.now.versions.items())
    lines = ["", "## Model", "", f"Answered by {others} tweets."]
    found = report.accuracy
    if found is not None and found.estimate.accuracy is not None:
        value = found.estimate
        doubt = f"; it cannot be trusted: {'; '.join(value.doubts)}" if value.doubts else ""
        lines.append(f"Estimated accuracy {value.accuracy:.3f} ({value.low:.3f} to {value.high:.3f}){doubt}.")
    elif found is not None:
        lines.append(f"Accuracy is not estimated: {'; '.join(found.estimate.doubts)}.")
    if (judged := report.judged) is not None:
        interval = f"{judged.low:.3f} to {judged.high:.3f}"
        lines.append(f"Judged accuracy {judged.accuracy:.3f} ({interval}), of {judged.n:,} drawn at random.")
    else:
        lines.append("No tweet drawn at random has been judged.")
    if found is not None:
        for what, reasons in (("The world changed", found.world), ("The model is worse", found.model)):
            lines += [f"{what}: {'; '.join(reasons)}."] if reasons else []
    if report.trial is not None and report.trial.active:
        lines.append(f"Version {report.trial.version} is on trial ({report.trial.phase}).")
    return lines


def _rest(report: DailyReport) -> list[str]:
    letters = ", ".join(f"{markdown_text(name)} {n:,}" for name, n in sorted(report.dead.items()))
    lines = ["", f"Dead letters: {letters or 'none'}."]
    return [*lines, *(f"Not known: {markdown_text(one)}" for one in report.missing)]
