"""Opening what a command was given: a file, a pipe, standard input; packed or not; and its text, strictly decoded."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from contracts.tweet_files.errors import TweetFileError, first_line

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKED: Final = {
    b"\x28\xb5\x2f\xfd": "packed with zstd: unpack it first",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV (UTF-8)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV (UTF-8)",
    b"\xfd7zXZ": "packed with xz: unpack it first",
    b"ARROW1": "an Arrow or Feather file: save it as Parquet",
    b"Obj\x01": "an Avro file: save it as Parquet or JSONL",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
    b"%PDF-": "a PDF: save the table as CSV (UTF-8)",
    b"\x04\x22\x4d\x18": "packed with lz4: unpack it first",
    b"\xff\x06\0\0sNaP": "packed with snappy: unpack it first",
    b"]\0\0": "packed with lzma: unpack it first",
    b"\x1f\x9d": "packed with compress (.Z): unpack it first",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive: unpack it first",
    b"Rar!\x1a\x07": "a RAR archive: unpack it first",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file: save the table as Parquet",
    b"\x93NUMPY": "an array of NumPy: save the table as Parquet",
    b"\x80\x04\x95": "a pickle of Python: save it as Parquet or JSONL",
    b"\x80\x05\x95": "a pickle of Python: save it as Parquet or JSONL",
    b"\x89PNG": "a picture: name a file of tweets",
    b"\xff\xd8\xff": "a picture: name a file of tweets",
    b"GIF8": "a picture: name a file of tweets",
    b"\x7fELF": "a program: name a file of tweets",
    b"{\\rtf": "a document in RTF: save it as plain text (UTF-8)",
}
"""What a file begins with that is no table and no text, whatever its name says."""
_TAR: Final = (257, b"ustar")
_ORC: Final = re.compile(rb"ORC[^\t -~]")
_BZIP2: Final = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_PAGE: Final = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml)\b", re.IGNORECASE)
_MARK: Final = "\ufeff"
"""A byte order mark, decoded. Files that were joined have one at the beginning of a later line, too."""
_HEAD: Final = 4096


def checked_path(path: Path) -> None:
    """Raises TweetFileError when there is no such file, or nothing that can be read."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror).lower()
        raise TweetFileError(f"{path}: {reason}") from None
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISDIR(mode) or stat.S_ISCHR(mode)):
        raise TweetFileError(f"{path}: neither a file, a folder nor a pipe")


def is_stream(path: Path | None) -> bool:
    """Whether it can be read only once, from start to end."""
    return path is None or not (path.is_file() or path.is_dir())


