"""Sentence vectors: the small protocol coders need, the bundled offline model, and a cache.

The model is the multilingual Universal Sentence Encoder in plain numpy: 512 dimensions, sixteen
languages, no download. It ranks counterparts well and does not see negation; no cosine cut-off
separates equivalents from near misses, so callers rank and calibrate instead of comparing with a
fixed number.
"""

import contextlib
import hashlib
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np

# Enough that what repeats is worked out once for many, few enough that processes get equal shares.
_CHUNK = 128
# Starting a worker and loading the model into it costs about a second: below this many new
# sentences one process is quicker.
_FEWEST_FOR_PROCESSES = 600
# Characters after which a sentence is cut into windows for embedding. Legal lists run to thousands
# of characters in one sentence; the model averages over tokens, so one vector of all would say
# nothing. A window keeps time per sentence bounded as well.
_WINDOW = {"han": 200, "other": 600}
_DENSE = re.compile("[぀-鿿가-힣]")
_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns sentences into unit vectors.

    Attributes
    ----------
    name
        Names the model and what else decides the vectors; part of every cache key.
    dimensions
        Length of a vector.
    """

    name: str
    dimensions: int

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Give one unit vector per sentence, ``(n, dimensions)`` float32, in the order given."""
        ...


class VectorCache(Protocol):
    """Somewhere vectors are kept, by :func:`vector_key`."""

    def get(self, keys: Sequence[str]) -> dict[str, np.ndarray]:
        """Give the vectors held among ``keys``; those missing are left out."""
        ...

    def put(self, vectors: Mapping[str, np.ndarray]) -> None:
        """Keep vectors; a key already held may be written again with the same vector."""
        ...


def vector_key(sentence: str) -> str:
    """Key of a sentence in a :class:`VectorCache`: SHA-256 of its UTF-8 bytes, in hex."""
    return hashlib.sha256(sentence.encode("utf-8", "surrogatepass")).hexdigest()


class MemoryCache:
    """A :class:`VectorCache` that lasts as long as the process; also the public fake for tests."""

    def __init__(self) -> None:
        self.vectors: dict[str, np.ndarray] = {}

    def get(self, keys: Sequence[str]) -> dict[str, np.ndarray]:
        """Give the vectors held among ``keys``."""
        return {key: self.vectors[key] for key in keys if key in self.vectors}

    def put(self, vectors: Mapping[str, np.ndarray]) -> None:
        """Keep vectors."""
        self.vectors.update(vectors)


def embed_cached(
    embedder: Embedder, cache: VectorCache | None, sentences: Sequence[str]
) -> np.ndarray:
    """Embed sentences, taking from the cache what it holds and keeping there what is new.

    Parameters
    ----------
    embedder
        Makes the missing vectors.
    cache
        Where vectors are kept, or None.
    sentences
        Any number, repeats allowed.

    Returns
    -------
    numpy.ndarray
        Unit vectors, ``(len(sentences), embedder.dimensions)``, float32, in the order given.
    """
    if cache is None:
        return embedder.embed(sentences)
    keys = [vector_key(sentence) for sentence in sentences]
    held = dict(cache.get(list(dict.fromkeys(keys))))
    missing = {key: s for key, s in zip(keys, sentences, strict=True) if key not in held}
    if missing:
        made = embedder.embed(list(missing.values()))
        new = dict(zip(missing, made, strict=True))
        cache.put(new)
        held.update(new)
    out = np.empty((len(keys), embedder.dimensions), dtype=np.float32)
    for row, key in enumerate(keys):
        out[row] = held[key]
    return out


def start_embedding(embedder: Embedder, sentences: Sequence[str]) -> Callable[[], np.ndarray]:
    """Start on sentences where the embedder can.

    Parameters
    ----------
    embedder
        The bundled one lets its worker processes begin; another starts at the call.
    sentences
        Any number, repeats allowed.

    Returns
    -------
    callable
        Gives what :meth:`Embedder.embed` gives, and raises what it raises; to be called once.
    """
    if isinstance(embedder, UseEmbedder):
        return embedder.start(sentences)
    return partial(embedder.embed, sentences)


