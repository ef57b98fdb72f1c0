"""Combining coders: rules, what stands and what is undecided, evidence, agreement worked by hand."""

import numpy as np
import pytest

from qiutong.ensemble import (
    Combined,
    bound_overlaps,
    combine_codings,
    compare_members,
    judge_coders,
    judge_levels,
    read_rule,
    read_votes,
    tally_cells,
    tally_codes,
)
from qiutong.errors import InputError, UnknownName
from qiutong.model import Code, Codebook, Coding, Document, Grade, Party, Position
from qiutong.overlap import measure_overlap
from qiutong.reliability import Draws
from qiutong.settings import Thresholds

DRAWS = Draws(0.95, 100, 1)


def code(identity: str, parent: str = "") -> Code:
    words = {"en": identity, "zh": identity}
    return Code(id=identity, dimension="d", label=words, definition=words, parent=parent)


BOOK = Codebook(
    id="invented",
    version="1",
    title={"en": "Invented"},
    dimensions={"d": {"en": "D"}},
    codes=(code("test"), code("test.red", "test"), code("test.audit", "test"), code("label")),
)
PLACES = {"act": ["act:1", "act:2"], "rule": ["rule:1"]}


def given(
    segment: str,
    identity: str,
    span: tuple[int, int] = (0, 50),
    position: Position | None = None,
) -> Coding:
    return Coding(
        document=segment.partition(":")[0], code=identity, coder="x", codebook=BOOK.name,
        segment=segment, evidence_start=span[0], evidence_end=span[1], position=position,
    )  # fmt: skip


def combined(rule: str, **members: list[Coding]) -> Combined:
    votes = read_votes(members, PLACES, BOOK)
    return combine_codings(members, votes, read_rule(rule, len(members)), "agreed", BOOK)


def cells(codings: tuple[Coding, ...]) -> dict[tuple[str, str], float | None]:
    return {(one.segment, one.code): one.confidence for one in codings}


# --------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("name", "members", "bounds"),
    [
        ("unanimous", 3, (3, 0)), ("majority", 2, (2, 0)), ("majority", 3, (2, 1)),
        ("majority", 4, (3, 1)), ("any", 3, (1, 0)), ("2", 3, (2, 1)), ("unanimous", 1, (1, 0)),
        ("majority", 1, (1, 0)),
    ],
)  # fmt: skip
def test_a_rule_says_from_how_many_a_code_stands(
    name: str, members: int, bounds: tuple[int, int]
) -> None:
    """From so many it stands, up to so many it is absent, and between the two nothing is said."""
    rule = read_rule(name, members)
    assert (rule.given_from, rule.absent_to) == bounds
    assert rule.abstains is (bounds[0] - bounds[1] > 1)


@pytest.mark.parametrize("name", ["most", "0", "4", "-1", "2.5", "٣", ""])
def test_a_rule_that_cannot_be_used_is_named_with_those_that_can(name: str) -> None:
    """Words and numbers that ask for more coders than there are."""
    with pytest.raises(
        InputError, match=r"allowed: unanimous, majority, any, or how many of the 3"
    ):
        read_rule(name, 3)


def test_each_rule_says_what_it_does_in_both_languages() -> None:
    """The coder's description stands in reports of both languages."""
    for name in ("unanimous", "majority", "any", "2"):
        en, zh = read_rule(name, 3).describe(["li", "anna", "llm:m"]).splitlines()
        assert "li, anna, llm:m" in en
        assert "li、anna、llm:m" in zh


# --------------------------------------------------------------------------- combining


def test_what_all_gave_stands_and_what_some_gave_is_undecided() -> None:
    """Nobody's code is absent without a word; confidence and memo say who gave it."""
    held = combined(
        "unanimous",
        li=[given("act:1", "label"), given("act:2", "label")],
        anna=[given("act:1", "label")],
    )
    assert cells(held.codings) == {("act:1", "label"): 1.0}
    assert cells(held.undecided) == {("act:2", "label"): 0.5}
    assert [one.memo for one in (*held.codings, *held.undecided)] == ["li, anna", "li"]
    assert {one.coder for one in held.codings} == {"agreed"}


def test_members_that_name_two_children_agree_on_the_parent() -> None:
    """The parent stands by what both imply, and each child is undecided."""
    held = combined(
        "unanimous", li=[given("act:1", "test.red")], anna=[given("act:1", "test.audit")]
    )
    assert cells(held.codings) == {("act:1", "test"): 1.0}
    assert cells(held.undecided) == {("act:1", "test.red"): 0.5, ("act:1", "test.audit"): 0.5}


