"""Heads learned from tags of whole documents: what they learn, and what they refuse."""

import numpy as np
import pytest

from qiutong.coders import documents
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.documents import (
    FEWEST_DOCUMENTS,
    decide_documents,
    learn_documents,
    see_documents,
)
from qiutong.coders.trained import average_precision, train_coder
from qiutong.errors import UndefinedStatistic
from qiutong.model import Document, Segment

from .test_trained_coder import BOOK, CODES, ITEMS, SAID, WordEmbedder

PLACE = {code.id: index for index, code in enumerate(BOOK.codes)}
EYES = BuiltinCoder(BOOK, WordEmbedder())


def tagged(count: int = 60) -> tuple[list[tuple[Document, list[Segment]]], np.ndarray]:
    """Documents of some of the invented provisions, and what each has; nobody says where."""
    random = np.random.default_rng(3)
    items, given = [], np.zeros((count, len(PLACE)), dtype=bool)
    for number in range(count):
        language = ("en", "zh")[number % 2]
        text, segments = "", []
        for code, lines in SAID[language].items():
            if code and random.random() < 0.5:
                continue
            line = lines[int(random.integers(len(lines)))]
            start, text = len(text), f"{text}{line}\n"
            segments.append(
                Segment(
                    id=f"t{number}:{start}", document=f"t{number}", locator=str(start),
                    start=start, end=start + len(line), text=line, language=language,
                )
            )  # fmt: skip
            if code:
                given[number, PLACE[code]] = True
        given[number, PLACE["d.tests"]] |= given[number, PLACE["d.tests.outside"]]
        document = Document(
            id=f"t{number}", party="x", title=f"t{number}", text=text, language=language
        )
        items.append((document, segments))
    return items, given


DOCUMENTS, GIVEN = tagged()
LEARNED, ASKED = np.arange(44), np.arange(44, 60)
SEEN = see_documents(EYES, DOCUMENTS)


def test_learns_what_documents_have_from_tags_alone() -> None:
    """Documents not seen in training are ranked almost as people would, cue or no cue."""
    heads = learn_documents(SEEN.take(LEARNED), GIVEN[LEARNED])
    probability = heads.probabilities(SEEN.take(ASKED))

    assert probability.min() >= 0
    assert probability.max() <= 1
    for code in ("d.marks", "d.tests", "d.tests.outside"):
        ranked = average_precision(GIVEN[ASKED, PLACE[code]], probability[:, PLACE[code]])
        cued = SEEN.own[ASKED, PLACE[code], 0]
        assert ranked >= average_precision(GIVEN[ASKED, PLACE[code]], cued)
        assert ranked > 0.9


def test_a_code_without_tags_is_never_said() -> None:
    """There is nothing to choose a threshold from."""
    heads = learn_documents(SEEN.take(LEARNED), GIVEN[LEARNED])

    assert not GIVEN[:, PLACE["d.rare"]].any()
    assert heads.threshold[PLACE["d.rare"]] > 1


def test_the_same_tags_give_the_same_probabilities() -> None:
    """Nothing is random, and a document's probability does not depend on those beside it."""
    one, two = (learn_documents(SEEN.take(LEARNED), GIVEN[LEARNED]) for _ in range(2))
    together = one.probabilities(SEEN.take(ASKED))
    alone = np.vstack([two.probabilities(SEEN.take(ASKED[[n]])) for n in range(len(ASKED))])

    assert np.allclose(together, alone, atol=1e-6)


