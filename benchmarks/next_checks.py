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

``--provisions`` measures ``qiutong next --provisions`` instead, on the bundled study as of 20
January 2025, and needs nothing but the project. A coder's codings are corrected provision by
provision towards the adjudicated ones: the built-in coder, and the default coder, learned anew
without the documents it then codes (five parts), because it learned from this study. Whoever checks
a provision finds all its codes, those too that the coder missed. Ten provisions are named at a time;
where none is named any more, the rest follow in random order (once: the order is nearly fixed). Beside it: random order of all
provisions, of those with a coding first, and the least sure coding first.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import numpy as np

from coverage import SEED, codes_of
from default_coder import make
from qiutong.coders.embed import UseEmbedder
from qiutong.coders.trained import TrainedCoder
from qiutong.estimate import (
    Cells,
    find_checking_gains,
    find_grade_odds,
    find_provision_gains,
    grade_odds,
    presence_odds,
)
from qiutong.model import Coding, Estimate
from qiutong.overlap import documents_as_of, grade_overlap, lineage
from qiutong.settings import Thresholds
from qiutong.study import Study

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


Odds = dict[str, dict[str, float]]
FOLDS = 5
POSSIBLE = 0.02
AT_A_TIME = 10
AS_OF = date(2025, 1, 20)


class Checked:
    """Codings of one coder, which are corrected provision by provision."""

    def __init__(self, study: Study, codings: Iterable[Coding], least: float, odds: Odds) -> None:
        kept, _ = documents_as_of(study.documents(), AS_OF)
        read = study.store.finished("adjudicated")
        self.owned = {
            party.id: [one.id for one in kept if one.party == party.id and one.id in read]
            for party in study.parties
        }
        self.document = {
            one.id: one.document
            for one in study.segments()
            if any(one.document in ids for ids in self.owned.values())
        }
        above = lineage(study.codebook)
        self.codes = list(above)
        self.true: dict[str, set[str]] = {one: set() for one in self.document}
        for coding in study.codings("adjudicated"):
            if coding.segment in self.true:
                self.true[coding.segment].update(above[coding.code])
        # By code, document and provision: how likely, and whether it counts.
        self.chance: dict[str, dict[str, dict[str, float]]] = {
            code: {one: {} for ids in self.owned.values() for one in ids} for code in self.codes
        }
        self.given = {code: {one: set() for one in held} for code, held in self.chance.items()}
        self.sure = dict.fromkeys(self.document, 1.0)
        for coding in codings:
            if coding.segment not in self.document:
                continue
            confidence = 1.0 if coding.confidence is None else coding.confidence
            self.sure[coding.segment] = min(self.sure[coding.segment], confidence)
            for code in above[coding.code]:
                units = self.chance[code][coding.document]
                units[coding.segment] = 1 - (1 - units.get(coding.segment, 0.0)) * (1 - confidence)
                if confidence >= least:
                    self.given[code][coding.document].add(coding.segment)
        for segment, each in odds.items():
            if segment in self.document:
                for code, chance in each.items():
                    if chance >= POSSIBLE:
                        self.chance[code][self.document[segment]][segment] = chance
        self.left = set(self.document)
        self.gain: dict[str, dict[str, float]] = {}

    def grade(self, code: str, carried: dict[str, set[str]]) -> str:
        """The overlap grade of a code, from the provisions that carry it in each document."""
        return grade_overlap(
            {
                party: Estimate(
                    value=None, count=sum(bool(carried[one]) for one in ids), total=len(ids)
                )
                for party, ids in self.owned.items()
            },
            THRESHOLDS,
        ).value

    def right(self) -> dict[str, str]:
        """The grade of each code if every provision had been checked."""
        full: dict[str, dict[str, set[str]]] = {
            code: {one: set() for one in held} for code, held in self.chance.items()
        }
        for segment, codes in self.true.items():
            for code in codes:
                full[code][self.document[segment]].add(segment)
        return {code: self.grade(code, full[code]) for code in self.codes}

    def likeliest(self) -> tuple[float, float]:
        """How often the likeliest grade is right before any check, and how sure it is said to be."""
        right, found = self.right(), []
        for code in self.codes:
            odds = grade_odds(
                [
                    presence_odds(
                        [
                            1 - np.prod([1 - one for one in self.chance[code][document].values()])
                            for document in ids
                        ]
                    )
                    for ids in self.owned.values()
                ],
                THRESHOLDS,
            )
            grade = max(odds, key=lambda one: odds[one])
            found.append((grade.value == right[code], odds[grade]))
        share, sure = np.mean(found, axis=0)
        return float(share), float(sure)

    def held(self, codings: Iterable[Coding]) -> str:
        """Of codings by their confidence, how many are right."""
        known = [one for one in codings if one.segment in self.true and one.confidence is not None]
        sure = np.array([one.confidence for one in known])
        right = np.array([one.code in self.true[one.segment] for one in known])
        bands = [(sure >= low) & (sure < low + 0.2) for low in (0.2, 0.4, 0.6, 0.8)]
        bands[-1] |= sure == 1.0
        return "; ".join(
            f"said {sure[one].mean():.2f} is {right[one].mean():.2f} ({one.sum()})"
            for one in bands
            if one.any()
        )

    def check(self, segment: str) -> set[str]:
        """Take over what is true of a provision; give the codes that this concerns."""
        self.left.discard(segment)
        document, concerned = self.document[segment], set()
        for code in self.codes:
            is_true = segment in self.true and code in self.true[segment]
            if is_true or segment in self.chance[code][document]:
                concerned.add(code)
                self.chance[code][document][segment] = float(is_true)
                held = self.given[code][document]
                (held.add if is_true else held.discard)(segment)
        return concerned

    def weigh(self, codes: Iterable[str]) -> None:
        """Work out anew what checking a provision tells of these codes: gain, and turned."""
        for code in codes:
            told: dict[str, np.ndarray] = {}
            gains = find_provision_gains(
                {
                    party: [list(self.chance[code][one].values()) for one in ids]
                    for party, ids in self.owned.items()
                },
                THRESHOLDS,
            )
            for party, ids in self.owned.items():
                for one, each in zip(ids, gains[party], strict=True):
                    held = self.given[code][one]
                    for (segment, chance), gain in zip(
                        self.chance[code][one].items(), each, strict=True
                    ):
                        turned = 0.0
                        if not held - {segment}:
                            turned = 1 - chance if segment in held else chance
                        told[segment] = np.array([gain, turned])
            self.gain[code] = told

    def order(self, how: str, rng: np.random.Generator) -> Iterator[str]:
        """Provisions one after the other."""
        rest = [str(one) for one in rng.permutation(sorted(self.left))]
        if how == "coded first":
            coded = {one for held in self.given.values() for ids in held.values() for one in ids}
            rest.sort(key=lambda one: one not in coded)
        if how == "least sure":
            rest.sort(key=lambda one: self.sure[one])
        if how == "next":
            self.weigh(self.codes)
            while True:
                worth: dict[str, np.ndarray] = {}
                for told in self.gain.values():
                    for one, both in told.items():
                        if one in self.left and both.any():
                            worth[one] = worth.get(one, 0.0) + both
                named = sorted(worth, key=lambda one: (*(-worth[one].round(2)), one))[:AT_A_TIME]
                if not named:
                    break
                yield from named
                self.weigh(self.touched)
        yield from (one for one in rest if one in self.left)

    def shares(self, how: str, rng: np.random.Generator) -> np.ndarray:
        """Share of grades that are right, before the first check and after each."""
        right = self.right()
        now = {code: self.grade(code, self.given[code]) == right[code] for code in self.codes}
        found = [np.mean(list(now.values()))]
        self.touched: set[str] = set()
        for number, segment in enumerate(self.order(how, rng), 1):
            concerned = self.check(segment)
            # Those named at a time are weighed together when the next are asked for.
            self.touched = concerned | (self.touched if number % AT_A_TIME != 1 else set())
            for code in concerned:
                now[code] = self.grade(code, self.given[code]) == right[code]
            found.append(np.mean(list(now.values())))
        return np.array(found)


