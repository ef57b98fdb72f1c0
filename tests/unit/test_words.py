"""Words of texts: what counts as one, which are kept, and what their weights learn."""

from collections import Counter

import numpy as np
import pytest

from qiutong.coders.words import Vocabulary, count_words, fit_words, score_words

NONE: Counter[str] = Counter()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red-teaming, red-teaming 2 AI a", {"red-teaming": 2, "ai": 1}),
        ("生成式人工", {"生成": 1, "成式": 1, "式人": 1, "人工": 1}),
        ("法", {"法": 1}),
        ("數據標識", {"数据": 1, "据标": 1, "标识": 1}),
        ("使用AI。水印，水印", {"使用": 1, "ai": 1, "水印": 2}),
        ("Все 2024 – ٣", {}),
        ("", {}),
    ],
)
def test_counts_words_of_both_languages(text: str, words: dict[str, int]) -> None:
    """English in lower case, Chinese in pairs within a run; digits and other scripts are none.

    Traditional characters count as simplified ones, of which the model has learned.
    """
    assert count_words(text) == words


def test_keeps_words_of_three_documents_not_of_three_texts() -> None:
    """A name that one document repeats is not kept, and rarity counts documents too."""
    counted = [Counter(one.split()) for one in
               ("common name", "common name", "common name pair", "common pair", "common")]  # fmt: skip
    alone = Vocabulary.learn(counted)
    owned = Vocabulary.learn(counted, ["a", "a", "a", "b", "c"])

    assert alone.words.tolist() == ["common", "name"]
    assert alone.rarity == pytest.approx([1, np.log(6 / 4) + 1])
    assert owned.words.tolist() == ["common"]
    assert owned.rarity == pytest.approx([1])


def test_words_stand_in_one_order() -> None:
    """Whatever the order of texts, and of words in them."""
    counted = [
        Counter(("b", "水印", "a")),
        Counter(("a", "b", "水印")),
        Counter(("水印", "b", "a")),
    ]

    assert Vocabulary.learn(counted).words.tolist() == ["a", "b", "水印"]


def test_weights_of_a_text_have_length_one() -> None:
    """A word said twice weighs more, a rare one too, and an unknown one nothing."""
    vocabulary = Vocabulary(np.array(["a", "b", "c"]), np.array([1.0, 2.0, 1.0]))
    places, weights = vocabulary.weigh(Counter({"c": 2, "b": 1, "unknown": 9}))
    places_of_none, weights_of_none = vocabulary.weigh(Counter({"unknown": 1}))

    assert places.tolist() == [2, 1]
    assert np.linalg.norm(weights) == pytest.approx(1)
    assert weights[0] / weights[1] == pytest.approx((1 + np.log(2)) / 2)
    assert len(places_of_none) == len(weights_of_none) == 0


def test_a_score_is_weights_times_words() -> None:
    """The same as with every word of every text written out."""
    vocabulary = Vocabulary(np.array(["a", "b", "c"]), np.array([1.0, 2.0, 1.5]))
    counted = [Counter({"c": 2, "a": 1}), NONE, Counter({"b": 1, "x": 4})]
    weights = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)

    assert score_words(vocabulary, weights, counted) == pytest.approx(
        written_out(vocabulary, counted) @ weights, abs=1e-6
    )


def written_out(vocabulary: Vocabulary, counted: list[Counter[str]]) -> np.ndarray:
    design = np.zeros((len(counted), len(vocabulary.words)))
    for row, words in enumerate(counted):
        for place, word in enumerate(vocabulary.words):
            if words[word]:
                design[row, place] = (1 + np.log(words[word])) * vocabulary.rarity[place]
    return design / np.maximum(np.linalg.norm(design, axis=1, keepdims=True), 1e-9)


def test_weights_are_those_of_the_least_loss() -> None:
    """At the optimum of a ridge logistic regression, nothing is gained by moving any weight."""
    random = np.random.default_rng(2)
    counted = [Counter(random.choice(list("abcdefgh"), size=4).tolist()) for _ in range(80)]
    given = np.array([[words["a"] > 0, words["b"] + words["c"] > 1] for words in counted])
    start = np.array([-1.0, -2.0], dtype=np.float32)
    vocabulary = Vocabulary.learn(counted)
    weights, level = fit_words(vocabulary, counted, given, start)

    design = np.hstack([written_out(vocabulary, counted), np.ones((80, 1))])
    both = np.vstack([weights, level])
    wrong = 1 / (1 + np.exp(-(design @ both + start))) - given
    assert np.abs(design.T @ wrong + both / 6).max() < 0.02
    assert np.abs(design.T @ (given.mean(axis=0) - given)).max() > 1
    score = score_words(vocabulary, weights, counted) + level + start
    assert ((score[:, 0] > 0) == given[:, 0]).all()
    assert vocabulary.words[weights[:, 0].argmax()] == "a"


def test_without_a_known_word_only_the_level_is_learned() -> None:
    """Texts too few or too different to share a word."""
    counted = [Counter([f"w{number}"]) for number in range(8)]
    given = np.arange(8)[:, None] < 6
    vocabulary = Vocabulary.learn(counted)
    weights, level = fit_words(vocabulary, counted, given, np.zeros(1, dtype=np.float32))

    assert vocabulary.words.shape == (0,)
    assert weights.shape == (0, 1)
    assert level[0] > 0
    assert score_words(vocabulary, weights, counted).tolist() == [[0.0]] * 8
