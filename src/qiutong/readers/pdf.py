"""PDF: text in reading order, without running heads and page numbers, with page anchors.

Pages are opened one at a time and closed again; only the lines are kept. A line knows its place,
size and weight, and everything else is told from these: columns, paragraphs, headings, notes.
"""

import ctypes
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from statistics import median
from typing import Any

from qiutong.errors import (
    EmptyDocument,
    EncryptedDocument,
    ScannedDocument,
    UndecodableText,
    UnreadableFile,
)
from qiutong.model import SourceText
from qiutong.readers.layout import BULLET, Piece, assemble, join_lines, opens_provision, squeeze
from qiutong.text import normalize_text

MIN_PAGE_CHARACTERS = 12
"""A page with an image and fewer characters than this is taken for a scan."""


@dataclass(frozen=True)
class Line:
    """A line of text on a page; lengths in points, ``y`` the baseline from the page's foot."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    italic: bool
    page: int
    column: tuple[float, float] = (0.0, 0.0)
    column_number: int = 0


@dataclass(frozen=True)
class _Sheet:
    """One page: its lines in reading order, its height, and whether it is a picture."""

    number: int
    lines: list[Line]
    height: float
    scanned: bool


class PdfReader:
    """Portable Document Format, with a text layer."""

    name = "PDF"
    extensions = (".pdf",)
    media_type = "application/pdf"

    def sniff(self, data: bytes, name: str) -> bool:
        """Whether a PDF header stands within the first kilobyte, as the standard allows."""
        return b"%PDF-" in data[:1024]

    def read(self, data: bytes, name: str) -> SourceText:
        """Read a PDF into headings, paragraphs, items and pages."""
        sheets, labels, title = _read_sheets(data, name)
        count = len(sheets)
        scanned = [sheet.number for sheet in sheets if sheet.scanned]
        lines = [line for sheet in sheets for line in sheet.lines]
        if not lines or (len(scanned) == count and scanned):
            if scanned:
                raise ScannedDocument(
                    name,
                    f"{len(scanned)} of {count} page(s) are pictures without text",
                    "Run OCR on it, for example `ocrmypdf in.pdf out.pdf`, and add the result.",
                )
            raise EmptyDocument(
                name,
                f"its {count} page(s) hold no text",
                "If you can see text, it is drawn as shapes: run OCR on the file and add the result.",
            )
        _check_readable(lines, name)
        warnings = []
        if scanned:
            warnings.append(
                f"{len(scanned)} of {count} pages are pictures and were not read: "
                f"{_page_ranges(scanned)}. Run OCR to have their text."
            )
        without_heads = _remove_running_lines(sheets)
        body, contents = _remove_contents(without_heads)
        if contents:
            warnings.append(f"The table of contents was left out (page {_page_ranges(contents)}).")
        pieces = _build_pieces(body)
        text, blocks, pages = assemble(pieces, lambda number: labels.get(number, ""), count)
        if not text:
            raise EmptyDocument(
                name, "it holds page numbers and running heads only", "Check the file."
            )
        return SourceText(
            text=text,
            blocks=blocks,
            pages=pages,
            title=title or _largest_heading(body),
            media_type=self.media_type,
            warnings=tuple(warnings),
        )


# --------------------------------------------------------------------------- pages to lines


def _read_sheets(data: bytes, name: str) -> tuple[list[_Sheet], dict[int, str], str]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise EncryptedDocument(
                name,
                "the PDF is encrypted and needs a password",
                "Open it with the password, print it to a new PDF, and add that.",
            ) from None
        raise UnreadableFile(
            name, f"the PDF is damaged ({error})", "Get the file again, or open and re-save it."
        ) from None
    try:
        sheets, labels = [], {}
        for index in range(len(document)):
            try:
                page = document[index]
            except pypdfium2.PdfiumError:
                sheets.append(_Sheet(index + 1, [], 0.0, False))
                continue
            try:
                sheets.append(_read_sheet(page, index + 1))
            finally:
                page.close()
            label = document.get_page_label(index)
            if label and label != str(index + 1):
                labels[index + 1] = normalize_text(label).strip()
        title = squeeze(normalize_text(document.get_metadata_dict().get("Title") or ""))
    finally:
        document.close()
    if not sheets:
        raise EmptyDocument(name, "the PDF has no pages", "Check that it is the file you meant.")
    if re.match(r"(?i)microsoft word|untitled|无标题|未命名|.*\.(docx?|pdf|indd|wps|qxd)$", title):
        title = ""
    return sheets, labels, title


def _read_sheet(page: Any, number: int) -> _Sheet:
    import pypdfium2.raw as pdfium

    width, height = page.get_size()
    textpage = page.get_textpage()
    try:
        fragments = _read_fragments(textpage.raw, number)
    finally:
        textpage.close()
    characters = sum(len(line.text) for line in fragments)
    scanned = False
    if characters < MIN_PAGE_CHARACTERS:
        for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3):
            left, bottom, right, top = image.get_bounds()
            scanned |= (right - left) * (top - bottom) > 0.3 * width * height
    return _Sheet(number, order_lines(fragments), height, scanned)


def _read_fragments(raw: Any, number: int) -> list[Line]:
    """Runs of characters that stand close together on one baseline."""
    import pypdfium2.raw as pdfium

    fragments: list[Line] = []
    run: list[tuple[str, float, float, float, float, int]] = []
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    origin_x, origin_y = ctypes.c_double(), ctypes.c_double()
    matrix = pdfium.FS_MATRIX()

    def finish() -> None:
        if any(char.strip() for char, *_ in run):
            fragments.append(_line_of_run(run, raw, number))
        run.clear()

    for index in range(pdfium.FPDFText_CountChars(raw)):
        code = pdfium.FPDFText_GetUnicode(raw, index)
        if code in (10, 13):
            finish()
            continue
        # PDFium gives U+0002 for a hyphen that it believes divides a word.
        char = "-" if code == 2 else chr(code) if code else ""
        if not char or 0xD800 <= code <= 0xDFFF:
            if 0xD800 <= code <= 0xDBFF:
                low = pdfium.FPDFText_GetUnicode(raw, index + 1)
                char = chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
                if not 0xDC00 <= low <= 0xDFFF:
                    continue
            else:
                continue
        if char.isspace() and not run:
            continue
        pdfium.FPDFText_GetCharBox(raw, index, left, right, bottom, top)
        pdfium.FPDFText_GetCharOrigin(raw, index, origin_x, origin_y)
        size = pdfium.FPDFText_GetFontSize(raw, index)
        # Many writers set the font at 1 point and scale it by the text matrix.
        if pdfium.FPDFText_GetMatrix(raw, index, matrix):
            size *= math.hypot(matrix.b, matrix.d) or 1.0
        if char.isspace():
            run.append((" ", left.value, right.value, origin_y.value, size, index))
            continue
        placed = [entry for entry in run[-3:] if entry[0] != " "]
        if placed:
            _, _, previous_right, previous_y, previous_size, _ = placed[-1]
            em = max(size, previous_size)
            if (
                abs(origin_y.value - previous_y) > 0.7 * em
                or left.value - previous_right > 1.3 * em
                or left.value < previous_right - 3 * em
            ):
                finish()
        run.append((char, left.value, right.value, origin_y.value, size, index))
    finish()
    return fragments


_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNITS = re.compile(r"(?:\b|\d)(?:[kcmµ]?m|s)$")


def _line_of_run(
    run: list[tuple[str, float, float, float, float, int]], raw: Any, number: int
) -> Line:
    import pypdfium2.raw as pdfium

    solid = [entry for entry in run if entry[0] != " "]
    size = Counter(round(entry[4], 1) for entry in solid).most_common(1)[0][0]
    baseline = Counter(round(entry[3], 1) for entry in solid if entry[4] >= size - 0.2).most_common(
        1
    )[0][0]
    text = ""
    noting, opening = False, True
    for char, _, _, y, char_size, _ in _with_lost_spaces(run, size):
        if opening and not text.strip() and char == " ":
            continue
        raised = char_size < 0.85 * size and y > baseline + 0.15 * size
        if raised and (char.isdigit() or (noting and char in ", -–")):
            # 10²⁶ is a number; a raised 3 after a word is a note mark, and no part of the sentence.
            if opening:
                text += char  # the number of a note, at the head of its line
            elif not noting and (text[-1] in "0123456789⁰¹²³⁴⁵⁶⁷⁸⁹" or _UNITS.search(text)):
                text += char.translate(_SUPERSCRIPT)
            else:
                noting = True
            continue
        if opening and text.strip() and char != " ":
            text += " "
        noting = opening = False
        text += char
    if not text.strip():  # a line of raised figures only: a note's number
        text = "".join(entry[0] for entry in run)
    ends = [solid[at][5] for at in (0, -1)]
    names = [_font_name(raw, at) for at in ends]
    bold = all(
        pdfium.FPDFText_GetFontWeight(raw, at) >= 600
        or any(word in font for word in ("bold", "black", "heavy", "simhei"))
        for at, font in zip(ends, names, strict=True)
    )
    italic = all("italic" in font or "oblique" in font for font in names)
    return Line(
        text=squeeze(normalize_text(text)),
        x0=solid[0][1],
        x1=max(entry[2] for entry in solid),
        y=baseline,
        size=size,
        bold=bold,
        italic=italic,
        page=number,
    )


def _with_lost_spaces(
    run: list[tuple[str, float, float, float, float, int]], size: float
) -> list[tuple[str, float, float, float, float, int]]:
    """Put a space where letters stand clearly further apart than in the rest of the line.

    Some writers move the pen instead of writing a space, and PDFium does not always notice.
    """
    gaps = {
        at: run[at][1] - run[at - 1][2]
        for at in range(1, len(run))
        if _spaced_letter(run[at - 1][0]) and _spaced_letter(run[at][0])
    }
    if len(gaps) < 5:
        return run
    limit = max(0.22 * size, 2.5 * median(gaps.values()))
    repaired = []
    for at, entry in enumerate(run):
        if gaps.get(at, 0.0) > limit and abs(entry[4] - run[at - 1][4]) < 0.5:
            repaired.append((" ", *entry[1:]))
        repaired.append(entry)
    return repaired


def _spaced_letter(char: str) -> bool:
    return char.isalpha() and char < "\u0500"


def _font_name(raw: Any, index: int) -> str:
    import pypdfium2.raw as pdfium

    flags = ctypes.c_int()
    buffer = ctypes.create_string_buffer(128)
    length = pdfium.FPDFText_GetFontInfo(raw, index, buffer, 128, flags)
    return buffer.value.decode("utf-8", "replace").lower() if 0 < length <= 128 else ""


# --------------------------------------------------------------------------- reading order


def order_lines(fragments: Sequence[Line]) -> list[Line]:
    """Put the fragments of a page in reading order, column after column.

    A gutter is a place where many fragments begin, none of the left ones reaches, and on both sides
    of which lines fill their column: the cells of a table do not. Fragments that cross the gutter
    part the page into bands, each read left column first.

    Parameters
    ----------
    fragments
        Of one page, in any order.

    Returns
    -------
    list of Line
        Whole lines with the bounds of their column.
    """
    ordered: list[Line] = []
    for number, group in enumerate(_columns(list(fragments))):
        if not group:
            continue
        rows = _merge_rows(group)
        bounds = (min(row.x0 for row in rows), max(row.x1 for row in rows))
        ordered += [replace(row, column=bounds, column_number=number) for row in rows]
    return ordered


def _columns(fragments: list[Line], depth: int = 0) -> list[list[Line]]:
    gutter = _find_gutter(fragments) if depth < 3 and len(fragments) >= 8 else None
    if gutter is None:
        return [fragments]
    crossing = sorted(
        (f for f in fragments if f.x0 < gutter - 2 and f.x1 > gutter), key=lambda f: -f.y
    )
    left = [f for f in fragments if f.x1 <= gutter]
    right = [f for f in fragments if f.x0 >= gutter - 2]
    groups: list[list[Line]] = []
    # Consecutive crossing lines make one group, so that a full-width paragraph stays whole.
    cuts = [f.y for f in crossing]
    pending: list[Line] = []
    ceiling = float("inf")
    for line, floor in [*zip(crossing, cuts, strict=True), (None, float("-inf"))]:
        band_left = [f for f in left if floor < f.y <= ceiling]
        band_right = [f for f in right if floor < f.y <= ceiling]
        same_row = line is not None and all(
            abs(f.y - line.y) < 0.4 * line.size for f in band_left + band_right
        )
        if (band_left or band_right) and not same_row:
            groups.append(pending)
            pending = []
            groups += [*_columns(band_left, depth + 1), *_columns(band_right, depth + 1)]
        else:
            pending += band_left + band_right
        if line is not None:
            pending.append(line)
        ceiling = floor
    groups.append(pending)
    return [group for group in groups if group]


def _find_gutter(fragments: list[Line]) -> float | None:
    low, high = min(f.x0 for f in fragments), max(f.x1 for f in fragments)
    width = high - low
    if width <= 0:
        return None
    starts = Counter(
        round(f.x0 / 4) for f in fragments if low + 0.25 * width < f.x0 < low + 0.8 * width
    )
    for key, _ in starts.most_common(3):
        edge = key * 4 - 3
        right = [f for f in fragments if f.x0 >= edge - 2]
        left = [f for f in fragments if f.x1 <= edge]
        crossing = len(fragments) - len(right) - len(left)
        if len(left) < 4 or len(right) < 4 or crossing > 0.6 * len(fragments):
            continue
        if all(_fills(side, width) for side in (left, right)):
            return float(edge)
    return None


def _fills(side: list[Line], page_width: float) -> bool:
    """Whether a column is no narrow strip, and its lines reach most of its width."""
    rows = _merge_rows(side)
    width = max(row.x1 for row in rows) - min(row.x0 for row in rows)
    if len(rows) < 4 or width < 0.22 * page_width:
        return False
    return median(row.x1 - row.x0 for row in rows) > 0.55 * width


def _merge_rows(fragments: list[Line]) -> list[Line]:
    """Lines from top to bottom; fragments on one baseline become one line."""
    rows: list[list[Line]] = []
    for fragment in sorted(fragments, key=lambda f: (-f.y, f.x0)):
        if rows and abs(rows[-1][0].y - fragment.y) < 0.45 * max(rows[-1][0].size, fragment.size):
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    merged = []
    for row in rows:
        row.sort(key=lambda f: f.x0)
        main = max(row, key=lambda f: len(f.text))
        merged.append(
            replace(
                main,
                text=" ".join(f.text for f in row),
                x0=row[0].x0,
                x1=max(f.x1 for f in row),
                bold=all(f.bold for f in row),
                italic=all(f.italic for f in row),
            )
        )
    return merged


# --------------------------------------------------------------------------- what is no text


_PAGE_NUMBER = re.compile(
    r"""(?ix)^\W*(?:
        (?:page|p\.|第)?\s*(?:\d{1,4}|[ivxlc]{1,7})\s*(?:页|頁)?(?:\s*(?:of|/|共)\s*\d{1,4}\s*(?:页|頁)?)?
    )\W*$"""
)
_ZONE = 4  # lines at the head and at the foot that may be running


def _masked(text: str) -> str:
    text = re.sub(r"\d+", "#", text.casefold())
    if _PAGE_NUMBER.match(text.replace("#", "1")):
        return "#"
    return re.sub(r"\W+", " ", text).strip() or text.strip()


def _remove_running_lines(sheets: Sequence[_Sheet]) -> list[Line]:
    """Drop lines that stand at the same height of many pages and differ only in their figures."""
    zone: dict[tuple[int, int], str] = {}  # (sheet index, line index) -> masked text
    for at, sheet in enumerate(sheets):
        by_height = sorted(range(len(sheet.lines)), key=lambda i: -sheet.lines[i].y)
        for i in {*by_height[:_ZONE], *by_height[-_ZONE:]}:
            line = sheet.lines[i]
            # A sentence may stand at the same height of two pages; a running head is none.
            sentence = line.text.endswith((".", "。", ";", "；")) and len(line.text) > 25
            if not sentence and not 0.22 * sheet.height < line.y < 0.78 * sheet.height:
                zone[at, i] = _masked(line.text)
    filled = sum(bool(sheet.lines) for sheet in sheets)
    need = max(2 if filled < 4 else 3, round(0.2 * filled))
    groups: list[tuple[str, float, list[tuple[int, int]]]] = []
    index: dict[tuple[str, int], int] = {}
    for (at, i), key in zone.items():
        y = sheets[at].lines[i].y
        found = next(
            (
                index[key, round(y / 12) + d]
                for d in (0, -1, 1)
                if (key, round(y / 12) + d) in index
            ),
            None,
        )
        if found is None:
            found = next(
                (
                    n
                    for n, (other, other_y, _) in enumerate(groups[:400])
                    if abs(other_y - y) < 12
                    and len(key) > 5
                    and abs(len(other) - len(key)) <= 0.2 * len(key)
                    and SequenceMatcher(None, other, key).ratio() > 0.88
                ),
                None,
            )
        if found is None:
            found = len(groups)
            groups.append((key, y, []))
        index.setdefault((key, round(y / 12)), found)
        groups[found][2].append((at, i))
    running: set[tuple[int, int]] = set()
    for _, _, members in groups:
        if len({at for at, _ in members}) >= need:
            running.update(members)
    for at, sheet in enumerate(sheets):
        # A number alone on the outermost line is the page's, however few pages there are.
        if sheet.lines:
            last = min(range(len(sheet.lines)), key=lambda i: sheet.lines[i].y)
            line = sheet.lines[last]
            digits = re.search(r"\d+", line.text)
            if (
                (at, last) in zone
                and len(sheet.lines) > 1
                and _PAGE_NUMBER.match(line.text)
                and digits
                and (int(digits[0]) == sheet.number or not line.text.strip().isdigit())
            ):
                running.add((at, last))
    kept: list[Line] = []
    for at, sheet in enumerate(sheets):
        dropped = _outermost(sheet.lines, {i for page, i in running if page == at})
        kept += [line for i, line in enumerate(sheet.lines) if i not in dropped]
    return kept


def _outermost(lines: Sequence[Line], running: set[int]) -> set[int]:
    """Those of the repeated lines that have no body text between them and the page's edge."""
    if not running:
        return running
    by_height = sorted(range(len(lines)), key=lambda i: -lines[i].y)
    kept: set[int] = set()
    for order in (by_height, by_height[::-1]):
        for i in order:
            if i not in running:
                break
            kept.add(i)
    return kept


