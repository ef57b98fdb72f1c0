"""Laws of the coefficients of agreement, over generated readings."""

import math
import warnings
from itertools import combinations, permutations

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qiutong.errors import UndefinedStatistic
from qiutong.reliability import (
    alpha_over_blocks,
    bootstrap_documents,
    count_matches,
    gwet_ac1,
    krippendorff_alpha,
    krippendorff_alpha_distance,
    masi_distance,
    measure_reliability,
    measure_spans,
    percent_agreement,
)

CODES = ("a", "b", "c")
SETS = st.frozensets(st.sampled_from(CODES))


@st.composite
def tables(draw, kinds=3, most_units=12):
    """Values of two to four coders, some missing."""
    coders, units = draw(st.integers(2, 4)), draw(st.integers(1, most_units))
    one = st.sampled_from([math.nan, *map(float, range(kinds))])
    rows = st.lists(one, min_size=units, max_size=units)
    return np.array(draw(st.lists(rows, min_size=coders, max_size=coders)))


@st.composite
def corpora(draw):
    """Readings of two or three coders over units in one to five documents, some unread."""
    coders = [f"coder-{n}" for n in range(draw(st.integers(2, 3)))]
    units = [f"u{n:02}" for n in range(draw(st.integers(1, 14)))]
    document_of = {unit: f"d{draw(st.integers(0, 4))}" for unit in units}
    readings = {}
    for coder in coders:
        unread = draw(st.sets(st.sampled_from(units), max_size=3))
        readings[coder] = {unit: draw(SETS) for unit in units if unit not in unread}
    assume(any(sum(unit in one for one in readings.values()) > 1 for unit in units))
    return readings, document_of


def value_of(coefficient, *arguments):
    """The coefficient, or None where it is undefined."""
    try:
        return coefficient(*arguments)
    except UndefinedStatistic:
        return None


