"""Heads for whole documents, learned from tags that say what a document has, not where.

A tag of a document says that some provision has the code. So each code looks at its strongest
sentences. Two layers: one set of slopes shared by all codes, over how strongly a document's best
sentences speak for a code; and for each code a correction in the document's words and in all
codes' features, which grows with the number of documents that have the code. Rare codes keep to
what is shared. ``benchmarks/coding.py`` measures it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from qiutong.codebook import descendants
from qiutong.coders import trained
from qiutong.coders.builtin import _BATCH, BuiltinCoder, _Read
from qiutong.errors import UndefinedStatistic
from qiutong.model import Document, Segment

FEWEST_DOCUMENTS = 20
"""Fewer tagged documents leave too little to hold out."""

_FOLDS = 5
_STRONGEST = (1, 3, 8)
_DUTY = re.compile(r"\b(?:shall|must)\b|应当|必须|不得", re.IGNORECASE)
_WORD = re.compile(r"[a-z][a-z-]+|[㐀-鿿]+")
_LIMIT = 4.0
# Weights of what a correction is made of: words, all codes' features, the code's own features.
_WORDS, _WIDE, _OWN, _LEVEL = 6.0, 1.0, 0.3, 0.3


class DocumentFeatures(msgspec.Struct, frozen=True):
    """What is seen of documents.

    Parameters
    ----------
    own
        How each code's strongest sentences speak for it, ``(n, codes, features)``.
    wide
        Cues and likeness of all codes, and length, ``(n, features)``.
    words
        Number of each word of a document; of pairs of characters in Chinese.
    """

    own: np.ndarray
    wide: np.ndarray
    words: tuple[Counter[str], ...]

    def take(self, rows: np.ndarray) -> "DocumentFeatures":
        """Features of some documents, by place."""
        return DocumentFeatures(
            self.own[rows], self.wide[rows], tuple(self.words[row] for row in rows)
        )


class DocumentHeads(msgspec.Struct, frozen=True):
    """Learned heads; see :func:`learn_documents`.

    Parameters
    ----------
    probability_slope, probability_shift
        Platt scaling of each code's log odds.
    threshold
        Probability from which a document is said to have the code.
    """

    seen: DocumentFeatures
    fitted: "_Fitted"
    probability_slope: np.ndarray
    probability_shift: np.ndarray
    threshold: np.ndarray

    def probabilities(self, documents: DocumentFeatures) -> np.ndarray:
        """Calibrated probability that a document has a code, ``(n, codes)``."""
        score = _score(self.fitted, self.seen, documents)
        return trained._logistic(self.probability_slope * score + self.probability_shift)


def see_documents(
    eyes: BuiltinCoder,
    items: Iterable[tuple[Document, Sequence[Segment]]],
    base: trained.TrainedModel | None = None,
) -> DocumentFeatures:
    """Look at documents through a coder's codebook and vectors.

    Parameters
    ----------
    eyes
        Its codebook's codes are those learned; any coder on top of the built-in one will do.
    items
        Documents, each with its provisions.
    base
        A coder trained on coded provisions with the same codebook: what it says of each provision
        is a feature. It needs no tags of these documents.

    Returns
    -------
    DocumentFeatures
        A document without provisions has features too: the lowest of all.
    """
    book = eyes.codebook
    place = {code.id: index for index, code in enumerate(book.codes)}
    below = [[place[c.id], *(place[one] for one in descendants(book, c.id))] for c in book.codes]
    rows: list[np.ndarray | None] = []
    wide: list[np.ndarray] = []
    words: list[Counter[str]] = []
    waiting = []
    for document, segments in items:
        read = eyes._read(document, segments)
        waiting.append(read)
        wide.append(np.array([np.log1p(len(document.text)), np.log1p(len(read.sentences))]))
        words.append(_count(document.text))
        if sum(len(one.sentences) for one in waiting) >= _BATCH:
            rows += _look_at(eyes, waiting, base)
            waiting = []
    rows += _look_at(eyes, waiting, base)
    held = [row for row in rows if row is not None]
    if not held:
        raise UndefinedStatistic("none of the documents has a provision to look at")
    lowest = np.min(held, axis=0)
    plain = np.stack([lowest if row is None else row for row in rows])
    # A code's own features are the strongest among itself and the codes below it.
    own = np.stack([plain[:, group].max(axis=1) for group in below], axis=1)
    flat = plain.reshape(len(plain), -1)
    return DocumentFeatures(own, np.hstack([flat, np.stack(wide)]), tuple(words))


def learn_documents(seen: DocumentFeatures, given: np.ndarray) -> DocumentHeads:
    """Learn what documents have from tags.

    Parameters
    ----------
    seen
        Features of tagged documents.
    given
        Whether a document has a code, ``(n, codes)``, codes as in ``seen``.

    Returns
    -------
    DocumentHeads
        Thresholds and probabilities come from five folds of documents held out.

    Raises
    ------
    UndefinedStatistic
        Fewer than twenty documents.
    """
    count = len(given)
    if count < FEWEST_DOCUMENTS:
        raise UndefinedStatistic(
            f"{count} tagged documents: too few to learn from and hold some out. "
            f"At least {FEWEST_DOCUMENTS} are needed."
        )
    fold = np.random.default_rng(0).permutation(count) % _FOLDS
    held_out = np.zeros(given.shape)
    for number in range(_FOLDS):
        rest, there = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        part = seen.take(rest)
        held_out[there] = _score(_fit(part, given[rest]), part, seen.take(there))
    slope, shift, threshold = trained._decide(held_out, given)
    return DocumentHeads(seen, _fit(seen, given), slope, shift, threshold)


# ---------------------------------------------------------------------------- what is seen


def _look_at(
    eyes: BuiltinCoder, reads: Sequence[_Read], base: trained.TrainedModel | None
) -> list[np.ndarray | None]:
    return [
        None if seen is None else _look(seen, [one.text for one in read.sentences], base)
        for read, _, seen in trained._see(eyes, reads)
    ]


def _look(
    seen: "trained._Seen", texts: Sequence[str], base: trained.TrainedModel | None
) -> np.ndarray:
    """Features of one document, ``(codes, features)``."""
    sentences = seen.sentences
    has = (sentences.cues > 0).astype(np.float64)
    duty = np.array([bool(_DUTY.search(text)) for text in texts])[:, None]
    thousands = max(sum(map(len, texts)), 1) / 1000
    columns = [
        np.log1p(has.sum(axis=0)),
        np.log1p((has * duty).sum(axis=0)),
        np.sqrt(sentences.cues.sum(axis=0) / thousands),
        has.max(axis=0),
        _strongest(sentences.discriminant, 3),
        _strongest(sentences.plain, 3),
    ]
    if base is not None:
        score = 2 * trained._score(base.arrays, seen.pooled)
        share = trained._logistic(score / 2)
        columns += [_strongest(score, few) for few in _STRONGEST]
        columns += [np.log1p(share.sum(axis=0)), np.sqrt(share.mean(axis=0))]
    return np.stack(columns, axis=1)


def _strongest(values: np.ndarray, few: int) -> np.ndarray:
    few = min(few, len(values))
    return np.asarray(np.partition(values, -few, axis=0)[-few:].mean(axis=0))


def _count(text: str) -> Counter[str]:
    counted: Counter[str] = Counter()
    for run in _WORD.findall(text.lower()):
        if run[0] >= "㐀":
            counted.update(run[at : at + 2] for at in range(max(len(run) - 1, 1)))
        else:
            counted[run] += 1
    return counted


# ---------------------------------------------------------------------------- heads


class _Fitted(msgspec.Struct, frozen=True):
    """Numbers of the heads: scales, shared slopes, levels, vocabulary, and the corrections."""

    own_mean: np.ndarray
    own_scale: np.ndarray
    wide_mean: np.ndarray
    wide_scale: np.ndarray
    slopes: np.ndarray
    levels: np.ndarray
    rarity: dict[str, tuple[int, float]]
    corrections: np.ndarray


def _fit(seen: DocumentFeatures, given: np.ndarray) -> _Fitted:
    own_mean, own_scale = seen.own.mean(axis=0), seen.own.std(axis=0) + 1e-6
    wide_mean, wide_scale = seen.wide.mean(axis=0), seen.wide.std(axis=0)
    own = _scaled(seen.own, own_mean, own_scale)
    slopes, levels = _fit_shared(own, given)
    rarity = _know_words(seen)
    fitted = _Fitted(
        own_mean, own_scale, wide_mean, wide_scale, slopes, levels, rarity, np.empty((0, 0))
    )
    near = _kernel(fitted, seen, seen)
    corrections = np.zeros(given.shape)
    for code in range(given.shape[1]):
        kernel = near + _OWN * own[:, code] @ own[:, code].T / own.shape[2]
        start = own[:, code] @ slopes + levels[code]
        corrections[:, code] = _correct(kernel, given[:, code].astype(np.float64), start)
    return msgspec.structs.replace(fitted, corrections=corrections)


def _score(fitted: _Fitted, seen: DocumentFeatures, others: DocumentFeatures) -> np.ndarray:
    """Log odds of documents, from those the heads were learned from."""
    known = _scaled(seen.own, fitted.own_mean, fitted.own_scale)
    asked = _scaled(others.own, fitted.own_mean, fitted.own_scale)
    score = (
        asked @ fitted.slopes + fitted.levels + _kernel(fitted, others, seen) @ fitted.corrections
    )
    for code in range(score.shape[1]):
        own = asked[:, code] @ known[:, code].T / known.shape[2]
        score[:, code] += _OWN * own @ fitted.corrections[:, code]
    return np.asarray(score)


def _scaled(values: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip((values - mean) / np.maximum(scale, 1e-6), -_LIMIT, _LIMIT)


def _kernel(fitted: _Fitted, one: DocumentFeatures, other: DocumentFeatures) -> np.ndarray:
    """Likeness of documents in words and in all codes' features."""
    varied = fitted.wide_scale > 1e-6
    a, b = (
        _scaled(each.wide, fitted.wide_mean, fitted.wide_scale)[:, varied] for each in (one, other)
    )
    words = _weigh(fitted.rarity, one) @ _weigh(fitted.rarity, other).T
    return np.asarray(_WORDS * words + _WIDE * (a @ b.T) / max(int(varied.sum()), 1) + _LEVEL)


