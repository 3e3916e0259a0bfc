"""The leaderboard and the model card, written from stored results and the shipped artefact."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from contracts.printable import markdown_table
from contracts.words.languages import language_name
from models.base.artefact import read_metadata
from training.evaluation.held_out import HeldOut, slice_figures
from training.evaluation.results import Result
from training.evaluation.suite import FOLDER, Suite, interval_text, read_suite, table

_ABOUT: Final = """# Leaderboard

Written by `buzzwatch train leaderboard --docs docs` from the files that `buzzwatch train compare` and `--results` of
any training put into `training/results/`; the command below makes one row again. All models are measured on the same
held-out texts that people labelled, near-duplicates apart ([models.md](models.md)):
{counts}. Rows with – have not learnt from kaggle's tweets.

*MR*: macro-recall. *Emoticons*: on Sentiment140 ({emoticons} texts) the larger of negative and positive, a
diagnostic that ranks nobody. In brackets the 95 % interval. *ECE*: on airline / SemEval / kaggle. *Rows*: labelled by
emoticons; people's 83,000 (without kaggle's 58,000) come on top, and a teacher's where the command has `--taught`;
members slower than the hashed one learn from a random part. *Tweets/s*: one thread, from a list of strings, on 2 cores
of an Intel Xeon (rows with –: AMD EPYC) shared with other work.
"""

_COLUMNS: Final = (
    ("airline accuracy", "airline", "accuracy"),
    ("airline MR", "airline", "macro_recall"),
    ("SemEval MR", "semeval", "macro_recall"),
    ("kaggle MR", "kaggle", "macro_recall"),
    ("French MR", "french", "macro_recall"),
    ("emoticons", "sentiment140", "binary_accuracy"),
)
"""Head, data set and figure."""
_CALIBRATED: Final = ("airline", "semeval", "kaggle")

_COST_BENEFIT: Final = """## Who streams, and why

