"""Registers are checked whole, and every problem is named."""

from datetime import date
from pathlib import Path

import pytest

from qiutong.errors import BadRegister, UnreadableFile
from qiutong.model import IssuerType, Status
from qiutong.register import parse_date, read_register, slug


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "a.txt").write_text("text", encoding="utf-8")
    path = folder / "register.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_good_row_becomes_a_document(tmp_path: Path) -> None:
    """Every field of a row arrives with its type."""
    path = write(
        tmp_path,
        "id,file,party,title,issuer_type,date_issued,status,status_date,endorsed_by\n"
        "x,a.txt,us,T,Central Government,2023-10-30,rescinded,2025-01-20,\n",
    )
    rows, warnings = read_register(path, ["us", "cn"])
    document = rows[0].document
    assert (document.id, document.party, document.title) == ("x", "us", "T")
    assert document.issuer_type is IssuerType.CENTRAL_GOVERNMENT
    assert document.date_issued == date(2023, 10, 30)
    assert document.status is Status.RESCINDED
    assert document.ended_on == date(2025, 1, 20)
    assert rows[0].path == tmp_path / "a.txt"
    assert warnings == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_of_spreadsheets_are_read(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    """A register saved by a Chinese or European spreadsheet reads the same."""
    text = "file,party,title\na.txt,cn,人工智能办法\n".replace(",", delimiter)
    rows, _ = read_register(write(tmp_path, text, encoding), ["us", "cn"])
    assert rows[0].document.title == "人工智能办法"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x,a.txt,jp,in-force,", ["row 2", "column party", '"jp"', "us, cn"]),
        ("x,b.txt,us,in-force,", ["row 2", "column file", "b.txt"]),
        ("x,a.txt,us,valid,", ["row 2", "column status", '"valid"', "rescinded"]),
        ("x,a.txt,us,in-force,2023-13-01", ["row 2", "column date_issued", "YYYY-MM-DD"]),
        ("x,a.txt,us,rescinded,", ["row 2", "status_date"]),
        ("x y,a.txt,us,in-force,", ["row 2", "column id", "x-y"]),
        ("x,,us,in-force,", ["row 2", "column file", "url"]),
        ("x,a.txt,,in-force,", ["row 2", "column party", "us, cn"]),
    ],
)
def test_a_bad_row_is_named_with_row_column_value_and_remedy(
    tmp_path: Path, row: str, words: list[str]
) -> None:
    """The message says where the fault is and what would be accepted."""
    path = write(tmp_path, f"id,file,party,status,date_issued\n{row}\n")
    with pytest.raises(BadRegister) as caught:
        read_register(path, ["us", "cn"])
    for word in [*words, str(path)]:
        assert word in str(caught.value)


@pytest.mark.parametrize("second", ["title", "Title", " TITLE "])
def test_two_columns_of_one_heading_are_refused(tmp_path: Path, second: str) -> None:
    """One of them would win in silence, in whatever letters it is written."""
    path = write(tmp_path, f"file,title,party,{second},,\na.txt,T,us,U,,\n")
    with pytest.raises(BadRegister) as caught:
        read_register(path, ["us", "cn"])
    assert str(path) in str(caught.value)
    (problem,) = caught.value.problems
    assert problem == (
        'row 1: there are 2 columns "title" (columns 2 and 4); keep one, or rename the others'
    )


def test_the_other_name_of_a_field_that_is_there_is_named_as_not_used(tmp_path: Path) -> None:
    """The field's own name wins, and what stands under the other name is not lost in silence."""
    path = write(tmp_path, "file,party,title_orig,title\na.txt,us,T,U\n")
    (row,), warnings = read_register(path, ["us", "cn"])
    assert row.document.title == "U"
    assert warnings == ("register.csv: columns not used: title_orig.",)


def test_a_row_with_more_cells_than_headings_is_refused(tmp_path: Path) -> None:
    """A comma in a title would move what follows; empty cells at the end are no matter."""
    path = write(tmp_path, "file,party,title\na.txt,us,T,,\na.txt,us,Act, of 2023\n")
    with pytest.raises(BadRegister, match=r'row 3: more cells than headings, first "of 2023"'):
        read_register(path, ["us", "cn"])