_LEADER = re.compile(r"(?:\.\s?){4,}|…{2,}|(?:·\s?){4,}|_{4,}")


def _remove_contents(lines: list[Line]) -> tuple[list[Line], list[int]]:
    """Drop tables of contents: pages on which at least four lines lead to a number by dots."""
    entries: dict[int, list[int]] = defaultdict(list)
    for at, line in enumerate(lines):
        if _LEADER.search(line.text):
            entries[line.page].append(at)
    dropped: set[int] = set()
    for page, found in entries.items():
        if len(found) < 4 and not {page - 1, page + 1} & {
            p for p, f in entries.items() if len(f) >= 4
        }:
            continue
        # First halves of entries that take two lines lie between the first and the last.
        dropped.update(at for at in range(found[0], found[-1] + 1) if lines[at].page == page)
        before = found[0] - 1
        if before >= 0 and re.fullmatch(
            r"(?i)\W*(table of )?contents\W*|目\s*[录錄次]", lines[before].text
        ):
            dropped.add(before)
    pages = sorted({lines[at].page for at in dropped})
    return [line for at, line in enumerate(lines) if at not in dropped], pages


def _check_readable(lines: list[Line], name: str) -> None:
    text = "".join(line.text for line in lines)
    odd = sum("\ue000" <= c <= "\uf8ff" or c == "\ufffd" for c in text)
    if odd > 0.3 * len(text):
        raise UndecodableText(
            name,
            "its fonts do not say which characters they stand for",
            "Run OCR on it, for example `ocrmypdf --force-ocr in.pdf out.pdf`, and add the result.",
        )


