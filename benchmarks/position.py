"""Measure how well the rules tell what a provision does about its subject.

Run from the repository's root: ``python benchmarks/position.py [--json FILE] [--errors]``. It needs
nothing but the two labelled lists, ``tests/unit/position_set.en.yaml`` and ``….zh.yaml``, and takes
a few seconds.

Each list is split in two halves. On the *mending* half rules may be changed; ``--errors`` prints
what they get wrong there. The *held-out* half is only counted: its mistakes are never printed, so
that nobody mends rules on it. Negation pairs are no sample and are counted by themselves.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from qiutong.model import Position
from qiutong.position import classify_position

LISTS = Path(__file__).parents[1] / "tests" / "unit"
LANGUAGES = ("en", "zh")
POSITIONS = [position.value for position in Position]
SEED = 20250120
DRAWS = 10_000


class Provision(NamedTuple):
    """One labelled provision, and what the rules say of it."""

    text: str
    label: str
    found: str
    kind: str
    arguable: bool
    held_out: bool


def read_list(language: str) -> dict[str, Any]:
    """Read the labelled list of a language."""
    path = LISTS / f"position_set.{language}.yaml"
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def is_held_out(text: str) -> bool:
    """Whether a provision belongs to the half that no rule is mended on.

    The half depends on the seed and the text alone, so that a provision once held out stays so
    when the list grows, and a sentence asked about in two places lies in one half.
    """
    plain = text.replace("⟦", "").replace("⟧", "")
    return hashlib.sha256(f"{SEED} {plain}".encode()).digest()[0] % 2 == 1


def judge(language: str) -> list[Provision]:
    """Run the rules on every labelled provision of a language."""
    rows = []
    for label, kinds in read_list(language)["provisions"].items():
        for kind, entries in kinds.items():
            for entry in entries:
                one = {"text": entry} if isinstance(entry, str) else entry
                marked, evidence = one["text"], None
                if "⟦" in marked:
                    start, end = marked.index("⟦"), marked.index("⟧") - 1
                    evidence = (start, end)
                text = marked.replace("⟦", "").replace("⟧", "")
                lead_in = one.get("lead_in", "")
                found = classify_position(text, language, lead_in, evidence=evidence)
                shown = f"{lead_in} | {marked}" if lead_in else marked
                rows.append(
                    Provision(shown, label, found.value, kind, "note" in one, is_held_out(text))
                )
    return rows


def judge_pairs(language: str) -> list[tuple[str, str, str]]:
    """Give every sentence of the negation pairs, its label, and what the rules say."""
    return [
        (sentence, label, classify_position(sentence, language).value)
        for pair in read_list(language)["pairs"]
        for sentence, label in (pair[:2], pair[2:])
    ]


def accuracy(rows: Sequence[Provision]) -> float:
    """Share of provisions that get their label; NaN where there are none."""
    return sum(row.label == row.found for row in rows) / len(rows) if rows else float("nan")


def measure(rows: Sequence[Provision]) -> dict[str, Any]:
    """Accuracy with its interval, and for each position precision, recall, F1; the confusions.

    The interval is the 2.5th to 97.5th percentile of accuracies of lists drawn with replacement,
    where a sentence asked about in two places is drawn as one.
    """
    sentences: dict[str, list[bool]] = {}
    for row in rows:
        plain = row.text.replace("⟦", "").replace("⟧", "")
        sentences.setdefault(plain, []).append(row.label == row.found)
    right = np.array([sum(hits) for hits in sentences.values()])
    asked = np.array([len(hits) for hits in sentences.values()])
    draws = np.random.default_rng(SEED).integers(len(right), size=(DRAWS, len(right)))
    shares = right[draws].sum(axis=1) / asked[draws].sum(axis=1)
    confusion = {
        label: {
            found: sum(row.label == label and row.found == found for row in rows)
            for found in POSITIONS
        }
        for label in POSITIONS
    }
    by_position = {}
    for name in POSITIONS:
        hit = confusion[name][name]
        labelled = sum(confusion[name].values())
        given = sum(confusion[label][name] for label in POSITIONS)
        by_position[name] = {
            "labelled": labelled,
            "precision": hit / given if given else None,
            "recall": hit / labelled if labelled else None,
            "f1": 2 * hit / (given + labelled) if given + labelled else None,
        }
    scores = [one["f1"] for one in by_position.values() if one["f1"] is not None]
    return {
        "provisions": len(rows),
        "accuracy": accuracy(rows),
        "interval": [float(bound) for bound in np.percentile(shares, [2.5, 97.5])],
        "accuracy_without_arguable": accuracy([row for row in rows if not row.arguable]),
        "arguable": sum(row.arguable for row in rows),
        "macro_f1": sum(scores) / len(scores),
        "by_position": by_position,
        "confusion": confusion,
    }


def report(language: str) -> dict[str, Any]:
    """Measure both halves and the pairs of a language."""
    rows, pairs = judge(language), judge_pairs(language)
    return {
        "mending": measure([row for row in rows if not row.held_out]),
        "held_out": measure([row for row in rows if row.held_out]),
        "pairs": len(pairs) // 2,
        "pairs_accuracy": sum(label == found for _, label, found in pairs) / len(pairs),
    }


def show(language: str, result: dict[str, Any]) -> None:
    for half in ("mending", "held_out"):
        one = result[half]
        low, high = one["interval"]
        print(
            f"{language} {half}: {one['provisions']} provisions, accuracy {one['accuracy']:.1%} "
            f"({low:.1%} to {high:.1%}), macro-F1 {one['macro_f1']:.3f}, without the "
            f"{one['arguable']} arguable {one['accuracy_without_arguable']:.1%}"
        )
    one = result["held_out"]
    print(f"{'':12}{'labelled':>9}{'precision':>10}{'recall':>8}   found as " + " ".join(POSITIONS))
    for name, row in one["by_position"].items():
        cells = [
            "-" if row[column] is None else f"{row[column]:.2f}"
            for column in ("precision", "recall")
        ]
        counts = " ".join(f"{one['confusion'][name][found]:>{len(found)}}" for found in POSITIONS)
        print(f"{name:12}{row['labelled']:>9}{cells[0]:>10}{cells[1]:>8}{'':12}{counts}")
    print(f"{language} negation pairs: {result['pairs']}, {result['pairs_accuracy']:.1%} right\n")


def show_errors(language: str) -> None:
    """Print the mistakes in the mending half and in the pairs; never those held out."""
    for row in judge(language):
        if not row.held_out and row.label != row.found:
            print(f"{language} {row.kind}: {row.label} read as {row.found}: {row.text}")
    for sentence, label, found in judge_pairs(language):
        if label != found:
            print(f"{language} pair: {label} read as {found}: {sentence}")


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    reader.add_argument("--errors", action="store_true", help="print mistakes of the mending half")
    asked = reader.parse_args()
    results = {language: report(language) for language in LANGUAGES}
    for language, result in results.items():
        show(language, result)
        if asked.errors:
            show_errors(language)
    if asked.json is not None:
        asked.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
