from __future__ import annotations

import pytest

from contracts.words.languages import language_name, language_of


@pytest.mark.parametrize(
    "tag",
    ["en", "EN", "en-GB", "en_US", "en-Latn-US", "eng", "ENG-us", " en ", "en_US.UTF-8", "en-US,en;q=0.9", "English"],
)
def test_english_has_many_spellings(tag: str) -> None:
    assert language_of(tag) == "en"


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("in", "id"),
        ("iw", "he"),
        ("ji", "yi"),
        ("fre", "fr"),
        ("zh-Hans-CN", "zh"),
        ("cmn", "zh"),
        ("pt_BR", "pt"),
        ("ckb", "ckb"),
    ],
)
def test_old_and_long_codes_are_the_same_language(tag: str, code: str) -> None:
    assert language_of(tag) == code


@pytest.mark.parametrize(
    "tag",
    [
        None,
        "",
        " ",
        "und",
        "UND",
        "zxx",
        "mul",
        "art",
        "qme",
        "qam",
        "qht",
        "qst",
        "qct",
        "und-Latn",
        "x-default",
        "i-default",
        "-",
        "_",
        "12",
        "??",
        "unknown",
        "null",
        "e",
        "en GB?",
    ],
)
def test_what_names_no_language_leaves_it_to_the_text(tag: str | None) -> None:
    assert language_of(tag) is None


def test_a_code_without_a_name_stands_for_itself() -> None:
    assert [language_name(code) for code in ("fr", "ht", "ckb")] == ["French", "Haitian Creole", "ckb"]
