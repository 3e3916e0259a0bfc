"""`buzzwatch demo`: a crisis of almost three minutes and a challenger on trial, on the real stack, which stays up."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing, suppress
from datetime import datetime
from typing import Annotated, Any

import httpx
import typer
from rich import box
from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from alerts.storage.connection import connect
from cli.output.browser import open_browser
from cli.stack.up import Screen, StopAsked, running_stack, stop_signals_raise, watch
from contracts.errors import BuzzwatchError
from contracts.settings import Settings, configured_settings
from demo.access import access
from demo.challenger import register_worse
from demo.desk import Desk, Sitting
from demo.play import PHASES, TRIAL, Phase, Theatre
from demo.receiver import Receiver
from demo.retraining import OLD_TWEETS, missing, retrain_and_archive
from demo.rules import HASTE, new_secret, write_rules
from learning.rollout.messages import ALERTNAME
from learning.rollout.state import RolloutStatus, TrialStore
from learning.rollout.trials import TrialError, end_trial, start_canary
from training.registry.archive import archive

app = typer.Typer(add_completion=False)

_STATUS_S = 5.0
_WATCH = "air-paradis"
_SILENCED = "delta"
_BUZZ = f"BadBuzz {_WATCH}"
_IN_HASTE = {
    "BUZZWATCH_ROLLOUT__CANARY_STEPS": "20%/24h",
    "BUZZWATCH_ROLLOUT__LOOK_S": "2",
    "BUZZWATCH_LOCAL__KAFKA_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1",
}
"""A trial of one step, which the play's challenger does not survive, looked at more often; a broker without Java's
second compiler, which takes two fifths of its start and earns that back with more tweets than a play has."""
_NEXT = """Try next, in another terminal:
  .venv/bin/buzzwatch predict "@AirParadis lost my bag again"
  .venv/bin/buzzwatch consume --watch air-paradis
  .venv/bin/buzzwatch alerts list
  echo '{"id": 1, "text": "@AirParadis thank you!"}' | .venv/bin/buzzwatch produce
Ctrl-C stops everything."""


@app.command()
def demo(
    leave: Annotated[bool, typer.Option("--exit", help="Stop the stack after the play instead of staying up.")] = False,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the watch room, where there is a display.")
    ] = True,
) -> None:
    """Start everything, play a crisis at Air Paradis, show the alerts as a webhook receiver gets them; stay up.

    Meanwhile Delta is on strike: that alert is silenced, fires, and is not sent. The watch room shows it all as it
    happens: its address is printed first, and opened in your browser where there is a display. Then, for less than a
    minute, people judge what waits for review while a version that is worse answers a part of the tweets: it is rolled
    back by itself. Where what training needs is installed (`make setup`), a version learns from what was judged.

    Examples:

      buzzwatch demo

      buzzwatch demo --exit
    """
    settings = configured_settings()
    screen = Screen()
    stage = Stage()
    secret = new_secret()
    try:
        with stop_signals_raise(), Receiver(secret, stage.alert) as receiver:
            rules = settings.local.data_dir.absolute() / "demo" / "rules.yaml"
            write_rules(settings.rules, rules, receiver.url, secret)
            os.environ["BUZZWATCH_RULES"] = str(rules)  # for the processes of the stack
            allowed = [*map(str, settings.alerts.allowed_networks), "127.0.0.0/8"]  # the receiver is on this machine
            os.environ["BUZZWATCH_ALERTS__ALLOWED_NETWORKS"] = ",".join(allowed)
            for name, value in _IN_HASTE.items():
                os.environ.setdefault(name, value)
            with running_stack(configured_settings(), screen, quiet=True) as stack:
                if "watch room" in stack.addresses:
                    make_live(stack.addresses["watch room"])
                    stage.invite(
                        stack.addresses["watch room"], opened=browser and open_browser(stack.addresses["watch room"])
                    )
                play(stack.settings, stage)
                if leave:
                    stage.require_a_whole_story()
                    return
                stage.show("")
                for name, address in stack.addresses.items():
                    stage.show(f"[bold]{name:<11}[/]{address}")
                stage.show(_NEXT)
                watch(stack)
    except StopAsked:
        screen.show("stopped")


def make_live(room: str) -> None:
    """Read the stream of the pages up to its first frame: the first reader waits for the process that makes them."""
    with suppress(httpx.HTTPError), httpx.stream("GET", f"{room}stream", timeout=10, trust_env=False) as answer:
        next((line for line in answer.iter_lines() if line == "event: frame"), None)


class Stage:
    """What the audience sees: a line every few seconds, alerts as they arrive."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=False)
        self._lock = threading.Lock()
        self.seen: list[tuple[float, str, str]] = []
        """When an alert arrived (wall-clock seconds), its name with the watch, and its status."""

    def show(self, line: str) -> None:
        """One line, with markup."""
        with self._lock:
            self._console.print(line, soft_wrap=True)

    def invite(self, address: str, *, opened: bool) -> None:
        """Say where to watch, before it begins."""
        lead = "Your browser opens the watch room" if opened else "Open the watch room now, and see it as it happens"
        with self._lock:
            self._console.print()
            self._console.print(Panel(Text.assemble(f"{lead}: ", (address, "bold underline")), border_style="green"))

    def quote(self, line: str) -> None:
        """One line that holds tweets."""
        self.show(f"{_clock()}  [dim]{escape(line)}[/]")

    def alert(self, body: dict[str, Any]) -> None:
        """A verified webhook: show it unchanged."""
        for alert in body["alerts"]:
            name, status = name_of(alert), alert["status"]
            self.seen.append((time.time(), name, status))
            colour = "red" if status == "firing" else "green"
            facts = [
                Text.assemble((f"{label}: ", "bold"), str(text))
                for label, text in alert["annotations"].items()
                if label != "summary" and text
            ]
            title = f"{_clock()}  webhook received, signature valid: {name} {status.upper()}"
            summary = Text(alert["annotations"].get("summary", ""), style=f"bold {colour}")
            with self._lock:
                self._console.print(Panel(Group(summary, *facts), title=title, border_style=colour, box=box.HEAVY))

    def require_a_whole_story(self) -> None:
        """Raises: BuzzwatchError when the bad buzz did not fire and resolve, or the silenced one was heard of."""
        story = [status for _, name, status in self.seen if name == _BUZZ]
        if "firing" in story:  # before it: the end of an alert of a play that was stopped
            story = story[story.index("firing") :]
        # It may have been raised in between: one severity ends, the next one begins.
        if not story or story.count("firing") != story.count("resolved"):
            raise BuzzwatchError(f"the demo expected {_BUZZ} to fire and resolve, and saw {story or 'nothing'}")
        heard = [name for _, name, _ in self.seen if _SILENCED in name]
        if heard:
            raise BuzzwatchError(f"the demo silenced {_SILENCED}, and received a webhook for {heard[0]}")


