from __future__ import annotations

import hashlib

import msgspec

from api.security.keys import SCOPES, PresentedKey, new_key


def test_of_a_key_only_the_digest_of_its_secret_is_kept() -> None:
    key = new_key("maya", ("read",), now_ms=1, created_by="ops")
    prefix, key_id, secret = key.text.split("_", 2)
    assert (prefix, key_id) == ("bw", key.record.id)
    assert len(secret) == 43  # 256 bits in base64url
    kept = msgspec.json.encode(key.record).decode()
    assert secret not in kept
    assert hashlib.sha256(secret.encode()).hexdigest() in kept


def test_no_two_keys_are_alike() -> None:
    keys = [new_key("maya", SCOPES, now_ms=1, created_by="ops") for _ in range(100)]
    assert len({key.text for key in keys}) == len({key.record.id for key in keys}) == 100


def test_a_key_is_that_of_its_record_and_of_no_other() -> None:
    key, other = (new_key("maya", SCOPES, now_ms=1, created_by="ops") for _ in range(2))
    presented = PresentedKey.read(key.text)
    assert presented is not None
    assert presented.is_that_of(key.record)
    assert not presented.is_that_of(other.record)
    assert not presented.is_that_of(None)
    forged = PresentedKey.read(key.text[:-1] + ("A" if key.text[-1] != "A" else "B"))
    assert forged is not None
    assert not forged.is_that_of(key.record)


def test_what_has_another_form_is_no_key() -> None:
    key = new_key("maya", SCOPES, now_ms=1, created_by="ops").text
    for text in ("", "bw_", "secret", key[3:], key + "x", key.replace("bw_", "ghp_"), key[:-1] + "é", f" {key}"):
        assert PresentedKey.read(text) is None, text


def test_a_key_is_good_until_it_expires_or_is_revoked() -> None:
    record = new_key("maya", SCOPES, now_ms=1000, created_by="ops", expires_ms=2000).record
    assert [record.state(now) for now in (1000, 1999, 2000)] == ["active", "active", "expired"]
    assert msgspec.structs.replace(record, revoked_ms=1500).state(1600) == "revoked"
    assert new_key("maya", SCOPES, now_ms=1000, created_by="ops").record.state(10**15) == "active"