class UseEmbedder:
    """Universal Sentence Encoder, multilingual v3, offline in plain numpy.

    Parameters
    ----------
    processes
        Worker processes; 0 decides: one for small amounts, else one per core up to two. About 920
        sentences a second of processor time were measured in one process.

    Notes
    -----
    A sentence longer than 600 characters (200 where Han characters prevail) is embedded in windows,
    and its vector is the normalised mean of theirs. Vectors do not depend on the batch beyond
    rounding: differences stay below 1e-5. Repeated sentences are embedded once. The model loads on
    first use. Use as a context manager, or call :meth:`close`, to end the workers early; they end
    with the process in any case.
    """

    name = "use-multilingual-v3"
    dimensions = 512

    def __init__(self, processes: int = 0) -> None:
        if processes < 0:
            raise ValueError(f"processes is {processes}; give 0 to decide, or a count from 1")
        self.processes = processes
        self._workers: list[_Worker] = []
        self._closer: Any = None

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Give one unit vector per sentence, ``(n, 512)`` float32, in the order given."""
        return self.start(sentences)()

    def start(self, sentences: Sequence[str]) -> Callable[[], np.ndarray]:
        """Let the workers begin; the call given back takes its share and gives the vectors.

        Several may be under way; each is to be called once. One that is never called costs the
        workers its share; :meth:`close` ends it, and a call after that fails.
        """
        if isinstance(sentences, str):
            raise TypeError("embed takes a sequence of sentences, not one string")
        pieces: dict[str, int] = {}
        plan = [
            [pieces.setdefault(window, len(pieces)) for window in _windows(sentence)]
            for sentence in sentences
        ]
        finish = self._start_pieces(list(pieces))

        def vectors() -> np.ndarray:
            made = finish()
            out = np.empty((len(plan), self.dimensions), dtype=np.float32)
            for row, indices in enumerate(plan):
                out[row] = made[indices[0]] if len(indices) == 1 else made[indices].mean(axis=0)
            norms = np.linalg.norm(out, axis=1, keepdims=True)
            out /= np.where(norms > 0, norms, 1)
            return out

        return vectors

    def close(self) -> None:
        """End the worker processes; the next call starts new ones."""
        if self._closer is not None:
            self._closer()
        self._closer = None

    def __enter__(self) -> "UseEmbedder":
        """Give the embedder itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self.close()

    def _start_pieces(self, pieces: list[str]) -> Callable[[], np.ndarray]:
        # Equal lengths together: micro-batches fill evenly, and workers get equal shares.
        order = sorted(range(len(pieces)), key=lambda i: (len(pieces[i]), pieces[i]))
        chunks = [order[i : i + _CHUNK] for i in range(0, len(order), _CHUNK)]
        finish = self._start_chunks([[pieces[i] for i in chunk] for chunk in chunks])

        def vectors() -> np.ndarray:
            out = np.empty((len(pieces), self.dimensions), dtype=np.float32)
            for chunk, made in zip(chunks, finish(), strict=True):
                out[chunk] = made
            return out

        return vectors

    def _start_chunks(self, chunks: list[list[str]]) -> Callable[[], list[np.ndarray]]:
        """Embed chunks, where it pays, in worker processes, and at the call here as well."""
        count = sum(map(len, chunks))
        enough = count >= (_CHUNK if self._workers else _FEWEST_FOR_PROCESSES)
        helpers = (self.processes or min(2, _cores())) - 1
        if enough and helpers and not self._workers and sys.executable:
            self._workers = [_Worker() for _ in range(helpers)]
            self._closer = weakref.finalize(self, _close_all, self._workers)
        made: list[np.ndarray | None] = [None] * len(chunks)
        # Whoever is free takes the next chunk; the long sentences come first, so that nobody is
        # left waiting for them at the end.
        waiting = list(range(len(chunks)))
        failures: list[BaseException] = []

        def work(encode: Callable[[list[str]], np.ndarray]) -> None:
            while not failures:
                try:
                    index = waiting.pop()
                except IndexError:
                    return
                made[index] = encode(chunks[index])

        def work_apart(worker: "_Worker") -> None:
            try:
                work(worker.encode)
            except BaseException as error:
                failures.append(error)

        threads = [
            threading.Thread(target=work_apart, args=(worker,), daemon=True)
            for worker in (self._workers if enough else ())
        ]
        for thread in threads:
            thread.start()

        def finish() -> list[np.ndarray]:
            try:
                work(_encode)
                for thread in threads:
                    thread.join()
            except BaseException:
                # Ctrl-C: workers ignore it, so that this process alone decides and nothing hangs.
                failures.append(KeyboardInterrupt())
                self.close()
                raise
            if failures:
                self.close()
                raise failures[0]
            return [vectors for vectors in made if vectors is not None]

        return finish


