"""Rows for scripts: the keys promised, exact offsets, and CSV that no spreadsheet can run."""

import csv
import io
import json

import pytest

from qiutong.exporters.tables import (
    guard_formula,
    overlap_rows,
    recommend_rows,
    screen_rows,
    segment_rows,
    write_csv,
)
from qiutong.model import Segment

from .fake_results import DOCUMENTS, corrected_results, fake_results


def read_back(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_overlap_rows_give_every_promised_key_and_counts() -> None:
    """A script finds code, grade, prevalence with counts, stability and documents."""
    results = fake_results()
    rows = {row["code"]: row for row in overlap_rows(results)}
    row = rows["gov.testing"]
    assert {"code", "grade", "prevalence", "stability", "documents"} <= set(row)
    held = next(one for one in results.overlaps if one.code == "gov.testing")
    for party, estimate in held.prevalence.items():
        assert row["prevalence"][party]["count"] == estimate.count
        assert row["prevalence"][party]["low"] == estimate.low
    assert row["label"]["zh"] == "对抗性测试"
    assert row["stability"]["without"][0] == {"change": "sou-rules", "grade": "moderate"}


def test_undefined_estimate_is_null_with_its_reason() -> None:
    """An undefined share is null and says why; it is never 0."""
    rows = {row["code"]: row for row in overlap_rows(fake_results())}
    row = rows["risk.energy"]
    assert row["lowest"] is None
    for estimate in row["prevalence"].values():
        assert estimate["value"] is None
        assert estimate["undefined"]
    flat = {row["code"]: row for row in read_back(write_csv(rows.values()))}
    assert flat["risk.energy"]["prevalence.nor.value"] == ""
    assert flat["risk.energy"]["prevalence.nor.undefined"]


def test_rows_tell_what_was_counted_beside_what_was_corrected() -> None:
    """With a checked sample the row's figures are the corrected ones; without, no column is added."""
    row = next(one for one in overlap_rows(corrected_results()) if one["code"] == "gov.testing")
    flat = read_back(write_csv([row]))[0]

    assert (row["grade"], row["lowest"]) == ("moderate", 0.31)
    assert row["checked"]["counted_grade"] == "strong"
    assert row["checked"]["counted"]["nor"]["count"] == 3
    assert flat["prevalence.nor.method"] == "ppi"
    assert flat["checked.sure"] == "0.83"
    assert flat["checked.odds.moderate"] == "0.83"
    assert all("checked" not in one for one in overlap_rows(fake_results()))


def test_overlap_rows_are_the_same_from_overlaps_and_codebook() -> None:
    """Rows do not depend on whether results or their overlaps are given."""
    results = fake_results()
    assert overlap_rows(results.overlaps, results.codebook) == overlap_rows(results)
    assert overlap_rows(results.overlaps)[0]["label"] == {}


def test_recommend_rows_give_every_promised_key() -> None:
    """A script finds verdict, tracks, fora, rule, inputs and both kinds of evidence."""
    row = recommend_rows(fake_results())[0]
    promised = "topic title verdict tracks fora rule inputs evidence counter_evidence would_change"
    assert set(promised.split()) <= set(row)
    assert row["verdict"] == "recommended"
    assert row["tracks"][0]["rule"] == row["rule"]
    passages = row["evidence"][0]["passages"]
    assert {one["party"] for one in passages} == {"nor", "sou"}
    assert all(
        one["segment_text"][one["start"] - one["segment_start"] :].startswith(one["text"])
        for one in passages
    )


def test_screen_rows_take_results_mapping_or_screens() -> None:
    """The three shapes give the same rows."""
    results = fake_results()
    rows = screen_rows(results)
    assert rows == screen_rows(results.screens) == screen_rows(results.screens.values())
    assert {"subject", "verdict", "reasons", "rivalry"} == set(rows[0])


def test_segment_rows_give_offsets_and_text() -> None:
    """A provision's row holds what finds it again in its document."""
    segment = Segment(
        id="d:3-6", document="d", locator="第一条", start=3, end=6, text="𠮷。x", page=2,
        headings=("第一章",), language="zh",
    )  # fmt: skip
    (row,) = segment_rows([segment])
    assert list(row)[:6] == ["document", "locator", "start", "end", "page", "text"]
    assert (row["start"], row["end"], row["page"], row["headings"]) == (3, 6, 2, ["第一章"])


def test_all_rows_are_plain_json() -> None:
    """Every kind of row survives JSON unchanged."""
    results = fake_results(3)
    for rows in (overlap_rows(results), recommend_rows(results), screen_rows(results)):
        assert json.loads(json.dumps(rows)) == rows


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    """A hostile title cannot become a formula, in a cell or in a column name."""
    hostile = f"{start}HYPERLINK(1)"
    assert guard_formula(hostile) == f"'{hostile}"
    header, row = list(csv.reader(io.StringIO(write_csv([{hostile: hostile}]), newline="")))
    assert header == [f"'{hostile}"]
    assert row == [f"'{hostile}"]


def test_numbers_are_left_alone() -> None:
    """A negative number stays a number; ordinary text is untouched."""
    (row,) = read_back(write_csv([{"n": -0.5, "i": -3, "t": "a=b", "yes": True, "none": None}]))
    assert row == {"n": "-0.5", "i": "-3", "t": "a=b", "yes": "true", "none": ""}


def test_columns_are_the_union_of_all_rows() -> None:
    """A key that only a later row has is a column, and an empty mapping is no extra one."""
    text = write_csv([{"a": {}, "b": [1, None]}, {"a": {"x": 1}, "c": [{"k": "值"}]}])
    assert read_back(text) == [
        {"b": "1; ", "a.x": "", "c": ""},
        {"b": "", "a.x": "1", "c": '[{"k":"值"}]'},
    ]


def test_no_rows_give_no_text() -> None:
    """Nothing in, nothing out; the mark for Excel is only there when asked for."""
    assert write_csv([]) == ""
    assert write_csv([{"a": "中"}], bom=True).encode().startswith(b"\xef\xbb\xbf")
    assert not write_csv([{"a": "中"}]).startswith("\ufeff")


def test_text_with_lines_quotes_and_astral_characters_survives() -> None:
    """CSV gives back exactly the text that went in."""
    text = 'a "quote",\nsecond line 𠮷 《标题》'
    assert read_back(write_csv([{"t": text}])) == [{"t": text}]
    hostile = DOCUMENTS[2].title
    assert read_back(write_csv([{"t": hostile}])) == [{"t": hostile}]
