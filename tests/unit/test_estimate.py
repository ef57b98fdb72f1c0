"""Shares and grades from a model's codes and a checked sample."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiutong.estimate import (
    FEWEST_CHECKED,
    Cells,
    count_cells,
    count_odds,
    find_checking_gains,
    find_grade_odds,
    find_provision_gains,
    grade_odds,
    power_tuned_mean,
    ppi_prevalence,
    presence_odds,
    share_of_cells,
    share_of_provisions,
)
from qiutong.model import Estimate, Grade
from qiutong.overlap import grade_overlap, wilson_interval
from qiutong.settings import Thresholds

BOUNDS = Thresholds(strong=0.5, moderate=0.25)

checked_enough = st.builds(
    Cells, *[st.integers(5, 40) for _ in range(4)], *[st.integers(0, 200) for _ in range(2)]
)
any_cells = st.builds(Cells, *[st.integers(0, 12) for _ in range(6)])


def test_a_sample_too_small_gives_a_reason_and_no_number():
    """Nineteen checked documents of a hundred give no share."""
    share = ppi_prevalence([True] * 50 + [False] * 50, [True] * 19, [True] * 19)

    assert (share.value, share.low, share.high) == (None, None, None)
    assert "19 of 100 documents" in share.undefined
    assert str(FEWEST_CHECKED) in share.undefined


def test_a_sample_that_is_everything_is_the_persons_share():
    """With nothing left to infer the interval is Wilson's, however small the collection."""
    share = ppi_prevalence([True, False, True], [True, False, True], [True, True, False])

    assert share == wilson_interval(2, 3)


def test_no_documents_give_no_share():
    """Nothing checked and nothing there is undefined."""
    assert ppi_prevalence([], [], []).value is None


def test_a_useless_model_leaves_the_persons_share():
    """Where the model does not go with the person, value and nearly all width are the sample's."""
    cells = Cells(10, 10, 10, 10, 100, 100)

    share, alone = share_of_cells(cells), wilson_interval(20, 40)

    assert share.value == alone.value
    assert share.high - share.low == pytest.approx(alone.high - alone.low, rel=0.01)


def test_a_model_with_one_answer_changes_nothing():
    """A code that the model gives to every document carries no information."""
    share, alone = share_of_cells(Cells(12, 18, 0, 0, 70, 0)), wilson_interval(12, 30)

    assert share.value == alone.value


@given(checked_enough)
def test_interval_holds_the_value_and_stays_between_sample_and_everything(cells):
    """A model never does harm, and never makes more of the documents than there are."""
    share = share_of_cells(cells)

    assert 0.0 <= share.low <= share.value <= share.high <= 1.0
    if cells.rest and 0.05 < share.value < 0.95:
        effective = [wilson_at(share.value, size) for size in (cells.checked, cells.total)]
        widest, narrowest = (high - low for low, high in effective)
        assert narrowest - 1e-9 <= share.high - share.low <= widest + 1e-9


def wilson_at(share, size, z=1.959963984540054):
    """Wilson's interval for any share and size, by solving its equation."""
    roots = np.roots([1 + z * z / size, -(2 * share + z * z / size), share * share])
    return sorted(roots.real)


@given(checked_enough)
def test_a_share_never_denies_what_the_person_found(cells):
    """Of documents and of provisions: what was read counts as it was read, with the code or not."""
    found = cells.both + cells.person_only

    for share in (share_of_cells(cells), share_of_provisions(cells, fewest=20)):
        assert found / cells.total <= share.value <= (found + cells.rest) / cells.total


def test_a_sample_unlike_the_rest_gives_no_impossible_share():
    """Five of fifty were read and lack the code: the share is nine tenths at most."""
    share = share_of_cells(Cells(15, 0, 0, 5, 29, 1))

    assert share.value == 0.9


@given(checked_enough)
def test_a_better_model_never_widens_the_interval(cells):
    """With an error turned into a hit on either side the effective sample does not shrink."""
    if not cells.model_only or not cells.person_only:
        return
    better = cells._replace(
        both=cells.both + 1,
        model_only=cells.model_only - 1,
        person_only=cells.person_only - 1,
        neither=cells.neither + 1,
    )

    one, other = share_of_cells(cells), share_of_cells(better)

    if one.value == other.value:
        assert other.high - other.low <= one.high - one.low + 1e-12


