"""Measure a coder learned from tags of whole documents: which codes, and where it points.

Run from the repository's root: ``OMP_NUM_THREADS=1 python benchmarks/tags.py``. It needs nothing
but the bundled study. The adjudicated readings say which provisions have a code. Five times, a
coder is learned from four fifths of the documents, told only which codes each document has, and
codes the rest.

- *Documents*: F1 over document x code, a child counting for its parent.
- *Points right*: of the codes rightly given to a document, how often the provision named first is
  one to which the readings gave the code or one below it; beside it a provision taken by lot.
- *Parties*: how often a code is said where it is not, and not said where it is; and whether the
  difference of two parties' shares, code by code, comes out larger than it is. A coder that tells the
  party by its language and leans towards what it is tagged with would make it larger.
- *Further provisions*: precision, and how many of the readings' other provisions are found.

The readings are by a language model, and no person has reviewed them.
"""

import time
from tempfile import TemporaryDirectory

import numpy as np

from coding import FOLDS, Remembering
from qiutong.codebook import ancestors
from qiutong.coders.documents import DocumentCoder, train_documents
from qiutong.coders.embed import UseEmbedder
from qiutong.study import Study


def main() -> None:
    with TemporaryDirectory() as folder, Study.create(folder, like="us-china-ai") as study:
        read = sorted(study.store.finished("adjudicated"))
        items = [(d := study.document(one), tuple(study.store.segments(d))) for one in read]
        book = study.codebook
        above = {c.id: {c.id, *ancestors(book, c.id)} for c in book.codes}
        places: dict[tuple[str, str], set[str]] = {}
        for coding in study.codings("adjudicated"):
            for code in above[coding.code]:
                places.setdefault((coding.document, code), set()).add(coding.segment)
    tags = {d.id: frozenset(c for c in above if (d.id, c) in places) for d, _ in items}
    provisions = {d.id: len(segments) for d, segments in items}
    party = {d.id: d.party for d, _ in items}
    order = {code: place for place, code in enumerate(above)}
    truth, claim, asked = (np.zeros((len(items), len(order)), dtype=bool) for _ in range(3))
    place_of = {d.id: place for place, (d, _) in enumerate(items)}
    fold = np.random.default_rng(1).permutation(len(items)) % FOLDS
    hit = said = true = right = named = further = further_right = others = 0
    by_lot = seconds = 0.0
    with UseEmbedder() as bundled:
        embedder = Remembering(bundled)
        for number in range(FOLDS):
            rest = [item for item, one in zip(items, fold, strict=True) if one != number]
            there = [item for item, one in zip(items, fold, strict=True) if one == number]
            model = train_documents(
                book, rest, {d.id: tags[d.id] for d, _ in rest}, frozenset(above),
                tagged_by="readings", embedder=embedder,
            )  # fmt: skip
            coder = DocumentCoder(book, model, embedder)
            learned = {one.code for one in model.card.figures}
            list(coder.code_documents(there))
            started = time.perf_counter()
            for document, codings in coder.code_documents(there):
                given: dict[str, list[tuple[bool, str]]] = {}
                for one in codings:
                    for code in above[one.code] & learned:
                        first = code == one.code and not one.memo.startswith("further")
                        given.setdefault(code, []).append((first, one.segment))
                wanted = tags[document.id] & learned
                for codes, cells in ((given, claim), (wanted, truth), (learned, asked)):
                    cells[place_of[document.id], [order[code] for code in codes]] = True
                hit, said, true = (
                    hit + len(given.keys() & wanted),
                    said + len(given),
                    true + len(wanted),
                )
                for code in given.keys() & wanted:
                    gold = places[document.id, code]
                    top = {segment for first, segment in given[code] if first}
                    more = {segment for _, segment in given[code]} - top
                    named, right = named + len(top), right + len(top & gold)
                    by_lot += len(top) * len(gold) / provisions[document.id]
                    further, further_right = further + len(more), further_right + len(more & gold)
                    others += len(gold - top)
            seconds += time.perf_counter() - started
    print(f"{len(items)} documents, {sum(provisions.values())} provisions, {true} tags")
    print(
        f"Documents: F1 {2 * hit / (said + true):.3f}, precision {hit / said:.3f}, recall {hit / true:.3f}"
    )
    compare_parties(np.array([party[d.id] for d, _ in items]), truth, claim, asked)
    print(f"Points right: {right / named:.3f} of {named}; by lot {by_lot / named:.3f}")
    print(f"Further provisions: {further}, right {further_right / further:.3f}, "
          f"of the readings' others {further_right / others:.3f}")  # fmt: skip
    print(
        f"Coding after embedding: {seconds:.0f} s; last model {len(model.to_bytes()) / 1e6:.1f} MB"
    )


def compare_parties(
    party: np.ndarray, truth: np.ndarray, claim: np.ndarray, asked: np.ndarray
) -> None:
    """Print errors by party, and what they do to differences of shares."""
    names, counts = np.unique(party, return_counts=True)
    first, second = names[np.argsort(-counts)[:2]]
    two = [np.flatnonzero(party == one) for one in (first, second)]
    codes = asked.all(axis=0)
    print(f"Parties: {codes.sum()} codes learned in every fold")
    for one in (first, second):
        true, said = (cells[party == one][:, codes] for cells in (truth, claim))
        print(f"  {one}: {len(true)} documents, said {said.mean():.3f} of cells, true {true.mean():.3f};"
              f" said where it is not {said[~true].mean():.3f},"
              f" not said where it is {(~said[true]).mean():.3f}")  # fmt: skip

    def gaps(here: np.ndarray, there: np.ndarray) -> list[np.ndarray]:
        return [
            (cells[here].mean(axis=0) - cells[there].mean(axis=0))[codes]
            for cells in (truth, claim)
        ]

    def larger(here: np.ndarray, there: np.ndarray) -> float:
        true, said = gaps(here, there)
        return float(np.abs(said).mean() - np.abs(true).mean())

    true, said = gaps(*two)
    random = np.random.default_rng(0)
    again = [larger(*(random.choice(rows, len(rows)) for rows in two)) for _ in range(1000)]
    low, high = np.quantile(again, (0.025, 0.975))
    print(f"  difference of shares, mean size over codes: true {np.abs(true).mean():.3f}, said "
          f"{np.abs(said).mean():.3f}, larger by {larger(*two):+.3f} [{low:+.3f}, {high:+.3f}]; "
          f"correlation {np.corrcoef(true, said)[0, 1]:.2f}; "
          f"sign the same {(np.sign(true) == np.sign(said)).mean():.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
