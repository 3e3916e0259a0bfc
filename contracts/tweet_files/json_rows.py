"""Tweets in JSON: one object a line, one array, a page of an API, an archive export of X."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from contracts.tweet_files.errors import TweetFileError, first_line
from contracts.tweet_files.rows import ReadOptions, Row
from contracts.tweet_files.source import Source

# `window.YTD.tweets.part0 = [`, and before 2019 a file for each month: `Grailbird.data.tweets_2012_01 = [`.
_ARCHIVE: Final = re.compile(rb"\s*(?:window\.YTD\.(\w+)\.part\d+|Grailbird\.data\.(\w+?)_\d[\d_]*)\s*=")
_TWEETS: Final = frozenset({b"tweet", b"tweets", b"community_tweet", b"note_tweet"})
_PAGES: Final = ("data", "statuses", "posts", "feed", "records", "tweets", "results")
"""Where the answers of the APIs of X, Mastodon and Bluesky keep their items."""
_DEEP: Final = "JSON that is nested too deeply"
_BETWEEN: Final = re.compile(r"[\s\ufeff]*")
_MARK: Final = b"\xef\xbb\xbf"
_LONGEST_NUMBER: Final = 4000
_BLANKS: Final = b" \t\r\n"
"""What JSON has between values; programs put other things there, too."""


class _Reader:
    """JSON as Python reads it, and whether there was a number in it that JSON does not have."""

    def __init__(self) -> None:
        self.constants = 0
        self._decoder = json.JSONDecoder(parse_constant=self._constant, parse_int=_whole)

    def _constant(self, name: str) -> float | None:
        self.constants += 1
        return None if name == "NaN" else float(name)

    def values(self, text: str) -> list[Any]:
        """All values of a text, one behind the other.

        Raises:
            ValueError: it is no JSON.
            RecursionError: it is nested too deeply.
        """
        found: list[Any] = []
        at = self._start(text, 0)
        while at < len(text) or not found:
            value, at = self._decoder.raw_decode(text, at)
            found.append(value)
            at = self._start(text, at)
        return found

    @staticmethod
    def _start(text: str, at: int) -> int:
        between = _BETWEEN.match(text, at)
        return at if between is None else between.end()


def _whole(digits: str) -> int | str:
    """A number; one that Python refuses as too long (`sys.set_int_max_str_digits`) as it is written."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


def json_rows(source: Source, options: ReadOptions, *, is_lines: bool) -> Iterator[Row]:
    """The objects.

    Args:
        source: a file.
        options: what is needed.
        is_lines: by its name, each line is one object; else a document over several lines is read, too.

    Raises:
        TweetFileError: a document that is no JSON, an export of something else than tweets. A line that is no object
            is a row without fields.
    """
    encoding = source.encoded(options.encoding)
    if encoding is None:
        source.refuse_nul()
    head = source.head if encoding is None else source.head.decode(encoding, "ignore").encode("utf-8", "ignore")
    mark = len(_MARK) if head.startswith(_MARK) else 0
    archive = _ARCHIVE.match(head, mark)
    if archive is not None:
        what = archive.group(1) or archive.group(2)
        if what not in _TWEETS:
            raise TweetFileError(
                f"{source.name}: an archive export of {what.decode()!r}, not of tweets: name tweets.js"
            )
        yield from _document(source, options, archive.end() - (mark if encoding is not None else 0))
        return
    if _is_document(head, is_lines):
        yield from _document(source, options, 0)
        return
    reader = _Reader()
    for number, line in enumerate(_lines(source, options), start=1):
        if line.strip():
            yield from _line(line, f"line {number}", options, reader)


def _lines(source: Source, options: ReadOptions) -> Iterator[bytes]:
    """In UTF-8; bytes that are none are left to whoever reads the line."""
    if source.encoded(options.encoding) is None:
        for line in source.lines():
            while line.startswith(_MARK):  # of files that were joined
                line = line.removeprefix(_MARK)
            yield line
        return
    for text in source.text_lines(options.encoding):
        yield text.rstrip("\r\n").encode("utf-8", "surrogatepass")


def _is_document(head: bytes, is_lines: bool) -> bool:
    """Of UTF-8: whether values go over several lines, or it is an array of objects in one line."""
    begins = head.removeprefix(_MARK).lstrip()
    if begins[:1] not in (b"[", b"{"):
        return False
    line, more, _ = begins.partition(b"\n")
    if begins[:1] == b"[":
        inside = line[1:].lstrip()
        return (inside[:1] in (b"{", b"") and (inside[:1] == b"{" or bool(more))) or line.strip() == b"[]"
    if line.strip() == b"{":
        return True
    if is_lines or not more:
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return True
    return False


