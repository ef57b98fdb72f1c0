"""Reliability on small invented readings: what is undefined, missing, counted and listed."""

import doctest
import math
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from qiutong.errors import UndefinedStatistic, UnknownName
from qiutong.reliability import (
    Disagreement,
    ReliabilityVerdict,
    alpha_over_blocks,
    bootstrap_documents,
    count_matches,
    gwet_ac1,
    judge_alpha,
    krippendorff_alpha,
    krippendorff_alpha_distance,
    masi_distance,
    measure_reliability,
    measure_spans,
    percent_agreement,
)

PAGES = Path(__file__).parents[2] / "docs" / "method"
NAN = math.nan
CODES = ("透明度", "b", "c")


def read(**units):
    """``u1="ab"`` gives the codes a and b to u1; the empty text is a unit without a code."""
    return {unit: frozenset(codes) for unit, codes in units.items()}


def measure(readings, codes=("a", "b", "c"), document_of=None, **kw):
    """Measure with one document for every two units, unless told otherwise."""
    units = sorted({unit for one in readings.values() for unit in one})
    document_of = document_of or {unit: f"d{at // 2}" for at, unit in enumerate(units)}
    return measure_reliability(
        readings, document_of, codes, resamples=kw.pop("resamples", 50), **kw
    )


ANN = read(u1="a", u2="ab", u3="", u4="c", u5="a", u6="")
BEN = read(u1="a", u2="a", u3="", u4="b", u5="ac", u6="b")


# ------------------------------------------------------------------ coefficients


@pytest.mark.parametrize("coefficient", [krippendorff_alpha, gwet_ac1, percent_agreement])
def test_values_that_cannot_be_paired_have_no_coefficient(coefficient):
    """Where each unit has one value at most, nothing can be compared."""
    with pytest.raises(UndefinedStatistic, match="no unit has values of two or more coders"):
        coefficient([[1, NAN, NAN], [NAN, 0, NAN]])


def test_sets_that_cannot_be_paired_have_no_alpha():
    """The same for alpha with a distance."""
    with pytest.raises(UndefinedStatistic, match="no unit has values"):
        krippendorff_alpha_distance([[frozenset("a"), None], [None, frozenset()]], masi_distance)


def test_alpha_without_variation_is_undefined_and_neither_1_nor_0():
    """Coders who always say the same show nothing about chance."""
    with pytest.raises(UndefinedStatistic, match="all values are the same"):
        krippendorff_alpha([[0, 0, 0], [0, 0, 0]])
    with pytest.raises(UndefinedStatistic, match="all values are the same"):
        krippendorff_alpha_distance([[frozenset()] * 3] * 2, masi_distance)


def test_variation_in_values_without_a_pair_does_not_count():
    """The 1 that only one coder gave to the last unit is no variation."""
    with pytest.raises(UndefinedStatistic, match="4 values"):
        krippendorff_alpha([[0, 0, 1], [0, 0, NAN]])


def test_ac1_without_variation_is_1_where_another_category_was_possible():
    """And undefined where no other category is known."""
    assert gwet_ac1([[0, 0], [0, 0]], categories=[0, 1]) == 1.0
    with pytest.raises(UndefinedStatistic, match="one category"):
        gwet_ac1([[0, 0], [0, 0]])


def test_ac1_refuses_a_value_that_is_no_category():
    """The message names the value and the categories."""
    with pytest.raises(ValueError, match="value 2 is none of the categories 0, 1"):
        gwet_ac1([[0, 2], [0, 1]], categories=[0, 1])


@pytest.mark.parametrize("values", [[0, 1, 1], [[[0], [1]]]])
def test_values_must_be_a_table(values):
    """One list of values is not taken for two coders."""
    with pytest.raises(ValueError, match="they need two"):
        krippendorff_alpha(values)


def test_coders_with_unequal_numbers_of_units_are_refused():
    """Units are matched by place, so a missing one must be given as None."""
    with pytest.raises(ValueError, match="shorter"):
        krippendorff_alpha_distance([["a", "b"], ["a"]], lambda one, two: float(one != two))


