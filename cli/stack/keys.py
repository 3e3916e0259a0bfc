"""`buzzwatch keys`: who may call the API."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
import typer
from rich.table import Table

from api.security.keys import ALLOWS, SCOPES, KeyRecord, NewKey, Scope, new_key
from api.security.store import KeyStore
from cli.output.audited import audit_event, kept, send_kept
from cli.output.console import cell, current_user, listing, print_error, table_console
from cli.output.moments import lasting_ms
from cli.output.options import Format
from cli.output.preconditions import redis_client
from contracts.audit import AuditEvent, Figure
from contracts.errors import BuzzwatchError
from contracts.printable import printable_json
from contracts.settings import load_settings
from contracts.times import clock_ms, to_rfc3339

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_COLOURS: Final = {"active": "green", "expired": "yellow", "revoked": "dim"}
_LONGEST_NAME: Final = 64
_Id = Annotated[str, typer.Argument(help="As `buzzwatch keys list` shows it.")]
_Scopes = Annotated[
    str, typer.Option(metavar="LIST", help=f"Comma-separated: {', '.join(SCOPES)}; or all.", show_default=False)
]


@app.callback()
def _group() -> None:
    """Who may call the API: keys with scopes, kept in Redis as their SHA-256.

    Example: buzzwatch keys create grafana --scopes read
    """


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is: a person or a program.")],
    scopes: _Scopes,
    expires: Annotated[str, typer.Option(metavar="TIME", help="In how long: 30d, 12h; or never.")] = "365d",
    output: Format = "table",
) -> None:
    """Make a key. It is printed once, alone on standard output; nobody can find it out later.

    Scopes: read (alerts, silences, statistics, the model, metrics, the pages), predict, feedback, review, operate
    (silences, acknowledgements, promoting models).

    Examples:

      buzzwatch keys create grafana --scopes read

      buzzwatch keys create maya --scopes all --expires 90d

      KEY=$(buzzwatch keys create shop --scopes predict,feedback)
    """
    now_ms = clock_ms()
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise BuzzwatchError(f"NAME: has to have 1 to {_LONGEST_NAME} characters that can be printed")
    key = new_key(
        name,
        _scopes(scopes),
        now_ms=now_ms,
        created_by=current_user(),
        expires_ms=_expiry(now_ms, expires, "--expires"),
    )
    settings = load_settings()
    event = _event("key.created", key.record.id, key.record)
    with redis_client(settings) as client, kept(client, settings, event):
        KeyStore(client, settings).add(key.record, now_ms)
    _show_new(key, output)
    send_kept(settings, event)


@app.command("list")
def list_keys(
    everything: Annotated[bool, typer.Option("--all", help="Those that are expired or revoked, too.")] = False,
    output: Format = "table",
) -> None:
    """Show the keys: whose, for what, until when, and when each was last used (to a few seconds).

    Expired and revoked ones are kept for 90 days.

    Example: buzzwatch keys list --all --format json
    """
    settings = load_settings()
    with redis_client(settings) as client:
        store = KeyStore(client, settings)
        found, used = store.all(), store.last_used()
    now_ms = clock_ms()
    shown = [_public(record, used.get(record.id), now_ms) for record in found.values()]
    shown = [one for one in shown if everything or one["state"] == "active"]
    if output == "json":
        typer.echo(printable_json(shown))
    else:
        table_console().print(_table(shown))


@app.command("revoke")
def revoke(key_id: _Id) -> None:
    """Make a key useless; running APIs refuse it within two seconds, and end the sessions that were begun with it.

    Example: buzzwatch keys revoke 3f9a1c02b7de
    """
    now_ms = clock_ms()
    settings = load_settings()

    def over(record: KeyRecord) -> KeyRecord:
        return record if record.revoked_ms is not None else msgspec.structs.replace(record, revoked_ms=now_ms)

    with redis_client(settings) as client:
        store = KeyStore(client, settings)
        event = _event("key.revoked", key_id, store.all().get(key_id))
        with kept(client, settings, event):
            record = store.change(key_id, over)
    print_error(f"{record.id} ({record.name}) is revoked")
    send_kept(settings, event)


@app.command("rotate")
def rotate(
    key_id: _Id,
    grace: Annotated[str, typer.Option(metavar="TIME", help="How long the old one stays good: 24h, 0s.")] = "24h",
    expires: Annotated[str, typer.Option(metavar="TIME", help="When the new one expires: 90d; or never.")] = "365d",
    output: Format = "table",
) -> None:
    """Make another key with the same name and scopes; the old one ends after a while, so that programs can change over.

    Examples:

      buzzwatch keys rotate 3f9a1c02b7de

      buzzwatch keys rotate 3f9a1c02b7de --grace 0s
    """
    now_ms = clock_ms()
    ends_ms = now_ms + lasting_ms("--grace", grace)
    expires_ms = _expiry(now_ms, expires, "--expires")
    settings = load_settings()
    with redis_client(settings) as client:
        store = KeyStore(client, settings)
        old = store.all().get(key_id)
        if old is None or old.state(now_ms) != "active":
            why = "there is no key" if old is None else f"it is {old.state(now_ms)}:"
            raise BuzzwatchError(f"{why} {key_id!r}; `buzzwatch keys list` shows those that are good")
        key = new_key(
            old.name, old.scopes, now_ms=now_ms, created_by=current_user(), expires_ms=expires_ms, replaces=old.id
        )
        event = _event("key.rotated", key.record.id, key.record)
        with kept(client, settings, event):
            store.add(key.record, now_ms)
            store.change(key_id, lambda record: _ending(record, ends_ms))
    print_error(f"{old.id} ({old.name}) stays good until {to_rfc3339(ends_ms)} at the latest")
    _show_new(key, output)
    send_kept(settings, event)


def _event(what: str, key_id: str, record: KeyRecord | None) -> AuditEvent:
    figures: dict[str, Figure] = {}
    if record is not None:
        figures = {"name": record.name, "scopes": ", ".join(record.scopes), "replaces": record.replaces}
    return audit_event(what, f"key {key_id}", figures=figures)


def _ending(record: KeyRecord, ends_ms: int) -> KeyRecord:
    earliest = ends_ms if record.expires_ms is None else min(record.expires_ms, ends_ms)
    return msgspec.structs.replace(record, expires_ms=earliest)


def _show_new(key: NewKey, output: str) -> None:
    if output == "json":
        typer.echo(printable_json({**_public(key.record, None, key.record.created_ms), "key": key.text}))
        return
    print_error(f"key {key.record.id} of {key.record.name} ({', '.join(key.record.scopes)}); it is shown this once:")
    typer.echo(key.text)


def _public(record: KeyRecord, used_ms: int | None, now_ms: int) -> dict[str, object]:
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state(now_ms),
        "scopes": list(record.scopes),
        "created": to_rfc3339(record.created_ms),
        "created_by": record.created_by,
        "expires": None if record.expires_ms is None else to_rfc3339(record.expires_ms),
        "last_used": None if used_ms is None else to_rfc3339(used_ms),
        "replaces": record.replaces,
    }


def _table(keys: list[dict[str, object]]) -> Table:
    table = listing("id", "name", "state", "scopes", "created", "expires", "last used", whole="id")
    for key in keys:
        state = str(key["state"])
        table.add_row(
            cell(str(key["id"])),
            cell(str(key["name"])),
            f"[{_COLOURS[state]}]{state}[/]",
            ", ".join(map(str, key["scopes"])) if isinstance(key["scopes"], list) else "",
            str(key["created"]),
            str(key["expires"] or "never"),
            str(key["last_used"] or "never"),
        )
    return table


def _scopes(text: str) -> tuple[Scope, ...]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    if names == ["all"]:
        return SCOPES
    unknown = [name for name in names if name not in ALLOWS]
    if unknown or not names:
        wrong = f"there is no scope {unknown[0]!r}" if unknown else "names no scope"
        raise BuzzwatchError(f"--scopes: {wrong}; there are {', '.join(SCOPES)}, and all")
    return tuple(scope for scope in SCOPES if scope in names)


def _expiry(now_ms: int, text: str, option: str) -> int | None:
    if text == "never":
        return None
    lasts_ms = lasting_ms(option, text)
    if not lasts_ms:
        raise BuzzwatchError(f"{option}: {text} is no time: the key would never be good")
    return now_ms + lasts_ms
