"""Files of codings: readings, every wrong row, quotes as evidence, and what an adjudicator settles."""

from collections.abc import Callable
from pathlib import Path

import pytest

from qiutong.codings import (
    DecisionRow,
    Reading,
    codes_by_segment,
    correct_codings,
    corrected_coder,
    load_codings,
    name_correction,
    read_coders,
    read_codings,
    read_decisions,
    settle_codings,
)
from qiutong.errors import BadCodings, BadSettings, UnreadableFile
from qiutong.model import (
    Change,
    Code,
    Codebook,
    Coder,
    CoderKind,
    Coding,
    DecisionKind,
    Document,
    Position,
    Segment,
)
from qiutong.segment import segment_document
from qiutong.text import normalize_text

TEXTS = {
    "act": [
        ("Sec. 1", "A developer shall test each model before release."),
        ("Sec. 2(a)", "A provider must label synthetic pictures."),
        ("Sec. 2(b)", "A provider should label synthetic sounds."),
    ],
    "办法": [("第一条", "提供者应当开展红队测试。"), ("第二条（一）", "鼓励添加标识。")],
}
ANNA = Coder(id="anna", kind=CoderKind.PERSON, version="1")
GOLD = Coder(id="gold", kind=CoderKind.PERSON)


def code(identity: str, parent: str = "") -> Code:
    words = {"en": identity, "zh": identity}
    return Code(id=identity, dimension="d", label=words, definition=words, parent=parent)


BOOK = Codebook(
    id="invented",
    version="2",
    title={"en": "Invented"},
    dimensions={"d": {"en": "D"}},
    codes=(
        code("test"),
        code("test.red", "test"),
        code("test.audit", "test"),
        code("label"),
        code("harm"),
    ),
    history=(Change(version="2", kind="merged", codes=("mark",), into=("label",)),),
)


def laid_out() -> tuple[dict[str, list[Segment]], dict[str, Document]]:
    """Segments and documents of the invented texts, with offsets that fit."""
    places: dict[str, list[Segment]] = {}
    documents = {}
    for identity, provisions in TEXTS.items():
        text, held = "", []
        for locator, words in provisions:
            start = len(text)
            text += words + "\n"
            held.append(
                Segment(
                    id=f"{identity}:{start}", document=identity, locator=locator, start=start,
                    end=start + len(words), text=words, language="zh" if "第" in locator else "en",
                )
            )  # fmt: skip
        places[identity] = held
        documents[identity] = Document(id=identity, party="us", title=identity, text=text)
    return places, documents


PLACES, DOCUMENTS = laid_out()
BY_LOCATOR = {one.locator: one for held in PLACES.values() for one in held}

