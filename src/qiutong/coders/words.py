"""Words of texts: what they are, how rare, and weights of codes learned from them.

Words see what sentence vectors blur, the terms of the field above all, in both languages: English
words as they stand, Chinese as pairs of neighbouring characters, so that nothing has to be segmented.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from qiutong.text import to_simplified

FEWEST = 3
"""A word of fewer documents is a name or a slip, and is not kept."""

_WORD = re.compile(r"[a-z][a-z-]+|[㐀-鿿]+")
_RIDGE = 1 / 6
_STEPS = 60


def count_words(text: str) -> Counter[str]:
    """Count the words of a text: lower-case English, and pairs of simplified Chinese characters."""
    counted: Counter[str] = Counter()
    for run in _WORD.findall(text.lower()):
        if run[0] >= "㐀":
            simple = to_simplified(run)
            counted.update(simple[at : at + 2] for at in range(max(len(simple) - 1, 1)))
        else:
            counted[run] += 1
    return counted


class Vocabulary:
    """Words that count, and how rare they are.

    Parameters
    ----------
    words
        The words, in order, ``(words,)``.
    rarity
        Weight of each, the logarithm of how few documents have it, ``(words,)``.
    """

    def __init__(self, words: np.ndarray, rarity: np.ndarray) -> None:
        self.words, self.rarity = words, rarity
        self.places = {word: place for place, word in enumerate(words.tolist())}

    @classmethod
    def learn(
        cls, counted: Sequence[Counter[str]], documents: Iterable[Hashable] | None = None
    ) -> "Vocabulary":
        """Keep the words of three documents or more.

        Parameters
        ----------
        counted
            Words of each text.
        documents
            Which document each text is of; one of its own if None.
        """
        owners = range(len(counted)) if documents is None else documents
        where: dict[str, set[Hashable]] = {}
        total = set()
        for words, owner in zip(counted, owners, strict=True):
            total.add(owner)
            for word in words:
                where.setdefault(word, set()).add(owner)
        known = sorted(word for word, found in where.items() if len(found) >= FEWEST)
        spread = np.array([len(where[word]) for word in known], dtype=np.float64)
        return cls(np.array(known, dtype=str), np.log((1 + len(total)) / (1 + spread)) + 1)

    def weigh(self, counted: Counter[str]) -> tuple[np.ndarray, np.ndarray]:
        """Weigh the words of a text by rarity and logarithmic count (TF-IDF).

        Returns
        -------
        places, weights : np.ndarray
            Of its known words; the weights have length one.
        """
        known = [
            (self.places[word], times) for word, times in counted.items() if word in self.places
        ]
        places = np.array([place for place, _ in known], dtype=np.int64)
        times = np.array([times for _, times in known], dtype=np.float64)
        weights = (1 + np.log(times)) * self.rarity[places]
        return places, (weights / max(float(np.linalg.norm(weights)), 1e-9)).astype(np.float32)


def score_words(
    vocabulary: Vocabulary, weights: np.ndarray, counted: Sequence[Counter[str]]
) -> np.ndarray:
    """Sum what the words of texts weigh for each code: ``(n, codes)``.

    ``weights`` is ``(words, codes)``.
    """
    score = np.zeros((len(counted), weights.shape[1]), dtype=np.float32)
    for row, words in enumerate(counted):
        places, values = vocabulary.weigh(words)
        score[row] = values @ weights[places]
    return score


def name_strongest(vocabulary: Vocabulary, weights: np.ndarray, counted: Counter[str]) -> str:
    """Words of a text that weigh most, at most three, for a memo; empty where none speaks for.

    ``weights`` is ``(words,)``.
    """
    places, values = vocabulary.weigh(counted)
    speak = values * weights[places]
    # Of equals the earlier in the vocabulary, whatever the order of the text.
    best = [one for one in np.lexsort((places, -speak))[:3] if speak[one] > 0]
    return f"; words: {', '.join(vocabulary.words[places[best]].tolist())}" if best else ""


def fit_words(
    vocabulary: Vocabulary, counted: Sequence[Counter[str]], given: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ridge logistic regression of all codes on weighed words.

    Parameters
    ----------
    vocabulary, counted
        Words of the texts learned from.
    given
        Whether a text has a code, ``(n, codes)``.
    start
        Log odds that a text has a code, whatever its words, ``(codes,)``.

    Returns
    -------
    weights, level : np.ndarray
        ``(words, codes)``, and what is added to ``start``, ``(codes,)``.
    """
    # Slow to import, and needed for learning only.
    from scipy.optimize import minimize
    from scipy.sparse import csr_array

    rows = [vocabulary.weigh(words) for words in counted]
    # The last column is the level.
    last = len(vocabulary.words)
    columns = np.concatenate([np.append(places, last) for places, _ in rows])
    values = np.concatenate([np.append(weights, np.float32(1)) for _, weights in rows])
    ends = np.cumsum([0, *(len(places) + 1 for places, _ in rows)])
    design = csr_array((values, columns, ends), shape=(len(rows), last + 1))
    turned = csr_array(design.T)
    target, begin = given.astype(np.float32), start.astype(np.float32)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(last + 1, -1).astype(np.float32)
        score = design @ weights + begin
        with np.errstate(over="ignore"):
            wrong = 1 / (1 + np.exp(-score)) - target
        missed = float((np.logaddexp(0, score) - target * score).sum(dtype=np.float64))
        slope = turned @ wrong + np.float32(_RIDGE) * weights
        return missed + _RIDGE / 2 * float(flat @ flat), slope.ravel().astype(np.float64)

    zero = np.zeros((last + 1) * given.shape[1])
    found = minimize(loss, zero, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    weights = found.x.reshape(last + 1, -1).astype(np.float32)
    return weights[:-1], weights[-1]
