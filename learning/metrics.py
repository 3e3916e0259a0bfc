"""The metrics of labels and of trials on the live stream, in the worker."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

LABELS = Counter(
    "buzzwatch_labels_total", "Label events made of feedback; found: whether their text was found.", ["found"]
)
SHARE = Gauge("buzzwatch_challenger_share", "Share of the tweets that a challenger answers; 0 without a canary")
ANSWERED = Counter("buzzwatch_challenger_answered_total", "Tweets that the challenger answered for the champion")
COMPARED = Counter("buzzwatch_challenger_compared_total", "Tweets that champion and challenger both scored", ["agree"])
ERRORS = Counter("buzzwatch_challenger_errors_total", "Times that the challenger raised or gave no answer in time")
CHANGES = Counter("buzzwatch_rollout_changes_total", "Changes of a trial that this worker made", ["what"])
for _agree in ("yes", "no"):
    COMPARED.labels(_agree)