def _document(source: Source, options: ReadOptions, skip: int) -> Iterator[Row]:
    if source.encoded(options.encoding) is None:
        data: bytes | str = source.everything()[skip:]
    else:
        data = "".join(source.text_lines(options.encoding))[skip:]
    try:
        text = data if isinstance(data, str) else data.decode()
        values = _Reader().values(text.rstrip().removesuffix(";") if skip else text)
    except RecursionError:
        raise TweetFileError(f"{source.name}: {_DEEP}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise TweetFileError(
            f"{source.name}, line {line}: byte 0x{error.object[error.start]:02X} is not {error.encoding}: give the "
            "file's encoding with --encoding"
        ) from None
    except ValueError as error:
        raise TweetFileError(f"{source.name}: no JSON: {first_line(error)}") from None
    items = [item for value in values for item in (value if isinstance(value, list) else [value])]
    for number, item in enumerate(items, start=1):
        where = f"item {number}"
        if not isinstance(item, dict):
            yield Row(where, None, json.dumps(item).encode(), "not a JSON object")
            continue
        yield from _items(item, where, None, options)


def _line(line: bytes, where: str, options: ReadOptions, reader: _Reader) -> Iterator[Row]:
    wrong, constants = "not a JSON object", reader.constants
    values: list[Any] = []
    try:
        values = reader.values(line.decode())
    except RecursionError:
        wrong = _DEEP
    except UnicodeDecodeError as error:
        wrong = (
            f"byte {error.start + 1}: 0x{line[error.start]:02X} is not UTF-8: give the file's encoding with --encoding"
        )
    except ValueError as error:
        wrong = f"not JSON: {first_line(error)}"
    if len(values) == 1 and isinstance(values[0], dict):
        is_json = reader.constants == constants and line.strip(_BLANKS)[:1] == b"{" and line.strip(_BLANKS)[-1:] == b"}"
        yield from _items(values[0], where, line if is_json else None, options)
        return
    objects = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if not objects or not all(isinstance(one, dict) for one in objects):
        yield Row(where, None, line, wrong)
        return
    for number, one in enumerate(objects, start=1):
        yield from _items(one, f"{where}, object {number}", None, options)


def _items(row: Mapping[str, Any], where: str, raw: bytes | None, options: ReadOptions) -> Iterator[Row]:
    """The object itself, or what is on it where it is a page."""
    page = _page(row)
    errors = _objects(row.get("errors")) if "text" not in row else []
    if errors and (page is not None or row.keys() <= {"errors", "meta", "includes"}):
        options.notes.not_given(where, len(errors), errors[0].get("title"))
        if page is None:
            return
    if page is None and row.keys() == {"meta"} and _of_page(row["meta"]) == 0:
        return  # X's answer when nothing was found
    if page is None:
        options.notes.identifier(row.get("id"), where)
        yield Row(where, row, raw)
        return
    name, items = page
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            yield Row(f"{where}, {name} {number}", None, json.dumps(item).encode(), "not a JSON object")
        elif name == "data":
            yield Row(f"{where}, data {number}", {"data": item, "includes": _of(item, row.get("includes"))})
        else:
            yield Row(f"{where}, {name} {number}", item)


def _page(row: Mapping[str, Any]) -> tuple[str, list[Any]] | None:
    """What is on a page of an API, or in a thread; None where the object is no page."""
    if "text" in row:
        return None
    for name in _PAGES:
        if isinstance(row.get(name), list):
            return name, row[name]
    thread = row.get("thread")
    if isinstance(thread, dict) and "post" in thread:
        return "post", list(_of_thread(thread))
    before, after = row.get("ancestors"), row.get("descendants")
    if isinstance(before, list) and isinstance(after, list):
        return "status", [*before, *after]
    return None


def _of_thread(thread: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The posts of a Bluesky thread; what is deleted or blocked has none."""
    waiting = [thread]
    while waiting:
        one = waiting.pop()
        if isinstance(one.get("post"), dict):
            yield {"post": one["post"]}
        waiting += _objects([one.get("parent"), *reversed(_objects(one.get("replies")))])


def _of(tweet: Mapping[str, Any], includes: Any) -> dict[str, Any]:
    """What a page includes about one tweet: its author, and the tweets that it refers to."""
    if not isinstance(includes, dict):
        return {}
    referred = [one.get("id") for one in _objects(tweet.get("referenced_tweets"))]
    return {
        "users": [one for one in _objects(includes.get("users")) if one.get("id") == tweet.get("author_id")],
        "tweets": [one for one in _objects(includes.get("tweets")) if one.get("id") in referred],
    }


def _of_page(meta: Any) -> Any:
    """How many tweets a page of the X API says that it has."""
    return meta.get("result_count") if isinstance(meta, dict) else None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