def test_weights_say_what_likeness_to_the_learned_documents_would() -> None:
    """No document need be kept: scores from weights are those from all the learned documents."""
    part, asked, given = SEEN.take(LEARNED), SEEN.take(ASKED), GIVEN[LEARNED]
    arrays = documents._fit(part, given)
    (own, wide, words), (own_, wide_, words_) = (
        documents._scale(arrays, one) for one in (part, asked)
    )
    slopes, levels = documents._fit_shared(own, given)
    alike = documents._alike(given)

    def correction(own_a: np.ndarray, wide_a: np.ndarray, words_a: np.ndarray) -> np.ndarray:
        near = documents._WIDE * wide_a @ wide.T + documents._WORDS * words_a @ words.T
        alone = np.einsum("akf,bkf,bk->ak", own_a, own, weights) / own.shape[2]
        return (near + documents._LEVEL) @ weights @ alike + documents._OWN * alone

    near = documents._WIDE * wide @ wide.T + documents._WORDS * words @ words.T + documents._LEVEL
    weights = documents._correct(near, own, alike, given, own @ slopes + levels)
    # The highest penalised likelihood: a document weighs as much as it is not yet explained.
    known = own @ slopes + levels + correction(own, wide, words)
    assert np.allclose(weights, given - 1 / (1 + np.exp(-known)), atol=1e-3)

    wanted = own_ @ slopes + levels + correction(own_, wide_, words_)
    assert np.allclose(documents._score(arrays, asked), wanted, atol=1e-4)


def test_codes_of_the_same_documents_share_corrections() -> None:
    """Tags that go together are alike, tags that exclude each other unlike, a lone one neither."""
    given = np.array(
        [[1, 1, 0, 0, 0], [1, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 0]], dtype=bool
    )
    alike = documents._alike(given)

    share = documents._TOGETHER
    assert alike[0, 1] == pytest.approx(share, abs=1e-4)
    assert alike[0, 2] == pytest.approx(-share, abs=1e-4)
    assert alike[0, 3] == pytest.approx(0)
    assert alike[4] == pytest.approx([0, 0, 0, 0, 1 - share])


def test_probabilities_are_right_over_all_codes_and_keep_the_order_of_scores() -> None:
    """One slope and one shift, so that no code is bent by the luck of its few documents."""
    random = np.random.default_rng(0)
    true = random.normal(-1, 2, (400, 5))
    given = random.random(true.shape) < 1 / (1 + np.exp(-true))
    given[:, 4] = False

    slope, shift, threshold = decide_documents(3 * true + 1, given)

    assert len(set(slope)) == len(set(shift)) == 1
    assert slope[0] == pytest.approx(1 / 3, abs=0.04)
    assert shift[0] == pytest.approx(-1 / 3, abs=0.15)
    assert ((threshold[:4] > 0.2) & (threshold[:4] < 0.5)).all()
    assert threshold[4] > 1


def test_nothing_to_decide_from_gives_nothing() -> None:
    """All documents have the one code, none the other: neither is ever given."""
    given = np.tile([True, False], (30, 1))

    _, _, threshold = decide_documents(np.zeros(given.shape), given)

    assert (threshold > 1).all()


def test_a_trained_coder_adds_what_it_says_of_provisions() -> None:
    """With a base there are more features, and those without it stay what they were."""
    base = train_coder(BOOK, ITEMS, CODES, trained_on="ann", embedder=WordEmbedder())
    more = see_documents(EYES, DOCUMENTS, base)

    width = SEEN.own.shape[2]
    assert more.own.shape[2] > width
    assert np.allclose(more.own[:, :, :width], SEEN.own)


def test_a_document_without_provisions_is_lowest() -> None:
    """It has a row of features, none of them above those of any other document."""
    empty = Document(id="empty", party="x", title="empty", text="", language="en")
    seen = see_documents(EYES, [*DOCUMENTS[:5], (empty, [])])

    assert (seen.own[5] <= seen.own[:5].min(axis=0)).all()


def test_too_little_is_refused() -> None:
    """Nineteen documents, and documents with nothing in them."""
    rows = np.arange(FEWEST_DOCUMENTS - 1)
    with pytest.raises(UndefinedStatistic, match="19 tagged documents"):
        learn_documents(SEEN.take(rows), GIVEN[rows])
    empty = Document(id="empty", party="x", title="empty", text="", language="en")
    with pytest.raises(UndefinedStatistic, match="provision to look at"):
        see_documents(EYES, [(empty, [])])
