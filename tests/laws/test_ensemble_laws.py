"""Laws of combining coders, over generated codings."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from qiutong.ensemble import (
    bound_overlaps,
    combine_codings,
    judge_coders,
    read_rule,
    read_votes,
    tally_codes,
)
from qiutong.model import Code, Codebook, Coding, Document, Grade, Party
from qiutong.overlap import lineage, measure_overlap
from qiutong.reliability import Draws
from qiutong.settings import Thresholds

PARENTS = {"a": "", "a.x": "a", "a.x.y": "a.x", "a.z": "a", "b": ""}
BOOK = Codebook(
    id="b",
    version="1",
    title={"en": "B"},
    dimensions={"d": {"en": "D"}},
    codes=tuple(
        Code(id=one, dimension="d", label={"en": one}, definition={"en": one}, parent=parent)
        for one, parent in PARENTS.items()
    ),
)
LINES = lineage(BOOK)
DOCUMENTS = [
    Document(id=f"{party}-{n}", party=party, title="") for party in ("us", "cn") for n in (1, 2, 3)
]
PLACES = {one.id: [f"{one.id}:1", f"{one.id}:2"] for one in DOCUMENTS}
SEGMENTS = [one for held in PLACES.values() for one in held]
PARTIES = [Party(id="us"), Party(id="cn")]
ORDER = [
    Grade.ABSENT, Grade.ONE_SIDED, Grade.PARTIAL, Grade.LIMITED, Grade.MODERATE, Grade.STRONG
]  # fmt: skip
RULES = ("unanimous", "majority", "any", "1", "2")


@st.composite
def member(draw):
    """What one coder gave: a code and a span in some provisions."""
    cells = draw(
        st.sets(st.tuples(st.sampled_from(SEGMENTS), st.sampled_from(list(PARENTS))), max_size=20)
    )
    codings = []
    for segment, code in sorted(cells):
        start = draw(st.integers(0, 20))
        codings.append(
            Coding(
                document=segment.partition(":")[0], code=code, coder="m", codebook=BOOK.name,
                segment=segment, evidence_start=start,
                evidence_end=start + draw(st.integers(1, 20)),
            )
        )  # fmt: skip
    return codings


def teams(least=2, most=4):
    """Two to four coders."""
    return st.lists(member(), min_size=least, max_size=most).map(
        lambda held: {f"m{at}": one for at, one in enumerate(held)}
    )


def combine(members, rule):
    votes = read_votes(members, PLACES, BOOK)
    return combine_codings(members, votes, read_rule(rule, len(members)), "c", BOOK)


def closed(codings):
    """Cells with a code, and those that it brings along."""
    return {(one.segment, code) for one in codings for code in LINES[one.code]}


@given(teams())
def test_unanimous_is_part_of_majority_and_majority_of_any(members):
    """A rule that asks for more gives no more."""
    held = [closed(combine(members, rule).codings) for rule in ("unanimous", "majority", "any")]
    assert held[0] <= held[1] <= held[2]


@given(teams(), st.sampled_from(RULES))
def test_what_stands_is_what_enough_members_gave_and_nothing_is_both(members, rule):
    """Ancestors follow; undecided cells are those between the two numbers."""
    asked = read_rule(rule, len(members))
    found = combine(members, rule)
    each = [closed(one) for one in members.values()]
    counts = {cell: sum(cell in one for one in each) for cell in set().union(*each)}
    assert closed(found.codings) == {
        cell for cell, count in counts.items() if count >= asked.given_from
    }
    undecided = closed(found.undecided) - closed(found.codings)
    assert undecided == {
        cell for cell, count in counts.items() if asked.absent_to < count < asked.given_from
    }
    for one in (*found.codings, *found.undecided):
        assert one.confidence == counts[one.segment, one.code] / len(members)


@given(teams(most=3), st.sampled_from(RULES))
def test_the_order_of_members_does_not_change_the_codes(members, rule):
    """Nor their confidence, nor the evidence, nor what is undecided."""

    def told(held):
        return [
            {
                (one.segment, one.code, one.confidence, one.evidence_start, one.evidence_end)
                for one in part
            }
            for part in (held.codings, held.undecided)
        ]

    first = told(combine(members, rule))
    for order in permutations(members):
        assert told(combine({name: members[name] for name in order}, rule)) == first


@given(member(), st.sampled_from(("unanimous", "majority", "any", "1")))
def test_one_member_is_itself(codings, rule):
    """Its own codes, none undecided, all sure."""
    held = combine({"m": codings}, rule)
    assert closed(held.codings) == closed(codings)
    assert held.undecided == ()
    assert {one.confidence for one in held.codings} <= {1.0}


@given(teams(), st.sampled_from(RULES))
def test_evidence_is_a_members_own(members, rule):
    """A span that some member gave for the code, or for one below it, in that provision."""
    own = {
        (one.segment, code, one.evidence_start, one.evidence_end)
        for codings in members.values()
        for one in codings
        for code in LINES[one.code]
    }
    for one in combine(members, rule).codings:
        assert (one.segment, one.code, one.evidence_start, one.evidence_end) in own


@given(teams(), st.sampled_from(RULES))
def test_tallies_add_up_and_documents_decide_no_less_where_provisions_do(members, rule):
    """Given, absent and undecided are all there is; a document given has a provision given."""
    votes = read_votes(members, PLACES, BOOK)
    asked = read_rule(rule, len(members))
    for one in tally_codes(votes, asked):
        for part in (one.provisions, one.documents):
            assert part.given + part.absent + part.undecided == part.cells
            assert 0.0 <= part.coverage <= 1.0
            assert asked.abstains or part.coverage == 1.0
        assert (one.documents.given > 0) == (one.provisions.given > 0)
        assert one.elsewhere <= one.documents.cells - one.documents.given


@settings(deadline=None)
@given(teams(), st.sampled_from(("unanimous", "majority")), st.data())
def test_bounds_hold_whatever_the_undecided_cells_are(members, rule, data):
    """Any way of deciding them gives shares and grades between the two bounds."""
    found = combine(members, rule)
    some = (
        data.draw(st.lists(st.sampled_from(found.undecided), unique=True))
        if found.undecided
        else []
    )
    counts = {one.id: 2 for one in DOCUMENTS}
    low, true, high = (
        measure_overlap(DOCUMENTS, counts, held, BOOK, PARTIES, Thresholds())
        for held in (
            found.codings, (*found.codings, *some), (*found.codings, *found.undecided),
        )
    )  # fmt: skip
    for bound, one in zip(bound_overlaps(low, high), true, strict=True):
        for party, share in one.prevalence.items():
            assert bound.low[party] <= share.value <= bound.high[party]
        places = [ORDER.index(grade) for grade in (bound.grade_low, one.grade, bound.grade_high)]
        assert places == sorted(places)
        assert bound.depends == (bound.grade_low != bound.grade_high)


@settings(deadline=None)
@given(teams(), member())
def test_recall_grows_from_rule_to_rule_and_unanimity_loses_none_that_is_decided(members, codings):
    """A rule that asks for less finds no less; precision of decided cells is that of unanimity."""
    votes = read_votes(members, PLACES, BOOK)
    true = read_votes({"r": codings}, PLACES, BOOK).given[0]
    said = dict(zip(votes.members, votes.given, strict=True))
    judged = {
        one.who: one
        for one in judge_coders(
            said, votes.counts, true, votes.document, Draws(0.95, 20, 1), "provision",
            ("any", "unanimous"),
        )
    }  # fmt: skip
    assert judged["decided"].precision.value == judged["unanimous"].precision.value
    if judged["any"].recall.value is not None:
        assert judged["unanimous"].recall.value <= judged["any"].recall.value
