"""Measure the built-in coder: against AGORA's human tags, across languages, and in time.

Run from the repository's root: ``python benchmarks/coder_quick.py [--codes]``. It needs the real
texts in ``../shared/data`` and changes nothing.

- *AGORA*: 419 ``dev`` documents with human tags. A document has a code if any segment has it, or
  a code below it; a tag counts for a code if the codebook maps the column to it, or to a code
  below it. Codes with fewer than 15 tagged documents are left out. The coder has seen no tags.
- *Parallel*: 132 provisions in Chinese and English, coded apart; Cohen's kappa of presence over
  provision x code. It says how far the coder agrees with itself, not that it is right.
- *Time*: the 67 ``study`` documents of AGORA and the 24 Chinese originals, from normalised text
  to codings, segmenting included.
"""

import argparse
import csv
import platform
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from qiutong.codebook import descendants, load_codebook
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.embed import UseEmbedder
from qiutong.model import Coding, Document, Segment
from qiutong.segment import segment_document
from qiutong.text import normalize_text

DATA = Path(__file__).parents[1].parent / "shared" / "data"
FEWEST = 15


def documents(split: str) -> Iterator[tuple[dict[str, str], Document]]:
    with (DATA / "agora" / "documents.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            path = DATA / "agora" / "fulltext" / f"{row['AGORA ID']}.txt"
            if row["split"] == split and path.exists():
                yield row, plain(row["AGORA ID"], path.read_text("utf-8"), "en")


def plain(identity: str, text: str, language: str) -> Document:
    return Document(
        id=identity, party="x", title=identity, text=normalize_text(text), language=language
    )


def cut(these: list[Document]) -> Iterator[tuple[Document, Sequence[Segment]]]:
    return ((document, segment_document(document)) for document in these)


def f1(hit: int, said: int, true: int) -> float:
    return 2 * hit / (said + true) if said + true else 0.0


def kappa(a: np.ndarray, b: np.ndarray) -> float:
    agreed = float((a == b).mean())
    chance = float(a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean()))
    return (agreed - chance) / (1 - chance)


def against_agora(coder: BuiltinCoder, show_codes: bool) -> None:
    book = coder.codebook
    place = {code.id: index for index, code in enumerate(book.codes)}
    below = [
        [place[code.id], *(place[one] for one in descendants(book, code.id))] for code in book.codes
    ]
    rows, these = zip(*documents("dev"), strict=True)
    tagged = np.zeros((len(rows), len(book.codes)), dtype=bool)
    for number, row in enumerate(rows):
        for code in book.codes:
            values = [row[column].strip().lower() for column in code.agora]
            tagged[number, place[code.id]] = any(value in ("true", "1") for value in values)
    confidence = np.zeros(tagged.shape)
    segments = codings = 0
    started = time.perf_counter()
    work = [(document, segment_document(document)) for document in these]
    segments = sum(len(cuts) for _, cuts in work)
    for number, (_, found) in enumerate(coder.code_documents(iter(work))):
        codings += len(found)
        for one in found:
            cell = number, place[one.code]
            confidence[cell] = max(confidence[cell], one.confidence or 0.0)
    seconds = time.perf_counter() - started
    true = np.stack([tagged[:, group].any(axis=1) for group in below], axis=1)
    rolled = np.stack([confidence[:, group].max(axis=1) for group in below], axis=1)
    kept = [
        place[code.id]
        for code in book.codes
        if code.agora and true[:, place[code.id]].sum() >= FEWEST
    ]
    print(
        f"AGORA dev: {len(rows)} documents, {segments} segments, {codings} codings, {seconds:.0f} s"
    )
    print(
        f"  {'codings from':14}{'macro F1':>9}{'micro F1':>9}{'precision':>10}{'recall':>8}{'kappa':>7}"
    )
    for least in (0.0, 0.5, 0.6, 0.7):
        said = (rolled > 0) & (rolled >= least)
        each = [f1((said & true)[:, k].sum(), said[:, k].sum(), true[:, k].sum()) for k in kept]
        hit, all_said, all_true = ((m[:, kept]).sum() for m in (said & true, said, true))
        print(
            f"  {least:<14.1f}{np.mean(each):9.3f}{f1(hit, all_said, all_true):9.3f}"
            f"{hit / max(all_said, 1):10.2f}{hit / all_true:8.2f}"
            f"{kappa(said[:, kept].ravel(), true[:, kept].ravel()):7.2f}"
        )
    said = rolled > 0
    for dimension in book.dimensions:
        group = [k for k in kept if book.codes[k].dimension == dimension]
        each = [f1((said & true)[:, k].sum(), said[:, k].sum(), true[:, k].sum()) for k in group]
        hit, all_said, all_true = (m[:, group].sum() for m in (said & true, said, true))
        print(
            f"  {dimension}: {len(group)} codes, macro {np.mean(each):.3f}, "
            f"micro {f1(hit, all_said, all_true):.3f}"
        )
    if show_codes:
        print(
            f"  {'code':46}{'tagged':>7}{'coded':>7}{'prec.':>7}{'recall':>7}{'F1':>6}{'kappa':>7}"
        )
        for k in kept:
            hit, one, two = ((m[:, k]).sum() for m in (said & true, said, true))
            print(
                f"  {book.codes[k].id:46}{two:7}{one:7}{hit / max(one, 1):7.2f}{hit / two:7.2f}"
                f"{f1(hit, one, two):6.2f}{kappa(said[:, k], true[:, k]):7.2f}"
            )


