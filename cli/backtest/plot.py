"""The picture of a backtest: share, volume, what was usual, and the alerts."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from alerts.backtest.bad_buzz import Replay
from alerts.backtest.series import BUCKET_S
from alerts.state.alert import Alert
from cli.backtest.run import Backtest, Subject
from contracts.errors import BuzzwatchError
from contracts.rules.schema import BadBuzz

_POINTS: Final = 1000
_FEWEST_S: Final = 300
_MOST: Final = 12
"""Panels; those with alerts first, then those with most tweets."""


def draw(run: Backtest, alerts: Sequence[Alert], path: Path) -> None:
    """Write a PNG, or an HTML page with the same picture and a table of the alerts.

    Raises:
        BuzzwatchError: matplotlib is missing, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BuzzwatchError("--plot needs matplotlib: install buzzwatch[train]") from None
    panels = _panels(run, alerts)
    if not panels:
        raise BuzzwatchError("--plot: no tweet is about a watch that a bad_buzz rule looks at")
    figure = Figure(figsize=(12, 3.2 * len(panels)), layout="constrained")
    for axes, (rule, subject) in zip(np.atleast_1d(figure.subplots(len(panels), sharex=True)), panels, strict=True):
        _panel(axes, run, rule, subject, [one for one in alerts if _is_of(one, rule, subject)])
    try:
        if path.suffix.lower() == ".png":
            figure.savefig(path, dpi=110)
            return
        picture = io.StringIO()
        figure.savefig(picture, format="svg")
        path.write_text(_page(picture.getvalue(), alerts), encoding="utf-8")
    except OSError as error:
        raise BuzzwatchError(f"--plot: {path} cannot be written: {error.strerror}") from None


def _is_of(alert: Alert, rule: BadBuzz, subject: Subject) -> bool:
    same = all(alert.labels.get(name) == value for name, value in subject.where.items())
    return alert.labels["alertname"] == rule.alert and same


def _panels(run: Backtest, alerts: Sequence[Alert]) -> list[tuple[BadBuzz, Subject]]:
    ranked: list[tuple[bool, int, int, tuple[BadBuzz, Subject]]] = []
    for rule in run.rules.rules:
        if isinstance(rule, BadBuzz) and rule.enabled:
            for subject in run.subjects(rule):
                fired = any(_is_of(alert, rule, subject) for alert in alerts)
                tweets = 0 if rule.per_theme and not fired else int(run.series(rule, subject).tweets.sum())
                if tweets:
                    ranked.append((not fired, -tweets, len(ranked), (rule, subject)))
    return [pair for *_, pair in sorted(ranked, key=lambda one: one[:3])[:_MOST]]


def _panel(axes: Any, run: Backtest, rule: BadBuzz, subject: Subject, alerts: Sequence[Alert]) -> None:
    series = run.series(rule, subject)
    width = max(_FEWEST_S, len(series.total) * BUCKET_S // _POINTS) // BUCKET_S
    edges = np.arange(0, len(series.total), width)
    total, negative, tweets = (
        np.add.reduceat(counts, edges) for counts in (series.total, series.negative, series.tweets)
    )
    ends = np.minimum(edges + width, len(series.total))
    replay = Replay(rule, subject.where, series)
    list(replay.alerts())  # so that crises are left out of what is usual
    usual = replay.usual(ends)
    moments = [datetime.fromtimestamp(series.start_s + int(edge) * BUCKET_S, UTC) for edge in edges]
    volume = axes.twinx()
    volume.fill_between(moments, tweets * 60 / (width * BUCKET_S), color="0.85", step="post", zorder=0)
    volume.set_ylabel("tweets a minute", color="0.5")
    axes.set_zorder(volume.get_zorder() + 1)
    axes.patch.set_visible(False)
    some = total > 0
    axes.plot(
        np.array(moments)[some], negative[some] / total[some], color="tab:red", linewidth=0.9, label="negative share"
    )
    axes.plot(moments, usual.share, color="tab:blue", linewidth=1.2, label="usual share")
    for number, alert in enumerate(alerts):
        end_ms = (
            (series.start_s + len(series.total) * BUCKET_S) * 1000 if alert.ends_at_ms is None else alert.ends_at_ms
        )
        bounds = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (alert.starts_at_ms, end_ms))
        axes.axvspan(*bounds, color="tab:orange", alpha=0.35, label="alert" if number == 0 else None)
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of texts")
    axes.set_title(f"{rule.alert}: {', '.join(subject.where.values())}", loc="left", fontsize=10)
    axes.legend(loc="upper left", fontsize=8)


def _page(svg: str, alerts: Sequence[Alert]) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(alert)) + "</tr>" for alert in alerts
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Backtest</title>'
        "<style>body{font-family:sans-serif;margin:2em;max-width:80em}svg{width:100%;height:auto}"
        "td,th{padding:.2em .8em;text-align:left}</style><h1>Backtest</h1>"
        f"{svg[svg.index('<svg') :]}<table>"
        "<tr><th>alert</th><th>labels</th><th>starts</th><th>ends</th><th>value</th></tr>"
        f"{rows}</table></html>\n"
    )


def _cells(alert: Alert) -> tuple[str, ...]:
    shown = alert.public()
    labels = ", ".join(f"{name}={value}" for name, value in alert.labels.items() if name != "alertname")
    ends = "fires at the end" if alert.ends_at_ms is None else str(shown["endsAt"])
    return alert.labels["alertname"], labels, str(shown["startsAt"]), ends, f"{alert.value:.3g}"