def _page_ranges(numbers: Sequence[int]) -> str:
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in parts)


# --------------------------------------------------------------------------- lines to pieces

_STOPS = tuple('.!?。！？；;:：”"’）)…')
_ENDS = tuple("。！？；：.!?;:…”")


class _Shape:
    """What the body of a document looks like: text size, spacing, levels of headings."""

    def __init__(self, lines: Sequence[Line]) -> None:
        sizes: Counter[float] = Counter()
        bold: Counter[bool] = Counter()
        for line in lines:
            sizes[round(line.size * 2) / 2] += len(line.text)
            bold[line.bold] += len(line.text)
        self.size = sizes.most_common(1)[0][0]
        self.bold = bold[True] > bold[False]
        steps = [
            round(a.y - b.y, 1)
            for a, b in pairwise(lines)
            if a.page == b.page
            and a.column_number == b.column_number
            and abs(a.size - self.size) < 0.6
            and abs(b.size - self.size) < 0.6
            and 0 < a.y - b.y < 4 * self.size
        ]
        self.step = Counter(round(step) for step in steps).most_common(1)[0][0] if steps else 0.0
        self.step = min(self.step or 1.3 * self.size, 2.5 * self.size)
        headings = sorted(
            {round(line.size * 2) / 2 for line in lines if line.size >= 1.12 * self.size},
            reverse=True,
        )
        self.levels = headings

    def level(self, line: Line) -> int:
        """Depth of a heading from 1, or 0 for a line that is none."""
        text = line.text
        if len(text) > 160 or not any(c.isalpha() for c in text) or BULLET.match(text):
            return 0
        if line.size >= 1.12 * self.size:
            return self.levels.index(round(line.size * 2) / 2) + 1
        ends_open = text.endswith((".", "。", ",", "，", ";", "；"))
        if ends_open or line.size < 0.95 * self.size:
            return 0
        if line.bold and not self.bold:
            return len(self.levels) + 1
        # A short line in italics is a run-in title only where it starts like one.
        if line.italic and len(text) <= 60 and text[0].isupper() and not text.endswith(_STOPS):
            return len(self.levels) + 2
        return 0

    def is_note(self, line: Line) -> bool:
        """Whether a line is set small, as notes are."""
        return line.size <= 0.88 * self.size