Read = Callable[..., Reading]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a CSV given as text."""

    def reading(text: str, coder: Coder = ANNA, encoding: str = "utf-8") -> Reading:
        path = tmp_path / f"{coder.id}.csv"
        path.write_bytes(text.encode(encoding))
        return read_codings(path, coder, PLACES, DOCUMENTS, BOOK)

    return reading


def problems_of(read: Read, text: str) -> tuple[str, ...]:
    with pytest.raises(BadCodings) as caught:
        read(text)
    return caught.value.problems


# --------------------------------------------------------------------------- readings


def test_a_reading_holds_codings_on_their_provisions(read: Read) -> None:
    """Codes, coder, codebook and place arrive; the evidence is the provision."""
    held = read("document,locator,codes\nact,Sec. 1,test.red; harm\n办法,第一条,test\n")
    first, second = held.codings["act"]
    place = BY_LOCATOR["Sec. 1"]
    assert (first.code, second.code) == ("test.red", "harm")
    assert (first.coder, first.codebook, first.segment) == ("anna", "invented@2", place.id)
    assert (first.evidence_start, first.evidence_end) == (place.start, place.end)
    assert [one.segment for one in held.codings["办法"]] == [BY_LOCATOR["第一条"].id]


def test_read_without_a_code_is_told_from_not_read(read: Read) -> None:
    """An empty cell is a result; a provision without a row was not read."""
    held = read("document,locator,codes\nact,Sec. 1,\nact,Sec. 2(a), ; \n")
    assert held.codings == {"act": ()}
    assert held.read == {"act": {BY_LOCATOR["Sec. 1"].id, BY_LOCATOR["Sec. 2(a)"].id}}


def test_a_code_named_twice_in_a_cell_counts_once(read: Read) -> None:
    """The second mention adds nothing."""
    held = read("document,locator,codes\nact,Sec. 1,test; harm ;test;\n")
    assert [one.code for one in held.codings["act"]] == ["test", "harm"]


@pytest.mark.parametrize("locator", ["Section 2(b)", "§ 2 (b)", "第二条（b）", "Sec. 2(b)"])
def test_another_way_of_citing_the_place_is_understood(read: Read, locator: str) -> None:
    """What a colleague writes by hand is the same place."""
    held = read(f"document,locator,codes\nact,{locator},test\n")
    assert held.codings["act"][0].segment == BY_LOCATOR["Sec. 2(b)"].id


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_spreadsheets_are_read(read: Read, encoding: str, end: str) -> None:
    """With or without a byte-order mark, with either line end."""
    held = read(f"document,locator,codes{end}办法,第二条（一）,label{end}", encoding=encoding)
    assert held.codings["办法"][0].segment == BY_LOCATOR["第二条（一）"].id


def test_codes_may_stand_between_wide_semicolons(read: Read) -> None:
    """A Chinese keyboard writes them."""
    held = read("document,locator,codes\nact,Sec. 1,test；harm\n")
    assert [one.code for one in held.codings["act"]] == ["test", "harm"]


def test_position_is_read_from_the_words_unless_the_reader_gives_it(read: Read) -> None:
    """A column ``position`` wins over the classifier; without one the words decide."""
    held = read(
        "document,locator,codes,position\nact,Sec. 1,test,Encourages\nact,Sec. 2(a),label,\n"
    )
    given, found = held.codings["act"]
    assert given.position is Position.ENCOURAGES
    assert found.position is Position.REQUIRES


def test_evidence_is_the_quoted_words(read: Read) -> None:
    """Offsets count in the document, and the memo is kept."""
    held = read(
        "document,locator,codes,evidence,memo\nact,Sec. 2(b),label,synthetic sounds,only sounds\n"
    )
    (one,) = held.codings["act"]
    assert DOCUMENTS["act"].text[one.evidence_start : one.evidence_end] == "synthetic sounds"
    assert one.memo == "only sounds"


def test_fingerprint_is_the_same_only_for_the_same_reading(read: Read) -> None:
    """Any column of a row changes that document's mark, and no other's."""
    head = "document,locator,codes,position,evidence,memo\n"
    text = head + "act,Sec. 1,test,requires,each model,sure\n办法,第一条,test,,,\n"
    first = read(text).fingerprint
    assert read(text).fingerprint == first
    for old, new in {
        "1,test": "1,harm",
        "requires": "commits",
        "each model": "each",
        "sure": "unsure",
        "Sec. 1": "Sec. 2(a)",
    }.items():
        evidence = text.replace("each model", "") if old == "Sec. 1" else text
        base = read(evidence).fingerprint
        edited = read(evidence.replace(old, new, 1)).fingerprint
        assert edited["act"] != base["act"], old
        assert edited["办法"] == base["办法"]
    other = Coder(id="anna", kind=CoderKind.PERSON, version="2")
    assert read(text, other).fingerprint["act"] != first["act"]


# --------------------------------------------------------------------------- wrong rows


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("law,Sec. 1,test,,", ["row 2", "column document", '"law"', "no document"]),
        ("act,Sec. 9,test,,", ["row 2", "column locator", '"Sec. 9"', "no such provision"]),
        ("act,Sec. 10,test,,", ["row 2", "column locator", '"Sec. 10"', "no such provision"]),
        ("act,Sec. 2,test,,", ["row 2", "column locator", '"Sec. 2"', "2 provisions lie there"]),
        ("act,Sec. 1,tests,,", ["row 2", '"tests"', "invented@2", "nearest: test"]),
        ("act,Sec. 1,zzzz,,", ["row 2", '"zzzz"', "codebook show"]),
        ("act,Sec. 1,mark,,", ["row 2", '"mark"', "merged in version 2", "migrate"]),
        ('act,Sec. 1,"test, harm",,', ["row 2", '"test, harm"', "put ; between codes"]),
        ("act,Sec. 1,test; ?,,", ["row 2", '"?" is left', "nothing where you found none"]),
        ("act,Sec. 1,？,,", ["row 2", '"？" is left']),
        ("act,Sec. 1,test,harm,,label", ["row 2", "more cells than headings", '"label"']),
        ("act,Sec. 1,test,maybe,", ["row 2", "column position", '"maybe"', "requires"]),
        ("act,Sec. 1,test,,each modle", ["row 2", "column evidence", '"each modle"']),
        ("act,Sec. 1,test,,synthetic", ["row 2", "column evidence", "word for word"]),
    ],
)
def test_a_wrong_row_is_named_with_row_column_and_value(
    read: Read, row: str, words: list[str]
) -> None:
    """What cannot be used, where it stands, and what would be accepted."""
    (problem,) = problems_of(read, f"document,locator,codes,position,evidence\n{row}\n")
    for word in words:
        assert word in problem


def test_a_provision_with_two_rows_is_refused(read: Read) -> None:
    """Also where the second row cites it in another way."""
    (problem,) = problems_of(read, "document,locator,codes\nact,Sec. 1,test\nact,Section 1,harm\n")
    assert "row 3" in problem
    assert "has a row already" in problem


def test_every_wrong_row_is_told_at_once_and_nothing_is_taken(read: Read) -> None:
    """A file is mended in one go."""
    problems = problems_of(
        read, "document,locator,codes\nlaw,Sec. 1,test\nact,Sec. 1,test\nact,Sec. 7,tset; harn\n"
    )
    assert [one.split(",")[0].split(":")[0] for one in problems] == ["row 2", "row 4"]
    problems = problems_of(read, "document,locator,codes\nact,Sec. 1,tset; harn\n")
    assert len(problems) == 2


def test_rows_are_counted_as_a_spreadsheet_shows_them(read: Read) -> None:
    """Empty rows and line breaks inside a cell do not shift the number."""
    text = 'document,locator,codes,memo\n\nact,Sec. 1,test,"two\nlines"\n,,,\nact,Sec. 7,test,\n'
    (problem,) = problems_of(read, text)
    assert problem.startswith("row 5,")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "found: nothing"),
        ("document,codes\nact,test\n", "locator"),
        ("a;b\n1;2\n", "a;b; save it with commas"),
    ],
)
def test_a_file_without_the_columns_is_refused(read: Read, text: str, word: str) -> None:
    """The message names what is missing and what is there."""
    (problem,) = problems_of(read, text)
    assert problem.startswith("row 1: there is no column")
    assert word in problem


def test_two_columns_of_one_heading_are_refused(read: Read) -> None:
    """One of them would win in silence; columns without a heading are no matter."""
    (problem,) = problems_of(read, "document,locator,codes,codes\nact,Art. 1,test,\n")
    assert problem.startswith('row 1: there are 2 columns "codes"')


def test_a_file_that_cannot_be_read_is_a_clear_error(read: Read, tmp_path: Path) -> None:
    """Missing, in another encoding, or with a quotation mark that nobody closed."""
    with pytest.raises(UnreadableFile, match=r"none\.csv"):
        read_codings(tmp_path / "none.csv", ANNA, PLACES, DOCUMENTS, BOOK)
    with pytest.raises(UnreadableFile, match="not UTF-8"):
        read("document,locator,codes\n办法,第一条,test\n", encoding="gb18030")
    with pytest.raises(UnreadableFile, match="not closed"):
        read('document,locator,codes\nact,"Sec. 1,test\n' + "act,Sec. 1,test\n" * 10_000)


def test_short_and_long_rows_are_read(read: Read) -> None:
    """A spreadsheet drops empty cells at the end and may add some."""
    held = read("document,locator,codes,memo\nact,Sec. 1\nact,Sec. 2(a),label,m,,,\n")
    assert len(held.read["act"]) == 2
    assert [one.code for one in held.codings["act"]] == ["label"]


# --------------------------------------------------------------------------- codes of a provision


def test_a_child_brings_its_parent(read: Read) -> None:
    """Codes above a code count with it, unless one asks for what was written."""
    held = read("document,locator,codes\nact,Sec. 1,test.red\nact,Sec. 2(a),\n")
    place, empty = BY_LOCATOR["Sec. 1"].id, BY_LOCATOR["Sec. 2(a)"].id
    assert codes_by_segment(held, BOOK) == {place: {"test", "test.red"}, empty: frozenset()}
    assert codes_by_segment(held, BOOK, ancestors_too=False)[place] == {"test.red"}


# --------------------------------------------------------------------------- decisions


def decide(tmp_path: Path, rows: str) -> dict[tuple[str, str], DecisionRow]:
    path = tmp_path / "decisions.csv"
    path.write_text(f"document,locator,code,decision,reason\n{rows}", encoding="utf-8")
    return read_decisions(path, PLACES, BOOK)


def test_decisions_are_read_by_provision_and_code(tmp_path: Path) -> None:
    """Yes and no in any case, with the reason."""
    held = decide(tmp_path, "act,Sec. 1,harm,Yes,named as one\n办法,第一条,test,no,not asked\n")
    one = held[BY_LOCATOR["Sec. 1"].id, "harm"]
    assert (one.given, one.reason, one.row) == (True, "named as one", 2)
    assert held[BY_LOCATOR["第一条"].id, "test"].given is False


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("law,Sec. 1,test,yes,r", ["row 2", "column document", '"law"']),
        ("act,Sec. 8,test,yes,r", ["row 2", "column locator", '"Sec. 8"']),
        ("act,Sec. 1,tset,yes,r", ["row 2", '"tset"', "test"]),
        ("act,Sec. 1,test,perhaps,r", ["row 2", "column decision", '"perhaps"', "yes or no"]),
        ("act,Sec. 1,test,,r", ["row 2", "column decision", '""']),
        ("act,Sec. 1,test,yes,", ["row 2", "column reason", "empty"]),
        ("act,Sec. 1,test,yes,r\nact,Section 1,test,no,r", ["row 3", "decided in row 2"]),
    ],
)
def test_a_decision_that_cannot_be_used_is_named(
    tmp_path: Path, row: str, words: list[str]
) -> None:
    """With its row, column and value."""
    with pytest.raises(BadCodings) as caught:
        decide(tmp_path, f"{row}\n")
    (problem,) = caught.value.problems
    for word in words:
        assert word in problem


# --------------------------------------------------------------------------- settling


def settle(
    read: Read,
    *cells: str,
    decisions: dict[str, tuple[bool, str]] | None = None,
    locator: str = "Sec. 1",
) -> Reading:
    """Settle readings of one provision; each cell is what one coder wrote there."""
    place = BY_LOCATOR[locator]
    readings = [
        read(
            f"document,locator,codes\n{place.document},{locator},{cell}\n",
            Coder(id=f"coder{number}", kind=CoderKind.PERSON),
        )
        for number, cell in enumerate(cells)
    ]
    decided = {
        (place.id, code): DecisionRow(row=2, given=given, reason=reason)
        for code, (given, reason) in (decisions or {}).items()
    }
    return settle_codings(readings, decided, GOLD, PLACES, BOOK)


def codes(reading: Reading) -> dict[str, float | None]:
    return {one.code: one.confidence for held in reading.codings.values() for one in held}


def test_what_all_gave_stands_with_full_confidence(read: Read) -> None:
    """No decision is asked for, and the gold coder's name stands on it."""
    settled = settle(read, "test; harm", "harm; test")
    assert codes(settled) == {"test": 1.0, "harm": 1.0}
    assert {one.coder for one in settled.codings["act"]} == {"gold"}
    assert {one.memo for one in settled.codings["act"]} == {""}


