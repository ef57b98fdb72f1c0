"""From a document to its provisions, each with the locator a lawyer would write.

Three passes over a document. *Lines*: the blocks of the reader, or the lines of the text, with
wrapped lines joined. *Marks*: every place that could open a provision (第十七条, （三）, ``Sec. 4.1``,
``(a)``) is a candidate, and a candidate opens one only if its number follows from those before
it; that is what tells "(b)" the provision from "under (b)" the reference. *Locators*: provisions
are named from the marks above them, the rest by heading and paragraph, or by page and paragraph.

The choices made here are argued in ``docs/method/unitizing.md``.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from qiutong.model import Document, Segment
from qiutong.text import detect_language, split_sentences, to_simplified

LONG_PARAGRAPH = {"zh": 800, "en": 2000}
"""Characters above which a paragraph without any number is cut at sentence ends."""


def segment_document(document: Document) -> tuple[Segment, ...]:
    """Cut a document into provisions.

    Parameters
    ----------
    document
        With its normalised ``text``, and ``blocks`` and ``pages`` where the reader found any.
        Where ``language`` is ``"und"`` the text is asked. Only Chinese and English have rules
        for numbers; any other language is cut into paragraphs.

    Returns
    -------
    tuple of Segment
        In order, not overlapping, none empty, locators unique, and
        ``document.text[s.start:s.end] == s.text`` for each. Headings, tables of contents, page
        numbers and separators belong to no segment.
    """
    text = document.text
    language = document.language if document.language != "und" else detect_language(text)
    rules = "zh" if language.startswith("zh") else "en" if language.startswith("en") else "und"
    lines = _lines(document, rules)
    if any(line.kind == "unit" for line in lines):
        pieces = _given_units(text, lines)
    else:
        view = _view(text) if rules == "zh" else text
        if rules == "zh":
            chunks = _ChineseMarks(text, view, document.title).chunks(lines)
        elif rules == "en":
            chunks = _EnglishMarks(view, bool(document.pages)).chunks(lines)
        else:
            chunks = _plain_chunks(text, lines)
        pieces = _locate(text, chunks, document, rules)
    return _segments(document, pieces, language)


def find_lead_in(segment: Segment, segments: Iterable[Segment]) -> str:
    """Words that open the list an item stands in ("a provider shall:"); empty where there are none.

    Parameters
    ----------
    segment
        Any segment.
    segments
        Those of its document: the words stand in one of them.
    """
    if segment.lead_in is None:
        return ""
    start, end = segment.lead_in
    for one in segments:
        if one.document == segment.document and one.start <= start and end <= one.end:
            return one.text[start - one.start : end - one.start]
    return ""


# --------------------------------------------------------------------------- lines


@dataclass(slots=True)
class _Line:
    start: int
    end: int
    kind: str = "paragraph"
    level: int = 0
    locator: str = ""


@dataclass(slots=True)
class _Chunk:
    """A stretch of text between two cuts.

    ``path`` holds the labels of the provision it opens, outermost first, or None for text that
    goes on under the provision before it. ``role`` is ``text``, ``bullet``, ``heading`` or
    ``skip``. ``rank`` orders headings, small ranks above large ones. ``resets`` marks a heading
    that ends the numbered provision before it.
    """

    start: int
    end: int
    body: int
    role: str = "text"
    path: tuple[str, ...] | None = None
    rank: int = 0
    resets: bool = False
    glued: bool = False


@dataclass(slots=True)
class _Piece:
    start: int
    end: int
    locator: str
    headings: tuple[str, ...] = ()
    lead_in: tuple[int, int] | None = None


_FURNITURE = re.compile(
    r"(?:[-–—·\s]*(?:\d{1,4}|[Pp]age \d+(?: of \d+)?|第 ?\d+ ?页(?: ?共 ?\d+ ?页)?)[-–—·\s]*"
    r"|[*\s_=~#.·•—–-]+"
    r"|\[[^\]]{0,200}(?i:omitted|excerpt|redacted)[^\]]{0,200}\]"
    r"|\[\[Page [^\]\n]*\]\]"
    r"|(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r" \d{1,2}, \d{4}[.,]?|THE WHITE HOUSE,?"
    r"|法宝联想[:：].*"
    r"|[^\n]{0,160}?(?:\.{4,}|…{2,}|·{4,})\s*[\divxlc]+)"
)
_LINE = re.compile(r"[^\n]*[^\s][^\n]*")
_TERMINAL = tuple(".;:?!。；：？！,，、”\"’'")
_ENDING = tuple('.;:?!。；：？！”"）)')


def _is_furniture(text: str, line: _Line) -> bool:
    """Whether a line is a page number, a rule, an editor's note or an entry of contents."""
    body = text[line.start : line.end].strip()
    return len(body) <= 400 and _FURNITURE.fullmatch(body) is not None


def _lines(document: Document, rules: str) -> list[_Line]:
    text = document.text
    lines: list[_Line] = []
    done = 0
    for block in sorted(document.blocks, key=lambda b: b.start):
        start, end = max(block.start, done), min(block.end, len(text))
        if start >= end:
            continue
        lines += _bare_lines(text, done, start, rules)
        if block.kind in ("heading", "unit") or "\n" not in text[start:end]:
            lines.append(_Line(start, end, block.kind, block.level, block.locator))
        else:
            lines += _bare_lines(text, start, end, rules)
        done = end
    return lines + _bare_lines(text, done, len(text), rules)


def _bare_lines(text: str, start: int, end: int, rules: str) -> list[_Line]:
    """Lines, a wrapped one joined to the line it goes on from."""
    spans = [match.span() for match in _LINE.finditer(text, start, end)]
    width = _wrap_width(text, spans) if rules == "en" else 0
    lines: list[_Line] = []
    last = 0  # where the last physical line began
    for left, right in spans:
        if (
            lines
            and left - lines[-1].end == 1
            and _wraps(text, lines[-1], last, left, right, rules, width)
        ):
            lines[-1].end = right
        else:
            lines.append(_Line(left, right))
        last = left
    return lines


def _wrap_width(text: str, spans: list[tuple[int, int]]) -> int:
    """Width to which the lines were cut by hand, or 0 where a line is a paragraph."""
    lengths = sorted(right - left for left, right in spans)
    if len(lengths) < 10:
        return 0
    narrow = [length for length in lengths if 40 <= length <= 100]
    loose = sum(text[right - 1] not in ".;:?!—" for _, right in spans)
    if len(narrow) < 0.55 * len(lengths) or loose < 0.35 * len(spans):
        return 0
    return narrow[int(len(narrow) * 0.75)]


def _wraps(
    text: str, before: _Line, last: int, left: int, right: int, rules: str, width: int
) -> bool:
    """Whether the line from ``left`` goes on from the line that began at ``last``."""
    final = text[before.end - 1]
    if rules == "zh":
        # A heading is short; a line cut by a page's edge is not. A number opens something new.
        return (
            final not in _TERMINAL
            and before.end - before.start >= 36
            and re.match(r"[\u4e00-\u9fff]", text[left : left + 1]) is not None
            and not re.match(
                r"第[^ ]{1,6}[条條章节節编編]|[一二三四五六七八九十]+ ?、|附[件录錄]",
                text[left : left + 12],
            )
        )
    if rules != "en":
        return False
    body = text[left:right].strip()
    if body in ("and", "or", "and--"):
        return final in ";,"
    if final in ".;:?!—" or text.endswith("--", last, before.end) or text[left] == "#":
        return False
    if body[0].islower():
        return before.end - last >= 24 and not _EN_POINT.match(body)
    if not width or before.end - last < 0.7 * width:
        return False
    mark = _EN_PAREN.match(body)
    if mark:
        return _EN_REFERENCE_AFTER.match(body, mark.end()) is not None
    return not (_EN_OPENS_LINE.match(body) or _EN_BULLET.match(body))


def _given_units(text: str, lines: list[_Line]) -> list[_Piece]:
    """A digest: the reader knows the provisions and their locators."""
    pieces: list[_Piece] = []
    headings: list[tuple[int, str]] = []
    loose = 0
    for line in lines:
        if line.kind == "heading":
            _push_heading(headings, line.level or 1, _heading_text(text[line.start : line.end]))
        elif line.kind == "unit":
            pieces.append(_Piece(line.start, line.end, line.locator, _texts(headings)))
        elif not _is_furniture(text, line):
            loose += 1
            pieces.append(_Piece(line.start, line.end, f"para. {loose}", _texts(headings)))
    return pieces