def _know_words(seen: DocumentFeatures) -> dict[str, tuple[int, float]]:
    """Place and rarity of the words that count."""
    spread: Counter[str] = Counter()
    for words in seen.words:
        spread.update(words.keys())
    # A word of fewer than three documents is a name or a slip.
    known = sorted(word for word, documents in spread.items() if documents >= 3)
    count = len(seen.words)
    return {
        word: (place, float(np.log((1 + count) / (1 + spread[word])) + 1))
        for place, word in enumerate(known)
    }


def _weigh(rarity: dict[str, tuple[int, float]], seen: DocumentFeatures) -> np.ndarray:
    """Unit vectors of words, TF-IDF with logarithmic counts."""
    weights = np.zeros((len(seen.words), max(len(rarity), 1)), dtype=np.float32)
    for row, words in enumerate(seen.words):
        for word, times in words.items():
            if word in rarity:
                place, rare = rarity[word]
                weights[row, place] = (1 + np.log(times)) * rare
    return weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-9)


def _fit_shared(own: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ridge logistic regression over document x code: slopes of all codes, a level for each."""
    target = given.astype(np.float64)
    share = (target.sum(axis=0) + 0.5) / (len(target) + 1)
    slopes, levels = np.zeros(own.shape[2]), np.log(share / (1 - share))
    penalty = 3.0
    for _ in range(20):
        probability = trained._logistic(own @ slopes + levels)
        curve = probability * (1 - probability) + 1e-6
        # A light pull of levels to the prior keeps codes that no document has finite.
        pull = 0.1
        down = np.einsum("nkf,nk->f", own, probability - target) + penalty * slopes
        down_level = (probability - target).sum(axis=0) + pull * (
            levels - np.log(share / (1 - share))
        )
        bend_level = curve.sum(axis=0) + pull
        mixed = np.einsum("nkf,nk->kf", own, curve)
        bend = np.einsum("nkf,nk,nkg->fg", own, curve, own, optimize=True)
        bend += penalty * np.eye(len(slopes)) - mixed.T @ (mixed / bend_level[:, None])
        step = np.linalg.solve(bend, down - mixed.T @ (down_level / bend_level))
        slopes = slopes - step
        levels = levels - (down_level - mixed @ step) / bend_level
        if float(np.abs(step).max()) < 1e-5:
            break
    return slopes, levels


def _correct(kernel: np.ndarray, target: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Kernel logistic regression on top of given log odds (Newton steps)."""
    weights, score = np.zeros(len(target)), start
    for _ in range(15):
        probability = trained._logistic(score)
        curve = np.maximum(probability * (1 - probability), 1e-4)
        working = score - start + (target - probability) / curve
        root = np.sqrt(curve)
        system = kernel * root[:, None] * root
        system.flat[:: len(target) + 1] += 1
        weights = root * np.linalg.solve(system, root * working)
        new = start + kernel @ weights
        moved = float(np.abs(new - score).max())
        score = new
        if moved < 1e-3:
            break
    return weights
