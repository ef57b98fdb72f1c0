"""Print the pairs of passages a study shows for each code, to be read and judged by a person.

Run from the repository's root: ``python benchmarks/evidence_pairs.py STUDY [--as-of DAY] [--best]``.
STUDY is a folder made by ``qiutong init`` or ``qiutong demo`` and coded. It changes nothing but the
study's cache of sentence vectors.

Below the pairs stand counts that need no judgement: how many documents are quoted, how often the
one quoted most, and how many passages are of expert groups, of drafts, or unlike in force.
"""

import argparse
from collections import Counter
from pathlib import Path

from qiutong.model import Document, EvidencePair, Instrument, IssuerType, Status
from qiutong.study import Study


def describe(document: Document) -> str:
    return (
        f"{document.id} ({document.issuer_type}, {document.instrument}, {document.force}, "
        f"{document.status})"
    )


def is_draft(document: Document) -> bool:
    """Whether the text was a draft when it was written, also if it has been replaced since."""
    return document.status is Status.DRAFT or document.instrument is Instrument.DRAFT


def show(number: int, pair: EvidencePair, documents: dict[str, Document]) -> None:
    near = "unknown" if pair.similarity is None else f"{pair.similarity:.2f}"
    print(f"  {number}. cosine {near}" + (f"; {pair.note}" if pair.note else ""))
    for one in pair.passages:
        sure = "" if one.confidence is None else f" {one.confidence:.2f}"
        print(f"     {one.party} {describe(documents[one.document])} {one.locator}")
        print(f"        [{one.position or '?'}{sure}] {' '.join(one.text.split())}")


def count(pairs: list[EvidencePair], documents: dict[str, Document]) -> None:
    quoted = [one for pair in pairs for one in pair.passages]
    used = Counter(one.document for one in quoted)
    of = [documents[one.document] for one in quoted]
    quotations = [tuple(one.text for one in pair.passages) for pair in pairs]
    unlike = sum(len({one.position for one in pair.passages}) > 1 for pair in pairs)
    print(
        f"{len(pairs)} pairs, {len(quoted)} passages of {len(used)} documents; most quoted: "
        + ", ".join(f"{name} {times}" for name, times in used.most_common(3))
    )
    print(
        f"expert groups {sum(one.issuer_type is IssuerType.EXPERT_GROUP for one in of)}, "
        f"drafts {sum(is_draft(one) for one in of)}, "
        f"pairs of different position {unlike}, "
        f"pairs that stand under an earlier code too {len(pairs) - len(set(quotations))}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("--as-of", help="day or 'today'; by default the study's own")
    parser.add_argument("--best", action="store_true", help="only the first pair of each code")
    chosen = parser.parse_args()
    with Study(chosen.study) as study:
        results = study.results(chosen.as_of)
    documents = {one.id: one for one in results.documents}
    grades = {one.code: one.grade for one in results.overlaps}
    printed: list[EvidencePair] = []
    for code, held in results.evidence.items():
        pairs = held[:1] if chosen.best else held
        print(f"\n{code} ({grades[code]})" + ("" if pairs else ": no pair"))
        for number, pair in enumerate(pairs, 1):
            show(number, pair, documents)
        printed += pairs
    print()
    count(printed, documents)


if __name__ == "__main__":
    main()