def _plain_chunks(text: str, lines: list[_Line]) -> list[_Chunk]:
    chunks = []
    for line in lines:
        role = "heading" if line.kind == "heading" else "text"
        if _is_furniture(text, line):
            role = "skip"
        chunks.append(_Chunk(line.start, line.end, line.start, role, rank=line.level))
    return chunks


# --------------------------------------------------------------------------- headings


def _heading_text(raw: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"^\s*#+\s*|\s*#+\s*$|^\*\*|\*\*$", "", raw)).strip()


def _push_heading(headings: list[tuple[int, str]], rank: int, text: str) -> None:
    while headings and headings[-1][0] >= rank:
        headings.pop()
    headings.append((rank, text))


def _texts(headings: list[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(text for _, text in headings if text)


# --------------------------------------------------------------------------- Chinese

_HAN_DIGITS = "零〇一二两三四五六七八九十百千"
_DIGIT = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNIT = {"十": 10, "百": 100, "千": 1000}
_FULL_WIDTH = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: 0x20}
# These two stay: the sentence and clause marks of Chinese are what the rules look for.
for _kept in "！，：；？":
    _FULL_WIDTH.pop(ord(_kept), None)


def _view(text: str) -> str:
    """The text as rules see it: Simplified, half-width digits and brackets, the same length."""
    return to_simplified(text).translate(_FULL_WIDTH)


def _han_number(text: str) -> int:
    """Value of a Chinese or Arabic numeral."""
    if text.isdigit() and text.isascii():
        return int(text)
    total = digit = 0
    for char in text:
        if char in _UNIT:
            total += (digit or 1) * _UNIT[char]
            digit = 0
        else:
            digit = digit * 10 + _DIGIT.get(char, 0)
    return total + digit


def _to_han(number: int) -> str:
    """Chinese numeral of a number below 1,000, for 第十二款."""
    digits = "零一二三四五六七八九"
    if number >= 1000:
        return str(number)
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    out = f"{digits[hundreds]}百" if hundreds else ""
    if tens:
        out += ("" if tens == 1 and not hundreds else digits[tens]) + "十"
    elif hundreds and ones:
        out += "零"
    return out + (digits[ones] if ones or not out else "")


_N = f"[{_HAN_DIGITS}]{{1,7}}"
# What follows tells the article from a reference to it: 第二十条的规定, 第三条第一款, 第五条、第六条.
_ZH_ARTICLE = (
    rf"第 ?(?P<article>{_N}|\d{{1,4}}) ?条(?P<of>之{_N})?"
    r"(?! ?(?:的|规定|第 ?[零〇一二两三四五六七八九十百\d]+ ?[条款项章]|[、，,;；。)]|[和及与或至到]+ ?(?:第|本|其|前)"
    r"|所[称列规述]|中(?:的|所|规)|以外|以及第|款|项|\([一二三四五六七八九十]+\) ?(?:项|目|规定|的|、|至|和)))"
)
_ZH_MARK = re.compile(
    rf"(?P<chapter>第 ?(?:{_N}|\d{{1,3}}) ?[编章节篇](?=\s|$|[^\s的、，。和与及至中规所]))"
    rf"|{_ZH_ARTICLE}"
    rf"|(?P<annex>附[件录表则](?: ?[\d{_HAN_DIGITS}A-Z]{{1,3}})?(?=[\s:：]|$))"
    rf"|(?P<dotted>\d{{1,2}}(?:\.\d{{1,2}}){{1,4}})(?=[\s\u4e00-\u9fff.])\.?"
    rf"|(?P<comma>{_N}) ?、"
    rf"|\((?P<han>{_N})\)"
    r"|(?P<point>\d{1,3}) ?[.、](?!\d)"
    r"|\((?P<digit>\d{1,2})\)"
    r"|(?P<circle>[①-⑳])"
    r"|\((?P<letter>[a-z])\)"
    r"|(?P<box>专栏 ?\d{1,2}(?=[\s:：]|$))"
    r"|(?P<dash>——|--+|[•●▪■])"
)
_ZH_RANK = {"comma": 1, "han": 2, "point": 3, "digit": 4, "circle": 5, "letter": 6}
# A mark inside a line stands after the end of a sentence or clause, or after a gap.
_ZH_INSIDE = re.compile(r"(?<=[。；：！？”\)\s;:,，…》])")
_ZH_GAP = re.compile(r"(?<=[。；：！？”\)]) +(?=\S)")
_ZH_SENTENCE_GAP = re.compile(r"(?<=[。！？]) +(?=[\u4e00-\u9fff“—])")
_ZH_INSTRUMENT = re.compile(
    r"(?:法|规定|条例|规范|公约|细则|决定|指引|指南|准则|意见|方案|规划|标准)(?:\(.{1,12}\))?$"
)
_ZH_CAPTION = re.compile(
    r"(?:附?[图表]) ?[\d一二三四五六七八九十]+(?:[-—.]\d+)?[\s:：]?[^。；]{0,40}"
)


@dataclass(slots=True)
class _Mark:
    start: int
    end: int
    style: str
    value: int
    label: str
    at_line: bool
    adjacent: bool = False
    options: tuple[tuple[str, int], ...] = ()


class _ChineseMarks:
    """Marks of Chinese laws, notices and plans."""

    def __init__(self, text: str, view: str, title: str) -> None:
        self.text = text
        self.view = view
        self.title = title
        self.stack: list[tuple[str, int, str]] = []
        self.article = ""
        self.last_article = 0
        self.seen: dict[str, int] = {}
        self.boxed: tuple[list[tuple[str, int, str]], dict[str, int]] | None = None

    def chunks(self, lines: list[_Line]) -> list[_Chunk]:
        view = self.view
        found = [self._candidates(line) for line in lines]
        marks = [mark for line in found for mark in line]
        articles = Counter(mark.value for mark in marks if mark.style == "article")
        self.has_articles = len(articles) >= 2
        self.dotted = sum(mark.style == "dotted" and mark.at_line for mark in marks) >= 2
        self.later = [self._later(marks, i) for i in range(len(marks))]
        self.articles = articles
        chunks: list[_Chunk] = []
        index = 0
        for line, candidates in zip(lines, found, strict=True):
            if _is_furniture(view, line):
                chunks.append(_Chunk(line.start, line.end, line.start, "skip"))
                index += len(candidates)
                continue
            opened: list[_Chunk] = []
            for mark in candidates:
                chunk = self._accept(mark, line, self.later[index], opened)
                index += 1
                if chunk:
                    opened.append(chunk)
            chunks += self._cut(line, opened)
        return self._judge(chunks)

    def _candidates(self, line: _Line) -> list[_Mark]:
        view, marks = self.view, []
        first = line.start
        while first < line.end and view[first] in " \t#*>":
            first += 1
        for match in _ZH_MARK.finditer(view, first, line.end):
            start = match.start()
            at_line = start == first
            if not at_line and not _ZH_INSIDE.match(view, start):
                continue
            style = match.lastgroup or ""
            if style == "of":
                style = "article"
            raw = match.group(style)
            # A chapter may share a line with its articles; a number such as 3.2 may not.
            if not at_line and (
                style in ("annex", "dotted", "box")
                or (style == "chapter" and view[start - 1] not in " 。")
            ):
                continue
            value = 0
            if style == "circle":
                value = ord(raw) - 0x245F
            elif style == "letter":
                value = ord(raw) - 96
            elif style in ("article", "comma", "han", "point", "digit"):
                value = _han_number(raw)
            marks.append(_Mark(start, match.end(), style, value, match.group(), at_line))
        return marks

    def _later(self, marks: list[_Mark], index: int) -> bool:
        """Whether the number after this one comes before the same number again."""
        mark = marks[index]
        for other in marks[index + 1 : index + 200]:
            if other.style == mark.style and other.value in (mark.value, mark.value + 1):
                return other.value == mark.value + 1
        return False

    def _accept(self, mark: _Mark, line: _Line, later: bool, opened: list[_Chunk]) -> _Chunk | None:
        view = self.view
        style = mark.style
        chunk = _Chunk(mark.start, line.end, mark.end, glued=not mark.at_line)
        if style == "chapter":
            self.stack, self.article = [], ""
            chunk.role, chunk.rank = "heading", 10 + "编篇章节".index(mark.label.strip()[-1])
            return chunk
        if style == "annex":
            self.stack, self.article, self.seen = [], "", {}
            # 附则 is a chapter of the law, not something attached to it.
            if not mark.label.startswith("附则"):
                self.last_article = 0
            chunk.role, chunk.rank, chunk.resets = "heading", 9, True
            chunk.path = (re.sub(r"\s", "", mark.label),) if "则" not in mark.label else ()
            return chunk
        if style == "article":
            if not self._is_article(mark, line):
                return None
            self.article = re.sub(r"\s", "", self.text[mark.start : mark.end])
            self.last_article = mark.value
            self.stack, self.seen = [], {}
            chunk.path = (self.article,)
            return chunk
        if style == "dash":
            gap = mark.at_line or (view[mark.start - 1] == " " and view[mark.start - 2] in "。；：")
            if not gap:
                return None
            chunk.role = "bullet"
            return chunk
        if style == "dotted":
            if self.article or not self.dotted:
                return None
            self.stack = [("dotted", 0, mark.label.rstrip("."))]
            chunk.path = self._path()
            chunk.rank = 20 + mark.label.count(".")
            return chunk
        if style == "point" and self.dotted and mark.at_line and not self.article:
            self.stack = [("dotted", mark.value, str(mark.value))]
            self.seen["dotted"] = mark.value
            chunk.path, chunk.rank = self._path(), 20
            return chunk
        if style in ("comma", "point") and self.article and style == "comma":
            return None
        if style == "box":
            self._leave_box()
            self.boxed = (self.stack, self.seen)
            label = re.sub(r"\s", "", mark.label)
            self.stack, self.seen = [("box", 0, label)], {}
            chunk.path, chunk.rank, chunk.role = (label,), 40, "heading"
            return chunk
        if self.boxed and self._after_box(mark):
            self._leave_box()
        expected = self.seen.get(style, 0) + 1
        current = next((value for kind, value, _ in self.stack if kind == style), 0)
        follows = mark.value in (current + 1, expected) and mark.value > 1
        inside_ok = self._stands_alone(mark)
        if not (mark.at_line or (inside_ok and (follows or (mark.value == 1 and later)))):
            return None
        rank = _ZH_RANK[style]
        self.stack = [
            entry
            for entry in self.stack
            if entry[0] in ("dotted", "box") or _ZH_RANK[entry[0]] < rank
        ]
        if style == "comma":
            self.stack = []
        self.stack.append((style, mark.value, self._label(mark)))
        self.seen[style] = mark.value
        chunk.path, chunk.rank = self._path(), 20 + rank
        return chunk

    def _leave_box(self) -> None:
        if self.boxed:
            self.stack, self.seen = self.boxed
            self.boxed = None

    def _after_box(self, mark: _Mark) -> bool:
        """Whether a number goes on with the plan around a box (专栏) rather than with the box."""
        before = self.boxed[1] if self.boxed else {}
        if mark.style in ("comma", "han"):
            return True
        inside, outside = self.seen.get(mark.style, 0), before.get(mark.style, 0)
        return mark.value == outside + 1 and mark.value != inside + 1 and bool(self.seen)

    def _stands_alone(self, mark: _Mark) -> bool:
        before = self.view[max(0, mark.start - 1) : mark.start]
        if mark.style == "point" and before in ",，)":
            return False
        return not (mark.style in ("han", "digit", "letter", "circle") and before == ")")

    def _is_article(self, mark: _Mark, line: _Line) -> bool:
        view = self.view
        if "之" in mark.label and mark.value == self.last_article:
            return True
        if mark.value == self.last_article + 1:
            if mark.at_line:
                return True
            return view[mark.start - 1] in "。；：”) \t"
        if not mark.at_line or self.articles.get(self.last_article + 1, 0):
            # The next number is still to come, so this one is a reference or a wrapped line.
            return mark.at_line and mark.value == 1 and self.last_article > 1
        before = view[max(0, line.start - 80) : line.start].rstrip()
        ended = not before or before[-1] in "。；：”)》" or len(before.rsplit("\n", 1)[-1]) < 30
        return ended and (mark.value > self.last_article or mark.value == 1)

    def _label(self, mark: _Mark) -> str:
        if mark.style == "comma":
            return re.sub(r"\s", "", mark.label)
        if mark.style == "point":
            return str(mark.value)
        inner = mark.label.strip("() ")
        if mark.style == "letter":
            return f"({inner})"
        return mark.label if mark.style == "circle" else f"（{inner}）"

    def _path(self) -> tuple[str, ...]:
        labels = tuple(label for _, _, label in self.stack)
        return (self.article, *labels) if self.article else labels

    def _cut(self, line: _Line, opened: list[_Chunk]) -> list[_Chunk]:
        """Cut a line at its marks, and at lost paragraph breaks."""
        view = self.view
        parts: list[_Chunk] = []
        starts = [chunk.start for chunk in opened]
        if not opened or view[line.start : starts[0]].strip(" \t#*>"):
            end = starts[0] if opened else line.end
            head = _Chunk(line.start, end, line.start)
            if line.kind == "heading" and not opened:
                head.role, head.rank, head.resets = "heading", line.level or 1, True
            parts.append(head)
        for chunk, end in zip(opened, [*starts, line.end][1:], strict=True):
            chunk.end = end
            if line.kind == "heading" and chunk is opened[0] and len(opened) == 1:
                chunk.role = "heading"
            parts.append(chunk)
        if line.kind == "heading":
            return parts
        # Chinese puts no space after 。: where one stands, a line break was lost.
        gaps = _ZH_GAP if line.end - line.start > 300 else _ZH_SENTENCE_GAP
        out: list[_Chunk] = []
        for part in parts:
            left, end, whole = part.start, part.end, part
            for gap in gaps.finditer(view, max(part.body, part.start), end):
                whole.start, whole.end = left, gap.start()
                out.append(whole)
                left = gap.end()
                whole = _Chunk(left, end, left)
            whole.start, whole.end = left, end
            out.append(whole)
        return out

    def _judge(self, chunks: list[_Chunk]) -> list[_Chunk]:
        """Tell headings and closing lines from provisions."""
        view = self.view
        in_article = started = False
        for i, chunk in enumerate(chunks):
            after = chunks[i + 1] if i + 1 < len(chunks) else None
            body = view[chunk.body : chunk.end].strip()
            if chunk.role == "skip":
                continue
            if chunk.path and chunk.path[0].startswith("第") and "条" in chunk.path[0]:
                in_article = started = True
            elif chunk.role == "heading" and chunk.resets:
                in_article = False
            if chunk.role == "heading" and chunk.rank in (10, 11, 12, 13) and len(body) > 40:
                # Title and first words run together: the title is what stands before the gap.
                chunk.role = "text"
            if chunk.role != "text":
                continue
            if chunk.path is None:
                if _ZH_CAPTION.fullmatch(body) and not in_article:
                    chunk.role = "skip"
                    continue
                short = len(body) <= 45 and not body.endswith(_ENDING) and "。" not in body
                note = re.fullmatch(r"\(.{4,300}\)", body, re.S) is not None
                if short and self.has_articles and not started:
                    if re.match(r"\d{4} ?年", body):
                        chunk.role = "skip"
                        continue
                    opens = after is not None and (after.path or 10 <= after.rank <= 13)
                    named = _plain(body) == _plain(_view(self.title)) and self.title
                    first = _ZH_INSTRUMENT.search(body) is not None
                    # Above the articles: the title, and the names of those who issued them.
                    chunk.role = "heading" if opens or named or first else "skip"
                    chunk.rank = 1
                    continue
                if body in ("目 录", "目录", "目  录") or (short and not in_article):
                    lone = short and self._is_heading(chunk, chunks, i)
                    chunk.role = "heading" if lone or not short else "text"
                    chunk.rank = 1 if i == 0 else 40
                elif short and in_article:
                    chunk.role = "skip"  # issuer and date below the last article
                elif note and self.has_articles and not started:
                    chunk.role = "skip"  # 通过 and 公布 under the title
                if (
                    self.has_articles
                    and not started
                    and re.search(r"^\d{4}年.{0,60}(?:公布|通过|施行|修订)", body)
                ):
                    chunk.role = "skip"
            elif not in_article and self._is_numbered_heading(body, chunk, after):
                chunk.role = "heading"
        return chunks

    def _is_heading(self, chunk: _Chunk, chunks: list[_Chunk], index: int) -> bool:
        if index + 1 >= len(chunks):
            return False
        after = chunks[index + 1]
        longer = after.end - after.start > chunk.end - chunk.start
        return after.role == "heading" or after.path is not None or longer

    def _is_numbered_heading(self, body: str, chunk: _Chunk, after: _Chunk | None) -> bool:
        if not body or after is None:
            return False
        closed = body.endswith(("。", "；", "：", "！", "？", ";", ":"))
        deeper = after.path is not None and len(after.path) > len(chunk.path or ())
        deeper = deeper or (after.path is not None and after.rank > chunk.rank > 0)
        if len(body) <= 40 and not closed:
            return after.path is None or deeper or after.role == "heading"
        follows = after.path is None and after.role in ("text", "bullet")
        plain = body.endswith("。") and body.count("。") == 1 and "，" not in body
        return len(body) <= 34 and plain and (follows or deeper)


# --------------------------------------------------------------------------- English

_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50}


