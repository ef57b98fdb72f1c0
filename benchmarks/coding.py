"""Measure coding: with tags, with few, with none; calibration, two languages, time.

Run from the repository's root: ``OMP_NUM_THREADS=1 python benchmarks/coding.py [--json FILE]
[--codes]`` (two threads on systems this small only wait for each other). It needs the real texts in
``../shared/data`` and changes nothing.

- *Tags*: AGORA's human tags of 419 ``dev`` documents, as in ``coder_quick.py``: codes with at least
  15 tagged documents, a child's tag counting for its parent.
- *Base*: the default coder, trained on the adjudicated readings of the bundled study and on invented
  sentences. It has seen no AGORA tag.
- *Supervised*: ``learn_documents`` in five folds. Thresholds and probabilities are chosen within
  the four folds learned from, in five folds of their own. Beside it TF-IDF with a balanced linear
  model and thresholds chosen the same way; the difference with a bootstrap interval over documents.
  Once more with three other ways of cutting the folds.
- *Few tags*: learned from 50, 100 and 200 documents drawn at random, measured on the others; mean
  of the draws.
- *No tags*: what the built-in coder and the base say of any provision. The score of a document is
  the highest confidence of its codings, 0 without one; the built-in coder's is no probability.
- *Two languages*: 132 provisions coded in Chinese and in English; Cohen's kappa of presence over
  provision x code, a child counting for its parent; interval over provisions drawn
  anew. The base was trained on digests of the same two Chinese texts; it is measured once more when
  trained without them.
"""

import argparse
import csv
import json
import platform
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import coder_quick
import default_coder
from qiutong.codebook import ancestors, descendants, load_codebook
from qiutong.coders import documents as heads
from qiutong.coders import trained
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.default import MODEL
from qiutong.coders.embed import MemoryCache, UseEmbedder, embed_cached
from qiutong.model import Document, Segment
from qiutong.segment import segment_document
from qiutong.text import normalize_text

FOLDS, RESAMPLES = 5, 1000
BOTH = ("cn-genai-measures-2023", "cn-framework-1-2024")  # what the parallel texts translate


class Remembering:
    """The bundled embedder; each sentence of the run is embedded once."""

    def __init__(self, embedder: UseEmbedder) -> None:
        self.name, self.dimensions = embedder.name, embedder.dimensions
        self._embedder, self._cache = embedder, MemoryCache()

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Give one unit vector per sentence."""
        return embed_cached(self._embedder, self._cache, sentences)


# ---------------------------------------------------------------------------- figures


def counts(true: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Hits, said and true by document and code, ``(3, n, codes)``."""
    return np.stack([true & said, said, true]).astype(np.float64)


def f1_of(sums: np.ndarray) -> np.ndarray:
    """F1 from hits, said and true; 0 where neither was said nor true."""
    return 2 * sums[0] / np.maximum(sums[1] + sums[2], 1)


def summary(true: np.ndarray, said: np.ndarray, probability: np.ndarray) -> dict:
    sums = counts(true, said).sum(axis=1)
    figures = {
        "macro_f1": float(f1_of(sums).mean()),
        "micro_f1": float(f1_of(sums.sum(axis=1))),
        "kappa": coder_quick.kappa(said.ravel(), true.ravel()),
    }
    low, high = np.quantile(resampled(true, said), (0.025, 0.975), axis=1)
    figures |= {
        "macro_f1_interval": [float(low[0]), float(high[0])],
        "micro_f1_interval": [float(low[1]), float(high[1])],
    }
    figures["map"] = float(
        np.mean(
            [trained.average_precision(true[:, k], probability[:, k]) for k in range(true.shape[1])]
        )
    )
    figures["ece"] = trained.calibration_error(probability, true)
    return figures


