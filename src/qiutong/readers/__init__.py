"""Reading files into normalised text with blocks and pages.

The bytes decide which reader is used, and the file's name is checked against them: a PDF that is
called ``.html`` is an error that says so. The built-in readers are registered in the same way as
one of your own::

    from qiutong.readers import register
    register(MyReader())
"""

import os
import stat
from pathlib import Path

from qiutong.errors import (
    EmptyDocument,
    EncryptedDocument,
    OversizedFile,
    UnreadableFile,
    WrongFormat,
)
from qiutong.model import SourceText
from qiutong.readers.digest import DigestReader
from qiutong.readers.docx import DocxReader
from qiutong.readers.html import HtmlReader
from qiutong.readers.layout import Reader
from qiutong.readers.markdown import MarkdownReader
from qiutong.readers.pdf import PdfReader
from qiutong.readers.text import TextReader

__all__ = ["MAX_BYTES", "Reader", "read_bytes", "read_file", "register", "supported"]

MAX_BYTES = 100_000_000
"""Largest file read, in bytes. A policy document of this size is pictures, or not a document."""

_readers: list[Reader] = []


def register(reader: Reader) -> None:
    """Add a reader. It is asked before those registered earlier, so it can replace one."""
    _readers.insert(0, reader)


_BUILT_IN: tuple[Reader, ...] = (
    # The plainest first, since the latest is asked first: any page is also text.
    TextReader(),
    MarkdownReader(),
    DigestReader(),
    HtmlReader(),
    DocxReader(),
    PdfReader(),
)
for _reader in _BUILT_IN:
    register(_reader)


def supported() -> tuple[str, ...]:
    """File name endings that can be read, in alphabetical order."""
    return tuple(sorted({ending for reader in _readers for ending in reader.extensions}))


def read_file(path: Path | str, *, max_bytes: int = MAX_BYTES) -> SourceText:
    """Read a document file.

    Parameters
    ----------
    path
        The file.
    max_bytes
        Larger files are refused without being read.

    Returns
    -------
    SourceText
        Normalised text with what the source knows of its layout.

    Raises
    ------
    UnreadableFile
        Or one of its subclasses, naming the file, what is wrong and what to do.
    BadSettings
        A digest whose form is wrong, with its line.
    """
    return read_bytes(load_file(path, max_bytes=max_bytes), str(path), max_bytes=max_bytes)


def load_file(path: Path | str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Give the bytes of a document file, refusing what is no file or too large before reading it.

    Raises
    ------
    UnreadableFile
        Or one of its subclasses, naming the file, what is wrong and what to do.
    """
    path = Path(path)
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise UnreadableFile(path, "this is a folder", "Name the files in it.")
        if not stat.S_ISREG(facts.st_mode):
            raise UnreadableFile(path, "this is no ordinary file", "Copy its content to a file.")
        _check_size(facts.st_size, str(path), max_bytes)
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)  # it may have grown since
    except OSError as error:
        reason = {
            FileNotFoundError: "the file does not exist",
            PermissionError: "you may not read it",
        }.get(type(error), os.strerror(error.errno) if error.errno else str(error))
        raise UnreadableFile(path, reason, "Check the path.") from None
    return data


def read_bytes(data: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> SourceText:
    """Read a document from its bytes.

    Parameters
    ----------
    data
        The bytes.
    name
        File name or path: its ending is checked against the content, and messages name it.
    max_bytes
        As for :func:`read_file`.

    Raises
    ------
    UnreadableFile
        As for :func:`read_file`.
    """
    _check_size(len(data), name, max_bytes)
    if not data.strip(b"\0 \t\r\n"):
        raise EmptyDocument(name, "the file is empty", "Get the file again.")
    _refuse_foreign(data, name)
    reader = next((reader for reader in _readers if reader.sniff(data, name)), None)
    if reader is None:
        raise WrongFormat(
            name,
            "this is binary data of a kind that is not read here",
            f"Formats that are: {', '.join(supported())}.",
        )
    ending = _ending(name)
    if ending and ending not in reader.extensions:
        owner = next((other for other in _readers if ending in other.extensions), None)
        if owner is not None:
            raise WrongFormat(
                name,
                f"this is {reader.name}, though its name ends in {ending} as {owner.name} does",
                f"If that is the document you meant, rename it to end in {reader.extensions[0]}.",
            )
    return reader.read(data, name)


def _check_size(size: int, name: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise OversizedFile(
            name,
            f"{size / 1e6:,.0f} MB is over the limit of {max_bytes / 1e6:,.0f} MB",
            "Split it, or save it without its pictures.",
        )
    if size == 0:
        raise EmptyDocument(name, "the file is empty", "Get the file again.")


def _ending(name: str) -> str:
    """The longest ending of a name that some reader knows, else the plain suffix."""
    lower = name.lower()
    known = [ending for ending in supported() if lower.endswith(ending)]
    return max(known, key=len) if known else Path(lower).suffix


_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"BM", "a bitmap picture"),
)
_PACKED = (
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
)
_ZIPPED = (
    (b"xl/", "an Excel workbook", "Export the texts in it, or give it as a register saved as CSV."),
    (b"ppt/", "a PowerPoint file", "Export it to PDF and add that."),
    (b"META-INF/container.xml", "an EPUB book", "Convert it to HTML or PDF and add that."),
    (b"opendocument.text", "an OpenDocument text", "Save it as .docx and add that."),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def _refuse_foreign(data: bytes, name: str) -> None:
    """Name the formats that are no text and that people send all the same."""
    for magic, what in _PICTURES:
        if data.startswith(magic) and (magic != b"BM" or data[6:10] == b"\0\0\0\0"):
            raise WrongFormat(
                name, f"this is {what}", "Run OCR on it and add the PDF or text that comes out."
            )
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        raise WrongFormat(
            name, "this is a WebP picture", "Run OCR on it and add the text that comes out."
        )
    for magic, what in _PACKED:
        if data.startswith(magic):
            raise WrongFormat(name, f"this is {what}", "Unpack it and add the files in it.")
    if data.startswith(_OLE):
        _refuse_ole(data, name)
    if data.startswith(b"{\\rtf"):
        raise WrongFormat(name, "this is a rich text file (RTF)", "Save it as .docx and add that.")
    if data.startswith(b"PK\x05\x06") or (data.startswith(b"PK\x03\x04") and b"word/" not in data):
        for mark, what, remedy in _ZIPPED:
            if mark in data:
                raise WrongFormat(name, f"this is {what}", remedy)
        raise WrongFormat(
            name,
            "this is a zip archive",
            "Unpack it and add the files in it. An AGORA data set is read whole, see the manual.",
        )
    if data[:300].lstrip().lower().startswith((b"mime-version:", b"from: <saved by")):
        raise WrongFormat(
            name, "this is a web archive (MHTML)", "Save the page as HTML, or print it to PDF."
        )


def _refuse_ole(data: bytes, name: str) -> None:
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise EncryptedDocument(
            name,
            "the Office file needs a password",
            "Open it with the password, save it without one, and add that.",
        )
    if "WordDocument".encode("utf-16-le") in data:
        raise WrongFormat(
            name, "this is a Word file of the old format (.doc)", "Save it as .docx and add that."
        )
    raise WrongFormat(
        name,
        "this is an Office file of an old format",
        "Save it as .docx or PDF and add that.",
    )