def _roman(label: str) -> int:
    """Value of a roman numeral in lower case, or 0 if it is none."""
    # No list here runs to a hundred, so c, d and m are letters, and l alone is one too.
    if not re.fullmatch(r"(?:xl|l?x{0,3})(?:ix|iv|v?i{0,3})", label) or label in ("", "l"):
        return 0
    values = [_ROMAN[c] for c in label]
    return sum(-v if v < max(values[i + 1 :], default=0) else v for i, v in enumerate(values))


def _readings(label: str) -> tuple[tuple[str, int], ...]:
    """What a bracketed label can be: (i) is the ninth letter or the first roman numeral."""
    if label.isdigit():
        return (("1", int(label)),)
    lower = label.lower()
    upper = label.isupper()
    out = []
    roman = _roman(lower)
    if roman:
        out.append(("I" if upper else "i", roman))
    if len(lower) == 1:
        out.append(("A" if upper else "a", ord(lower) - 96))
    elif len(set(lower)) == 1 and len(lower) == 2:
        out.append(("A" if upper else "a", 26 + ord(lower[0]) - 96))
        out.append(("AA" if upper else "aa", ord(lower[0]) - 96))
    return tuple(out)


_NAMED = (
    "Article|Principle|Commitment|Recommendation|Pillar|Guideline|Strategy|Goal|Objective|Action|"
    "Requirement|Standard|Priority|Practice|Measure|Step|Annex|Appendix|Rule|Clause|Schedule|"
    "ARTICLE|PRINCIPLE|COMMITMENT|RECOMMENDATION|STRATEGY|ANNEX|APPENDIX"
)
_QUOTE = r"[“\"‘`'’]*"
_EN_SECTION = re.compile(
    rf"{_QUOTE}(?:(?:SECTION|Section|SEC ?\.|Sec ?\.|Sec|SEC)\s*|§+\s*)"
    r"(?P<number>\d+[A-Za-z]{0,2}(?:[.–-]\d+[A-Za-z]?)*)(?P<stop> ?[.:—]|\s*$|(?=\s))\s*"
)
_EN_CODE = re.compile(
    rf"{_QUOTE}(?P<number>\d{{4,6}}(?:\.\d+)?(?:\.\d+)?[a-z]?|\d+(?:-\d+){{1,3}}(?:\.\d+)?)\.\s*"
    r"(?=[A-Z(“\"‘])"
)
_EN_DOTTED = re.compile(r"(?P<number>\d{1,2}(?:\.\d{1,2}){1,4})\.?(?:\s*$|\s+(?=[A-Z(“\"‘[]))")
_EN_NAMED = re.compile(
    rf"(?:{_NAMED}) (?P<number>(?:\d+|[IVXL]+|[A-Z]\d*)(?:\.\d+)*)(?P<stop> ?[.:—–)-]|\s*$|(?=\s[A-Z\[(“\"]))\s*"
)
_EN_TAG = re.compile(
    r"(?P<number>[A-Z]{2,12}[ -]\d{1,2}(?:\.\d{1,2}){0,3}[a-z]?)(?=[:.])[:.]\s*"
    r"|(?P<short>[A-Z]{1,4}\d{1,2}(?:\.\d{1,2}){1,3}|[A-Z](?:\.\d{1,2}){1,3})(?=[\s:.])[:.]?\s*"
)
_EN_POINT = re.compile(
    r"(?P<label>\d{1,3}|[IVX]{1,5}|[ivx]{1,5}|[A-Z]|[a-z])(?:[.)]\s+|．\s*)(?=\S)"
)
_EN_NUMBERED_TITLE = re.compile(r"(?P<label>\d{1,2}|[a-z](?=\t))\s+(?=[A-Z]|(?<=\t)\S)")
_EN_STRUCTURE = re.compile(
    rf"{_QUOTE}(?:(?:PART|TITLE|CHAPTER|SUBCHAPTER|SUBTITLE|DIVISION|SUBPART|Part|Title|Chapter|"
    r"Subchapter|Subtitle|Division|Subpart)\s+(?:\d+(?:\.\d+)?[A-Z]?|[IVXL]+|[A-Z])\b)(?!\s+(?:of|and|or|to|is|are|shall|in)\b)"
)
_EN_PAREN = re.compile(rf"{_QUOTE}\(\s?(?P<label>\d{{1,3}}|[a-z]{{1,5}}|[A-Z]{{1,5}})\)[ \t]*")
_EN_BULLET = re.compile(r"\s*(?:[•▪◦●○■□➢✓∙·]|[-*–—](?=\s)|—(?=[A-Z])|o(?:\t| {2,}))\s*")
# "(b) of this section" at the start of a line is a reference that a line break cut.
_EN_REFERENCE_AFTER = re.compile(
    r"(?:of|in|under|to)\s+(?:this|that|such|section|subsection|paragraph|the (?:Act|order))\b"
    r"|(?:and|or|through|to)\s+\(|[,;.)]|(?:\(\s?[a-zA-Z0-9]{1,4}\))+\s*(?:of|and|or|shall)\b"
    r"|(?:of|shall)\s"
)
_EN_OPENS_LINE = re.compile(
    rf"{_QUOTE}(?:(?:SEC|Sec|SECTION|Section|§|PART|TITLE|CHAPTER|ARTICLE)\b"
    r"|(?:\d{1,2}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s|\d+(?:\.\d+)+\.?\s|[A-Z]{1,8}[ -]?\d[\d.]*[:.]\s)"
)
_EN_REFERENCE_BEFORE = re.compile(
    r"(?i)(?:\b(?:sub)?(?:sections?|paragraphs?|clauses?|divisions?)|\bpart|\btitle|\bunder|\band|"
    r"\bor|\bthrough|\bto|\bof|\bsee|\bin|\bby|§|\))\s*$"
)
_EN_INSIDE = re.compile(r"(?:[.;:—”\"]|--|[;,.] ?(?:and|or))\s*$")
_EN_GLUED_SECTION = re.compile(
    rf"(?<=[.;:”\")])[ \t]*(?P<mark>{_QUOTE}(?:SECTION|Section|Sec ?\.) ?\d+[A-Za-z]?(?:\.\d+)* ?\.\s"
    r"|Article \d+[:.]\s|\d{1,2}\.\d{1,2}\.\s+[A-Z]|\d{4,6}(?:\.\d+)?\.\s+[(A-Z])"
    r"|(?<=[\w.;:”\")])[ \t]*(?P<loud>SEC\. ?\d+[A-Z]?\. (?=[A-Z]))"
)
_SMALL = "a an and as at but by for from in into is its nor of on or over per the to up via vs with"
_SMALL_WORDS = frozenset(_SMALL.split(" "))