def test_two_empty_sets_are_equal_and_an_empty_one_is_far_from_all_others():
    """Nothing found by both is agreement."""
    assert masi_distance(frozenset(), frozenset()) == 0.0
    assert masi_distance(frozenset(), frozenset("a")) == 1.0


@pytest.mark.parametrize(
    ("alpha", "verdict"),
    [
        (1.0, "reliable"),
        (0.8, "reliable"),
        (1.0 - 0.2 - 1e-15, "reliable"),
        (0.7999, "tentative"),
        (0.667, "tentative"),
        (2 / 3, "not reliable"),
        (0.0, "not reliable"),
        (-0.4, "not reliable"),
        (None, "undefined"),
    ],
)
def test_verdicts_change_at_800_and_667(alpha, verdict):
    """Both bounds belong to the better verdict; rounding of the last digit costs nothing."""
    assert judge_alpha(alpha) is ReliabilityVerdict(verdict)


# ------------------------------------------------------------------ bootstrap


def test_resamples_without_a_value_are_counted_and_not_taken_for_0():
    """One of two documents has no value: bounds come from the draws that hold the other."""
    totals = np.array([[0.0, 0.0], [3.0, 4.0]])

    def share(sums):
        return np.divide(
            sums[:, :1], sums[:, 1:], out=np.full((len(sums), 1), NAN), where=sums[:, 1:] > 0
        )

    low, high, undefined = bootstrap_documents(totals, share, resamples=2000)

    assert (low[0], high[0]) == (0.75, 0.75)
    assert 400 < undefined[0] < 600  # a quarter is expected, standard error 19


def test_draws_do_not_hang_on_how_many_are_made_at_a_time():
    """The first resamples of a long run are those of a short one."""
    seen = []

    def keep(sums):
        seen.append(sums)
        return sums

    bootstrap_documents(np.eye(5), keep, resamples=1500)
    bootstrap_documents(np.eye(5), keep, resamples=700)

    assert (np.concatenate(seen[:2])[:700] == seen[2]).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"level": 1.0}, "level is 1.0"), ({"resamples": 0}, "resamples is 0")],
)
def test_impossible_levels_and_numbers_of_resamples_are_refused(wrong, message):
    """The message names the value."""
    with pytest.raises(ValueError, match=message):
        bootstrap_documents(np.eye(2), lambda sums: sums, **wrong)


def test_nothing_to_draw_from_is_refused():
    """No documents, no bootstrap."""
    with pytest.raises(ValueError, match="no documents"):
        bootstrap_documents(np.empty((0, 2)), lambda sums: sums)


# ------------------------------------------------------------------ readings


def test_counts_of_a_code_are_those_of_the_readings():
    """Per coder, by all, by any, and documents."""
    found = measure({"ann": ANN, "ben": BEN})

    a, b, c = found.codes
    assert (found.coders, found.units, found.documents) == (("ann", "ben"), 6, 3)
    assert found.read_by == {"ann": 6, "ben": 6}
    assert a.given_by == {"ann": 3, "ben": 3}
    assert (a.given_by_all, a.given_by_any, a.documents_any) == (3, 3, 2)
    assert (b.given_by_all, b.given_by_any, b.documents_any) == (0, 3, 3)
    assert c.given_by == {"ann": 1, "ben": 1}
    assert (a.percent_agreement, b.percent_agreement) == (1.0, 0.5)
    assert (a.units, a.documents) == (6, 3)


def test_values_and_verdicts_are_those_of_the_coefficients():
    """Code a is given alike; code b never."""
    a, b, _ = measure({"ann": ANN, "ben": BEN}).codes

    assert a.alpha.value == a.ac1.value == 1.0
    assert a.verdict is ReliabilityVerdict.RELIABLE
    assert b.alpha.value == krippendorff_alpha([[0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 1]])
    assert b.verdict is ReliabilityVerdict.NOT_RELIABLE
    assert b.low_below_limit is True


