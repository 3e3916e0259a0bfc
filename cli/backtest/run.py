"""Recorded tweets to counts to alerts: what `buzzwatch alerts backtest` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.backtest.bad_buzz import Replay
from alerts.backtest.drift import Answers, replay_drift
from alerts.backtest.foreign_volume import replay_foreign_volume
from alerts.backtest.quiet import replay_quiet
from alerts.backtest.series import BUCKET_S, Series, Span, count
from alerts.counters.voices import SURE
from alerts.detectors.drift import Reference
from alerts.state.alert import Alert
from cli.backtest.recorded_tweets import Recorded, RecordedError
from contracts.events import SENTIMENTS
from contracts.rules.schema import BadBuzz, Drift, ForeignVolume, Quiet, Rules, Unit
from contracts.settings import Settings
from contracts.times import to_rfc3339
from models.annotator import Annotator
from models.text.digests import digests
from models.text.language import KNOWN, known_languages, reliable
from models.text.matching import Matcher

_CHUNK: Final = 5000
_MOST_DAYS: Final = 400
_DAY_S: Final = 86_400

_Languages = Literal["all", "known", "unknown"]
"""Which tweets count: all, or by whether the model knows their language."""
Progress = Callable[[str, int, int], None]


class Subject(NamedTuple):
    """A watch (None: the whole stream), or a theme in it."""

    watch: str | None
    theme: str | None = None

    @property
    def where(self) -> dict[str, str]:
        """Its labels."""
        named = {"watch": self.watch, "theme": self.theme}
        return {name: value for name, value in named.items() if value is not None}


def _numbered(authors: list[str | None]) -> NDArray[np.uint64] | None:
    """A number for each author, 0 for an unknown one; None where nobody is known."""
    number = {author: at for at, author in enumerate(dict.fromkeys(filter(None, authors)), start=1)}
    if not number:
        return None
    return np.array([number[author] if author else 0 for author in authors], np.uint64)


class Backtest:
    """One file of tweets under one rules file.

    Raises:
        RecordedError: the tweets span more than 400 days.
        ArtefactError: tweets must be scored, and there is no model.
    """

    def __init__(
        self, rules: Rules, recorded: Recorded, settings: Settings, model: str | None, progress: Progress
    ) -> None:
        self.rules = rules
        self._progress = progress
        times = np.array(recorded.times_s, np.int64)
        received = np.array([-1 if moment is None else moment for moment in recorded.received_s], np.int64)
        known = received >= 0
        # As live: what is dated long after it came counts when it came, what came long after its date is late.
        ahead = known & (times > received + settings.alerts.ahead_after_s)
        self._times = np.where(ahead, received, times)
        self._late = known & (self._times < received - settings.alerts.late_after_s)
        first, last = int(self._times.min()), int(self._times.max())
        if last - first > _MOST_DAYS * _DAY_S:
            dates = " to ".join(to_rfc3339(moment * 1000)[:10] for moment in (first, last))
            raise RecordedError(f"the tweets span more than {_MOST_DAYS} days ({dates}): give them in parts")
        self.span = Span.of(self._times)
        self._matcher = Matcher((*rules.watches, *rules.themes))
        self._bit = {("watch", watch.name): index for index, watch in enumerate(rules.watches)}
        self._bit |= {("theme", theme.name): index + len(rules.watches) for index, theme in enumerate(rules.themes)}
        self._topics, self._digests = self._matched(recorded.texts)
        self._authors = _numbered(recorded.authors)
        self._answers: Answers | None = None
        self._reference: Reference | None = None
        self._version = ""
        self._felt: dict[str, dict[int, bool]] = {}
        self._languages = KNOWN
        # A file without confidences is taken as sure.
        self._sure = np.array([one is None or one >= SURE for one in recorded.confidences], bool)
        self._negative = self._scored(recorded, settings, model)
        self._reliable = self._known(recorded)
        self.unreliable = int((~self._reliable).sum())
        """Tweets in languages that the model does not know."""
        self._series = lru_cache(maxsize=4)(self._counted)

    @property
    def days(self) -> float:
        """How long the recording is."""
        return self.span.buckets * BUCKET_S / _DAY_S

    def subjects(self, rule: BadBuzz | ForeignVolume | Quiet) -> Iterator[Subject]:
        """What a rule looks at."""
        if isinstance(rule, Quiet):
            yield from [Subject(None)] if rule.watches is None else map(Subject, rule.watches)
            return
        for watch in self.rules.watches:
            if rule.watches is None or watch.name in rule.watches:
                if isinstance(rule, ForeignVolume) or not rule.per_theme:
                    yield Subject(watch.name)
                    continue
                for theme in self.rules.themes:
                    if rule.themes is None or theme.name in rule.themes:
                        yield Subject(watch.name, theme.name)

    def alerts(self) -> list[Alert]:
        """All alerts of all rules, by their start."""
        pairs = [
            (rule, subject)
            for rule in self.rules.rules
            if isinstance(rule, (BadBuzz, ForeignVolume, Quiet)) and rule.enabled
            for subject in self.subjects(rule)
        ]
        found: list[Alert] = []
        for number, (rule, subject) in enumerate(pairs):
            self._progress("rules", number, len(pairs))
            series = self.series(rule, subject)
            if isinstance(rule, ForeignVolume):
                found += replay_foreign_volume(rule, subject.where, series)
            elif isinstance(rule, Quiet):
                found += replay_quiet(rule, subject.where, series)
            else:
                found += [one.alert for one in Replay(rule, subject.where, series).alerts()]
        for one in self.rules.rules:
            if isinstance(one, Drift) and one.enabled and self._answers is not None and self._reference is not None:
                found += replay_drift(one, {"model_version": self._version}, self._answers, self._reference)
        return sorted(found, key=lambda alert: (alert.starts_at_ms, alert.name))

    def series(self, rule: BadBuzz | ForeignVolume | Quiet, subject: Subject) -> Series:
        """What the rule sees of a subject: as live, tweets whose language the model does not know are no bad buzz
        unless it says so."""
        if isinstance(rule, ForeignVolume):
            return self._series(subject, "unknown", rule.count)
        everything = isinstance(rule, Quiet) or rule.include_unreliable or not self.unreliable
        languages: _Languages = "all" if everything else "known"
        return self._series(subject, languages, "tweets" if isinstance(rule, Quiet) else rule.count)

    def _counted(self, subject: Subject, languages: _Languages, unit: Unit) -> Series:
        known = self._reliable
        chosen = known.copy() if languages == "known" else ~known if languages == "unknown" else np.ones_like(known)
        if subject.watch is not None:
            chosen &= self._about("watch", subject.watch)
        if subject.theme is not None:
            chosen &= self._about("theme", subject.theme)
        late = self._late[chosen] if self._late.any() else None
        authors = None if self._authors is None else self._authors[chosen]
        negative = self._negative if subject.theme is None else self._negative_about(subject.theme)
        of_subject = self._times[chosen], negative[chosen], self._digests[chosen]
        return count(self.span, *of_subject, late, authors=authors, sure=self._sure[chosen], unit=unit)

    def _negative_about(self, theme: str) -> NDArray[np.bool_]:
        """As live: a theme counts with what is felt about it, where that is not what the tweet says."""
        negative = self._negative.copy()
        felt = self._felt.get(theme, {})
        negative[list(felt)] = list(felt.values())
        return negative

    def _about(self, kind: str, name: str) -> NDArray[np.bool_]:
        word, bit = divmod(self._bit[kind, name], 64)
        return (self._topics[word] >> np.uint64(bit) & np.uint64(1)).astype(bool)

    def _matched(self, texts: list[str]) -> tuple[list[NDArray[np.uint64]], NDArray[np.uint64]]:
        words = -(-len(self._bit) // 64)
        topics = [np.zeros(len(texts), np.uint64) for _ in range(words)]
        found = np.zeros(len(texts), np.uint64)
        for start in range(0, len(texts), _CHUNK):
            self._progress("matching", start, len(texts))
            chunk = texts[start : start + _CHUNK]
            bits = self._matcher.find_batch(chunk)
            for word in range(words):
                topics[word][start : start + len(chunk)] = [one >> 64 * word & 0xFFFF_FFFF_FFFF_FFFF for one in bits]
            found[start : start + len(chunk)] = digests(chunk)
        return topics, found

    def _known(self, recorded: Recorded) -> NDArray[np.bool_]:
        """Whether the model knows the language: as the file says, else by the tweet's `lang`, else by its text.

        A tweet that has a sentiment is not asked for its text: whoever scored it has, and says `reliable` where it
        is not, as the scored topic does.
        """
        known = np.array([said is not False for said in recorded.reliable], bool)
        texts = [
            text if sentiment is None else ""
            for text, sentiment in zip(recorded.texts, recorded.sentiments, strict=True)
        ]
        asked = [
            row
            for row, (said, lang) in enumerate(zip(recorded.reliable, recorded.langs, strict=True))
            if said is None and (lang or texts[row])
        ]
        for start in range(0, len(asked), _CHUNK):
            self._progress("languages", start, len(asked))
            rows = asked[start : start + _CHUNK]
            known[rows] = reliable([texts[row] for row in rows], [recorded.langs[row] for row in rows], self._languages)
        return known

    def _scored(self, recorded: Recorded, settings: Settings, named: str | None) -> NDArray[np.bool_]:
        negative = np.array([sentiment == "negative" for sentiment in recorded.sentiments], bool)
        for row, said in enumerate(recorded.theme_sentiments):
            if said and recorded.sentiments[row] is not None:  # else it is scored below, themes too
                self._feel(row, said, negative)
        missing = [row for row, sentiment in enumerate(recorded.sentiments) if sentiment is None]
        if not missing:
            return negative
        from training.evaluation.evaluate import find_model

        model, self._version = find_model(settings, named)
        self._languages = known_languages(model.metadata)
        self._reference = Reference.of(model.metadata)
        annotator, tables = Annotator(self.rules), []
        for start in range(0, len(missing), _CHUNK):
            self._progress("scoring", start, len(missing))
            rows = missing[start : start + _CHUNK]
            answers = annotator.columns(model, [recorded.texts[row] for row in rows], masked=False)
            tables.append(answers.probabilities)
            negative[rows] = tables[-1].argmax(axis=1) == SENTIMENTS.index("negative")
            self._sure[rows] = tables[-1].max(axis=1) >= SURE
            for row, topics in zip(rows, answers.topics, strict=True):
                self._feel(row, annotator.theme_sentiments(topics), negative)
        self._answers = Answers(self._times[missing], np.concatenate(tables))
        return negative

    def _feel(self, row: int, said: Mapping[str, str], negative: NDArray[np.bool_]) -> None:
        """Remember what is felt about the themes of a tweet."""
        for theme, felt in said.items():
            if (felt == "negative") != negative[row]:
                self._felt.setdefault(theme, {})[row] = felt == "negative"
