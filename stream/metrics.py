"""Prometheus metrics of the worker. Base units; counters end in `_total`."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from contracts.errors import InvalidRecord

_BATCH_RECORDS = (1, 4, 16, 64, 256, 1000, 4000, 16_000)
_STAGE_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_DELAY_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

SCORED = Counter("buzzwatch_tweets_scored_total", "Tweets whose prediction was committed")
DEAD = Counter("buzzwatch_dead_letters_total", "Records that went to the dead letters", ["error_class"])
for _kind in InvalidRecord.__subclasses__():
    DEAD.labels(_kind.__name__)  # from 0 on: Prometheus sees no increase in a series that begins with its first event
FIELDS_DROPPED = Counter(
    "buzzwatch_tweet_fields_dropped_total", "Fields of tweets that were of no use, the tweet being scored", ["field"]
)
for _name in ("author_id", "lang", "reach"):
    FIELDS_DROPPED.labels(_name)
BATCH = Histogram("buzzwatch_batch_records", "Records in one transaction", buckets=_BATCH_RECORDS)
STAGE = Histogram("buzzwatch_stage_seconds", "Time that a batch spent in a stage", ["stage"], buckets=_STAGE_S)
ABORTED = Counter("buzzwatch_transactions_aborted_total", "Transactions that were aborted and read again")
SCORE_LAG = Gauge("buzzwatch_score_lag_records", "Tweets that are not polled yet, of the assigned partitions")
WATCH_LAG = Gauge("buzzwatch_watch_lag_records", "Predictions that are not counted yet, of the assigned partitions")
FEEDBACK_LAG = Gauge("buzzwatch_feedback_lag_records", "Judgements that are not counted yet, where this worker judges")
WATCHED = Counter(
    "buzzwatch_predictions_counted_total",
    "Records of the scored topic that the counters have taken in, those that are no predictions among them",
)
WATCH_TWEETS = Counter(
    "buzzwatch_watch_tweets_total",
    "Tweets that were counted, by watch (empty: the whole stream) and sentiment",
    ["watch", "sentiment", "reliable"],
)
COUNT_DELAY = Histogram(
    "buzzwatch_count_delay_seconds",
    "From when the newest tweet of a batch was sent to Kafka until it was counted",
    buckets=_DELAY_S,
)
WATCHED_UNREADABLE = Counter("buzzwatch_predictions_unreadable_total", "Records of the scored topic that are not ours")
UNDECODABLE = Counter(
    "buzzwatch_undecodable_offsets_total", "Offsets of batches that cannot be decoded and are passed over", ["topic"]
)
JUDGED = Counter("buzzwatch_feedback_judged_total", "Judgements that were counted")
MODEL_VERSION = Gauge("buzzwatch_model_version", "Registry version of the model that serves")
MODEL_BROKEN = Gauge("buzzwatch_model_broken", "1 while the version that has the champion's alias cannot serve")
PARTITIONS = Gauge("buzzwatch_partitions_assigned", "Partitions of this worker", ["role"])
