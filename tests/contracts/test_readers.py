"""One suite over all readers: what every one of them promises."""

import io
import zipfile
from itertools import pairwise
from pathlib import Path

import docx
import pytest
from reportlab.pdfgen.canvas import Canvas

from qiutong.errors import (
    EmptyDocument,
    OversizedFile,
    QiutongError,
    UnreadableFile,
    WrongFormat,
)
from qiutong.model import SourceText
from qiutong.readers import _readers, read_bytes, read_file, register, supported
from qiutong.readers.layout import Piece, assemble
from qiutong.text import normalize_text

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def a_pdf() -> bytes:
    """Two pages with a heading and paragraphs."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(400, 500))
    canvas.setTitle("Rules for careful machines")
    for number in (1, 2):
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawString(40, 440, f"Part {'One' if number == 1 else 'Two'}")
        canvas.setFont("Helvetica", 10)
        for row in range(6):
            canvas.drawString(
                40, 400 - 13 * row, f"Line {row} of the rules speaks of testing models"
            )
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def a_docx() -> bytes:
    """A heading, a paragraph, a list and a table."""
    document = docx.Document()
    document.add_heading("总则", level=1)
    document.add_paragraph("提供者应当评估风险。\u3000The provider shall assess risk.")
    document.add_paragraph("first", style="List Bullet")
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Risk", "风险"
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


SAMPLES = {
    "a.pdf": a_pdf(),
    "a.docx": a_docx(),
    "a.html": "<!doctype html><html><head><meta charset=utf-8><title>规则</title></head><body><article>"
    "<h1>规则</h1><p>提供者应当对模型进行测试，并保存记录。𠀀</p><ul><li>一项</li><li>二项</li></ul>"
    "<table><tr><td>a</td><td>b</td></tr></table></article></body></html>".encode(),
    "a.md": "# Title\r\n\r\nFirst *line*\r\nsecond line.\r\n\r\n- item 𠀀\r\n- 项目\r\n\r\n| a | b |\r\n|---|---|\r\n| 1 | 2 |".encode(),
    "a.txt": "\ufeff第一条　为了规范测试。\r\n第二条 e\u0301tude 𠀀\u200b。\r\n".encode(),
    "x.digest.md": b"---\ndocument: x\nkind: digest\nlanguage: en\nread: original\n---\n# T\n## P\n"
    b"### Sec. 1\nProviders test.\n\nThey report.\n### Sec. 2\nOffices check.\n",
}


@pytest.fixture(params=sorted(SAMPLES))
def source(request: pytest.FixtureRequest) -> SourceText:
    """The reading of one sample."""
    return read_bytes(SAMPLES[request.param], request.param)


def check_layout(source: SourceText) -> None:
    """The laws of blocks and pages."""
    text = source.text
    assert text.strip()
    assert normalize_text(text) == text
    assert source.blocks
    at = 0
    for block in source.blocks:
        assert not text[at : block.start].strip(), "text between blocks"
        assert at <= block.start < block.end <= len(text)
        assert text[block.start : block.end].strip() == text[block.start : block.end]
        assert (block.level > 0) == (block.kind == "heading")
        at = block.end
    assert not text[at:].strip()
    for page, following in pairwise(source.pages):
        assert following.number == page.number + 1
        assert page.start <= following.start
    assert all(0 <= page.start <= len(text) for page in source.pages)
    assert isinstance(source.title, str)


def test_blocks_and_pages_hold_their_laws(source: SourceText) -> None:
    """Text is normal; blocks are ordered, apart and cover it; pages ascend."""
    check_layout(source)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_wrong_name_is_named_with_the_true_format(name: str) -> None:
    """Bytes under the name of another format raise WrongFormat that names file and remedy."""
    others = {"a.pdf", "a.docx", "a.html"} - {name}
    for other in others:
        wrong = "report" + Path(other).suffix
        with pytest.raises(WrongFormat) as caught:
            read_bytes(SAMPLES[name], wrong)
        assert wrong in str(caught.value)
        assert caught.value.remedy


@pytest.mark.parametrize("ending", supported())
@pytest.mark.parametrize(
    "data", [b"", b"\0" * 50, b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"\x7fELF" + bytes(range(256)) * 9]
)
def test_what_holds_no_text_is_refused_by_name(ending: str, data: bytes) -> None:
    """Empty, blank, picture and program files are refused whatever they are called."""
    with pytest.raises(UnreadableFile) as caught:
        read_bytes(data, f"some{ending}")
    assert f"some{ending}" in str(caught.value)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_cut_off_file_is_read_or_refused(name: str) -> None:
    """A file cut at any of several places gives text or one of our errors, never another one."""
    for share in (0.1, 0.4, 0.7, 0.95):
        data = SAMPLES[name][: int(len(SAMPLES[name]) * share)]
        try:
            found = read_bytes(data, name)
        except QiutongError as caught:
            refusal = str(caught)
        else:
            check_layout(found)
            continue
        assert name in refusal


def test_a_file_over_the_limit_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Size is asked of the file system, so a 200 MB file is refused unread."""
    big = tmp_path / "big.txt"
    with big.open("wb") as stream:
        stream.truncate(200_000_000)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("the file was opened"))
    with pytest.raises(OversizedFile, match="200 MB"):
        read_file(big)