class Remembering:
    """An embedder that embeds no sentence twice."""

    def __init__(self) -> None:
        self.inner = UseEmbedder()
        self.name = self.inner.name
        self.held: dict[str, np.ndarray] = {}

    def embed(self, texts: list[str]) -> np.ndarray:
        """Vectors of sentences, one a row."""
        new = [one for one in dict.fromkeys(texts) if one not in self.held]
        if new:
            self.held.update(zip(new, self.inner.embed(new), strict=True))
        return np.array([self.held[one] for one in texts])


def held_out(study: Study) -> tuple[list[Coding], Odds]:
    """What the default coder says, and holds possible, of documents it did not learn from."""
    embedder = Remembering()
    read = sorted(study.store.finished("adjudicated"))
    codings: list[Coding] = []
    odds: Odds = {}
    for fold in range(FOLDS):
        part = read[fold::FOLDS]
        coder = TrainedCoder(study.codebook, make(embedder, part), embedder, identity="default")
        items = [(d := study.document(one), tuple(study.store.segments(d))) for one in part]
        codings += [coding for _, found in coder.code_documents(items) for coding in found]
        for _, each in coder.weigh_documents(items):
            odds |= each
    return codings, odds


def measure_provisions(runs: int) -> None:
    started = time.perf_counter()
    bounds = (0.9, 0.95, 1.0)
    with (
        tempfile.TemporaryDirectory() as folder,
        Study.create(Path(folder) / "study", like="us-china-ai") as study,
    ):
        study.code(coder="builtin", again=True)
        coders = {
            "builtin": (study.codings("builtin"), study.settings.coding.min_confidence, {}),
        }
        codings, odds = held_out(study)
        coders["default, held out"] = (codings, 0.0, odds)
        for name, held in coders.items():
            begun = Checked(study, *held)
            size = len(begun.document)
            print(f"{name}: {size} provisions; checks until so many grades are right, and stay so")
            print(f"  codings: {begun.held(held[0])}")
            print("  likeliest grade: {:.3f} right, said {:.3f}".format(*begun.likeliest()))
            print(
                f"  {'order':14}"
                + "".join(f"{bound:18.0%}" for bound in bounds)
                + "   right after 0, 50, 100, 200, 400, 800"
            )
            for how in ("random", "coded first", "least sure", "next"):
                every = [
                    Checked(study, *held).shares(how, np.random.default_rng(SEED + one))
                    for one in range(1 if how == "next" else runs)
                ]
                after = np.mean(every, axis=0)
                print(
                    f"  {how:14}"
                    + "".join(
                        f"{f'{np.mean(counts):.0f} ({min(counts)}-{max(counts)})':>18}"
                        for bound in bounds
                        if (counts := [settled(one >= bound) for one in every])
                    )
                    + "   "
                    + ", ".join(f"{after[at]:.3f}" for at in (0, 50, 100, 200, 400, 800))
                )
    print(f"{time.perf_counter() - started:.0f} s")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--keep", default="", metavar="FILE")
    options.add_argument("--provisions", action="store_true")
    asked = options.parse_args()
    if asked.provisions:
        measure_provisions(asked.runs)
        return
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