def _split_notes(lines: list[Line], shape: _Shape) -> tuple[list[Line], list[Line]]:
    """Part a page's lines into body and the notes at its foot."""
    by_height = sorted(lines, key=lambda line: line.y)
    notes: set[int] = set()
    for line in by_height:
        if not shape.is_note(line):
            break
        notes.add(id(line))
    if len(notes) == len(lines):  # a page set small throughout: an annex
        return lines, []
    return [x for x in lines if id(x) not in notes], [x for x in lines if id(x) in notes]


def _build_pieces(lines: list[Line]) -> list[Piece]:
    if not lines:
        return []
    shape = _Shape(lines)
    words = _words_of(lines)
    pieces: list[Piece] = []
    waiting: list[Piece] = []  # notes that must not cut a paragraph in two
    current: list[Line] = []

    def flush() -> None:
        if current:
            pieces.append(_piece(current, shape, words))
            current.clear()
        pieces.extend(waiting)
        waiting.clear()

    by_page: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        by_page[line.page].append(line)
    for page_lines in by_page.values():
        body, notes = _split_notes(page_lines, shape)
        for line in body:
            if current and _starts_block(current, line, shape):
                flush()
            current.append(line)
        if not notes:
            continue
        note_pieces = []
        group: list[Line] = []
        number = 0
        for line in notes:
            starts = re.match(r"\[?(\d{1,3})\b(?![.\d])|[*†‡①-⑳]", line.text)
            # "90 (80) 17519" may open a line of note 7: numbers of notes follow each other.
            follows = starts and (not starts[1] or not number or int(starts[1]) == number + 1)
            if starts and starts[1] and (follows or not group):
                number = int(starts[1])
            if group and follows:
                note_pieces.append(_piece(group, shape, words))
                group = []
            group.append(line)
        note_pieces.append(_piece(group, shape, words))
        if current and current[0].page == notes[0].page:
            pieces.extend(note_pieces)
        else:
            waiting.extend(note_pieces)
    flush()
    return pieces


