"""Markdown: headings, lists, tables and paragraphs, with the markup taken off.

What is displayed is what is quoted, so emphasis marks and link targets go and the words stay.
"""

import re
from collections.abc import Iterator

from qiutong.errors import EmptyDocument
from qiutong.model import SourceText
from qiutong.readers.layout import Piece, assemble, join_lines, squeeze
from qiutong.readers.text import check_text_size, decode_text
from qiutong.text import normalize_text

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_ITEM = re.compile(r"^(\s*)(?:[-*+]|(\d{1,9}[.)]))[ \t]+(.*)$")
_RULE = re.compile(r"^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")


class MarkdownReader:
    """Markdown, as far as documents use it."""

    name = "Markdown"
    extensions = (".md", ".markdown")
    media_type = "text/markdown"

    def sniff(self, data: bytes, name: str) -> bool:
        """Whether the file is called Markdown; no bytes can tell it from plain text."""
        from qiutong.readers.text import looks_binary

        return name.lower().endswith(self.extensions) and not looks_binary(data)

    def read(self, data: bytes, name: str) -> SourceText:
        """Read Markdown into headings, items, table rows and paragraphs."""
        check_text_size(data, name)
        raw, encoding, warnings = decode_text(data, name)
        source = normalize_text(raw)
        front = _FRONT.match(source)
        title = ""
        if front:
            source = source[front.end() :]
            named = re.search(r"(?m)^title:\s*[\"']?(.+?)[\"']?\s*$", front[1])
            title = named[1] if named else ""
        pieces = list(_pieces(source.split("\n")))
        text, blocks, _ = assemble(pieces)
        if not text:
            raise EmptyDocument(
                name, "the file holds no text", "Check that it is the file you meant."
            )
        if not title:
            first = next((block for block in blocks if block.kind == "heading"), None)
            title = text[first.start : first.end] if first and first.level == 1 else ""
        return SourceText(
            text=text,
            blocks=blocks,
            title=title,
            media_type=self.media_type,
            encoding=encoding,
            warnings=warnings,
        )


def _pieces(lines: list[str]) -> Iterator[Piece]:
    kind, gathered = "paragraph", ""
    fence = ""

    def finish() -> Iterator[Piece]:
        nonlocal gathered, kind
        if gathered.strip():
            yield Piece(kind, strip_markup(gathered))
        kind, gathered = "paragraph", ""

    for at, raw in enumerate(lines):
        following = lines[at + 1] if at + 1 < len(lines) else ""
        opened = re.match(r"^ {0,3}(`{3,}|~{3,})", raw)
        if fence:
            if opened and opened[1].startswith(fence):
                fence = ""
            elif raw.strip():
                yield Piece("paragraph", raw.strip())
            continue
        if opened:
            yield from finish()
            fence = opened[1]
            continue
        line = re.sub(r"^ {0,3}(?:>[ \t]?)+", "", raw)
        heading = _HEADING.match(line)
        item = _ITEM.match(line)
        if not line.strip() or re.match(r"^\[[^\]^]+\]:\s", line):
            yield from finish()
        elif heading:
            yield from finish()
            yield Piece("heading", strip_markup(heading[2] or ""), level=len(heading[1]))
        elif gathered and kind == "paragraph" and re.fullmatch(r" {0,3}(=+|-+)[ \t]*", line):
            yield Piece("heading", strip_markup(gathered), level=1 if "=" in line else 2)
            gathered = ""
        elif _RULE.match(line) or (_TABLE_RULE.match(line) and "|" in line):
            yield from finish()
        elif line.lstrip().startswith("|") or ("|" in line and _TABLE_RULE.match(following)):
            yield from finish()
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            row = " | ".join(strip_markup(cell) for cell in cells if cell.strip())
            yield Piece("table-row", row)
        elif item:
            yield from finish()
            # The number of an item is its locator; the bullet of one is only a mark.
            kind, gathered = "item", f"{item[2]} {item[3]}" if item[2] else item[3]
        else:
            hard = raw.endswith(("  ", "\\"))
            gathered = join_lines(gathered, line.rstrip("\\")) if gathered else line.rstrip("\\")
            if hard:
                yield from finish()
    yield from finish()


def strip_markup(text: str) -> str:
    """Text of a line as Markdown displays it.

    Parameters
    ----------
    text
        With emphasis, links, images, inline code, tags and escapes.
    """
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\[([^\]]+)\]\((?:[^()]|\([^)]*\))*\)", r"\1", text)
    text = re.sub(r"\[\^[^\]]+\](:?)", "", text)
    text = re.sub(r"\[([^\]]+)\]\[[^\]]*\]", r"\1", text)
    text = re.sub(r"<((?:https?|mailto):[^>]+)>", r"\1", text)
    text = re.sub(r"</?[A-Za-z][^<>]*>|<!--.*?-->", "", text)
    text = re.sub(r"(`+)(.+?)\1", r"\2", text)
    text = re.sub(r"(?<!\\)(\*{1,3})(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    text = re.sub(r"(?<![\\\w])(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)", r"\2", text)
    text = re.sub(r"~~(.+?)~~", r"\1", text)
    text = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)
    for entity, sign in (
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", '"'),
        ("&amp;", "&"),
    ):
        text = text.replace(entity, sign)
    return squeeze(text)
