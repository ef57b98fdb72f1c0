"""Measure whether the intervals of prediction-powered shares hold what they promise.

Run from the repository's root: ``python benchmarks/coverage.py [--codes] [--draws 4000]
[--checked N …] [--json FILE] [--keep FILE]``. It needs the real texts in ``../shared/data`` and
changes nothing. Coding 419 documents takes most of its time; ``--keep FILE`` stores the codes and
uses them again.

AGORA's ``dev`` documents and their human tags stand for the truth: codes with at least 15 tagged
documents. For each code, 4,000 times: draw a collection from them with replacement, let a random
part of it be checked, estimate the share from the model's codes on everything and the tags of the
checked part, and see whether the interval holds the share among all documents. Beside it stands
Wilson's interval from the checked part alone. Three models:

- *builtin*: the built-in coder, codings of confidence 0.5 or more, as a study counts them.
- *noisy*: the tags themselves with one in ten turned round.
- *misses*: the tags with three in ten of those given taken away, and none added.

Drawing with replacement is drawing from the table model x tag, so no document is looked at twice.
The share is that of the process the documents come from, as for the study's other intervals. The
noise of 4,000 draws is 0.7 points either way on one code's coverage; of 40,000, 0.2.

``--small`` needs no texts and leaves all that out: invented documents, of which a model finds some
and invents some. It looks at parties of 22 to 60 documents, at a model that learned from the checked
documents, and at grades of codes that few documents have.

Grades: two collections of 50 documents, in place of two parties; the person's grade of all of them
is the truth, and "sure" is what the estimate says of its own grade.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from coder_quick import FEWEST, cut, documents
from qiutong.codebook import descendants, load_codebook
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.embed import UseEmbedder
from qiutong.estimate import Cells, find_grade_odds, power_tuned_mean, share_of_cells
from qiutong.model import Estimate
from qiutong.overlap import grade_overlap, wilson_interval
from qiutong.settings import Thresholds

CHECKED = (30, 60, 100)
SEED = 20250120
LOW, HIGH = 0.93, 0.97


def codes_of(kept: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Tags and built-in codes, document by code, and the ids of the codes."""
    if kept and Path(kept).exists():
        held = np.load(kept)
        return held["tags"], held["coded"], [str(one) for one in held["codes"]]
    book = load_codebook("ai-governance")
    place = {code.id: number for number, code in enumerate(book.codes)}
    below = [
        [place[code.id], *(place[one] for one in descendants(book, code.id))] for code in book.codes
    ]
    rows, texts = zip(*documents("dev"), strict=True)
    tagged = np.zeros((len(rows), len(place)), dtype=bool)
    said = np.zeros_like(tagged)
    for number, row in enumerate(rows):
        for code in book.codes:
            values = [row[column].strip().lower() for column in code.agora]
            tagged[number, place[code.id]] = any(value in ("true", "1") for value in values)
    coder = BuiltinCoder(book, UseEmbedder())
    for number, (_, found) in enumerate(coder.code_documents(cut(list(texts)))):
        for one in found:
            said[number, place[one.code]] |= (one.confidence or 0.0) >= 0.5
    # A code counts where one below it was given, for people and coder alike.
    tags, coded = (
        np.stack([m[:, group].any(axis=1) for group in below], 1) for m in (tagged, said)
    )
    kept_codes = [
        code.id for code in book.codes if code.agora and tags[:, place[code.id]].sum() >= FEWEST
    ]
    columns = [place[code] for code in kept_codes]
    tags, coded, codes = tags[:, columns], coded[:, columns], kept_codes
    if kept:
        np.savez(kept, tags=tags, coded=coded, codes=np.array(codes))
    return tags, coded, codes


def models(tags: np.ndarray, coded: np.ndarray) -> dict[str, np.ndarray]:
    """What each of the three models says."""
    rng = np.random.default_rng(SEED)
    return {
        "builtin": coded,
        "noisy": tags ^ (rng.random(tags.shape) < 0.1),
        "misses": tags & (rng.random(tags.shape) >= 0.3),
    }