class _EnglishMarks:
    """Marks of orders, statutes, frameworks and company policies in English."""

    def __init__(self, view: str, paged: bool) -> None:
        self.view = view
        self.paged = paged
        self.section_end = -1
        self.stack: list[tuple[str, int, str]] = []
        self.base: tuple[str, ...] = ()
        self.section = ""
        self.code = ""
        self.point = 0
        self.named = 0
        self.roman = 0
        self.runs: dict[int, int] = {}

    # ---- candidates

    def chunks(self, lines: list[_Line]) -> list[_Chunk]:
        found = [self._candidates(line) for line in lines]
        marks = [mark for line in found for mark in line]
        self.marks = marks
        chunks: list[_Chunk] = []
        index = 0
        for number, (line, candidates) in enumerate(zip(lines, found, strict=True)):
            if _is_furniture(self.view, line):
                chunks.append(_Chunk(line.start, line.end, line.start, "skip"))
                index += len(candidates)
                continue
            opened: list[_Chunk] = []
            accepted_before = False
            for mark in candidates:
                if mark.adjacent and not accepted_before:
                    index += 1
                    continue
                chunk = self._accept(mark, line, index)
                index += 1
                accepted_before = chunk is not None
                if chunk is None:
                    continue
                if mark.adjacent and opened:
                    # "(a)(1)": one provision, named by the last label.
                    opened[-1].path, opened[-1].body = chunk.path, chunk.body
                else:
                    opened.append(chunk)
            chunks += self._cut(lines, number, opened)
        return self._judge(_merge_names(chunks))

    def _candidates(self, line: _Line) -> list[_Mark]:
        view, marks = self.view, []
        first, end = line.start, line.end
        while first < end and view[first] in " \t#*>":
            first += 1
        here = self._line_mark(first, end)
        at = first
        if here:
            marks.append(here)
            at = here.end
        positions: list[tuple[int, _Mark]] = []
        for match in _EN_GLUED_SECTION.finditer(view, at, end):
            start = max(match.start("mark"), match.start("loud"))
            mark = self._section_mark(start, end) or self._named_mark(start, end)
            if mark:
                # Capitals ("SEC. 2. FINDINGS") are a heading wherever they stand.
                mark.at_line = match.start("loud") >= 0
                positions.append((start, mark))
        for match in _EN_PAREN.finditer(view, at, end):
            readings = _readings(match.group("label"))
            if not readings:
                continue
            start = match.start()
            at_line = start == first
            mark = _Mark(start, match.end(), "paren", 0, match.group("label"), at_line)
            mark.options = readings
            positions.append((start, mark))
        positions.sort(key=lambda item: item[0])
        previous_end = at if here else -1
        for start, mark in positions:
            if start < at:
                continue
            if mark.style == "paren":
                mark.adjacent = start == previous_end and not mark.at_line
                free = mark.at_line or mark.adjacent
                if not free and not _EN_INSIDE.search(view, max(line.start, start - 8), start):
                    continue
            marks.append(mark)
            previous_end = mark.end
            at = mark.end
        return marks

    def _section_mark(self, start: int, end: int) -> _Mark | None:
        view = self.view
        match = _EN_SECTION.match(view, start, end)
        if match:
            rest = view[match.end() : match.end() + 1]
            lower = rest.islower() or rest in ",;)"
            if not match.group("stop") and (lower or not rest):
                return None
            if match.group("stop").strip() != "." and lower:
                return None
            return _Mark(start, match.end(), "section", 0, match.group("number"), True)
        match = _EN_CODE.match(view, start, end)
        if match and not re.fullmatch(r"(?:19|20)\d\d", match.group("number")):
            return _Mark(start, match.end(), "code", 0, match.group("number"), True)
        match = _EN_DOTTED.match(view, start, end)
        if match:
            return _Mark(start, match.end(), "dotted", 0, match.group("number"), True)
        return None

    def _named_mark(self, start: int, end: int) -> _Mark | None:
        match = _EN_NAMED.match(self.view, start, end)
        if not match:
            return None
        label = " ".join(match.group().split()).rstrip(".:—–-) ")
        label = re.sub(r"(?i)^article", "Art.", label)
        number = match.group("number")
        value = int(number) if number.isdigit() else 0
        return _Mark(start, match.end(), "named", value, label, True)

    def _line_mark(self, start: int, end: int) -> _Mark | None:
        view = self.view
        mark = self._section_mark(start, end)
        if mark:
            return mark
        match = _EN_STRUCTURE.match(view, start, end)
        if match and end - start <= 160:
            return _Mark(start, match.end(), "structure", 0, match.group(), True)
        mark = self._named_mark(start, end)
        if mark:
            return mark
        match = _EN_TAG.match(view, start, end)
        if match:
            label = match.group("number") or match.group("short")
            return _Mark(start, match.end(), "tag", 0, label, True)
        match = _EN_POINT.match(view, start, end) or _EN_NUMBERED_TITLE.match(view, start, end)
        if match:
            label = match.group("label")
            mark = _Mark(start, match.end(), "point", 0, label, True)
            mark.options = tuple(("." + style, value) for style, value in _readings(label))
            return mark
        return None

    # ---- acceptance

    def _accept(self, mark: _Mark, line: _Line, index: int) -> _Chunk | None:
        chunk = _Chunk(mark.start, line.end, mark.end, glued=not mark.at_line)
        style = mark.style
        if style == "structure":
            self.base, self.stack, self.section = (), [], ""
            kind = mark.label.strip("“\"‘`'’").split()[0].lower()
            order = ["division", "title", "subtitle", "part", "subpart", "chapter", "subchapter"]
            chunk.role, chunk.rank, chunk.resets = "heading", 10 + order.index(kind), True
            return chunk
        if style in ("section", "code", "dotted"):
            return self._accept_section(mark, chunk)
        if style in ("named", "tag"):
            if not mark.at_line and mark.value != self.named + 1:
                return None
            self.named = mark.value
            self.base, self.stack, self.section = (mark.label,), [], ""
            chunk.path, chunk.rank = self.base, 20 + (style == "tag")
            return chunk
        if style == "point":
            return self._accept_point(mark, line, index, chunk)
        return self._accept_paren(mark, line, index, chunk)

    def _accept_section(self, mark: _Mark, chunk: _Chunk) -> _Chunk | None:
        number = mark.label
        if mark.style == "code" and not mark.at_line:
            if not self._next_code(number):
                return None
        elif not mark.at_line and not self._next_section(number):
            return None
        if mark.style == "code":
            self.code = number
        if mark.style == "dotted" and self.section and self.stack and mark.at_line:
            major = self.section.split(".")[0]
            # Inside a statute's list, "1.5 times" or a table is no section.
            if number.split(".")[0] != major and len(self.stack) > 1:
                return None
        self.section = number
        self.section_end = mark.end
        self.stack = []
        self.point = int(bool(re.search(r"\. 1\. ", self.view[mark.end : chunk.end][:200])))
        label = f"§ {number}" if mark.style == "code" else f"Sec. {number}"
        if self.view[mark.start : mark.end].lstrip("“\"‘`'’").startswith("§"):
            label = f"§ {number}"
        self.base = (label,)
        chunk.path, chunk.rank = self.base, 20 + number.count(".") * (mark.style == "dotted")
        return chunk

    def _next_code(self, number: str) -> bool:
        """Whether a section of a code glued to the words before it follows the last one."""
        try:
            old, new = float(self.code or 0), float(number)
        except ValueError:
            return False
        return not old or 0 < new - old <= 30

    def _next_section(self, number: str) -> bool:
        """Whether a section glued to the words before it follows the one before."""
        before, now = self.section.split("."), number.split(".")
        if not self.section:
            return number in ("1", "2")
        try:
            old = [int(re.sub(r"\D", "", part) or 0) for part in before]
            new = [int(re.sub(r"\D", "", part) or 0) for part in now]
        except ValueError:
            return False
        if len(new) > len(old):
            return new[: len(old)] == old and new[len(old)] == 1
        if len(new) < len(old):
            return new[-1] == old[len(new) - 1] + 1
        return new[:-1] == old[:-1] and 0 < new[-1] - old[-1] <= 3

    def _accept_point(self, mark: _Mark, line: _Line, index: int, chunk: _Chunk) -> _Chunk | None:
        body = self.view[mark.end : line.end].strip()
        bare = self.view[mark.start : mark.end].strip() == mark.label
        if mark.label.isdigit() and (_title_like(body) or line.kind == "heading"):
            top = not self.base or self.base[0].startswith("Sec. ")
            children = self._has_children(mark)
            follows = not self.section or self._next_section(mark.label)
            if children or (top and not bare and follows) or (bare and follows and self.section):
                self.section, self.base, self.stack = mark.label, (f"Sec. {mark.label}",), []
                chunk.path, chunk.rank = self.base, 20
                return chunk
        roman = next((value for style, value in mark.options if style == ".I"), 0)
        if roman and not bare and _title_like(body.rstrip(".")) and roman in (1, self.roman + 1):
            # "II. Clarifying the Principles" is a part of the paper, not an item of a list.
            self.roman, self.section, self.base, self.stack = roman, "", (mark.label,), []
            chunk.path, chunk.rank = self.base, 19
            return chunk
        if bare and self.paged and "\t" not in self.view[mark.start : mark.end]:
            return None  # on a page, "1 See …" is a footnote
        choice = self._choose(mark, index)
        if bare and choice is not None:
            # A number without a stop opens a point only in an unbroken row of them.
            style, value = choice[1:]
            before = next((old for kind, old, _ in self.stack if kind == style), 0)
            if value != before + 1 or (value == 1 and not self._successor(style, index)):
                return None
        nested = any(style in (".a", ".i", ".A", ".I") for style, _, _ in self.stack)
        following = mark.label.isdigit() and int(mark.label) == self.point + 1 > 1
        if following and self.section and not nested:
            # New York numbers subdivisions "1." above "(a)", the first one after the title.
            choice = (0, ".1", int(mark.label))
        if choice is None or (choice[2] != 1 and choice[0] == len(self.stack) > 0):
            return None
        depth, style, value = choice
        if style == ".1":
            self.point = value
        if value == 1 and mark.label.isalpha() and not self._successor(style, index):
            return None
        del self.stack[depth:]
        self.stack.append((style, value, mark.label))
        chunk.path, chunk.rank = self._path(), 24 + depth
        return chunk

    def _has_children(self, mark: _Mark) -> bool:
        pattern = rf"(?m)^[ \t#]*{re.escape(mark.label)}\.\d"
        return re.compile(pattern).search(self.view, mark.end, mark.end + 20_000) is not None

    def _accept_paren(self, mark: _Mark, line: _Line, index: int, chunk: _Chunk) -> _Chunk | None:
        view = self.view
        if _EN_REFERENCE_AFTER.match(view, mark.end, mark.end + 60) and not mark.adjacent:
            return None
        if mark.at_line:
            before = view[max(0, mark.start - 40) : mark.start]
            lone = before.rstrip()
            if (
                before.count("\n") == 1
                and lone[-1:] not in _TERMINAL
                and _EN_REFERENCE_BEFORE.search(lone)
                and not lone.endswith((")", "and", "or"))
            ):
                return None
        choice = self._choose(mark, index)
        if choice is None:
            return None
        depth, style, value = choice
        del self.stack[depth:]
        self.stack.append((style, value, mark.label))
        chunk.path, chunk.rank = self._path(), 30 + depth
        return chunk

    def _choose(self, mark: _Mark, index: int) -> tuple[int, str, int] | None:
        """Level, style and value that the label has here, or None for a reference."""
        styles = {style: (depth, value) for depth, (style, value, _) in enumerate(self.stack)}
        goes_on = [
            (styles[style][0], style, value)
            for style, value in mark.options
            if style in styles and value == styles[style][1] + 1
        ]
        opens = [style for style, value in mark.options if value == 1 and style not in styles]
        firm = mark.at_line or mark.adjacent
        if not firm and 0 <= self.section_end < mark.start <= self.section_end + 160:
            # "Sec. 4. Action Plan. (a) …" opens even where no (b) follows.
            firm = _run_in_title(self.view[self.section_end : mark.start].strip())
        if goes_on and opens and not self._roman_list(mark, index):
            opens = []
        if goes_on and not opens:
            return max(goes_on)
        if opens:
            if firm or self._successor(opens[0], index):
                return (len(self.stack), opens[0], 1)
            return max(goes_on) if goes_on else None
        if not firm:
            return None
        for style, value in mark.options:
            if value == 1 and style in styles:
                return (styles[style][0], style, value)
        if mark.adjacent:
            return None
        gaps = [
            (styles[style][0], style, value) for style, value in mark.options if style in styles
        ]
        if gaps:
            return max(gaps)
        style, value = mark.options[-1] if len(mark.options) > 1 else mark.options[0]
        return (len(self.stack), style, value)

    def _roman_list(self, mark: _Mark, index: int) -> bool:
        """Whether (i) after (h) opens a roman list: (ii) comes before (j) and before another (i)."""
        following = {"i": ("ii", "j"), "I": ("II", "J")}.get(mark.label)
        if following is None:
            return False
        for other in self.marks[index + 1 : index + 300]:
            if other.style in ("section", "code"):
                break
            if other.style != mark.style:
                continue
            if other.label == following[0]:
                return True
            if other.label in (following[1], mark.label):
                return False
        before = self.view[max(0, mark.start - 40) : mark.start]
        return before.rstrip().endswith((":", "—"))

    def _successor(self, style: str, index: int) -> bool:
        for other in self.marks[index + 1 : index + 200]:
            if other.style in ("section", "code", "dotted") and other.at_line:
                return False
            for kind, value in other.options:
                if kind == style and value <= 2:
                    return value == 2
        return False

    def _path(self) -> tuple[str, ...]:
        labels = list(self.base)
        for style, _, label in self.stack:
            labels.append(f"point {label}" if style == ".1" else f"({label})")
        return tuple(labels)

    # ---- cutting and judging

    def _cut(self, lines: list[_Line], number: int, opened: list[_Chunk]) -> list[_Chunk]:
        view, line = self.view, lines[number]
        parts: list[_Chunk] = []
        starts = [chunk.start for chunk in opened]
        if not opened or view[line.start : starts[0]].strip(" \t#*>"):
            head = _Chunk(line.start, starts[0] if opened else line.end, line.start)
            raw = view[head.start : head.end]
            hashes = re.match(r"\s*(#{1,6})\s+\S", raw)
            if line.kind == "heading" or hashes:
                level = len(hashes.group(1)) if hashes else line.level or 1
                head.role, head.rank, head.resets = "heading", level, True
                self.base, self.stack, self.section = (), [], ""
            elif _EN_BULLET.match(raw) and raw.strip():
                head.role = "bullet"
            elif (
                not opened and self._short_run(lines, number) >= 4 and self.runs.get(0, 0) <= number
            ):
                head.role = "names"
            elif not opened and self._is_heading_line(lines, number):
                head.role, head.rank = "heading", 40
                part = len(self.base) == 1 and not self.base[0].lower().startswith(
                    ("sec.", "§", "art.", "annex", "appendix", "schedule")
                )
                if _ends_numbering(raw) or (part and " " in self.base[0]) or not self.base:
                    head.resets = True
                    self.base, self.stack, self.section = (), [], ""
            elif self._leaves_list(line):
                self.stack, head.resets = [], True
            parts.append(head)
        for chunk, end in zip(opened, [*starts, line.end][1:], strict=True):
            chunk.end = end
            if line.kind == "heading" and len(opened) == 1:
                chunk.role, chunk.rank = "heading", line.level or chunk.rank
            parts.append(chunk)
        return parts

    def _is_heading_line(self, lines: list[_Line], number: int) -> bool:
        line = lines[number]
        body = self.view[line.start : line.end].strip()
        listed = bool(self.stack) and not self.stack[0][0].startswith(".")
        return not listed and _title_like(body) and number + 1 < len(lines)

    def _leaves_list(self, line: _Line) -> bool:
        """Whether a paragraph ends a list that no section holds: "(3) …." and then "Resolved …"."""
        if self.base or not self.stack or self.stack[0][0].startswith("."):
            return False
        before = self.view[max(0, line.start - 40) : line.start].rstrip()
        return (
            before.endswith((".", "”", ")"))
            and self.view[line.start : line.end].strip()[:1].isupper()
        )

    def _short_run(self, lines: list[_Line], number: int) -> int:
        """How many short lines stand together: four are a list of names, not headings."""
        known = self.runs.get(number)
        if known is not None:
            return known
        end = number
        while end < len(lines) and lines[end].kind != "heading" and self._is_name(lines[end]):
            end += 1
        for at in range(number, end):
            self.runs[at] = end - number
        return end - number

    def _is_name(self, line: _Line) -> bool:
        body = self.view[line.start : line.end].strip()
        body = re.sub(r"(?:,? ?(?:Co|Ltd|Inc|Corp|LLC|S\.A)\.)+$|[;,]$", "", body)
        return (
            len(body) <= 70
            and _title_like(body)
            and not _EN_BULLET.match(body)
            and self._line_mark(line.start, line.end) is None
            and not body.startswith(("(", "#"))
        )

    def _judge(self, chunks: list[_Chunk]) -> list[_Chunk]:
        """Tell titles of sections and tables of contents from provisions."""
        view = self.view
        last = {chunk.path: i for i, chunk in enumerate(chunks) if chunk.path}
        for i, chunk in enumerate(chunks):
            if chunk.role != "text" or not chunk.path or len(chunk.path) > 1:
                continue
            after = chunks[i + 1] if i + 1 < len(chunks) else None
            body = view[chunk.body : chunk.end].strip()
            numbered = chunk.path[0].startswith(("Sec.", "§"))
            if (
                numbered
                and last[chunk.path] > i
                and len(body) <= 150
                and after is not None
                and (len(after.path or ()) == 1 or after.role == "heading")
            ):
                chunk.role = "skip"  # a table of contents: the section itself comes later
                continue
            titled = _title_like(body) or _run_in_title(body)
            whole = view[chunk.end : chunk.end + 1] == "\n" and len(body) <= 100
            titled = titled or (whole and not body.endswith((*_TERMINAL, "—", "-")))
            if titled and after is not None and after.role != "heading" and body:
                own = after.path is None or len(after.path) > 1 or (
                    after.rank > chunk.rank and after.path != chunk.path
                )  # fmt: skip
                if own:
                    chunk.role = "heading"
        return chunks


