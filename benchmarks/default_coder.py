"""Make the default coder's file, and its card, from the bundled study.

Run from the repository's root: ``python benchmarks/default_coder.py [--check | --words]``. It
learns from the adjudicated readings of the bundled study and from the codebook's invented examples,
and writes ``src/qiutong/coders/default.npz`` and ``docs/reference/default-coder.md``. It needs no
other texts.
The same machine gives the same bytes; another may differ in the last digits of a weight.
``--check`` only says whether the file fits the study and the codebook as they are now. ``--words``
writes nothing either, and says what the invented provisions are worth: half of them are learned
from, beside the study, and the coder codes the other half, each by itself; then the other way round.
Beside it stand a coder learned from the study alone, and the built-in coder.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from qiutong.codebook import ancestors, load_codebook
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.default import MODEL, load_examples
from qiutong.coders.embed import Embedder, UseEmbedder
from qiutong.coders.trained import (
    LEAST_PRECISION,
    Example,
    ModelCard,
    TrainedCoder,
    TrainedModel,
    codebook_sha256,
    provisions_sha256,
    train_coder,
)
from qiutong.model import Codebook, Document, Segment
from qiutong.study import Study

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "default-coder.md"
STUDY, READING = "us-china-ai", "adjudicated"
# It is for other collections than the study: chosen on invented provisions not learned from.
CAUTION = 0.75
Items = list[tuple[Document, tuple[Segment, ...]]]


def readings(leave_out: Iterable[str] = ()) -> tuple[Codebook, Items, dict[str, frozenset[str]]]:
    """Documents with their provisions, and the codes of each, from the bundled study."""
    with TemporaryDirectory() as folder, Study.create(folder, like=STUDY) as study:
        read = sorted(set(study.store.finished(READING)) - set(leave_out))
        items = [(d := study.document(one), tuple(study.store.segments(d))) for one in read]
        codes: dict[str, set[str]] = {
            segment.id: set() for _, segments in items for segment in segments
        }
        for coding in study.codings(READING):
            if coding.segment in codes:
                codes[coding.segment].add(coding.code)
        return study.codebook, items, {key: frozenset(value) for key, value in codes.items()}


def make(
    embedder: Embedder, leave_out: Iterable[str] = (), examples: Sequence[Example] | None = None
) -> TrainedModel:
    codebook, items, codes = readings(leave_out)
    return train_coder(
        codebook,
        items,
        codes,
        trained_on=READING,
        examples=load_examples() if examples is None else examples,
        withhold=False,
        caution=CAUTION,
        embedder=embedder,
    )


def current() -> tuple[str, str]:
    """Hashes of the data and of the codebook, as the card of a fresh model would have them."""
    codebook, items, codes = readings()
    texts = {s.id: document.text[s.start : s.end] for document, segments in items for s in segments}
    return provisions_sha256(texts, codes, load_examples()), codebook_sha256(codebook)


def built_in(embedder: Embedder) -> dict[str, tuple[float, float]]:
    """Macro and micro F1 of the built-in coder on the same provisions, by language."""
    codebook, items, codes = readings()
    place = {code.id: index for index, code in enumerate(codebook.codes)}
    above = {
        c.id: [place[c.id], *(place[one] for one in ancestors(codebook, c.id))]
        for c in codebook.codes
    }
    rows = {s.id: (s.language, document) for document, segments in items for s in segments}
    order = {identity: row for row, identity in enumerate(rows)}
    true, said = (np.zeros((len(rows), len(place)), dtype=bool) for _ in range(2))
    for identity, given in codes.items():
        for code in given:
            true[order[identity], above[code]] = True
    for _, found in BuiltinCoder(codebook, embedder).code_documents(iter(items)):
        for one in found:
            said[order[one.segment], above[one.code]] = True
    spoken = np.array([d.language if s == "und" else s for s, d in rows.values()])
    figures = {}
    for language in ("en", "zh"):
        here = spoken == language
        a, b = true[here], said[here]
        kept = a.sum(axis=0) >= 5
        hit, size = (a & b).sum(axis=0)[kept], (a.sum(axis=0) + b.sum(axis=0))[kept]
        figures[language] = (float((2 * hit / size).mean()), float(2 * hit.sum() / size.sum()))
    return figures


def in_other_words(embedder: Embedder) -> None:
    """Print how invented provisions are coded, with and without having learned from others."""
    from coder_quick import kappa

    codebook = load_codebook("ai-governance")
    pairs = list(zip(load_examples()[::2], load_examples()[1::2], strict=True))
    half = np.random.default_rng(0).permutation(len(pairs)) % 2
    place = {code.id: index for index, code in enumerate(codebook.codes)}
    above = {c: [place[c], *(place[one] for one in ancestors(codebook, c))] for c in place}
    true = np.zeros((len(pairs), len(place)), dtype=bool)
    for row, (one, _) in enumerate(pairs):
        for code in one.codes:
            true[row, above[code]] = True

    def code(coder: BuiltinCoder, rows: np.ndarray, said: np.ndarray) -> None:
        items = []
        for row, side in ((row, side) for row in rows.tolist() for side in (0, 1)):
            one, name = pairs[row][side], f"{row} {side}"
            document = Document(id=name, party="", title="", text=one.text, language=one.language)
            segment = Segment(
                id=name, document=name, locator="", start=0, end=len(one.text),
                text=one.text, language=one.language,
            )  # fmt: skip
            items.append((document, [segment]))
        for document, found in coder.code_documents(items):
            row, side = map(int, document.id.split())
            for coding in found:
                said[side, row, above[coding.code]] = True

    said = {name: np.zeros((2, *true.shape), dtype=bool) for name in ("built-in", "study", "both")}
    code(BuiltinCoder(codebook, embedder), np.arange(len(pairs)), said["built-in"])
    alone = TrainedCoder(codebook, make(embedder, examples=()), embedder)
    code(alone, np.arange(len(pairs)), said["study"])
    for number in range(2):
        learned = [one for row in np.flatnonzero(half != number) for one in pairs[row]]
        model = make(embedder, examples=learned)
        there = np.flatnonzero(half == number)
        code(TrainedCoder(codebook, model, embedder), there, said["both"])
    print(f"{len(pairs)} invented provisions in two languages, none learned from where it is coded")
    for name, sides in said.items():
        line = f"  {name:9}"
        for language, one in zip(("English", "Chinese"), sides, strict=True):
            hit, size = (one & true).sum(axis=0), one.sum(axis=0) + true.sum(axis=0)
            macro, micro = (2 * hit / np.maximum(size, 1)).mean(), 2 * hit.sum() / size.sum()
            line += f"  {language} macro {macro:.3f}, micro {micro:.3f}"
        print(f"{line}  kappa of the languages {kappa(sides[0].ravel(), sides[1].ravel()):.3f}")


def page(card: ModelCard, base: dict[str, tuple[float, float]], size: int) -> str:
    book = load_codebook("ai-governance")
    named = {"en": "English", "zh": "Chinese"}
    figures = {(one.code, one.language): one for one in card.figures}
    poor = [
        one.code
        for one in card.figures
        if not one.language and (one.average_precision or 0.0) < LEAST_PRECISION
    ]
    never = (*card.untrained, *card.withheld)
    lines = [
        "# Card of the default coder",
        "",
        "Made by `python benchmarks/default_coder.py`; do not edit. What it sees and how it learns is "
        "on [its page](../method/training.md); how good it is on other texts is under "
        "[quality](../quality.md).",
        "",
        "| | |",
        "|---|---|",
        f"| learned from | the readings `{card.trained_on}` of the bundled study: {card.documents} "
        f"documents, {sum(card.provisions.values()):,} provisions "
        f"({', '.join(f'{n:,} {named[k]}' for k, n in card.provisions.items())}); and "
        f"{card.examples // 2:,} invented provisions, each in both languages "
        "(`codebooks/ai-governance.examples.csv`) |",
        "| who made those readings | a large language model, twice without sight of the other and "
        "once more to settle; no person has reviewed them |",
        "| who invented and coded those provisions | a large language model; no person has "
        "reviewed them |",
        f"| codebook | `{card.codebook}`, word for word; with another one the built-in coder codes in "
        "its place |",
        "| languages | English, Chinese; any other is coded as the built-in coder does |",
        f"| vectors | {card.embedder} |",
        f"| codes never given | {', '.join(f'`{one}`' for one in never) or 'none'} |",
        f"| given, and badly learned | {', '.join(f'`{one}`' for one in poor) or 'none'}: average "
        "precision below 0.3 on documents held out |",
        f"| calibration error | {card.calibration_error:.3f} on documents held out; most cells are "
        "near 0 |",
        f"| file | {size / 1e6:.1f} MB: numbers, and single words |",
        f"| data, SHA-256 | `{card.data_sha256}` |",
        "",
        "## On documents held out",
        "",
        "Five folds of whole documents. Macro over codes with five provisions or more in the "
        "language; a child's provisions count for its parent.",
        "",
        "| | macro F1 | micro F1 | built-in coder: macro | micro |",
        "|---|---|---|---|---|",
        *(
            f"| {named[k]} | {card.macro_f1[k]:.3f} | {card.micro_f1[k]:.3f} | {a:.3f} | {b:.3f} |"
            for k, (a, b) in base.items()
        ),
        "",
        "## Limits",
        "",
        *(f"- {one}" for one in card.limits),
        "- It repeats the readings it learned from, mistakes included, and those are a program's.",
        "- Confidence is the probability that those readings would have the code. It is no "
        "probability that the code is right.",
        "- The texts it learned from are digests: laws, plans, commitments of 2016 to 2026. Full "
        "texts are longer, and their provisions are cut otherwise.",
        "",
        "## By code",
        "",
        "Provisions with the code, F1 and average precision on documents held out.",
        "",
        "| code | English | F1 | AP | Chinese | F1 | AP |",
        "|---|---|---|---|---|---|---|",
    ]
    for code in book.codes:
        row = f"| `{code.id}`"
        for language in ("en", "zh"):
            one = figures.get((code.id, language))
            if one is None or not one.given:
                row += " | 0 | | "
            else:
                row += f" | {one.given} | {one.f1:.2f} | {one.average_precision:.2f}"
        lines.append(row + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--words", action="store_true", help="what the invented ones are worth")
    options = parser.parse_args()
    if options.check:
        card = TrainedModel.load(MODEL).card
        fits = (card.data_sha256, card.codebook_sha256) == current()
        raise SystemExit(0 if fits else "the file is stale: run python benchmarks/default_coder.py")
    if options.words:
        with UseEmbedder() as embedder:
            in_other_words(embedder)
        return
    with UseEmbedder() as embedder:
        model = make(embedder)
        base = built_in(embedder)
    MODEL.write_bytes(model.to_bytes())
    PAGE.write_text(page(model.card, base, MODEL.stat().st_size), encoding="utf-8")
    print(f"{MODEL}\n{PAGE}\n{model.card.macro_f1} {model.card.micro_f1}; built-in {base}")


if __name__ == "__main__":
    main()
