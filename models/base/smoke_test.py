"""What a model has to answer before it may serve: a stream whose every tweet it raises on would end in dead letters."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from contracts.events import SENTIMENTS
from models.base.artefact import in_short
from models.base.asking import Asker, TooLate
from models.base.sentiment import SentimentModel, Tiered

TEXTS: Final = (
    # What customers write.
    "@user thank you, the crew was great!",
    "lost my bag again, third time this year",
    "Flight delayed 3 hours and nobody tells us anything :(",
    "on my way to the gate",
    "best landing ever, smooth as butter :)",
    "Is there wifi on board?",
    "worst. airline. EVER!!!",
    "I hate waiting but the staff were kind",
    "not bad at all",
    "not good, not good at all",
    "upgraded to business, love it <3 <3",
    "refund me my $412.50 now please",
    "ok",
    "so... you cancelled it, rebooked me and lost the suitcase? Great job. Really.",
    "soooooo tired of this queue",
    "my flight 1234 leaves at 10:45 from T2",
    "RT @user: @other still on hold, 55 min now",
    "landed safely, thanks captain & crew &lt;3 &amp; good night",
    "don't fly with them, you'll regret it",
    "can't wait for tomorrow's trip",
    # In other languages and scripts.
    "Où est ma valise ? 😡 http://t.co/x",
    "Équipage adorable, merci beaucoup !",
    "Trois jours de retard… toujours rien, c'est honteux",
    "¿Dónde está mi maleta? ¡Gracias!",
    "Danke für nichts, Flug gestrichen",
    "Спасибо за полёт",
    "شكرا على الرحلة",
    "תודה רבה על הטיסה",
    "日本語のツイート、荷物が来ない",
    "비행기가 또 늦었어요",
    "สายการบินนี้ดีมาก",
    "धन्यवाद, बहुत अच्छी उड़ान",
    # Pictures.
    "😀",
    "😡😡😡 bag",
    "👍🏽👩‍👩‍👧❤️ ☺ ✈",
    "🇫🇷🛫 → 🇬🇧",
    "(╯°□°)╯︵ ┻━┻",
    # Links, handles, tags, addresses.
    "http://t.co/a1b2",
    "HTTPS://EXAMPLE.ORG/Z?q=1#é see www.example.org",
    "@user",
    "@@_a9 @é @",
    "#delayed #neveragain #Fail2026",
    "write to nobody@example.org or call +33 1 23 45 67 89",
    "$TICKER up 3%, €20, £1,000.50",
    # What is hardly a text.
    "",
    " ",
    "a",
    ".",
    "?!?!?!",
    "0",
    "1234567890",
    "\n\r\n\t",
    "\x00",
    "a\x00b\x7f\x1f\x85\xa0",
    "\ud800 half a pair \udfff",
    "e\u0301 \u200d\ufe0f\u202e reversed \ufeff",
    "\u200b\u200b\u200b",
    "&amp;&lt;&gt;&am;&;",
    "'\"`;-- <script>{{}}</script> %s %(x)s {0} \\",
    "[CLS] [SEP] [PAD] [UNK] <s> </s>",
    # What is long.
    "the crew was great and the flight was late " * 40,
    "ah" * 5_000,
    "😡" * 1_000,
    "a b " * 2_000,
)
"""Invented, for every path of text cleaning and tokenizers; so few that a deep model takes a second or less."""

TIMEOUT_S: Final = 60.0
"""How long the trial may take; seconds are enough, compiling included."""

_SUM_TOLERANCE: Final = 1e-3


class Hanging(ArtefactError):
    """A model that has not answered yet. While `asker` is busy, another trial would only take another thread."""

    def __init__(self, asker: Asker, message: str) -> None:
        super().__init__(message)
        self.asker = asker


def tried(model: SentimentModel, timeout_s: float | None = None) -> None:
    """Ask `model` in the ways that stream and API do; this also compiles what is compiled on first use.

    Args:
        timeout_s: TIMEOUT_S when None. A model that never lets go of Python's lock cannot be timed.

    Raises:
        Hanging: it does not answer in time.
        ArtefactError: it raises, or does not answer with three probabilities a text.
    """
    patience_s = TIMEOUT_S if timeout_s is None else timeout_s
    asker = Asker("trial", patience_s)
    try:
        asker.ask(lambda: _ask(model))
    except TooLate:
        raise Hanging(asker, f"it has not answered {len(TEXTS)} texts within {patience_s:g} s") from None
    finally:
        asker.stop()


def _ask(model: SentimentModel) -> None:
    try:
        _judge(model.predict_proba([TEXTS[0]]), 1)
        if isinstance(model, Tiered):
            # Without a budget: texts as odd as these would give it a wrong idea of the deep tier's pace.
            probabilities, tiers = model.predict_tiers(list(TEXTS), None)
            _judge_tiers(tiers, len(TEXTS), len(model.tiers))
        else:
            probabilities = model.predict_proba(list(TEXTS))
        _judge(probabilities, len(TEXTS))
    except (ArtefactError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a model may raise anything; a panic of a tokenizer in Rust is no Exception
        raise ArtefactError(f"it cannot score: {in_short(error)}") from error


def _judge(answers: NDArray[Any], texts: int) -> None:
    shape = texts, len(SENTIMENTS)
    if answers.shape != shape:
        raise ArtefactError(f"it answers {texts} texts with an array of shape {answers.shape}, not {shape}")
    if not ((answers >= 0) & (answers <= 1 + _SUM_TOLERANCE)).all():  # NaN is neither
        raise ArtefactError("it answers with numbers that are no probabilities")
    if (np.abs(answers.sum(axis=1, dtype=np.float64) - 1) > _SUM_TOLERANCE).any():
        raise ArtefactError("its probabilities of a text do not sum to 1")


def _judge_tiers(tiers: NDArray[Any], texts: int, names: int) -> None:
    if tiers.shape != (texts,) or not (tiers < names).all():
        raise ArtefactError(f"it does not say which of its {names} tiers answered each text")
