"""AGORA: metadata, texts and tags, from a folder or an archive."""

import csv
import io
import zipfile
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from qiutong.errors import BadRegister, BadSettings, UnreadableFile
from qiutong.model import Force, Instrument, IssuerType, Status, TextKind
from qiutong.readers.agora import read_agora
from qiutong.text import normalize_text

AGORA = Path(__file__).parents[2].parent / "shared" / "data" / "agora"
COLUMNS = [
    "AGORA ID", "Official name", "Authority", "Collections", "Most recent activity",
    "Most recent activity date", "Proposed date", "Tags", "Harms: Discrimination",
    "Risk factors: Safety", "split",
]  # fmt: skip
AUTHORITIES = (
    "\ufeffName,Jurisdiction,Parent authority\nPrivate-sector companies,,\nUnited States Congress,United States,"
    "Federal government\nFederal government,United States,\nChinese central government,China,\n"
    "Executive Office of the President,United States,Federal government\nEuropean Union,Multinational,\n"
)
ROWS = [
    ["1", "Careful Machines Act", "United States Congress", "", "Enacted", "2024-05-01", "2023-02-01",
     "Risk factors: Safety;Strategies: Evaluation;Risk factors: Safety", "True", "True", "dev"],
    ["2", "Sleepy Machines Act", "United States Congress", "", "Defunct", "2023-01-03", "2022-02-01", "", "False", "", "study"],
    ["3", "Interim Measures for Machine Testing", "Chinese central government", "", "Enacted", "2023-08-15", "", "", "", "", ""],
    ["4", "Our Promise", "Private-sector companies", "Corporate policies and commitments", "Enacted", "2024-01-01", "", "", "", "", ""],
    ["5", "Executive Order 1 (Machines)", "Executive Office of the President", "", "Defunct", "2025-01-20", "2023-10-30", "", "", "", ""],
    ["6", "Lost Text", "European Union", "", "Proposed", "no date", "2024-03-01", "", "", "", ""],
]  # fmt: skip


