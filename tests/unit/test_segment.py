"""Provisions and their locators, on texts made up for the purpose."""

import re
import time
from pathlib import Path

import pytest

from qiutong.model import Block, Document, Page, Segment
from qiutong.segment import segment_document
from qiutong.text import detect_language, normalize_text

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def cut(text: str, language: str = "und", **more: object) -> tuple[Segment, ...]:
    text = normalize_text(text)
    return segment_document(
        Document(id="d", party="p", title="", text=text, language=language, **more)
    )


def locators(text: str, language: str = "und", **more: object) -> list[str]:
    return [segment.locator for segment in cut(text, language, **more)]


# --------------------------------------------------------------------------- Chinese


LAW = """示例管理办法
（2030年1月1日某委员会第一次会议通过）
第一章 总则
第一条 为了规范示例活动，制定本办法。
第二条 本办法适用于下列活动：
（一）研究活动；
（二）生产活动，包括：
1.试制；
2.量产。
前款规定以外的活动，参照执行。
依照本办法第一条的规定，可以豁免。
第二条之一 有下列情形之一的，应当报告：（一）发生事故；（二）停止服务。
第二章 责任
第三条 违反第二条第二款规定的，予以警告。
某某委员会
2030年1月1日
"""


def test_articles_paragraphs_and_items_are_named_as_a_lawyer_names_them() -> None:
    """款 appear only where an article has several; items hang on their 款."""
    assert locators(LAW) == [
        "第一条",
        "第二条第一款",
        "第二条第一款（一）",
        "第二条第一款（二）",
        "第二条第一款（二）1",
        "第二条第一款（二）2",
        "第二条第二款",
        "第二条第三款",
        "第二条之一",
        "第二条之一（一）",
        "第二条之一（二）",
        "第三条",
    ]


def test_headings_are_context_and_not_provisions() -> None:
    """Title and chapter stand in headings; dates and signatures in no segment."""
    segments = cut(LAW)
    assert segments[0].headings == ("示例管理办法", "第一章 总则")
    assert segments[-1].headings == ("示例管理办法", "第二章 责任")
    assert segments[-1].text == "第三条 违反第二条第二款规定的，予以警告。"


def test_an_item_points_to_the_words_it_depends_on() -> None:
    """The lead-in is the paragraph that opens the list."""
    segments = {segment.locator: segment for segment in cut(LAW)}
    text = normalize_text(LAW)
    start, end = segments["第二条第一款（二）"].lead_in or (0, 0)
    assert text[start:end] == "第二条 本办法适用于下列活动："
    assert segments["第一条"].lead_in is None


def test_articles_run_together_on_one_line_are_found() -> None:
    """Without line breaks the sequence of numbers tells articles from references."""
    text = (
        "第一条 为了示例，制定本办法。第二条 依照第一条执行。第三条 违反第二条的，依照第五条处理。"
        "第四条 本办法自公布之日起施行。第五条 解释权归委员会。"
    )
    assert locators(text, "zh") == ["第一条", "第二条", "第三条", "第四条", "第五条"]


def test_a_reference_at_the_start_of_a_line_opens_no_article() -> None:
    """Neither what follows nor the sequence makes 第二十条 an article here."""
    text = "第一条 处理活动应当合法，\n第二十条的规定除外。\n第二十条、第三条另有规定的从其规定。\n第二条 依照执行。\n"
    assert [name for name in locators(text, "zh") if "二十" in name] == []
    assert "第二条" in locators(text, "zh")


def test_traditional_and_full_width_numbers_are_read() -> None:
    """第十條 and （１） are read like their Simplified, half-width forms and quoted as they are."""
    text = "第一條 為了示例，制定本辦法。\n第二條 應當遵守：\n（一）規則；\n（二）標準。\n"
    segments = cut(text, "zh")
    assert [segment.locator for segment in segments] == [
        "第一條",
        "第二條",
        "第二條（一）",
        "第二條（二）",
    ]
    assert segments[2].text == "（一）規則；"


PLAN = """为推动示例发展，制定本方案，现将有关事项通知如下，请认真贯彻执行。
一、总体要求
（一）指导思想。
坚持统筹发展和安全，推动示例工作走深走实，形成可复制的经验做法。
（二）基本原则。
坚持系统观念，统筹当前和长远，稳步推进各项工作任务落地见效。
坚持底线思维，防范各类风险隐患，守住不发生重大事故的底线要求。
二、重点任务
1.加强测试。建立测试制度，明确测试要求。
2.加强标识。建立标识制度，明确标识要求。
——鼓励试点。支持有条件的地区先行先试，探索经验。
"""


