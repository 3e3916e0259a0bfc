from __future__ import annotations

import json

import pydantic
import pytest

from contracts.audit import AuditEvent, audit_id, decode_audit, model_subject, shortened
from contracts.errors import UnreadableRecord

EVENT = {"who": "ada", "when": "2026-11-20T10:00:00Z", "what": "model.promoted", "subject": "model sentiment 7"}


def test_an_event_comes_back_as_it_was_written() -> None:
    event = AuditEvent(
        who="worker a-0", what="canary.step", subject=model_subject("sentiment", "7"), figures={"share": 0.5, "n": 3}
    )
    assert decode_audit(event.model_dump_json().encode()) == event


def test_fields_that_are_not_known_are_passed_over() -> None:
    assert decode_audit(json.dumps(EVENT | {"new": 1}).encode()).subject == "model sentiment 7"


@pytest.mark.parametrize(
    "wrong",
    [{"what": "Promoted!"}, {"who": ""}, {"when": "2026-11-20T10:00:00"}, {"figures": {"a": float("nan")}}],
)
def test_an_event_that_says_nothing_clear_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(pydantic.ValidationError):
        AuditEvent.model_validate(EVENT | wrong)


@pytest.mark.parametrize("value", [None, b"", b"[]", b"\xff", b'{"who": "ada"}', b"[" * 100_000])
def test_what_is_no_event_is_one_line(value: bytes | None) -> None:
    with pytest.raises(UnreadableRecord, match=r"^not an audit event: .+$"):
        decode_audit(value)


def test_the_id_of_a_named_change_is_always_the_same() -> None:
    assert audit_id("canary", "3") == audit_id("canary", "3") != audit_id("canary", "4")


def test_a_long_reason_fits() -> None:
    event = AuditEvent.model_validate(EVENT | {"why": shortened("x" * 5_000)})
    assert (len(event.why), event.why[-1]) == (2_000, "…")