def test_nothing_given_by_all_is_a_result(read: Read) -> None:
    """The document is coded and silent."""
    settled = settle(read, "", "")
    assert settled.codings == {"act": ()}
    assert settled.read == {"act": {BY_LOCATOR["Sec. 1"].id}}


def test_a_code_decided_yes_stands_with_the_share_that_gave_it_and_the_reason(read: Read) -> None:
    """Confidence is the share of readings, not the adjudicator's certainty."""
    settled = settle(read, "test; harm", "test", "test", decisions={"harm": (True, "it says so")})
    assert codes(settled) == {"test": 1.0, "harm": pytest.approx(1 / 3)}
    assert next(one.memo for one in settled.codings["act"] if one.code == "harm") == "it says so"


def test_a_code_decided_no_falls(read: Read) -> None:
    """What the others agree on stays."""
    settled = settle(read, "test; harm", "test", decisions={"harm": (False, "only the heading")})
    assert codes(settled) == {"test": 1.0}


def test_a_difference_without_a_decision_is_an_error(read: Read) -> None:
    """Each is named with document, provision and code."""
    with pytest.raises(BadCodings) as caught:
        settle(read, "test; harm", "label", decisions={"label": (True, "r")})
    assert len(caught.value.problems) == 2
    for code, problem in zip(("harm", "test"), caught.value.problems, strict=True):
        assert 'act "Sec. 1"' in problem
        assert f"differ on {code} " in problem


