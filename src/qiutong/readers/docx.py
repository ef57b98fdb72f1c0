"""Word files (.docx): headings by style, lists with the numbers Word shows, tables row by row."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from qiutong.errors import EmptyDocument, UnreadableFile, WrongFormat
from qiutong.model import SourceText
from qiutong.readers.archive import BoundedArchive
from qiutong.readers.layout import Piece, assemble, squeeze
from qiutong.text import normalize_text

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"


class DocxReader:
    """Word files in the XML format used since 2007."""

    name = "Word (.docx)"
    extensions = (".docx",)
    media_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

    def sniff(self, data: bytes, name: str) -> bool:
        """Whether the bytes are a zip archive with a Word part in it."""
        return data[:4] == b"PK\x03\x04" and b"word/" in data

    def read(self, data: bytes, name: str) -> SourceText:
        """Read a Word file; tracked changes are read as accepted, notes go to the end."""
        with BoundedArchive(data, name, nested=True) as archive:
            if "word/document.xml" not in archive.names and not any(
                member.startswith("word/document") for member in archive.names
            ):
                raise WrongFormat(
                    name, "the archive is no Word file", "Save the document as .docx again."
                )
            for member in archive.names:  # a forged size shows only when it is unpacked
                if member.endswith((".xml", ".rels")):
                    archive.read(member)
        document = _open(data, name)
        body = document.element.body
        numbering = _Numbering(document)
        warnings = []
        if next(body.iter(f"{_W}ins", f"{_W}del", f"{_W}moveFrom"), None) is not None:
            warnings.append("The file has tracked changes; it was read as if all were accepted.")
        pieces = list(_pieces(body, document, numbering))
        notes = list(_notes(document))
        if notes:
            pieces += notes
            warnings.append(f"{len(notes)} footnote(s) or endnote(s) stand at the end of the text.")
        text, blocks, _ = assemble(pieces)
        if not text:
            raise EmptyDocument(
                name,
                "the file holds no text",
                "If it shows pictures of pages, run OCR on them and add the result.",
            )
        title = squeeze(normalize_text(document.core_properties.title or ""))
        return SourceText(
            text=text,
            blocks=blocks,
            title=title or _first_heading(text, blocks),
            media_type=self.media_type,
            warnings=tuple(warnings),
        )


def _open(data: bytes, name: str) -> Any:
    import io

    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from lxml import etree

    try:
        return docx.Document(io.BytesIO(data))
    except ValueError as error:
        raise WrongFormat(
            name,
            f"this is no ordinary Word document ({_short(error)})",
            "Open it in Word and save it as .docx without macros.",
        ) from None
    except (KeyError, PackageNotFoundError, etree.XMLSyntaxError, AttributeError) as error:
        raise UnreadableFile(
            name,
            f"the Word file is damaged ({_short(error)})",
            "Open it in Word and save it again.",
        ) from None


def _short(error: Exception) -> str:
    return squeeze(re.sub(r"<[^>]*>", "", str(error)))[:120].rstrip(".")


def _first_heading(text: str, blocks: Any) -> str:
    for block in blocks[:5]:
        if block.kind == "heading":
            return str(text[block.start : block.end])
    return ""


# --------------------------------------------------------------------------- body


def _pieces(parent: Any, document: Any, numbering: "_Numbering") -> Iterator[Piece]:
    for node in parent:
        if node.tag == f"{_W}p":
            yield from _paragraph(node, document, numbering)
        elif node.tag == f"{_W}tbl":
            for row in node.iter(f"{_W}tr"):
                cells = [
                    squeeze(" ".join(_text(p) for p in cell.iter(f"{_W}p")))
                    for cell in row.iter(f"{_W}tc")
                ]
                # Merged cells repeat nothing here: Word keeps their text once.
                if any(cells):
                    yield Piece("table-row", " | ".join(cell for cell in cells if cell))
        elif node.tag in (
            f"{_W}sdt",
            f"{_W}sdtContent",
            f"{_W}customXml",
            f"{_W}ins",
            f"{_W}smartTag",
        ):
            # python-docx passes content controls over; a form's text stands in them.
            yield from _pieces(node, document, numbering)


def _paragraph(node: Any, document: Any, numbering: "_Numbering") -> Iterator[Piece]:
    style_id = node.find(f"{_W}pPr/{_W}pStyle")
    style = _style_name(document, style_id.get(f"{_W}val") if style_id is not None else "")
    text = _text(node)
    number, listed = numbering.next(node, style_id.get(f"{_W}val") if style_id is not None else "")
    if text.strip():
        heading = re.fullmatch(r"(?:heading|标题)\s*(\d)", style)
        outline = node.find(f"{_W}pPr/{_W}outlineLvl")
        level = 0
        if heading:
            level = int(heading[1])
        elif style in ("title", "标题"):
            level = 1
        elif outline is not None and outline.get(f"{_W}val", "9").isdigit():
            level = (int(outline.get(f"{_W}val")) + 1) % 10
        text = number + text
        if level:
            yield Piece("heading", squeeze(text), level=level)
        else:
            kind = "item" if listed or style.startswith("list") else "paragraph"
            for line in text.split("\n"):
                yield Piece(kind, line)
    for box in node.iter(f"{_W}txbxContent"):
        # Word writes each text box twice, once for old readers.
        if not any(parent.tag == f"{_MC}Fallback" for parent in box.iterancestors()):
            yield from _pieces(box, document, numbering)


def _style_name(document: Any, style_id: str) -> str:
    if not style_id:
        return ""
    try:
        for style in document.styles.element.iter(f"{_W}style"):
            if style.get(f"{_W}styleId") == style_id:
                name = style.find(f"{_W}name")
                return str(name.get(f"{_W}val", "")).lower() if name is not None else ""
    except (AttributeError, KeyError):
        pass
    return ""


_NOT_SHOWN = frozenset(
    f"{_W}{tag}" for tag in ("pPr", "rPr", "del", "moveFrom", "txbxContent", "rt")
) | {f"{_MC}Fallback"}


def _text(node: Any) -> str:
    """Text of a paragraph as Word shows it with all changes accepted."""
    parts: list[str] = []

    def walk(element: Any) -> None:
        for child in element:
            tag = child.tag
            if tag == f"{_W}t":
                parts.append(child.text or "")
            elif tag in (f"{_W}tab", f"{_W}ptab"):
                parts.append(" ")
            elif tag in (f"{_W}br", f"{_W}cr"):
                parts.append("\n")
            elif tag == f"{_W}noBreakHyphen":
                parts.append("-")
            elif tag in _NOT_SHOWN or child.find(f"{_W}rPr/{_W}vanish") is not None:
                continue
            elif isinstance(tag, str):
                walk(child)

    walk(node)
    return "".join(parts)


def _notes(document: Any) -> Iterator[Piece]:
    """Footnotes and endnotes, which python-docx does not read."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    for kind in ("footnotes", "endnotes"):
        for relation in document.part.rels.values():
            if relation.is_external or not relation.reltype.endswith(f"/{kind}"):
                continue
            try:
                root = etree.fromstring(relation.target_part.blob, parser)
            except etree.XMLSyntaxError:
                continue
            number = 0
            for note in root:
                if note.get(f"{_W}type") in (
                    "separator",
                    "continuationSeparator",
                    "continuationNotice",
                ):
                    continue
                text = squeeze(" ".join(_text(p) for p in note.iter(f"{_W}p")))
                if text:
                    number += 1
                    yield Piece("paragraph", f"[{number}] {text}")


