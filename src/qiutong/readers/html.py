"""HTML: the article of a saved web page, without menus, footers and buttons.

trafilatura finds the article. Its result is checked against the page: where it lost most of the
text, the whole body without its navigation is taken, with a warning.
"""

import re
from collections.abc import Iterator
from typing import Any

from qiutong.errors import EmptyDocument, UnreadableFile
from qiutong.model import SourceText
from qiutong.readers.layout import NUMBERED, Piece, assemble, squeeze
from qiutong.readers.text import check_text_size, decode_text
from qiutong.text import normalize_text

_OPENING = re.compile(
    rb"(?is)^\s*(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b"
)
_TAGS = re.compile(rb"(?i)<(?:p|div|table|h[1-6]|ul|ol|article|section|br|span)\b[^>]*>")
_CHARSET = re.compile(
    rb"""(?i)<meta[^>]{0,200}?charset\s*=\s*["']?\s*([-\w]+)|<\?xml[^>]*encoding=["']([-\w]+)"""
)
_NO_TEXT = (
    "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed",
    "form", "button", "select", "input", "textarea", "video", "audio", "nav", "dialog", "head",
)  # fmt: skip
_BLOCKS = {"p", "div", "section", "article", "main", "blockquote", "pre", "dd", "dt", "figcaption",
           "address", "center", "body", "td", "th", "caption", "header", "footer", "aside", "form"}  # fmt: skip


class HtmlReader:
    """Web pages saved as HTML."""

    name = "HTML"
    extensions = (".html", ".htm", ".xhtml", ".shtml")
    media_type = "text/html"

    def sniff(self, data: bytes, name: str) -> bool:
        """Whether the bytes open as a page, or are called one and hold its tags."""
        head = _as_ascii(data[:4096])
        if _OPENING.match(head):
            return True
        return name.lower().endswith(self.extensions) and bool(
            _TAGS.search(_as_ascii(data[:65536]))
        )

    def read(self, data: bytes, name: str) -> SourceText:
        """Read the article of a page into headings, paragraphs, items and table rows."""
        check_text_size(data, name)
        declared = _CHARSET.search(data[:8192])
        charset = (declared[1] or declared[2]).decode("ascii") if declared else ""
        raw, encoding, warnings = decode_text(data, name, charset)
        root = _parse(raw, name)
        title = _find_title(root)
        scripts = len(root.findall(".//script"))
        pieces = list(_article(root))
        whole = list(_whole_page(root))
        size, whole_size = _length(pieces), _length(whole)
        notes = list(warnings)
        if whole_size > 400 and size < 0.25 * whole_size:
            pieces = whole
            notes.append(
                "The article could not be told from the rest of the page; the whole page was read. "
                "Look for menus in it."
            )
        elif not size:
            pieces = whole
        text, blocks, _ = assemble(pieces)
        if not text or (
            len(text) < 60 and scripts and re.search(r"(?i)javascript|loading|加载", text)
        ):
            if scripts:
                raise EmptyDocument(
                    name,
                    "the page holds scripts and no text; it builds its text in the browser",
                    "Open it in a browser, wait until it shows, and print it to PDF or save it as "
                    "a complete web page.",
                )
            raise EmptyDocument(
                name, "the page holds no text", "Check that it is the file you meant."
            )
        return SourceText(
            text=text,
            blocks=blocks,
            title=title,
            media_type=self.media_type,
            encoding=encoding,
            warnings=tuple(notes),
        )


def _as_ascii(data: bytes) -> bytes:
    """UTF-16 reduced to its ASCII half, so that tags can be looked for."""
    return data.replace(b"\0", b"") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else data