def test_parent_and_child_differ_in_the_child_only(read: Read) -> None:
    """Who gives a child gives its parent too, so only the child is to be decided."""
    with pytest.raises(BadCodings) as caught:
        settle(read, "test", "test.red")
    (problem,) = caught.value.problems
    assert "differ on test.red " in problem
    yes = settle(read, "test", "test.red", decisions={"test.red": (True, "r")})
    assert codes(yes) == {"test.red": 0.5}
    no = settle(read, "test", "test.red", decisions={"test.red": (False, "r")})
    assert codes(no) == {"test": 1.0}


def test_a_parent_that_follows_from_a_child_is_not_repeated(read: Read) -> None:
    """Written by both beside the child, it says nothing more."""
    assert codes(settle(read, "test; test.red", "test.red; test")) == {"test.red": 1.0}


def test_a_provision_read_by_one_only_is_an_error(read: Read) -> None:
    """A missing row is no reading, and nobody may settle it alone."""
    anna = read("document,locator,codes\nact,Sec. 1,test\nact,Sec. 2(a),\n")
    ben = read("document,locator,codes\nact,Sec. 1,test\n", Coder(id="ben", kind=CoderKind.PERSON))
    for order in ((anna, ben), (ben, anna)):
        with pytest.raises(BadCodings) as caught:
            settle_codings(order, {}, GOLD, PLACES, BOOK)
        assert caught.value.problems == ('act "Sec. 2(a)": not read by ben',)


def test_a_document_read_by_one_only_is_an_error(read: Read) -> None:
    """Also where the other reading does not name the document at all."""
    anna = read("document,locator,codes\nact,Sec. 1,test\n办法,第一条,test\n")
    ben = read("document,locator,codes\nact,Sec. 1,test\n", Coder(id="ben", kind=CoderKind.PERSON))
    with pytest.raises(BadCodings, match=r"第一条.*not read by ben"):
        settle_codings([anna, ben], {}, GOLD, PLACES, BOOK)


def test_what_nobody_read_is_left_out(read: Read) -> None:
    """A provision without a row in any reading is no silence."""
    settled = settle(read, "test", "test")
    assert settled.read == {"act": {BY_LOCATOR["Sec. 1"].id}}


def test_mark_of_the_settled_changes_with_decision_and_reason(read: Read) -> None:
    """An edited reason is another text and is taken over again."""
    marks = [
        settle(read, "harm", "", decisions={"harm": decision}).fingerprint["act"]
        for decision in [(True, "a"), (True, "a"), (True, "b"), (False, "a"), (False, "b")]
    ]
    assert marks[0] == marks[1]
    assert len(set(marks)) == 4