# --------------------------------------------------------------------------- numbers that Word adds


class _Numbering:
    """The numbers of automatic lists, which stand in no text and are part of every citation."""

    def __init__(self, document: Any) -> None:
        self._levels: dict[str, dict[int, tuple[str, str, int, str]]] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        self._abstract: dict[str, str] = {}
        self._of_style: dict[str, tuple[str, int]] = {}
        try:
            root = document.part.numbering_part.element
        except (KeyError, NotImplementedError, AttributeError):
            return
        for abstract in root.iter(f"{_W}abstractNum"):
            levels = {}
            for level in abstract.iter(f"{_W}lvl"):
                index = int(level.get(f"{_W}ilvl", "0"))
                levels[index] = (
                    _value(level, "numFmt", "decimal"),
                    _value(level, "lvlText", ""),
                    int(_value(level, "start", "1") or 1),
                    _value(level, "suff", "tab"),
                )
            self._levels[abstract.get(f"{_W}abstractNumId", "")] = levels
        for number in root.iter(f"{_W}num"):
            self._abstract[number.get(f"{_W}numId", "")] = _value(number, "abstractNumId", "")
        for style in document.styles.element.iter(f"{_W}style"):
            props = style.find(f"{_W}pPr/{_W}numPr")
            if props is not None:
                self._of_style[style.get(f"{_W}styleId", "")] = (
                    _value(props, "numId", ""),
                    int(_value(props, "ilvl", "0") or 0),
                )

    def next(self, paragraph: Any, style_id: str) -> tuple[str, bool]:
        """Number shown before a paragraph, and whether it stands in a list at all."""
        props = paragraph.find(f"{_W}pPr/{_W}numPr")
        if props is not None:
            number_id = _value(props, "numId", "") or self._of_style.get(style_id, ("", 0))[0]
            level = int(_value(props, "ilvl", "0") or 0)
        elif style_id in self._of_style:
            number_id, level = self._of_style[style_id]
        else:
            return "", False
        abstract = self._abstract.get(number_id, "")
        levels = self._levels.get(abstract, {})
        if number_id in ("", "0") or level not in levels:
            return "", False
        counts = self._counts[abstract]
        for deeper in [key for key in counts if key > level]:
            del counts[deeper]
        counts[level] = counts.get(level, levels[level][2] - 1) + 1
        style, pattern, _, suffix = levels[level]
        if style in ("bullet", "none") or not pattern:
            return "", True

        def shown(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            form, _, start, _ = levels.get(at, ("decimal", "", 1, ""))
            return _format_number(counts.get(at, start), form)

        text = re.sub(r"%(\d)", shown, pattern)
        return text + ("" if suffix == "nothing" else " "), True


def _value(parent: Any, tag: str, default: str) -> str:
    node = parent.find(f"{_W}{tag}")
    return default if node is None else str(node.get(f"{_W}val", default))


def _format_number(number: int, form: str) -> str:
    """A number in one of Word's forms; unknown forms are decimal."""
    if form in ("lowerLetter", "upperLetter"):
        letters = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letters if form == "lowerLetter" else letters.upper()
    if form in ("lowerRoman", "upperRoman"):
        roman = ""
        rest = number
        for value, sign in (
            (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
            (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
        ):  # fmt: skip
            roman += sign * (rest // value)
            rest %= value
        return roman if form == "lowerRoman" else roman.upper()
    if form.startswith(("chinese", "japaneseCounting", "taiwaneseCounting")):
        return _chinese_number(number)
    if form == "ideographDigital":
        return "".join("〇一二三四五六七八九"[int(digit)] for digit in str(number))
    if form.startswith("decimalEnclosedCircle") and number <= 20:
        return chr(0x2460 + number - 1)
    return f"{number:02d}" if form == "decimalZero" else str(number)


def _chinese_number(number: int) -> str:
    if not 0 < number < 1000:
        return str(number)
    digits = "零一二三四五六七八九"
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    text = digits[hundreds] + "百" if hundreds else ""
    if tens:
        text += ("" if tens == 1 and not hundreds else digits[tens]) + "十"
    elif hundreds and ones:
        text += "零"
    return text + (digits[ones] if ones else "")