One point of accuracy is worth 100,000 tweets/s and 10 MB: below 100,000 tweets/s a thread the model, not Kafka, is
what a worker waits for; above 300,000 more speed changes nothing. So of the models that score at least 100,000
tweets/s a thread and take at most 10 MB, the one with the highest mean of airline accuracy and the macro-recall of
every set that people labelled serves; it may be beaten by slower ones, whose place is behind it
in a cascade.
"""
_LEAST_SPEED: Final = 100_000
_COMMANDS: Final = """What a network reaches depends on the machine where `--minutes` end its training. Those with
`--taught` learn from what `buzzwatch train teach` wrote ([deep-models.md](deep-models.md#reached)).
"""
_MOST_MEGABYTES: Final = 10

_LICENCES: Final = """| data | rows | labels | licence |
|---|---|---|---|
| Sentiment140 (Go, Bhayani, Huang 2009) | 1,500,372 | from emoticons, two | none stated, for research |
| Twitter US Airline Sentiment (CrowdFlower, February 2015) | 11,720 | by people, three | CC BY-NC-SA 4.0 |
| SemEval task 4A, 2013 to 2016 | 49,486 | by people, three | for research, terms of the shared task |
| Tweet Sentiment Extraction (Kaggle) | 27,795 | by people, three | CC BY 4.0 |
| French tweets (UMSAB, DEFT) | 2,163 | by people, three | for research |
| Sentiment140, translated into French by machine | 32,108 | from emoticons, two | none stated |

The artefact holds hashed weights, no text; whoever sells what they score has to ask the airline set's licence first.
"""

_SUITE: Final = """`buzzwatch train suite`: each row is of a model of the same recipe that has seen neither the set nor
near-duplicates of it; teachers, who have learnt from these files, take no part. A whole file left out is another
domain, a year left out another time.
"""

_LIMITS: Final = """- English of tweets from 2009 to 2016, and a little French, mostly about politics.
  Newer words and emoji are read by their letters. Languages that it does not list as known are
  marked `reliable: false`.
- Sarcasm is often read as praise. A negator reaches four words, up to a mark or "but", and no further.
- Handles are hidden, so a name sways nothing; companies in plain text are words like others.
- Neutral is learnt from people's labels alone. On Sentiment140, which has no neutral tweets, every neutral answer
  counts as wrong in the three-label figures. Its labels come from emoticons: they judge nothing.
- Confidence is calibrated between held-out parts and files left out, so it is a little too low on the one kind and too
  high on the other. The expected calibration error of a perfectly calibrated model is about 0.02 at 2,000 rows and 0.05
  at 400, so the small sets cannot show less.
- Operating point: the most probable label, from a model in which classes that are rare in a file count more, so that it
  holds where other shares of the classes rule. It trades accuracy on airline tweets for macro-recall everywhere.
"""


def write_pages(results: Sequence[Result], artefact: Path, docs: Path, suites: Path = FOLDER) -> list[Path]:
    """Write `leaderboard.md` and `model_card.md`; returns their paths.

    Raises:
        ArtefactError: the artefact cannot be read.
    """
    pages = {
        docs / "leaderboard.md": leaderboard(results),
        docs / "model_card.md": model_card(
            read_metadata(artefact), HeldOut.load(artefact), results, read_suite(suites / "hashed.json")
        ),
    }
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return list(pages)


def leaderboard(results: Sequence[Result]) -> str:
    """The page, best first by `mean_figure`."""
    sets = common_sets(results)
    ranked = sorted(results, key=lambda one: mean_figure(one, sets), reverse=True)
    head = ("model", "rows", *(head for head, _, _ in _COLUMNS), "ECE", "tweets/s", "MB", "training")
    rows = []
    for one in ranked:
        size = "–" if one.megabytes is None else f"{one.megabytes:.1f}"
        cells = [
            f"**{one.member}**{_form(one)}: {one.about}",
            f"{one.distant_rows:,}",
            *(_cell(one, source, figure) for _, source, figure in _COLUMNS),
            " / ".join(_ece(one, source) for source in _CALIBRATED),
            f"{one.tweets_per_s:,.0f}",
            size,
            f"{one.seconds:,.0f} s",
        ]
        rows.append(cells)
    judges = dict.fromkeys(source for _, source, _ in _COLUMNS if source != "sentiment140")
    counts = ", ".join(f"{source} {_counts(ranked, source)}" for source in judges)
    lines = [
        _ABOUT.format(counts=counts, emoticons=_counts(ranked, "sentiment140")),
        *markdown_table(head, rows),
        "",
        _COST_BENEFIT,
        *_choice(ranked),
        "",
        *_behaviour(ranked),
        "",
        "## Commands",
        "",
    ]
    commands = ((f"{one.member} {one.format}", f"`{one.command}`") for one in ranked)
    lines += [_COMMANDS, *markdown_table(("model", "command"), commands)]
    return "\n".join(lines) + "\n"


def model_card(
    metadata: Mapping[str, Any], held_out: HeldOut | None, results: Sequence[Result], suite: Suite | None = None
) -> str:
    """The page about the shipped model."""
    lines = [
        "# Model card: the shipped linear model",
        "",
        "Written by `buzzwatch train leaderboard --docs docs` from `models/artefacts/linear`.",
        "",
        f"Family `{metadata['family']}`, cleaning {metadata['cleaning']}, trained {metadata.get('trained_at', '–')} on "
        f"{metadata.get('trained_on', '–')}. Three labels with probabilities, for tweets in "
        f"{_spoken(metadata)}.",
        "Made to count what a crowd feels about a brand; not to judge a person by one tweet.",
        "",
        "## Data and licences",
        "",
        _LICENCES,
        "## Figures",
        "",
        "On texts held out from a twin that learnt by the same recipe from the rest. Negatives first: a missed",
        "complaint costs more than a false one.",
        "",
    ]
    head = (
        "set",
        "n",
        "recall negative",
        "recall neutral",
        "recall positive",
        "accuracy",
        "macro-recall",
        "binary",
        "ECE",
    )
    rows = []
    for name, report in metadata["metrics"].items():
        recalls = [interval_text(report["recall"].get(label)) for label in ("negative", "neutral", "positive")]
        rest = [interval_text(report[figure]) for figure in ("accuracy", "macro_recall", "binary_accuracy", "ece")]
        rows.append((name, f"{report['n']:,}", *recalls, *rest))
    lines += markdown_table(head, rows)
    if suite is not None:
        lines += ["", "### On what it has never seen the like of", "", _SUITE, *_suite_table(suite)]
    if held_out is not None:
        columns = "set", "slice", "n", "accuracy", "recall negative"
        lines += ["", "### Slices", "", *markdown_table(columns, _slices(held_out))]
    lines += ["", "## Limits", "", _LIMITS]
    if shipped := [one for one in results if one.member == metadata["family"] and one.format == "native"]:
        shares = ((name, f"{rate:.0%}") for name, rate in shipped[0].behaviour.items())
        lines += ["### Behavioural tests, share passed", "", *markdown_table(("family", "share"), shares)]
    return "\n".join(lines).rstrip() + "\n"


def _spoken(metadata: Mapping[str, Any]) -> str:
    """The languages that it knows, in words."""
    return " and ".join(map(language_name, metadata.get("languages", ["en"])))


def _suite_table(suite: Suite) -> list[str]:
    head, *rows = table(suite)
    lines = markdown_table(head, rows)
    if suite.score is not None:
        lines += ["", f"Mean macro-recall over the files left out: {suite.score:.4f}."]
    return lines


def champion_of(results: Sequence[Result]) -> Result | None:
    """The model that serves the stream by the written rule."""
    fit = [
        one
        for one in results
        if one.megabytes is not None and one.megabytes <= _MOST_MEGABYTES and one.tweets_per_s >= _LEAST_SPEED
    ]
    sets = common_sets(results)
    return max(fit, key=lambda one: mean_figure(one, sets), default=None)


def _choice(results: Sequence[Result]) -> list[str]:
    champion = champion_of(results)
    if champion is None:
        return ["No measured model is fast and small enough."]
    sets = common_sets(results)
    mean = mean_figure(champion, sets)
    better = [f"{one.member}{_form(one)}" for one in results if mean_figure(one, sets) > mean]
    behind = f" Better and too slow or too large: {', '.join(better)}." if better else " No slower one is better."
    return [f"That is **{champion.member}**: mean {mean:.4f}, {champion.tweets_per_s:,.0f} tweets/s, "
            f"{champion.megabytes:.1f} MB.{behind}"]  # fmt: skip


def _behaviour(results: Sequence[Result]) -> list[str]:
    families = list(dict.fromkeys(name for one in results for name in one.behaviour))
    rows = []
    for one in results:
        if one.behaviour:
            cells = (f"{one.behaviour[name]:.0%}" if name in one.behaviour else "–" for name in families)
            rows.append((f"{one.member}{_form(one)}", *cells))
    return ["## Behavioural tests, share passed", "", *markdown_table(("model", *families), rows)]


def _slices(held_out: HeldOut) -> Iterator[tuple[str, ...]]:
    for one in slice_figures(held_out):
        recall = "–" if one.negative_recall is None else f"{one.negative_recall.value:.3f}"
        yield one.source, one.slice, f"{one.n:,}", f"{one.accuracy.value:.3f}", recall


def _form(one: Result) -> str:
    return "" if one.format == "native" else f" {one.format}"


def _counts(results: Sequence[Result], source: str) -> str:
    """How many texts of a set they were measured on: `2,901`, or `20,000 to 29,763`."""
    found = {one.metrics[source]["n"] for one in results if source in one.metrics}
    return " to ".join(f"{count:,}" for count in sorted({min(found), max(found)})) if found else "none"


def _ece(one: Result, source: str) -> str:
    return f"{_value(one, source, 'ece'):.3f}" if source in one.metrics else "–"


def _value(one: Result, source: str, figure: str) -> float:
    return float(one.metrics[source][figure]["value"])


def _cell(one: Result, source: str, figure: str) -> str:
    return interval_text(one.metrics.get(source, {}).get(figure))


def figure_of(one: Result, source: str) -> float:
    """What counts of a set: macro-recall, and of a set without neutral tweets the larger of negative and positive."""
    return _value(one, source, "binary_accuracy" if "neutral" not in one.metrics[source]["recall"] else "macro_recall")


def mean_figure(one: Result, sets: Collection[str] | None = None) -> float:
    """By which models are ranked: mean macro-recall over the sets labelled by people, with airline's accuracy.

    Labels by emoticons (sets without neutral tweets) do not judge; they do where there is nothing else.

    Args:
        sets: only these, `common_sets` of what is compared; all of the result's when not given.
    """
    known = [name for name in one.metrics if sets is None or name in sets] or list(one.metrics)
    judges = [name for name in known if "neutral" in one.metrics[name]["recall"]] or known
    figures = [figure_of(one, name) for name in judges]
    if "airline" in judges:
        figures.append(_value(one, "airline", "accuracy"))
    return float(np.mean(figures))


def common_sets(results: Sequence[Result]) -> set[str]:
    """The sets that every one of them was measured on."""
    return set.intersection(*(set(one.metrics) for one in results)) if results else set()