def test_a_missing_heading_is_told_before_rows_too_long(tmp_path: Path) -> None:
    """A line above the headings makes every row look too long; that is not the fault."""
    path = write(tmp_path, "My register\nfile,party,title\na.txt,us,T\n")
    with pytest.raises(BadRegister, match='no column "file" or "url"; found: My register'):
        read_register(path, ["us", "cn"])


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Two bad rows give two problems, so that a register is mended in one go."""
    path = write(tmp_path, "file,party\nb.txt,us\na.txt,xx\n")
    with pytest.raises(BadRegister) as caught:
        read_register(path, ["us", "cn"])
    assert len(caught.value.problems) == 2


def test_an_id_given_twice_is_refused(tmp_path: Path) -> None:
    """Two rows with one id are a mistake, and both rows are named."""
    path = write(tmp_path, "id,file,party\nx,a.txt,us\nx,a.txt,cn\n")
    with pytest.raises(BadRegister, match=r"row 3.*row 2"):
        read_register(path, ["us", "cn"])


def test_a_joint_text_names_parties_and_needs_no_party_of_its_own(tmp_path: Path) -> None:
    """Whoever endorsed it must be parties of the study."""
    good = write(tmp_path, "file,party,endorsed_by\na.txt,multilateral,us;cn\n")
    rows, _ = read_register(good, ["us", "cn"])
    assert rows[0].document.endorsed_by == ("us", "cn")
    bad = write(tmp_path, "file,party,endorsed_by\na.txt,multilateral,us;jp\n")
    with pytest.raises(BadRegister, match="jp"):
        read_register(bad, ["us", "cn"])


def test_a_date_without_a_day_counts_from_the_first_and_is_told(tmp_path: Path) -> None:
    """A month alone is accepted with a warning that names the row."""
    path = write(tmp_path, "file,party,date\na.txt,us,2022-10\n")
    rows, warnings = read_register(path, ["us", "cn"])
    assert rows[0].document.date_issued == date(2022, 10, 1)
    assert rows[0].document.issued_as == "2022-10"
    assert "row 2" in warnings[0]
    assert parse_date("2022") == (date(2022, 1, 1), False)


def test_columns_that_are_not_used_are_told(tmp_path: Path) -> None:
    """A misspelt column does not vanish silently."""
    path = write(tmp_path, "file,party,isuer\na.txt,us,x\n")
    _, warnings = read_register(path, ["us", "cn"])
    assert "isuer" in warnings[0]


def test_no_table_is_an_error(tmp_path: Path) -> None:
    """A binary file, a missing file and a table without a file column are refused."""
    (tmp_path / "x.csv").write_bytes(b"PK\x03\x04\x00\x00")
    with pytest.raises(UnreadableFile):
        read_register(tmp_path / "x.csv", ["us"])
    with pytest.raises(UnreadableFile):
        read_register(tmp_path / "none.csv", ["us"])
    with pytest.raises(BadRegister, match="file"):
        read_register(write(tmp_path, "name,party\na,us\n"), ["us"])


@pytest.mark.parametrize(
    ("cell", "read"),
    [("true", True), ("TRUE", True), ("yes", True), ("false", False), ("No", False), ("", True)],
)
def test_column_read_says_whether_somebody_has_read_the_text(
    tmp_path: Path, cell: str, read: bool
) -> None:
    """True, false, yes and no in any case; an empty cell means that the text is there."""
    path = write(tmp_path, f"id,file,url,party,read\nx,,https://example.org/x,us,{cell}\n")
    rows, _ = read_register(path, ["us", "cn"])
    assert rows[0].document.read is read
    assert rows[0].path is None


def test_a_document_only_listed_needs_neither_file_nor_address(tmp_path: Path) -> None:
    """It stands in the register so that the gap is seen."""
    path = write(tmp_path, "id,party,title,read\nx,us,Unseen Act,false\n")
    rows, warnings = read_register(path, ["us", "cn"])
    assert rows[0].document.title == "Unseen Act"
    assert not rows[0].document.read
    assert warnings == ()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x,,us,maybe", ["row 2", "column read", '"maybe"', "true or false"]),
        ("x,a.txt,us,false", ["row 2", "column read", "names a file"]),
        ("x,,us,true", ["row 2", "column file", "read = false"]),
        ("x,,us,", ["row 2", "column file", "read = false"]),
    ],
)
def test_a_wrong_read_cell_is_named(tmp_path: Path, row: str, words: list[str]) -> None:
    """A row that is read has a text, and one that is not names none."""
    path = write(tmp_path, f"id,file,party,read\n{row}\n")
    with pytest.raises(BadRegister) as caught:
        read_register(path, ["us", "cn"])
    (problem,) = caught.value.problems[:1]
    for word in words:
        assert word in problem


def test_rows_are_counted_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    """Empty rows and line breaks inside a cell do not shift the number."""
    path = write(tmp_path, 'file,party,title\n\na.txt,us,"Two\nlines"\n,,\na.txt,jp,Wrong\n')
    with pytest.raises(BadRegister) as caught:
        read_register(path, ["us", "cn"])
    assert caught.value.problems[0].startswith("row 5, column party")


def test_a_quotation_mark_left_open_is_a_clear_error(tmp_path: Path) -> None:
    """The rest of a long table would be one cell."""
    path = write(tmp_path, 'file,party,title\na.txt,us,"Open\n' + "a.txt,us,T\n" * 15_000)
    with pytest.raises(UnreadableFile, match="not closed"):
        read_register(path, ["us", "cn"])


def test_slugs_keep_chinese() -> None:
    """A Chinese file name gives a readable id."""
    assert slug("人工智能 安全.治理") == "人工智能-安全-治理"
    assert slug("A B (final)") == "a-b-final"