def test_a_code_nobody_gave_has_no_alpha_and_says_why():
    """It is not 1, and not 0; the reason tells it from a code that everybody gave."""
    never, always = measure(
        {"ann": read(u1="b", u2="b"), "ben": read(u1="b", u2="b")}, codes=("a", "b")
    ).codes

    assert never.alpha.value is None
    assert never.alpha.undefined.startswith("no reader gave it")
    assert always.alpha.undefined.startswith("every reader gave it")
    assert never.verdict is always.verdict is ReliabilityVerdict.UNDEFINED
    assert never.low_below_limit is None
    assert never.ac1.value == never.percent_agreement == 1.0


def test_units_read_by_one_coder_are_left_out_and_counted():
    """They change no count and no coefficient; their document does not count either."""
    document_of = {**dict.fromkeys(ANN, "d0"), "u4": "d1", "only": "d9"}
    alone = {"ann": {**ANN, "only": frozenset("abc")}, "ben": BEN}

    found = measure(alone, document_of=document_of)

    plain = measure({"ann": ANN, "ben": BEN}, document_of=document_of)
    assert (found.left_out, found.units, found.documents) == (1, 6, 2)
    assert found == msgspec.structs.replace(plain, left_out=1)


def test_a_unit_without_a_code_is_read_and_a_missing_one_is_not():
    """The empty set says absent; no entry says nothing. The rule is given in both languages."""
    third = read(u1="a", u2="")

    found = measure({"ann": ANN, "ben": BEN, "cem": third})

    assert found.read_by["cem"] == 2
    a = found.codes[0]
    assert (a.given_by["cem"], a.given_by_all, a.given_by_any) == (1, 2, 3)
    assert a.alpha.value == krippendorff_alpha(
        [[1, 1, 0, 0, 1, 0], [1, 1, 0, 0, 1, 0], [1, 0, NAN, NAN, NAN, NAN]]
    )
    assert "every code is absent" in found.uncoded["en"]
    assert "未读" in found.uncoded["zh"]


def test_codes_and_units_may_be_written_in_chinese():
    """Ids are plain text, of any script."""
    one = {"第一条": frozenset({"透明度"}), "第二条": frozenset(), "第三条𠮷": frozenset("b")}
    found = measure({"甲": one, "乙": one}, codes=CODES)

    assert found.codes[0].code == "透明度"
    assert found.codes[0].alpha.value == found.micro.value == found.masi.value == 1.0


def test_one_document_gives_values_and_no_interval():
    """Bounds equal to the value would look like certainty."""
    found = measure({"ann": ANN, "ben": BEN}, document_of=dict.fromkeys(ANN, "only"))

    for coefficient in (found.codes[1].alpha, found.codes[1].ac1, found.micro, found.masi):
        assert coefficient.value is not None
        assert (coefficient.low, coefficient.high) == (None, None)
        assert "one document" in coefficient.no_interval
    assert found.codes[1].low_below_limit is None


def test_resamples_in_which_a_rare_code_is_missing_are_reported():
    """Code c is given in one document of three: about 8 of 27 draws lack it."""
    found = measure({"ann": read(u1="c", u2="", u3="", u4="", u5="", u6=""),
                     "ben": read(u1="c", u2="c", u3="", u4="", u5="", u6="")},
                    resamples=1000)  # fmt: skip

    alpha = found.codes[2].alpha
    assert 230 < alpha.undefined_resamples < 370
    assert (alpha.resamples, alpha.level) == (1000, 0.95)
    assert alpha.low is not None


def test_the_seed_and_level_are_kept_and_repeat_the_result():
    """The same seed gives the same bounds; they are told with the result."""
    readings = {"ann": ANN, "ben": BEN}
    one = measure(readings, seed=5, level=0.8)

    assert one == measure(readings, seed=5, level=0.8)
    assert (one.seed, one.level, one.resamples) == (5, 0.8, 50)
    assert one.micro.level == 0.8


@pytest.mark.parametrize("readings", [{}, {"ann": ANN}])
def test_fewer_than_two_coders_have_no_reliability(readings):
    """The message says what to add."""
    with pytest.raises(UndefinedStatistic, match="two or more coders"):
        measure(readings)


