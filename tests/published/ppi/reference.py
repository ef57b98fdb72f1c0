"""Compare our power-tuned mean with ppi-python's, in an environment of its own.

Run ``python tests/published/ppi/reference.py``. It makes a virtual environment in a folder that is
removed again, installs ppi-python there (with numba and half a gigabyte of others, which is why it
is no dependency), and writes ``figures.json``: inputs and what the reference gives for them. The
test ``tests/published/test_ppi.py`` holds our function to these figures.

Without a network it says so and changes nothing.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

REFERENCE = "ppi-python==0.2.3"
FIGURES = Path(__file__).with_name("figures.json")

INSIDE = """
import json, sys
import numpy as np
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

rng = np.random.default_rng(20250120)
cases = []
for name, checked, rest, share, errors in [
    ("good coder", 100, 300, 0.4, 0.1), ("poor coder", 60, 200, 0.3, 0.4),
    ("useless coder", 50, 150, 0.5, 0.5), ("rare code", 30, 389, 0.06, 0.05),
    ("contrary coder", 40, 80, 0.5, 0.8), ("few not checked", 90, 10, 0.5, 0.15),
]:
    truth = rng.random(checked + rest) < share
    model = truth ^ (rng.random(checked + rest) < errors)
    cases.append((name, 0.95, truth[:checked], model[:checked], model[checked:]))
scores = rng.random(120)
truth = rng.random(120) < scores
cases.append(("probabilities", 0.9, truth[:40], scores[:40], scores[40:]))
cases.append(("real values", 0.95, *np.split(rng.normal(3, 2, 150), [50, 100])))
out = []
for name, level, y, f, rest in cases:
    y, f, rest = (np.asarray(one, dtype=float) for one in (y, f, rest))
    value = ppi_mean_pointestimate(y, f, rest)
    low, high = ppi_mean_ci(y, f, rest, alpha=1 - level)
    out.append({
        "name": name, "level": level, "person": y.tolist(), "model": f.tolist(),
        "model_rest": rest.tolist(), "value": float(np.ravel(value)[0]),
        "low": float(np.ravel(low)[0]), "high": float(np.ravel(high)[0]),
    })
json.dump(out, sys.stdout)
"""


def main() -> int:
    """Make the environment, run the reference, write the figures."""
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
            [python, "-c", INSIDE], capture_output=True, text=True, check=True
        ).stdout
    held = {
        "made_by": f"python tests/published/ppi/reference.py ({REFERENCE})",
        "cases": json.loads(ran),
    }
    # One line a case: readable in a difference, and not a line for each number.
    lines = ",\n".join(json.dumps(case) for case in held["cases"])
    FIGURES.write_text(
        f'{{"made_by": {json.dumps(held["made_by"])},\n"cases": [\n{lines}\n]}}\n', "utf-8"
    )
    print(f"Wrote {len(held['cases'])} cases to {FIGURES}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
