"""The profile as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import importlib
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from contracts.events import SENTIMENTS

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}
td,th{padding:.15rem .8rem;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}img{max-width:100%}.side{display:flex;gap:2rem;flex-wrap:wrap}"""


def profile_page(profile: Mapping[str, Any]) -> str:
    """The page of a profile that `training.data.profile.profile` made."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Profile of the labelled tweets</title><style>{_STYLE}</style><h1>Profile of the labelled tweets</h1>",
        _table(
            ("set", "rows", *SENTIMENTS, "exact duplicates", "near-duplicates", "with several labels", "median length"),
            [
                (
                    name,
                    one["rows"],
                    *(one["classes"].get(label, 0) for label in SENTIMENTS),
                    one["duplicates"]["exact"],
                    one["duplicates"]["near"],
                    one["conflicts"]["near_duplicates_with_several_labels"],
                    one["lengths"]["quantiles"]["0.5"],
                )
                for name, one in profile["sets"].items()
            ],
        ),
        "<h2>Near-duplicates that two sets share</h2>",
        _table(("sets", "texts"), [(" and ".join(row["sets"]), row["near_duplicates"]) for row in profile["shared"]]),
    ]
    for name, one in profile["sets"].items():
        parts += [f"<h2>{html.escape(name)}</h2>", "<div class=side>", _picture(_lengths(one)), "</div>"]
        parts += ["<h3>Words</h3>", "<div class=side>", *_clouds(one["words"]), "</div>"]
        parts += [
            "<h3>Artefacts</h3>",
            _artefacts(one),
            "<h3>Typical words and pairs of words</h3>",
            "<div class=side>",
        ]
        for label, grams in one["ngrams"].items():
            rows = [(gram["ngram"], gram["texts"], gram["z"]) for gram in grams]
            parts.append(f"<div><b>{label}</b>{_table(('n-gram', 'texts', 'z'), rows)}</div>")
        parts.append("</div>")
    return "\n".join(parts) + "</html>\n"


def _artefacts(one: Mapping[str, Any]) -> str:
    rows = [
        (name, found["rows"], *(found["labels"].get(label, 0) for label in SENTIMENTS))
        for name, found in one["artefacts"].items()
    ]
    return _table(("artefact", "rows", *SENTIMENTS), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, (int, float)):
        return (
            f"<td class=n>{value:,.1f}</td>"
            if isinstance(value, float) and value % 1
            else f"<td class=n>{value:,.0f}</td>"
        )
    return f"<td>{html.escape(str(value))}</td>"


def _lengths(one: Mapping[str, Any]) -> bytes:
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    edges, counts = one["lengths"]["histogram"]["edges"], one["lengths"]["histogram"]["counts"]
    axes.stairs(counts, edges, fill=True)
    axes.set(xlabel="code points", ylabel="texts", title="lengths")
    out = io.BytesIO()
    figure.savefig(out, dpi=80, format="png")
    return out.getvalue()


def _clouds(words: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A word cloud per label."""
    wordcloud: Any = importlib.import_module("wordcloud")
    parts: list[str] = []
    for label, counts in words.items():
        if counts:
            cloud = wordcloud.WordCloud(width=400, height=260, background_color="white", random_state=0)
            out = io.BytesIO()
            cloud.generate_from_frequencies(counts).to_image().save(out, format="PNG")
            parts.append(f"<figure><figcaption>{html.escape(label)}</figcaption>{_picture(out.getvalue())}</figure>")
    return parts


def _picture(png: bytes) -> str:
    return f"<img alt='' src='data:image/png;base64,{base64.b64encode(png).decode()}'>"