@given(checked_enough)
def test_naming_the_absence_instead_of_the_code_mirrors_the_share(cells):
    """The share without the code is one minus the share with it, bounds too."""
    mirrored = Cells(
        cells.neither, cells.person_only, cells.model_only, cells.both,
        cells.rest_without, cells.rest_with,
    )  # fmt: skip

    one, other = share_of_cells(cells), share_of_cells(mirrored)

    assert other.value == pytest.approx(1 - one.value, abs=1e-12)
    assert other.low == pytest.approx(1 - one.high, abs=1e-12)


@given(st.integers(20, 120), st.integers(0, 200), st.floats(0, 1), st.floats(0.1, 0.9))
def test_where_nobody_differs_the_interval_holds_the_counted_share(checked, rest, share, tail):
    """A model that is always right on a typical sample is not contradicted by its correction."""
    total = checked + rest
    with_code = round(share * total)
    ways = [
        comb(with_code, k) * comb(total - with_code, checked - k) / comb(total, checked)
        for k in range(min(with_code, checked) + 1)
    ]
    both = next(k for k in range(len(ways)) if sum(ways[: k + 1]) >= tail - 1e-9)
    cells = Cells(both, 0, 0, checked - both, with_code - both, rest - (with_code - both))

    held = share_of_cells(cells)

    assert held.low - 1e-9 <= with_code / total <= held.high + 1e-9


@given(checked_enough)
def test_a_share_of_provisions_stays_within_what_is_possible(cells):
    """What was found is a floor, what is left a ceiling, and the interval holds the value."""
    share = share_of_provisions(cells, fewest=20)

    known = cells.both + cells.person_only
    assert 0.0 <= share.low <= share.value <= share.high <= 1.0
    assert share.high >= known / cells.total
    assert share.low <= (known + cells.rest) / cells.total
    if not cells.rest:
        assert share.low == share.value == share.high == known / cells.total


def test_provisions_drawn_one_by_one_cover_about_as_often_as_they_say():
    """A thousand draws of 150 of 900 provisions: 93 to 97 % of the intervals hold their share."""
    rng = np.random.default_rng(7)
    table = np.array([60, 25, 20, 795])
    covered = 0
    for seen in rng.multivariate_hypergeometric(table, 150, 1000):
        rest = table - seen
        share = share_of_provisions(
            Cells(*map(int, seen), int(rest[:2].sum()), int(rest[2:].sum()))
        )
        covered += share.low <= 80 / 900 <= share.high

    assert 930 <= covered <= 970


def test_too_few_provisions_give_a_reason():
    """Ninety-nine of a thousand are too few, none are nothing to count, and all are enough."""
    few = share_of_provisions(Cells(30, 3, 3, 63, 200, 701))
    every = share_of_provisions(Cells(3, 0, 1, 6, 0, 0))

    assert few.value is None
    assert "99 of 1000 provisions" in few.undefined
    assert share_of_provisions(Cells(0, 0, 0, 0, 0, 0)).undefined == (
        "nothing to count: the total is 0"
    )
    assert (every.value, every.low, every.high) == (0.4, 0.4, 0.4)
    with pytest.raises(ValueError, match="between 0 and 1"):
        share_of_provisions(Cells(30, 3, 3, 63, 200, 701), level=95)


def test_interval_covers_about_as_often_as_it_says():
    """A thousand samples of 30 from a known table: 93 to 97 % of the intervals hold the share."""
    rng = np.random.default_rng(7)
    table = np.array([0.20, 0.08, 0.07, 0.65])  # both, model only, person only, neither
    covered = 0
    for _ in range(1000):
        checked = rng.multinomial(30, table)
        rest_with = int(rng.binomial(170, table[0] + table[1]))
        share = share_of_cells(Cells(*map(int, checked), rest_with, 170 - rest_with))
        covered += share.low <= 0.27 <= share.high

    assert 930 <= covered <= 970


def test_counts_that_cannot_be_are_refused():
    """Checked documents outside the collection, and lists of different length, are errors."""
    with pytest.raises(ValueError, match="not among the 2"):
        count_cells([True, False], [True, True], [True, True])
    with pytest.raises(ValueError, match="the person 2"):
        count_cells([True, False], [True], [True, True])


