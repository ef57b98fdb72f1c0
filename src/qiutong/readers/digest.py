"""Digests: provisions of an official text in our own words, each under its locator.

::

    ---
    document: us-eo-14110
    kind: digest
    language: en
    read: original
    ---
    # Title of the official text
    ## Heading of a part
    ### Sec. 4.1(a)(i)
    One provision, one or more paragraphs.

A ``###`` heading is the locator, in the official text, of the provision that follows.
"""

import re
from typing import Literal

from qiutong.errors import BadSettings
from qiutong.model import FROM_TRANSLATION, SourceText
from qiutong.readers.layout import Piece, assemble, join_lines
from qiutong.readers.markdown import strip_markup
from qiutong.readers.text import check_text_size, decode_text, looks_binary
from qiutong.settings import Setting, parse_yaml
from qiutong.text import normalize_text


class DigestHeader(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The front matter of a digest.

    Parameters
    ----------
    document
        Id of the document digested.
    language
        Language of the digest, the document's own.
    read
        Whether the digest was made from the original or from a translation.
    """

    document: str
    kind: Literal["digest"]
    language: str
    read: Literal["original", "translation"]


class DigestReader:
    """Digest files, ``<document-id>.digest.md``."""

    name = "digest"
    extensions = (".digest.md", ".md")
    media_type = "text/markdown; variant=qiutong-digest"

    def sniff(self, data: bytes, name: str) -> bool:
        """Whether the file is called a digest, or its front matter says so."""
        if looks_binary(data):
            return False
        if name.lower().endswith(".digest.md"):
            return True
        head = data[:2000].removeprefix(b"\xef\xbb\xbf")
        return head.startswith(b"---") and bool(re.search(rb"(?m)^kind:\s*digest\s*$", head))

    def read(self, data: bytes, name: str) -> SourceText:
        """Read a digest; raises ``BadSettings`` with file and line where its form is wrong."""
        return read_digest(data, name)[1]


def read_digest(data: bytes, name: str) -> tuple[DigestHeader, SourceText]:
    """Read a digest with its front matter.

    Parameters
    ----------
    data
        Bytes of the file.
    name
        File name or path, for messages.

    Raises
    ------
    BadSettings
        Front matter missing or wrong; a provision without locator or text; a locator given twice.
        Names the line.
    """
    check_text_size(data, name)
    raw, encoding, warnings = decode_text(data, name)
    # Lines are counted as an editor shows them, before anything is joined.
    lines = normalize_text(raw).split("\n")
    header, first = _read_header(lines, name)
    pieces: list[Piece] = []
    seen: dict[str, int] = {}
    title = ""
    locator, opened, paragraphs = "", 0, [""]

    def finish() -> None:
        nonlocal locator
        if not locator:
            return
        text = "\n".join(part for part in paragraphs if part)
        if not text:
            raise BadSettings(
                name, f'the provision "{locator}" is empty; write its text below', line=opened
            )
        pieces.append(Piece("unit", text, locator=locator))
        locator = ""

    for number, line in enumerate(lines[first:], first + 1):
        heading = re.match(r"^(#+)\s*(.*?)\s*#*$", line)
        if heading:
            finish()
            depth, words = len(heading[1]), strip_markup(heading[2])
            if depth > 3:
                raise BadSettings(
                    name, "headings go to ### (the locator) and no deeper", line=number
                )
            if not words:
                what = "the locator after ### is missing" if depth == 3 else "the heading is empty"
                raise BadSettings(name, what, line=number)
            if depth < 3:
                pieces.append(Piece("heading", words, level=depth))
                title = title or (words if depth == 1 else "")
                continue
            if words in seen:
                raise BadSettings(
                    name,
                    f'the locator "{words}" stands twice (first on line {seen[words]}); '
                    "make each one exact",
                    line=number,
                )
            seen[words] = number
            locator, opened, paragraphs = words, number, [""]
        elif not line.strip():
            paragraphs.append("")
        elif not locator:
            raise BadSettings(
                name,
                "text without a locator; put a ### line with its locator above it",
                line=number,
            )
        else:
            words = strip_markup(re.sub(r"^\s*[-*+]\s+", "", line))
            listed = re.match(r"^\s*[-*+]\s+|^\s*\d+[.)]\s", line)
            if listed:
                paragraphs.append(words)
            else:
                paragraphs[-1] = join_lines(paragraphs[-1], words)
    finish()
    if not seen:
        raise BadSettings(name, "no provision in it; each one stands under a ### line", line=first)
    if not title:
        raise BadSettings(name, "the title is missing; write it on a # line", line=first + 1)
    text, blocks, _ = assemble(pieces)
    source = SourceText(
        text=text,
        blocks=blocks,
        title=title,
        # A page has to say that a digest was made from a translation, so the text carries it.
        media_type=DigestReader.media_type
        + (FROM_TRANSLATION if header.read == "translation" else ""),
        encoding=encoding,
        warnings=warnings,
    )
    return header, source


def _read_header(lines: list[str], name: str) -> tuple[DigestHeader, int]:
    """The front matter and the number of lines it takes."""
    if not lines or lines[0].strip() != "---":
        raise BadSettings(name, "a digest begins with front matter between two --- lines", line=1)
    end = next((at for at in range(1, len(lines)) if lines[at].strip() == "---"), None)
    if end is None:
        raise BadSettings(name, "the front matter is not closed by a --- line", line=1)
    # One empty line stands for the opening ---, so that YAML counts the lines as the file does.
    return parse_yaml("\n".join(["", *lines[1:end]]), DigestHeader, name), end + 1
