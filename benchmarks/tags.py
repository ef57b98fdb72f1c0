"""Measure a coder learned from tags of whole documents: which codes, and where it points.

Run from the repository's root: ``OMP_NUM_THREADS=1 python benchmarks/tags.py``. It needs nothing
but the bundled study. The adjudicated readings say which provisions have a code. Five times, a
coder is learned from four fifths of the documents, told only which codes each document has, and
codes the rest.

- *Documents*: F1 over document x code, a child counting for its parent.
- *Points right*: of the codes rightly given to a document, how often the provision named first is
  one to which the readings gave the code or one below it; beside it a provision taken by lot.
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
    print(f"Points right: {right / named:.3f} of {named}; by lot {by_lot / named:.3f}")
    print(f"Further provisions: {further}, right {further_right / further:.3f}, "
          f"of the readings' others {further_right / others:.3f}")  # fmt: skip
    print(
        f"Coding after embedding: {seconds:.0f} s; last model {len(model.to_bytes()) / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
