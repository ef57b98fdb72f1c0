"""PDF: order, running lines, hyphens, paragraphs, notes, and files that cannot be read."""

import io
import resource
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from qiutong.errors import EmptyDocument, EncryptedDocument, ScannedDocument, UnreadableFile
from qiutong.model import SourceText
from qiutong.readers import read_bytes, read_file

PLAN = (
    Path(__file__).parents[2].parent
    / "shared"
    / "data"
    / "files"
    / "us_americas_ai_action_plan.pdf"
)
Draw = Callable[[Canvas], None]


def make_pdf(*pages: Draw) -> bytes:
    """A PDF of 600 by 800 points with the pages drawn."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=(600, 800))
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def lines(
    canvas: Canvas, x: float, y: float, *texts: str, size: float = 10, lead: float = 13
) -> None:
    """Draw lines below each other."""
    canvas.setFont("Helvetica", size)
    for row, text in enumerate(texts):
        canvas.drawString(x, y - row * lead, text)


def paragraphs(source: SourceText, kind: str = "paragraph") -> list[str]:
    """Texts of the blocks of one kind."""
    return [source.text[b.start : b.end] for b in source.blocks if b.kind == kind]


def picture(canvas: Canvas) -> None:
    """Fill the page with an image, as a scanner does."""
    from PIL import Image

    canvas.drawImage(ImageReader(Image.new("L", (60, 80), 200)), 0, 0, 600, 800)


def test_two_columns_are_read_one_after_the_other() -> None:
    """Rows drawn across both columns still come out column by column, below the wide title."""
    left = [f"Left column row {n} runs on to its full width" for n in range(12)]
    right = [f"Right column row {n} runs on to its full width" for n in range(12)]

    def page(canvas: Canvas) -> None:
        lines(
            canvas, 50, 740, "A wide title that crosses both of the columns of this page", size=18
        )
        for row in range(12):
            lines(canvas, 50, 700 - 13 * row, left[row])
            lines(canvas, 320, 700 - 13 * row, right[row])

    text = read_bytes(make_pdf(page), "a.pdf").text
    places = [text.index(row) for row in [*left, *right]]
    assert places == sorted(places)
    assert text.startswith("A wide title")


def test_a_table_is_read_row_by_row() -> None:
    """Short cells side by side are a table and no columns."""
    rows = [
        ("Risk", "High"),
        ("Bias", "Low"),
        ("Misuse", "High"),
        ("Drift", "Low"),
        ("Leak", "Mid"),
    ]

    def page(canvas: Canvas) -> None:
        lines(
            canvas,
            50,
            760,
            "The table below sets out what was found in the year under review and why.",
        )
        for n, (first, second) in enumerate(rows):
            lines(canvas, 50, 700 - 20 * n, first)
            lines(canvas, 300, 700 - 20 * n, second)

    text = read_bytes(make_pdf(page), "a.pdf").text
    assert all(f"{first} {second}" in text for first, second in rows)


def test_running_heads_and_page_numbers_are_left_out() -> None:
    """Lines that repeat at one height go, with their figures; the same words in the body stay."""

    def page(number: int) -> Draw:
        def draw(canvas: Canvas) -> None:
            lines(canvas, 200, 770, f"Careful Machines Act, edition {number}")
            lines(
                canvas, 50, 700, f"Provision {number} says that the Careful Machines Act applies."
            )
            lines(canvas, 290, 30, f"- {number} -")

        return draw

    text = read_bytes(make_pdf(*[page(n) for n in range(1, 6)]), "a.pdf").text
    assert "edition" not in text
    assert "- 3 -" not in text
    assert text.count("the Careful Machines Act applies.") == 5


def test_a_paragraph_goes_on_over_the_page_and_its_hyphens_close() -> None:
    """A word divided at the line's end closes; a compound keeps its hyphen; page two has its anchor."""
    first = [
        "Every provider shall examine the safety of its systems and shall keep the safe-",
        "ty record for three years, in a risk-based manner that the office has found to be risk-",
        "based, and shall hand the whole of the record over to the national office whenever the",
    ]

    def one(canvas: Canvas) -> None:
        lines(canvas, 50, 100, *first)

    def two(canvas: Canvas) -> None:
        lines(canvas, 50, 740, "office asks for it.")
        lines(canvas, 50, 700, "Another paragraph.")

    source = read_bytes(make_pdf(one, two), "a.pdf")
    whole, other = paragraphs(source)
    assert "the safety record" in whole
    assert "to be risk-based, and" in whole
    assert whole.endswith("whenever the office asks for it.")
    assert other == "Another paragraph."
    assert source.text[source.pages[1].start :].startswith("office asks")


def test_notes_do_not_cut_a_paragraph_in_two() -> None:
    """Small lines at the foot of a page become blocks of their own before the open paragraph."""

    def one(canvas: Canvas) -> None:
        lines(canvas, 50, 200, "A first paragraph stands here and ends.")
        lines(
            canvas,
            50,
            160,
            *["The second paragraph goes on and on and fills the whole line of the page"] * 4,
        )
        lines(canvas, 50, 60, "1 A note about sources, set small.", size=7)

    def two(canvas: Canvas) -> None:
        lines(canvas, 50, 740, "until it ends on the next page.")

    found = paragraphs(read_bytes(make_pdf(one, two), "a.pdf"))
    assert found[1] == "1 A note about sources, set small."
    assert found[2].endswith("until it ends on the next page.")


