"""Locators: two ways of citing one provision are one place, and no other place is hit by chance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiutong.locators import find_place, locator_steps, read_han_number

SIGNS = "零一二三四五六七八九"


def write_han(number: int) -> str:
    """Write a number below a thousand as statutes do: 十一, 一百零五, 三百二十."""
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    text = f"{SIGNS[hundreds]}百" if hundreds else ""
    if tens:
        text += ("" if tens == 1 and not hundreds else SIGNS[tens]) + "十"
    elif hundreds and ones:
        text += "零"
    return text + (SIGNS[ones] if ones else "")


# --------------------------------------------------------------------------- numerals


@given(st.integers(1, 999))
def test_every_numeral_below_a_thousand_is_read(number: int) -> None:
    """What is written as a statute writes it comes back as the number."""
    assert read_han_number(write_han(number)) == number


@pytest.mark.parametrize(
    ("text", "number"), [("〇", 0), ("二〇二三", 2023), ("两百", 200), ("十", 10), ("百", 100)]
)
def test_numerals_of_other_forms_are_read(text: str, number: int) -> None:
    """Digits one after another, 两, and units without a digit before them."""
    assert read_han_number(text) == number


@pytest.mark.parametrize("text", ["", "总则", "一千", "第一", "1", "十条"])
def test_what_is_no_numeral_gives_none(text: str) -> None:
    """A word that holds a numeral is not one."""
    assert read_han_number(text) is None


# --------------------------------------------------------------------------- steps


@pytest.mark.parametrize(
    ("locator", "steps"),
    [
        ("第十七条", ("17",)),
        ("第17条", ("17",)),
        ("第十七条第二款（三）", ("17", "p2", "3")),
        ("第十七条第二款第（三）项", ("17", "p2", "3")),
        ("第十七条第二款第三项", ("17", "p2", "3")),
        ("一、（二）3", ("1", "2", "3")),
        ("十一、第2段", ("11", "p2")),
        ("三、2第1点", ("3", "2", "1")),
        ("Sec. 4.1(a)(i)", ("4.1", "a", "i")),
        ("§ 22757.11(c)(1)(C)", ("22757.11", "c", "1", "c")),
        ("5.2 c) 1)", ("5.2", "c", "1")),
        ("Art. 4, para. 2(3)", ("4", "p2", "3")),
        ("Article 12", ("12",)),
        ("Principle 3", ("3",)),
        ("Op. para. 6", ("6",)),
        ("Operative paragraph 6(b)", ("6", "b")),
        ("Para. 6, bullet 2", ("p6", "2")),
        ("GOVERN 1.2", ("govern", "1.2")),
        ("Rules of the Road, para. 3", ("rules", "of", "the", "road", "p3")),
        ("承诺四，监测与渗透测试", ("承诺四", "监测与渗透测试")),
        ("Appendix B", ("appendix", "b")),
        ("Chapter 2, Art. 3", ("chapter2", "3")),
        ("第二章第三条", ("chapter2", "3")),
    ],
)
def test_each_style_is_read_into_its_steps(locator: str, steps: tuple[str, ...]) -> None:
    """Outermost first; a paragraph is marked, and words of a named place stay."""
    assert locator_steps(locator) == steps


@pytest.mark.parametrize(
    "ways",
    [
        ("第四条第二款（三）", "Art. 4, para. 2(3)", "Article 4, paragraph 2, item 3"),
        ("第四条", "Art. 4", "ARTICLE 4", "Sec. 4", "§ 4", "§4", "第４条", "第 四 条"),
        ("一、（二）", "1(2)", "一、(二)", "第一条第二项"),
        ("Sec. 3(b)(ii)", "Section 3 (b)(ii)", "sec. 3(B)(II)"),
        ("第二章第三条", "Chapter 2, Article 3"),
        ("Sec. 5, para. 2", "Sec. 5, para. 2, sentences 3–4", "Sec. 5, para. 2 [2]"),
        ("第五条", "第五条第1至3句", "第五条，第2句", "第五条 [3]"),
        ("第五条第二款", "第五条第二段", "Art. 5, paras. 2"),
    ],
)
def test_ways_of_citing_one_place_are_equal_across_languages(ways: tuple[str, ...]) -> None:
    """Numerals, brackets, widths, cases and languages differ; the place does not."""
    assert {locator_steps(one) for one in ways} == {locator_steps(ways[0])}
    assert locator_steps(ways[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sec. 1", "Sec. 10"),
        ("Sec. 1", "Sec. 11"),
        ("第一条", "第十一条"),
        ("第一条", "第十条"),
        ("第一条", "第一章"),
        ("Sec. 4.1", "Sec. 4.11"),
        ("Sec. 4.1", "Sec. 41"),
        ("Sec. 4(a)", "Sec. 4(b)"),
        ("Art. 4, para. 2", "Art. 4(2)"),
        ("Appendix B", "Sec. B"),
        ("MAP 1.1", "MANAGE 1.1"),
        ("第三条第一款（二）", "第三条（二）"),
        ("第五条之一", "第五条"),
    ],
)
def test_near_misses_are_other_places(one: str, other: str) -> None:
    """A number that begins like another, or a step of another kind, is not the same place."""
    assert locator_steps(one) != locator_steps(other)


# --------------------------------------------------------------------------- finding


def test_a_place_is_found_with_what_lies_below_it() -> None:
    """A text may be cut finer than it is cited; the numbers are those of the segments."""
    text = ["Sec. 1", "Sec. 2(a)", "Sec. 2(b)(i)", "Sec. 2(b)(ii)", "Sec. 20", "Sec. 12"]
    assert find_place("Section 2", text) == (1, 2, 3)
    assert find_place("Sec. 2(b)", text) == (2, 3)
    assert find_place("Sec. 2(b)(ii)", text) == (3,)


def test_decimal_numbers_lie_below_their_beginning() -> None:
    """4.1 and 4.1.2 are parts of 4; 41 and 14.1 are not."""
    text = ["4.1", "4.1.2(a)", "4.2", "41", "14.1", "4"]
    assert find_place("Sec. 4", text) == (0, 1, 2, 5)
    assert find_place("4.1", text) == (0, 1)


def test_a_provision_and_its_items_are_found_together() -> None:
    """The lead-in stands under the article's own number, its items below."""
    text = ["第二条", "第三条", "第三条（一）", "第三条（二）", "第十三条（一）"]
    assert find_place("第三条", text) == (1, 2, 3)
    assert find_place("Art. 3(2)", text) == (3,)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("Sec. 1", ["Sec. 10", "Sec. 11(a)", "Sec. 21"]),
        ("第一条", ["第十一条", "第二十一条（一）", "第十条", "第一百条"]),
        ("Sec. 10", ["Sec. 1", "Sec. 1(0)"]),
        ("Sec. 4(a)", ["Sec. 4", "Sec. 4(b)", "Sec. 14(a)"]),
        ("Sec. 4.1", ["Sec. 4.10", "Sec. 4.11(a)", "Sec. 4"]),
        ("第三条（一）", ["第三条", "第三条（二）", "（一）"]),
    ],
)
def test_no_place_is_found_by_the_beginning_of_its_number(wanted: str, text: list[str]) -> None:
    """A coding on the wrong provision is a wrong quote, so nothing is better than that."""
    assert find_place(wanted, text) == ()