def across_languages(coder: BuiltinCoder, show_codes: bool) -> None:
    book = coder.codebook
    place = {code.id: index for index, code in enumerate(book.codes)}
    with (DATA / "parallel" / "policy_zh_en.tsv").open(encoding="utf-8") as file:
        pairs = list(csv.DictReader(file, delimiter="\t"))
    both: dict[str, np.ndarray] = {}
    for language in ("zh", "en"):
        # One document a file, one segment a provision, as in a study.
        has = np.zeros((len(pairs), len(place)), dtype=bool)
        for name in dict.fromkeys(pair["zh_file"] for pair in pairs):
            numbers = [n for n, pair in enumerate(pairs) if pair["zh_file"] == name]
            text, segments = "", []
            for n in numbers:
                body = normalize_text(pairs[n][language])
                start = len(text)
                text += body + "\n\n"
                segments.append(
                    Segment(
                        id=f"{name}:{start}-{start + len(body)}",
                        document=name,
                        locator=str(n),
                        start=start,
                        end=start + len(body),
                        text=body,
                        language=language,
                    )
                )
            row = {segment.id: n for segment, n in zip(segments, numbers, strict=True)}
            document = Document(id=name, party="x", title=name, text=text, language=language)
            for _, found in coder.code_documents([(document, segments)]):
                for one in found:
                    has[row[one.segment], place[one.code]] = True
        both[language] = has
    zh, en = both["zh"], both["en"]
    print(
        f"Parallel: {len(pairs)} provisions, kappa {kappa(zh.ravel(), en.ravel()):.3f}, "
        f"codes a provision {zh.sum() / len(pairs):.1f} (zh) {en.sum() / len(pairs):.1f} (en)"
    )
    if show_codes:
        for code in book.codes:
            a, b = zh[:, place[code.id]], en[:, place[code.id]]
            if (a != b).sum() >= 3:
                print(
                    f"  {code.id:46} both {(a & b).sum():3}  only zh {(a & ~b).sum():3}  only en {(b & ~a).sum():3}"
                )


def timed(coder: BuiltinCoder) -> None:
    these = [document for _, document in documents("study")]
    these += [
        plain(path.stem, path.read_text("utf-8"), "zh")
        for path in sorted((DATA / "zh").glob("*.txt"))
    ]
    started = time.perf_counter()
    found: list[Coding] = [
        one for _, codings in coder.code_documents(cut(these)) for one in codings
    ]
    seconds = time.perf_counter() - started
    characters = sum(len(document.text) for document in these)
    print(
        f"Time: {len(these)} documents, {characters / 1e6:.2f} million characters, "
        f"{len(found)} codings, {seconds:.1f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--codes", action="store_true", help="a line for each code")
    options = parser.parse_args()
    if not DATA.exists():
        raise SystemExit(f"{DATA} is missing: this benchmark needs the real texts")
    print(f"{platform.platform()}, Python {platform.python_version()}")
    with UseEmbedder() as embedder:
        coder = BuiltinCoder(load_codebook("ai-governance"), embedder)
        timed(coder)
        across_languages(coder, options.codes)
        against_agora(coder, options.codes)
    own, others = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"Peak memory: {own:.0f} MB here, {others:.0f} MB in a worker")


if __name__ == "__main__":
    main()