def test_raised_figures_are_notes_or_powers() -> None:
    """A raised figure after a word goes; one after a number is a power and stays."""

    def page(canvas: Canvas) -> None:
        text = canvas.beginText(50, 700)
        for piece, raised in (
            ("Models above 10", 0),
            ("26", 1),
            (" operations are reported.", 0),
            ("4", 1),
        ):
            text.setFont("Helvetica", 6 if raised else 10)
            text.setRise(4 if raised else 0)
            text.textOut(piece)
        text.setRise(0)
        canvas.drawText(text)
        lines(canvas, 50, 660, "Others are not.")

    text = read_bytes(make_pdf(page), "a.pdf").text
    assert "Models above 10²⁶ operations are reported.\n" in text


def test_headings_are_told_by_size_and_weight() -> None:
    """Larger type is a heading of a higher level than bold type of body size."""

    def page(canvas: Canvas) -> None:
        lines(canvas, 50, 740, "Part One: Aims", size=18)
        canvas.setFont("Helvetica-Bold", 10)
        canvas.drawString(50, 700, "Safety first")
        lines(
            canvas,
            50,
            680,
            *["Body text that fills the line from one margin to the other margin."] * 5,
        )

    source = read_bytes(make_pdf(page), "a.pdf")
    assert [(source.text[b.start : b.end], b.level) for b in source.blocks if b.level] == [
        ("Part One: Aims", 1),
        ("Safety first", 2),
    ]


def test_chinese_lines_join_without_spaces() -> None:
    """Lines of a Chinese paragraph are joined tight; an indented line begins the next one."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))

    def page(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", 10)
        for row, (indent, text) in enumerate(
            [
                (20, "第一条 为了规范模型测试活动，保护公众的合法权益，根据有关法律，制"),
                (0, "定本办法。提供者应当在每年年底之前向主管部门提交一份完整的测试报告，"),
                (0, "并公开其摘要。"),
                (20, "第二条 测试应当客观公正。"),
            ]
        ):
            canvas.drawString(50 + indent, 700 - 16 * row, text)

    found = paragraphs(read_bytes(make_pdf(page), "a.pdf"))
    assert found == [
        "第一条 为了规范模型测试活动，保护公众的合法权益，根据有关法律，制定本办法。"
        "提供者应当在每年年底之前向主管部门提交一份完整的测试报告，并公开其摘要。",
        "第二条 测试应当客观公正。",
    ]


def test_scans_are_named_and_partly_scanned_files_are_read() -> None:
    """Pictures alone raise ScannedDocument with their number; some of them make a warning."""
    with pytest.raises(ScannedDocument, match="2 of 2") as caught:
        read_bytes(make_pdf(picture, picture), "scan.pdf")
    assert "OCR" in caught.value.remedy

    def text(canvas: Canvas) -> None:
        lines(canvas, 50, 700, "A page with words on it.")

    source = read_bytes(make_pdf(text, picture, picture), "part.pdf")
    assert "2–3" in source.warnings[0]
    assert [page.number for page in source.pages] == [1, 2, 3]


def test_encrypted_damaged_and_blank_files_are_told_apart() -> None:
    """A password, a broken structure and blank pages are three different errors."""

    def text(canvas: Canvas) -> None:
        lines(canvas, 50, 700, "Secret words.")

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(text)))
    writer.encrypt("open sesame", algorithm="RC4-128")
    stream = io.BytesIO()
    writer.write(stream)
    with pytest.raises(EncryptedDocument, match="password"):
        read_bytes(stream.getvalue(), "a.pdf")
    with pytest.raises(UnreadableFile, match="damaged"):
        read_bytes(b"%PDF-1.7\nnothing follows", "a.pdf")
    with pytest.raises(EmptyDocument):
        read_bytes(make_pdf(lambda canvas: None), "a.pdf")


def test_a_table_of_contents_is_left_out_with_a_warning() -> None:
    """Lines that lead to page numbers by dots are no provisions."""

    def contents(canvas: Canvas) -> None:
        lines(canvas, 50, 740, *[f"Chapter {n} on testing {'.' * 40} {n}" for n in range(1, 8)])

    def body(canvas: Canvas) -> None:
        lines(canvas, 50, 700, "The body of the text begins here.")

    source = read_bytes(make_pdf(contents, body), "a.pdf")
    assert source.text == "The body of the text begins here."
    assert "table of contents" in source.warnings[0]


@pytest.mark.real
def test_the_real_plan_is_read_whole_and_clean() -> None:
    """28 pages: no running heads, paragraphs over pages whole, pillars as headings, in order."""
    if not PLAN.is_file():
        pytest.skip(f"the real texts are not here: {PLAN}")
    source = read_file(PLAN)
    assert len(source.pages) == 28
    assert [source.pages[n].label for n in (1, 2, 3)] == ["i", "ii", "1"]
    assert "AMERICA’S AI ACTION PLAN" not in source.text[400:]
    headings = paragraphs(source, "heading")
    pillars = [text for text in headings if text.startswith("Pillar ")]
    assert [text.split(":")[0] for text in pillars] == ["Pillar I", "Pillar II", "Pillar III"]
    assert headings.count("Recommended Policy Actions") >= 28
    body = paragraphs(source) + paragraphs(source, "item")
    assert not [text for text in body if text.isdigit()]
    continued = [b for b in source.blocks if any(b.start < p.start < b.end for p in source.pages)]
    assert len(continued) >= 10
    assert not [text for text in body if text[0].islower() and "www." not in text]


@pytest.mark.real
def test_memory_stays_small_on_the_real_plan() -> None:
    """Pages are closed one by one: reading it again does not grow the process by 100 MB."""
    if not PLAN.is_file():
        pytest.skip(f"the real texts are not here: {PLAN}")
    read_file(PLAN)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(4):
        read_file(PLAN)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