@pytest.mark.parametrize("wanted", ["", "¶", "—", "Sec."])
def test_a_locator_without_a_step_finds_nothing(wanted: str) -> None:
    """It would otherwise hold the whole text, as everything lies below nothing."""
    assert find_place(wanted, ["Sec. 1", "第一条", wanted]) == ()


# --------------------------------------------------------------------------- laws

numbers = st.integers(1, 400)
letters = st.sampled_from("abcdefgh")
chinese = st.builds(
    lambda article, paragraph, item: (
        f"第{write_han(article)}条"
        + (f"第{write_han(paragraph)}款" if paragraph else "")
        + (f"（{write_han(item)}）" if item else "")
    ),
    numbers,
    st.integers(0, 20),
    st.integers(0, 30),
)
english = st.builds(
    lambda article, dots, tail, paragraph: (
        f"Sec. {article}"
        + "".join(f".{one}" for one in dots)
        + (f", para. {paragraph}" if paragraph else "")
        + "".join(f"({one})" for one in tail)
    ),
    numbers,
    st.lists(numbers, max_size=2),
    st.lists(letters, max_size=3),
    st.integers(0, 20),
)
listed = st.builds(
    lambda one, two, three: f"{write_han(one)}、（{write_han(two)}）{three}",
    numbers,
    numbers,
    numbers,
)
locators = st.one_of(chinese, english, listed)


@given(locators, st.lists(locators, max_size=8))
def test_a_locator_finds_itself(one: str, others: list[str]) -> None:
    """Wherever it stands in a text, its own number is among those found."""
    assert len(others) in find_place(one, [*others, one])


@given(locators, st.lists(locators, min_size=1, max_size=8))
def test_what_is_found_agrees_with_the_place_step_by_step(one: str, text: list[str]) -> None:
    """No hit differs from the place in an outer step."""
    wanted = locator_steps(one)
    for at in find_place(one, text):
        found = locator_steps(text[at])
        assert found[: len(wanted) - 1] == wanted[:-1]
        last = found[len(wanted) - 1]
        assert last == wanted[-1] or last.startswith(f"{wanted[-1]}.")


@given(locators)
def test_something_below_a_place_is_found_from_above_and_not_the_other_way(one: str) -> None:
    """An item lies in its article; the article does not lie in its item."""
    item = f"{one}(z)"
    assert find_place(one, [item]) == (0,)
    assert find_place(item, [one]) == ()


@given(numbers, st.integers(1, 20), st.integers(1, 30))
def test_chinese_and_english_cite_the_same_place(article: int, paragraph: int, item: int) -> None:
    """For every number, not only those somebody thought of."""
    zh = f"第{write_han(article)}条第{write_han(paragraph)}款（{write_han(item)}）"
    assert find_place(f"Article {article}, para. {paragraph}({item})", [zh]) == (0,)


@given(numbers, numbers)
def test_two_articles_are_found_from_each_other_only_if_they_are_one(one: int, two: int) -> None:
    """Across scripts of numbers, with no hit by a common beginning or end."""
    assert bool(find_place(f"第{write_han(one)}条", [f"第{two}条"])) == (one == two)
    assert bool(find_place(f"Sec. {one}", [f"第{write_han(two)}条"])) == (one == two)
