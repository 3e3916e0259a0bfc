"""Languages as tweets name them: tags of BCP 47, their common misspellings, and X's own codes."""

from __future__ import annotations

import functools
from typing import Final

_LANGUAGES: Final = """
af afr Afrikaans; ar ara Arabic; az aze Azerbaijani; be bel Belarusian; bg bul Bulgarian; bn ben Bengali; bs bos
Bosnian; ca cat Catalan; cs ces,cze Czech; cy cym,wel Welsh; da dan Danish; de deu,ger German; el ell,gre Greek;
en eng English; es spa Spanish; et est Estonian; eu eus,baq Basque; fa fas,per,prs,pes Persian; fi fin Finnish;
fr fra,fre French; ga gle Irish; gl glg Galician; gu guj Gujarati; he heb,iw Hebrew; hi hin Hindi; hr hrv
Croatian; ht hat Haitian Creole; hu hun Hungarian; hy hye,arm Armenian; id ind,in Indonesian; is isl,ice
Icelandic; it ita Italian; ja jpn Japanese; ka kat,geo Georgian; kk kaz Kazakh; km khm Khmer; kn kan Kannada; ko
kor Korean; lo lao Lao; lt lit Lithuanian; lv lav Latvian; mk mkd,mac Macedonian; ml mal Malayalam; mn mon
Mongolian; mr mar Marathi; ms msa,may,zsm Malay; mt mlt Maltese; my mya,bur Burmese; ne nep Nepali; nl nld,dut
Dutch; no nor,nb,nn,nob,nno Norwegian; pa pan Punjabi; pl pol Polish; ps pus Pashto; pt por Portuguese; ro
ron,rum,mo,mol Romanian; ru rus Russian; si sin Sinhala; sk slk,slo Slovak; sl slv Slovenian; so som Somali; sq
sqi,alb Albanian; sr srp,scc,sh Serbian; sv swe Swedish; sw swa Swahili; ta tam Tamil; te tel Telugu; th tha
Thai; tl tgl,fil Tagalog; tr tur Turkish; uk ukr Ukrainian; ur urd Urdu; uz uzb Uzbek; vi vie Vietnamese; yi
yid,ji Yiddish; zh zho,chi,cmn Chinese; zu zul Zulu
"""
_NOT_SAID: Final = frozenset(["und", "zxx", "mul", "mis", "art", "nan"])
"""BCP 47's codes for "cannot tell" and "no language", X's for made-up ones, and what programs write for none."""
_PRIVATE: Final = ("qaa", "qtz")
"""ISO 639 leaves this range to everybody: X's codes for links, tags, media and the like are in it (qam, qme, qst …)."""


def _parsed() -> tuple[dict[str, str], dict[str, str]]:
    codes: dict[str, str] = {}
    names: dict[str, str] = {}
    for line in _LANGUAGES.replace("\n", " ").split(";"):
        code, others, name = line.split(maxsplit=2)
        names[code] = name.strip()
        for spelling in (code, *others.split(","), name.strip().lower()):
            codes[spelling] = code
    return codes, names


_CODES, _NAMES = _parsed()


@functools.lru_cache(maxsize=4096)
def language_of(tag: str | None) -> str | None:
    """The language that a tag names, `en` for `en-GB`, `en_US`, `EN` or `eng`; None when it names none.

    None, so that the text decides: no tag, an empty one, codes for "cannot tell" or "no language" (`und`, `zxx`), X's
    codes for tags, media and the like (`qme`), private tags (`x-default`), and what is no tag at all.
    """
    if tag is None:
        return None
    written = tag.strip().lower().replace("_", "-")
    first = written.partition(",")[0].partition(";")[0].partition(".")[0].partition("@")[0].strip()
    base = first.partition("-")[0]
    if base in _CODES:
        return _CODES[base]
    if base in _NOT_SAID or _PRIVATE[0] <= base <= _PRIVATE[1]:
        return None
    return base if base.isascii() and base.isalpha() and 2 <= len(base) <= 3 else None


def language_name(code: str) -> str:
    """`French` for `fr`; a code without a name here as it is."""
    return _NAMES.get(code, code)
