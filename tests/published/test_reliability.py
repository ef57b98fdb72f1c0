"""Alpha, AC1 and MASI against published figures, and against another implementation.

Data and figures: Krippendorff (2011), *Computing Krippendorff's Alpha-Reliability*, examples A to C;
Gwet (2014), *Handbook of Inter-Rater Reliability*, 4th edition, as the author's R package irrCAC
prints them (vignette "overview"); Passonneau (2006), LREC, for MASI.
"""

import csv

import krippendorff
import numpy as np
import pytest

from qiutong.reliability import (
    gwet_ac1,
    krippendorff_alpha,
    krippendorff_alpha_distance,
    masi_distance,
    percent_agreement,
)

NAN = np.nan

TWO_BINARY = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
TWO_NOMINAL = ["aabbdcccedda", "babbbccceddd"]
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]
# Two abstractors, three categories: how often each pair of values occurred.
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]


def as_values(table):
    """A table of pairs as values of two coders."""
    pairs = [
        pair
        for one, row in enumerate(table)
        for two, times in enumerate(row)
        for pair in [(one, two)] * times
    ]
    return np.array(pairs, dtype=float).T


@pytest.mark.parametrize(
    ("values", "alpha"),
    [
        (TWO_BINARY, 0.095),
        ([[ord(letter) for letter in row] for row in TWO_NOMINAL], 0.692),
        (FOUR_OBSERVERS, 0.743),
    ],
)
def test_alpha_is_that_of_krippendorff_2011(values, alpha):
    """Examples A, B and C, to the three places printed; C has missing values and a single one."""
    assert round(krippendorff_alpha(values), 3) == alpha


def test_alpha_with_a_distance_is_that_of_krippendorff_2011_where_unlike_means_1():
    """Example C again, by way of the distance that is 1 for all unlike values."""
    values = [[None if np.isnan(one) else one for one in row] for row in FOUR_OBSERVERS]

    alpha = krippendorff_alpha_distance(values, lambda one, two: float(one != two))

    assert round(alpha, 3) == 0.743


def test_ac1_with_missing_values_is_that_of_gwet():
    """Data set cac.raw4raters: AC1 0.77544, percent agreement 0.818."""
    assert round(gwet_ac1(FOUR_OBSERVERS), 5) == 0.77544
    assert round(percent_agreement(FOUR_OBSERVERS), 3) == 0.818


def test_coefficients_of_two_coders_are_those_of_gwet():
    """Data set cont3x3abstractors: AC1 0.8493305, alpha 0.7972585, percent agreement 0.89."""
    values = as_values(ABSTRACTORS)

    assert round(gwet_ac1(values), 7) == 0.8493305
    assert round(krippendorff_alpha(values), 7) == 0.7972585
    assert round(percent_agreement(values), 2) == 0.89


@pytest.mark.parametrize(
    ("one", "two", "jaccard", "monotonicity"),
    [
        ("ab", "ab", 1, 1),
        ("ab", "abcd", 1 / 2, 2 / 3),
        ("a", "abc", 1 / 3, 2 / 3),
        ("ab", "bc", 1 / 3, 1 / 3),
        ("abc", "bcd", 2 / 4, 1 / 3),
        ("ab", "cd", 0, 0),
    ],
)
def test_masi_has_the_four_steps_of_passonneau(one, two, jaccard, monotonicity):
    """1 − J·M, with M 1 for equal sets, 2/3 for a subset, 1/3 for an overlap, 0 for none."""
    distance = masi_distance(frozenset(one), frozenset(two))

    assert distance == pytest.approx(1 - jaccard * monotonicity)


def test_masi_is_near_the_figure_of_nltk_which_rounds_two_thirds():
    """NLTK's documentation prints 0.665 for {1, 2} and {1, 2, 3, 4}, with 0.67 for 2/3."""
    assert masi_distance(frozenset({1, 2}), frozenset({1, 2, 3, 4})) == pytest.approx(
        0.665, abs=0.5 * (0.67 - 2 / 3) + 1e-9
    )


@pytest.mark.real
def test_alpha_of_real_judgements_is_that_of_the_package_krippendorff(real_texts):
    """114 coders on 467 sentences, most values missing (Benoit et al. 2016)."""
    held: dict[tuple[str, str], float] = {}
    with (real_texts / "reliability" / "crowd_debate_en.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            # 81 sentences were judged twice by the same coder: the first judgement counts.
            held.setdefault((row["coder"], row["unit"]), float(row["value"]))
    coders = sorted({coder for coder, _ in held})
    units = sorted({unit for _, unit in held})
    values = np.array([[held.get((coder, unit), NAN) for unit in units] for coder in coders])
    assert values.shape == (114, 467)

    theirs = krippendorff.alpha(reliability_data=values, level_of_measurement="nominal")

    assert krippendorff_alpha(values) == pytest.approx(theirs, abs=1e-12)
