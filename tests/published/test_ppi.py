"""Power-tuned prediction-powered means against the authors' package, to the last digits."""

import json
from pathlib import Path

import pytest

from qiutong.estimate import count_cells, power_tuned_mean, share_of_cells

HELD = json.loads(Path(__file__).with_name("ppi").joinpath("figures.json").read_text("utf-8"))
CASES = {case["name"]: case for case in HELD["cases"]}


@pytest.mark.parametrize("name", CASES)
def test_mean_and_interval_are_those_of_the_reference(name):
    """Value and bounds of ppi-python 0.2.3 for the same inputs (ppi/reference.py makes them)."""
    case = CASES[name]

    ours = power_tuned_mean(case["person"], case["model"], case["model_rest"], case["level"])

    assert ours.value == pytest.approx(case["value"], rel=1e-13, abs=1e-14)
    assert ours.low == pytest.approx(case["low"], rel=1e-12, abs=1e-13)
    assert ours.high == pytest.approx(case["high"], rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(
    "name",
    [name for name, case in CASES.items() if set(case["model"]) | set(case["person"]) <= {0, 1}],
)
def test_a_share_from_counts_is_the_mean_of_the_reference(name):
    """Counting cells gives the same value as the list of items does."""
    case = CASES[name]
    everywhere = [bool(one) for one in case["model"] + case["model_rest"]]
    cells = count_cells(everywhere, case["model"], case["person"])

    share = share_of_cells(cells)

    assert share.value == pytest.approx(case["value"], rel=1e-13)
    assert share.method == "ppi"