def test_policy_papers_are_named_by_their_numbers() -> None:
    """Numbers of every level make the locator; paragraphs are counted where there are several."""
    assert locators(PLAN) == [
        "第1段",
        "一、（一）",
        "一、（二）第1段",
        "一、（二）第2段",
        "二、1",
        "二、2",
        "二、2第1点",
    ]
    assert cut(PLAN)[1].headings == ("一、总体要求", "（一）指导思想。")


def test_dotted_numbers_with_letters_are_named() -> None:
    """3.2.1(b) as technical frameworks write it."""
    text = (
        "1.治理原则\n秉持共同安全，坚持发展和安全并重，促进创新发展。\n1.1 包容审慎。鼓励创新，守住底线。\n"
        "1.2 风险导向。密切跟踪，及时应对。\n2.风险分类\n2.1 内生风险\n2.1.1 数据风险\n"
        "(a)收集风险。未经同意收集数据。\n(b)标注风险。标注规则不完备。\n"
    )
    assert locators(text, "zh") == ["1", "1.1", "1.2", "2.1.1(a)", "2.1.1(b)"]


def test_lost_paragraph_breaks_are_found_again() -> None:
    """A space after 。 is where a line break was; the rest of the line is not lost."""
    text = (
        "一、主要任务 聚焦群众关切，重点整治突出问题。 1.整治诱导沉迷。 建立防范机制，提升内容多样性。 "
        "2.提升透明度。 公示基本原理，完善日志留存。 二、工作要求 各部门要高度重视，抓好落实。"
    )
    segments = cut(text, "zh")
    assert [segment.locator for segment in segments] == ["一", "一、1", "一、2", "二"]
    assert segments[2].text == "公示基本原理，完善日志留存。"


def test_a_box_keeps_its_numbers_apart_from_the_plan() -> None:
    """专栏 has items of its own; the plan's numbering goes on after it."""
    text = (
        "一、重点任务\n1.建立理论体系。\n聚焦前沿问题，加强基础研究，形成长期支持机制。\n专栏1 基础理论\n"
        "1.甲理论。研究甲问题。\n2.乙理论。研究乙问题。\n3.丙理论。研究丙问题。\n2.建立技术体系。\n"
        "围绕迫切需求，突破关键技术，形成完整体系。\n"
    )
    assert locators(text, "zh") == [
        "一、1", "专栏1（1）", "专栏1（2）", "专栏1（3）", "一、2",
    ]  # fmt: skip


# --------------------------------------------------------------------------- English


ORDER = """Section 1.  Purpose.  This order governs sample systems.

It applies to all agencies.Sec. 2.  Policy.  Agencies shall follow these rules:(a)  Systems shall be tested.  Tests under subsection (b) of this section may be shared.(b)  Systems shall be monitored, pursuant to section 4.1(a)(i) of this order.
     Sec. 3.  Safety of Systems.  3.1.  Testing.  (a)  Within 90 days, the Director shall:
          (i)    write guidance, including:
               (A)  a method; and
               (B)  a schedule; and
          (ii)   publish it.
     (b)  The Director may extend the period.3.2.  Reporting.  Each provider shall report.
"""


def test_orders_with_glued_marks_are_taken_apart() -> None:
    """Sec. and (a) open provisions wherever they follow; references never do."""
    assert locators(ORDER) == [
        "Sec. 1, para. 1",
        "Sec. 1, para. 2",
        "Sec. 2",
        "Sec. 2(a)",
        "Sec. 2(b)",
        "Sec. 3.1(a)",
        "Sec. 3.1(a)(i)",
        "Sec. 3.1(a)(i)(A)",
        "Sec. 3.1(a)(i)(B)",
        "Sec. 3.1(a)(ii)",
        "Sec. 3.1(b)",
        "Sec. 3.2",
    ]


def test_a_letter_and_a_roman_numeral_are_told_apart_by_sequence() -> None:
    """(i) after (h) is a letter where (j) follows and a numeral where (ii) follows."""
    letters = "".join(f"({c}) The term {c * 3} means a thing.\n" for c in "abcdefghijk")
    assert locators("SECTION 1. In this Act:\n" + letters, "en")[-3:] == [
        "Sec. 1(i)", "Sec. 1(j)", "Sec. 1(k)",
    ]  # fmt: skip
    nested = letters[: letters.index("(i)")] + "(i) one limb;\n(ii) another limb.\n(i) The last.\n"
    assert locators("SECTION 1. In this Act:\n" + nested, "en")[-4:] == [
        "Sec. 1(h)", "Sec. 1(h)(i)", "Sec. 1(h)(ii)", "Sec. 1(i)",
    ]  # fmt: skip


