"""What the gate, an estimate, a verdict and a trial say has a French text, also when somebody rewords it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from contracts.settings import ROOT
from dashboard.html.lines import line_in

SPEAKERS = (
    *("learning/estimate/cbpe.py", "learning/estimate/findings.py", "learning/estimate/evidence.py"),
    *("learning/rollout/decide.py", "learning/rollout/verdict.py", "learning/rollout/trials.py"),
    *("training/registry/promotion_gate.py", "training/registry/promotion.py"),
    *("alerts/explanation/foreign_volume.py", "alerts/conditions/model_broken.py"),
    *("alerts/conditions/drift.py", "alerts/conditions/feedback.py"),
    *("alerts/rules/feedback_evaluator.py", "alerts/rules/evaluator.py", "alerts/conditions/quiet.py"),
)
TO_PROGRAMMERS = {"there is no figure 7: it is one of 7", "truth and answers are not of one length"}


def sentences(source: str) -> Iterator[str]:
    """Texts of at least four words that are no documentation, every value a 7."""
    nodes = list(ast.walk(ast.parse(source)))
    documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if id(node) in documentation | inside:
            continue
        text = ""
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        if text.count(" ") >= 3:
            yield text


@pytest.mark.parametrize("file", SPEAKERS)
def test_every_sentence_has_a_french_text(file: str) -> None:
    found = set(sentences((ROOT / file).read_text(encoding="utf-8"))) - TO_PROGRAMMERS
    assert found, "this file says nothing any more: take it off the list"
    assert {text for text in found if line_in("fr", text) == text} == set()


def test_values_stay_and_sentences_within_are_translated() -> None:
    said = (
        "version 5 stays where it is: worse than the champion on airline: macro_recall 0.7000 instead of 0.7800, "
        "difference -0.1000 to -0.0600, n = 1,464 (and 3 more)"
    )
    assert line_in("fr", said) == (
        "la version 5 reste où elle est : moins bon que le champion sur airline : macro_recall 0,7000 au lieu de "
        "0,7800, écart de -0,1000 à -0,0600, n = 1\u202f464 (et 3 de plus)"
    )
    assert line_in("fr", "accuracy 0.900 against 0.800 on the same 60 judged tweets; nothing points either way") == (
        "exactitude 0,900 contre 0,800 sur les mêmes 60 tweets jugés ; rien n'indique un sens"
    )
    said = "worse: negative recall 0.169 against 0.983 on the same 59 judged tweets: alone right on 0, alone wrong on 8"
    assert line_in("fr", said) == (
        "moins bon : rappel des négatifs 0,169 contre 0,983 sur les mêmes 59 tweets jugés : seul à avoir raison sur 0, "
        "seul à se tromper sur 8"
    )
    assert line_in("en", said) == said
    assert line_in("fr", "what nobody has foreseen") == "what nobody has foreseen"


def test_an_alert_is_in_the_readers_language() -> None:
    assert line_in("fr", "Bad buzz about air-paradis: 72% of 32 voices are negative, 25% before") == (
        "Bad buzz sur air-paradis : 72\u202f% de négatif sur 32 voix, 25\u202f% auparavant"
    )
    said = (
        "23 of 31 voices (21 of 28 different texts) in the last 30 s are negative; the past leads to expect 26% (from "
        "1,096 voices); themes: baggage (20), crew (4); words: airline, worst; escalation score 59 of 100."
    )
    assert line_in("fr", said) == (
        "négatif depuis 30 s : 23 voix sur 31 (21 textes différents sur 28) ; le passé laisse attendre 26\u202f% "
        "(d'après 1\u202f096 voix) ; thèmes : baggage (20), crew (4) ; mots : airline, worst ; score d'escalade 59 "
        "sur 100."
    )
    said = (
        "85 of 85 voices in the last 30 s are negative; the past leads to expect 25%; themes: crew (41), baggage (25)."
    )
    assert line_in("fr", said) == (
        "négatif depuis 30 s : 85 voix sur 85 ; le passé laisse attendre 25\u202f% ; thèmes : crew (41), baggage (25)."
    )
    said = "12 of 30 voices (12 of 25 different texts, 12 of 31 tweets) in the last 30 s are negative"
    assert line_in("fr", said) == "négatif depuis 30 s : 12 voix sur 30 (12 textes différents sur 25, 12 tweets sur 31)"
