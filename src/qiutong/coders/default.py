"""The coder that comes with Qiutong: a model learned from the bundled study, in one file.

``python benchmarks/default_coder.py`` makes the file again. ``docs/reference/default-coder.md`` is
its card.
"""

import csv
from functools import cache as remember
from pathlib import Path

import msgspec

from qiutong.codebook import BUNDLED
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.embed import Embedder, VectorCache
from qiutong.coders.trained import Example, TrainedCoder, TrainedModel, codebook_sha256
from qiutong.model import Codebook, Coder, CoderKind

MODEL = Path(__file__).parent / "default.npz"
"""The model of the bundled codebook."""

EXAMPLES = BUNDLED / "ai-governance.examples.csv"
"""Invented provisions with their codes, each in English and in Chinese."""


def default_coder(
    codebook: Codebook, embedder: Embedder | None = None, *, cache: VectorCache | None = None
) -> BuiltinCoder:
    """Give the default coder; for a codebook it was not trained with, the built-in one under its id.

    Parameters
    ----------
    codebook
        Any codebook.
    embedder, cache
        As for :class:`~qiutong.coders.builtin.BuiltinCoder`.

    Returns
    -------
    BuiltinCoder
        A :class:`~qiutong.coders.trained.TrainedCoder` where the codebook is the bundled one.
    """
    if knows_codebook(codebook):
        trained = TrainedCoder(codebook, default_model(), embedder, cache=cache, identity="default")
        trained.coder = msgspec.structs.replace(trained.coder, description=_ABOUT)
        return trained
    coder = BuiltinCoder(codebook, embedder, cache=cache)
    coder.coder = Coder(
        id="default",
        kind=CoderKind.RULE,
        version=f"builtin {coder.coder.version}",
        description=(
            "The built-in coder: the default model knows the bundled codebook only.\n"
            "即内置编码程序：默认模型只适用于随附的编码表。"
        ),
    )
    return coder


def knows_codebook(codebook: Codebook) -> bool:
    """Whether the default model was trained with this codebook, word for word."""
    return default_model().card.codebook_sha256 == codebook_sha256(codebook)


def load_examples() -> tuple[Example, ...]:
    """Read the invented provisions that the default model learned from besides the study."""
    with EXAMPLES.open(encoding="utf-8", newline="") as file:
        return tuple(
            Example(
                text=row[language],
                language=language,
                codes=tuple(one for one in row["codes"].split(";") if one),
            )
            for row in csv.DictReader(file)
            for language in ("en", "zh")
        )


_ABOUT = (
    "Learned from the bundled study's codings, which a large language model made, and from invented "
    "examples.\n由随附研究的编码（大语言模型所作）及自拟例句训练而成。"
)


@remember
def default_model() -> TrainedModel:
    """Give the model of the bundled codebook."""
    return TrainedModel.load(MODEL)
