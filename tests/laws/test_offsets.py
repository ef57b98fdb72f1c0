"""The exact-offset law: a quote is where its offsets say, in every text."""

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qiutong.model import Block, Document, Page
from qiutong.segment import segment_document
from qiutong.text import (
    detect_language,
    index_terms,
    normalize_text,
    split_sentences,
    to_simplified,
)

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

FRAGMENTS = st.sampled_from(
    [
        "第一条 ", "第二条 ", "第十条之一", "依照本法第三条的规定，", "第一章 总则\n", "（一）", "(二)",
        "一、", "二、", "1.", "2．", "１．", "1.1 ", "2.3.1 ", "①", "——", "附件1", "专栏1 ", "。", "；", "：",
        "应当建立健全制度", "網絡安全", "“引号。”", "ＡＩ（２）", "𠮷😀", "Sec. 2.  ", "SECTION 1. ", "§ 3 ",
        "(a) ", "(b)", "(i) ", "(ii)", "(1)(A)", "22757.1. ", "Article 3 ", "Principle 2: ", "GOVERN 1.1: ",
        "A. ", "iv. ", "• ", "- ", "# Title\n", "Providers shall test systems", " under subsection (b)", ". ",
        ":", ";", "\n", "\n\n", "\r\n", "\r", "\u2028", "\x0c", "\ufeff", "\u200b", "\u3000", "\u00a0", "\t",
        "[omitted]", "12\n", "* * *\n", "Überblick", "ا", "한국어", "e\u0301", "IV. ", "New York\n",
    ]
)  # fmt: skip
MIXED = st.lists(st.one_of(FRAGMENTS, st.text(max_size=12)), max_size=60).map("".join)
LANGUAGES = st.sampled_from(["zh", "en", "und", "sw", "zh-Hant", "ja"])


def check(document: Document) -> None:
    segments = segment_document(document)
    end = 0
    for segment in segments:
        assert document.text[segment.start : segment.end] == segment.text
        assert segment.text == segment.text.strip() != ""
        assert segment.start >= end
        assert segment.id == f"{document.id}:{segment.start}-{segment.end}"
        if segment.lead_in:
            assert 0 <= segment.lead_in[0] < segment.lead_in[1] <= segment.start
        end = segment.end
    names = [segment.locator for segment in segments]
    assert len(set(names)) == len(names)
    assert all(names)


@given(MIXED)
def test_normalising_twice_changes_nothing(raw: str) -> None:
    """The normal form is a fixed point."""
    once = normalize_text(raw)
    assert normalize_text(once) == once


@given(MIXED)
def test_simplifying_keeps_every_offset(text: str) -> None:
    """The map is one to one, so offsets hold in both forms."""
    assert len(to_simplified(text)) == len(text)


@given(MIXED, LANGUAGES)
def test_sentences_cover_the_text_in_order(raw: str, language: str) -> None:
    """Sentences do not overlap, are not empty, and leave out only white space."""
    text = normalize_text(raw)
    end = 0
    left_out = ""
    for start, stop in split_sentences(text, language):
        assert end <= start < stop <= len(text)
        left_out += text[end:start]
        end = stop
    assert not (left_out + text[end:]).strip()


@given(MIXED, LANGUAGES)
@settings(max_examples=300, deadline=None)
def test_every_segment_is_an_exact_quote(raw: str, language: str) -> None:
    """Offsets, order, unique locators and lead-ins hold for any text in any language."""
    check(Document(id="d", party="p", title="", text=normalize_text(raw), language=language))


@given(st.lists(MIXED, min_size=1, max_size=8), st.data())
@settings(max_examples=150, deadline=None)
def test_the_law_holds_with_blocks_and_pages(parts: list[str], data: st.DataObject) -> None:
    """Blocks of a reader, with gaps between them, change nothing about the law."""
    text, blocks, pages = "", [], []
    for part in parts:
        start = len(text)
        text += normalize_text(part) + "\n"
        kind = data.draw(st.sampled_from(["heading", "paragraph", "item", "table-row", "none"]))
        if kind != "none" and text[start:].strip():
            level = 1 + len(blocks) % 3 if kind == "heading" else 0
            blocks.append(Block(kind=kind, start=start, end=len(text) - 1, level=level))
        if data.draw(st.booleans()):
            pages.append(Page(number=len(pages) + 1, start=start))
    check(
        Document(
            id="d", party="p", title="", text=text, blocks=tuple(blocks), pages=tuple(pages),
            language=data.draw(LANGUAGES),
        )
    )  # fmt: skip


@given(st.text(alphabet="网络安全法人工智能治理", min_size=1, max_size=20), st.data())
def test_a_part_of_a_chinese_text_is_found_by_phrase(text: str, data: st.DataObject) -> None:
    """Terms of a part are a contiguous run of the terms of the whole."""
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    whole, terms = index_terms(text), index_terms(part)
    assert any(whole[i : i + len(terms)] == terms for i in range(len(whole)))


def real_texts() -> list[Path]:
    return sorted([*SHARED.glob("agora/fulltext/*.txt"), *SHARED.glob("zh/*.txt")])


@pytest.mark.real
def test_the_law_holds_for_every_real_document() -> None:
    """Each of the AGORA texts and Chinese originals, and hardly a word lies in no segment."""
    paths = real_texts()
    if not paths:
        pytest.skip(f"needs the real texts in {SHARED}")
    thin = []
    for path in paths:
        text = normalize_text(path.read_text("utf-8"))
        document = Document(
            id=path.stem, party="p", title="", text=text, language=detect_language(text)
        )
        check(document)
        covered = bytearray(len(text))
        for segment in segment_document(document):
            covered[segment.start : segment.end] = b"\x01" * (segment.end - segment.start)
        # What lies in no segment is a heading or furniture: no run of more than 170 characters.
        for line in re.finditer(r"[^\n]+", text):
            for run in re.finditer(rb"\x00+", covered[line.start() : line.end()]):
                left_out = text[line.start() + run.start() : line.start() + run.end()].strip()
                if len(left_out) > 170:
                    thin.append((path.name, left_out[:80]))
    assert thin == []


@pytest.mark.real
def test_the_law_holds_for_the_parallel_texts() -> None:
    """Both sides of the aligned provisions and sentence pairs, as one document each."""
    table = SHARED / "parallel" / "policy_zh_en.tsv"
    if not table.exists():
        pytest.skip(f"needs the real texts in {SHARED}")
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter="\t") if row]
    columns = ["\n".join(row[i] for row in rows if i < len(row)) for i in range(len(rows[0]))]
    others = [path.read_text("utf-8") for path in sorted(SHARED.glob("parallel/generaltest2023*"))]
    for text in [*columns, *others]:
        for language in (detect_language(text), "zh", "en"):
            check(
                Document(id="d", party="p", title="", text=normalize_text(text), language=language)
            )
