"""Measure what is won by checking the documents that ``qiutong next`` names.

Run from the repository's root: ``python benchmarks/next_checks.py [--runs 20] [--keep FILE]``. It
needs the real texts in ``../shared/data`` and changes nothing. Coding 419 documents takes minutes;
``--keep FILE`` stores the codes and uses them again, as ``benchmarks/coverage.py`` does.

Each run draws two collections of 50 documents from AGORA's ``dev`` documents, in place of two
parties. The built-in coder is the model and the human tags are the person, on the codes with at
least 15 tagged documents. Twenty of each collection have been checked at random; the other 60 are
checked one by one, in random order or as the gain says. The right grade of a code is the one that
the tags of all documents give.

Printed, as means over the runs with a bootstrap interval of the paired difference: after how many
of the 60 checks at least 95 % of the grades told are right, and stay so; all are right, and stay
so; and 95 % are told with a certainty of 0.95 or more. And whether a certainty told is kept, since
documents chosen are no random sample.
"""

import argparse
import time
from collections.abc import Iterable, Iterator

import numpy as np

from coverage import SEED, codes_of
from qiutong.estimate import Cells, find_checking_gains, find_grade_odds
from qiutong.model import Estimate
from qiutong.overlap import grade_overlap
from qiutong.settings import Thresholds

SIZE, SAMPLE = 50, 20
THRESHOLDS = Thresholds()
PARTIES = ("x", "y")


class Run:
    """Two collections, and which of their documents have been checked."""

    def __init__(self, tags: np.ndarray, coded: np.ndarray, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        drawn = [self.rng.choice(len(tags), SIZE, replace=False) for _ in PARTIES]
        self.said = {party: tags[ids] for party, ids in zip(PARTIES, drawn, strict=True)}
        self.model = {party: coded[ids] for party, ids in zip(PARTIES, drawn, strict=True)}
        self.left = [(party, place) for party in PARTIES for place in range(SAMPLE, SIZE)]
        self.codes = range(tags.shape[1])
        self.sample = [
            {party: self.count(party, code, range(SAMPLE), True) for party in PARTIES}
            for code in self.codes
        ]
        self.right = [
            grade_overlap(
                {
                    party: Estimate(
                        value=None, count=int(self.said[party][:, code].sum()), total=SIZE
                    )
                    for party in PARTIES
                },
                THRESHOLDS,
            )
            for code in self.codes
        ]

    def count(self, party: str, code: int, places: Iterable[int], with_rest: bool) -> Cells:
        """Cells of these documents, with the collection beyond the sample as their rest or not."""
        at = list(places)
        said, model = self.said[party][at, code], self.model[party][at, code]
        rest = self.model[party][SAMPLE:, code]
        return Cells(
            int((said & model).sum()),
            int((~said & model).sum()),
            int((said & ~model).sum()),
            int((~said & ~model).sum()),
            int(rest.sum()) if with_rest else 0,
            int((~rest).sum()) if with_rest else 0,
        )

    def also(self, code: int) -> dict[str, Cells]:
        """Documents checked after the sample."""
        open_ = set(self.left)
        return {
            party: self.count(
                party,
                code,
                [place for place in range(SAMPLE, SIZE) if (party, place) not in open_],
                False,
            )
            for party in PARTIES
        }

    def told(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each code: is the grade told the right one, and how sure is it said to be."""
        found = [
            find_grade_odds(self.sample[code], THRESHOLDS, also=self.also(code))
            for code in self.codes
        ]
        right = [one.grade == true for one, true in zip(found, self.right, strict=True)]
        return np.array(right), np.array([one.sure for one in found])

    def choose(self) -> tuple[str, int]:
        """The document of the highest gain, the first where several have it."""
        gains = [
            find_checking_gains(self.sample[code], THRESHOLDS, also=self.also(code))
            for code in self.codes
        ]
        worth = [
            sum(gains[code][party][int(self.model[party][place, code])] for code in self.codes)
            for party, place in self.left
        ]
        return self.left[int(np.argmax(worth))]

    def steps(self, by_gain: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Right and sure, before the first further check and after each."""
        yield self.told()
        while self.left:
            one = self.choose() if by_gain else self.left[self.rng.integers(len(self.left))]
            self.left.remove(one)
            yield self.told()


def settled(good: np.ndarray) -> int:
    """Checks after which it holds and stays so."""
    bad = np.flatnonzero(~good)
    return int(bad[-1]) + 1 if bad.size else 0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--keep", default="", metavar="FILE")
    asked = options.parse_args()
    started = time.perf_counter()
    tags, coded, _ = codes_of(asked.keep)
    questions = (
        "95 % of the grades told are right",
        "all grades told are right",
        "95 % of the grades are told with 0.95 or more",
    )
    counts = {True: [], False: []}
    shares = {True: [], False: []}
    told: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for number in range(asked.runs):
        for by_gain in (False, True):
            both = list(Run(tags, coded, SEED + number).steps(by_gain))
            right = np.array([one for one, _ in both])
            sure = np.array([one for _, one in both])
            share = right.mean(axis=1)
            counts[by_gain].append(
                [
                    settled(share >= 0.95),
                    settled(share == 1.0),
                    settled((sure >= 0.95).mean(axis=1) >= 0.95),
                ]
            )
            shares[by_gain].append(share)
            told[by_gain].append(
                np.stack([sure[10:51:10], right[10:51:10]], axis=-1).reshape(-1, 2)
            )
    random, gain = (np.array(counts[one]) for one in (False, True))
    rng = np.random.default_rng(SEED)
    print(
        f"{asked.runs} runs, 2 x {SIZE} documents, {SAMPLE} of each checked, {tags.shape[1]} codes"
    )
    print(f"{'further checks, of 60, until':48}{'random':>8}{'next':>8}{'fewer':>8}{'95 %':>16}")
    for place, question in enumerate(questions):
        fewer = random[:, place] - gain[:, place]
        means = [fewer[rng.integers(0, len(fewer), len(fewer))].mean() for _ in range(2000)]
        low, high = np.quantile(means, [0.025, 0.975])
        print(
            f"{question:48}{random[:, place].mean():8.1f}{gain[:, place].mean():8.1f}"
            f"{fewer.mean():8.1f}{f'{low:.1f} to {high:.1f}':>16}"
        )
    for by_gain, name in ((False, "random"), (True, "next")):
        each = np.mean(shares[by_gain], axis=0)
        print(
            f"right grades, {name:6}: "
            + ", ".join(f"{each[n]:.3f} after {n}" for n in (0, 10, 20, 30, 40))
        )
    for by_gain, name in ((False, "random"), (True, "next")):
        every = np.concatenate(told[by_gain])
        line = []
        for low, high in ((0.0, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.01)):
            part = every[(every[:, 0] >= low) & (every[:, 0] < high)]
            if len(part):
                sure, kept = part.mean(axis=0)
                line.append(f"said {sure:.2f} is {kept:.2f} ({len(part)})")
        print(f"certainty, {name:6}: " + "; ".join(line))
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