def table_of(tags: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Shares of both, model only, person only, neither."""
    cells = (tags & model, ~tags & model, tags & ~model, ~tags & ~model)
    return np.array([one.mean() for one in cells])


def draw(
    rng: np.random.Generator, table: np.ndarray, checked: int, total: int, draws: int
) -> list[Cells]:
    """Collections with their checked part, as counts."""
    seen = rng.multinomial(checked, table, draws)
    rest = rng.binomial(total - checked, min(1.0, table[0] + table[1]), draws)
    return [
        Cells(*map(int, one), int(more), total - checked - int(more))
        for one, more in zip(seen, rest, strict=True)
    ]


def width(share: Estimate) -> float:
    return (share.high or 0.0) - (share.low or 0.0)


def normal_holds(cells: Cells, truth: float) -> bool:
    """Whether the plain normal interval of the published method holds the share."""
    a, b, c, d = cells[:4]
    found = power_tuned_mean(
        [1] * a + [0] * b + [1] * c + [0] * d,
        [1] * (a + b) + [0] * (c + d),
        [1] * cells.rest_with + [0] * cells.rest_without,
    )
    return found.low <= truth <= found.high


def cover(table: np.ndarray, checked: int, total: int, draws: int, seed: int) -> dict[str, float]:
    """Coverage and mean width for one code and sample size."""
    rng = np.random.default_rng(seed)
    truth = float(table[0] + table[2])
    held = alone_held = normal = 0
    wide = alone_wide = 0.0
    # Many draws give the same counts.
    known: dict[Cells, tuple[Estimate, Estimate]] = {}
    collections = draw(rng, table, checked, total, draws)
    for cells in collections:
        if cells not in known:
            known[cells] = (
                share_of_cells(cells),
                wilson_interval(cells.both + cells.person_only, checked),
            )
        share, alone = known[cells]
        held += share.low <= truth <= share.high
        alone_held += alone.low <= truth <= alone.high
        wide += width(share)
        alone_wide += width(alone)
    plain = collections[: draws // 8]
    normal = sum(normal_holds(cells, truth) for cells in plain)
    return {
        "share": truth,
        "coverage": held / draws,
        "wilson_coverage": alone_held / draws,
        "normal_coverage": normal / len(plain),
        "width": wide / draws,
        "wilson_width": alone_wide / draws,
    }


def grades(
    tags: np.ndarray, model: np.ndarray, checked: int, draws: int
) -> list[tuple[float, bool]]:
    """What the estimate says of its grade, and whether the person's grade of everything is it."""
    rng = np.random.default_rng(SEED + checked)
    thresholds = Thresholds()
    told = []
    for _ in range(draws):
        sides = [rng.integers(0, len(tags), 50) for _ in range(2)]
        for code in range(tags.shape[1]):
            cells, shares = {}, {}
            for name, side in zip("xy", sides, strict=True):
                said, guessed = tags[side, code], model[side, code]
                seen = table_of(said[:checked], guessed[:checked]) * checked
                more = int(guessed[checked:].sum())
                cells[name] = Cells(*(round(one) for one in seen), more, 50 - checked - more)
                shares[name] = Estimate(value=None, count=int(said.sum()), total=50)
            found = find_grade_odds(cells, thresholds)
            told.append((found.sure or 0.0, found.grade == grade_overlap(shares, thresholds)))
    return told


def invent(
    rng: np.random.Generator,
    total: int,
    checked: int,
    share: float,
    model: tuple[float, float],
    learned: bool = False,
) -> tuple[Cells, int]:
    """A collection, its first documents checked, and how many of all have the code.

    ``model`` is how often it finds the code where it is, and gives it where it is not. One that
    learned from the checked documents does so with 0.95 and 0.01 there.
    """
    has = rng.random(total) < share
    finds, invents = (np.full(total, one) for one in model)
    if learned:
        finds[:checked], invents[:checked] = 0.95, 0.01
    said = rng.random(total) < np.where(has, finds, invents)
    seen = table_of(has[:checked], said[:checked]) * checked
    more = int(said[checked:].sum())
    return Cells(*(round(one) for one in seen), more, total - checked - more), int(has.sum())


def small(draws: int) -> None:
    """Small parties, a model that learned from the sample, and grades of rare codes."""
    rng = np.random.default_rng(SEED)
    print("Small parties: coverage of the process's share and of the collection's own, over")
    print("shares of 2 to 70 % and four models (good, perfect, by lot, one answer)")
    kinds = ((0.8, 0.1), (1.0, 0.0), (0.5, 0.5), (0.0, 0.0))
    for total, checked in ((22, 20), (24, 20), (24, 22), (30, 20), (50, 20), (60, 30)):
        process, own = [], []
        for share in (0.02, 0.05, 0.15, 0.4, 0.7):
            for model in kinds:
                found = [invent(rng, total, checked, share, model) for _ in range(draws)]
                held = [(share_of_cells(cells), has / total) for cells, has in found]
                process.append(np.mean([one.low <= share <= one.high for one, _ in held]))
                own.append(np.mean([one.low <= true <= one.high for one, true in held]))
        print(f"  {checked} of {total}: process {np.mean(process):.3f}, least {min(process):.3f};"
              f" collection {np.mean(own):.3f}, least {min(own):.3f}")  # fmt: skip
    print("A model that learned from the checked documents, 419 in all; beside it one that did not")
    for checked in (30, 60):
        for share, model in ((0.1, (0.4, 0.01)), (0.2, (0.5, 0.02)), (0.2, (0.8, 0.2)),
                             (0.4, (0.6, 0.05))):  # fmt: skip
            rates = []
            for learned in (True, False):
                found = [invent(rng, 419, checked, share, model, learned)[0] for _ in range(draws)]
                held = [share_of_cells(cells) for cells in found]
                rates.append(np.mean([one.low <= share <= one.high for one in held]))
            print(f"  {checked} checked, share {share}, model {model}: "
                  f"{rates[0]:.3f}, {rates[1]:.3f}")  # fmt: skip
    print("Grades of rare codes, two collections: mean probability told, right")
    for total, checked in ((50, 20), (200, 20), (200, 30)):
        for share in (0.005, 0.01, 0.02, 0.05):
            told = []
            for _ in range(draws // 4):
                pair = [invent(rng, total, checked, share, (0.8, 0.03)) for _ in range(2)]
                found = find_grade_odds({"x": pair[0][0], "y": pair[1][0]}, Thresholds())
                true = {
                    name: Estimate(value=None, count=has, total=total)
                    for name, (_, has) in zip("xy", pair, strict=True)
                }
                told.append((found.sure, found.grade == grade_overlap(true, Thresholds())))
            sure, right = np.mean(told, axis=0)
            print(f"  {checked} of {total}, share {share}: {sure:.2f}, {right:.2f}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--codes", action="store_true", help="one line a code")
    options.add_argument("--draws", type=int, default=4000)
    options.add_argument("--checked", type=int, nargs="+", default=CHECKED, metavar="N")
    options.add_argument("--json", default="", metavar="FILE")
    options.add_argument("--keep", default="", metavar="FILE", help="keep the built-in codes")
    options.add_argument("--small", action="store_true", help="invented documents only")
    asked = options.parse_args()
    if asked.small:
        small(asked.draws)
        return
    started = time.perf_counter()
    tags, coded, codes = codes_of(asked.keep)
    print(f"AGORA dev: {len(tags)} documents, {len(codes)} codes")
    results: dict[str, object] = {}
    for name, model in models(tags, coded).items():
        tables = [table_of(tags[:, k], model[:, k]) for k in range(len(codes))]
        for total in (len(tags), 120):
            print(f"\n{name}, collections of {total}; coverage of 95 % intervals over the codes")
            print(
                f"  {'checked':>7}{'mean':>8}{'least':>8}{'most':>8}{'in 93-97':>10}{'below':>7}"
                f"{'Wilson':>9}{'in 93-97':>10}{'normal':>9}{'least':>8}{'width':>8}{'of Wilson':>11}"
            )
            for checked in asked.checked:
                rows = [
                    cover(table, checked, total, asked.draws, SEED + k)
                    for k, table in enumerate(tables)
                ]
                each = {key: np.array([row[key] for row in rows]) for key in rows[0]}
                inside = {
                    key: int(((each[key] >= LOW) & (each[key] <= HIGH)).sum())
                    for key in ("coverage", "wilson_coverage")
                }
                print(
                    f"  {checked:7}{each['coverage'].mean():8.3f}{each['coverage'].min():8.3f}"
                    f"{each['coverage'].max():8.3f}{inside['coverage']:7}/{len(rows)}"
                    f"{int((each['coverage'] < LOW).sum()):7}"
                    f"{each['wilson_coverage'].mean():9.3f}{inside['wilson_coverage']:7}/{len(rows)}"
                    f"{each['normal_coverage'].mean():9.3f}{each['normal_coverage'].min():8.3f}"
                    f"{each['width'].mean():8.3f}"
                    f"{(each['width'] / each['wilson_width']).mean():11.3f}"
                )
                if asked.codes:
                    for code, row in zip(codes, rows, strict=True):
                        print(
                            f"    {code:44} share {row['share']:.3f}  coverage {row['coverage']:.3f}"
                            f" (Wilson {row['wilson_coverage']:.3f})  width {row['width']:.3f}"
                            f" (Wilson {row['wilson_width']:.3f})"
                        )
                results[f"{name}/{total}/{checked}"] = dict(zip(codes, rows, strict=True))
    print("\nGrades of two collections of 50: how often the grade told is the person's grade")
    for name, model in models(tags, coded).items():
        for checked in (20, 30, 40):
            told = grades(tags, model, checked, 40)
            line = []
            for low, high in ((0.0, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.01)):
                part = [(sure, right) for sure, right in told if low <= sure < high]
                if part:
                    sure, right = np.mean(part, axis=0)
                    line.append(f"said {sure:.2f} is {right:.2f} ({len(part) / len(told):.0%})")
            print(f"  {name:8} {checked} checked: " + "; ".join(line))
            results[f"grades/{name}/{checked}"] = line
    print(f"\n{time.perf_counter() - started:.0f} s")
    if asked.json:
        Path(asked.json).write_text(json.dumps(results, indent=1), "utf-8")


if __name__ == "__main__":
    main()