def test_a_mean_of_nothing_is_refused():
    """Neither an empty sample nor an empty rest has a mean; lists must match."""
    for person, model, rest in (([], [], [1]), ([1], [1], []), ([1, 0], [1], [1])):
        with pytest.raises(ValueError):
            power_tuned_mean(person, model, rest)


def test_a_level_outside_its_range_is_refused():
    """A confidence of 95 instead of 0.95 is an error."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        share_of_cells(Cells(10, 5, 5, 10, 20, 20), level=95)


@given(any_cells)
def test_odds_of_counts_are_odds(cells):
    """They add up to one, and no count below what is known or above what is possible has any."""
    odds = count_odds(cells)
    known = cells.both + cells.person_only

    assert odds.size == cells.total + 1
    assert odds.sum() == pytest.approx(1.0)
    assert (odds >= 0).all()
    assert not odds[:known].any()
    assert not odds[known + cells.rest + 1 :].any()


@given(any_cells, any_cells, any_cells)
def test_odds_of_grades_are_the_sum_over_all_counts(one, other, third):
    """The closed form gives what grading every combination of counts gives."""
    parties = {"x": one, "y": other, "z": third}
    if not all(cells.total for cells in parties.values()):
        return
    each = [count_odds(cells) for cells in parties.values()]
    expected = dict.fromkeys(Grade, 0.0)
    for counts in product(*(range(odds.size) for odds in each[:2])):
        chance = each[0][counts[0]] * each[1][counts[1]]
        if chance > 1e-9:
            shares = {
                name: Estimate(value=None, count=count, total=odds.size - 1)
                for name, count, odds in zip("xy", counts, each, strict=False)
            }
            expected[grade_overlap(shares, BOUNDS)] += chance

    found = find_grade_odds({"x": one, "y": other}, BOUNDS, fewest=0)

    for grade, chance in found.odds.items():
        assert chance == pytest.approx(expected[grade], abs=1e-6)
    assert sum(find_grade_odds(parties, BOUNDS, fewest=0).odds.values()) == pytest.approx(1.0)


def test_a_grade_of_documents_all_checked_is_certain():
    """Nothing is left to chance where the person read everything."""
    found = find_grade_odds({"x": Cells(3, 1, 0, 6, 0, 0), "y": Cells(5, 0, 0, 5, 0, 0)}, BOUNDS)

    assert (found.grade, found.sure) == (Grade.MODERATE, 1.0)


def test_a_grade_needs_a_sample_of_every_party():
    """The party without one is named."""
    found = find_grade_odds(
        {"x": Cells(10, 5, 5, 10, 5, 5), "y": Cells(2, 0, 0, 2, 10, 10)}, BOUNDS
    )

    assert (found.grade, found.sure, found.odds) == (Grade.UNDEFINED, None, {})
    assert found.undefined.startswith("y: 4 of 24 documents")


def test_a_grade_compares_two_parties():
    """One party has no overlap with itself."""
    with pytest.raises(ValueError, match="two parties"):
        find_grade_odds({"x": Cells(10, 5, 5, 10, 5, 5)}, BOUNDS)


def test_documents_checked_out_of_turn_are_known_and_change_no_rate():
    """They narrow what is possible; the others keep the odds that the sample gives them."""
    sample = Cells(8, 2, 1, 9, 6, 4)
    also = Cells(2, 0, 0, 3, 0, 0)

    odds = count_odds(sample, also)

    assert odds.size == sample.total + 1
    assert np.flatnonzero(odds).tolist() == list(range(9 + 2, 9 + 2 + (6 - 2) + (4 - 3) + 1))
    expected = 11 + 4 * 8.5 / 11 + 1 * 1.5 / 11
    assert odds @ np.arange(odds.size) == pytest.approx(expected)


def test_more_checked_than_the_rest_holds_is_refused():
    """Documents checked besides the sample are part of its rest."""
    with pytest.raises(ValueError, match="not among its rest"):
        count_odds(Cells(5, 5, 5, 5, 1, 1), Cells(2, 0, 0, 0, 0, 0))


@given(any_cells, any_cells)
def test_a_gain_is_the_expected_fall_of_entropy(one, other):
    """Weighing both answers by their odds gives the grade's odds of before, and never less known."""
    parties = {"x": one, "y": other}
    if not one.total or not other.total:
        return

    gains = find_checking_gains(parties, BOUNDS)

    now = find_grade_odds(parties, BOUNDS, fewest=0).odds
    for with_code, gain in zip((False, True), gains["x"], strict=True):
        left = one.rest_with if with_code else one.rest_without
        if not left:
            assert gain == 0.0
            continue
        rest = "rest_with" if with_code else "rest_without"
        names = ("both", "model_only") if with_code else ("person_only", "neither")
        hits, misses = (getattr(one, name) + 0.5 for name in names)
        then = 0.0
        mixed = dict.fromkeys(now, 0.0)
        for name, weight in zip(names, (hits, misses), strict=True):
            after = one._replace(**{name: getattr(one, name) + 1, rest: left - 1})
            odds = find_grade_odds({"x": after, "y": other}, BOUNDS, fewest=0).odds
            for grade, chance in odds.items():
                mixed[grade] += weight / (hits + misses) * chance
            then += weight / (hits + misses) * entropy(odds)
        assert mixed == pytest.approx(now, abs=1e-9)
        assert gain == pytest.approx(entropy(now) - then, abs=1e-9)


