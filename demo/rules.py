"""The rules of the demo: those of the settings, with the demo's receiver alone and a new secret.

The play is over after three minutes, so its bad buzz looks at no more than the last one, and
ends sooner.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

from contracts.rules.file import load_rules

HASTE: Final = (
    "the demo's bad buzz looks at the last 30 and 60 s and resolves within a minute; "
    "as it is by default, it takes six to seven, so that no alert ends while a crisis draws breath"
)


def new_secret() -> str:
    """A signing secret as Standard Webhooks requires it: 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def write_rules(source: Path, target: Path, url: str, secret: str) -> None:
    """Copy a rules file with `demo` as its only receiver: a play must not wake anybody.

    Raises:
        RulesError: the source is no good.
    """
    load_rules(source)
    yaml = YAML(typ="rt")
    document = yaml.load(source.read_text(encoding="utf-8"))
    document["receivers"] = [{"name": "demo", "url": url, "secret": secret}]
    document.pop("route", None)
    for rule in document.get("rules", ()):
        rule.pop("receivers", None)
        if rule["kind"] == "bad_buzz":
            rule.update(windows=["30s", "60s"], keep_firing_for="10s")
        elif rule["kind"] == "drift":
            rule["enabled"] = False  # the play's few sentences are nothing like what the model was trained on
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as file:
        target.chmod(0o600)  # it holds a secret
        yaml.dump(document, file)
    load_rules(target)