def test_a_code_that_follows_from_one_below_it_is_not_repeated() -> None:
    """The parent that only one member wrote down is implied by the child all gave."""
    held = combined(
        "unanimous",
        li=[given("act:1", "test.red"), given("act:1", "test")],
        anna=[given("act:1", "test.red")],
    )
    assert cells(held.codings) == {("act:1", "test.red"): 1.0}
    assert held.undecided == ()


def test_a_majority_leaves_only_an_exact_half_undecided() -> None:
    """Two of three stand, one of three is absent; two of four are neither."""
    two, one = [given("act:1", "label"), given("act:2", "label")], [given("act:1", "label")]
    three = combined("majority", a=two, b=one, c=[])
    assert cells(three.codings) == {("act:1", "label"): pytest.approx(2 / 3)}
    assert three.undecided == ()
    four = combined("majority", a=two, b=one, c=[], d=[])
    assert four.codings == ()
    assert cells(four.undecided) == {("act:1", "label"): 0.5}


def test_a_number_and_any_never_abstain() -> None:
    """Below the number a code is absent."""
    one, other = [given("act:1", "label")], [given("act:1", "label"), given("act:2", "label")]
    assert cells(combined("2", a=one, b=other, c=[]).codings) == {
        ("act:1", "label"): pytest.approx(2 / 3)
    }
    assert len(combined("any", a=one, b=other, c=[]).codings) == 2
    for rule in ("2", "any"):
        assert combined(rule, a=one, b=other, c=[]).undecided == ()


@pytest.mark.parametrize(
    ("spans", "chosen"),
    [
        ([(0, 50), (10, 20), (15, 30)], (10, 20)),  # all three meet all three: the shortest
        ([(0, 50), (10, 20), (25, 30)], (0, 50)),  # only the first meets all three
        ([(0, 10), (20, 40), (30, 45)], (30, 45)),  # two meet, the first is alone
        ([(30, 40), (0, 10), (50, 60)], (0, 10)),  # none meet: as short, first in the text
    ],
)
def test_the_evidence_is_the_span_that_meets_most_members(
    spans: list[tuple[int, int]], chosen: tuple[int, int]
) -> None:
    """Spans that only touch do not meet."""
    members = {f"m{at}": [given("act:1", "label", span)] for at, span in enumerate(spans)}
    [held] = combined("any", **members).codings
    assert (held.evidence_start, held.evidence_end) == chosen


def test_the_position_is_that_of_most_members_and_of_the_first_among_equals() -> None:
    """A member without a position has no say."""
    requires, warns = Position.REQUIRES, Position.WARNS
    votes = {"a": warns, "b": requires, "c": requires}
    members = {name: [given("act:1", "label", position=one)] for name, one in votes.items()}
    assert combined("any", **members).codings[0].position is requires
    members["c"] = [given("act:1", "label")]
    assert combined("any", **members).codings[0].position is warns
    assert combined("any", a=members["c"]).codings[0].position is None


def test_the_position_is_of_the_code_itself_where_a_child_was_given_too() -> None:
    """A coding of the code says more of it than one of a code below."""
    held = combined(
        "unanimous",
        a=[given("act:1", "test.red", position=Position.WARNS),
           given("act:1", "test", position=Position.REQUIRES)],
        b=[given("act:1", "test.audit", position=Position.REQUIRES)],
    )  # fmt: skip
    assert [(one.code, one.position) for one in held.codings] == [("test", Position.REQUIRES)]


def test_a_code_the_codebook_lacks_is_named_with_its_coder() -> None:
    """Codings of another codebook are not passed over in silence."""
    with pytest.raises(UnknownName, match=r'codings of li: unknown code "lable"'):
        read_votes({"li": [given("act:1", "lable")]}, PLACES, BOOK)


# --------------------------------------------------------------------------- agreement


def test_decided_cells_are_counted_over_provisions_and_documents() -> None:
    """One provision agreed, one given by each alone: the document has it in the first case only."""
    votes = read_votes(
        {
            "a": [given("act:1", "label"), given("act:1", "test"), given("rule:1", "test")],
            "b": [given("act:1", "label"), given("act:2", "test")],
        },
        PLACES,
        BOOK,
    )
    rule = read_rule("unanimous", 2)
    by_code = {one.code: one for one in tally_codes(votes, rule)}
    label, test = by_code["label"], by_code["test"]
    shape = ("cells", "given", "absent", "undecided")
    assert [getattr(label.provisions, one) for one in shape] == [3, 1, 2, 0]
    assert [getattr(label.documents, one) for one in shape] == [2, 1, 1, 0]
    assert [getattr(test.provisions, one) for one in shape] == [3, 0, 0, 3]
    assert [getattr(test.documents, one) for one in shape] == [2, 0, 0, 2]
    assert (label.elsewhere, test.elsewhere) == (0, 1)  # both gave it to the act, in two places
    assert (label.provisions.met, test.provisions.met) == (1.0, 0.0)
    assert by_code["test.red"].provisions.met is None
    everything = tally_cells(votes.counts, rule)
    assert (everything.cells, everything.given, everything.undecided) == (12, 1, 3)
    assert everything.coverage == pytest.approx(9 / 12)