def _merge_names(chunks: list[_Chunk]) -> list[_Chunk]:
    """Make one provision of a list of names, so that it does not weigh like forty."""
    out: list[_Chunk] = []
    for chunk in chunks:
        if chunk.role == "names" and out and out[-1].role == "names":
            out[-1].end = chunk.end
            continue
        out.append(chunk)
    for chunk in out:
        if chunk.role == "names":
            chunk.role = "text"
    return out


def _title_like(body: str) -> bool:
    """Whether a line reads as a title: short, begun by a capital, not closed like a sentence."""
    if not body or len(body) > 110 or body.endswith((".", ";", ":", ",", "”", "?", "!", "—", "-")):
        return bool(body) and len(body) <= 110 and body.isupper() and body.endswith((".", ":"))
    if not (body[0].isupper() or body[0].isdigit() or body[0] in "“\"‘'#"):
        return False
    words = body.split()
    if len(words) > 16 or not any(c.isalpha() for c in body):
        return False
    if len(words) <= 6:
        return True
    big = sum(w[0].isupper() or not w[0].isalpha() or w.lower() in _SMALL_WORDS for w in words)
    return big >= 0.7 * len(words) or len(words) <= 10


def _run_in_title(body: str) -> bool:
    """Whether the words after a section number are only its title: "Definitions."."""
    if len(body) > 140 or not body.endswith(".") or ". " in body:
        return False
    words = body.split()
    big = sum(w[0].isupper() or not w[0].isalpha() or w.lower() in _SMALL_WORDS for w in words)
    return len(words) <= 20 and big >= 0.85 * len(words)


