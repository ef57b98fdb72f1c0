"""Measure how surely codings are carried from a digest to the official text.

Run from the repository's root: ``python benchmarks/carrying.py [--documents] [--draws N]``. It
needs the real texts in ``../shared/data`` and changes nothing.

- *Right text*: each digest of the bundled study against the text that it restates. Known citations
  whose locator our segmenter writes otherwise (``tests/unit/places.csv``) get no help here: a
  program that fetches a text has none either.
- *Against the named place*: where a locator names a place, whether likeness alone would have found
  the same one. It says how far placing by likeness can be trusted where no locator fits.
- *Another text*: each digest against the texts of other documents of the study. Nothing should be
  placed. Two samples, drawn with a fixed seed: any other document, and only documents in the same
  language, which share numbering and vocabulary and so are the harder case.
"""

import argparse
import csv
import random
import time
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import median

import msgspec
import numpy as np

import qiutong
from qiutong.carry import (
    Embed,
    Placed,
    is_doubtful,
    place_provisions,
)
from qiutong.coders.embed import UseEmbedder
from qiutong.locators import find_place
from qiutong.model import Document, Segment
from qiutong.readers import read_file
from qiutong.segment import segment_document
from qiutong.text import detect_language

ROOT = Path(__file__).parents[1]
STUDY = Path(qiutong.__file__).parent / "studies" / "us-china-ai"
DATA = ROOT.parent / "shared" / "data"
SEED = 20250120
# No provision bears this number, so that only likeness is left to place it.
NOWHERE = "Sec. 987654"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def cut(identity: str, path: Path, language: str = "") -> tuple[Segment, ...]:
    source = read_file(path)
    return segment_document(
        Document(
            id=identity,
            party="x",
            title="",
            text=source.text,
            blocks=source.blocks,
            pages=source.pages,
            language=language or detect_language(source.text),
        )
    )


def share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "undefined"


def count(placed: Sequence[Placed]) -> Counter[str]:
    return Counter(one.how for one in placed)


def usual(placed: Sequence[Placed]) -> float:
    """Median likeness of the placed provisions; 0 where none was placed."""
    return median([one.likeness for one in placed if one.likeness is not None] or [0.0])


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--documents", action="store_true", help="print one line a document")
    reader.add_argument("--draws", type=int, default=10, help="other texts tried for each digest")
    asked = reader.parse_args()
    began = time.monotonic()
    register = {row["id"]: row for row in rows(STUDY / "register.csv")}
    files = {row["document"]: row["file"] for row in rows(ROOT / "tests/unit/originals.csv")}
    held = [one for one in register if one in files and (DATA / files[one]).is_file()]
    if not held:
        raise SystemExit(f"needs the real texts in {DATA}")
    digests = {
        one: cut(one, STUDY / register[one]["file"], register[one]["language"]) for one in held
    }
    official = {one: cut(one, DATA / files[one]) for one in held}
    embed = cached(UseEmbedder(processes=1).embed)

    total: Counter[str] = Counter()
    named = agreed = 0
    shares: dict[str, float] = {}
    typical: dict[str, float] = {}
    doubtful: list[str] = []
    for one in held:
        placed = place_provisions(digests[one], official[one], embed)
        how = count(placed)
        total += how
        shares[one] = 1 - how["unplaced"] / len(placed)
        typical[one] = usual(placed)
        doubtful += [one] if is_doubtful(placed) else []
        hit, tried = by_likeness_alone(digests[one], official[one], placed, embed)
        agreed, named = agreed + hit, named + tried
        if asked.documents:
            print(f"{one}: {dict(how)}, {shares[one]:.0%} placed")
    provisions = sum(total.values())
    print(f"Right text: {provisions} digested provisions of {len(held)} documents")
    for how in ("locator", "likeness", "unplaced"):
        print(f"  {how}: {total[how]} ({share(total[how], provisions)})")
    print(f"  share placed, document by document: {spread(shares)}")
    print(f"  median likeness, document by document: {spread(typical)}")
    print(f"  doubtful: {doubtful or 'none'}")
    print(
        f"Likeness alone, for provisions placed by locator: {named} placed; "
        f"at the place that the locator names: {agreed} ({share(agreed, named)})"
    )

    languages = {one: official[one][0].language for one in held}
    for title, alike in (("Another text, any", False), ("Another text, same language", True)):
        draw = random.Random(SEED)
        wrong: Counter[str] = Counter()
        strangers: dict[str, float] = {}
        alike_them: dict[str, float] = {}
        taken: list[str] = []
        for one in held:
            others = [x for x in held if x != one]
            near = [x for x in others if languages[x] == languages[one]]
            pool = near if alike else others
            for other in draw.sample(pool, min(asked.draws, len(pool))):
                placed = place_provisions(digests[one], official[other], embed)
                how = count(placed)
                wrong += how
                pair = f"{one} in {other}"
                strangers[pair] = 1 - how["unplaced"] / len(digests[one])
                alike_them[pair] = usual(placed)
                taken += [] if is_doubtful(placed) else [pair]
        provisions = sum(wrong.values())
        print(f"{title}: {provisions} digested provisions, {len(strangers)} pairs")
        for how in ("locator", "likeness", "unplaced"):
            print(f"  {how}: {wrong[how]} ({share(wrong[how], provisions)})")
        print(f"  share placed, pair by pair: {spread(strangers)}")
        print(f"  median likeness, pair by pair: {spread(alike_them)}")
        print(f"  taken for the document: {len(taken)} pairs ({share(len(taken), len(strangers))})")
        if asked.documents:
            for pair in taken:
                print(f"    {pair}: {strangers[pair]:.0%} placed, likeness {alike_them[pair]:.2f}")
    print(f"{time.monotonic() - began:.0f} s")


def by_likeness_alone(
    digest: Sequence[Segment], official: Sequence[Segment], placed: Sequence[Placed], embed: Embed
) -> tuple[int, int]:
    """Among provisions placed by locator: how many likeness puts there too, of how many placed."""
    blind = place_provisions(
        [msgspec.structs.replace(one, locator=NOWHERE) for one in digest], official, embed
    )
    locators = [one.locator for one in official]
    hit = tried = 0
    for one, other in zip(placed, blind, strict=True):
        if one.how == "locator" and other.how == "likeness":
            tried += 1
            places = {official[at].id for at in find_place(one.locator, locators)}
            hit += other.segments[0] in places
    return hit, tried


def cached(embed: Embed) -> Embed:
    """Embed a set of texts once: each is asked for several times."""

    @cache
    def of(texts: tuple[str, ...]) -> np.ndarray:
        return embed(texts)

    return lambda texts: of(tuple(texts))


def spread(shares: dict[str, float]) -> str:
    ordered = sorted(shares.values())
    low = min(shares, key=lambda one: shares[one])
    high = max(shares, key=lambda one: shares[one])
    return (
        f"lowest {ordered[0]:.2f} ({low}), median {ordered[len(ordered) // 2]:.2f}, "
        f"highest {ordered[-1]:.2f} ({high})"
    )


if __name__ == "__main__":
    main()
