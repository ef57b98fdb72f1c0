"""Prevalence, as-of, grades, stability and differences on small invented corpora."""

import doctest
import time
from datetime import date
from math import comb
from pathlib import Path

import pytest

from qiutong.errors import DuplicateDocument, TooFewParties, UnknownName
from qiutong.model import (
    Code,
    Codebook,
    Coding,
    Document,
    Grade,
    Instrument,
    Party,
    Status,
)
from qiutong.overlap import (
    compare_overlaps,
    documents_as_of,
    doubts_as_of,
    grade_overlap,
    measure_overlap,
    wilson_interval,
)
from qiutong.settings import StabilitySettings, Thresholds

PAGES = Path(__file__).parents[2] / "docs" / "method"
DAY = date(2025, 1, 20)


def make_codebook(*codes):
    """Codes as ``"id"`` or ``"id<parent"``."""
    split = [code.partition("<") for code in codes]
    return Codebook(
        id="test",
        version="1",
        title={},
        dimensions={},
        codes=tuple(
            Code(id=code, parent=parent, dimension="d", label={}, definition={})
            for code, _, parent in split
        ),
    )


def make_documents(**numbers):
    """``us=3`` gives us-0, us-1, us-2."""
    return [
        Document(id=f"{party}-{n}", party=party, title=f"{party} {n}")
        for party, number in numbers.items()
        for n in range(number)
    ]


def give(code, *documents, segment=""):
    """One coding of each document."""
    return [
        Coding(document=d, code=code, coder="rule", codebook="test@1", segment=segment)
        for d in documents
    ]


def measure(documents, codings, *codes, parties=("us", "cn"), stability=None, segments=None, **kw):
    """Measure with default thresholds."""
    return measure_overlap(
        documents,
        segments or {d.id: 10 for d in documents},
        codings,
        make_codebook(*codes),
        [Party(id=party) for party in parties],
        kw.pop("thresholds", Thresholds()),
        stability,
        **kw,
    )


def shares(**counts):
    """``us=(1, 4)`` as estimates."""
    return {party: wilson_interval(*pair) for party, pair in counts.items()}


# ------------------------------------------------------------------ Wilson


def test_share_of_nothing_is_undefined_with_a_reason():
    """0 of 0 has neither a value nor bounds."""
    share = wilson_interval(0, 0)

    assert (share.value, share.low, share.high) == (None, None, None)
    assert "total is 0" in share.undefined