def test_paths_that_are_no_files_are_named(tmp_path: Path) -> None:
    """A missing file and a folder are clear errors; an empty file is an EmptyDocument."""
    with pytest.raises(UnreadableFile, match="does not exist"):
        read_file(tmp_path / "none.pdf")
    with pytest.raises(UnreadableFile, match="folder"):
        read_file(tmp_path)
    (tmp_path / "empty.pdf").touch()
    with pytest.raises(EmptyDocument):
        read_file(tmp_path / "empty.pdf")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "old format"),
        (b"{\\rtf1 text}", "RTF"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"\xff\xd8\xff\xe0 JFIF", "JPEG"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "MHTML"),
    ],
)
def test_foreign_formats_are_named(data: bytes, what: str) -> None:
    """Formats that people send and that are not read are named with a remedy."""
    with pytest.raises(WrongFormat, match=what) as caught:
        read_bytes(data, "policy.doc")
    assert caught.value.remedy


def test_zipped_office_formats_are_named() -> None:
    """An Excel file and a plain zip archive are told apart."""
    for member, what in (("xl/workbook.xml", "Excel"), ("notes.txt", "zip archive")):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(member, "text")
        with pytest.raises(WrongFormat, match=what):
            read_bytes(stream.getvalue(), "table.docx")


def test_an_unknown_ending_is_read_by_content() -> None:
    """A page saved as .aspx is read as the HTML it is."""
    assert read_bytes(SAMPLES["a.html"], "detail.aspx").media_type == "text/html"


def test_a_reader_of_ones_own_is_asked_first() -> None:
    """A plugin registers by the road of the built-in readers and can take a format over."""

    class Shout:
        name, extensions, media_type = "shout", (".shout",), "text/x-shout"

        def sniff(self, data: bytes, name: str) -> bool:
            return name.endswith(".shout")

        def read(self, data: bytes, name: str) -> SourceText:
            text, blocks, _ = assemble([Piece("paragraph", data.decode().upper())])
            return SourceText(text=text, blocks=blocks)

    plugin = Shout()
    register(plugin)
    try:
        assert read_bytes(b"hear", "a.shout").text == "HEAR"
        assert ".shout" in supported()
    finally:
        _readers.remove(plugin)


@pytest.mark.real
@pytest.mark.parametrize("folder", ["files", "zh"])
def test_real_files_hold_the_laws(folder: str) -> None:
    """Every real PDF, page and text keeps the laws of layout."""
    if not DATA.is_dir():
        pytest.skip(f"the real texts are not here: {DATA}")
    files = [path for path in sorted((DATA / folder).iterdir()) if path.suffix != ".csv"]
    assert files
    for path in files:
        check_layout(read_file(path))