def play(settings: Settings, stage: Stage) -> None:
    """The script from the past to the recovery."""
    with access(settings) as headers, closing(Theatre(settings, stage.quote, headers)) as theatre:
        desk = Desk(settings, headers)
        _play_phases(theatre, desk, stage)
        _try_challenger(settings, theatre, desk, stage)
    _retrain(settings, stage)
    _say_how_long(stage, theatre)


def _play_phases(theatre: Theatre, desk: Desk, stage: Stage) -> None:
    stage.show("")
    stage.show(f"{_clock()}  [bold]a day's past[/]: {theatre.past():,} tweets of five airlines, dated yesterday")
    for phase in PHASES:
        stage.show(f"{_clock()}  [bold]{phase.name}[/]: {phase.seconds:.0f} s, {_rate(phase)}")
        if phase is PHASES[-1]:
            stage.show(f"{_clock()}  {HASTE}")
        if phase.stranded:
            desk.silence(_SILENCED, "their strike, not ours")
            stage.show(f"{_clock()}  POST /silences: alerts about {_SILENCED} are silenced for ten minutes")
        actor = threading.Thread(target=theatre.play, args=(phase,), name="playing", daemon=True)
        actor.start()
        while actor.is_alive():
            actor.join(_STATUS_S)
            stage.show(_status(theatre))
        if phase.angry:
            for alert in desk.firing():
                stage.show(f"{_clock()}  GET /alerts: {_standing(alert)}")
                if alert["labels"].get("watch") == _WATCH:
                    desk.acknowledge(alert["fingerprint"], "the baggage desk is on it")
                    stage.show(f"{_clock()}  POST /alerts/{alert['fingerprint']}/ack: it is not repeated any more")
            reported = theatre.report_wrong_ones()
            stage.show(f"{_clock()}  {reported} wrong predictions reported through POST /feedback")
            time.sleep(2)
            theatre.report_a_right_one()