def _ends_numbering(raw: str) -> bool:
    return re.match(
        r"(?i)\s*(?:conclusions?|appendi|annex|references|glossary|footnotes|endnotes|"
        r"acknowledge?ments?|signatories)",
        raw,
    ) is not None  # fmt: skip


# --------------------------------------------------------------------------- locators


@dataclass(slots=True)
class _Unit:
    """One provision with its own paragraphs, before it has a locator.

    Where something stands between its paragraphs (items, a title in the middle), the paragraphs
    after it are a unit of their own whose ``parent`` is the first; ``before`` is the number of
    paragraphs before them, and the first one's ``clauses`` counts them all. For an item of an
    article, ``parent`` is the article and ``before`` the 款 it belongs to.
    """

    path: tuple[str, ...]
    headings: tuple[str, ...]
    heading: str = ""
    parent: "_Unit | None" = None
    before: int = 0
    clauses: int = 0
    parts: list[_Chunk] = field(default_factory=list)


def _locate(text: str, chunks: list[_Chunk], document: Document, rules: str) -> list[_Piece]:
    chunks = _merge_bare(text, chunks)
    units = list(_units(text, chunks, document, rules))
    name: Callable[[_Unit, int, int, int], str] = _name_zh if rules == "zh" else _name_en
    pieces: list[_Piece] = []
    numbers: Counter[object] = Counter()
    hung = ""
    last_text: list[tuple[tuple[str, ...], tuple[int, int]]] = []
    for unit in units:
        article = rules == "zh" and _is_article_path(unit.path)
        first = _first(unit)
        total = first.clauses
        paragraph, bullet = unit.before if first is not unit else 0, 0
        before: tuple[int, int] | None = None
        for part in unit.parts:
            start, end = _trim(text, part.start, part.end)
            if start >= end:
                continue
            lead: tuple[int, int] | None = None
            if part.role == "bullet":
                bullet += 1
                if before and text[before[1] - 1] in ":：—":
                    lead = before
            else:
                paragraph, bullet = paragraph + 1, 0
                before = (start, end)
            if unit.path:
                if lead is None and paragraph <= 1:
                    lead = _lead_in(text, unit.path, last_text, article)
                if article and len(unit.path) == 1:
                    locator = _name_article(unit.path[0], paragraph, total, bullet)
                elif article:
                    locator = _article_item(unit) + _more(paragraph, total, bullet)
                else:
                    locator = name(unit, paragraph, total, bullet)
                    if rules == "en" and hung and locator.startswith("("):
                        locator = hung + locator
            else:
                # Paragraphs without a number are counted on their page, else under their heading.
                # Bullets hang on the paragraph before them; without one each is a paragraph.
                page = _page(document, start)
                key = ("page", page) if page is not None else ("heading", unit.heading)
                hangs = part.role == "bullet" and before is not None
                numbers[key] += not hangs
                locator = _name_loose(
                    rules, page, unit.heading, numbers[key] or 1, bullet if hangs else 0
                )
                # A list without a section above it hangs on the paragraph that opens it.
                hung = locator
            if part.role == "text":
                while last_text and len(last_text[-1][0]) >= len(unit.path):
                    last_text.pop()
                last_text.append((unit.path, (start, end)))
            limit = LONG_PARAGRAPH.get(rules, 0)
            if not unit.path and limit and end - start > limit:
                pieces += _cut_long(text, start, end, locator, rules, unit.headings, lead)
            else:
                pieces.append(_Piece(start, end, locator, unit.headings, lead))
    return pieces


