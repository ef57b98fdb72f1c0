"""Normal form, languages, sentences and search terms."""

import time

import pytest

from qiutong.text import (
    detect_language,
    index_terms,
    normalize_text,
    split_sentences,
    to_simplified,
)


def sentences(text: str, language: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, language)]


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("\ufeffa\r\nb\rc\u2028d\u2029e\x85f\x0bg\x0ch", "a\nb\nc\nd\ne\nf\ng\nh"),
        ("zero\u200bwidth so\u00adft \u202ebidi\u202c \u2066x\u2069", "zerowidth soft bidi x"),
        ("a\u00a0b\u2003c\u3000d", "a b c d"),
        ("ends  \t\nhere ", "ends\nhere"),
        ("e\u0301", "\u00e9"),
        ("tab\tstays", "tab\tstays"),
        ("bell\x07 and nul\x00", "bell and nul"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("lone \ud800", "lone \ufffd"),
    ],
)
def test_normal_form_removes_what_cannot_be_seen(raw: str, normal: str) -> None:
    """Line breaks, spaces and invisible characters come out in one form."""
    assert normalize_text(raw) == normal


def test_full_width_forms_stay_because_quotes_are_exact() -> None:
    """Full-width letters, digits and brackets are not folded."""
    assert normalize_text("ＡＩ（２）：“安全”") == "ＡＩ（２）：“安全”"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Developers of advanced systems must test them before release.", "en"),
        ("提供者应当对训练数据的来源负责。", "zh"),
        ("提供者應當對訓練數據的來源負責，並建立管理機制。", "zh"),
        ("開発者は安全を確保するための措置を講じる。", "ja"),
        ("개발자는 안전을 위한 조치를 취해야 한다.", "ko"),
        ("Разработчики обязаны проверять системы.", "ru"),
        ("يجب على المطورين اختبار الأنظمة.", "ar"),
        ("Les développeurs doivent tester les systèmes avant leur mise en service.", "fr"),
        ("Die Entwickler müssen die Systeme vor der Freigabe prüfen.", "de"),
        ("Los desarrolladores deben probar los sistemas antes de su uso.", "es"),
        ("12 345 — 67 %", "und"),
        ("xyzzy plugh qux", "und"),
        ("", "und"),
    ],
)
def test_language_is_told_or_left_undetermined(text: str, language: str) -> None:
    """Each language is told by script or function words; nothing is guessed."""
    assert detect_language(text) == language


def test_chinese_followed_by_its_translation_is_chinese() -> None:
    """Han characters weigh like words, so an original with a translation keeps its language."""
    text = (
        "各方应当加强合作，共同提高系统的安全水平。" * 10 + "All sides should work together. " * 30
    )
    assert detect_language(text) == "zh"


def test_simplified_form_keeps_the_length_and_the_rare_characters() -> None:
    """Mapping is one to one, astral characters included."""
    text = "網絡安全法與𠮷😀後臺 AI"
    assert to_simplified(text) == "网络安全法与𠮷😀后台 AI"
    assert len(to_simplified(text)) == len(text)


def test_english_sentences_survive_legal_citation() -> None:
    """Section signs, numbers and abbreviations do not end a sentence."""
    text = (
        "Under Sec. 4.1 of No. 3, see Pub. L. 117-1, e.g. the U.S. Code. Para. 3 applies. "
        "The agency shall act 😀. It may wait."
    )
    assert sentences(text, "en") == [
        "Under Sec. 4.1 of No. 3, see Pub. L. 117-1, e.g. the U.S. Code.",
        "Para. 3 applies.",
        "The agency shall act 😀.",
        "It may wait.",
    ]


def test_chinese_sentences_end_with_their_quotes_and_not_at_semicolons() -> None:
    """Split on 。！？ and the closing quotes after them; ；and titles in 《》 hold together."""
    text = "应当坚持“安全第一。”不得泄露；不得滥用。《谁来管？》一文已发布！是吗？"
    assert sentences(text, "zh") == [
        "应当坚持“安全第一。”",
        "不得泄露；不得滥用。",
        "《谁来管？》一文已发布！",
        "是吗？",
    ]


def test_a_wrapped_line_does_not_end_an_english_sentence() -> None:
    """A line that goes on in lower case belongs to the sentence before it."""
    text = "The provider shall keep\nrecords of tests.\nA new line starts"
    assert sentences(text, "en") == [
        "The provider shall keep\nrecords of tests.",
        "A new line starts",
    ]


def test_unknown_language_gives_one_span_a_line() -> None:
    """Without rules there is no sentence, only the line."""
    assert sentences("Abc def. Ghi.\nJkl.", "und") == ["Abc def. Ghi.", "Jkl."]


def test_sentences_can_be_asked_of_a_part() -> None:
    """Offsets refer to the whole text."""
    text = "One. Two. Three."
    assert split_sentences(text, "en", 5, 9) == [(5, 9)]


def contains(terms: list[str], query: list[str]) -> bool:
    return any(terms[i : i + len(query)] == query for i in range(len(terms)))


@pytest.mark.parametrize(
    "text", ["网络安全法", "人工智能安全治理", "網絡安全", "AI安全风险", "坚持安全。"]
)
def test_a_two_character_word_is_found_inside_longer_ones(text: str) -> None:
    """安全 is a contiguous part of the terms of every text that holds it."""
    assert contains(index_terms(text), index_terms("安全"))
    assert contains(index_terms(text), index_terms("安"))


def test_a_query_is_not_found_across_punctuation_or_out_of_order() -> None:
    """Terms of 全安 or of 人权 broken by a comma do not match."""
    assert not contains(index_terms("网络安全法"), index_terms("全安"))
    assert not contains(index_terms("个人，权利"), index_terms("人权"))


def test_english_terms_are_folded() -> None:
    """Case, full width and ligatures do not hide a word."""
    assert index_terms("ＡＩ-Safety Deﬁnitions") == ["ai", "safety", "definitions"]


def test_two_megabytes_of_english_take_less_than_two_seconds() -> None:
    """Splitting stays fast enough for a shelf of statutes."""
    text = "The provider shall keep records of tests under Sec. 4. It may ask for help.\n" * 27_000
    began = time.process_time()
    found = split_sentences(text, "en")
    assert len(found) == 54_000
    assert time.process_time() - began < 2.0


def test_one_shared_word_does_not_make_a_text_english() -> None:
    """Finnish has "on" too; a whole sentence with no other function word is not English."""
    finnish = (
        "Tekoäly on järjestelmä, joka tuottaa ennusteita. Palveluntarjoaja on vastuussa "
        "järjestelmän turvallisuudesta, ja viranomainen on valvoja."
    )
    assert detect_language(finnish) != "en"