def _parse(raw: str, name: str) -> Any:
    from lxml import etree
    from lxml import html as lxml_html

    # Without a declaration: lxml refuses one in text that is decoded already.
    raw = re.sub(r"^\s*<\?xml[^>]*\?>", "", raw.lstrip("\ufeff"))
    raw = raw.replace("\0", "")
    parser = lxml_html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = lxml_html.document_fromstring(raw or "<html></html>", parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        if not raw.strip() or "empty" in str(error).lower():
            raise EmptyDocument(
                name, "the page holds no text", "Check that it is the file you meant."
            ) from None
        raise UnreadableFile(
            name, f"the page could not be parsed ({error})", "Save the page again."
        ) from None
    return root


def _find_title(root: Any) -> str:
    """The document's title: named in the head, without the site's name where a heading says so."""
    for path in (
        './/meta[@name="ArticleTitle"]/@content',
        './/meta[@property="og:title"]/@content',
        ".//title/text()",
    ):
        found = [squeeze(normalize_text(str(value))) for value in root.xpath(path)]
        if found and found[0]:
            title = found[0]
            break
    else:
        title = ""
    headings = [
        squeeze(normalize_text("".join(node.itertext()))) for node in root.xpath(".//h1|.//h2")
    ]
    contained = [text for text in headings if len(text) >= 4 and text in title]
    if contained:
        return max(contained, key=len)
    if not title:
        return next((text for text in headings if text), "")
    parts = [part.strip() for part in re.split(r"\s[|–—-]\s|[_|]", title) if part.strip()]
    return max(parts[:1], key=len, default=title) if parts and len(parts[0]) >= 4 else title


def _length(pieces: list[Piece]) -> int:
    return sum(len(piece.text) for piece in pieces)


# --------------------------------------------------------------------------- the article


def _article(root: Any) -> Iterator[Piece]:
    """Pieces of the article that trafilatura finds."""
    import copy
    import logging

    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    logging.getLogger("htmldate").setLevel(logging.CRITICAL)
    found = trafilatura.bare_extraction(
        copy.deepcopy(root),
        include_comments=False,
        include_tables=True,
        include_formatting=False,
        include_links=False,
        favor_recall=True,
        deduplicate=False,
        with_metadata=False,
    )
    body = getattr(found, "body", None)
    if body is None:
        return
    for node in body:
        yield from _article_node(node)


def _article_node(node: Any) -> Iterator[Piece]:
    if not isinstance(node.tag, str):
        return
    if node.tag == "head":
        depth = re.match(r"h([1-6])", node.get("rend") or "")
        yield Piece("heading", _flat(node), level=int(depth[1]) if depth else 2)
    elif node.tag == "list":
        for item in node:
            for line in _lines(item):
                yield Piece("item", line)
    elif node.tag == "table":
        for row in node.iter("row"):
            cells = [_flat(cell) for cell in row.iter("cell")]
            if any(cells):
                yield Piece("table-row", " | ".join(cells))
    elif node.tag in ("quote", "div", "code") and any(
        child.tag in ("p", "head", "list", "table") for child in node
    ):
        if node.text and node.text.strip():
            yield Piece("paragraph", squeeze(node.text))
        for child in node:
            yield from _article_node(child)
    else:
        for line in _lines(node):
            yield Piece("paragraph", line)
    if node.tail and node.tail.strip():
        yield Piece("paragraph", squeeze(node.tail))


def _flat(node: Any) -> str:
    return squeeze(" ".join(part for part in _lines(node)))


def _lines(node: Any) -> list[str]:
    """Lines of a node, parted at line breaks that end a clause and at blocks inside it."""
    parts = [""]

    def walk(element: Any) -> None:
        if element.text:
            parts[-1] += element.text
        for child in element:
            if child.tag in ("lb", "br", "p", "item", "list", "head", "row"):
                parts.append("")
            if isinstance(child.tag, str):
                walk(child)
            if child.tag in ("p", "item", "list", "head", "row"):
                parts.append("")
            if child.tail:
                parts[-1] += child.tail

    walk(node)
    lines: list[str] = []
    for part in (squeeze(part) for part in parts):
        if not part:
            continue
        # A break inside a sentence is layout; a break before a provision parts two.
        if (
            lines
            and part[0].islower()
            and not NUMBERED.match(part)
            and lines[-1][-1] not in ".;:!?"
        ):
            lines[-1] += " " + part
        else:
            lines.append(part)
    return lines


# --------------------------------------------------------------------------- the whole page


def _whole_page(root: Any) -> Iterator[Piece]:
    """Pieces of the body without navigation, scripts and forms."""
    body = root.find("body") if root.tag == "html" else root
    if body is None:
        return
    yield from _walk(body)


def _walk(node: Any) -> Iterator[Piece]:
    pending = ""

    def flush() -> Iterator[Piece]:
        nonlocal pending
        for line in pending.split("\n"):
            if squeeze(line):
                yield Piece("paragraph", squeeze(line))
        pending = ""

    if node.text:
        pending += _inline(node.text)
    for child in node:
        if isinstance(child.tag, str) and child.tag not in _NO_TEXT and not _hidden(child):
            heading = re.fullmatch(r"h([1-6])", child.tag)
            if heading:
                yield from flush()
                yield Piece("heading", squeeze(child.text_content()), level=int(heading[1]))
            elif child.tag == "li" and not child.xpath(".//li"):
                yield from flush()
                yield Piece("item", squeeze(child.text_content()))
            elif child.tag == "tr" and not child.xpath(".//table"):
                yield from flush()
                cells = [squeeze(cell.text_content()) for cell in child if cell.tag in ("td", "th")]
                if any(cells):
                    yield Piece("table-row", " | ".join(cells))
            elif child.tag == "br":
                pending += "\n"
            elif child.tag in _BLOCKS or child.xpath(".//p|.//div|.//li|.//tr|.//h1|.//h2|.//h3"):
                yield from flush()
                yield from _walk(child)
            else:
                pending += _inline(child.text_content())
        if child.tail:
            pending += _inline(child.tail)
    yield from flush()


def _inline(text: str) -> str:
    """Runs of white space as one space, kept at the ends, because more text may follow."""
    return re.sub(r"\s+", " ", text)


def _hidden(node: Any) -> bool:
    style = (node.get("style") or "").replace(" ", "").lower()
    return node.get("hidden") is not None or "display:none" in style