def test_kappa_of_two_members_is_cohens() -> None:
    """20 both, 5 and 10 one alone, 15 neither: agreement .70, by chance .50, kappa .40."""
    book = Codebook(
        id="one", version="1", title={"en": ""}, dimensions={"d": {"en": "D"}},
        codes=(code("label"),),
    )  # fmt: skip
    places = {"d1": [f"d1:{n}" for n in range(25)], "d2": [f"d2:{n}" for n in range(25)]}
    every = [one for held in places.values() for one in held]
    votes = read_votes(
        {
            "a": [given(one, "label") for one in every[:25]],
            "b": [given(one, "label") for one in (*every[:20], *every[25:35])],
        },
        places,
        book,
    )
    [pair] = compare_members(votes, DRAWS)
    assert pair.provisions.value == pytest.approx(0.4)
    assert pair.documents.value == 0.0  # one gave it to one document of two, the other to both
    [same] = compare_members(votes._replace(given=np.ones_like(votes.given)), DRAWS)
    assert same.provisions.value is None
    assert "chance" in same.provisions.undefined


def test_levels_say_how_often_the_reference_has_the_code() -> None:
    """By number of givers, from all to none."""
    counts = np.array([[2, 1], [2, 0], [1, 0]])
    true = np.array([[True, True], [False, False], [False, True]])
    levels = judge_levels(counts, 2, true, np.array([0, 0, 1]), DRAWS, "provision")
    held = [(one.given_by, one.cells, one.with_code.value) for one in levels]
    assert held == [(2, 2, 0.5), (1, 2, 0.5), (0, 2, 0.5)]
    assert [one.share for one in levels] == [pytest.approx(1 / 3)] * 3
    nothing = judge_levels(np.array([[2]]), 2, np.array([[True]]), np.array([0]), DRAWS, "x")
    assert nothing[1].with_code.value is None
    assert nothing[1].with_code.undefined
    assert nothing[0].with_code.no_interval  # one document


def test_members_and_rules_are_judged_over_all_cells_and_over_decided_ones() -> None:
    """Worked by hand; a majority of two is both, and stands once."""
    a = np.array([[True, True], [True, False], [False, False]])
    b = np.array([[True, False], [True, False], [True, False]])
    true = np.array([[True, True], [False, False], [False, False]])
    document = np.array([0, 1, 2])
    judged = judge_coders({"a": a, "b": b}, a.astype(int) + b, true, document, DRAWS, "provision")
    held = {
        one.who: (one.cells, one.precision.value, one.recall.value, one.f1.value) for one in judged
    }
    assert held == {
        "a": (6, pytest.approx(2 / 3), 1.0, pytest.approx(0.8)),
        "b": (6, pytest.approx(1 / 3), 0.5, pytest.approx(0.4)),
        "unanimous": (6, 0.5, 0.5, 0.5),
        "any": (6, 0.5, 1.0, pytest.approx(2 / 3)),
        "decided": (4, 0.5, 1.0, pytest.approx(2 / 3)),
    }
    # a: 5 of 6 agree; by chance (3·2 + 3·4) / 36 = .5
    assert {one.who: one.kappa.value for one in judged}["a"] == pytest.approx(2 / 3)


# --------------------------------------------------------------------------- bounds


def test_bounds_count_undecided_documents_as_none_and_as_all() -> None:
    """The US speaks in one of two documents for sure; China in none for sure and two perhaps."""
    documents = [
        Document(id=f"{party}{n}", party=party, title="") for party in ("us", "cn") for n in (1, 2)
    ]
    parties = [Party(id="us"), Party(id="cn")]
    sure = [given("us1:1", "label")]
    open_ = [given("us1:2", "label"), given("cn1:1", "label"), given("cn2:1", "label")]
    segments = {one.id: 2 for one in documents}
    low, high = (
        measure_overlap(documents, segments, held, BOOK, parties, Thresholds())
        for held in (sure, [*sure, *open_])
    )
    bounds = {one.code: one for one in bound_overlaps(low, high)}
    label = bounds["label"]
    assert (label.low, label.high) == ({"us": 0.5, "cn": 0.0}, {"us": 0.5, "cn": 1.0})
    assert (label.grade_low, label.grade_high, label.depends) == (
        Grade.ONE_SIDED, Grade.STRONG, True,
    )  # fmt: skip
    assert not bounds["test"].depends
