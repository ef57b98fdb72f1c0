"""Plain text and Markdown: encodings, hard-wrapped lines, markup."""

import pytest

from qiutong.errors import UndecodableText, WrongFormat
from qiutong.readers import read_bytes
from qiutong.readers.markdown import strip_markup
from qiutong.readers.text import unwrap_lines

SIMPLIFIED = (
    "提供者应当在模型上线之前完成安全测试，并把测试结果报送主管部门。\n"
    "用户有权知道内容是否由机器生成，平台应当在显著位置加以标明。\n"
)
TRADITIONAL = (
    "提供者應當在模型上線之前完成安全測試，並把測試結果報送主管機關。\n"
    "使用者有權知道內容是否由機器生成，平臺應當在顯著位置加以標明。\n"
)


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (SIMPLIFIED, "utf-8", "utf-8"),
        (SIMPLIFIED, "utf-8-sig", "utf-8-sig"),
        (SIMPLIFIED, "utf-16", "utf-16"),
        (SIMPLIFIED, "gb18030", "gb18030"),
        (SIMPLIFIED[:20], "gb18030", "gb18030"),
        (TRADITIONAL, "big5", "big5"),
        (TRADITIONAL[:20], "big5", "big5"),
        (TRADITIONAL, "gb18030", "gb18030"),
        ("Providers test. " * 4, "utf-16-le", "utf-16-le"),
        ("Les fournisseurs évaluent la sécurité à chaque étape.", "cp1252", "windows-1252"),
        ("事業者はモデルの安全性を確認しなければならない。", "shift_jis", "shift_jis"),
        ("사업자는 인공지능의 안전을 확인해야 한다. 그리고 기록을 보관한다.", "cp949", "cp949"),
    ],
)
def test_encodings_are_found(text: str, encoding: str, found: str) -> None:
    """Each encoding is told from the others, also GB18030 from Big5 on a single line."""
    source = read_bytes(text.encode(encoding), "a.txt")
    assert source.encoding == found
    assert source.text.split() == text.split()
    assert not source.warnings


def test_a_few_broken_bytes_are_read_with_a_warning() -> None:
    """A cut-off character does not lose the document, and the place is named."""
    data = (SIMPLIFIED * 20).encode("gb18030")
    source = read_bytes(data[:-1] + b"\xff\n", "a.txt")
    assert source.encoding == "gb18030"
    assert "could not be decoded" in source.warnings[0]


def test_bytes_of_no_encoding_are_refused() -> None:
    """High bytes without meaning are UndecodableText with what to do."""
    data = bytes(0x80 + (7 * n * n) % 128 for n in range(3000))
    with pytest.raises(UndecodableText, match="UTF-8") as caught:
        read_bytes(data, "a.txt")
    assert caught.value.remedy


def test_binary_data_is_no_text() -> None:
    """Control bytes are named as binary."""
    with pytest.raises(WrongFormat, match="binary"):
        read_bytes(bytes(range(32)) * 30, "a.txt")


def test_hard_wrapped_lines_are_joined_into_provisions() -> None:
    """Lines cut at a margin become one paragraph each; numbered provisions stay apart."""
    text = (
        "    (a) In General.--Not later than one year after the date of this\n"
        "rule, the office shall examine every model that a provider offers to\n"
        "the public and shall publish what it has found in a risk-\n"
        "based summary.\n"
        "    (b) Contents.--The summary shall name the models examined and the\n"
        "methods used, including those under Section 5 of the former rule and\n"
        "Section 6 of the same, together with their known limits; and\n"
        "        (1) a list of the tests made by the provider itself, with the\n"
        "        dates on which they were made and the persons who made them,\n"
        "        and a list of the tests made by others at its request;\n"
        "        (2) costs.\n"
    )
    found = unwrap_lines(text)
    assert [paragraph[:3] for paragraph in found] == ["(a)", "(b)", "(1)", "(2)"]
    assert (
        "methods used, including those under Section 5 of the former rule and Section 6" in found[1]
    )
    assert found[2].endswith("at its request;")


def test_lines_that_are_paragraphs_stay_so() -> None:
    """A text with one paragraph a line is not joined."""
    rows = [
        "第一条 为了规范测试。",
        "第二条 本规则适用于提供者和使用者的一切活动，另有规定的除外。",
    ] * 6
    assert unwrap_lines("\n".join(rows)) == rows


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("**Shall** not _mislead_ users", "Shall not mislead users"),
        ("see [the rule](https://example.org/a_(b)) now", "see the rule now"),
        ("a_b_c and 2 * 3 * 4", "a_b_c and 2 * 3 * 4"),
        ("`code` &amp; ~~old~~ <b>new</b>", "code & old new"),
        (r"\*not emphasis\*", "*not emphasis*"),
        ("提供者**应当**测试", "提供者应当测试"),
        ("![seal](s.png) A note[^1]", "seal A note"),
    ],
)
def test_markup_is_taken_off(markup: str, shown: str) -> None:
    """What Markdown displays is what stays."""
    assert strip_markup(markup) == shown


def test_markdown_blocks() -> None:
    """Headings with levels, joined lines, items with their numbers, rows, and a title."""
    data = (
        b"---\ntitle: A rule\n---\nTop\n===\n\nfirst\nline\n## Part\n1. one\n   goes on\n2. two\n"
        b"* dot\n\n> quoted\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\n# no heading\n```\n"
    )
    source = read_bytes(data, "a.md")
    assert source.title == "A rule"
    assert [(b.kind, b.level, source.text[b.start : b.end]) for b in source.blocks] == [
        ("heading", 1, "Top"),
        ("paragraph", 0, "first line"),
        ("heading", 2, "Part"),
        ("item", 0, "1. one goes on"),
        ("item", 0, "2. two"),
        ("item", 0, "dot"),
        ("paragraph", 0, "quoted"),
        ("table-row", 0, "a | b"),
        ("table-row", 0, "1 | 2"),
        ("paragraph", 0, "# no heading"),
    ]
