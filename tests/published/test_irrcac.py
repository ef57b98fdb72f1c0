"""Alpha, AC1 and percent agreement against Gwet's package irrCAC, to the last digits."""

import csv
import json
import math
from pathlib import Path

import pytest

from qiutong.reliability import (
    gwet_ac1,
    krippendorff_alpha,
    krippendorff_alpha_distance,
    percent_agreement,
)

HELD = json.loads(Path(__file__).with_name("irrcac").joinpath("figures.json").read_text("utf-8"))
CASES = {case["name"]: case for case in HELD["cases"]}


def check(case, values):
    """Hold our coefficients of the values to the figures of the case."""
    table = [[math.nan if one is None else one for one in row] for row in values]
    assert krippendorff_alpha(table) == pytest.approx(case["alpha"]["identity"], abs=1e-12)
    assert gwet_ac1(table) == pytest.approx(case["ac1"], abs=1e-12)
    assert percent_agreement(table) == pytest.approx(case["percent"], abs=1e-12)
    place = {value: at for at, value in enumerate(case["categories"])}
    for kind, weights in case["weights"].items():
        # A weight is how near two categories are, 1 for equal ones.
        found = krippendorff_alpha_distance(
            values, lambda one, two, weights=weights: 1 - weights[place[one]][place[two]]
        )
        assert found == pytest.approx(case["alpha"][kind], abs=1e-12), kind


@pytest.mark.parametrize("name", [name for name in CASES if name != "crowd"])
def test_coefficients_are_those_of_the_reference(name):
    """irrcac 0.4.4 on the same values; alpha also with linear, quadratic and ordinal weights."""
    check(CASES[name], CASES[name]["values"])


def test_figures_of_the_reference_are_those_its_author_prints():
    """Gwet's example of four raters: AC1 0.77544, percent agreement 0.81818, alpha 0.74342."""
    case = CASES["four raters"]

    assert round(case["ac1"], 5) == 0.77544
    assert round(case["percent"], 5) == 0.81818
    assert round(case["alpha"]["identity"], 5) == 0.74342


@pytest.mark.real
def test_coefficients_of_real_judgements_are_those_of_the_reference(real_texts):
    """114 coders on 467 sentences, three ordered values, most missing (Benoit et al. 2016)."""
    held: dict[tuple[str, str], float] = {}
    with (real_texts / "reliability" / "crowd_debate_en.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            held.setdefault((row["coder"], row["unit"]), float(row["value"]))
    units = sorted({unit for _, unit in held})
    coders = sorted({coder for coder, _ in held})

    check(CASES["crowd"], [[held.get((coder, unit)) for unit in units] for coder in coders])
