"""Laws of prevalence, grades and evidence, over generated corpora."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qiutong.evidence import collect_passages, find_counter_evidence, pair_passages
from qiutong.model import Code, Codebook, Coding, Document, Grade, Party, Position, Segment
from qiutong.overlap import grade_overlap, measure_overlap, wilson_interval
from qiutong.settings import StabilitySettings, Thresholds

CODES = ("a", "a.x", "b")
BOOK = Codebook(
    id="law",
    version="1",
    title={},
    dimensions={},
    codes=tuple(
        Code(id=c, parent="a" if c == "a.x" else "", dimension="d", label={}, definition={})
        for c in CODES
    ),
)
FEW = StabilitySettings(resamples=100)


@st.composite
def corpora(draw, parties=("us", "cn")):
    """Documents of each party, with codings of invented segments."""
    documents = [
        Document(id=f"{party}-{n}", party=party, title="")
        for party in parties
        for n in range(draw(st.integers(1, 6)))
    ]
    codings = draw(
        st.lists(
            st.builds(
                lambda document, code, segment: Coding(
                    document=document.id,
                    code=code,
                    coder="rule",
                    codebook="law@1",
                    segment=f"{document.id}:{segment}" if segment else "",
                ),
                st.sampled_from(documents),
                st.sampled_from(CODES),
                st.integers(0, 3),
            ),
            max_size=30,
        )
    )
    return documents, codings


def measure(documents, codings, parties=("us", "cn"), stability=FEW, thresholds=None):
    """Measure with the law's codebook."""
    return measure_overlap(
        documents,
        {d.id: 3 for d in documents},
        codings,
        BOOK,
        [Party(id=party) for party in parties],
        thresholds or Thresholds(),
        stability,
    )