def test_readings_without_a_common_unit_have_no_reliability():
    """The message counts what was read once."""
    with pytest.raises(UndefinedStatistic, match=r"no unit was read by two .*\(2 were read by one"):
        measure({"ann": read(u1="a"), "ben": read(u2="a")})


def test_a_code_that_was_not_asked_for_is_refused():
    """Dropping it silently would raise agreement."""
    with pytest.raises(UnknownName, match='ann on u1: unknown code "x"'):
        measure({"ann": read(u1="x"), "ben": read(u1="")})


def test_a_unit_without_a_document_is_refused():
    """The message names coder and unit."""
    with pytest.raises(UnknownName, match='a reading of ann: unknown unit "u1"'):
        measure({"ann": read(u1="a"), "ben": read(u1="")}, document_of={"u2": "d"})


@pytest.mark.parametrize("codes", [(), ("a", "b", "c", "a")])
def test_codes_are_named_once_each(codes):
    """None at all, and one twice, are mistakes."""
    with pytest.raises(ValueError, match="each once"):
        measure({"ann": ANN, "ben": BEN}, codes=codes)


# ------------------------------------------------------------------ disagreements


def test_the_matrix_says_what_one_coder_calls_by_another_code_or_by_none():
    """Crossed codes name both; a code against nothing has an empty other code."""
    rows = measure({"ann": ANN, "ben": BEN}).disagreements

    assert rows == (
        Disagreement(coder="ann", code="b", other="ben", other_code="", units=1),
        Disagreement(coder="ann", code="c", other="ben", other_code="b", units=1),
        Disagreement(coder="ben", code="b", other="ann", other_code="", units=1),
        Disagreement(coder="ben", code="c", other="ann", other_code="", units=1),
    )


def test_the_most_frequent_disagreement_stands_first():
    """Rows are sorted by units, then by name."""
    ann, ben = read(u1="a", u2="a", u3="b"), read(u1="c", u2="c", u3="")

    rows = measure({"ann": ann, "ben": ben}).disagreements

    assert [(row.code, row.other_code, row.units) for row in rows] == [("a", "c", 2), ("b", "", 1)]


def test_a_unit_that_one_of_the_pair_did_not_read_is_no_disagreement():
    """Ben and Cem read u1; Ann did not, so nothing is said against her."""
    rows = measure(
        {"ann": read(u2=""), "ben": read(u1="a", u2=""), "cem": read(u1="", u2="")}
    ).disagreements

    assert [(row.coder, row.other) for row in rows] == [("ben", "cem")]


# ------------------------------------------------------------------ drift


def test_alpha_over_blocks_shows_drift():
    """Readers who agree at first and not later: 1, then below 0."""
    order = ["u1", "u2", "u3", "u4"]
    ann, ben = read(u1="a", u2="b", u3="a", u4=""), read(u1="a", u2="b", u3="b", u4="c")
    document_of = dict(zip(order, ["d1", "d2", "d3", "d3"], strict=True))

    early, late = alpha_over_blocks(
        {"ann": ann, "ben": ben}, document_of, "abc", order, blocks=2, resamples=50
    )

    assert (early.first, early.last, early.units, early.documents) == ("u1", "u2", 2, 2)
    assert early.alpha.value == 1.0
    assert late.alpha.value < 0.0
    assert (late.documents, late.alpha.low) == (1, None)


def test_blocks_follow_the_order_given_and_pass_over_what_was_read_once():
    """The order may name more units than two coders read."""
    order = ["u2", "u9", "u1"]
    readings = {"ann": read(u1="a", u2="", u9="a"), "ben": read(u1="a", u2="")}

    blocks = alpha_over_blocks(
        readings, dict.fromkeys(order, "d"), "a", order, blocks=2, resamples=10
    )

    assert [(block.first, block.last) for block in blocks] == [("u2", "u2"), ("u1", "u1")]
    assert blocks[0].alpha.value is None
    assert blocks[0].alpha.undefined