def _merge_bare(text: str, chunks: list[_Chunk]) -> list[_Chunk]:
    """Give a number that stands alone to the words after it."""
    out: list[_Chunk] = []
    waiting: _Chunk | None = None
    for chunk in chunks:
        if chunk.role == "skip":
            continue
        if waiting is not None:
            if chunk.role == "text" and chunk.path is None:
                chunk.start, chunk.body = waiting.start, chunk.start
                chunk.path, chunk.rank = waiting.path, waiting.rank
            elif chunk.path is not None and chunk.role == "text":
                # "(a)" and on the next line "(1) …": the outer label goes with the inner words.
                chunk.start = waiting.start
            waiting = None
        if (
            chunk.role == "text"
            and chunk.path is not None
            and not text[chunk.body : chunk.end].strip()
        ):
            waiting = chunk
            continue
        out.append(chunk)
    return out


def _units(text: str, chunks: list[_Chunk], document: Document, rules: str) -> Iterator[_Unit]:
    headings: list[tuple[int, str]] = []
    unit: _Unit | None = None
    top: _Unit | None = None  # the open article, for Chinese paragraphs after its items
    title = _plain(document.title)
    content, opening, loose = False, 0, ""
    shown_often = Counter(
        _plain(text[c.start : c.end]) for c in chunks if c.role == "heading" and not c.path
    )
    articles = sum(chunk.path is not None and _is_article_path(chunk.path) for chunk in chunks)
    for chunk in chunks:
        if chunk.role == "heading":
            shown = _heading_text(text[chunk.start : chunk.end])
            is_title = not (content or headings or chunk.path or 10 <= chunk.rank <= 16)
            is_title = is_title or (_plain(shown) == title and bool(title))
            _push_heading(headings, 0 if is_title else max(1, chunk.rank), shown)
            if unit is not None and unit.parts:
                yield unit
            if chunk.path or chunk.resets or unit is None or not unit.path:
                # What stands above the first words is the document's title, not a part of it.
                first = not content and (rules == "en" and (opening == 0 or len(shown) > 60))
                opening += 1
                heading = "" if is_title or chunk.path or first else shown
                if heading and loose and shown_often[_plain(shown)] > 1:
                    heading = loose  # "Requirements" under each goal names none of them
                if rules == "zh" and 10 <= chunk.rank <= 13:
                    heading = ""
                elif rules == "zh" and articles >= 2 and not content:
                    heading = "序言"
                unit = _Unit(chunk.path or (), _texts(headings), heading)
                top, loose = None, heading
            else:
                unit = _go_on(unit, _texts(headings))
            continue
        content = True
        if chunk.path is not None:
            while headings and headings[-1][0] >= max(20, chunk.rank):
                headings.pop()
            if unit is not None and unit.parts:
                yield unit
            article = rules == "zh" and _is_article_path(chunk.path)
            if article and len(chunk.path) > 1 and top is not None:
                unit = _Unit(chunk.path, _texts(headings), parent=top, before=top.clauses)
            else:
                unit = _Unit(chunk.path, _texts(headings))
                top = unit if article else None
        elif chunk.resets and unit is not None:
            if unit.parts:
                yield unit
            unit = _Unit((), _texts(headings), loose)
        elif unit is None:
            unit = _Unit((), (), "序言" if rules == "zh" and articles >= 2 else "")
        elif top is not None and unit.path != top.path and chunk.role == "text":
            # 款: a paragraph after the items belongs to the article again.
            yield unit
            unit = _go_on(top, top.headings)
        unit.parts.append(chunk)
        if chunk.role == "text":
            _first(unit).clauses += 1
    if unit is not None and unit.parts:
        yield unit


