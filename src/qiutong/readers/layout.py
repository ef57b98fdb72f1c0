"""What every reader shares: pieces of text in reading order, put together with their offsets.

A reader finds pieces (a heading, a paragraph, an item); :func:`assemble` normalises each one first
and joins them after, so that the offsets of blocks and pages point into the final text.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from qiutong.model import Block, Page, SourceText
from qiutong.text import WRITTEN_WITHOUT_SPACES, normalize_text


class Reader(Protocol):
    """One way of reading a file; a module of this package or of a plugin.

    Class attributes of the same names do for the properties.
    """

    @property
    def name(self) -> str:
        """Shown to users: ``"PDF"``."""
        ...

    @property
    def extensions(self) -> tuple[str, ...]:
        """File name endings, lower case with the dot, the preferred one first."""
        ...

    @property
    def media_type(self) -> str:
        """Media type of the bytes."""
        ...

    def sniff(self, data: bytes, name: str) -> bool:
        """Whether the bytes are this format; the name may help where bytes cannot tell."""
        ...

    def read(self, data: bytes, name: str) -> SourceText:
        """Read the bytes; ``name`` is for messages only. Raises ``UnreadableFile`` or a subclass."""
        ...


@dataclass(frozen=True)
class Piece:
    """A run of text that becomes one block.

    Parameters
    ----------
    kind, level, locator
        As in :class:`qiutong.model.Block`.
    text
        Text as found; normalised by :func:`assemble`.
    pages
        Pages that begin inside the piece: physical number and offset into ``text``.
    """

    kind: str
    text: str
    level: int = 0
    locator: str = ""
    pages: tuple[tuple[int, int], ...] = ()


def assemble(
    pieces: Iterable[Piece], labels: Callable[[int], str] | None = None, page_count: int = 0
) -> tuple[str, tuple[Block, ...], tuple[Page, ...]]:
    """Join pieces to a normalised text with blocks and pages.

    Parameters
    ----------
    pieces
        In reading order; blank ones are dropped.
    labels
        Printed label of a page by its number, for sources with pages.
    page_count
        Number of physical pages; a page without text starts where the next text does.

    Returns
    -------
    tuple
        Text with ``normalize_text(text) == text``, blocks that cover all of it but blank lines,
        and page starts in ascending order.
    """
    parts: list[str] = []
    blocks: list[Block] = []
    starts: dict[int, int] = {}
    length = 0
    previous = ""
    for piece in pieces:
        cleaned = normalize_text(piece.text)
        text = cleaned.strip()
        if not text:
            continue
        if parts:
            # Items and rows stand close together, as on the page; the rest gets a blank line.
            gap = "\n" if previous == piece.kind and piece.kind in ("item", "table-row") else "\n\n"
            parts.append(gap)
            length += len(gap)
        lead = len(cleaned) - len(cleaned.lstrip())
        for number, offset in piece.pages:
            inside = len(normalize_text(piece.text[:offset])) - lead if offset else 0
            # A space dropped at the cut would put the page one character early.
            while 0 < inside < len(text) and text[inside] in " \n":
                inside += 1
            starts.setdefault(number, length + min(max(inside, 0), len(text) - 1))
        end = length + len(text)
        blocks.append(
            Block(kind=piece.kind, start=length, end=end, level=piece.level, locator=piece.locator)
        )
        parts.append(text)
        length, previous = end, piece.kind
    known = sorted(starts)
    pages = []
    for number in range(1, page_count + 1):
        at = bisect_left(known, number)
        start = starts[known[at]] if at < len(known) else length
        pages.append(Page(number=number, start=start, label=labels(number) if labels else ""))
    return "".join(parts), tuple(blocks), tuple(pages)


_TIGHT = re.compile(rf"[{WRITTEN_WITHOUT_SPACES}\u3001-\u303f\uff01-\uff60]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_WORD_END = re.compile(r"([^\W\d_]{2,})[-\u2010\u2011]$")
_WORD_START = re.compile(r"^([^\W\d_]+)")


def join_lines(first: str, second: str, words: Callable[[str], bool] | None = None) -> str:
    """Join two lines of one paragraph as a reader would say them.

    Lines in a script without spaces are joined without one. A hyphen at the line's end goes where
    it only divides a word, and stays in a compound such as "risk-based".

    Parameters
    ----------
    first, second
        The lines.
    words
        Whether a lower-case word stands elsewhere in the document. It decides about hyphens
        without a dictionary: "safe-" "ty" becomes "safety", "risk-" "based" stays.
    """
    first, second = first.rstrip(), second.lstrip()
    if not first or not second:
        return first or second
    head, tail = _WORD_END.search(first), _WORD_START.match(second)
    if head and tail and (tail[1][0].islower() or first.isupper()):
        known = words or (lambda word: False)
        left, right = head[1].lower(), tail[1].lower()
        if left in _COMBINING or (head[1].isupper() and not first.isupper()):
            return first + second
        compound = not known(left + right) and (
            known(f"{left}-{right}") or (known(left) and known(right))
        )
        return (first if compound else first[:-1]) + second
    if first[-1] in "-\u2010/" and len(first) > 1 and first[-2].isalnum():
        return first + second
    spaced = _HANGUL.match(first[-1]) and _HANGUL.match(second[0])
    tight = (_TIGHT.match(first[-1]) or _TIGHT.match(second[0])) and not spaced
    return first + ("" if tight else " ") + second


_COMBINING = frozenset(
    ("self", "cross", "well", "all", "high", "low", "long", "short", "end", "risk", "ex", "quasi")
)


def squeeze(text: str) -> str:
    """Runs of white space as one space, as a browser shows them."""
    return re.sub(r"\s+", " ", text).strip()


NUMBERED = re.compile(
    r"""^\s*(?:
        [(（\[]\s*(?:\d{1,3}|[A-Za-z]|(?P<twice>[a-z])(?P=twice)|[ivxlc]{1,6}|[IVXLC]{1,6}
          |[一二三四五六七八九十百]{1,4})\s*[)）\]]
      | \d{1,3}(?:\.\d{1,3}){0,4}[.)、．](?!\d)
      | \d{1,2}(?:\.\d{1,2}){1,4}\s+[A-Z\u4e00-\u9fff]
      | [A-Za-z][.)]\s
      | (?:[IVX]{1,5}|[ivx]{1,5})[.)]\s
      | 第[一二三四五六七八九十百零〇\d]{1,6}[条章节编]
      | [一二三四五六七八九十]{1,3}[、．.]
      | (?i:sec(?:tion)?|article|chapter|title|principle|annex|appendix)\.?\s+[\dIVX]+
    )""",
    re.VERBOSE,
)
"""The start of a numbered provision, item or heading in Chinese or English."""

_BEFORE_PROVISION = re.compile(
    r"(?:[.;:。；：!?！？,，)）”\"\u2014]|--|[;,]\s*(?:and|or)|[；，]\s*[及和或])\s*$"
)


def opens_provision(line: str, previous: str) -> bool:
    """Whether a line begins a numbered provision.

    Parameters
    ----------
    line
        The line.
    previous
        The line before it where that one is full; then "Section 132 of the Code" at the start of
        the line is a reference unless the line before has ended a clause.
    """
    if not NUMBERED.match(line):
        return False
    return not previous or bool(_BEFORE_PROVISION.search(previous))


BULLET = re.compile(
    "^\\s*[\u2022\u2023\u2043\u25aa\u25ab\u25cf\u25cb\u25a0\u25a1\u25c6\u25c7\u25e6\u25b6\u25ba"
    "\u27a2\u2714\u2605\u00b7\uf06c-\uf0ff\u2013\u2014*\u30fb-]\\s+|^\\s*[\u2022\u25cf\u25aa\u25a0\u25c6\uf06c-\uf0ff]"
)
"""A mark that opens a list item."""
