"""`bad_buzz`: every rule against every watch, or every theme of every watch, at one instant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.conditions.finding import AlertDetails, AlertKey, Finding, Moment, alert_key_of, fingerprints_of
from alerts.counters.counts import ALL_THEMES, NOTHING, Counts, Key
from alerts.counters.store import CounterStore
from alerts.counters.table import CountTable, IntArray
from alerts.detectors import bad_buzz, baseline
from alerts.explanation import bad_buzz as explaining
from alerts.explanation.escalation import escalation, severity_of
from alerts.state.alert import Alert
from contracts.rules.schema import BadBuzz, BaseRule, Rules, Unit

_BASELINE_FOR_MS: Final = 10_000
"""How long what is usual is taken as still known; it rests on a day and more."""
_EXCLUDED_FOR_MS: Final = 60_000
_SAMPLES_BEFORE_MS: Final = 86_400_000

Floats = NDArray[np.float64]


class _Subject(NamedTuple):
    """A watch, or a theme in a watch."""

    key: Key
    where: dict[str, str]
    terms: tuple[str, ...]
    alert_key: AlertKey

    @property
    def about(self) -> str:
        return ", ".join(part for part in self.key if part)


@dataclass
class _Of:
    """A rule with its subjects, and what is remembered between two looks."""

    rule: BadBuzz
    subjects: list[_Subject]
    number: dict[AlertKey, int]
    by_fingerprint: dict[str, int]
    rows: IntArray
    known_rows: int = -1
    usual: baseline.Baseline | None = None
    usual_at_ms: int = 0
    usual_for: tuple[int, ...] = ()
    """The subjects that it was made for."""


class Expected(NamedTuple):
    """What the past of a watch, or of a theme in a watch, leads a rule to expect."""

    key: Key
    rule: BadBuzz
    usual: baseline.Baseline
    """Arrays of one entry."""


class _LookedAt(NamedTuple):
    """A subject that there is something to say about, all numbers of one moment."""

    subject: _Subject
    verdict: bad_buzz.Verdict
    usual: baseline.Baseline
    themes: dict[str, int]
    """What is negative of each theme of the watch."""


@dataclass
class _Excluded:
    """Counts of past crises, which do not become the usual state."""

    known: dict[tuple[Key, Unit, bool, int, int], tuple[int, Counts]] = field(default_factory=dict)


class BadBuzzCondition:
    """Judges all subjects of a rule as columns (`alerts.detectors.bad_buzz.assess_all`)."""

    def __init__(self, rules: Rules, counters: CounterStore, *, bucket_s: int) -> None:
        self._counters = counters
        self._bucket_s = bucket_s
        self._themes = [theme.name for theme in rules.themes]
        self._rules = [_of(rule, rules) for rule in rules.rules if isinstance(rule, BadBuzz) and rule.enabled]
        self._excluded = _Excluded()

    def covers(self, rule: BaseRule, alert: Alert, /) -> bool:
        """The watches and themes that the rule names."""
        return any(of.rule is rule and alert_key_of(alert.labels) in of.number for of in self._rules)

    def findings(self, moment: Moment) -> Iterator[Finding]:
        """Of every subject whose condition holds or that has an alert."""
        for of in self._rules:
            yield from self._of(of, moment)

    def expected(self, moment: Moment) -> list[Expected]:
        """What is usual for each subject of each rule, whether or not there is something to say; for display."""
        found: list[Expected] = []
        for of in self._rules:
            # Read before rows are looked up: what is seen for the first time gets its row now.
            self._counters.baseline(moment.now_ms, window_s=of.rule.windows[-1], baseline_s=of.rule.baseline)
            of.rows = self._counters.rows_of([subject.key for subject in of.subjects])
            of.known_rows = self._counters.known_rows
            alerts = {of.number[key]: alert for key, alert in moment.alerts.items() if key in of.number}
            usual = self._usual(of, np.arange(len(of.subjects)), moment, alerts)
            found += [Expected(one.key, of.rule, _column(usual, at)) for at, one in enumerate(of.subjects)]
        return found

    def _of(self, of: _Of, moment: Moment) -> Iterator[Finding]:
        if of.known_rows != self._counters.known_rows:
            of.rows = self._counters.rows_of([subject.key for subject in of.subjects])
            of.known_rows = self._counters.known_rows
        rule = of.rule
        tables = [self._counters.window(moment.now_ms, seconds) for seconds in rule.windows]
        if of.known_rows != self._counters.known_rows:  # seen for the first time in these windows
            of.rows = self._counters.rows_of([subject.key for subject in of.subjects])
            of.known_rows = self._counters.known_rows
        alerts = {of.number[alert_key]: alert for alert_key, alert in moment.alerts.items() if alert_key in of.number}
        longest = tables[-1].taken(of.rows, rule.count, unreliable=rule.include_unreliable)
        busy = longest.sum(axis=1) >= rule.min_volume
        busy[list(alerts)] = True
        chosen = np.flatnonzero(busy)
        if not len(chosen):
            return
        usual = self._usual(of, chosen, moment, alerts)
        windows = [_evidence(table, of.rows[chosen], rule) for table in tables]
        firing = np.array([number in alerts and alerts[number].has_begun for number in chosen.tolist()])
        verdicts = bad_buzz.assess_all(rule, windows, usual, firing=firing, rested_s=_rested(of, chosen, moment))
        looked_at: list[_LookedAt] = []
        for column, number in enumerate(chosen.tolist()):
            if verdicts.active[column] or number in alerts:
                subject = of.subjects[number]
                volumes = [table.volume(subject.key, unreliable=rule.include_unreliable) for table in tables]
                verdict = bad_buzz.explained(rule, volumes, usual, verdicts, column, firing=bool(firing[column]))
                themes = self._negative_by_theme(rule, subject.key[0], tables[int(verdicts.window[column])])
                looked_at.append(_LookedAt(subject, verdict, _column(usual, column), themes))
        # All numbers first: whoever takes a finding may read counters anew, and then the tables hold what came since.
        for one in looked_at:
            yield self._finding(of, one, moment)

    def _usual(
        self, of: _Of, chosen: NDArray[np.intp], moment: Moment, alerts: Mapping[int, Alert]
    ) -> baseline.Baseline:
        """What is usual for these subjects; kept for some seconds."""
        columns = tuple(chosen.tolist())
        fresh = 0 <= moment.now_ms - of.usual_at_ms < _BASELINE_FOR_MS
        if of.usual is not None and fresh and of.usual_for == columns:
            return of.usual
        rule, rows = of.rule, of.rows[chosen]
        window_s = rule.windows[-1]
        table = self._counters.baseline(moment.now_ms, window_s=window_s, baseline_s=rule.baseline)
        spans = baseline.spans(rule, moment.now_ms / 1000)
        hours = self._counters.hours(moment.now_ms, [*spans.slices, *spans.week, *spans.lately])
        of_hours = [_tally(_evidence(one, rows, rule)) for one in hours]
        lately = of_hours[len(of_hours) - len(spans.lately) :]
        recent = _tally(_evidence(table, rows, rule))
        bounds = self._counters.baseline_bounds(moment.now_ms, window_s=window_s, baseline_s=rule.baseline)
        for column, number in enumerate(columns):
            crises = self._crises(of, number, alerts.get(number), moment)
            for tally, (since, until) in zip((recent, *lately), (bounds, *spans.lately), strict=True):
                crisis = self._within(of, number, crises, since, until, moment.now_ms)
                tally.negative[column] -= min(crisis.negative, tally.negative[column])
                tally.total[column] -= min(crisis.total, tally.total[column])
        first = len(spans.slices)
        past = baseline.Past(
            recent,
            _stacked(of_hours[:first], len(columns)),
            _stacked(lately, len(columns)),
            _stacked(of_hours[first : first + len(spans.week)], len(columns)),
        )
        of.usual, of.usual_at_ms, of.usual_for = baseline.expect(rule, past), moment.now_ms, columns
        return of.usual

    def _crises(self, of: _Of, number: int, alert: Alert | None, moment: Moment) -> list[tuple[int, int]]:
        """When the crises were, whole minutes, sorted. One that is longer than the rule's baseline is not a crisis but
        the new usual state."""
        episodes = [
            episode
            for fingerprint, episode_list in moment.snapshot.episodes.items()
            if of.by_fingerprint.get(fingerprint) == number
            for episode in episode_list
        ]
        if alert is not None:
            episodes.append((alert.starts_at_ms, moment.now_ms))
        return sorted(
            (start_ms // 60_000 * 60 - 60, -(-end_ms // 60_000) * 60)
            for start_ms, end_ms in episodes
            if end_ms - start_ms <= of.rule.baseline * 1000
        )

    def _within(
        self, of: _Of, number: int, crises: Sequence[tuple[int, int]], since: int, until: int, now_ms: int
    ) -> Counts:
        """What the rule counts in those minutes of crises that lie in `[since, until)`."""
        total, seen = NOTHING, since
        for start, end in crises:
            first, last = max(start, seen), min(end, until)
            if first < last:
                total = total.plus(self._minutes(of.subjects[number].key, first, last, of.rule, now_ms))
                seen = last
        return total

    def _minutes(self, key: Key, first: int, last: int, rule: BadBuzz, now_ms: int) -> Counts:
        name = key, rule.count, rule.include_unreliable, first, last
        known = self._excluded.known.get(name)
        if known is None or not 0 <= now_ms - known[0] < _EXCLUDED_FOR_MS:
            if len(self._excluded.known) > 10_000:
                self._excluded.known.clear()
            series = self._counters.baseline_series(key, first, last, unreliable=rule.include_unreliable)
            total = NOTHING
            for volume in series.values():
                total = total.plus(volume.counted(rule.count))
            known = self._excluded.known[name] = now_ms, total
        return known[1]

    def _negative_by_theme(self, rule: BadBuzz, watch: str, table: CountTable) -> dict[str, int]:
        """What is negative of each theme of the watch, in the rule's unit."""
        rows = self._counters.rows_of([(watch, theme) for theme in self._themes])
        counted = table.taken(rows, rule.count, unreliable=rule.include_unreliable)
        return dict(zip(self._themes, counted[:, 0].tolist(), strict=True))

    def _finding(self, of: _Of, one: _LookedAt, moment: Moment) -> Finding:
        rule = of.rule
        subject, verdict, usual, themes_now = one
        grade = escalation(
            share_now=verdict.counted.share,
            share_before=verdict.past_share,
            negative=verdict.counted.negative,
            followers=verdict.now.reach or None,
        )
        volume_before = self._volume_before(rule, subject.key, verdict, moment)
        known = moment.alerts.get(subject.alert_key)

        def begin() -> AlertDetails:
            if known is None:
                starts_at_ms = self._since_when(rule, subject.key, verdict, usual, moment.now_ms) * 1000
            else:
                starts_at_ms = known.starts_at_ms
            since, _ = self._counters.window_bounds(moment.now_ms, verdict.window_s)
            samples = self._counters.samples(subject.key[0], (since - _SAMPLES_BEFORE_MS // 1000) * 1000)
            if subject.key[1]:
                samples = [sample for sample in samples if subject.key[1] in sample.themes]
            start_ms = min(since * 1000, starts_at_ms)
            themes_before = self._themes_before(rule, subject.key[0], verdict, moment)
            evidence = explaining.Evidence(
                about=subject.about,
                own_terms=subject.terms,
                verdict=verdict,
                escalation=grade,
                volume_before=volume_before,
                past_tweets=float(usual.tweets[0]),
                themes_now=themes_now,
                themes_before=themes_before,
                samples=[sample for sample in samples if sample.created_at_ms >= start_ms],
                samples_before=[sample for sample in samples if sample.created_at_ms < start_ms],
                since_ms=starts_at_ms,
                model_version=moment.model_version,
            )
            return AlertDetails(verdict.counted.share, starts_at_ms, explaining.begun(evidence))

        return Finding(
            rule,
            subject.where,
            verdict.active,
            begin,
            lambda before: explaining.ended(subject.about, verdict, volume_before, before),
            severity_of(rule, grade.score) if rule.severity == "score" else None,
        )

    def _themes_before(self, rule: BadBuzz, watch: str, verdict: bad_buzz.Verdict, moment: Moment) -> dict[str, float]:
        """What is usually negative of each theme of the watch in such a window."""
        past = self._counters.baseline(moment.now_ms, window_s=rule.windows[-1], baseline_s=rule.baseline)
        ratio = verdict.window_s / rule.baseline
        negative = self._negative_by_theme(rule, watch, past)
        return {theme: number * ratio for theme, number in negative.items()}

    def _volume_before(self, rule: BadBuzz, key: Key, verdict: bad_buzz.Verdict, moment: Moment) -> float:
        if verdict.past_rate > 0:
            return verdict.past_rate * verdict.window_s
        past = self._counters.baseline(moment.now_ms, window_s=rule.windows[-1], baseline_s=rule.baseline)
        return past.volume(key).counted(rule.count).total * verdict.window_s / rule.baseline

    def _since_when(
        self, rule: BadBuzz, key: Key, verdict: bad_buzz.Verdict, usual: baseline.Baseline, now_ms: int
    ) -> int:
        """Start of the bucket in which the condition first held, seconds; at most a window ago.

        Computed from the counts alone, so that an evaluation repeated later (after a crash that lost the first
        one) says the same, and its notification has the same id.
        """
        width = self._bucket_s
        since, until = self._counters.window_bounds(now_ms, verdict.window_s)
        bounds = [self._counters.window_bounds(now_ms, seconds) for seconds in rule.windows]
        first = min(start for start, _ in bounds) - (until - since)
        series = self._counters.bucket_series(key, first, until, unreliable=rule.include_unreliable)
        starts = range(first, until, width)
        counts = [series[start].counted(rule.count) if start in series else NOTHING for start in starts]
        negative = np.cumsum([0] + [one.negative for one in counts])
        total = np.cumsum([0] + [one.total for one in counts])
        ends = np.arange(len(starts) - (until - since) // width + 1, len(starts) + 1)
        windows = [
            bad_buzz.Evidence(
                (negative[ends] - negative[np.maximum(ends - (end - start) // width, 0)]).astype(float),
                (total[ends] - total[np.maximum(ends - (end - start) // width, 0)]).astype(float),
            )
            for start, end in bounds
        ]
        broad = baseline.Baseline(*(np.repeat(column, len(ends)) for column in usual))
        held = bad_buzz.assess_all(
            rule, windows, broad, firing=np.zeros(len(ends), bool), rested_s=np.full(len(ends), np.inf)
        ).active
        begin = until - width
        for holds in held[::-1][1:].tolist():
            if not holds:
                break
            begin -= width
        return begin


def _of(rule: BadBuzz, rules: Rules) -> _Of:
    themes: list[str | None] = [None]
    if rule.per_theme:
        themes = [theme.name for theme in rules.themes if rule.themes is None or theme.name in rule.themes]
    subjects: list[_Subject] = []
    for watch in rules.watches:
        if rule.watches is None or watch.name in rule.watches:
            for theme in themes:
                where = {"watch": watch.name} | ({} if theme is None else {"theme": theme})
                alert_key = alert_key_of({**where, "alertname": rule.alert})
                subjects.append(_Subject((watch.name, theme or ALL_THEMES), where, watch.match, alert_key))
    return _Of(
        rule,
        subjects,
        {subject.alert_key: number for number, subject in enumerate(subjects)},
        {
            fingerprint: number
            for number, subject in enumerate(subjects)
            for fingerprint in fingerprints_of(rule, **subject.where)
        },
        np.zeros(0, np.int64),
    )


def _evidence(table: CountTable, rows: IntArray, rule: BadBuzz) -> bad_buzz.Evidence:
    counted = table.taken(rows, rule.count, unreliable=rule.include_unreliable)
    return bad_buzz.Evidence(counted[:, 0].astype(np.float64), counted.sum(axis=1).astype(np.float64))


def _tally(evidence: bad_buzz.Evidence) -> baseline.Tally:
    return baseline.Tally(evidence.negative, evidence.total)


def _stacked(tallies: Sequence[baseline.Tally], size: int) -> baseline.Tally:
    """A row each."""
    if not tallies:
        return baseline.Tally(np.zeros((0, size)), np.zeros((0, size)))
    return baseline.Tally(np.stack([one.negative for one in tallies]), np.stack([one.total for one in tallies]))


def _rested(of: _Of, chosen: NDArray[np.intp], moment: Moment) -> Floats:
    """Seconds since the last alert of each subject ended."""
    rested = np.full(len(of.subjects), bad_buzz.NEVER_RESTED)
    for fingerprint, past in moment.snapshot.episodes.items():
        number = of.by_fingerprint.get(fingerprint)
        if number is not None and past:
            rested[number] = min(rested[number], (moment.now_ms - past[-1][1]) / 1000)
    found: Floats = rested[chosen]
    return found


def _column(usual: baseline.Baseline, column: int) -> baseline.Baseline:
    return baseline.Baseline(*(values[column : column + 1] for values in usual))