@given(corpora(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_order_and_repetition_of_input_change_nothing(corpus, shuffler):
    """Everything measured, stability too, is the same for shuffled and repeated input."""
    documents, codings = corpus
    mixed, again = list(documents), [*codings, *codings[:5]]
    shuffler.shuffle(mixed)
    shuffler.shuffle(again)

    assert measure(documents, codings) == measure(mixed, again)


@given(corpora())
@settings(max_examples=60, deadline=None)
def test_another_speaking_document_never_lowers_the_overlap(corpus):
    """A further document with the code, of the lowest party, leaves p the same or higher."""
    documents, codings = corpus
    before = measure(documents, codings, stability=None)[2]
    lowest = min(before.prevalence, key=lambda party: before.prevalence[party].value)
    more = Document(id="more", party=lowest, title="")
    says = Coding(document="more", code="b", coder="rule", codebook="law@1")

    after = measure([*documents, more], [*codings, says], stability=None)[2]

    assert after.prevalence[lowest].value >= before.prevalence[lowest].value
    assert after.lowest >= before.lowest


@given(corpora())
@settings(max_examples=40, deadline=None)
def test_swapping_the_parties_names_swaps_the_results(corpus):
    """Nothing hangs on which party is which."""
    documents, codings = corpus
    other = {"us": "cn", "cn": "us"}
    renamed = [Document(id=d.id, party=other[d.party], title="") for d in documents]

    for one, two in zip(
        measure(documents, codings, stability=None),
        measure(renamed, codings, stability=None),
        strict=True,
    ):
        assert one.grade is two.grade
        assert one.lowest == two.lowest
        for party, mirror in other.items():
            assert one.prevalence[party] == two.prevalence[mirror]
            assert one.salience[party] == two.salience[mirror]
            assert one.documents[party] == two.documents[mirror]


@given(corpora(parties=("us", "cn", "eu")), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
@settings(max_examples=60, deadline=None)
def test_shares_lie_in_range_and_grades_follow_the_lowest(corpus, one, two):
    """Grades agree with their definition, for any thresholds and three parties."""
    documents, codings = corpus
    thresholds = Thresholds(strong=max(one, two), moderate=min(one, two))

    for overlap in measure(documents, codings, ("us", "cn", "eu"), FEW, thresholds):
        values = [share.value for share in overlap.prevalence.values()]
        assert all(0.0 <= value <= 1.0 for value in values)
        assert overlap.lowest == min(values)
        speaking = sum(value > 0 for value in values)
        if speaking < 3:
            expected = (Grade.ABSENT, Grade.ONE_SIDED, Grade.PARTIAL)[speaking]
            assert overlap.grade is expected
        else:
            assert overlap.grade in (Grade.STRONG, Grade.MODERATE, Grade.LIMITED)
        assert grade_overlap(overlap.prevalence, thresholds) is overlap.grade
        assert abs(sum(overlap.stability.resampled.values()) - 1.0) < 1e-9
        assert overlap.stability.agreement == overlap.stability.resampled[overlap.grade]


@given(corpora())
@settings(max_examples=40, deadline=None)
def test_a_parent_is_never_rarer_than_its_child(corpus):
    """Whoever speaks of the child speaks of the parent."""
    parent, child, _ = measure(*corpus, stability=None)

    for party in ("us", "cn"):
        assert parent.prevalence[party].count >= child.prevalence[party].count
        assert parent.salience[party].count >= child.salience[party].count


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_holds_its_value_and_mirrors(pair):
    """0 ≤ low ≤ value ≤ high ≤ 1, and failures have the mirrored interval."""
    count, total = pair
    share, rest = wilson_interval(count, total), wilson_interval(total - count, total)

    assert 0.0 <= share.low <= share.value <= share.high <= 1.0
    assert abs(share.low - (1.0 - rest.high)) < 1e-9


@given(st.integers(0, 50), st.floats(0.5, 0.9), st.floats(0.91, 0.999))
def test_more_confidence_never_narrows_an_interval(count, less, more):
    """The interval at a higher level holds the one at a lower level."""
    narrow, wide = wilson_interval(count, 50, less), wilson_interval(count, 50, more)

    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


# Mixed text is the normal case: Han, astral characters, full-width forms, plain English.
TEXTS = st.text(alphabet="安全应当标识。；（𠮷😀Ａ model shall not.", min_size=4, max_size=60)


@st.composite
def coded_texts(draw):
    """Documents with text, segments that tile it and codings with spans inside them."""
    documents, segments, codings = [], {}, []
    for party in ("us", "cn"):
        for n in range(draw(st.integers(1, 3))):
            text = draw(TEXTS)
            document = Document(id=f"{party}-{n}", party=party, title="", text=text)
            documents.append(document)
            cut = draw(st.integers(1, len(text) - 1))
            for start, end in ((0, cut), (cut, len(text))):
                segment = Segment(
                    id=f"{document.id}:{start}-{end}",
                    document=document.id,
                    locator="1",
                    start=start,
                    end=end,
                    text=text[start:end],
                    language="zh",
                )
                segments[segment.id] = segment
                low = draw(st.integers(start, end - 1))
                codings.append(
                    Coding(
                        document=document.id,
                        code=draw(st.sampled_from(CODES)),
                        coder="rule",
                        codebook="law@1",
                        segment=segment.id,
                        evidence_start=low,
                        evidence_end=draw(st.integers(low + 1, end)),
                        confidence=draw(st.none() | st.floats(0.0, 1.0)),
                        position=draw(st.none() | st.sampled_from(list(Position))),
                    )
                )
    return documents, segments, codings


def letters(text):
    """A vector of a text from its characters: no model, yet alike for like texts."""
    vector = np.zeros(16)
    for character in text:
        vector[ord(character) % 16] += 1.0
    return vector


@given(coded_texts(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_every_passage_is_an_exact_quote_whatever_the_order(coded, shuffler):
    """``document.text[start:end] == text`` for every passage shown; order of input is nothing."""
    documents, segments, codings = coded
    mixed = list(codings)
    shuffler.shuffle(mixed)
    text_of = {d.id: d.text for d in documents}
    overlaps = {
        o.code: o
        for o in measure_overlap(
            documents,
            {d.id: 2 for d in documents},
            codings,
            BOOK,
            [Party(id="us"), Party(id="cn")],
            Thresholds(),
        )
    }

    gathered = collect_passages(documents, segments, codings, BOOK)

    assert gathered == collect_passages(documents, segments, mixed, BOOK)
    for code, by_party in gathered.items():
        pairs = pair_passages(code, by_party, letters)
        against = find_counter_evidence(
            code, by_party, {}, overlaps[code], vector=letters, documents=documents
        )
        shown = [p for passages in by_party.values() for p in passages]
        shown += [p for pair in pairs for p in pair.passages]
        shown += [p for one in against for p in (one.passage, one.against) if p]
        for passage in shown:
            assert text_of[passage.document][passage.start : passage.end] == passage.text
            start, end = passage.segment_start, passage.segment_end
            assert text_of[passage.document][start:end] == passage.segment_text
        for pair in pairs:
            assert {p.party for p in pair.passages} == {"us", "cn"}
        assert len(pairs) <= 3
        assert len(against) <= 3
