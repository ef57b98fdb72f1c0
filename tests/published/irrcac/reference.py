"""Compare our coefficients of agreement with irrCAC's, in an environment of its own.

Run ``python tests/published/irrcac/reference.py``. It makes a virtual environment in a folder that
is removed again, installs irrcac there (it asks for an old scipy, which is why it is no
dependency), and writes ``figures.json``: inputs and what the reference gives for them. Of the real
judgements in ``../shared/data`` only the figures are kept. The test
``tests/published/test_irrcac.py`` holds our functions to these figures.

Without a network or without the real judgements it says so and changes nothing.
"""

import csv
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

REFERENCE = "irrcac==0.4.4"
FIGURES = Path(__file__).with_name("figures.json")
CROWD = Path(__file__).parents[4] / "shared/data/reliability/crowd_debate_en.csv"

INSIDE = """
import json, sys
import numpy as np
import pandas as pd
from irrCAC.raw import CAC

nan = None
# Four raters, twelve subjects: the example that irrCAC's documentation works through.
gwet = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
    [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
]
cases = [("four raters", gwet), ("crowd", json.load(sys.stdin))]
rng = np.random.default_rng(20240311)
for name, coders, units, share, error, missing in [
    ("two coders, rare code", 2, 120, 0.05, 0.02, 0.0), ("two coders, common code", 2, 80, 0.6, 0.2, 0.0),
    ("three coders, gaps", 3, 60, 0.3, 0.1, 0.3), ("contrary coders", 2, 40, 0.5, 0.8, 0.0),
    ("six coders, many gaps", 6, 50, 0.2, 0.1, 0.6),
]:
    truth = rng.random(units) < share
    given = (truth ^ (rng.random((coders, units)) < error)).astype(float)
    given[rng.random(given.shape) < missing] = np.nan
    cases.append((name, [[nan if np.isnan(one) else one for one in row] for row in given]))
kinds = rng.integers(0, 5, (4, 70)).astype(float)
kinds[:, :45] = kinds[0, :45]
kinds[rng.random(kinds.shape) < 0.2] = np.nan
cases.append(("five categories", [[nan if np.isnan(one) else one for one in row] for row in kinds]))
out = []
for name, values in cases:
    table = pd.DataFrame(np.array(values, dtype=float).T)
    plain = CAC(table, digits=15)
    gwet = plain.gwet()["est"]
    case = {"name": name, "values": None if name == "crowd" else values,
            "percent": float(gwet["pa"]), "ac1": float(gwet["coefficient_value"]),
            "categories": [float(one) for one in plain.categories], "alpha": {}, "weights": {}}
    for kind in ("identity", "linear", "quadratic", "ordinal", "radical"):
        one = CAC(table, weights=kind, digits=15)
        case["alpha"][kind] = float(one.krippendorff()["est"]["coefficient_value"])
        case["weights"][kind] = np.asarray(one.weights_mat, dtype=float).tolist()
    out.append(case)
json.dump(out, sys.stdout)
"""


def read_crowd() -> list[list[float | None]]:
    """Give the crowd's judgements by coder and sentence; a repeated one counts once, the first."""
    held: dict[tuple[str, str], float] = {}
    with CROWD.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            held.setdefault((row["coder"], row["unit"]), float(row["value"]))
    units = sorted({unit for _, unit in held})
    return [[held.get((coder, unit)) for unit in units] for coder in sorted({c for c, _ in held})]


def main() -> int:
    """Make the environment, run the reference, write the figures."""
    if not CROWD.is_file():
        print(f"Skipped: the real judgements are not at {CROWD}.", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        installed = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", REFERENCE], capture_output=True, text=True
        )
        if installed.returncode:
            print(f"Skipped: {REFERENCE} could not be installed (no network?).", file=sys.stderr)
            return 0
        ran = subprocess.run(
            [python, "-W", "ignore", "-c", INSIDE],
            input=json.dumps(read_crowd()), stdout=subprocess.PIPE, text=True, check=True,
        ).stdout  # fmt: skip
    made_by = f"python tests/published/irrcac/reference.py ({REFERENCE})"
    cases = json.loads(ran)
    # One line a case: readable in a difference, and not a line for each number.
    lines = ",\n".join(json.dumps(case) for case in cases)
    FIGURES.write_text(f'{{"made_by": {json.dumps(made_by)},\n"cases": [\n{lines}\n]}}\n', "utf-8")
    print(f"Wrote {len(cases)} cases to {FIGURES}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