def test_codes_and_runs_of_labels_are_read() -> None:
    """Code sections take §, and "(a) (1)" names one provision."""
    text = (
        "SECTION 1. Chapter 9 is added to the Sample Code, to read:\nCHAPTER 9. Sample Act\n"
        "22900. This chapter shall be known as the Sample Act.\n22900.1. (a) (1) A provider shall do both of the following:\n"
        "(A) Test the system.\n(B) Keep a record.\n(2) A record shall be kept for a year.\n(b) This section applies to all.22901. (a) A person shall not interfere.\n(b) A court may order relief.\n"
    )
    segments = cut(text, "en")
    assert [segment.locator for segment in segments] == [
        "Sec. 1", "§ 22900", "§ 22900.1(a)(1)", "§ 22900.1(a)(1)(A)", "§ 22900.1(a)(1)(B)",
        "§ 22900.1(a)(2)", "§ 22900.1(b)", "§ 22901(a)", "§ 22901(b)",
    ]  # fmt: skip
    assert segments[1].headings == ("CHAPTER 9. Sample Act",)


def test_principles_and_tagged_outcomes_are_named_by_their_name() -> None:
    """Principle 3 and GOVERN 1.1 are citations already."""
    text = (
        "Principle 1: Systems should be safe for the people who use them.\n"
        "Principle 2: Systems should be fair to the people they judge.\n"
        "GOVERN 1.1: Legal requirements are understood and managed.\n"
        "Article 4 Providers shall label what they generate.\n"
    )
    assert locators(text, "en") == ["Principle 1", "Principle 2", "GOVERN 1.1", "Art. 4"]


POLICY = """# Sample Company Safety Policy

## Testing

We test our models before we release them. The tests cover misuse.

Our tests include:

- tests by our own staff of the most serious risks;
- tests by outside experts.

## Reporting

We will publish the results of our tests once a year.
"""


def test_company_policies_are_named_by_heading_and_paragraph() -> None:
    """Where nothing is numbered the heading and the paragraph are the citation."""
    assert locators(POLICY, "en") == [
        "Testing, para. 1",
        "Testing, para. 2",
        "Testing, para. 2, bullet 1",
        "Testing, para. 2, bullet 2",
        "Reporting, para. 1",
    ]


def test_a_title_ends_a_list_that_no_section_holds() -> None:
    """Paragraphs under the next title are not paragraphs of the last point."""
    text = (
        "We follow two rules in all of our work:\n1. Test every model before its release.\n"
        "2. Publish what the tests have shown.\nRisk Categories\nWe track four kinds of risk in each model.\n"
    )
    assert locators(text, "en") == ["para. 1", "point 1", "point 2", "Risk Categories, para. 1"]


def test_a_table_of_contents_is_no_provision() -> None:
    """Sections that only announce themselves give way to the real ones."""
    text = (
        "Sec. 1. Short title.\nSec. 2. Testing of systems.\nSec. 3. Reports.\n"
        "SEC. 1. SHORT TITLE.\nThis Act may be cited as the Sample Act.\nSEC. 2. TESTING OF SYSTEMS.\n"
        "A provider shall test its systems.\nSEC. 3. REPORTS.\nA provider shall report each year.\n"
    )
    assert locators(text, "en") == ["Sec. 1", "Sec. 2", "Sec. 3"]


def test_a_list_of_names_weighs_like_one_provision() -> None:
    """Forty signatories are one segment, not forty."""
    text = (
        "The countries represented were:\nAustralia\nBrazil\nCanada\nChile\nFrance\n"
        "References to countries include international organisations acting within their powers.\n"
    )
    segments = cut(text, "en")
    assert [segment.text.count("\n") for segment in segments] == [0, 4, 0]


def test_lines_cut_by_hand_are_joined() -> None:
    """Statutes printed in narrow lines keep their paragraphs."""
    text = "SEC. 7. REPORTS.\n" + "".join(
        f"    ({c}) A provider of a system that is covered by this\n"
        "        title shall report to the Secretary of the Department, not later than\n"
        "        one year after the day of enactment, on the tests it made under\n"
        "        subsection (a).\n"
        for c in "abcd"
    )
    segments = cut(text, "en")
    assert [segment.locator for segment in segments] == [f"Sec. 7({c})" for c in "abcd"]
    assert all(segment.text.endswith("subsection (a).") for segment in segments)


def test_a_long_paragraph_without_numbers_is_cut_at_sentences() -> None:
    """Its parts are cited by the sentences they hold; a numbered one stays whole."""
    long = "We test every model before release and we publish what we find. " * 60
    names = locators(long, "en")
    assert names[0] == "para. 1, sentences 1–30"
    assert len(names) == 2
    assert locators("SECTION 1. " + long, "en") == ["Sec. 1"]


# --------------------------------------------------------------------------- any text


