from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import RulesError
from contracts.rules.file import load_rules
from contracts.rules.schema import Alertmanager, Apprise, Webhook

WATCH = "watches:\n  - name: acme\n    match: [acme]\nreceivers:\n"
ONE, TWO = "whsec_" + "b25l" * 8, "whsec_" + "dHdv" * 8


def file_with(folder: Path, receivers: str) -> Path:
    file = folder / "rules.yaml"
    file.write_text(WATCH + receivers)
    return file


def test_each_kind_of_receiver_is_read_and_one_without_a_kind_is_a_webhook(tmp_path: Path) -> None:
    receivers = load_rules(
        file_with(
            tmp_path,
            f"  - {{name: old, url: 'https://a.example', secret: {ONE}}}\n"
            f"  - {{name: new, kind: webhook, url: 'http://a.example', secrets: [{ONE}, {TWO}], format: cloudevents}}\n"
            "  - {name: am, kind: alertmanager, url: 'https://am.example', resend_delay: 30s}\n"
            "  - {name: mail, kind: apprise, url: 'mailtos://user:pass@example.org'}\n",
        )
    ).receivers
    assert [type(receiver) for receiver in receivers] == [Webhook, Webhook, Alertmanager, Apprise]
    assert [receiver.keys for receiver in receivers if isinstance(receiver, Webhook)] == [(ONE,), (ONE, TWO)]
    for hidden in ("whsec_", "user:pass", "a.example"):
        assert hidden not in repr(receivers)


@pytest.mark.parametrize(
    ("receiver", "message"),
    [
        ("{name: w, url: 'https://a.example'}", ":5: receivers[0]: give secret or secrets, one of them"),
        (
            "{name: w, url: 'https://a.example', secret: whsec_YWJj}",
            ":5: receivers[0].secret: what follows whsec_ stands",
        ),
        (
            f"{{name: w, url: ftp://a.example, secret: {ONE}}}",
            ":5: receivers[0].url: must be an address such as",
        ),
        (f"{{name: w, url: 'http://a b/', secret: {ONE}}}", ":5: receivers[0].url: must be an address such as"),
        (f"{{name: w, url: 'http://[::1/', secret: {ONE}}}", ":5: receivers[0].url: must be an address such as"),
        (
            f"{{name: w, url: 'http://a:99999/', secret: {ONE}}}",
            ":5: receivers[0].url: the port must be a number",
        ),
        ("{name: w, url: 'http://a', secret: hunter22}", ":5: receivers[0].secret: must be whsec_ and 24 to 64 random"),
        (
            f"{{name: w, url: 'http://a', secret: {ONE}, send_resolved: 'no'}}",
            "send_resolved: true or false is",
        ),
        ("{name: w, kind: apprize}", ":5: receivers[0].kind: there is no kind 'apprize', did you mean apprise"),
        ("[w]", ":5: receivers[0]: a mapping (key: value) is due here, not a list"),
        ("{name: w, kind: apprise}", ":5: receivers[0]: give url or url_file, one of them"),
        ("{name: w, kind: apprise, url: hunter22}", ":5: receivers[0].url: must be an address as Apprise writes it"),
        ("{name: w, kind: alertmanager, ulr: 'http://a'}", ":5: receivers[0].u"),
        (
            "{name: w, kind: alertmanager, url: 'http://a/api/v2/alerts'}",
            "receivers[0].url: must be where the",
        ),
        ("{name: w, kind: alertmanager, url: 'http://a', username: me}", "username and password go together"),
        (
            '{name: w, kind: alertmanager, url: "http://a", bearer_token: "hunter22\\n"}',
            ":5: receivers[0].bearer_token: must be ASCII without spaces and line breaks, also at its end",
        ),
        ("{name: w, kind: alertmanager, url: 'http://a', bearer_token: ''}", "bearer_token: must be ASCII"),
        ("{name: w, kind: alertmanager, url: 'http://a', bearer_token: hunter22é}", "bearer_token: must be ASCII"),
        ("{name: w, kind: alertmanager, url: 'http://a', bearer_token: hunter22 b}", "bearer_token: must be ASCII"),
        (
            '{name: w, kind: alertmanager, url: "http://a", username: me, password: "hunter22\\n"}',
            "receivers[0].password: must not contain line breaks",
        ),
        (
            "{name: w, kind: alertmanager, url: 'http://a', resend_delay: 1ms}",
            "resend_delay: must be between 1s and",
        ),
    ],
)
def test_a_mistake_in_a_receiver_is_named_with_its_line(tmp_path: Path, receiver: str, message: str) -> None:
    with pytest.raises(RulesError) as caught:
        load_rules(file_with(tmp_path, f"  - {receiver}\n"))
    assert message in str(caught.value)
    assert "hunter22" not in str(caught.value)