@pytest.mark.parametrize(("count", "total", "level"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_impossible_counts_and_levels_are_refused(count, total, level):
    """The message names the value at fault."""
    with pytest.raises(ValueError, match=r"count is|level is"):
        wilson_interval(count, total, level)


# ------------------------------------------------------------------ as of


def dated(issued, status=Status.UNKNOWN, ended=None, instrument=Instrument.LAW):
    """One document with dates."""
    return Document(
        id="x",
        party="us",
        title="x",
        date_issued=issued,
        status=status,
        status_date=ended,
        instrument=instrument,
    )


BEFORE, AFTER = date(2024, 5, 1), date(2025, 6, 1)


@pytest.mark.parametrize(
    ("document", "kept", "en", "zh"),
    [
        (dated(DAY), True, "", ""),
        (dated(AFTER), False, "issued on 2025-06-01", "2025年6月1日发布"),
        (dated(None), True, "", ""),
        (dated(BEFORE, Status.RESCINDED, DAY), True, "", ""),
        (dated(BEFORE, Status.RESCINDED, date(2025, 1, 19)), False, "rescinded on", "废止"),
        (dated(BEFORE, Status.SUPERSEDED, AFTER), True, "", ""),
        (dated(BEFORE, Status.EXPIRED), False, "not recorded", "日期不详"),
        (dated(BEFORE, Status.VETOED, date(2024, 9, 29)), False, "vetoed on", "被否决"),
    ],
)
def test_a_document_counts_from_its_issue_to_its_end(document, kept, en, zh):
    """Both days are included; an end on an unknown day leaves the document out, with a reason."""
    found, left_out = documents_as_of([document], DAY)

    assert bool(found) is kept
    assert bool(left_out) is not kept
    assert en in left_out.get("x", {"en": ""})["en"]
    assert zh in left_out.get("x", {"zh": ""})["zh"]


def test_bills_and_drafts_count_only_where_the_study_says_so():
    """A bill counts as adopted from the day it came into force."""
    bill = dated(BEFORE, instrument=Instrument.BILL)
    enacted = dated(BEFORE, Status.IN_FORCE, BEFORE, Instrument.BILL)
    enacted_later = dated(BEFORE, Status.IN_FORCE, AFTER, Instrument.BILL)
    draft = dated(BEFORE, Status.DRAFT)

    def keeps(document, **settings):
        return bool(documents_as_of([document], DAY, **settings)[0])

    assert keeps(bill)
    assert not keeps(bill, count_bills=False)
    assert keeps(enacted, count_bills=False)
    assert not keeps(enacted_later, count_bills=False)
    assert keeps(draft)
    assert not keeps(draft, count_drafts=False)


def test_an_undated_document_is_kept_and_doubted():
    """The doubt is said in both languages."""
    kept, _ = documents_as_of([dated(None), dated(BEFORE)], DAY)

    doubts = doubts_as_of(kept, DAY)

    assert "not known" in doubts["x"]["en"]
    assert "发布日期不详" in doubts["x"]["zh"]


# ------------------------------------------------------------------ grades


@pytest.mark.parametrize(
    ("us", "cn", "grade"),
    [
        ((2, 4), (4, 4), Grade.STRONG),
        ((49, 100), (1, 1), Grade.MODERATE),
        ((1, 4), (1, 1), Grade.MODERATE),
        ((24, 100), (1, 1), Grade.LIMITED),
        ((1, 1000), (1, 1), Grade.LIMITED),
        ((0, 9), (9, 9), Grade.ONE_SIDED),
        ((0, 9), (0, 9), Grade.ABSENT),
        ((0, 0), (1, 9), None),
    ],
)
def test_two_parties_get_the_grades_of_the_method(us, cn, grade):
    """Bounds belong to the higher grade; one party without documents cannot be compared."""
    if grade is None:
        with pytest.raises(TooFewParties):
            grade_overlap(shares(us=us, cn=cn), Thresholds())
    else:
        assert grade_overlap(shares(us=us, cn=cn), Thresholds()) is grade


@pytest.mark.parametrize(
    ("counts", "grade"),
    [
        ({"us": (5, 9), "cn": (5, 9), "eu": (5, 9)}, Grade.STRONG),
        ({"us": (5, 9), "cn": (5, 9), "eu": (0, 9)}, Grade.PARTIAL),
        ({"us": (5, 9), "cn": (0, 9), "eu": (0, 9)}, Grade.ONE_SIDED),
        ({"us": (0, 9), "cn": (0, 9), "eu": (0, 9)}, Grade.ABSENT),
        ({"us": (5, 9), "cn": (5, 9), "eu": (0, 0)}, Grade.UNDEFINED),
    ],
)
def test_three_parties_can_overlap_in_part(counts, grade):
    """Two of three speaking is partial; a party without documents leaves the grade undefined."""
    assert grade_overlap(shares(**counts), Thresholds()) is grade


def test_thresholds_are_compared_as_fractions():
    """3 of 10 reaches 0.1 + 0.2, 1 of 3 reaches one third, and 1.0 is reached by all of them."""
    three_tenths = Thresholds(strong=0.1 + 0.2, moderate=0.1)
    third = Thresholds(strong=1 / 3, moderate=0.1)
    all_of_them = Thresholds(strong=1.0, moderate=1.0)

    assert grade_overlap(shares(us=(3, 10), cn=(1, 1)), three_tenths) is Grade.STRONG
    assert grade_overlap(shares(us=(1, 3), cn=(1, 1)), third) is Grade.STRONG
    assert grade_overlap(shares(us=(9, 9), cn=(1, 1)), all_of_them) is Grade.STRONG
    assert grade_overlap(shares(us=(8, 9), cn=(1, 1)), all_of_them) is Grade.LIMITED


def test_a_tiny_threshold_does_not_make_silence_strong():
    """Nobody speaking stays absent whatever the thresholds."""
    tiny = Thresholds(strong=1e-9, moderate=1e-9)

    assert grade_overlap(shares(us=(0, 5), cn=(0, 5)), tiny) is Grade.ABSENT
    assert grade_overlap(shares(us=(1, 5), cn=(1, 5)), tiny) is Grade.STRONG


# ------------------------------------------------------------------ measuring


def test_a_codes_documents_shares_and_lowest_are_reported():
    """Prevalence counts documents, salience counts segments."""
    documents = make_documents(us=4, cn=2)
    codings = [
        *give("a", "us-0", "us-1", segment="s1"),
        *give("a", "us-1", segment="s2"),
        *give("a", "cn-1"),
    ]

    (overlap,) = measure(documents, codings, "a")

    assert overlap.grade is Grade.STRONG
    assert overlap.lowest == 0.5
    assert overlap.documents == {"us": ("us-0", "us-1"), "cn": ("cn-1",)}
    assert (overlap.prevalence["us"].count, overlap.prevalence["us"].total) == (2, 4)
    assert (overlap.salience["us"].count, overlap.salience["us"].total) == (3, 40)
    assert overlap.salience["cn"].count == 0  # a document-level coding marks no segment


def test_a_childs_coding_counts_for_its_ancestors():
    """The parent's prevalence is the union over its children, and a parent lends nothing down."""
    documents = make_documents(us=2, cn=2)
    codings = [*give("a.b.c", "us-0"), *give("a.d", "us-1"), *give("a", "cn-0")]

    top, middle, _, other = measure(documents, codings, "a", "a.b<a", "a.b.c<a.b", "a.d<a")

    assert top.documents == {"us": ("us-0", "us-1"), "cn": ("cn-0",)}
    assert middle.documents == {"us": ("us-0",), "cn": ()}
    assert other.documents == {"us": ("us-1",), "cn": ()}


def test_joint_texts_are_precedents_and_stay_out_of_prevalence():
    """Only a text that all compared parties endorsed is a precedent."""
    both = Document(id="both", party="un", title="", endorsed_by=("cn", "us", "fr"))
    one = Document(id="one", party="us", title="", endorsed_by=("us", "fr"))
    documents = [*make_documents(us=1, cn=1), both, one]
    codings = give("a", "both", "one", "us-0", "cn-0")

    (overlap,) = measure(documents, codings, "a")

    assert overlap.precedents == ("both",)
    assert [share.total for share in overlap.prevalence.values()] == [1, 1]


def test_documents_out_of_scope_and_of_other_parties_do_not_count():
    """Codings of a document that was not passed are passed over, whatever their code."""
    documents = make_documents(us=1, cn=1, fr=1)
    codings = [*give("a", "us-0", "fr-0"), *give("gone", "cn-9")]

    (overlap,) = measure(documents, codings, "a")

    assert overlap.grade is Grade.ONE_SIDED
    assert set(overlap.prevalence) == {"us", "cn"}


def test_a_party_without_documents_is_undefined_among_three():
    """The reason names the party; the others keep their shares."""
    documents = make_documents(us=1, cn=1)

    (overlap,) = measure(
        documents, give("a", "us-0"), "a", parties=("us", "cn", "fr"), stability=StabilitySettings()
    )

    assert overlap.grade is Grade.UNDEFINED
    assert overlap.lowest is None
    assert overlap.prevalence["fr"].value is None
    assert "fr" in overlap.prevalence["fr"].undefined
    assert "fr" in overlap.undefined
    assert overlap.prevalence["us"].value == 1.0
    assert overlap.stability is None


@pytest.mark.parametrize("numbers", [{"us": 2}, {}])
def test_fewer_than_two_parties_with_documents_cannot_be_compared(numbers):
    """The error says who has documents."""
    with pytest.raises(
        TooFewParties, match=r"coded documents of at least two parties.*qiutong code"
    ):
        measure(make_documents(**numbers), [], "a")


def test_one_compared_party_is_too_few():
    """Whatever its documents."""
    with pytest.raises(TooFewParties, match="two or more"):
        measure(make_documents(us=2), [], "a", parties=("us",))


def test_a_document_without_segments_leaves_salience_undefined():
    """0 of 0 segments is no share."""
    documents = make_documents(us=1, cn=1)

    (overlap,) = measure(documents, [], "a", segments={"us-0": 3})

    assert overlap.salience["us"].value == 0.0
    assert overlap.salience["cn"].value is None
    assert "segments" in overlap.salience["cn"].undefined


def test_an_unknown_code_and_a_document_given_twice_are_errors():
    """Both name the value at fault."""
    documents = make_documents(us=1, cn=1)

    with pytest.raises(UnknownName, match="aa"):
        measure(documents, give("aa", "us-0"), "ab")
    with pytest.raises(DuplicateDocument, match="us-0"):
        measure([*documents, documents[0]], [], "a")


# ------------------------------------------------------------------ stability


def test_stability_names_the_documents_and_thresholds_that_move_a_grade():
    """Two of four carry the code: losing one of them, or a higher threshold, gives moderate."""
    documents = make_documents(us=4, cn=1)
    codings = give("a", "us-0", "us-1", "cn-0")

    (overlap,) = measure(documents, codings, "a", stability=StabilitySettings())

    held = overlap.stability
    assert [(s.change, s.grade) for s in held.without] == [
        ("us-0", Grade.MODERATE),
        ("us-1", Grade.MODERATE),
        ("cn-0", Grade.UNDEFINED),
    ]
    swept = {s.change: s.grade for s in held.thresholds}
    assert swept["strong=0.5 moderate=0.25"] is Grade.STRONG
    assert swept["strong=0.6 moderate=0.35"] is Grade.MODERATE
    assert len(swept) == 9
    assert held.agreement == held.resampled[Grade.STRONG]
    assert sum(held.resampled.values()) == pytest.approx(1.0)


def test_impossible_threshold_pairs_are_not_swept():
    """Moderate above strong is no setting."""
    grid = StabilitySettings(strong=(0.3, 0.6), moderate=(0.2, 0.5))

    (overlap,) = measure(make_documents(us=2, cn=2), [], "a", stability=grid)

    assert [s.change for s in overlap.stability.thresholds] == [
        "strong=0.3 moderate=0.2",
        "strong=0.6 moderate=0.2",
        "strong=0.6 moderate=0.5",
    ]


def test_resampled_shares_agree_with_the_exact_binomial():
    """With one party certain, the share of "strong" is P(Binomial(8, 5/8) ≥ 4), known exactly."""
    documents = make_documents(us=8, cn=3)
    codings = give("a", *(f"us-{n}" for n in range(5)), *(f"cn-{n}" for n in range(3)))
    exact = sum(comb(8, k) * (5 / 8) ** k * (3 / 8) ** (8 - k) for k in range(4, 9))

    (overlap,) = measure(documents, codings, "a", stability=StabilitySettings(resamples=20_000))

    spread = (exact * (1 - exact) / 20_000) ** 0.5
    assert overlap.stability.resampled[Grade.STRONG] == pytest.approx(exact, abs=4 * spread)


def test_a_partys_resamples_do_not_hang_on_the_order_of_parties():
    """Swapping the parties' order gives the same stability."""
    documents = make_documents(us=7, cn=9)
    codings = give("a", "us-1", "us-2", "us-3", "cn-1", "cn-2", "cn-5")

    (one,) = measure(documents, codings, "a", stability=StabilitySettings())
    (other,) = measure(documents, codings, "a", parties=("cn", "us"), stability=StabilitySettings())

    assert one.stability.resampled == other.stability.resampled
    assert one.grade is other.grade


def test_a_study_of_usual_size_is_measured_in_well_under_a_second():
    """60 codes, 400 documents, 1,000 resamples; generous, for a busy machine."""
    documents = make_documents(us=200, cn=200)
    codes = [f"c{n}" for n in range(60)]
    codings = [
        coding
        for at, code in enumerate(codes)
        for coding in give(code, *(d.id for n, d in enumerate(documents) if (n * 7 + at) % 5 == 0))
    ]

    start = time.perf_counter()
    overlaps = measure(documents, codings, *codes, stability=StabilitySettings())
    took_s = time.perf_counter() - start

    assert len(overlaps) == 60
    assert took_s < 3.0


# ------------------------------------------------------------------ differences


def test_two_dates_are_compared_by_grade_and_documents():
    """Only codes that differ are listed, with the documents behind the difference."""
    documents = make_documents(us=2, cn=2)
    codings = [*give("a", "us-0", "us-1", "cn-0", "cn-1"), *give("b", "us-0", "cn-0", "cn-1")]
    before = measure(documents, codings, "a", "b")
    after = measure([d for d in documents if d.id != "us-0"], codings, "a", "b")

    changes = {change.code: change for change in compare_overlaps(before, after)}

    assert (changes["b"].before, changes["b"].after) == (Grade.STRONG, Grade.ONE_SIDED)
    assert changes["b"].gone == {"us": ("us-0",)}
    assert changes["b"].new == {}
    assert changes["a"].gone == {"us": ("us-0",)}
    assert compare_overlaps(before, before) == ()


def test_a_code_measured_on_one_side_only_has_no_grade_on_the_other():
    """A code new in the codebook is new, not absent before."""
    documents = make_documents(us=1, cn=1)
    before = measure(documents, [], "a")
    after = measure(documents, [], "a", "b")

    (change,) = compare_overlaps(before, after)

    assert (change.code, change.before, change.after) == ("b", None, Grade.ABSENT)


# ------------------------------------------------------------------ method pages


@pytest.mark.parametrize("page", ["prevalence", "overlap-grades", "stability", "as-of", "evidence"])
def test_worked_examples_of_the_method_page_are_right(page):
    """Every example on the page runs and prints what the page says."""
    failed, tried = doctest.testfile(str(PAGES / f"{page}.md"), module_relative=False)

    assert tried > 0
    assert failed == 0