def _starts_block(current: list[Line], line: Line, shape: _Shape) -> bool:
    """Whether a line begins a new block after the lines gathered so far."""
    last, first = current[-1], current[0]
    level, last_level = shape.level(line), shape.level(last)
    em = line.size
    moved = last.page != line.page or last.column_number != line.column_number
    if level != last_level:
        return True
    if level:
        return moved or last.y - line.y > 2.2 * em or opens_provision(line.text, "")
    if BULLET.match(line.text):
        return True
    ended = last.text.endswith(_STOPS)
    full = last.x1 > last.column[1] - 0.12 * (last.column[1] - last.column[0])
    if opens_provision(line.text, last.text if full else ""):
        return True
    if moved:
        # Where the column or page changes, only the text itself says whether it goes on.
        indented = line.x0 > line.column[0] + 1.2 * em
        if _is_tight(last.text) and not BULLET.match(first.text):
            return not full or indented
        return last.text.endswith(_ENDS) or not last.text
    if abs(line.size - last.size) > 0.12 * em:
        return True
    step = last.y - line.y
    if step > 1.45 * max(shape.step * last.size / shape.size, 0.9 * em):
        return True
    shift = line.x0 - last.x0
    hanging = bool(BULLET.match(first.text) or opens_provision(first.text, ""))
    if shift > 0.8 * em and not (hanging and len(current) == 1):
        return True
    if shift < -0.8 * em and len(current) > 1 and (ended or last.x0 - line.x0 > 3 * em):
        return True
    if hanging and shift < -0.8 * em and len(current) == 1 and ended:
        return True
    return ended and not full


