"""Force and polarity by rules: labelled lists in both languages, and the hard cases one by one."""

from pathlib import Path

import pytest
import yaml

from qiutong.model import Position
from qiutong.position import classify_position

SENTENCES = yaml.safe_load(
    (Path(__file__).parent / "position_sentences.yaml").read_text(encoding="utf-8")
)
PLAIN = [position.value for position in Position]


def judged(language: str) -> list[tuple[str, str, str]]:
    """Every labelled sentence of a language: what it is, the label, what the rules say."""
    lists = SENTENCES[language]
    rows = [
        (sentence, label, classify_position(sentence, language).value)
        for label in PLAIN
        for sentence in lists[label]
    ]
    rows += [
        (f"{lead} {item}", label, classify_position(item, language, lead).value)
        for lead, item, label in lists["lead_in"]
    ]
    for sentence, words, label in lists["evidence"]:
        start = sentence.index(words)
        found = classify_position(sentence, language, evidence=(start, start + len(words)))
        rows.append((f"{sentence} [{words}]", label, found.value))
    return rows


@pytest.mark.parametrize("language", ["en", "zh"])
def test_list_is_large_and_free_of_repeats(language: str) -> None:
    """At least 120 different sentences a language, so that the accuracy means something."""
    sentences = [row[0] for row in judged(language)]

    assert len(sentences) >= 120
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_accuracy_on_labelled_sentences(language: str) -> None:
    """At least 97 % of the labelled sentences get their label."""
    rows = judged(language)
    wrong = [row for row in rows if row[1] != row[2]]

    assert len(wrong) / len(rows) <= 0.03, wrong


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("label", PLAIN)
def test_no_position_is_neglected(language: str, label: str) -> None:
    """Each position by itself is found in at least nine of ten of its sentences."""
    rows = [row for row in judged(language) if row[1] == label]
    right = [row for row in rows if row[2] == label]

    assert len(right) / len(rows) >= 0.9, [row for row in rows if row not in right]


PAIRS = [(language, *pair) for language in ("en", "zh") for pair in SENTENCES[language]["pairs"]]


@pytest.mark.parametrize(("language", "affirmed", "is_", "negated", "becomes"), PAIRS)
def test_negation_pair(language: str, affirmed: str, is_: str, negated: str, becomes: str) -> None:
    """A sentence and its negation are told apart, without exception."""
    assert classify_position(affirmed, language) == is_
    assert classify_position(negated, language) == becomes


@pytest.mark.parametrize("language", ["und", "de", "ja", ""])
def test_language_without_rules_only_mentions(language: str) -> None:
    """No guess is made about force in a language without rules."""
    assert classify_position("Providers must not do this. 不得。", language) is Position.MENTIONS


def test_language_tags_with_region_or_script() -> None:
    """Tags such as en-US and zh-Hant use the rules of their language."""
    assert classify_position("You must stop.", "en-US") is Position.REQUIRES
    assert classify_position("不得使用該系統。", "zh-Hant") is Position.PROHIBITS


@pytest.mark.parametrize("sentence", ["", " ", "。", "...", "𠮷", "must", "不得"])
def test_degenerate_sentence_gives_a_position(sentence: str) -> None:
    """Empty and one-word sentences are no error."""
    assert classify_position(sentence, "en") in Position
    assert classify_position(sentence, "zh") in Position


def test_evidence_at_the_very_end() -> None:
    """Evidence that ends the sentence, or lies past it, still gets the governing word."""
    sentence = "Providers must keep logs"

    assert classify_position(sentence, "en", evidence=(20, 24)) is Position.REQUIRES
    assert classify_position(sentence, "en", evidence=(24, 24)) is Position.REQUIRES


def test_own_force_wins_over_the_lead_in() -> None:
    """An item that says "may not" does not become a duty because its list is one."""
    assert (
        classify_position("(c) may not sell the data.", "en", "A provider shall observe:")
        is Position.PROHIBITS
    )


def test_time_does_not_explode_on_long_text() -> None:
    """A sentence of a hundred thousand characters is read in reasonable time."""
    text = "no " + "word " * 20000 + "shall"

    assert classify_position(text, "en") is Position.REQUIRES