def _first(unit: _Unit) -> _Unit:
    """The unit that a unit goes on from, or itself."""
    parent = unit.parent
    return parent if parent is not None and parent.path == unit.path else unit


def _go_on(unit: _Unit, headings: tuple[str, ...]) -> _Unit:
    first = _first(unit)
    return _Unit(first.path, headings, first.heading, parent=first, before=first.clauses)


def _is_article_path(path: tuple[str, ...]) -> bool:
    return bool(path) and path[0].startswith("第") and ("条" in path[0] or "條" in path[0])


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _lead_in(
    text: str,
    path: tuple[str, ...],
    last_text: list[tuple[tuple[str, ...], tuple[int, int]]],
    always: bool,
) -> tuple[int, int] | None:
    """The nearest text above a provision, if it opens it."""
    for above, span in reversed(last_text):
        if above and len(above) < len(path) and path[: len(above)] == above:
            final = text[span[1] - 1]
            opens = final in ":：—-" or final.isalnum() or (always and len(above) == 1)
            return span if opens else None
    return None


def _cut_long(
    text: str,
    start: int,
    end: int,
    locator: str,
    rules: str,
    headings: tuple[str, ...],
    lead: tuple[int, int] | None,
) -> list[_Piece]:
    """Cut a long paragraph at sentence ends into parts of even length."""
    sentences = split_sentences(text, rules, start, end)
    count = -(-(end - start) // LONG_PARAGRAPH[rules])
    target = (end - start) / count
    pieces: list[_Piece] = []
    first = 0
    for i, (_, right) in enumerate(sentences):
        whole = i == len(sentences) - 1
        length = right - sentences[i][0]
        if whole or right - start >= target * (len(pieces) + 1) - length / 2:
            left = sentences[first][0]
            one = first == i
            if rules == "zh":
                suffix = f"第{i + 1}句" if one else f"第{first + 1}—{i + 1}句"
            else:
                suffix = f", sentence {i + 1}" if one else f", sentences {first + 1}–{i + 1}"
            pieces.append(_Piece(left, right, locator + suffix, headings, lead))
            first = i + 1
    if len(pieces) == 1:
        pieces[0].locator = locator
    return pieces


def _page(document: Document, offset: int) -> int | None:
    if not document.pages:
        return None
    at = bisect_right(document.pages, offset, key=lambda page: page.start)
    return document.pages[max(0, at - 1)].number


def _name_article(article: str, paragraph: int, total: int, bullet: int) -> str:
    out = article + (f"第{_to_han(max(paragraph, 1))}款" if total > 1 else "")
    return out + (f"第{bullet}点" if bullet else "")


def _article_item(unit: _Unit) -> str:
    parent = unit.parent
    several = parent is not None and parent.clauses > 1
    clause = f"第{_to_han(max(unit.before, 1))}款" if several else ""
    return unit.path[0] + clause + "".join(unit.path[1:])


def _more(paragraph: int, total: int, bullet: int) -> str:
    return (f"第{paragraph}段" if total > 1 else "") + (f"第{bullet}点" if bullet else "")


def _name_zh(unit: _Unit, paragraph: int, total: int, bullet: int) -> str:
    base = "".join(unit.path)
    if unit.path[0].startswith("专栏") and len(unit.path) > 1:
        base = f"{unit.path[0]}（{''.join(unit.path[1:])}）"
    more = _more(paragraph, total, bullet)
    return base + more if more else base.rstrip("、")


def _name_en(unit: _Unit, paragraph: int, total: int, bullet: int) -> str:
    base = ""
    for label in unit.path:
        base += label if label.startswith("(") or not base else f", {label}"
    if total > 1:
        base += f", para. {max(paragraph, 1)}"
    return base + (f", bullet {bullet}" if bullet else "")


def _name_loose(rules: str, page: int | None, heading: str, count: int, bullet: int) -> str:
    heading = heading.rstrip(".:：。 ")
    if len(heading) > 64:
        short = heading[:60]
        heading = (short.rsplit(" ", 1)[0] if " " in short else short).rstrip(",;:") + "…"
    if rules == "zh":
        if page is not None:
            place = f"第{page}页第{count}段"
        elif heading in ("", "序言"):
            place = f"{heading}第{count}段"
        else:
            place = f"“{heading}”第{count}段"
        return place + (f"第{bullet}点" if bullet else "")
    if page is not None:
        place = f"p. {page}, para. {count}"
    else:
        place = f"{heading}, para. {count}" if heading and rules == "en" else f"para. {count}"
    return place + (f", bullet {bullet}" if bullet else "")


# --------------------------------------------------------------------------- segments


def _segments(document: Document, pieces: list[_Piece], language: str) -> tuple[Segment, ...]:
    text = document.text
    used: dict[str, int] = {}
    segments: list[Segment] = []
    done = 0
    for piece in pieces:
        start, end = _trim(text, max(piece.start, done), piece.end)
        if start >= end:
            continue
        done = end
        locator = piece.locator or "¶"
        # A source that repeats its own number: the second one says so.
        while locator in used:
            used[piece.locator] += 1
            locator = f"{piece.locator} [{used[piece.locator]}]"
        used[locator] = 1
        segments.append(
            Segment(
                id=f"{document.id}:{start}-{end}",
                document=document.id,
                locator=locator,
                start=start,
                end=end,
                text=text[start:end],
                page=_page(document, start),
                headings=piece.headings,
                lead_in=piece.lead_in,
                language=_segment_language(text, start, end, language),
            )
        )
    return tuple(segments)


_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN_WORD = re.compile("[A-Za-z]{2,}")


def _segment_language(text: str, start: int, end: int, language: str) -> str:
    """The document's language, unless the segment is plainly written in the other script."""
    if language.startswith("zh") and not _HAN.search(text, start, end):
        words = _LATIN_WORD.findall(text, start, end)
        return "en" if len(words) >= 4 else language
    if language.startswith("en") and _HAN.search(text, start, end):
        han = len(_HAN.findall(text, start, end))
        return "zh" if han > 0.3 * (end - start) else language
    return language
