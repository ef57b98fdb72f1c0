"""Files of tags of whole documents: both forms, and every row or column that cannot be used."""

from pathlib import Path

import pytest

from qiutong.codings import Tags, read_tags
from qiutong.errors import BadTags, UnreadableFile
from qiutong.model import Change, Code, Codebook, Document

WORDS = {"en": "w", "zh": "字"}
BOOK = Codebook(
    id="invented",
    version="2",
    title=WORDS,
    dimensions={"d": WORDS},
    codes=tuple(
        Code(id=one, dimension="d", label=WORDS, definition=WORDS, parent=parent)
        for one, parent in (("d.test", ""), ("d.test.red", "d.test"), ("d.label", ""))
    ),
    history=(Change(version="2", kind="merged", codes=("d.mark",), into=("d.label",)),),
)
DOCUMENTS = {
    one.id: one
    for one in (
        Document(id="act", party="us", title="act"),
        Document(id="办法", party="cn", title="办法"),
        Document(id="listed", party="cn", title="listed", read=False),
    )
}


def read(folder: Path, text: str | bytes) -> Tags:
    path = folder / "tags.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_tags(path, DOCUMENTS, BOOK)


def test_a_column_for_each_code_says_what_was_looked_for(tmp_path: Path) -> None:
    """Empty is no; a code without a column was not looked for; describing columns are no tags."""
    tags = read(tmp_path, "document,title,d.test,d.label\nact,An act,TRUE,0\n办法,办法,,是\n")

    assert tags.codes == {"act": frozenset({"d.test"}), "办法": frozenset({"d.label"})}
    assert tags.asked == {"d.test", "d.label"}


def test_a_column_of_codes_looks_for_all(tmp_path: Path) -> None:
    """Codes with semicolons between; an empty cell is a document in which none was found."""
    tags = read(tmp_path, "document,codes,remark\nact,d.test.red; d.label,why\n办法,,\n")

    assert tags.codes == {"act": frozenset({"d.test.red", "d.label"}), "办法": frozenset()}
    assert tags.asked == {"d.test", "d.test.red", "d.label"}


def test_files_of_spreadsheets_are_read(tmp_path: Path) -> None:
    """A mark at the beginning, other line ends, spaces, and empty rows at the end."""
    tags = read(tmp_path, "\ufeffdocument, d.test \r\nact, yes \r\n,\r\n\r\n")

    assert tags.codes == {"act": frozenset({"d.test"})}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("document,d.test\nacct,1\n", ["row 2, column document", '"acct"', "nearest: act"]),
        ("document,d.test\nlisted,1\n", ['"listed"', "no text", "take the row out"]),
        ("document,d.test\n,1\n", ["row 2, column document", '""']),
        ("document,d.test\nact,1\nact,0\n", ["row 3", '"act"', "row 2 already", "one row"]),
        ("document,d.test\nact,maybe\n", ["row 2, column d.test", '"maybe"', "true or false"]),
        ("document,d.tset\nact,1\n", ["row 1", '"d.tset"', "nearest: d.test", "take it out"]),
        ("document,d.mark\nact,1\n", ['"d.mark"', "merged in version 2", "migrate"]),
        ("document,codes\nact,d.tset\n", ["row 2", '"d.tset"', "nearest: d.test"]),
        ("document,d.test,d.test\nact,1,0\n", ["row 1", '2 columns "d.test"', "keep one"]),
        ("document,title\nact,An act\n", ["row 1", "neither a column for a code"]),
        ("id,d.test\nact,1\n", ["row 1", "no column document", "found: id, d.test"]),
        ("document;d.test\nact;1\n", ["no column document", "found: document;d.test"]),
        ("", ["no column document", "found: nothing"]),
        ("document,d.test\n", ["no rows", "one row a document"]),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, words: list[str]) -> None:
    """With file, row, column, value and what to do."""
    with pytest.raises(BadTags) as caught:
        read(tmp_path, text)

    for word in ["tags.csv", "nothing was learned", *words]:
        assert word in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Of headings and of rows, each counted as a spreadsheet shows them."""
    with pytest.raises(BadTags) as caught:
        read(tmp_path, "document,d.test,d.what\nnone,1,1\n\nact,7,1\n")

    assert [one.partition(":")[0].partition(",")[0] for one in caught.value.problems] == [
        "row 1",
        "row 2",
        "row 4",
    ]


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    """Missing, in another encoding, or with a quotation mark left open."""
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read_tags(tmp_path / "none.csv", DOCUMENTS, BOOK)
    with pytest.raises(UnreadableFile, match=r"not UTF-8.*Save it as CSV UTF-8"):
        read(tmp_path, "document,d.test\n办法,1\n".encode("gb18030"))
    with pytest.raises(UnreadableFile, match=r"no CSV file"):
        read(tmp_path, b'document,d.test\n"' + b"a" * 200_000)
