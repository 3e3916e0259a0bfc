"""Every Redis key in one place.

Keys of one Lua call share a hash tag, so that they live in one slot of a cluster: `{counts2:<topic id>}` for the
counters of one scored topic, `{alerts}` for alert states, feedback and outbox, `{replays:<topic id>}` for
the dead letters that were replayed, `{api}` for keys and sessions, `{privacy}` for what was erased.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_COUNTS: Final = "counts2"
"""A new name for every change of what the counters mean, so that no release misreads those of another one. Old counters
expire by themselves."""


@dataclass(frozen=True)
class CounterKeys:
    """The counters of one scored topic: one slot, so that a voice is known whatever partition its tweets are in."""

    prefix: str
    topic_id: str
    """Kafka's id of the topic."""

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{{{_COUNTS}:{self.topic_id}}}:{name}"

    def mark(self, partition: int) -> str:
        """String: the next offset of a source partition to count."""
        return self._key(f"mark:{partition}")

    def index(self, resolution: str) -> str:
        """Sorted set: start of a bucket or minute → when it last changed, ms, never twice the same."""
        return self._key(f"{resolution}s")

    def cells(self, resolution: str, start_s: int) -> str:
        """Hash: `watch|theme|sentiment` → tweets + 2³² · distinct voices, `…/texts` → distinct texts minus distinct
        voices where they differ, `…/reach` → followers of the negative voices (buckets alone)."""
        return self._key(f"{resolution}:{start_s}")

    def hour_part(self, start_s: int, part: int) -> str:
        """The same for a part of the watches in an hour, for `""` as theme alone."""
        return self._key(f"hour:{start_s}:{part}")

    @property
    def heard(self) -> str:
        """String: the table of the recent voices and texts (`alerts.counters.voices`)."""
        return self._key("heard")

    def answers(self, start_s: int) -> str:
        """Hash: `model version|sentiment|bin of the confidence` → number of tweets in a slot of ten minutes."""
        return self._key(f"answers:{start_s}")

    def samples(self, watch: str) -> str:
        """Sorted set: a negative tweet → its `created_at`, ms; the newest. `watch~`: tweets in languages that the model
        does not know."""
        return self._key(f"samples:{watch}")

    def past_samples(self, watch: str) -> str:
        """The same, one tweet of every ten minutes: samples from before a crisis, which fills `samples` quickly."""
        return self._key(f"past:{watch}")


def forgotten_key(prefix: str) -> str:
    """Sorted set: id of a tweet or a prediction that was erased → when, seconds since 1970. What keeps texts in memory
    looks here."""
    return f"{prefix}:{{privacy}}:forgotten"


def counted_topics_key(prefix: str) -> str:
    """Set: every topic that has counters, by Kafka's id."""
    return f"{prefix}:{_COUNTS}:topics"


