"""`buzzwatch review`: judge texts in the terminal, one key each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Final, Literal

import click
import typer

from cli.output.console import current_user, print_error
from cli.output.preconditions import redis_client
from contracts.errors import BuzzwatchError
from contracts.events import Sentiment
from contracts.learning.labels import judge_hash
from contracts.printable import printable
from contracts.settings import Settings, load_settings
from learning.labels.log import LabelWriter, resolved_labels
from learning.review.accuracy import STEP, accuracy_in_production, drawn_of, saturation
from learning.review.item import ReviewItem
from learning.review.queue import ReviewQueue, UnknownItem

app = typer.Typer(add_completion=False)

LABELS: Final[dict[str, Sentiment]] = {"1": "negative", "2": "neutral", "3": "positive"}
_KEYS: Final = "1 negative   2 neutral   3 positive   s skip   u undo   q quit"

_EXAMPLES = """Judge texts from the review queue, one key each.

The keys: 1 negative, 2 neutral, 3 positive, s skip, u undo, q quit.
Each comes with the reason why it is worth a minute. One in five is shown without the prediction, for a shown one sways
judges; one in ten was drawn by chance, and only those say how accurate the model is in production. What was judged is
safe at once: quit and go on whenever you like. From a pipe, one key a line is read.

Examples:

  buzzwatch review

  buzzwatch review --judge alice --confidence 0.4-0.6

  buzzwatch review --status
"""


@app.command(help=_EXAMPLES)
def review(
    judge: Annotated[str | None, typer.Option(help="Who judges; by default your user name.")] = None,
    confidence: Annotated[
        str | None, typer.Option(metavar="LOW-HIGH", help="Only texts whose best label has a probability between.")
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Only show what waits, and how accurate the model is.")
    ] = False,
    output: Annotated[Literal["table", "json"], typer.Option("--format", help="Of --status.")] = "table",
) -> None:
    """Judge texts."""
    within = _range(confidence)
    settings = load_settings()
    if not settings.learning.review_queue:
        raise BuzzwatchError("there is no review queue (BUZZWATCH_LEARNING__REVIEW_QUEUE is 0)")
    with redis_client(settings) as client:
        queue = ReviewQueue(client, settings, LabelWriter(settings).write)
        if status:
            _print_status(settings, queue, output)
            return
        session = _Session(queue, judge_hash(judge or current_user(), settings.privacy.secret), within)
        session.run(_keys())
        if session.judged:
            _say_whether_more_helps(settings)


class _Session:
    """One sitting of one judge."""

    def __init__(self, queue: ReviewQueue, judge: str, within: tuple[float, float] | None) -> None:
        self._queue = queue
        self._judge = judge
        self._within = within
        self.judged = 0

    def run(self, keys: Callable[[], str]) -> None:
        """Until there is nothing more, or `q`."""
        while items := self._queue.next(1, self._judge, confidence=self._within):
            item = items[0]
            self._show(item)
            while (answer := self._answer(item, keys())) == "again":
                pass
            if answer == "quit":
                break
        else:
            typer.echo("nothing waits for you; the queue fills while tweets come in")
        typer.echo(f"judged {self.judged:,}")

    def _answer(self, item: ReviewItem, key: str) -> Literal["next", "again", "quit"]:
        if key in ("q", ""):
            return "quit"
        if key in LABELS:
            self._queue.judge(item.id, LABELS[key], self._judge)
            self.judged += 1
            hint = f"; the model said {item.sentiment}" if item.blind else ""
            typer.echo(f"  {LABELS[key]}{hint}")
            return "next"
        if key == "s":
            self._queue.skip(item.id, self._judge)
            typer.echo("  skipped")
            return "next"
        if key == "u":
            return self._undo()
        typer.echo(f"  {_KEYS}")
        return "again"

    def _undo(self) -> Literal["next", "again"]:
        last = self._queue.last_of(self._judge)
        if last is None:
            typer.echo("  there is nothing to undo")
            return "again"
        try:
            was = self._queue.verdict(last, self._judge)
            self._queue.undo(last, self._judge)
        except UnknownItem as error:
            print_error(f"  {error}")
            return "again"
        self.judged -= was is not None and was.label is not None and self.judged > 0
        typer.echo("  undone")
        return "next"

    def _show(self, item: ReviewItem) -> None:
        why = "judge without the prediction" if item.blind else item.note
        left = sum(self._queue.waiting())
        typer.echo(f"\n{printable(item.text)}")
        shown = "" if item.blind else f"   model: {item.sentiment}"
        typer.echo(f"  [{printable(why)}{shown}; {left:,} wait]   {_KEYS}")


def _keys() -> Callable[[], str]:
    """What reads the next key: at once from a terminal, else a line; empty at the end."""
    if sys.stdin.isatty():
        return lambda: click.getchar().lower()
    return lambda: sys.stdin.readline().strip().lower()[:1] if not sys.stdin.closed else ""


def _range(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, dash, high = text.partition("-")
    try:
        found = float(low), float(high)
    except ValueError:
        found = (1.0, 0.0)
    if not dash or not 0 <= found[0] <= found[1] <= 1:
        raise typer.BadParameter(f"--confidence {text}: write two probabilities such as 0.4-0.6")
    return found


def _print_status(settings: Settings, queue: ReviewQueue, output: str) -> None:
    waiting = queue.waiting()
    resolution = resolved_labels(settings, print_error)
    estimate = accuracy_in_production(drawn_of(resolution.judgements))
    more = saturation(resolution.labels)
    if output == "json":
        found = {
            "waiting": {"chosen": waiting.chosen, "random": waiting.random},
            "accuracy_in_production": None if estimate is None else estimate._asdict(),
            "agreement_of_successive_models": more.kappas,
            "another_hundred_changes_little": more.reached,
        }
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(f"waiting                 {waiting.chosen:,} chosen, {waiting.random:,} drawn by chance")
    if estimate is None:
        typer.echo("accuracy in production  not known: no text that was drawn by chance has been judged")
    else:
        share = f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"
        typer.echo(f"accuracy in production  {share}, from {estimate.n:,} texts drawn by chance")
    _print_saturation(more.kappas, reached=more.reached)


def _say_whether_more_helps(settings: Settings) -> None:
    more = saturation(resolved_labels(settings, print_error).labels)
    if more.reached:
        _print_saturation(more.kappas, reached=True)


def _print_saturation(kappas: list[float], *, reached: bool) -> None:
    if not kappas:
        typer.echo(f"more judgements         help: fewer than {2 * STEP} texts have a label")
    elif reached:
        typer.echo(
            f"more judgements         another {STEP} of this kind will hardly change anything (kappa {kappas[-1]:.3f})"
        )
    else:
        typer.echo(f"more judgements         help: the last {STEP} still changed answers (kappa {kappas[-1]:.3f})")