def by_definition(values, distance):
    """Alpha as 1 − D_o / D_e over pairs of values, straight from the definition."""
    units = [[one for one in unit if one is not None] for unit in zip(*values, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    pool = [one for unit in units for one in unit]
    if not pool:
        return None
    observed = sum(
        sum(distance(one, two) for one, two in permutations(unit, 2)) / (len(unit) - 1)
        for unit in units
    ) / len(pool)
    pairs = list(combinations(pool, 2))
    expected = sum(distance(one, two) for one, two in pairs) / len(pairs)
    return 1 - observed / expected if expected else None


def with_none(values):
    """Missing values as None."""
    return [[None if math.isnan(one) else one for one in row] for row in values]


def unlike(one, two):
    """Distance of nominal values."""
    return float(one != two)


@given(tables())
@settings(max_examples=200, deadline=None)
def test_alpha_is_its_definition_over_pairs(values):
    """The coincidence form and the sum over pairs give the same, also where undefined."""
    wanted = by_definition(with_none(values), unlike)

    assert value_of(krippendorff_alpha, values) == pytest.approx(wanted)
    assert value_of(krippendorff_alpha_distance, with_none(values), unlike) == pytest.approx(wanted)


@given(tables(most_units=8), st.data())
@settings(max_examples=100, deadline=None)
def test_alpha_with_masi_is_its_definition_over_pairs(values, data):
    """Sets instead of numbers, MASI instead of equality."""
    sets = [data.draw(SETS) for _ in range(3)]
    given_sets = [[None if math.isnan(one) else sets[int(one)] for one in row] for row in values]

    found = value_of(krippendorff_alpha_distance, given_sets, masi_distance)

    assert found == pytest.approx(by_definition(given_sets, masi_distance))


@given(tables())
@settings(max_examples=100, deadline=None)
def test_alpha_is_that_of_another_implementation(values):
    """The package ``krippendorff`` agrees wherever the value exists."""
    found = value_of(krippendorff_alpha, values)
    assume(found is not None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it divides by 0 on units with one value
        theirs = krippendorff.alpha(reliability_data=values, level_of_measurement="nominal")

    assert found == pytest.approx(theirs)


@given(tables(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_order_of_coders_units_and_labels_changes_no_coefficient(values, shuffler):
    """Shuffled rows and columns, and categories under other numbers, give the same."""
    rows, columns, names = list(range(len(values))), list(range(values.shape[1])), [7.0, -1.0, 0.5]
    for one in (rows, columns, names):
        shuffler.shuffle(one)
    mixed = values[np.ix_(rows, columns)]
    renamed = np.select([mixed == kind for kind in range(3)], names, math.nan)

    for coefficient in (krippendorff_alpha, gwet_ac1, percent_agreement):
        assert value_of(coefficient, renamed) == pytest.approx(value_of(coefficient, values))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=20), st.integers(2, 5))
def test_perfect_agreement_is_1(row, coders):
    """Coders who say the same have 1 in every coefficient that exists."""
    assume(len(set(row)) > 1)

    for coefficient in (krippendorff_alpha, gwet_ac1, percent_agreement):
        assert coefficient([row] * coders) == pytest.approx(1.0)


@given(tables())
@settings(max_examples=100, deadline=None)
def test_coefficients_stay_within_their_bounds(values):
    """Percent agreement in [0, 1]; alpha and AC1 in [−1, 1]."""
    share = value_of(percent_agreement, values)
    assert share is None or 0.0 <= share <= 1.0
    for coefficient in (krippendorff_alpha, gwet_ac1):
        found = value_of(coefficient, values)
        assert found is None or -1.0 - 1e-9 <= found <= 1.0 + 1e-9


@given(SETS, SETS, SETS)
def test_masi_is_a_distance_of_sets(one, two, three):
    """In [0, 1], 0 for equal sets alone, the same both ways, and blind to what is called what."""
    rename = {"a": "c", "b": "a", "c": "b"}
    renamed = [frozenset(rename[code] for code in each) for each in (one, two)]

    assert 0.0 <= masi_distance(one, two) <= 1.0
    assert (masi_distance(one, two) == 0.0) == (one == two)
    assert masi_distance(one, two) == masi_distance(two, one) == masi_distance(*renamed)
    if not (one | two) & three and three:
        assert masi_distance(one, three) == 1.0


def cells(readings, document_of, code=None):
    """Units read twice, and their values as (coders, cells): one code, or all in turn."""
    units = sorted(u for u in document_of if sum(u in one for one in readings.values()) > 1)
    wanted = CODES if code is None else [code]
    values = [
        [float(each in one[unit]) if unit in one else math.nan for each in wanted for unit in units]
        for one in readings.values()
    ]
    return units, np.array(values)


@given(corpora())
@settings(max_examples=100, deadline=None)
def test_readings_give_the_coefficients_of_their_values(corpus):
    """Counts by document lead to the values that the plain functions give."""
    readings, document_of = corpus

    found = measure_reliability(readings, document_of, CODES, resamples=20)

    for one in found.codes:
        units, values = cells(readings, document_of, one.code)
        assert one.units == found.units == len(units)
        assert one.alpha.value == pytest.approx(value_of(krippendorff_alpha, values))
        assert one.ac1.value == pytest.approx(gwet_ac1(values, categories=[0, 1]))
        assert one.percent_agreement == pytest.approx(percent_agreement(values))
    units, values = cells(readings, document_of)
    assert found.micro.value == pytest.approx(value_of(krippendorff_alpha, values))
    sets = [[one.get(unit) for unit in units] for one in readings.values()]
    assert found.masi.value == pytest.approx(
        value_of(krippendorff_alpha_distance, sets, masi_distance)
    )
    [block] = alpha_over_blocks(readings, document_of, CODES, units, blocks=1, resamples=20)
    assert block.alpha == found.micro


@given(corpora(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_order_of_readings_changes_nothing(corpus, shuffler):
    """Everything, intervals too, is the same for readings and units in another order."""
    readings, document_of = corpus

    def mix(mapping):
        items = list(mapping.items())
        shuffler.shuffle(items)
        return dict(items)

    mixed = mix({coder: mix(one) for coder, one in readings.items()})

    assert measure_reliability(mixed, mix(document_of), CODES, resamples=20) == (
        measure_reliability(readings, document_of, CODES, resamples=20)
    )


@given(corpora())
@settings(max_examples=50, deadline=None)
def test_bootstrap_by_counts_is_direct_recomputation(corpus):
    """Bounds are those of alpha computed over the units of the documents drawn, one by one."""
    readings, document_of = corpus
    resamples, seed = 25, 7
    found = measure_reliability(readings, document_of, CODES, resamples=resamples, seed=seed)
    units, _ = cells(readings, document_of)
    documents = sorted({document_of[unit] for unit in units})
    assume(len(documents) > 1)

    def draw_values(statistic):
        totals = np.eye(len(documents))
        seen = []

        def keep(sums):
            seen.extend(sums.astype(int).tolist())
            return np.zeros((len(sums), 1))

        bootstrap_documents(totals, keep, resamples=resamples, seed=seed)
        return [
            statistic([u for d, n in zip(documents, times, strict=True) for _ in range(n)
                       for u in units if document_of[u] == d])
            for times in seen
        ]  # fmt: skip

    def masi_of(drawn):
        sets = [[one.get(unit) for unit in drawn] for one in readings.values()]
        return value_of(krippendorff_alpha_distance, sets, masi_distance)

    def alpha_of(drawn):
        return value_of(
            krippendorff_alpha,
            [
                [float("a" in one[unit]) if unit in one else math.nan for unit in drawn]
                for one in readings.values()
            ],
        )

    for coefficient, statistic in ((found.codes[0].alpha, alpha_of), (found.masi, masi_of)):
        if coefficient.value is None:
            continue
        values = draw_values(statistic)
        defined = [value for value in values if value is not None]
        assert coefficient.undefined_resamples == resamples - len(defined)
        if defined:
            low, high = np.quantile(defined, [0.025, 0.975])
            assert (coefficient.low, coefficient.high) == pytest.approx((low, high))
        else:
            assert coefficient.low is None


@given(corpora())
@settings(max_examples=50, deadline=None)
def test_every_code_given_by_one_reader_alone_is_in_the_matrix(corpus):
    """The rows of two coders add up to their one-sided codes, crossed or against nothing."""
    readings, document_of = corpus
    first, second = sorted(readings)[:2]
    pair = {coder: readings[coder] for coder in (first, second)}
    both = set(pair[first]) & set(pair[second])
    assume(both)

    rows = measure_reliability(pair, document_of, CODES, resamples=20).disagreements

    wanted = 0
    for unit in both:
        mine, theirs = (
            pair[first][unit] - pair[second][unit],
            pair[second][unit] - pair[first][unit],
        )
        wanted += len(mine) * len(theirs) or len(mine) + len(theirs)
    assert sum(row.units for row in rows) == wanted
    assert [row.units for row in rows] == sorted((row.units for row in rows), reverse=True)


STRETCHES = st.lists(
    st.tuples(st.integers(0, 24), st.integers(1, 8)).map(lambda one: (one[0], sum(one))), max_size=5
)
OVERLAPS = st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0])


def apart(spans):
    """Spans of one coder, overlapping ones put together character by character."""
    inside = {at for start, end in spans for at in range(start, end - 1)}  # joined to the next
    covered = sorted({at for start, end in spans for at in range(start, end)})
    merged = []
    for at in covered:
        if merged and merged[-1][-1] == at - 1 and at - 1 in inside:
            merged[-1].append(at)
        else:
            merged.append([at])
    return [frozenset(one) for one in merged]


def most_pairs(one, two, overlap):
    """The most pairs by trying every way."""
    if not one:
        return 0
    first, rest = one[0], one[1:]
    best = most_pairs(rest, two, overlap)
    for at, other in enumerate(two):
        if first & other and len(first & other) >= overlap * len(first | other):
            best = max(best, 1 + most_pairs(rest, two[:at] + two[at + 1 :], overlap))
    return best


@given(STRETCHES, STRETCHES, OVERLAPS)
@settings(max_examples=300, deadline=None)
def test_matches_are_the_most_that_can_be_made(one, two, overlap):
    """One pass in order finds as many pairs as trying all ways, on characters one by one."""
    assert count_matches(one, two, overlap) == most_pairs(apart(one), apart(two), overlap)


@given(STRETCHES, STRETCHES, OVERLAPS)
@settings(max_examples=200, deadline=None)
def test_matching_is_the_same_both_ways_and_falls_as_more_overlap_is_asked(one, two, overlap):
    """Who stands first does not matter; any overlap finds at least what half of it finds."""
    assert count_matches(one, two, overlap) == count_matches(two, one, overlap)
    assert count_matches(one, two) >= count_matches(one, two, overlap)
    assert count_matches(one, two) >= count_matches(one, two, 0.5)


@st.composite
def marked(draw):
    """Two coders' spans in units of 40 characters, two units a document, some unread."""
    units = {f"u{n}": (f"d{n // 2}", 40 * (n % 2), 40 * (n % 2) + 40) for n in range(6)}
    readings = {}
    for coder in ("ann", "ben"):
        read = {"u0", *draw(st.sets(st.sampled_from(sorted(units))))}
        readings[coder] = {
            unit: {
                (draw(st.sampled_from(CODES)), start + units[unit][1], end + units[unit][1])
                for start, end in draw(STRETCHES)
            }
            for unit in sorted(read)
        }
    return readings, units


@given(marked())
@settings(max_examples=100, deadline=None)
def test_span_agreement_does_not_hang_on_who_is_first(case):
    """Under exchanged names every figure, interval and all, is the same."""
    readings, units = case
    turned = {"ann": readings["ben"], "ben": readings["ann"]}

    [one] = measure_spans(readings, units, CODES, resamples=20)
    [two] = measure_spans(turned, units, CODES, resamples=20)

    for mine, theirs in zip((one.overall, *one.codes), (two.overall, *two.codes), strict=True):
        assert mine.spans["ann"] == theirs.spans["ben"]
        for kind in ("any_overlap", "half_overlap"):
            a, b = getattr(mine, kind), getattr(theirs, kind)
            assert (a.f1, a.shares["ann"]) == (b.f1, b.shares["ben"])
            if a.f1.value is not None:
                assert 0.0 <= a.f1.value <= 1.0
        if mine.any_overlap.f1.value is not None:
            assert mine.any_overlap.f1.value >= mine.half_overlap.f1.value


@given(marked())
@settings(max_examples=50, deadline=None)
def test_identical_spans_agree_fully_and_spans_apart_not_at_all(case):
    """1 where both marked the same, 0 where every span of one lies beyond the other's."""
    readings, units = case
    mine = readings["ann"]
    assume(any(mine.values()))
    beyond = {unit: {(c, a + 900, b + 900) for c, a, b in held} for unit, held in mine.items()}

    [same] = measure_spans({"ann": mine, "ben": dict(mine)}, units, CODES, resamples=20)
    [apart_] = measure_spans({"ann": mine, "ben": beyond}, units, CODES, resamples=20)

    for kind in ("any_overlap", "half_overlap"):
        assert getattr(same.overall, kind).f1.value == 1.0
        assert getattr(apart_.overall, kind).f1.value == 0.0