def test_order_of_the_readings_does_not_matter(read: Read) -> None:
    """The settled codes are the same whoever comes first."""
    decided = {"harm": (True, "r"), "label": (False, "r")}
    one = settle(read, "harm; test.red", "label; test.red", decisions=decided)
    other = settle(read, "label; test.red", "harm; test.red", decisions=decided)
    assert codes(one) == codes(other) == {"harm": 0.5, "test.red": 1.0}
    assert one.fingerprint == other.fingerprint


# ------------------------------------------------------------------ corrections


def kinds(reading: Reading) -> dict[str, tuple[str, bool, str]]:
    return {one.code: (one.kind.value, one.given, one.reason) for one in reading.decisions["act"]}


def test_a_code_that_all_gave_can_be_taken_away_with_a_reason(read: Read) -> None:
    """Two readers may share a mistake; overruling both is a correction."""
    settled = settle(read, "test; harm", "test; harm", decisions={"harm": (False, "both erred")})
    assert codes(settled) == {"test": 1.0}
    assert kinds(settled) == {"harm": ("correction", False, "both erred")}


def test_a_code_that_nobody_gave_can_be_added_with_a_reason(read: Read) -> None:
    """No share of the readings stands behind it, so it has no confidence."""
    settled = settle(read, "test", "test", decisions={"harm": (True, "both missed it")})
    assert codes(settled) == {"test": 1.0, "harm": None}
    [one] = [one for one in settled.codings["act"] if one.code == "harm"]
    assert (one.memo, one.evidence_start, one.evidence_end) == (
        "both missed it",
        BY_LOCATOR["Sec. 1"].start,
        BY_LOCATOR["Sec. 1"].end,
    )
    assert kinds(settled) == {"harm": ("correction", True, "both missed it")}


def test_a_decision_that_says_what_all_say_is_a_confirmation(read: Read) -> None:
    """It changes no code and is on record."""
    decided = {"test": (True, "indeed"), "harm": (False, "indeed not"), "label": (True, "r")}
    settled = settle(read, "test; label", "test", decisions=decided)
    assert codes(settled) == {"test": 1.0, "label": 0.5}
    assert {code: kind for code, (kind, *_) in kinds(settled).items()} == {
        "test": "confirmation",
        "harm": "confirmation",
        "label": "difference",
    }


def test_a_parent_can_be_kept_while_the_child_is_denied(read: Read) -> None:
    """One reader implied it through the child only."""
    settled = settle(
        read, "test.red", "", decisions={"test.red": (False, "a"), "test": (True, "b")}
    )
    assert codes(settled) == {"test": 0.5}


def test_a_parent_cannot_be_denied_while_a_child_stands(read: Read) -> None:
    """The child says the parent: one of the two decisions is wrong."""
    with pytest.raises(BadCodings) as caught:
        settle(read, "test.red", "test.red", decisions={"test": (False, "no test")})
    (problem,) = caught.value.problems
    assert problem == 'act "Sec. 1": decided no on test, but test.red below it stands'


def test_a_decision_on_a_provision_that_nobody_read_is_an_error(read: Read) -> None:
    """It would silently do nothing."""
    reading = read("document,locator,codes\nact,Sec. 1,test\n")
    decided = {(BY_LOCATOR["Sec. 2(a)"].id, "label"): DecisionRow(row=2, given=True, reason="r")}
    with pytest.raises(BadCodings) as caught:
        settle_codings([reading, reading], decided, GOLD, PLACES, BOOK)
    assert caught.value.problems == ('act "Sec. 2(a)": decided, and in none of the readings',)


# ------------------------------------------------------------------ evidence and position


def settled_row(
    read: Read,
    *rows: str,
    decision: DecisionRow | None = None,
    others: dict[str, DecisionRow] | None = None,
) -> tuple[str, Position]:
    """Quoted words and position of "test" on Sec. 1; each row: codes, position, evidence."""
    place = BY_LOCATOR["Sec. 1"]
    readings = [
        read(
            f"document,locator,codes,position,evidence\nact,Sec. 1,{row}\n",
            Coder(id=f"coder{number}", kind=CoderKind.PERSON),
        )
        for number, row in enumerate(rows)
    ]
    decided = {(place.id, code): row for code, row in (others or {}).items()}
    if decision:
        decided[place.id, "test"] = decision
    settled = settle_codings(readings, decided, GOLD, PLACES, BOOK)
    [one] = [one for one in settled.codings["act"] if one.code == "test"]
    start, end = (one.evidence_start or 0) - place.start, (one.evidence_end or 0) - place.start
    assert one.position is not None
    return place.text[start:end], one.position


YES = DecisionRow(row=2, given=True, reason="r")
WHOLE = "A developer shall test each model before release."


