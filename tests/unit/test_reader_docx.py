"""Word files: styles, numbers that Word adds, tables, notes, and unsafe archives."""

import io
import re
import zipfile
from collections.abc import Callable

import docx
import pytest
from docx.document import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from qiutong.errors import (
    EmptyDocument,
    EncryptedDocument,
    UnreadableFile,
    UnsafeArchive,
    WrongFormat,
)
from qiutong.model import SourceText
from qiutong.readers import read_bytes
from qiutong.readers.docx import _chinese_number, _format_number


def word(fill: Callable[[WordDocument], None]) -> bytes:
    """A Word file filled by a function."""
    document = docx.Document()
    fill(document)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def repack(data: bytes, change: dict[str, bytes | Callable[[bytes], bytes]]) -> bytes:
    """The archive with members replaced or added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", 8) as new:
        for name in old.namelist():
            edit = change.get(name, lambda body: body)
            new.writestr(name, edit(old.read(name)) if callable(edit) else edit)
        for name in change.keys() - set(old.namelist()):
            body = change[name]
            assert isinstance(body, bytes)
            new.writestr(name, body)
    return stream.getvalue()


def shown(source: SourceText) -> list[tuple[str, int, str]]:
    """Kind, level and text of each block."""
    return [(b.kind, b.level, source.text[b.start : b.end]) for b in source.blocks]


def test_styles_and_tables_become_blocks() -> None:
    """Headings carry their level; tables are read row by row in their place."""

    def fill(document: WordDocument) -> None:
        document.core_properties.title = "测试规则"
        document.add_heading("总则", level=1)
        document.add_heading("Scope", level=2)
        document.add_paragraph("提供者应当测试。")
        table = document.add_table(rows=2, cols=2)
        for at, text in enumerate(("Risk", "Duty", "High", "Test")):
            table.cell(at // 2, at % 2).text = text
        document.add_paragraph("After the table.")

    source = read_bytes(word(fill), "a.docx")
    assert source.title == "测试规则"
    assert shown(source) == [
        ("heading", 1, "总则"),
        ("heading", 2, "Scope"),
        ("paragraph", 0, "提供者应当测试。"),
        ("table-row", 0, "Risk | Duty"),
        ("table-row", 0, "High | Test"),
        ("paragraph", 0, "After the table."),
    ]


def test_automatic_numbers_are_part_of_the_text() -> None:
    """Numbers that Word shows and does not store are written out, also 第一条 and (a)."""

    def fill(document: WordDocument) -> None:
        root = document.part.numbering_part.element
        abstract = parse_xml(
            f'<w:abstractNum {nsdecls("w")} w:abstractNumId="77">'
            '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/>'
            '<w:lvlText w:val="第%1条"/></w:lvl>'
            '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/>'
            '<w:lvlText w:val="(%2)"/></w:lvl></w:abstractNum>'
        )
        root.insert(0, abstract)
        root.append(
            parse_xml(f'<w:num {nsdecls("w")} w:numId="77"><w:abstractNumId w:val="77"/></w:num>')
        )
        for level, text in (
            (0, "目的。"),
            (0, "范围："),
            (1, "models"),
            (1, "data"),
            (0, "定义。"),
        ):
            paragraph = document.add_paragraph(text)
            paragraph._p.get_or_add_pPr().append(
                parse_xml(
                    f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/><w:numId w:val="77"/></w:numPr>'
                )
            )

    assert [text for _, _, text in shown(read_bytes(word(fill), "a.docx"))] == [
        "第一条 目的。",
        "第二条 范围：",
        "(a) models",
        "(b) data",
        "第三条 定义。",
    ]


def test_numbers_in_chinese_and_other_forms() -> None:
    """Forms of numbers as Word shows them."""
    assert [_chinese_number(n) for n in (1, 10, 11, 20, 35, 101, 110)] == [
        "一", "十", "十一", "二十", "三十五", "一百零一", "一百一十",
    ]  # fmt: skip
    assert _format_number(14, "lowerRoman") == "xiv"
    assert _format_number(28, "upperLetter") == "BB"
    assert _format_number(3, "decimalEnclosedCircle") == "③"


def test_content_controls_and_tracked_changes_are_read() -> None:
    """Text in content controls and insertions stays, deletions go, with a warning."""

    def fill(document: WordDocument) -> None:
        body = document.element.body
        w = nsdecls("w")
        body.insert(0, parse_xml(
            f"<w:sdt {w}><w:sdtContent><w:p><w:r><w:t>In a control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        ))  # fmt: skip
        body.insert(1, parse_xml(
            f'<w:p {w}><w:r><w:t xml:space="preserve">Providers </w:t></w:r><w:ins w:id="1" w:author="x">'
            '<w:r><w:t>shall</w:t></w:r></w:ins><w:del w:id="2" w:author="x"><w:r><w:delText>may</w:delText>'
            '</w:r></w:del><w:r><w:t xml:space="preserve"> test.</w:t></w:r></w:p>'
        ))  # fmt: skip

    source = read_bytes(word(fill), "a.docx")
    assert source.text == "In a control.\n\nProviders shall test."
    assert "tracked changes" in source.warnings[0]


def test_footnotes_go_to_the_end_and_are_announced() -> None:
    """Notes are appended and counted, not lost."""
    notes = (
        b'<?xml version="1.0"?><w:footnotes xmlns:w="http://schemas.openxmlformats.org/'
        b'wordprocessingml/2006/main"><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
        b'<w:footnote w:id="1"><w:p><w:r><w:t>See the former rule.</w:t></w:r></w:p></w:footnote>'
        b"</w:footnotes>"
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    data = repack(
        word(lambda document: document.add_paragraph("Body.")),
        {
            "word/footnotes.xml": notes,
            "word/_rels/document.xml.rels": lambda body: body.replace(
                b"</Relationships>",
                f'<Relationship Id="rId99" Type="{kind}" Target="footnotes.xml"/></Relationships>'.encode(),
            ),
        },
    )
    source = read_bytes(data, "a.docx")
    assert source.text == "Body.\n\n[1] See the former rule."
    assert "1 footnote" in source.warnings[0]


def test_files_that_cannot_be_read_are_told_apart() -> None:
    """A password, an old format, macros, damage and emptiness each say so."""
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    with pytest.raises(EncryptedDocument):
        read_bytes(ole + "EncryptedPackage".encode("utf-16-le"), "a.docx")
    with pytest.raises(WrongFormat, match=r"\.doc\)"):
        read_bytes(ole + "WordDocument".encode("utf-16-le"), "a.docx")
    with pytest.raises(EmptyDocument):
        read_bytes(word(lambda document: None), "a.docx")
    plain = word(lambda document: document.add_paragraph("Body."))
    with pytest.raises(UnreadableFile):
        read_bytes(repack(plain, {"word/document.xml": b"<broken"}), "a.docx")
    macros = repack(plain, {"[Content_Types].xml": lambda body: re.sub(
        rb"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main\+xml",
        b"application/vnd.ms-word.document.macroEnabled.main+xml", body)})  # fmt: skip
    with pytest.raises(WrongFormat, match="no ordinary Word"):
        read_bytes(macros, "a.docx")


def test_a_word_file_that_is_a_bomb_is_not_unpacked() -> None:
    """Ratio and size are checked before python-docx opens the archive."""
    bomb = repack(
        word(lambda document: document.add_paragraph("Body.")),
        {"word/media/zeros.xml": b"\0" * 5_000_000},
    )
    with pytest.raises(UnsafeArchive, match="times its size"):
        read_bytes(bomb, "a.docx")
