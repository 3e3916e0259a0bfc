"""An alert: one fingerprint from when its condition begins to hold until it is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from contracts.rules.schema import BaseRule, Severity
from contracts.times import to_rfc3339

Status = Literal["firing", "resolved"]
"""As receivers get it."""
State = Literal["pending", "firing", "resolved"]

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
"""From the mildest to the most severe."""

NEVER: Final = "0001-01-01T00:00:00Z"
"""`endsAt` of an alert that has not ended (Go's zero time, as Alertmanager sends it)."""

_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_SEPARATOR: Final = b"\xff"


class Acknowledgement(Struct, frozen=True):
    """Somebody works on the alert: its notification is not repeated."""

    by: str
    comment: str
    at_ms: int
    until_ms: int | None = None
    """When it expires, so that an alert is not forgotten; None: with the alert."""

    def holds(self, now_ms: int) -> bool:
        """Whether it has not expired."""
        return self.until_ms is None or now_ms < self.until_ms

    def public(self) -> dict[str, str]:
        """As `GET /alerts` shows it."""
        until = {} if self.until_ms is None else {"until": to_rfc3339(self.until_ms)}
        return {"by": self.by, "comment": self.comment, "at": to_rfc3339(self.at_ms), **until}


class Alert(Struct, frozen=True):
    """One episode of one alert, as it is stored."""

    kind: str
    """Which rule kind made it."""
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at_ms: int
    """Event time."""
    value: float
    """What the rule measured, the newest while it fires: the negative share, the number of wrong judgements."""
    ends_at_ms: int | None = None
    inactive_since_ms: int | None = None
    """Since when the condition does not hold although it still fires (`keep_firing_for`)."""
    active_since_ms: int | None = None
    """Since when the condition holds although it does not fire yet (`for`); None once it fires."""
    is_settling: bool = False
    """Whether it is pending for `severity_settle` alone: it fires in any case, only with which severity is open."""
    acknowledgement: Acknowledgement | None = None
    link: str = ""
    """Where to see what was going on."""
    explained_ms: int = 0
    """When `value` and `annotations` were made."""
    traceparent: str = ""
    """Context of the span in which it began to fire; empty where none of its tweets was traced."""
    fired_ms: int = 0
    """When it began to fire, at this severity; 0 while it is pending, and in what older releases have stored."""

    @property
    def state(self) -> State:
        """`pending`, `firing` or `resolved`."""
        if self.ends_at_ms is not None:
            return "resolved"
        return "firing" if self.active_since_ms is None else "pending"

    @property
    def has_begun(self) -> bool:
        """Whether it fires, or will when its severity has settled: the condition has held for as long as it must."""
        return self.state == "firing" or (self.state == "pending" and self.is_settling)

    @property
    def name(self) -> str:
        """The `alertname` and what sets it apart, as people read it: `BadBuzz{watch="air-paradis"}`."""
        rest = ", ".join(
            f'{label}="{value}"'
            for label, value in sorted(self.labels.items())
            if label in ("watch", "theme", "model_version")
        )
        return f"{self.labels['alertname']}{{{rest}}}"

    def public(self) -> dict[str, Any]:
        """As `GET /alerts` and `buzzwatch alerts list` show it; names as in the webhook."""
        return {
            "status": self.state,
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": to_rfc3339(self.starts_at_ms),
            "endsAt": NEVER if self.ends_at_ms is None else to_rfc3339(self.ends_at_ms),
            "value": self.value,
            "generatorURL": self.link,
            "fingerprint": self.fingerprint,
            "acknowledgement": None if self.acknowledgement is None else self.acknowledgement.public(),
        }


class Transition(NamedTuple):
    """An alert that has just begun to fire or has just been resolved."""

    status: Status
    alert: Alert


def labels_of(rule: BaseRule, *, severity: str | None = None, **where: str) -> dict[str, str]:
    """The rule's own labels, with `alertname`, `severity` and where it applies; these cannot be overridden.

    `severity` is for rules that leave it to the score.
    """
    return {**rule.labels, "alertname": rule.alert, "severity": severity or rule.severity, **where}


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """16 hexadecimal digits, the same as Alertmanager's.

    FNV-1a (64 bits) over the sorted labels, name and value each followed by the byte 255: `labelSetToFingerprint`
    in prometheus/common, model/signature.go.
    """
    digest = _FNV_OFFSET
    for name in sorted(labels):
        for byte in b"".join((name.encode(), _SEPARATOR, labels[name].encode(), _SEPARATOR)):
            digest = (digest ^ byte) * _FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"


_decoder = msgspec.json.Decoder(Alert)


def encode(alert: Alert) -> str:
    """As stored in Redis."""
    return msgspec.json.encode(alert).decode()


def decode(text: str) -> Alert:
    """The opposite of `encode`."""
    return _decoder.decode(text)
