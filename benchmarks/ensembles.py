"""Measure what agreement of coders is worth: on the bundled study, and on AGORA's human tags.

Run from the repository's root: ``OMP_NUM_THREADS=1 python benchmarks/ensembles.py [--json FILE]``.
AGORA needs the real texts in ``../shared/data``; without them only the study is measured. Nothing
is changed.

- *Study*: provisions of the bundled documents. Members are the built-in coder and, in five folds,
  the default coder trained without the documents it codes. The reference is the adjudicated
  codings, which a language model made. Commands: ``qiutong combine`` and
  ``qiutong agreement --against adjudicated``.
- *AGORA*: whole documents, tags as in ``coding.py``. Members are the built-in coder, the default
  coder, and TF-IDF with a linear model learned from the tags of four folds. The first two share
  cues and sentence vectors; the third shares nothing with them.
"""

import argparse
import json
import platform
import time
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

import coder_quick
import coding
import default_coder
from qiutong.codebook import load_codebook
from qiutong.coders import documents as heads
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.default import default_model
from qiutong.coders.embed import UseEmbedder
from qiutong.coders.trained import TrainedCoder
from qiutong.ensemble import Level, Quality, judge_coders, judge_levels
from qiutong.model import Coder, CoderKind
from qiutong.reliability import Coefficient, Draws
from qiutong.segment import segment_document
from qiutong.store import CodedDocument
from qiutong.study import Study

DRAWS = Draws(0.95, 1000, 0)


def shown(held: Coefficient) -> str:
    if held.value is None:
        return f"{'–':>22}"
    return f"{held.value:7.3f} [{held.low:.3f}, {held.high:.3f}]"


def show(levels: list[Level], quality: list[Quality]) -> None:
    members = max(one.given_by for one in levels)
    for one in levels:
        print(
            f"  {one.unit:10} given by {one.given_by} of {members}: {one.cells:7} cells, "
            f"{one.share:6.1%}; have the code:{shown(one.with_code)}"
        )
    print(f"  {'':31}" + "".join(f"{name:>22}" for name in ("precision", "recall", "F1", "kappa")))
    for one in quality:
        print(
            f"  {one.unit:10}{one.who:21}"
            + "".join(map(shown, (one.precision, one.recall, one.f1, one.kappa)))
        )


# ---------------------------------------------------------------------------- the study


def code_held_out(study: Study, embedder: coding.Remembering) -> None:
    """Code each fifth of the documents with the default coder trained without them."""
    read = sorted(study.store.finished("adjudicated"))
    fold = np.random.default_rng(0).permutation(len(read)) % coding.FOLDS
    who = Coder(id="held-out", kind=CoderKind.TRAINED, version="five folds")
    for number in range(coding.FOLDS):
        there = [one for one, place in zip(read, fold, strict=True) if place == number]
        model = default_coder.make(embedder, leave_out=there)
        coder = TrainedCoder(study.codebook, model, embedder)
        work = ((study.document(one), tuple(study.segments(one))) for one in there)
        for document, found in coder.code_documents(work):
            study.store.add_coded(
                CodedDocument(
                    document=document.id, coder=who, codebook=study.codebook.name,
                    fingerprint="held-out",
                    codings=tuple(msgspec.structs.replace(one, coder=who.id) for one in found),
                )
            )  # fmt: skip


def on_study(embedder: coding.Remembering) -> dict:
    with TemporaryDirectory() as folder, Study.create(folder, like="us-china-ai") as study:
        study.code(coder="builtin", again=True)
        code_held_out(study, embedder)
        study.combine("agreed", ["builtin", "held-out"])
        held = study.agreement("agreed", against="adjudicated", as_of="2025-01-20")
    print(f"The bundled study, {held.judged} documents, provision × code and document × code")
    show(list(held.levels), list(held.quality))
    for name, tally in (("provision", held.provisions), ("document", held.documents)):
        print(
            f"  {name} × code: {tally.coverage:.2%} of {tally.cells} cells decided; {tally.given} "
            f"given, {tally.undecided} undecided"
        )
    [pair] = held.pairs
    print(f"  kappa of the two:{shown(pair.provisions)} provision,{shown(pair.documents)} document")
    depends = sum(one.depends for one in held.bounds)
    elsewhere = sum(one.elsewhere for one in held.codes)
    print(f"  {depends} of {len(held.bounds)} grades as of 2025-01-20 depend on undecided cells")
    print(f"  {elsewhere} document × code cells given by both, in different provisions")
    return msgspec.to_builtins(held)


# ---------------------------------------------------------------------------- AGORA


def on_agora(embedder: coding.Remembering) -> dict:
    book = load_codebook("ai-governance")
    rows, these = zip(*coder_quick.documents("dev"), strict=True)
    work = [(document, segment_document(document)) for document in these]
    every, kept = coding.tags(book, rows)
    true = every[:, kept]
    base = default_model()
    eyes = BuiltinCoder(book, embedder)
    seen = heads.see_documents(eyes, work, base)
    members = {
        "built-in": coding.said_by(eyes, book, work)[:, kept] > 0,
        "default": coding.said_by(TrainedCoder(book, base, embedder), book, work)[:, kept] > 0,
        "TF-IDF from tags": coding.crossed(coding.words_only, seen, true)[1],
    }
    print(f"AGORA: {len(rows)} documents, {len(kept)} codes, {true.sum()} tags, document × code")
    result = {}
    document = np.arange(len(true))
    for size in (2, 3):
        for names in combinations(members, size):
            said = {name: members[name] for name in names}
            counts = np.sum(list(said.values()), axis=0)
            levels = judge_levels(counts, size, true, document, DRAWS, "document")
            quality = judge_coders(said, counts, true, document, DRAWS, "document")
            pairs = {
                f"{one}, {other}": coder_quick.kappa(said[one].ravel(), said[other].ravel())
                for one, other in combinations(names, 2)
            }
            print(" + ".join(names))
            show(list(levels), list(quality))
            print("  kappa: " + "; ".join(f"{key} {value:.3f}" for key, value in pairs.items()))
            result[" + ".join(names)] = {
                "levels": msgspec.to_builtins(levels),
                "quality": msgspec.to_builtins(quality),
                "pairs": pairs,
            }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file")
    options = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}")
    result, seconds = {}, {}
    with UseEmbedder() as bundled:
        embedder = coding.Remembering(bundled)
        parts = {"study": on_study}
        if coder_quick.DATA.exists():
            parts["agora"] = on_agora
        else:
            print(f"{coder_quick.DATA} is missing: AGORA is passed over")
        for name, part in parts.items():
            started = time.perf_counter()
            result[name] = part(embedder)
            seconds[name] = time.perf_counter() - started
    print("Seconds: " + ", ".join(f"{name} {value:.0f}" for name, value in seconds.items()))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