def test_an_order_that_lacks_a_unit_or_too_many_blocks_are_refused():
    """Nothing is dropped silently."""
    readings, document_of = {"ann": ANN, "ben": BEN}, dict.fromkeys(ANN, "d")

    with pytest.raises(UnknownName, match='the order of units: unknown unit "u2"'):
        alpha_over_blocks(readings, document_of, "abc", ["u1"])
    for blocks in (0, 7):
        with pytest.raises(ValueError, match=f"blocks is {blocks}"):
            alpha_over_blocks(readings, document_of, "abc", sorted(ANN), blocks=blocks)


# ------------------------------------------------------------------ spans

# Two documents of two units each; offsets are of the document's text.
UNITS = {
    "u1": ("d1", 0, 100),
    "u2": ("d1", 100, 200),
    "u3": ("d2", 0, 50),
    "u4": ("d2", 50, 80),
}


def spans_of(readings, codes=("a", "b", "c"), **kw):
    """The one pair of two readings, with few resamples."""
    [found] = measure_spans(readings, UNITS, codes, resamples=kw.pop("resamples", 50), **kw)
    return found


@pytest.mark.parametrize(
    ("one", "two", "touching", "halved"),
    [
        ([(0, 10)], [(0, 10)], 1, 1),
        ([(0, 10)], [(0, 5)], 1, 1),  # 5 of 10
        ([(0, 10)], [(0, 4)], 1, 0),  # 4 of 10
        ([(0, 10)], [(5, 15)], 1, 0),  # 5 of 15
        ([(0, 9)], [(3, 12)], 1, 1),  # 6 of 12
        ([(0, 10)], [(10, 20)], 0, 0),  # they touch, and have no character in common
        ([(0, 10), (12, 22)], [(0, 22)], 1, 0),  # one span answers one
        ([(0, 10), (20, 30)], [(8, 22), (28, 40)], 2, 0),
        ([(0, 6), (4, 10)], [(0, 10)], 1, 1),  # overlapping spans of one coder are one
        ([(0, 5), (5, 10)], [(0, 10)], 1, 1),  # spans that touch are two
        ([(20, 30), (0, 10)], [(1, 11), (21, 31)], 2, 2),  # in any order
        ([], [(0, 10)], 0, 0),
    ],
)
def test_spans_are_matched_one_to_one(one, two, touching, halved):
    """Pairs at one character in common, and at half of those in either, counted by hand."""
    assert count_matches(one, two) == count_matches(two, one) == touching
    assert count_matches(one, two, 0.5) == count_matches(two, one, 0.5) == halved


def test_an_empty_span_is_refused():
    """A span has at least one character."""
    with pytest.raises(ValueError, match="the span from 4 to 4 is empty"):
        count_matches([(4, 4)], [(0, 9)])


def test_span_agreement_counted_by_hand():
    """Of three spans of Ann and two of Ben for a, one pair overlaps a little and one by half."""
    ann = {"u1": {("a", 0, 40), ("b", 50, 60)}, "u2": {("a", 110, 120)}, "u3": {("a", 0, 20)}}
    ben = {"u1": {("a", 30, 60)}, "u2": set(), "u3": {("a", 0, 12), ("c", 0, 5)}}

    found = spans_of({"ann": ann, "ben": ben})

    assert (found.coders, found.units, found.documents) == (("ann", "ben"), 3, 2)
    a, b, c = found.codes
    assert a.spans == {"ann": 3, "ben": 2}
    assert (a.any_overlap.matched, a.half_overlap.matched) == (2, 1)
    assert a.any_overlap.f1.value == pytest.approx(4 / 5)
    assert a.half_overlap.f1.value == pytest.approx(2 / 5)
    shares = {coder: one.value for coder, one in a.any_overlap.shares.items()}
    assert shares == {"ann": pytest.approx(2 / 3), "ben": 1.0}
    assert (b.any_overlap.f1.value, c.any_overlap.f1.value) == (0.0, 0.0)
    assert b.any_overlap.shares["ben"].value is None
    assert found.overall.spans == {"ann": 4, "ben": 3}
    assert found.overall.any_overlap.f1.value == pytest.approx(4 / 7)
    assert found.whole_only == ()