class _Worker:
    """A second Python that embeds chunks sent through a pipe and ends when the pipe closes.

    ``multiprocessing`` would import the caller's script again in the worker: a ten-line script
    without a ``__main__`` guard, or a notebook, would break. A plain child process does not.
    """

    def __init__(self) -> None:
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        environment.update(dict.fromkeys(_THREAD_SETTINGS, "1"))
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from qiutong.coders.embed import _serve; _serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._asked = threading.Lock()

    def encode(self, texts: list[str]) -> np.ndarray:
        """Embed one chunk; a second thread waits."""
        asking, answering = self._process.stdin, self._process.stdout
        if asking is None or answering is None:
            raise RuntimeError("the embedding worker was started without pipes")
        body = json.dumps(texts).encode()
        size = len(texts) * UseEmbedder.dimensions * np.dtype("<f4").itemsize
        answer = b""
        # A worker that is gone refuses the question, or its answer ends too soon.
        with self._asked, contextlib.suppress(OSError, ValueError):
            asking.write(struct.pack("<Q", len(body)) + body)
            asking.flush()
            answer = answering.read(size)
        if len(answer) < size:
            self._process.kill()
            raise RuntimeError(
                f"an embedding worker ended early (exit status {self._process.wait()}). "
                "Try again with UseEmbedder(processes=1)."
            )
        return np.frombuffer(answer, dtype="<f4").reshape(len(texts), UseEmbedder.dimensions)

    def close(self) -> None:
        """End the worker, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was not yet sent is of no use now
                    pipe.close()


def _close_all(workers: list[_Worker]) -> None:
    while workers:
        workers.pop().close()


def _serve() -> None:
    """Embed chunks from standard input until it closes; the other end of :class:`_Worker`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := asked.read(8)) == 8:
        vectors = _encode(json.loads(asked.read(struct.unpack("<Q", head)[0])))
        answers.write(vectors.astype("<f4").tobytes())
        answers.flush()


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


_model: Any = None


def _encode(texts: list[str]) -> np.ndarray:
    """Embed in this process; one thread, because processes are what runs side by side."""
    global _model
    if _model is None:
        from qiutong.coders.sentences import SentenceModel

        _model = SentenceModel()
    return np.asarray(_model.encode(texts), dtype=np.float32)


def _windows(sentence: str) -> list[str]:
    """Cut an over-long sentence at a space or a comma into windows; a short one is its own."""
    text = sentence.strip()
    limit = _WINDOW["other"]
    if len(text) <= _WINDOW["han"]:
        return [text]
    sample = text[:400]
    if len(_DENSE.findall(sample)) * 3 > len(sample):
        limit = _WINDOW["han"]
    windows: list[str] = []
    while len(text) > limit:
        cut = max(text.rfind(mark, limit // 2, limit) for mark in " ，；、,;")
        cut = cut + 1 if cut > 0 else limit
        windows.append(text[:cut].strip())
        text = text[cut:].strip()
    if text:
        windows.append(text)
    return [window for window in windows if window] or [""]
