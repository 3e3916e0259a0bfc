"""What the model gets wrong: judged tweets by theme, watch and topic, for each version that answered them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contracts.events import SENTIMENTS
from contracts.printable import markdown_table, markdown_text
from learning.labels.resolution import Label
from training.data.topics import Topic, topics

_EXAMPLES: Final = 2
_MOST_ROWS: Final = 12
NONE: Final = ""
"""Stands for the tweets without a theme, and for those of which no watch is known."""


@dataclass(frozen=True)
class Tally:
    """Judged tweets of one theme or watch."""

    judged: int
    wrong: int
    by_choice: int
    """Of these, reported by somebody because of what was shown: mostly errors."""


@dataclass(frozen=True)
class Mistakes:
    """All of it."""

    versions: list[str]
    """That answered, the oldest first."""
    themes: dict[str, dict[str, Tally]]
    """Theme → version → judged tweets, the most mistakes first."""
    watches: dict[str, dict[str, Tally]]
    """Watch → version → judged tweets, likewise."""
    confusions: dict[str, Counter[tuple[str, str]]]
    """Version → (what people say, what it said) of its mistakes."""
    topics: list[Topic]
    """Of all mistakes; their texts are places in `wrong`."""
    wrong: list[Label]
    without_answer: int
    """Labels of which nobody noted what the model had said: they say nothing about it."""


def mistakes(labels: Sequence[Label], themes_of: Callable[[Sequence[str]], list[list[str]]]) -> Mistakes:
    """Work it out from the labels that hold.

    Args:
        themes_of: the themes of texts.
    """
    known = [label for label in labels if label.scores is not None and label.model_version is not None]
    themes = themes_of([label.text for label in known])
    by_theme, by_watch = _Cells(), _Cells()
    confusions: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    places = []
    for place, (label, own) in enumerate(zip(known, themes, strict=True)):
        version, predicted = str(label.model_version), _predicted(label)
        is_wrong = predicted != label.label
        for cells, names in ((by_theme, own), (by_watch, label.watches)):
            cells.add(names, version, is_wrong=is_wrong, by_choice=is_wrong and set(label.sources) == {"feedback"})
        if is_wrong:
            confusions[version][label.label, predicted] += 1
            places.append(place)
    wrong = [known[place] for place in places]
    return Mistakes(
        versions=sorted({str(label.model_version) for label in known}, key=_by_number),
        themes=by_theme.tallies(),
        watches=by_watch.tallies(),
        confusions=dict(confusions),
        topics=topics([label.text for label in wrong], [themes[place] for place in places]),
        wrong=wrong,
        without_answer=len(labels) - len(known),
    )


class _Cells:
    """Counts by name (theme or watch) and version."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))

    def add(self, names: Sequence[str], version: str, *, is_wrong: bool, by_choice: bool) -> None:
        for name in names or [NONE]:
            self._counts[name][version].update(judged=1, wrong=int(is_wrong), by_choice=int(by_choice))

    def tallies(self) -> dict[str, dict[str, Tally]]:
        """The names with the most mistakes."""
        order = sorted(self._counts, key=lambda name: (-sum(one["wrong"] for one in self._counts[name].values()), name))
        return {
            name: {version: Tally(one["judged"], one["wrong"], one["by_choice"]) for version, one in cells.items()}
            for name, cells in ((name, self._counts[name]) for name in order[:_MOST_ROWS])
        }


def _predicted(label: Label) -> str:
    scores = label.scores or (0.0, 0.0, 0.0)
    return SENTIMENTS[max(range(3), key=lambda code: scores[code])]


def _by_number(version: str) -> tuple[int, str]:
    return (int(version), "") if version.isdecimal() else (10**9, version)


def by_version(topic: Topic, found: Mistakes) -> dict[str, int]:
    """Version → its mistakes in a topic."""
    counts = Counter(str(found.wrong[place].model_version) for place in topic.texts)
    return {version: counts[version] for version in found.versions}


