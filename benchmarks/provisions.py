"""Measure whether the intervals of shares of provisions hold what they promise.

Run from the repository's root: ``python benchmarks/provisions.py [--codes] [--draws 4000]``. It
needs nothing but the project: the bundled study is made in a temporary folder and coded by the
built-in coder.

The built-in coder is the model; the adjudicated codings that come with the study stand for the
person and for the truth. For each party and each code with at least ten provisions, provisions are
drawn at random without replacement from all provisions of the party's documents, the share of all
of them is estimated, and it is seen whether the interval holds it. Beside it stands Wilson's
interval from the person's provisions alone, corrected for a finite population.

The last line shows what would be wrong: as many provisions, drawn as whole documents, and reckoned
as if they had been drawn one by one.
"""

import argparse
import math
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

from qiutong.estimate import Cells, share_of_provisions
from qiutong.model import Estimate
from qiutong.overlap import documents_as_of, lineage
from qiutong.study import Study

CHECKED = (100, 200, 300)
FEWEST = 10
SEED = 20250120
AS_OF = date(2025, 1, 20)
LOW, HIGH = 0.93, 0.97
BANDS = ((0.0, 0.03), (0.03, 0.06), (0.06, 1.0))


def codes_of(folder: Path) -> list[tuple[str, str, np.ndarray, np.ndarray, np.ndarray]]:
    """Party, code, what the person and the model say of each provision, and its document."""
    study = Study.create(folder, like="us-china-ai")
    study.code(coder="builtin", again=True)
    kept, _ = documents_as_of(study.documents(), AS_OF)
    read = study.store.finished("adjudicated")
    party_of = {one.id: one.party for one in kept if not one.is_joint and one.id in read}
    segments = [one for one in study.segments() if one.document in party_of]
    row = {one.id: number for number, one in enumerate(segments)}
    above = lineage(study.codebook)
    place = {code: number for number, code in enumerate(above)}

    def table(coder: str) -> np.ndarray:
        held = np.zeros((len(segments), len(place)), dtype=bool)
        for one in study.codings(coder):
            if one.segment in row and (one.confidence is None or one.confidence >= 0.5):
                for code in above[one.code]:
                    held[row[one.segment], place[code]] = True
        return held

    person, model = table("adjudicated"), table("builtin")
    parties = np.array([party_of[one.document] for one in segments])
    documents = np.array([one.document for one in segments])
    found = []
    for party in study.parties:
        own = parties == party.id
        print(f"{party.id}: {own.sum()} provisions of {len(set(documents[own]))} documents")
        for code, column in place.items():
            said = person[own, column]
            if said.sum() >= FEWEST:
                found.append((party.id, code, said, model[own, column], documents[own]))
    return found


def table_of(said: np.ndarray, guessed: np.ndarray) -> np.ndarray:
    """Numbers of both, model only, person only, neither."""
    cells = (said & guessed, ~said & guessed, said & ~guessed, ~said & ~guessed)
    return np.array([one.sum() for one in cells])


def cells_of(seen: np.ndarray, table: np.ndarray) -> Cells:
    """The checked part and the rest, as counts."""
    rest = table - seen
    return Cells(*map(int, seen), int(rest[0] + rest[1]), int(rest[2] + rest[3]))


def alone(found: int, checked: int, total: int, z: float = 1.959963984540054) -> Estimate:
    """Wilson's interval from the person's provisions, for a finite population."""
    size, share = checked / (1 - checked / total), found / checked
    centre = (share * size + z * z / 2) / (size + z * z)
    half = z * math.sqrt(z * z + 4 * size * share * (1 - share)) / (2 * (size + z * z))
    return Estimate(value=share, low=max(0.0, centre - half), high=min(1.0, centre + half))


def cover(drawn: np.ndarray, table: np.ndarray) -> dict[str, float]:
    """Coverage and mean width over draws of one code: shape (draws, 4)."""
    total, truth = int(table.sum()), (table[0] + table[2]) / table.sum()
    kinds, numbers = np.unique(drawn, axis=0, return_counts=True)
    sums = dict.fromkeys(("coverage", "width", "alone_coverage", "alone_width"), 0.0)
    for seen, number in zip(kinds, numbers, strict=True):
        both = (
            share_of_provisions(cells_of(seen, table), fewest=0),
            alone(int(seen[0] + seen[2]), int(seen.sum()), total),
        )
        for name, share in zip(("", "alone_"), both, strict=True):
            low, high = share.low or 0.0, share.high or 0.0
            sums[f"{name}coverage"] += number * (low - 1e-12 <= truth <= high + 1e-12)
            sums[f"{name}width"] += number * (high - low)
    return {"share": truth, **{name: value / len(drawn) for name, value in sums.items()}}


def told(label: str, rows: list[dict[str, float]]) -> None:
    each = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    inside, alone_inside = (
        int(((each[key] >= LOW) & (each[key] <= HIGH)).sum())
        for key in ("coverage", "alone_coverage")
    )
    print(
        f"  {label:24}{len(rows):5}{each['coverage'].mean():8.3f}{each['coverage'].min():8.3f}"
        f"{each['coverage'].max():8.3f}{inside:7}{int((each['coverage'] < LOW).sum()):7}"
        f"{alone_inside:10}{(each['width'] / each['alone_width']).mean():10.2f}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--codes", action="store_true", help="one line a code")
    options.add_argument("--draws", type=int, default=4000)
    asked = options.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = codes_of(Path(folder) / "study")
    rng = np.random.default_rng(SEED)
    print(
        f"\n  {'checked, true share':24}{'codes':>5}{'mean':>8}{'least':>8}{'most':>8}"
        f"{'93-97':>7}{'below':>7}{'Wilson':>10}{'width':>10}"
    )
    for checked in CHECKED:
        rows = []
        for _, _, said, guessed, _ in found:
            table = table_of(said, guessed)
            drawn = rng.multivariate_hypergeometric(table, checked, asked.draws)
            rows.append(cover(drawn, table))
        for low, high in BANDS:
            part = [row for row in rows if low <= row["share"] < high]
            told(f"{checked}, {low:.0%} to {high:.0%}", part)
        told(f"{checked}, all", rows)
        if asked.codes:
            for (party, code, *_), row in zip(found, rows, strict=True):
                print(
                    f"    {party:4}{code:44} share {row['share']:.3f}  coverage {row['coverage']:.3f}"
                    f" (Wilson {row['alone_coverage']:.3f})  width {row['width']:.3f}"
                )
    rows = []
    for _, _, said, guessed, documents in found:
        names = sorted(set(documents))
        each = np.array([table_of(said[documents == d], guessed[documents == d]) for d in names])
        drawn = []
        for _ in range(asked.draws // 8):
            order = rng.permutation(len(names))
            sizes = each[order].sum(axis=1).cumsum()
            drawn.append(each[order[: int(np.searchsorted(sizes, 200)) + 1]].sum(axis=0))
        rows.append(cover(np.array(drawn), each.sum(axis=0)))
    told("200 by whole documents", rows)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
