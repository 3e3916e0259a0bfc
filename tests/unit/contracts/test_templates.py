from __future__ import annotations

from functools import partial

import pytest

from contracts.rules.templates import check_template, fill_in

fill = partial(
    fill_in, labels={"watch": "acme"}, annotations={"share_now": "0.853", "top_terms": "bag, belt"}, value=12_345.0
)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{ $labels.watch }} burns", "acme burns"),
        ("{{$labels.watch}}/{{$labels.theme}}", "acme/"),
        ("{{ $value }} or {{ $value | humanize }}", "1.234e+04 or 12.35k"),
        ("{{ $annotations.share_now | humanizePercentage }} ({{ $annotations.top_terms }})", "85.3% (bag, belt)"),
        ("{{ $annotations.top_terms | humanize }}", "bag, belt"),
        ("no places, { one } brace", "no places, { one } brace"),
    ],
)
def test_places_are_filled_in(text: str, filled: str) -> None:
    assert fill(check_template(text)) == filled


def test_what_is_filled_in_is_not_a_template_itself() -> None:
    said = fill_in("{{ $labels.watch }}", labels={"watch": "{{ $value }}"}, annotations={}, value=1.0)
    assert said == "{{ $value }}"


@pytest.mark.parametrize(
    "text",
    ["{{ watch }}", "{{ $labels }}", "{{ $value | exec }}", "{{ $labels.watch", "{{ $labels.__class__.x }}", "{{ }}"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\{\{"):
        check_template(text)