@pytest.mark.parametrize(
    ("rows", "decision", "words"),
    [
        (("test,,", "test,,"), None, WHOLE),
        (("test,,shall test", "test,,"), None, "shall test"),
        (("test,,", "test,,each model"), None, "each model"),
        (("test,,shall test each", "test,,test each model"), None, "test each"),
        (("test,,each model", "test,,shall test"), None, "each model"),
        (("test,,shall test", "test,,each model"), None, "shall test"),
        (("test,,shall test each", "test,,test each model", "test,,test"), None, "test"),
        # Words that meet in a space only have nothing in common.
        (("test,,shall test ", "test,,test each"), None, "test"),
        # Only who gave the code is asked.
        ((",,each model", "test,,shall test"), YES, "shall test"),
        (("label,,each model", "test; label,,shall test"), YES, "shall test"),
        # The adjudicator's own words go before all.
        (
            ("test,,shall test", "test,,each model"),
            DecisionRow(row=2, given=True, reason="r", evidence=(18, 22)),
            "test",
        ),
    ],
)
def test_evidence_of_the_readers_is_kept(
    read: Read, rows: tuple[str, ...], decision: DecisionRow | None, words: str
) -> None:
    """What they quote in common, else what the first quotes, else the whole provision."""
    assert settled_row(read, *rows, decision=decision)[0] == words


def test_a_child_is_evidence_of_its_parent(read: Read) -> None:
    """Who gave a child gave its parent, with the same words."""
    no = DecisionRow(row=2, given=False, reason="r")
    assert (
        settled_row(read, "test,,", "test.red,,shall test", others={"test.red": no})[0]
        == "shall test"
    )


@pytest.mark.parametrize(
    ("rows", "decision", "position"),
    [
        (("test,,", "test,,"), None, "requires"),
        (("test,warns,", "test,,"), None, "warns"),
        (("test,,", "test,warns,"), None, "warns"),
        (("test,warns,", "test,warns,"), None, "warns"),
        (("test,warns,", "test,commits,"), None, "requires"),
        ((",commits,", "test,warns,"), YES, "warns"),
        (
            ("test,warns,", "test,commits,"),
            DecisionRow(row=2, given=True, reason="r", position=Position.COMMITS),
            "commits",
        ),
    ],
)
def test_the_position_that_readers_agree_on_is_kept(
    read: Read, rows: tuple[str, ...], decision: DecisionRow | None, position: str
) -> None:
    """Of those who gave the code and name one; else by rule, unless the adjudicator says."""
    assert settled_row(read, *rows, decision=decision)[1] == position


def test_an_adjudicator_may_give_position_and_evidence(tmp_path: Path) -> None:
    """In columns of their own, checked like those of a reading."""
    path = tmp_path / "decisions.csv"
    head = "document,locator,code,decision,reason,position,evidence\n"
    path.write_text(head + "act,Sec. 1,harm,yes,r,Warns,each model\n", encoding="utf-8")
    [one] = read_decisions(path, PLACES, BOOK).values()
    assert one.position is Position.WARNS
    place = BY_LOCATOR["Sec. 1"]
    assert one.evidence == (
        place.start + WHOLE.index("each"),
        place.start + WHOLE.index("each") + len("each model"),
    )
    path.write_text(head + "act,Sec. 1,harm,yes,r,maybe,no such words\n", encoding="utf-8")
    with pytest.raises(BadCodings) as caught:
        read_decisions(path, PLACES, BOOK)
    assert "column position" in caught.value.problems[0]
    assert "column evidence" in caught.value.problems[1]


# --------------------------------------------------------------------------- coders.toml