def resampled(true: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Macro and micro F1 with documents drawn anew, ``(2, RESAMPLES)``."""
    random = np.random.default_rng(0)
    drawn = random.multinomial(len(true), np.full(len(true), 1 / len(true)), RESAMPLES)
    sums = np.stack([drawn @ one for one in counts(true, said)])
    return np.stack([f1_of(sums).mean(axis=1), f1_of(sums.sum(axis=2))])


def show(name: str, figures: dict) -> None:
    line = f"  {name:34}"
    for key in ("macro_f1", "micro_f1"):
        line += f"{figures[key]:7.3f}"
        if f"{key}_interval" in figures:
            line += " [{:.3f}, {:.3f}]".format(*figures[f"{key}_interval"])
    for key in ("map", "ece"):
        line += f"{figures[key]:8.3f}" if key in figures else f"{'':8}"
    print(line, flush=True)


# ---------------------------------------------------------------------------- tags


def tags(book, rows) -> tuple[np.ndarray, list[int]]:
    place = {code.id: index for index, code in enumerate(book.codes)}
    plain = np.array(
        [
            [
                any(row[c].strip().lower() in ("true", "1") for c in code.agora)
                for code in book.codes
            ]
            for row in rows
        ]
    )
    below = [[place[c.id], *(place[one] for one in descendants(book, c.id))] for c in book.codes]
    true = np.stack([plain[:, group].any(axis=1) for group in below], axis=1)
    kept = [
        k for k, c in enumerate(book.codes) if c.agora and true[:, k].sum() >= coder_quick.FEWEST
    ]
    return true, kept


def learned(seen: heads.DocumentFeatures, true: np.ndarray, rest, there):
    model = heads.learn_documents(seen.take(rest), true[rest])
    probability = model.probabilities(seen.take(there))
    return probability, probability >= model.threshold


def words_only(seen, true: np.ndarray, rest, there, fit: Callable | None = None):
    """TF-IDF, a balanced linear model for each code, thresholds from inner folds."""
    fit = fit or fit_words
    part, asked = seen.take(rest), seen.take(there)
    inner = np.random.default_rng(0).permutation(len(rest)) % FOLDS
    held_out = np.zeros((len(rest), true.shape[1]))
    for number in range(FOLDS):
        a, b = np.flatnonzero(inner != number), np.flatnonzero(inner == number)
        held_out[b] = fit(part.take(a), true[rest][a], part.take(b))
    slope, shift, threshold = heads.decide_documents(held_out, true[rest])
    score = fit(part, true[rest], asked)
    probability = trained.logistic(slope * score + shift)
    return probability, probability >= threshold


def fit_words(seen: heads.DocumentFeatures, true: np.ndarray, asked) -> np.ndarray:
    frame = heads._frame(seen)
    a, b = (heads._scale(frame, one)[2] for one in (seen, asked))
    near, score = a @ a.T + 1.0, np.zeros((len(b), true.shape[1]))
    count = len(true)
    for code in range(true.shape[1]):
        has = int(true[:, code].sum())
        if 0 < has < count:
            weight = 5 * np.where(true[:, code], count / (2 * has), count / (2 * (count - has)))
            score[:, code] = (b @ a.T + 1.0) @ fit_balanced(near, true[:, code], weight)
    return score


def fit_balanced(kernel: np.ndarray, true: np.ndarray, weight: np.ndarray) -> np.ndarray:
    target, score = true.astype(np.float64), np.zeros(len(true))
    for _ in range(12):
        probability = trained.logistic(score)
        curve = np.maximum(probability * (1 - probability), 1e-4)
        root = np.sqrt(weight * curve)
        system = kernel * root[:, None] * root
        system.flat[:: len(true) + 1] += 1
        alpha = root * np.linalg.solve(system, root * (score + (target - probability) / curve))
        score = kernel @ alpha
    return alpha


def crossed(how: Callable, seen: heads.DocumentFeatures, true: np.ndarray, cut: int = 0):
    fold = np.random.default_rng(cut).permutation(len(true)) % FOLDS
    probability, said = np.zeros(true.shape), np.zeros(true.shape, dtype=bool)
    for number in range(FOLDS):
        rest, there = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        probability[there], said[there] = how(seen, true, rest, there)
    return probability, said


def few(seen: heads.DocumentFeatures, true: np.ndarray, count: int, draws: int) -> dict:
    figures = []
    for draw in range(draws):
        order = np.random.default_rng(draw).permutation(len(true))
        rest, there = order[:count], order[count:]
        probability, said = learned(seen, true, rest, there)
        figures.append(summary(true[there], said, probability))
    return {
        key: float(np.mean([one[key] for one in figures]))
        for key in ("macro_f1", "micro_f1", "map", "ece")
    }


# ---------------------------------------------------------------------------- no tags


def said_by(coder: BuiltinCoder, book, work) -> np.ndarray:
    """Highest confidence with which a provision of a document was given a code, or one below it."""
    place = {code.id: index for index, code in enumerate(book.codes)}
    above = {
        c.id: [place[c.id], *(place[one] for one in ancestors(book, c.id))] for c in book.codes
    }
    said = np.zeros((len(work), len(place)))
    for number, (_, found) in enumerate(coder.code_documents(iter(work))):
        for one in found:
            here = above[one.code]
            said[number, here] = np.maximum(said[number, here], one.confidence)
    return said


def parity(coder: BuiltinCoder, book) -> list[float]:
    """Kappa of a coder with itself across the languages, and its 95 % interval over provisions."""
    with (coder_quick.DATA / "parallel" / "policy_zh_en.tsv").open(encoding="utf-8") as file:
        pairs = list(csv.DictReader(file, delimiter="\t"))
    place = {code.id: index for index, code in enumerate(book.codes)}
    above = {
        c.id: [place[c.id], *(place[one] for one in ancestors(book, c.id))] for c in book.codes
    }
    both = []
    for language in ("zh", "en"):
        has = np.zeros((len(pairs), len(place)), dtype=bool)
        for name in dict.fromkeys(pair["zh_file"] for pair in pairs):
            text, segments = "", []
            for number, pair in enumerate(pairs):
                if pair["zh_file"] != name:
                    continue
                body, start = normalize_text(pair[language]), len(text)
                text += body + "\n\n"
                segments.append(
                    Segment(
                        id=str(number), document=name, locator=str(number), start=start,
                        end=start + len(body), text=body, language=language,
                    )
                )  # fmt: skip
            document = Document(id=name, party="x", title=name, text=text, language=language)
            for _, found in coder.code_documents([(document, segments)]):
                for one in found:
                    has[int(one.segment), above[one.code]] = True
        both.append(has)
    zh, en = both
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(pairs), (RESAMPLES, len(pairs)))
    again = [coder_quick.kappa(zh[rows].ravel(), en[rows].ravel()) for rows in drawn]
    low, high = np.quantile(again, (0.025, 0.975))
    return [coder_quick.kappa(zh.ravel(), en.ravel()), float(low), float(high)]


# ---------------------------------------------------------------------------- the whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file")
    parser.add_argument("--codes", action="store_true", help="a line for each code")
    options = parser.parse_args()
    if not coder_quick.DATA.exists():
        raise SystemExit(f"{coder_quick.DATA} is missing: this benchmark needs the real texts")
    print(f"{platform.platform()}, Python {platform.python_version()}")
    with UseEmbedder() as bundled:
        result = measure(Remembering(bundled), options.codes)
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure(embedder: Remembering, show_codes: bool) -> dict:
    book = load_codebook("ai-governance")
    rows, these = zip(*coder_quick.documents("dev"), strict=True)
    work = [(document, segment_document(document)) for document in these]
    provisions = sum(len(segments) for _, segments in work)
    every, kept = tags(book, rows)
    true = every[:, kept]
    print(f"{len(rows)} documents, {provisions} provisions, {len(kept)} codes, {true.sum()} tags")
    result: dict = {"zero_shot": {}, "few_shot": {}}

    started = time.perf_counter()
    base = trained.TrainedModel.load(MODEL)
    without = default_coder.make(embedder, leave_out=BOTH)
    seconds = {"train a base": time.perf_counter() - started}
    coder = trained.TrainedCoder(book, base, embedder)
    eyes = BuiltinCoder(book, embedder)
    started = time.perf_counter()
    built_in = said_by(eyes, book, work)[:, kept]
    seconds["built-in, embedding too"] = time.perf_counter() - started
    started = time.perf_counter()
    by_base = said_by(coder, book, work)[:, kept]
    seconds["base, embedded already"] = time.perf_counter() - started
    started = time.perf_counter()
    seen = heads.see_documents(eyes, work, base).only(np.array(kept))
    seconds["look at documents"] = time.perf_counter() - started

    print(f"  {'':34}{'macro F1':>23}{'micro F1':>23}{'mAP':>8}{'ECE':>8}")
    print("No tags")
    for name, said in (("built-in coder", built_in), ("default coder", by_base)):
        result["zero_shot"][name] = summary(true, said > 0, said)
        show(name, result["zero_shot"][name])
    result["zero_shot"] |= result["zero_shot"]["default coder"]

    print("Supervised, five folds")
    started = time.perf_counter()
    probability, said = crossed(learned, seen, true)
    seconds["supervised, 30 fits"] = time.perf_counter() - started
    result["supervised"] = summary(true, said, probability)
    show("learn_documents", result["supervised"])
    words_probability, words_said = crossed(words_only, seen, true)
    result["tfidf"] = summary(true, words_said, words_probability)
    show("TF-IDF", result["tfidf"])
    gap = resampled(true, said) - resampled(true, words_said)
    for place, key in enumerate(("macro_f1", "micro_f1")):
        low, high = np.quantile(gap[place], (0.025, 0.975))
        difference = result["supervised"][key] - result["tfidf"][key]
        result["supervised"][f"{key}_over_tfidf"] = [difference, float(low), float(high)]
        print(f"  difference in {key}: {difference:+.3f} [{low:+.3f}, {high:+.3f}]")
    cuts = []
    for cut in (1, 2, 3):
        other, given = crossed(learned, seen, true, cut)
        cuts.append(summary(true, given, other))
        show(f"folds cut otherwise ({cut})", cuts[-1])
    keys = ("macro_f1", "micro_f1", "map", "ece")
    every_cut = [result["supervised"], *cuts]
    result["four_cuts"] = {key: float(np.mean([one[key] for one in every_cut])) for key in keys}
    show("mean of the four cuts", result["four_cuts"])
    for dimension in book.dimensions:
        group = [i for i, k in enumerate(kept) if book.codes[k].dimension == dimension]
        show(f"{dimension}: {len(group)} codes",
             summary(true[:, group], said[:, group], probability[:, group]))  # fmt: skip

    print("Few tags")
    for count, draws in ((50, 3), (100, 2), (200, 2)):
        result["few_shot"][count] = few(seen, true, count, draws)
        show(f"{count} documents, {draws} draws", result["few_shot"][count])

    print("Selective: cells with a probability, of all; how many of them have the code")
    result["selective"] = {}
    for least in (0.9, 0.8, 0.7, 0.6, 0.5):
        sure = probability >= least
        result["selective"][f">={least}"] = [float(sure.mean()), float(true[sure].mean())]
    for most in (0.1, 0.05, 0.02):
        sure = probability < most
        result["selective"][f"<{most}"] = [float(sure.mean()), float(true[sure].mean())]
    for name, (share, right) in result["selective"].items():
        print(f"  {name:8}{share:7.1%} of cells, {right:6.1%} have it")

    print("Two languages: kappa over provision x code, of each coder with itself")
    for name, one, key in (
        ("built-in", eyes, "parity_kappa_built_in"),
        ("default", coder, "parity_kappa"),
        ("default, without these texts", trained.TrainedCoder(book, without, embedder),
         "parity_kappa_without"),
    ):  # fmt: skip
        found = parity(one, book)
        result[key], result[f"{key}_interval"] = found[0], found[1:]
        print("  {:34}{:7.3f} [{:.3f}, {:.3f}]".format(name, *found))
    print("Seconds: " + ", ".join(f"{name} {value:.0f}" for name, value in seconds.items()))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result["seconds"], result["peak_memory_mb"], result["provisions"] = seconds, memory, provisions
    print(f"Peak memory: {memory:.0f} MB here")
    if show_codes:
        for i, k in enumerate(kept):
            one = summary(true[:, [i]], said[:, [i]], probability[:, [i]])
            show(f"{book.codes[k].id[:28]} {true[:, i].sum():4}", one)
    return result


if __name__ == "__main__":
    main()
