"""Rules files for measurements: the shipped one with other watches, and with a receiver when one is named."""

from __future__ import annotations

import secrets
from base64 import b64encode
from pathlib import Path

from ruamel.yaml import YAML

from contracts.rules.file import load_rules


def handle(number: int) -> str:
    """What a tweet must mention to be about a watch that `write_watches` made."""
    return f"@brand{number:04d}"


def write_watches(source: Path, target: Path, number: int, receiver: str | None = None) -> Path:
    """Write a rules file with `number` watches of four terms each.

    Args:
        source: the rules file whose themes and rules are kept.
        target: where to write.
        number: of watches; the first one has a term that invented tweets mention.
        receiver: URL of a webhook.
    """
    load_rules(source)
    yaml = YAML(typ="safe")
    document = yaml.load(source.read_text(encoding="utf-8"))
    document["watches"] = [
        {"name": f"brand-{one:04d}", "match": [handle(one), f"#brand{one:04d}", f"brand {one:04d}", f"brand{one:04d}"]}
        for one in range(number)
    ]
    document["watches"][0]["match"].append("@airparadis")
    if receiver is not None:
        secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
        document["receivers"] = [{"name": "bench", "url": receiver, "secret": secret}]
    with target.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    return target