CODERS = """codebook = "invented@2"

[[coders]]
id = "anna"
kind = "person"
file = "a.csv"
version = "1"
description = "first reading"

[[coders]]
id = "model"
kind = "model"
file = "b.csv"

[adjudication]
id = "gold"
kind = "person"
file = "decisions.csv"
of = ["anna", "model"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two readings of one document and an adjudication."""
    head = "document,locator,codes\n"
    files = {
        "coders.toml": CODERS,
        "a.csv": head + "act,Sec. 1,test; harm\nact,Sec. 2(a),label\nact,Sec. 2(b),\n",
        "b.csv": head + "act,Sec. 1,test\nact,Sec. 2(a),label\nact,Sec. 2(b),label\n",
        "decisions.csv": "document,locator,code,decision,reason\n"
        "act,Sec. 1,harm,no,no harm is named\nact,Sec. 2(b),label,yes,sounds are content\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_folder_gives_every_reading_and_the_settled_one(folder: Path) -> None:
    """In the order of ``coders.toml``, each with its own coder."""
    anna, model, gold = load_codings(folder, PLACES, DOCUMENTS, BOOK)
    assert anna.coder == Coder(
        id="anna", kind=CoderKind.PERSON, version="1", description="first reading"
    )
    assert (model.coder.id, model.coder.kind) == ("model", CoderKind.MODEL)
    assert [one.code for one in anna.codings["act"]] == ["test", "harm", "label"]
    held = {(one.segment, one.code): one.confidence for one in gold.codings["act"]}
    assert held == {
        (BY_LOCATOR["Sec. 1"].id, "test"): 1.0,
        (BY_LOCATOR["Sec. 2(a)"].id, "label"): 1.0,
        (BY_LOCATOR["Sec. 2(b)"].id, "label"): 0.5,
    }


def test_a_folder_without_adjudication_gives_the_readings(folder: Path) -> None:
    """One coder alone is enough."""
    text = CODERS.split("[adjudication]")[0]
    (folder / "coders.toml").write_text(text, encoding="utf-8")
    assert [one.coder.id for one in load_codings(folder, PLACES, DOCUMENTS, BOOK)] == [
        "anna",
        "model",
    ]


def test_an_adjudication_of_strangers_is_refused(folder: Path) -> None:
    """The name that is no coder is told with those there are."""
    text = CODERS.replace('["anna", "model"]', '["anna", "cleo"]')
    (folder / "coders.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadCodings, match=r'"cleo" is none of the coders anna, model'):
        load_codings(folder, PLACES, DOCUMENTS, BOOK)


def test_a_missing_decision_names_the_adjudications_file(folder: Path) -> None:
    """That is the file to be mended."""
    path = folder / "decisions.csv"
    path.write_text(path.read_text(encoding="utf-8").rsplit("act", 1)[0], encoding="utf-8")
    with pytest.raises(BadCodings, match=r"decisions\.csv.*1 problem"):
        load_codings(folder, PLACES, DOCUMENTS, BOOK)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "model"', 'kind = "robot"', ["line 12", "robot"]),
        ('file = "b.csv"\n', "", ["file"]),
        ('version = "1"', 'vresion = "1"', ["vresion"]),
        ("[[coders]]", "[[coder]]", ["coder"]),
        ('id = "model"', 'id = "anna"', ["anna", "twice"]),
        ('id = "gold"', 'id = "anna"', ["anna", "twice"]),
        ('["anna", "model"]', '["anna"]', ["two or more"]),
        ('["anna", "model"]', '["anna", "anna"]', ["two or more"]),
        ('["anna", "model"]', "[]", ["two or more"]),
        ("[[coders]]", "[[coders]", ["line 3"]),
    ],
)
def test_a_wrong_coders_file_is_told_with_its_place(
    folder: Path, old: str, new: str, words: list[str]
) -> None:
    """A misspelt name, a missing file, a coder that stands twice."""
    text = CODERS.replace(old, new)
    assert text != CODERS
    (folder / "coders.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadSettings) as caught:
        read_coders(folder)
    for word in ["coders.toml", *words]:
        assert word in str(caught.value)


def test_a_coders_file_that_names_nobody_or_is_missing_is_refused(folder: Path) -> None:
    """No coder, no codings."""
    (folder / "coders.toml").write_text("coders = []\n", encoding="utf-8")
    with pytest.raises(BadSettings, match="names no coder"):
        read_coders(folder)
    (folder / "coders.toml").unlink()
    with pytest.raises((BadSettings, UnreadableFile), match=r"coders\.toml"):
        read_coders(folder)


@pytest.mark.parametrize(
    ("text", "locator"),
    [
        ("第三条 提供者应当遵守下列规定：\n（一）对生成内容添加标识；\n（二）公开算法的基本原理。\n", "第三条（二）"),
        ("Sec. 4. A provider shall:\n(a) label synthetic sounds; and\n(b) publish the method.\n", "Sec. 4(b)"),
    ],
)  # fmt: skip
def test_an_item_of_a_list_has_the_position_of_the_words_that_open_it(
    tmp_path: Path, text: str, locator: str
) -> None:
    """ "A provider shall: (b) publish" requires, whoever coded it, settled too."""
    document = Document(id="rule", party="us", title="rule", text=normalize_text(text))
    places = {"rule": list(segment_document(document))}
    path = tmp_path / "read.csv"
    path.write_text(f"document,locator,codes\nrule,{locator},label\n", encoding="utf-8")
    anna, ben = (
        read_codings(path, Coder(id=one, kind=CoderKind.PERSON), places, {"rule": document}, BOOK)
        for one in ("anna", "ben")
    )
    settled = settle_codings([anna, ben], {}, GOLD, places, BOOK)
    for held in (anna, settled):
        assert [one.position for one in held.codings["rule"]] == [Position.REQUIRES]


# --------------------------------------------------------------------------- correcting

PROGRAM = Coder(id="program", kind=CoderKind.RULE, version="3")


def said(locator: str, code_id: str, confidence: float) -> Coding:
    """A coding of the program on the first words of a provision."""
    place = BY_LOCATOR[locator]
    return Coding(
        document=place.document, code=code_id, coder="program", codebook=BOOK.name,
        segment=place.id, evidence_start=place.start, evidence_end=place.start + 5,
        confidence=confidence, position=Position.WARNS, memo="cue",
    )  # fmt: skip


def correct(*decisions: tuple[str, str, bool]) -> Reading:
    """Correct a program that gave test.red and label in the act, and doubts harm."""
    held = (
        said("Sec. 1", "test.red", 0.8),
        said("Sec. 1", "harm", 0.3),
        said("Sec. 2(a)", "label", 0.6),
    )
    reading = Reading(
        coder=PROGRAM,
        codings={"act": held},
        read={"act": frozenset(one.id for one in PLACES["act"])},
        fingerprint={"act": "mark"},
    )
    rows = {
        (BY_LOCATOR[locator].id, code_id): DecisionRow(row=2, given=given, reason="seen")
        for locator, code_id, given in decisions
    }
    return correct_codings(reading, rows, name_correction(PROGRAM), PLACES, BOOK, least=0.5)


def test_a_correction_changes_what_it_names_and_nothing_else() -> None:
    """No takes a coding away, yes adds or confirms one; the others keep their confidence."""
    held = correct(("Sec. 1", "test.red", False), ("Sec. 2(b)", "label", True))

    assert [(one.segment, one.code, one.confidence, one.memo) for one in held.codings["act"]] == [
        (BY_LOCATOR["Sec. 1"].id, "harm", 0.3, "cue"),
        (BY_LOCATOR["Sec. 2(a)"].id, "label", 0.6, "cue"),
        (BY_LOCATOR["Sec. 2(b)"].id, "label", None, "seen"),
    ]
    assert {one.coder for one in held.codings["act"]} == {"program-corrected"}
    assert [one.kind for one in held.decisions["act"]] == [DecisionKind.CORRECTION] * 2
    assert list(held.codings) == ["act"]


def test_a_confirmed_code_is_certain_and_keeps_what_the_coder_quoted() -> None:
    """Evidence and position stay; a code that did not count before is a correction."""
    held = correct(("Sec. 1", "test.red", True), ("Sec. 1", "harm", True), ("Sec. 1", "test", True))

    by_code = {one.code: one for one in held.codings["act"]}
    assert (by_code["test.red"].confidence, by_code["test.red"].memo) == (None, "seen")
    assert by_code["test.red"].position is Position.WARNS
    assert by_code["test.red"].evidence_end - by_code["test.red"].evidence_start == 5
    assert {one.code: one.kind for one in held.decisions["act"]} == {
        "test.red": DecisionKind.CONFIRMATION,
        "harm": DecisionKind.CORRECTION,
        "test": DecisionKind.CONFIRMATION,
    }


def test_the_corrected_coder_says_whom_it_corrects() -> None:
    """It is of the same kind, and no other coder is taken for one."""
    made = name_correction(PROGRAM)

    assert (made.id, made.kind) == ("program-corrected", CoderKind.RULE)
    assert corrected_coder(made) == "program"
    assert corrected_coder(PROGRAM) == ""


def test_a_correction_that_cannot_be_is_refused() -> None:
    """A parent is not denied while its child stands, and an uncoded document is not corrected."""
    with pytest.raises(BadCodings, match=r"decided no on test, but test\.red"):
        correct(("Sec. 1", "test", False))
    with pytest.raises(BadCodings, match="has not coded this document"):
        correct(("第一条", "test", True))
    assert correct(("Sec. 1", "test", False), ("Sec. 1", "test.red", False)).codings["act"]


def test_a_changed_reason_is_another_mark() -> None:
    """So that an import knows what it has taken over already."""
    assert (
        correct(("Sec. 1", "harm", True)).fingerprint
        == correct(("Sec. 1", "harm", True)).fingerprint
    )
    assert (
        correct(("Sec. 1", "harm", True)).fingerprint
        != correct(("Sec. 1", "harm", False)).fingerprint
    )


def test_rows_not_decided_are_passed_over_where_that_is_asked_for(tmp_path: Path) -> None:
    """And refused in an adjudication."""
    path = tmp_path / "decisions.csv"
    path.write_text(
        "document,locator,code,decision,reason\nact,Sec. 1,test,?,\nact,Sec. 1,harm,no,none\n"
        "act,Sec. 1,label,？,\n",
        encoding="utf-8",
    )

    assert list(read_decisions(path, PLACES, BOOK, not_decided="?")) == [
        (BY_LOCATOR["Sec. 1"].id, "harm")
    ]
    with pytest.raises(BadCodings, match=r'"\?" cannot be used'):
        read_decisions(path, PLACES, BOOK)


@pytest.mark.parametrize("not_read", ["", "?"])
def test_chosen_provisions_are_no_reading_and_no_sample(tmp_path: Path, not_read: str) -> None:
    """Whatever other columns the sheet has been given."""
    path = tmp_path / "us.csv"
    path.write_text("chosen,sampled,document,locator,codes\n1,1,act,Sec. 1,test\n", "utf-8")

    with pytest.raises(BadCodings, match="no random sample"):
        read_codings(path, ANNA, PLACES, DOCUMENTS, BOOK, not_read=not_read)


def test_corrections_stand_alone(folder: Path) -> None:
    """A folder holds readings, or the corrections of one coder."""
    more = '\n[corrections]\ncorrects = "program"\nfile = "decisions.csv"\n'
    (folder / "coders.toml").write_text(more, encoding="utf-8")
    assert read_coders(folder).corrections.corrects == "program"
    (folder / "coders.toml").write_text(CODERS + more, encoding="utf-8")
    with pytest.raises(BadSettings, match="folder of their own"):
        read_coders(folder)