def _is_tight(text: str) -> bool:
    return bool(re.search("[\u3001-\u30ff\u4e00-\u9fff\uff01-\uff60]$", text))


def _piece(lines: list[Line], shape: _Shape, words: Callable[[str], bool]) -> Piece:
    text = ""
    pages: list[tuple[int, int]] = []
    for line in lines:
        text = join_lines(text, line.text, words)
        if not pages or pages[-1][0] != line.page:
            pages.append((line.page, len(text) - len(line.text.lstrip())))
    level = shape.level(lines[0])
    # Large type over many lines, or with sentences in it, is a quotation and no heading.
    if level and (len(lines) > 4 or (len(lines) > 1 and re.search(r"[.。!?][”\"’)]*$", text))):
        level = 0
    if level:
        return Piece("heading", text, level=level, pages=tuple(pages))
    mark = BULLET.match(text)
    if mark and mark.end() < len(text):
        cut = mark.end()
        moved = tuple((page, max(0, at - cut)) for page, at in pages)
        return Piece("item", text[cut:], pages=moved)
    kind = "item" if re.match(r"\s*[(（]?\w{1,4}[)）.、]\s", text) else "paragraph"
    return Piece(kind, text, pages=tuple(pages))


def _words_of(lines: Sequence[Line]) -> Callable[[str], bool]:
    """Whether a word stands inside a line somewhere in the document."""
    seen: set[str] = set()
    for line in lines:
        found = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", line.text.lower())
        if line.text.endswith("-"):
            found = found[:-1]
        seen.update(found)
        seen.update(part for word in found if "-" in word for part in word.split("-"))
    return seen.__contains__


def _largest_heading(lines: Sequence[Line]) -> str:
    first = [line for line in lines if line.page == lines[0].page] if lines else []
    if not first:
        return ""
    shape = _Shape(lines)
    largest = max(line.size for line in first)
    if largest < 1.12 * shape.size:
        return ""
    title = ""
    for line in first:
        if line.size == largest:
            title = join_lines(title, line.text)
    return title[:300]
