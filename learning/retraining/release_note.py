"""What a new version is made of and what it does better and worse, in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from contracts.events import SENTIMENTS
from contracts.printable import markdown_table
from learning.labels.resolution import Label
from learning.retraining.comparison import Outcome
from training.evaluation.held_out import PRODUCTION
from training.registry.promotion_gate import Comparison

FILE: Final = "release_note.md"


def release_note(plan: Mapping[str, Any], labels: Sequence[Label], outcome: Outcome) -> str:
    """The whole note; masked examples, no other text.

    Args:
        plan: what the model's metadata note under `retraining`.
    """
    parts = [
        f"# Retrained from version {plan['champion']}",
        _summary(outcome),
        "## Data",
        _data(plan, labels),
        "## Figures",
        _figures(outcome),
        "## Worse",
        _worse(outcome),
        "## What they get wrong",
        _wrong_about(outcome),
        "## Examples",
        _examples("Right now, wrong before", "the champion says", outcome.right_now),
        _examples("Wrong now, right before", "the new model says", outcome.wrong_now),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(outcome: Outcome) -> str:
    found = {(one.where, one.figure): one for one in outcome.comparisons}
    production = found.get((PRODUCTION, "accuracy"))
    if production is None:
        return "Too few texts that were drawn by chance have been judged to say how accurate it would be in production."
    return (
        f"On the newest {production.n:,} texts that were drawn by chance from production its accuracy is "
        f"{production.challenger:.1%}, the champion's {production.champion:.1%} (difference {production.low:+.1%} to "
        f"{production.high:+.1%})."
    )


def _data(plan: Mapping[str, Any], labels: Sequence[Label]) -> str:
    counts = Counter(label.label for label in labels)
    sources = Counter(source for label in labels for source in label.sources)
    by_label = ", ".join(f"{name} {counts[name]:,}" for name in SENTIMENTS)
    by_source = ", ".join(f"{name} {count:,}" for name, count in sources.most_common())
    return "\n".join(
        [
            f"- snapshot `{plan['snapshot']}`: {len(labels):,} labels ({by_label}), from {by_source}; the newest of "
            f"{plan['labels_until']}",
            f"- old data: {plan['old_data']} (SHA-256 {plan['data_hash'][:16]}…); the polarity that version "
            f"{plan['champion']} learnt from emoticons is kept",
            f"- a label counts {plan['label_factor']:.2f} times an old row before its age (half after "
            f"{plan['half_life_days']:g} days) and its class are weighed; old data have at least "
            f"{plan['old_share']:.0%}",
            f"- seed {plan['seed']}; the recipe is version {plan['champion']}'s",
        ]
    )


def _figures(outcome: Outcome) -> str:
    lines = _compared("set", [one for one in outcome.comparisons if "/" not in one.where])
    if outcome.kappa is not None:
        lines += ["", f"The two agree on the labelled texts with a kappa of {outcome.kappa:.3f}."]
    if outcome.champion_may_have_seen:
        names = ", ".join(outcome.champion_may_have_seen)
        lines += [
            "",
            f"Of {names} the champion carries no measurement: it may have learnt from these very texts, which makes it "
            "look better than it is.",
        ]
    return "\n".join(lines)


def _compared(where: str, comparisons: Sequence[Comparison]) -> list[str]:
    rows = (
        (one.where, one.figure, f"{one.n:,}", f"{one.champion:.3f}", f"{one.challenger:.3f}",
         f"{one.low:+.3f} to {one.high:+.3f}")
        for one in comparisons
    )  # fmt: skip
    return markdown_table((where, "figure", "n", "champion", "new", "difference, 95 %"), rows)


def _worse(outcome: Outcome) -> str:
    if not outcome.worse:
        return "Shown to be worse on no set and no slice."
    return "\n".join(_compared("where", outcome.worse))


def _wrong_about(outcome: Outcome) -> str:
    if not outcome.wrong_about:
        return "Too few of the held-out labels are got wrong for topics."
    rows = ((", ".join(one.words), f"{one.champion:,}", f"{one.new:,}") for one in outcome.wrong_about)
    return "\n".join(markdown_table(("words of the texts", "champion wrong", "new wrong"), rows))


def _examples(title: str, who: str, rows: Sequence[tuple[str, str, str]]) -> str:
    if not rows:
        return f"{title}: none among the held-out labels."
    lines = [f"{title}:", ""]
    lines += [f"- {label} ({who} {answer}): {' '.join(text.split())}" for text, label, answer in rows]
    return "\n".join(lines)