def by_watch(topic: Topic, found: Mistakes) -> dict[str, dict[str, int]]:
    """Watch → version → its mistakes in a topic, the most first; a tweet of two watches counts for both."""
    counts: Counter[tuple[str, str]] = Counter()
    for label in (found.wrong[place] for place in topic.texts):
        counts.update((watch, str(label.model_version)) for watch in label.watches or [NONE])
    watches: Counter[str] = Counter()
    for (watch, _), n in counts.items():
        watches[watch] += n
    order = sorted(watches, key=lambda watch: (-watches[watch], watch))
    return {watch: {version: counts[watch, version] for version in found.versions} for watch in order[:_MOST_ROWS]}


def as_json(found: Mistakes) -> dict[str, Any]:
    """For programs."""
    return {
        "versions": found.versions,
        "themes": _tallies_as_json(found.themes),
        "watches": _tallies_as_json(found.watches),
        "confusions": {
            version: [{"label": label, "said": predicted, "n": n} for (label, predicted), n in counts.most_common()]
            for version, counts in found.confusions.items()
        },
        "topics": [
            {
                "words": one.words,
                "wrong": by_version(one, found),
                "themes": dict(one.themes.most_common(3)),
                "watches": {watch or "none": counts for watch, counts in by_watch(one, found).items()},
                "examples": [
                    {"text": label.text, "label": label.label, "said": _predicted(label)}
                    for label in (found.wrong[place] for place in one.texts[:_EXAMPLES])
                ],
            }
            for one in found.topics
        ],
        "wrong": len(found.wrong),
        "without_answer": found.without_answer,
    }


def _tallies_as_json(tallies: dict[str, dict[str, Tally]]) -> dict[str, Any]:
    return {
        name or "none": {
            version: {"judged": one.judged, "wrong": one.wrong, "reported": one.by_choice}
            for version, one in cells.items()
        }
        for name, cells in tallies.items()
    }


def markdown(found: Mistakes) -> str:
    """For people."""
    lines = ["# What the model gets wrong", ""]
    if not found.versions:
        return "\n".join([*lines, "No judged tweet says what the model had answered.", ""])
    lines += _table("theme, wrong of judged", "no theme", found.themes, found.versions)
    if set(found.watches) != {NONE}:
        lines += ["", *_table("watch, wrong of judged", "no watch known", found.watches, found.versions)]
    lines += ["", "Of these, reported by people because they were wrong: mostly errors, so no share is an accuracy."]
    for version in found.versions:
        counts = found.confusions.get(version, Counter())
        predicted = ", ".join(f"{label} called {wrong} ({n:,})" for (label, wrong), n in counts.most_common(3))
        lines += [f"Version {markdown_text(version)}: {predicted or 'no mistake'}."]
    lines += ["", "## Topics", "", *_topics(found)]
    return "\n".join([*lines, ""])


def _table(head: str, none: str, tallies: dict[str, dict[str, Tally]], versions: list[str]) -> list[str]:
    rows = (
        (markdown_text(name) or none, *(_shown(cells.get(version)) for version in versions))
        for name, cells in tallies.items()
    )
    return markdown_table((head, *_heads(versions)), rows)


def _heads(versions: list[str]) -> list[str]:
    return [f"version {markdown_text(version)}" for version in versions]


def _topics(found: Mistakes) -> list[str]:
    if not found.topics:
        return [f"Too few mistakes for topics: {len(found.wrong):,}."]
    rows: list[tuple[str, ...]] = []
    for one in found.topics:
        themes = ", ".join(markdown_text(theme) for theme, _ in one.themes.most_common(2))
        rows.append((", ".join(map(markdown_text, one.words)), *_counts(by_version(one, found)), themes or "–"))
        split = by_watch(one, found)
        if set(split) != {NONE}:
            rows += [(f"– {markdown_text(watch) or 'no watch known'}", *_counts(n), "") for watch, n in split.items()]
    lines = [*markdown_table(("words", *_heads(found.versions), "themes"), rows), ""]
    for one in found.topics:
        for place in one.texts[:1]:
            label = found.wrong[place]
            about = markdown_text(", ".join(one.words[:2]))
            lines.append(f"- {about}: {label.label}, said {_predicted(label)}: {markdown_text(label.text)}")
    return lines


def _counts(by: dict[str, int]) -> list[str]:
    return [f"{n:,}" for n in by.values()]


def _shown(tally: Tally | None) -> str:
    if tally is None:
        return "–"
    reported = f", {tally.by_choice:,} reported" if tally.by_choice else ""
    return f"{tally.wrong:,} of {tally.judged:,}{reported}"
