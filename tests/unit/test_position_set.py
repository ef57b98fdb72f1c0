"""Positions on the large labelled lists: negation pairs without exception, floors on the rest."""

import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from qiutong.model import Position
from qiutong.position import classify_position

BENCHMARK: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[2] / "benchmarks" / "position.py"), run_name="position_benchmark"
)
PAIRS = [
    (language, *pair)
    for language in ("en", "zh")
    for pair in BENCHMARK["read_list"](language)["pairs"]
]
# Two points below what was measured when the rules were last mended (docs/method/position.md).
FLOOR = {"en": 0.84, "zh": 0.89}


@pytest.mark.parametrize(("language", "affirmed", "is_", "negated", "becomes"), PAIRS)
def test_negation_pair(language: str, affirmed: str, is_: str, negated: str, becomes: str) -> None:
    """A sentence and its negation are told apart, without exception."""
    assert classify_position(affirmed, language) == is_
    assert classify_position(negated, language) == becomes


@pytest.mark.parametrize("language", ["en", "zh"])
def test_lists_are_as_large_as_the_page_says(language: str) -> None:
    """At least 300 different provisions and 80 pairs, at least 50 of each position."""
    rows = BENCHMARK["judge"](language)
    labels = Counter(row.label for row in rows)

    assert len({row.text for row in rows}) == len(rows) >= 300
    assert len(BENCHMARK["read_list"](language)["pairs"]) >= 80
    assert set(labels) == {position.value for position in Position}
    assert min(labels.values()) >= 50


@pytest.mark.parametrize("language", ["en", "zh"])
def test_held_out_accuracy(language: str) -> None:
    """The half that no rule was mended on stays at least as right as it was, less two points."""
    rows = [row for row in BENCHMARK["judge"](language) if row.held_out]

    assert BENCHMARK["accuracy"](rows) >= FLOOR[language]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_neither_half_is_small(language: str) -> None:
    """Both halves have at least two fifths of the list, so that each means something."""
    rows = BENCHMARK["judge"](language)
    held_out = sum(row.held_out for row in rows)

    assert 0.4 <= held_out / len(rows) <= 0.6


def test_a_sentence_asked_about_twice_lies_in_one_half() -> None:
    """The half depends on the words alone, not on what is asked about them."""
    is_held_out = BENCHMARK["is_held_out"]

    assert is_held_out("Firms must ⟦register⟧ and report.") == is_held_out(
        "Firms must register and ⟦report⟧."
    )


def test_figures_follow_from_the_counts() -> None:
    """Accuracy, precision, recall and confusions of four rows are what one counts by hand."""
    row = BENCHMARK["Provision"]
    rows = [
        row("a", "requires", "requires", "plain", False, True),
        row("b", "requires", "mentions", "plain", False, True),
        row("c", "mentions", "mentions", "plain", True, True),
        row("d", "warns", "mentions", "plain", False, True),
    ]

    found = BENCHMARK["measure"](rows)

    assert found["accuracy"] == 0.5
    assert found["accuracy_without_arguable"] == pytest.approx(1 / 3)
    assert found["by_position"]["requires"]["precision"] == 1.0
    assert found["by_position"]["requires"]["recall"] == 0.5
    assert found["by_position"]["mentions"]["precision"] == pytest.approx(1 / 3)
    assert found["confusion"]["warns"]["mentions"] == 1
    assert found["by_position"]["prohibits"]["precision"] is None
    assert found["interval"][0] <= 0.5 <= found["interval"][1]


@pytest.mark.parametrize(
    ("sentence", "language", "position"),
    [
        ("An insurer may not discriminate against applicants.", "en", "prohibits"),
        ("Do not mislead users.", "en", "prohibits"),
        ("Never exploit the fears of a child.", "en", "prohibits"),
        ("This measure would not harm small firms.", "en", "mentions"),
        ("Nothing under this part shall prevent a state from acting.", "en", "mentions"),
        ("Nothing made by the tool may be used as proof.", "en", "prohibits"),
        ("Staff should mitigate the risks of misuse.", "en", "encourages"),
        (
            "This page describes how the team understands the risks of open weights.",
            "en",
            "mentions",
        ),
        ("This Act shall take effect on the first of June.", "en", "mentions"),
        ("Such measures may include training and drills.", "en", "mentions"),
        ("本倡议旨在促进交流。", "zh", "mentions"),
        ("规范模型接口的技术要求。", "zh", "encourages"),
        ("规范要求见第三章。", "zh", "mentions"),
        ("围绕数据安全，研制一批标准。", "zh", "encourages"),
        ("国家根据数据的重要程度，对数据实行分级管理。", "zh", "commits"),
        ("专班负责梳理安全风险。", "zh", "mentions"),
        ("When a Provider Must Report", "en", "mentions"),
        ("Where a system is known to fail the provider shall stop it.", "en", "requires"),
        ("不得危害公共安全。", "zh", "prohibits"),
        ("未经双方同意的数据清单见附件。", "zh", "mentions"),
        ("承包方可以查阅记录。", "zh", "encourages"),
        ("经处理无法识别特定个人的除外。", "zh", "mentions"),
        ("Small languages could be left behind.", "en", "warns"),
        ("Users might mistake the program for a doctor.", "en", "warns"),
        ("Model outputs cannot be trusted in emergencies.", "en", "warns"),
        ("There is no reliable way to detect text written by a machine.", "en", "warns"),
        ("Power stations may not keep up with the demand of data centres.", "en", "warns"),
        ("Open models could help small firms compete.", "en", "mentions"),
        ("The report lists errors found in the pilot.", "en", "mentions"),
        ("An employer cannot dismiss staff on a score alone.", "en", "prohibits"),
        ("A provider cannot know every use of a model.", "en", "mentions"),
        ("预报失准时，农作物可能绝收。", "zh", "warns"),
        ("用户可能把程序误认为医生。", "zh", "warns"),
        ("模型输出在紧急情况下并不可靠。", "zh", "warns"),
        ("法律监管滞后于技术发展。", "zh", "warns"),
        ("开源模型可能帮助中小企业参与竞争。", "zh", "mentions"),
        ("社会面临的任务由委员会研究。", "zh", "mentions"),
        ("保险覆盖配送机器人造成的损失。", "zh", "mentions"),
        ("代表们提出了建议。", "zh", "mentions"),
    ],
)
def test_near_misses_of_the_rules(sentence: str, language: str, position: str) -> None:
    """Wordings that a rule for a neighbouring wording must not catch."""
    assert classify_position(sentence, language) == position


def test_warning_beside_a_duty_counts_where_it_is_asked_about() -> None:
    """A clause that warns by itself warns, though a duty stands next to it; a list of duties not."""
    warned = "The office shall publish the code, but it may endanger patients."
    bound = "Providers shall test for bias, including outputs that may mislead users."

    assert (
        classify_position(warned, "en", evidence=(warned.index("endanger"), len(warned) - 1))
        == "warns"
    )
    assert (
        classify_position(bound, "en", evidence=(bound.index("mislead"), len(bound) - 1))
        == "requires"
    )


def test_duty_in_a_quotation_binds_nobody() -> None:
    """What is quoted after other words is no duty; a sentence that is a quotation is one."""
    assert (
        classify_position('The old code said that firms "must keep logs".', "en")
        is not Position.REQUIRES
    )
    assert classify_position("“Firms must keep logs.”", "en") is Position.REQUIRES
