from __future__ import annotations

import pytest

from contracts.redaction import redacted, secrets_of_address


@pytest.mark.parametrize(
    "address",
    [
        "redis://:hush@cache:6379/0",
        "redis://user:hush@cache:6379/0",
        "redis://cache:6379/0?password=hush",
        "redis://cache:6379/0?db=1&username=hush&password=hush",
        "rediss://cache:6379/0?ssl_cert_reqs=none;password=hush",
        "redis://user:p@ss@hush@cache:6379/0",
        "redis://user:hush/more@cache:6379/0",
        "redis://user:hush#more@cache:6379/0",
        "http://maya:hush@mlflow:5000/api?x=1",
        "https://hooks.example.org/in?token=hush&x=1",
        "https://hooks.example.org/in?api_key=hush",
        "https://hooks.example.org/in?X-Amz-Signature=hush",
        "mailtos://maya:hush@example.org",
        "{'sasl.password': 'hush'}",
        "sasl_plain_password='hush'",
        "whsec_hushhushhush",
    ],
)
def test_no_credential_of_an_address_is_shown(address: str) -> None:
    for text in (address, f"Error 111 connecting to {address}. Connection refused", f"for url '{address}'"):
        assert "hush" not in redacted(text)


def test_what_is_no_credential_stays() -> None:
    for text in (
        "redis://cache:6379/0?db=1",
        "https://example.org/@maya/status",
        "http://127.0.0.1:5000/api/2.0/mlflow?name=sentiment",
        "Redis at cache:6379/0 does not answer",
    ):
        assert redacted(text) == text


def test_a_given_secret_is_hidden_wherever_it_stands() -> None:
    assert redacted("user kafka, hush%21 and hush!", ["hush%21"]) == "user kafka, … and …"


def test_the_secrets_of_an_address_are_found_in_both_places() -> None:
    assert secrets_of_address("redis://u:a%2Fb@h:1/0?password=c") == ["a%2Fb", "a/b", "c"]