def table(rows: list[list[str]], columns: list[str] = COLUMNS) -> bytes:
    """A CSV table with a byte order mark, as published."""
    stream = io.StringIO()
    csv.writer(stream).writerows([columns, *rows])
    return ("\ufeff" + stream.getvalue()).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small invented data set; the text of document 6 is missing."""
    root = tmp_path / "agora"
    (root / "fulltext").mkdir(parents=True)
    (root / "documents.csv").write_bytes(table(ROWS))
    (root / "authorities.csv").write_text(AUTHORITIES, encoding="utf-8")
    for number in range(1, 6):
        text = f"SEC. 1. The office shall test the machines of number {number} before it is too late.\n"
        (root / "fulltext" / f"{number}.txt").write_text(text, encoding="utf-8")
    return root


def test_columns_become_metadata(folder: Path) -> None:
    """Party, issuer, instrument, force, status and dates follow from the columns."""
    first, bill, measures, promise, order, _ = [document for document, *_ in read_agora(folder)]
    assert (first.id, first.party, first.text) == ("agora-1", "us", "")
    assert (first.instrument, first.force) == (Instrument.LAW, Force.BINDING)
    assert (first.status, first.date_issued) == (Status.IN_FORCE, date(2024, 5, 1))
    assert (bill.instrument, bill.status) == (Instrument.BILL, Status.EXPIRED)
    assert (bill.date_issued, bill.ended_on) == (date(2022, 2, 1), date(2023, 1, 3))
    assert (measures.party, measures.text_kind) == ("cn", TextKind.TRANSLATION)
    assert measures.instrument is Instrument.REGULATION
    assert (promise.instrument, promise.force) == (Instrument.CORPORATE_FRAMEWORK, Force.VOLUNTARY)
    assert promise.issuer_type is IssuerType.COMPANY
    assert (order.instrument, order.status) == (Instrument.EXECUTIVE_ORDER, Status.RESCINDED)
    assert order.ended_on == date(2025, 1, 20)


def test_tags_come_from_columns_and_list(folder: Path) -> None:
    """The union, once each; blank cells are no tags, and the split is none either."""
    tags = {document.id: tags for document, _, tags in read_agora(folder)}
    assert tags["agora-1"] == (
        "Harms: Discrimination",
        "Risk factors: Safety",
        "Strategies: Evaluation",
    )
    assert not any(tags[f"agora-{n}"] for n in range(2, 7))


def test_what_has_no_party_is_said_and_can_be_given(folder: Path) -> None:
    """A company has no jurisdiction: a warning, unless the caller or a column names the party."""
    document, source, _ = list(read_agora(folder))[3]
    assert document.party == ""
    assert "no party" in source.warnings[0]
    document, source, _ = list(read_agora(folder, parties={"4": "us"}))[3]
    assert (document.party, source.warnings) == ("us", ())
    rows = [[*row, "cn" if row[0] == "4" else ""] for row in ROWS]
    (folder / "documents.csv").write_bytes(table(rows, [*COLUMNS, "party"]))
    assert list(read_agora(folder))[3][0].party == "cn"


def test_a_missing_text_is_reported_and_the_rest_goes_on(folder: Path) -> None:
    """Documents without a text, or with a broken one, come empty with the reason."""
    (folder / "fulltext" / "2.txt").write_bytes(b"")
    found = list(read_agora(folder))
    assert [bool(source.text) for _, source, _ in found] == [True, False, True, True, True, False]
    assert "2.txt" in found[1][1].warnings[0]
    assert "6.txt is missing" in found[5][1].warnings[0]
    assert any("no date" in warning for warning in found[5][1].warnings)


def test_an_archive_reads_as_the_folder_does(folder: Path, tmp_path: Path) -> None:
    """A zip archive with or without a folder inside gives the same values."""
    expected = [document.party for document, *_ in read_agora(folder)]
    for prefix in ("", "agora-2025/"):
        path = tmp_path / "agora.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*.*"):
                archive.write(file, prefix + file.relative_to(folder).as_posix())
        assert [document.party for document, *_ in read_agora(path)] == expected


def test_wrong_data_sets_are_refused_at_once(folder: Path, tmp_path: Path) -> None:
    """Nothing there, a missing column, an id twice or with a path in it, a wrong rule."""
    with pytest.raises(UnreadableFile, match=r"documents\.csv"):
        read_agora(tmp_path / "agora" / "fulltext")
    with pytest.raises(UnreadableFile, match="does not exist"):
        read_agora(tmp_path / "none.zip")
    (folder / "documents.csv").write_bytes(table([row[1:] for row in ROWS], COLUMNS[1:]))
    with pytest.raises(BadRegister, match='"AGORA ID" is missing'):
        read_agora(folder)
    (folder / "documents.csv").write_bytes(table([*ROWS, ROWS[0], ["../x", *ROWS[0][1:]]]))
    with pytest.raises(BadRegister, match=r"row 8.*row 2") as caught:
        read_agora(folder)
    assert len(caught.value.problems) == 2
    rules = tmp_path / "rules.yaml"
    rules.write_text("issuer_types:\n  OECD: club\n", encoding="utf-8")
    with pytest.raises(BadSettings, match="club"):
        read_agora(folder, rules=rules)


@pytest.mark.real
def test_the_real_data_set() -> None:
    """486 documents with text; 419 with open tags less those without any; companies unassigned."""
    if not AGORA.is_dir():
        pytest.skip(f"the real texts are not here: {AGORA}")
    with (AGORA / "documents.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    authority = {row["AGORA ID"]: row["Authority"] for row in rows}
    found = list(read_agora(AGORA))
    assert len(found) == len(rows)
    open_ended = ("Private-sector companies", "Other authorities")
    without = [d for d, *_ in found if not d.party]
    assert {authority[d.id.removeprefix("agora-")] for d in without} == set(open_ended)
    assert len(without) == sum(a in open_ended for a in authority.values())
    tagged = {d.id for d, _, tags in found if tags}
    assert tagged == {f"agora-{row['AGORA ID']}" for row in rows if row["Tags"]}
    chinese = [d for d, *_ in found if d.party == "cn"]
    assert all(d.text_kind is TextKind.TRANSLATION for d in chinese)
    for _, source, _ in found:
        assert source.text == normalize_text(source.text)
        covered = sum(b.end - b.start for b in source.blocks)
        assert covered == len(source.text) - Counter(
            source.text[i]
            for a, b in zip((0, *(b.end for b in source.blocks)),
                            (*(b.start for b in source.blocks), len(source.text)), strict=True)
            for i in range(a, b)
        )["\n"]  # fmt: skip