class Source:
    """Bytes of one file, from a pipe or from standard input, unpacked.

    Args:
        name: as errors name it.
        file: at its beginning.

    Raises:
        TweetFileError: it begins as no table and no text does.
    """

    def __init__(self, name: str, file: io.BufferedReader) -> None:
        self.name = name
        self.file = file
        self.head = file.peek(_HEAD)[:_HEAD]
        if problem := _no_table(self.head):
            raise TweetFileError(f"{name}: {problem}")

    def encoded(self, encoding: str | None) -> str | None:
        """The encoding when it is another than UTF-8: as `encoding` or a byte order mark names it."""
        marked = next((name for mark, name in _MARKS if self.head.startswith(mark)), None)
        if marked is not None:
            return None if marked == "utf-8-sig" else encoding or marked
        return encoding

    def lines(self) -> Iterator[bytes]:
        """Line by line, without line ends.

        Raises:
            TweetFileError: the packing is damaged, or reading failed.
        """
        with self._reading():
            for line in self.file:
                yield line.rstrip(b"\r\n")

    def everything(self) -> bytes:
        """All of it.

        Raises:
            TweetFileError: the packing is damaged, or reading failed.
        """
        with self._reading():
            return self.file.read()

    def text_lines(self, encoding: str | None) -> Iterator[str]:
        """Line by line with line ends, strictly decoded: UTF-8, or as a byte order mark or `encoding` names it.

        Raises:
            TweetFileError: a byte is not of that encoding; names line and byte.
        """
        chosen = self.encoded(encoding)
        if chosen is None:
            self.refuse_nul()
            with self._reading():
                for number, line in enumerate(self.file, start=1):
                    yield self._decoded(line, number).lstrip(_MARK)
            return
        data = self.everything()
        try:
            text = data.decode(chosen)
        except UnicodeDecodeError as error:
            at = error.start
            row = _lines_before(data[:at], chosen)
            raise TweetFileError(
                f"{self.name}, line {row}, byte {at + 1} of the file: 0x{data[at]:02X} is not {chosen}"
            ) from None
        except UnicodeError as error:  # of encodings that are none of files, such as punycode
            raise TweetFileError(f"{self.name}: not {chosen}: {first_line(error)}") from None
        yield from (decoded.lstrip(_MARK) for decoded in io.StringIO(text, newline=""))

    def refuse_nul(self) -> None:
        """Raises TweetFileError when it begins as UTF-16 does; for files that are taken for UTF-8."""
        if self.head.startswith(b"\x1f\x8b"):
            raise TweetFileError(f"{self.name}: packed with gzip twice: unpack it first")
        if self.head.count(0) * 4 > len(self.head):  # Latin letters are every second byte of UTF-16
            name = "UTF-32" if self.head.count(0) * 2 > len(self.head) else "UTF-16"
            order = "be" if self.head[::2].count(0) > self.head[1::2].count(0) else "le"
            if name == "UTF-32":
                order = "be" if self.head[:1] == b"\0" else "le"
            raise TweetFileError(
                f"{self.name}: NUL bytes: {name} without a byte order mark? Try --encoding {name.lower()}-{order}"
            )

    def _decoded(self, line: bytes, number: int) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise TweetFileError(
                f"{self.name}, line {number}, byte {error.start + 1}: 0x{line[error.start]:02X} is not UTF-8: give the "
                "file's encoding, such as --encoding latin-1, or save it as UTF-8"
            ) from None

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise TweetFileError(f"{self.name}: damaged gzip: {first_line(error)}") from None
        except OSError as error:
            raise TweetFileError(f"{self.name}: {error.strerror or error}") from None


def _no_table(head: bytes) -> str:
    """What it is that begins so, and what to do; empty where it may be tweets."""
    at, mark = _TAR
    if head[at : at + len(mark)] == mark:
        return "a tar archive: unpack it first"
    if _PAGE.match(head.removeprefix(codecs.BOM_UTF8)):
        return "a page of HTML or XML, such as a form to log in: save the table as CSV or JSONL"
    if _ORC.match(head):
        return "an ORC file: save it as Parquet"
    if _BZIP2.match(head):
        return "packed with bzip2: unpack it first"
    return next((problem for magic, problem in _PACKED.items() if head.startswith(magic)), "")


def _lines_before(data: bytes, encoding: str) -> int:
    try:
        return data.decode(encoding, "replace").count("\n") + 1
    except UnicodeError:  # some decoders replace nothing
        return data.count(b"\n") + 1


def checked_encoding(encoding: str | None) -> None:
    """Raises TweetFileError when Python knows no such text encoding."""
    if encoding is None:
        return
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)  # decoding nothing would not look it up
    except (LookupError, ValueError):
        raise TweetFileError(
            f"--encoding {encoding}: no such text encoding (utf-8, utf-16, latin-1, cp1252, shift_jis, … are)"
        ) from None


@contextmanager
def opened(path: Path | None) -> Iterator[Source]:
    """A file, or standard input when `path` is None.

    Raises:
        TweetFileError: it cannot be opened, or is packed in a way that is not read.
    """
    name = "standard input" if path is None else str(path)
    if path is None:
        yield _unpacked(name, cast("io.BufferedReader", sys.stdin.buffer))
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise TweetFileError(f"{path}: {error.strerror or error}") from None
    with file:
        yield _unpacked(name, file)


def _unpacked(name: str, file: IO[bytes]) -> Source:
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))
    try:
        head = buffered.peek(8)[:8]
    except OSError as error:
        raise TweetFileError(f"{name}: {error.strerror or error}") from None
    if not head.startswith(b"\x1f\x8b"):
        return Source(name, buffered)
    try:
        return Source(name, io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=buffered))))
    except (EOFError, OSError, zlib.error) as error:
        raise TweetFileError(f"{name}: damaged gzip: {first_line(error)}") from None