def test_pages_name_paragraphs_where_nothing_better_exists() -> None:
    """Page and paragraph, counted anew on each page."""
    text = "We test our models.\nWe publish results.\nWe listen to critics of our work.\n"
    pages = (Page(number=1, start=0), Page(number=2, start=text.index("We listen")))
    segments = cut(text, "en", pages=pages)
    assert [(s.locator, s.page) for s in segments] == [
        ("p. 1, para. 1", 1), ("p. 1, para. 2", 1), ("p. 2, para. 1", 2),
    ]  # fmt: skip


def test_an_unknown_language_gives_plain_paragraphs() -> None:
    """No rules are guessed: one paragraph a line, counted."""
    text = "Mtoa huduma atafanya majaribio (a) kwanza. Kisha ataripoti.\nSec. 2. Mwisho.\n"
    assert locators(text, "sw") == ["para. 1", "para. 2"]


def test_a_digest_brings_its_own_locators() -> None:
    """Unit blocks are segments as they are, under the headings above them."""
    text = (
        "Sample Order\nSafety\nProviders share tests.\n\nAlso later ones.\nAgencies write guidance."
    )
    at = text.index
    blocks = (
        Block(kind="heading", start=0, end=12, level=1),
        Block(kind="heading", start=at("Safety"), end=at("Safety") + 6, level=2),
        Block(kind="unit", start=at("Providers"), end=at("Agencies") - 1, locator="Sec. 4.2(a)(i)"),
        Block(kind="unit", start=at("Agencies"), end=len(text), locator="Sec. 4.2(b)"),
    )
    segments = cut(text, "en", blocks=blocks)
    assert [segment.locator for segment in segments] == ["Sec. 4.2(a)(i)", "Sec. 4.2(b)"]
    assert segments[0].headings == ("Sample Order", "Safety")
    assert segments[0].text == "Providers share tests.\n\nAlso later ones."


def test_a_source_that_repeats_a_number_gets_a_counter() -> None:
    """Locators are unique even where the source's are not."""
    text = "SECTION 1. In this Act:\n(a) One thing.\n(a) Another thing.\n"
    assert locators(text, "en") == ["Sec. 1", "Sec. 1(a)", "Sec. 1(a) [2]"]


def test_a_translation_appended_to_a_chinese_text_keeps_its_language() -> None:
    """A segment plainly in the other script says so."""
    text = "各方应当加强合作，共同提高安全水平，推动健康发展，造福各国人民。\nAll sides should work together on safety.\n"
    assert [segment.language for segment in cut(text, "zh")] == ["zh", "en"]


def test_two_megabytes_take_less_than_three_seconds() -> None:
    """Time grows with the text, whatever the marks in it."""
    text = "".join(
        f"SEC. {n}. SAMPLE DUTY.\n(a) A provider shall test its systems:\n(1) before release; and\n"
        "(2) after each change. A court may, under subsection (b), order relief.\n(b) It may wait.\n"
        for n in range(1, 11_500)
    )
    assert len(text) > 2_000_000
    began = time.process_time()
    assert len(cut(text, "en")) > 40_000
    assert time.process_time() - began < 3.0


# --------------------------------------------------------------------------- real texts


ARTICLES = {
    "algorithm_rec_2022": 35,
    "deep_synthesis_2022": 25,
    "genai_interim_2023": 24,
    "labeling_measures_2025": 14,
    "facial_recognition_2025": 20,
    "shenzhen_ai_2022": 73,
    "ethics_norms_2021": 25,
    "pipl_2021": 74,
    "dsl_2021": 55,
    "network_data_2024": 64,
    "labeling_measures_draft_2024": 14,
    "algorithm_self_discipline_2024": 16,
    "csl_2025": 81,
}


def numeral(text: str) -> int:
    digits = {c: i for i, c in enumerate("零一二三四五六七八九")}
    total = last = 0
    for c in text:
        if c == "十":
            total, last = total + (last or 1) * 10, 0
        else:
            last = digits[c]
    return total + last


@pytest.mark.real
@pytest.mark.parametrize(("name", "count"), ARTICLES.items())
def test_every_article_of_the_real_laws_is_found_and_none_invented(name: str, count: int) -> None:
    """The set of article numbers is exactly 1 to N, and each opens with its own words."""
    path = SHARED / "zh" / f"{name}.txt"
    if not path.exists():
        pytest.skip(f"needs the real texts in {SHARED}")
    text = normalize_text(path.read_text("utf-8"))
    document = Document(id=name, party="cn", title="", text=text, language=detect_language(text))
    first: dict[int, str] = {}
    for segment in segment_document(document):
        match = re.match(r"第([零一二三四五六七八九十]+)条", segment.locator)
        if match:
            first.setdefault(numeral(match.group(1)), segment.text)
    assert list(first) == list(range(1, count + 1))
    assert all(numeral(re.match(r"第(.+?)条", text).group(1)) == n for n, text in first.items())