def entropy(odds):
    """Bits needed to say which of the grades it is."""
    chances = np.array([one for one in odds.values() if one > 0])
    return float(-(chances * np.log2(chances)).sum())


def test_nothing_is_gained_where_everything_was_checked():
    """Also when part of it was checked out of turn."""
    done = {"x": Cells(5, 5, 5, 5, 1, 2), "y": Cells(5, 5, 5, 5, 0, 0)}
    also = {"x": Cells(1, 0, 1, 1, 0, 0)}

    assert find_checking_gains(done, BOUNDS, also=also) == {"x": (0.0, 0.0), "y": (0.0, 0.0)}
    assert find_grade_odds(done, BOUNDS, also=also).sure == 1.0


small_chances = st.lists(
    st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), max_size=3), min_size=1, max_size=3
)


@given(st.lists(st.floats(0.0, 1.0), max_size=6))
def test_odds_of_documents_are_the_sum_over_all_outcomes(chances):
    """Each document has the code or not, by itself."""
    odds = presence_odds(chances)

    expected = np.zeros(len(chances) + 1)
    for outcome in product((0, 1), repeat=len(chances)):
        likely = [c if there else 1 - c for c, there in zip(chances, outcome, strict=True)]
        expected[sum(outcome)] += np.prod(likely)
    assert odds == pytest.approx(expected, abs=1e-12)


@given(small_chances, small_chances)
def test_a_provisions_gain_is_the_expected_fall_of_entropy(one, other):
    """As found by looking at the grade's odds with the provision known to have the code, or not."""

    def odds(held, second):
        present = [[1 - np.prod([1 - c for c in d]) for d in party] for party in (held, second)]
        return grade_odds([presence_odds(party) for party in present], BOUNDS)

    gains = find_provision_gains({"x": one, "y": other}, BOUNDS)

    assert [len(d) for d in gains["x"]] == [len(d) for d in one]
    now = entropy(odds(one, other))
    for place, held in enumerate(one):
        for at, chance in enumerate(held):
            then = 0.0
            for known, weight in ((1.0, chance), (0.0, 1 - chance)):
                after = [[*d] for d in one]
                after[place][at] = known
                then += weight * entropy(odds(after, other))
            assert gains["x"][place][at] == pytest.approx(max(0.0, now - then), abs=1e-9)


def test_a_provision_that_alone_carries_a_code_tells_more_than_one_of_many():
    """Beside one that surely has the code it tells nothing, and neither does a certain one."""
    held = {"x": [[0.6], [0.6] * 10, [0.6, 1.0], []], "y": [[1.0]] * 4}

    gains = find_provision_gains(held, Thresholds(strong=0.75, moderate=0.25))

    alone, many, beside, none = gains["x"]
    assert alone[0] > 100 * max(many) > 0.0
    assert beside == [0.0, 0.0]
    assert none == []
    assert gains["y"] == [[0.0]] * 4


def test_gains_of_provisions_need_two_parties():
    """A grade compares."""
    with pytest.raises(ValueError, match="two parties"):
        find_provision_gains({"x": [[0.5]]}, BOUNDS)