@dataclass(frozen=True)
class AlertKeys:
    """Alert states, feedback and outbox: one slot."""

    prefix: str

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{{alerts}}:{name}"

    @property
    def revision(self) -> str:
        """String: changes with every write of the states below."""
        return self._key("revision")

    @property
    def active(self) -> str:
        """Hash: fingerprint → pending or firing alert."""
        return self._key("active")

    @property
    def history(self) -> str:
        """List: resolved alerts, newest first."""
        return self._key("history")

    @property
    def episodes(self) -> str:
        """Hash: fingerprint → when it fired recently, `[[start ms, end ms], …]`."""
        return self._key("episodes")

    @property
    def silences(self) -> str:
        """Hash: id → silence."""
        return self._key("silences")

    @property
    def silences_revision(self) -> str:
        """String: changes with every write of them."""
        return self._key("silences:revision")

    @property
    def opinions(self) -> str:
        """Hash: `alertname|fingerprint|start ms` → `useful` or `noise`."""
        return self._key("opinions")

    @property
    def opinion_counts(self) -> str:
        """Hash: `alertname|useful` or `alertname|noise` → number of alerts."""
        return self._key("opinions:counts")

    def traces(self, watch: str) -> str:
        """List: contexts of traced tweets about a watch that were counted lately, newest first; expires."""
        return self._key(f"traces:{watch}")

    def attempts(self, fingerprint: str) -> str:
        """List: what receivers answered to notifications about an alert, oldest first; expires."""
        return self._key(f"attempts:{fingerprint}")

    @property
    def feedback_marks(self) -> str:
        """Hash: topic id (and `/partition` behind it but for the first) → the next offset to judge."""
        return self._key("feedback:marks")

    @property
    def feedback_seen(self) -> str:
        """Sorted set: feedback id → when it counted, ms."""
        return self._key("feedback:seen")

    @property
    def streaks(self) -> str:
        """Hash: model version → wrong judgements in a row."""
        return self._key("feedback:streaks")

    @property
    def judged_versions(self) -> str:
        """Sorted set: model version → when it was last judged, ms."""
        return self._key("feedback:versions")

    def wrong(self, version: str) -> str:
        """Sorted set: id of a judgement "wrong" → when, ms; the newest."""
        return self._key(f"feedback:wrong:{version}")

    def verdicts(self, version: str) -> str:
        """List: `1` right, `0` wrong; the newest judgements, newest first."""
        return self._key(f"feedback:verdicts:{version}")

    def judged_minute(self, start_s: int) -> str:
        """Hash: `version|right` or `version|wrong` → judgements of one minute."""
        return self._key(f"feedback:judged:{start_s}")

    def judged_by(self, author: str) -> str:
        """Sorted set that expires: id of a judgement of this author (hashed) → when it counted, seconds since 1970."""
        return self._key(f"feedback:by:{author}")

    @property
    def serving(self) -> str:
        """Hash: model version → `1` while it serves, `0` once it has stopped."""
        return self._key("serving")

    @property
    def serving_since(self) -> str:
        """Hash: model version → when it began to serve, for the last time, ms."""
        return self._key("serving:since")

    @property
    def entries(self) -> str:
        """Hash: `webhook-id` → entry of the outbox."""
        return self._key("outbox:entries")

    @property
    def announced(self) -> str:
        """Sorted set: `webhook-id` of a message of its own → when it was put into the outbox, ms."""
        return self._key("outbox:announced")

    @property
    def receivers(self) -> str:
        """Set: receivers that ever had an entry."""
        return self._key("outbox:receivers")

    @property
    def exhausted(self) -> str:
        """Sorted set: `webhook-id` → when the last attempt failed, ms."""
        return self._key("outbox:exhausted")

    @property
    def disabled(self) -> str:
        """Hash: receiver → since when and why it is not posted to."""
        return self._key("outbox:disabled")

    @property
    def not_before(self) -> str:
        """Sorted set: receiver → until when it has asked for a pause (`Retry-After`), ms; may be past."""
        return self._key("outbox:not-before")

    @property
    def claims(self) -> str:
        """Hash: lane → token of the notifier that delivers its first entry now."""
        return self._key("outbox:claims")

    @property
    def notifiers(self) -> str:
        """Sorted set: host and process of a notifier → when it was last at work, ms."""
        return self._key("outbox:notifiers")

    @property
    def wake(self) -> str:
        """List: a token for each new entry, so that a notifier waits without polling."""
        return self._key("outbox:wake")

    @property
    def flushes(self) -> str:
        """Sorted set: group → when it is to be flushed, ms."""
        return self._key("outbox:flushes")

    @property
    def held(self) -> str:
        """Set: groups in which something is muted."""
        return self._key("outbox:held")

    def resent(self, receiver: str) -> str:
        """String that expires when all firing alerts are to be sent to an Alertmanager again."""
        return self._key(f"outbox:resent:{receiver}")

    def group(self, group: str) -> str:
        """String: what was sent to a receiver for one group, and what waits to be sent."""
        return self._key(f"outbox:group:{group}")

    def alert_events(self, group: str) -> str:
        """List: alert events that were not flushed yet, in order."""
        return self._key(f"outbox:notices:{group}")

    def due(self, receiver: str) -> str:
        """Sorted set: lane → when its first entry is due (or its claim runs out), ms."""
        return self._key(f"outbox:due:{receiver}")

    def lane(self, lane: str) -> str:
        """List: the `webhook-id`s of one receiver and group, in the order of delivery."""
        return self._key(f"outbox:lane:{lane}")


@dataclass(frozen=True)
class ReplayKeys:
    """Which dead letters were replayed; one topic of them."""

    prefix: str
    log_id: str
    """Kafka's id of the topic."""

    @property
    def claimed(self) -> str:
        """Sorted set: `partition:offset` → when a run began to send it, seconds since 1970."""
        return f"{self.prefix}:{{replays:{self.log_id}}}:claimed"

    @property
    def replayed(self) -> str:
        """Sorted set: `partition:offset` → when it was sent, seconds since 1970."""
        return f"{self.prefix}:{{replays:{self.log_id}}}:replayed"


@dataclass(frozen=True)
class AccessKeys:
    """Who may call the API."""

    prefix: str

    @property
    def keys(self) -> str:
        """Hash: id of a key → what is kept of it, with the SHA-256 of its secret."""
        return f"{self.prefix}:{{api}}:keys"

    @property
    def keys_used(self) -> str:
        """Hash: id of a key → when it was last used, ms."""
        return f"{self.prefix}:{{api}}:keys:used"

    @property
    def audit_waiting(self) -> str:
        """Hash: id of an event → the event, as long as the topic `audit` does not have it."""
        return f"{self.prefix}:{{api}}:audit-waiting"

    def session(self, digest: str) -> str:
        """String that expires with the session: SHA-256 of its cookie → id of its key."""
        return f"{self.prefix}:{{api}}:session:{digest}"