def test_span_bounds_are_over_whole_documents():
    """With agreement in one document and none in the other, the interval runs from 0 to 1."""
    ann = {"u1": {("a", 0, 9)}, "u3": {("a", 0, 9)}}
    ben = {"u1": {("a", 0, 9)}, "u3": {("a", 10, 19)}}

    f1 = spans_of({"ann": ann, "ben": ben}, resamples=400).overall.any_overlap.f1

    assert (f1.value, f1.low, f1.high) == (0.5, 0.0, 1.0)
    [one] = measure_spans(
        {"ann": {"u1": ann["u1"]}, "ben": {"u1": ben["u1"]}}, UNITS, ["a"], resamples=50
    )
    assert one.overall.any_overlap.f1.no_interval
    assert one.overall.any_overlap.f1.low is None


def test_a_code_nobody_marked_has_no_span_agreement():
    """Absence by both is no agreement of spans: the figure does not exist."""
    found = spans_of({"ann": {"u1": set()}, "ben": {"u1": set()}})

    assert found.overall.any_overlap.f1.value is None
    assert found.overall.any_overlap.f1.undefined == "there is no span to match"
    assert found.whole_only == ()


def test_spans_in_units_that_only_one_read_are_left_out():
    """Ben did not read u2: what Ann marked there is neither hit nor miss."""
    ann = {"u1": {("a", 0, 10)}, "u2": {("a", 100, 110)}}
    found = spans_of({"ann": ann, "ben": {"u1": {("a", 0, 10)}, "u4": {("a", 50, 55)}}})

    assert found.overall.spans == {"ann": 1, "ben": 1}
    assert found.overall.half_overlap.f1.value == 1.0


def test_a_coder_that_always_marks_whole_units_is_named():
    """Whole provisions say nothing of words; one span that is shorter, and the coder is not."""
    ann = {"u1": {("a", 0, 100)}, "u3": {("a", 0, 50), ("b", 0, 50)}}
    ben = {"u1": {("a", 0, 60)}, "u3": {("a", 0, 50)}}

    found = spans_of({"ann": ann, "ben": ben})

    assert found.whole_only == ("ann",)


def test_every_pair_of_coders_with_a_common_unit_is_compared():
    """Three coders, of whom two have no unit in common."""
    mark = {("a", 0, 10)}
    readings = {"cai": {"u1": mark}, "ann": {"u1": mark, "u3": mark}, "ben": {"u3": mark}}

    found = measure_spans(readings, UNITS, ["a"], resamples=20)

    assert [one.coders for one in found] == [("ann", "ben"), ("ann", "cai")]


def test_spans_of_unknown_units_and_codes_are_refused():
    """The error says who named what."""
    with pytest.raises(UnknownName, match="u9"):
        spans_of({"ann": {"u9": set()}, "ben": {"u1": set()}})
    with pytest.raises(UnknownName, match="ben on u1"):
        spans_of({"ann": {"u1": set()}, "ben": {"u1": {("z", 0, 4)}}})


# ------------------------------------------------------------------ size, page


def test_a_whole_study_is_measured_in_three_seconds():
    """65 codes, 1,900 units in 42 documents, 1,000 resamples."""
    draw = np.random.default_rng(1)
    codes = [f"c{at:02}" for at in range(65)]
    shares = draw.beta(0.5, 20, 65)
    gold = draw.random((1900, 65)) < shares
    readings = {
        coder: {
            f"u{at:04}": frozenset(codes[place] for place in np.flatnonzero(row))
            for at, row in enumerate(gold ^ (draw.random(gold.shape) < 0.004))
        }
        for coder in ("ann", "ben")
    }
    document_of = {f"u{at:04}": f"d{at % 42}" for at in range(1900)}

    start = time.perf_counter()
    found = measure_reliability(readings, document_of, codes)
    took = time.perf_counter() - start

    assert (found.units, len(found.codes), found.resamples) == (1900, 65, 1000)
    assert took < 3.0


def test_worked_examples_of_the_method_page_are_right():
    """Every example on the page runs and prints what the page says."""
    failed, tried = doctest.testfile(str(PAGES / "reliability.md"), module_relative=False)

    assert tried > 0
    assert failed == 0