def _try_challenger(settings: Settings, theatre: Theatre, desk: Desk, stage: Stage) -> None:
    """A minute of the learning loop: people judge what waits, and a worse challenger goes back by itself."""
    stage.show(
        f"{_clock()}  [bold]{TRIAL.name}[/]: a version that takes praise for complaints answers a part of the tweets"
    )
    with connect(settings) as client:
        store = TrialStore(client, settings)
        try:
            version = register_worse(settings)
            start_canary(settings, store, version, "demo", "the demo's bad example")
        except BuzzwatchError as error:
            stage.show(f"{_clock()}  no trial: {escape(str(error))}")
            return
        stage.show(f"{_clock()}  buzzwatch models canary start {version}")
        ended = threading.Event()
        actor = threading.Thread(target=theatre.play, args=(TRIAL, ended.is_set), name="playing", daemon=True)
        actor.start()
        try:
            while actor.is_alive():
                _show_sitting(stage, desk.review(theatre.truth))
                status = store.status()
                _show_verdict(stage, status)
                if status.state is None or not status.state.active:
                    break
                actor.join(_STATUS_S)
        finally:
            ended.set()
            actor.join()
        time.sleep(2)  # the message about it is on its way
        with suppress(TrialError):  # over, as it should be
            end_trial(store, "canary", "demo", "the play is over")
        archive(settings, version, "the demo's bad example")
    stage.show(f"{_clock()}  buzzwatch models archive {version}; buzzwatch audit lists all of it")


def _retrain(settings: Settings, stage: Stage) -> None:
    """The last step of the loop: what was judged becomes a version, where what that needs is installed."""
    if lacking := missing():
        stage.show(
            f"{_clock()}  the labels wait on the topic `labels`; the next step is not shown, as {lacking[0]} is not "
            "installed: `make retrain` installs it and makes a challenger of labels and old data (docs/learning.md)"
        )
        return
    stage.show(f"{_clock()}  [bold]buzzwatch retrain[/]: a version learns from what was judged")
    try:
        shown = retrain_and_archive(settings, lambda step: stage.show(f"{_clock()}  [dim]{escape(step)}[/]"))
    except BuzzwatchError as error:
        stage.show(f"{_clock()}  no retraining: {escape(str(error))}")
        return
    figures = ", ".join(f"{name} {value:+.3f}" for name, value in shown.differences.items())
    stage.show(
        f"{_clock()}  version {shown.version} learnt from {shown.labels} labels and {OLD_TWEETS} invented tweets; "
        f"it is archived, as it is for show; its held-out figures less the champion's: {escape(figures)}"
    )


def _show_sitting(stage: Stage, sitting: Sitting) -> None:
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(sitting.reasons.items()))
    known = sitting.accuracy
    accuracy = "nobody knows yet" if known is None else (
        f"{known['value']:.0%} ({known['low']:.0%} to {known['high']:.0%}) by {known['n']} texts drawn by chance"
    )  # fmt: skip
    stage.show(
        f"{_clock()}  POST /review: {sitting.judged} texts judged{f' ({reasons})' if reasons else ''}; "
        f"accuracy in production: {accuracy}"
    )


def _show_verdict(stage: Stage, status: RolloutStatus) -> None:
    if status.state is None:
        return
    for one in status.verdicts:
        stage.show(f"{_clock()}  {one['metric']}: [bold]{one['outcome']}[/] ({escape(one['why'])})")
    if not status.state.active:
        stage.show(f"{_clock()}  [bold]{status.state.phase}[/] by {status.state.who}: {escape(status.state.why)}")


def name_of(alert: dict[str, Any]) -> str:
    """The alert's name and its watch, if it has one."""
    labels = alert["labels"]
    return " ".join(labels[label] for label in ("alertname", "watch", "theme") if label in labels)


def _standing(alert: dict[str, Any]) -> str:
    """How it is with a firing alert."""
    outcome = "[yellow]silenced, no webhook[/]" if alert["silencedBy"] else "sent"
    return f"{name_of(alert)} fires ({escape(alert['annotations'].get('summary', ''))}): {outcome}"


def _rate(phase: Phase) -> str:
    angry = f", {phase.angry:g} angry ones at Air Paradis" if phase.angry else ""
    stranded = f", {phase.stranded:g} about Delta's strike" if phase.stranded else ""
    return f"{phase.ordinary:g} ordinary tweets a second{angry}{stranded}"


def _status(theatre: Theatre) -> str:
    tweets, negative = theatre.shares(_WATCH, 10)
    share = negative / tweets if tweets else 0.0
    bar = "█" * round(share * 20)
    colour = "red" if share > 0.5 else "yellow" if share > 0.35 else "green"
    numbers = f"{_WATCH}: {tweets:3d} tweets in 10 s, {share:4.0%} negative"
    return f"{_clock()}  {numbers} [{colour}]{bar:<20}[/]  {theatre.phase}"


def _say_how_long(stage: Stage, theatre: Theatre) -> None:
    for at, name, status in stage.seen:
        if theatre.crisis_began is not None and not name.startswith(ALERTNAME):
            seconds = at - theatre.crisis_began
            stage.show(f"{name} {status}: webhook received {seconds:.1f} s after the first tweet of the breakdown")
    if not stage.seen:
        stage.show("[red]no alert arrived; run `buzzwatch doctor` for the reason[/]")


def _clock() -> str:
    return f"[dim]{datetime.now().astimezone():%H:%M:%S}[/]"
