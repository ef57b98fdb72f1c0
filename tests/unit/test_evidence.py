"""Passages, pairs and counter-evidence on invented provisions with hand-made vectors."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from qiutong.errors import InputError, UnknownName
from qiutong.evidence import (
    CANDIDATES,
    WEIGHTS,
    collect_passages,
    find_counter_evidence,
    list_examples,
    list_other_codes,
    pair_codes,
    pair_passages,
)
from qiutong.model import (
    Code,
    Codebook,
    Coding,
    Document,
    Force,
    Instrument,
    IssuerType,
    Party,
    Passage,
    Position,
    Rivalry,
    Segment,
    Status,
)
from qiutong.overlap import measure_overlap
from qiutong.settings import Thresholds

US = Party(id="us", name={"en": "United States", "zh": "美国"})
CN = Party(id="cn", name={"en": "China", "zh": "中国"})
BOOK = Codebook(
    id="test",
    version="1",
    title={},
    dimensions={},
    codes=tuple(
        Code(id=code, parent=parent, dimension="d", label={}, definition={})
        for code, parent in (("a", ""), ("a.x", "a"), ("b", ""))
    ),
)
# Whole sentences of readable length, so that length does not decide where a test asks another thing.
EN = "Providers shall mark generated pictures so that people can tell what they look at."
ZH = "提供者应当对生成的图片添加标识，使公众能够识别。"


def say(party, text, position=Position.REQUIRES, *, doc=None, confidence=0.8, start=0):
    """One passage that is its whole segment."""
    document = doc or f"{party}-1"
    end = start + len(text)
    return Passage(
        document=document,
        party=party,
        segment=f"{document}:{start}-{end}",
        locator="1",
        start=start,
        end=end,
        text=text,
        segment_start=start,
        segment_end=end,
        segment_text=text,
        language="zh" if party == "cn" else "en",
        position=position,
        confidence=confidence,
    )


def angles(**degrees):
    """Vectors of texts by their first word or character, as directions in a plane."""

    def vector(text):
        for key, angle in degrees.items():
            if text.startswith(key):
                return np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        return None

    return vector


def overlap_of(by_party, documents=(), parties=(US, CN)):
    """Measured overlap of code "a" where each passage's document carries it."""
    named = {p.document: p.party for found in by_party.values() for p in found}
    known = list(documents) + [
        Document(id=d, party=party, title=d)
        for d, party in named.items()
        if d not in {one.id for one in documents}
    ]
    for party in parties:
        if not any(one.party == party.id for one in known):
            known.append(Document(id=f"{party.id}-silent", party=party.id, title="silent"))
    codings = [
        Coding(document=d, code="a", coder="rule", codebook="test@1", segment="s") for d in named
    ]
    sizes = {d.id: 9 for d in known}
    overlaps = measure_overlap(known, sizes, codings, BOOK, parties, Thresholds())
    return next(o for o in overlaps if o.code == "a")


def kinds(found):
    """Kinds in order."""
    return [one.kind for one in found]


# ------------------------------------------------------------------ collecting

TEXT = "第一条 提供者应当添加标识。第二条 鼓励研究。"
DOCUMENT = Document(id="d", party="cn", title="t", text=TEXT, language="zh")
SEGMENTS = {
    f"d:{s}-{e}": Segment(
        id=f"d:{s}-{e}",
        document="d",
        locator=locator,
        start=s,
        end=e,
        text=TEXT[s:e],
        language="zh",
        page=2,
    )
    for s, e, locator in ((0, 14, "第一条"), (14, 23, "第二条"))
}


def code_it(code="a", segment="d:0-14", span=(4, 14), confidence=0.5, position=None):
    """A coding of the document."""
    return Coding(
        document="d",
        code=code,
        coder="rule",
        codebook="test@1",
        segment=segment,
        evidence_start=span[0],
        evidence_end=span[1],
        confidence=confidence,
        position=position,
    )


def test_a_passage_quotes_its_evidence_with_the_provision_around_it():
    """Text, offsets, locator and page are those of the source."""
    gathered = collect_passages([DOCUMENT], SEGMENTS, [code_it()], BOOK)

    (passage,) = gathered["a"]["cn"]
    assert passage.text == TEXT[4:14] == "提供者应当添加标识。"
    assert (passage.start, passage.end) == (4, 14)
    assert passage.segment_text == TEXT[0:14]
    assert (passage.locator, passage.page, passage.language) == ("第一条", 2, "zh")


def test_without_a_span_the_whole_segment_is_quoted():
    """A person may code a provision without marking words."""
    gathered = collect_passages([DOCUMENT], SEGMENTS, [code_it(span=(None, None))], BOOK)

    assert gathered["a"]["cn"][0].text == SEGMENTS["d:0-14"].text


def test_a_childs_passage_counts_once_for_its_ancestor():
    """Two codings of one span give one passage, the more confident."""
    codings = [code_it("a.x", confidence=0.4), code_it("a", confidence=0.9)]

    gathered = collect_passages([DOCUMENT], SEGMENTS, codings, BOOK)

    assert [p.confidence for p in gathered["a"]["cn"]] == [0.9]
    assert [p.confidence for p in gathered["a.x"]["cn"]] == [0.4]
    assert "b" not in gathered


def test_document_level_codings_and_joint_texts_give_no_partys_passage():
    """A joint text's passages are gathered only when asked for."""
    joint = Document(id="d", party="un", title="t", text=TEXT, endorsed_by=("us", "cn"))
    whole = Coding(document="d", code="a", coder="p", codebook="test@1")

    assert collect_passages([DOCUMENT], SEGMENTS, [whole], BOOK) == {}
    assert collect_passages([joint], SEGMENTS, [code_it()], BOOK) == {}
    assert list(collect_passages([joint], SEGMENTS, [code_it()], BOOK, joint=True)["a"]) == ["un"]
    assert collect_passages([], SEGMENTS, [code_it(code="gone")], BOOK) == {}


@pytest.mark.parametrize("span", [(4, 4), (4, 15), (-1, 3), (12, 20)])
def test_evidence_outside_its_segment_is_refused(span):
    """The error names code, coder, segment and span."""
    with pytest.raises(InputError, match=r"a by rule in d:0-14.*outside the segment 0-14"):
        collect_passages([DOCUMENT], SEGMENTS, [code_it(span=span)], BOOK)


def test_unknown_codes_and_segments_are_named():
    """Nothing is dropped silently."""
    with pytest.raises(UnknownName, match="zz"):
        collect_passages([DOCUMENT], SEGMENTS, [code_it(code="zz")], BOOK)
    with pytest.raises(UnknownName, match="d:1-2"):
        collect_passages([DOCUMENT], SEGMENTS, [code_it(segment="d:1-2")], BOOK)


# ------------------------------------------------------------------ pairs


def test_the_nearest_sentences_are_paired_across_languages():
    """Cosine ranks; each passage is quoted once."""
    by_party = {
        "us": (say("us", "Alpha " + EN), say("us", "Beta " + EN, doc="us-2")),
        "cn": (say("cn", "乙" + ZH), say("cn", "甲" + ZH, doc="cn-2")),
    }
    vector = angles(Alpha=0, 甲=20, Beta=90, 乙=100)

    first, second = pair_passages("a", by_party, vector)

    assert [p.text[0] for p in second.passages] == ["A", "甲"]
    assert [p.text[0] for p in first.passages] == ["B", "乙"]
    assert first.similarity == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert [p.party for p in first.passages] == ["us", "cn"]


def test_a_confident_readable_requirement_beats_a_fragment_and_a_mention():
    """With equal cosine, quality decides."""
    by_party = {
        "us": (
            say("us", "Marking", doc="us-0"),
            say("us", EN + " One", Position.MENTIONS, doc="us-1"),
            say("us", EN, doc="us-2", confidence=0.3),
            say("us", EN + " Two", doc="us-3"),
            say("us", EN * 20, doc="us-4"),
        ),
        "cn": (say("cn", ZH),),
    }

    (pair,) = pair_passages("a", by_party, lambda text: np.ones(2))

    assert pair.passages[0].document == "us-3"


def test_pairs_come_from_different_documents_where_they_can():
    """A slightly nearer sentence of a document already quoted gives way."""
    by_party = {
        "us": (
            say("us", "One " + EN, doc="us-1"),
            say("us", "Two " + EN, doc="us-1", start=200),
            say("us", "Three " + EN, doc="us-2"),
        ),
        "cn": (say("cn", "甲" + ZH, doc="cn-1"), say("cn", "乙" + ZH, doc="cn-2")),
    }
    vector = angles(One=0, 甲=0, Two=5, Three=20, 乙=5)

    pairs = pair_passages("a", by_party, vector)

    assert [[p.document for p in pair.passages] for pair in pairs] == [
        ["us-1", "cn-1"],
        ["us-2", "cn-2"],
    ]


def test_the_same_words_in_two_documents_are_quoted_once():
    """Boilerplate does not fill the list."""
    by_party = {
        "us": tuple(say("us", EN, doc=f"us-{n}") for n in range(3)),
        "cn": tuple(say("cn", f"{n}{ZH}", doc=f"cn-{n}") for n in range(3)),
    }

    assert len(pair_passages("a", by_party, lambda text: np.ones(2))) == 1


def test_without_vectors_confidence_ranks_and_similarity_is_unknown():
    """No embedder is no error; a cosine that was not measured is not given as 0."""
    by_party = {
        "us": (say("us", EN, confidence=0.2), say("us", EN + "!", confidence=0.9, doc="us-2")),
        "cn": (say("cn", ZH),),
    }

    for vector in (None, lambda text: None):
        (pair,) = pair_passages("a", by_party, vector)
        assert pair.passages[0].document == "us-2"
        assert pair.similarity is None


def test_pairs_with_a_cosine_come_before_pairs_without():
    """A sentence the embedder could not place is shown last."""
    by_party = {
        "us": (say("us", "Known " + EN, confidence=0.3), say("us", "Other " + EN, doc="us-2")),
        "cn": (say("cn", "甲" + ZH), say("cn", "乙" + ZH, doc="cn-2")),
    }

    pairs = pair_passages("a", by_party, angles(Known=0, 甲=60))

    assert pairs[0].similarity == pytest.approx(0.5)
    assert pairs[1].similarity is None


def test_a_provision_that_names_a_rival_is_no_common_ground():
    """Its passage is left out of pairs however near it is."""
    rival = say("us", "Rival " + EN)
    by_party = {"us": (rival, say("us", "Plain " + EN, doc="us-2")), "cn": (say("cn", ZH),)}
    hit = Rivalry(
        segment=rival.segment, document="us-1", party="us", named="cn", term="t", start=0, end=5
    )

    (pair,) = pair_passages("a", by_party, lambda text: np.ones(2), rivals={rival.segment: hit})

    assert pair.passages[0].document == "us-2"


@pytest.mark.parametrize(
    ("left", "right", "en", "zh"),
    [
        (Position.REQUIRES, Position.REQUIRES, "", ""),
        (Position.REQUIRES, None, "", ""),
        (
            Position.REQUIRES,
            Position.ENCOURAGES,
            "The wording differs in force: the passage from United States requires, the passage from China encourages.",
            "措辞力度不同：美国一段为“要求”，中国一段为“鼓励”。",
        ),
        (Position.WARNS, Position.REQUIRES, "The wording differs in force", "措辞力度不同"),
    ],
)
def test_a_note_says_where_positions_differ(left, right, en, zh):
    """In both languages, with the parties' names; nothing where a position is not known."""
    by_party = {"us": (say("us", EN, left),), "cn": (say("cn", ZH, right),)}

    (pair,) = pair_passages("a", by_party, lambda text: np.ones(2), parties=(US, CN))

    assert pair.note.startswith(en)
    assert pair.note_zh.startswith(zh)
    assert bool(pair.note) is bool(en)
    assert bool(pair.note_zh) is bool(zh)


def test_three_parties_give_one_passage_each():
    """The best pair is extended by the third party's nearest passage, also if a fourth is silent."""
    by_party = {
        "us": (say("us", "Alpha " + EN),),
        "cn": (say("cn", "甲" + ZH),),
        "eu": (say("eu", "Far " + EN), say("eu", "Near " + EN, doc="eu-2")),
        "in": (),
    }

    (pair,) = pair_passages("a", by_party, angles(Alpha=0, 甲=5, Far=80, Near=10))

    assert [p.party for p in pair.passages] == ["us", "cn", "eu"]
    assert pair.passages[2].document == "eu-2"
    mean = np.mean([np.cos(np.radians(a)) for a in (5, 10, 5)])
    assert pair.similarity == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("by_party", [{}, {"us": ()}, {"us": (say("us", EN),), "cn": ()}])
def test_one_speaking_party_makes_no_pair(by_party):
    """Nothing is paired with silence."""
    assert pair_passages("a", by_party, lambda text: np.ones(2)) == ()


def test_few_vectors_are_asked_for_however_many_passages():
    """The cost of a code is bounded."""
    asked = []
    by_party = {
        party: tuple(say(party, f"{n} {text}", doc=f"{party}-{n}") for n in range(500))
        for party, text in (("us", EN), ("cn", ZH))
    }

    def vector(text):
        asked.append(text)
        return np.ones(2)

    pairs = pair_passages("a", by_party, vector, limit=20)

    assert len(asked) == 2 * CANDIDATES
    assert len(pairs) == 20


def paper(identity, **facts):
    """A document that speaks for its party, unless a test says otherwise."""
    known = {
        "issuer_type": IssuerType.CENTRAL_GOVERNMENT,
        "instrument": Instrument.REGULATION,
        "force": Force.BINDING,
        "status": Status.IN_FORCE,
        **facts,
    }
    return Document(id=identity, party=identity[:2], title=identity, **known)


def chosen(us, cn, **known):
    """Documents of the first pair, where all cosines are the same."""
    pairs = pair_passages("a", {"us": us, "cn": cn}, lambda text: np.ones(2), **known)
    return [p.document for p in pairs[0].passages]


@pytest.mark.parametrize(
    "facts",
    [
        {"issuer_type": IssuerType.EXPERT_GROUP},
        {"issuer_type": IssuerType.UNKNOWN},
        {"force": Force.ASPIRATIONAL},
        {"status": Status.DRAFT},
        {"instrument": Instrument.DRAFT},
        {"instrument": Instrument.BILL, "status": Status.UNKNOWN},
        {"status": Status.EXPIRED, "status_date": date(2024, 5, 1)},
        {"status": Status.SUPERSEDED},
    ],
    ids=str,
)
def test_a_document_that_speaks_for_its_party_is_quoted_first(facts):
    """Experts, aims, drafts, bills and what has ended come after the government's own rule in force."""
    us = (say("us", "A " + EN, doc="us-0"), say("us", "B " + EN, doc="us-1"))
    documents = [paper("us-0", **facts), paper("us-1"), paper("cn-1")]

    found = chosen(us, (say("cn", ZH),), documents=documents, as_of=date(2024, 5, 1))

    assert found[0] == "us-1"


@pytest.mark.parametrize(
    ("issuer", "weaker"),
    [
        (IssuerType.CENTRAL_GOVERNMENT, IssuerType.SUBNATIONAL_GOVERNMENT),
        (IssuerType.COMPANY, IssuerType.INDUSTRY_ASSOCIATION),
    ],
)
def test_of_issuers_of_like_kind_the_one_with_more_say_is_quoted(issuer, weaker):
    """The central government before a city, a company for itself before its association."""
    us = (say("us", "A " + EN, doc="us-0"), say("us", "B " + EN, doc="us-1"))
    documents = [
        paper("us-0", issuer_type=weaker),
        paper("us-1", issuer_type=issuer),
        paper("cn-1", issuer_type=issuer),
    ]

    assert chosen(us, (say("cn", ZH),), documents=documents)[0] == "us-1"


def test_a_duty_is_quoted_before_a_mention_where_nothing_is_known_of_the_other_side():
    """Firmness counts by itself, not only as likeness."""
    us = (
        say("us", "A " + EN, Position.MENTIONS, doc="us-0"),
        say("us", "B " + EN, Position.REQUIRES, doc="us-1"),
    )

    assert chosen(us, (say("cn", ZH, None),))[0] == "us-1"


def test_a_document_that_ended_later_still_stood_on_the_day():
    """What a day's report quotes does not hang on what came after it."""
    us = (say("us", "A " + EN, doc="us-0"), say("us", "B " + EN, doc="us-1"))
    ended = {"status": Status.RESCINDED, "status_date": date(2024, 5, 1)}
    documents = [paper("us-0", **ended), paper("us-1"), paper("cn-1")]
    cn = (say("cn", ZH),)

    assert chosen(us, cn, documents=documents, as_of=date(2024, 4, 30))[0] == "us-0"
    assert chosen(us, cn, documents=documents, as_of=date(2024, 5, 1))[0] == "us-1"
    assert chosen(us, cn, documents=documents)[0] == "us-1"


@pytest.mark.parametrize(
    ("position", "other"),
    [
        (Position.REQUIRES, Position.MENTIONS),
        (Position.ENCOURAGES, Position.REQUIRES),
        (Position.WARNS, Position.ENCOURAGES),
        (Position.COMMITS, Position.WARNS),
        (Position.MENTIONS, Position.WARNS),
    ],
)
def test_passages_that_do_the_same_are_paired(position, other):
    """A duty stands beside a duty, a warning beside a warning."""
    us = (say("us", "A " + EN, other, doc="us-0"), say("us", "B " + EN, position, doc="us-1"))

    assert chosen(us, (say("cn", ZH, position),))[0] == "us-1"


def test_documents_of_like_kind_are_paired():
    """A law stands beside a law although a position paper is as near."""
    us = (say("us", "A " + EN, doc="us-0"), say("us", "B " + EN, doc="us-1"))
    soft = {"instrument": Instrument.POSITION_PAPER, "force": Force.VOLUNTARY}

    for cn_facts, wanted in (({"instrument": Instrument.LAW}, "us-1"), (soft, "us-0")):
        documents = [paper("us-0", **soft), paper("us-1"), paper("cn-1", **cn_facts)]
        assert chosen(us, (say("cn", ZH),), documents=documents)[0] == wanted


def test_what_both_readings_gave_is_quoted_before_what_one_gave():
    """Confidence 1 stands before confidence 0.5."""
    us = (
        say("us", "A " + EN, doc="us-0", confidence=0.5),
        say("us", "B " + EN, doc="us-1", confidence=1.0),
    )

    assert chosen(us, (say("cn", ZH),))[0] == "us-1"


def test_a_whole_sentence_is_quoted_before_half_of_one():
    """A span that breaks off in its provision comes after one that ends where the sentence does."""
    whole = say("us", EN, doc="us-1")
    text = EN + " And more of it."
    half = Passage(
        document="us-0", party="us", segment="us-0:0-99", locator="1", start=0, end=60,
        text=text[:60], segment_start=0, segment_end=len(text), segment_text=text, language="en",
        position=Position.REQUIRES, confidence=0.8,
    )  # fmt: skip

    assert chosen((half, whole), (say("cn", ZH),))[0] == "us-1"


def test_a_passage_with_one_subject_is_quoted_before_a_list_of_many():
    """Which other codes the words carry is told by the caller."""
    many, one = say("us", "A " + EN, doc="us-0"), say("us", "B " + EN, doc="us-1")
    others = {(many.document, many.start, many.end): {"b", "c", "d", "e"}}

    assert chosen((many, one), (say("cn", ZH),))[0] == "us-0"
    assert chosen((many, one), (say("cn", ZH),), others=others)[0] == "us-1"


def test_codes_that_both_passages_carry_do_not_count_against_the_pair():
    """Two passages about the same two things go before one about two beside one about one."""
    both, alone, cn = (
        say("us", "B " + EN, doc="us-1"),
        say("us", "A " + EN, doc="us-0"),
        say("cn", ZH),
    )
    others = {(one.document, one.start, one.end): {"b"} for one in (both, cn)}

    assert chosen((both, alone), (cn,))[0] == "us-0"
    assert chosen((both, alone), (cn,), others=others)[0] == "us-1"
    others["us-1", both.start, both.end] = {"c"}
    assert chosen((both, alone), (cn,), others=others)[0] == "us-0"


def test_doing_the_same_outweighs_all_that_only_makes_a_passage_fitter_to_quote():
    """A doubtful fragment of a document quoted before stands before a passage that does another thing."""
    like = say("us", "Mark", Position.MENTIONS, doc="us-1", confidence=0.0)
    unlike = say("us", EN, Position.REQUIRES, doc="us-0", confidence=1.0)
    used = [say("us", EN, doc="us-1", start=900)]
    cn = say("cn", ZH, Position.MENTIONS)

    assert chosen((unlike, like), (cn,), quoted=used)[0] == "us-1"


def test_other_codes_are_those_that_overlap_and_are_not_of_the_same_branch():
    """Parent and child are one subject; words elsewhere in the provision do not count."""
    codings = [
        code_it("a.x", span=(4, 14)),
        code_it("b", span=(8, 14)),
        code_it("b", span=(4, 8)),
        code_it("a.x", "d:14-23", span=(14, 16)),
        code_it("b", "d:14-23", span=(16, 23)),
    ]
    gathered = collect_passages([DOCUMENT], SEGMENTS, codings, BOOK)

    listed = list_other_codes(gathered, BOOK)

    assert listed == {
        "a": {("d", 4, 14): {"b"}, ("d", 14, 16): set()},
        "a.x": {("d", 4, 14): {"b"}, ("d", 14, 16): set()},
        "b": {("d", 4, 8): {"a.x"}, ("d", 8, 14): {"a.x"}, ("d", 16, 23): set()},
    }


def test_passages_near_the_subject_come_before_passages_near_in_other_things():
    """Two passages can be alike in what stands beside the code's subject."""
    by_party = {
        "us": (say("us", "Beside " + EN), say("us", "Subject " + EN, doc="us-2")),
        "cn": (say("cn", "旁" + ZH), say("cn", "题" + ZH, doc="cn-2")),
    }
    vector = angles(Beside=80, 旁=80, Subject=0, 题=20, Example=10)

    near = pair_passages("a", by_party, vector)
    about = pair_passages("a", by_party, vector, examples=["Example", "unknown to the embedder"])

    assert [p.document for p in near[0].passages] == ["us-1", "cn-1"]
    assert [p.document for p in about[0].passages] == ["us-2", "cn-2"]
    assert about[0].similarity == pytest.approx(np.cos(np.radians(20)), abs=1e-5)


def test_both_passages_must_be_near_the_subject():
    """The one farther from the examples counts."""
    by_party = {
        "us": (say("us", "Known " + EN),),
        "cn": (say("cn", "甲" + ZH), say("cn", "乙" + ZH, doc="cn-2")),
    }
    vector = angles(Known=40, Example=30, 甲=75, 乙=3)

    near, about = (
        pair_passages("a", by_party, vector, examples=texts)[0] for texts in ([], ["Example"])
    )

    assert near.passages[1].document == "cn-1"
    assert about.passages[1].document == "cn-2"


def test_examples_are_those_of_a_code_and_of_the_codes_below_it():
    """In every language, each text once."""

    def entry(code, parent=""):
        return Code(
            id=code, parent=parent, dimension="d", label={}, definition={"en": f"{code} is."},
            anchors={"en": (f"{code} shall.", "Both shall."), "zh": (f"应当{code}。",)},
        )  # fmt: skip

    book = Codebook(
        id="t", version="1", title={}, dimensions={},
        codes=(entry("a"), entry("a.x", "a"), entry("b")),
    )  # fmt: skip

    assert list_examples(book, "a.x") == ("a.x shall.", "Both shall.", "应当a.x。", "a.x is.")
    assert set(list_examples(book, "a")) == {
        *list_examples(book, "a.x"),
        "a shall.",
        "应当a。",
        "a is.",
    }


@pytest.mark.parametrize(
    ("left", "right", "text", "paired"),
    [
        (Position.ENCOURAGES, Position.PROHIBITS, ZH, False),
        (Position.ENCOURAGES, Position.PROHIBITS, "不得侵害他人权益。" + ZH, False),
        (Position.REQUIRES, Position.PROHIBITS, ZH, False),
        (Position.COMMITS, Position.PROHIBITS, ZH, False),
        (Position.REQUIRES, Position.PROHIBITS, "不得侵害他人权益。" + ZH, True),
        (Position.WARNS, Position.PROHIBITS, ZH, True),
        (Position.PROHIBITS, Position.PROHIBITS, ZH, True),
        (Position.ENCOURAGES, Position.MENTIONS, "中方反对这种做法。" + ZH, False),
        (Position.PROHIBITS, Position.MENTIONS, "中方反对这种做法。" + ZH, True),
        (Position.REQUIRES, Position.MENTIONS, "中方反对这种做法。" + ZH, True),
        (Position.REQUIRES, Position.REQUIRES, "个别国家谋求霸权。" + ZH, False),
    ],
)
def test_opposite_directions_and_accusations_are_never_paired(left, right, text, paired):
    """No pair is better than one that shows a conflict as common ground, whichever side is first."""
    us, cn = (say("us", EN, left),), (say("cn", text, right),)

    for by_party in ({"us": us, "cn": cn}, {"cn": cn, "us": us}):
        assert bool(pair_passages("a", by_party, lambda text: np.ones(2))) is paired


def test_a_duty_and_the_prohibition_of_a_wrong_are_noted():
    """The reader is asked whether it is one rule said twice."""
    by_party = {
        "us": (say("us", EN),),
        "cn": (say("cn", "不得侵害他人权益。" + ZH, Position.PROHIBITS),),
    }

    (pair,) = pair_passages("a", by_party, lambda text: np.ones(2), parties=(US, CN))

    assert pair.note == (
        "Check that it is one rule said twice: the passage from United States requires, "
        "the passage from China prohibits."
    )
    assert pair.note_zh == "须核对是否为同一规则的正反表述：美国一段为“要求”，中国一段为“禁止”。"


def test_a_third_party_that_only_opposes_is_left_out_of_the_pair():
    """The others still make one."""
    by_party = {
        "us": (say("us", EN, Position.ENCOURAGES),),
        "cn": (say("cn", ZH, Position.ENCOURAGES),),
        "eu": (say("eu", EN + " Never.", Position.PROHIBITS),),
    }

    (pair,) = pair_passages("a", by_party, lambda text: np.ones(2))

    assert [p.party for p in pair.passages] == ["us", "cn"]


def test_a_document_gives_a_second_pair_only_where_nothing_else_is_left():
    """A far sentence of a fresh document comes before a near one of a document already quoted."""
    by_party = {
        "us": (
            say("us", "One " + EN, doc="us-1"),
            say("us", "Two " + EN, doc="us-1", start=200),
            say("us", "Far " + EN, doc="us-2"),
        ),
        "cn": tuple(say("cn", f"{n}{ZH}", doc=f"cn-{n}") for n in "甲乙丙"),
    }
    vector = angles(One=0, Two=1, Far=85, 甲=0, 乙=1, 丙=2)

    pairs = pair_passages("a", by_party, vector)

    assert [pair.passages[0].document for pair in pairs] == ["us-1", "us-2", "us-1"]
    assert len({pair.passages[1].document for pair in pairs}) == 3


def test_what_is_quoted_for_other_codes_is_preferred_less():
    """Neither the same passage nor the same document again, where another is as good."""
    used, same, fresh = (
        say("us", "A " + EN, doc="us-0"),
        say("us", "B " + EN, doc="us-0", start=200),
        say("us", "C " + EN, doc="us-1"),
    )
    cn = (say("cn", ZH),)

    assert chosen((used, fresh), cn, quoted=[used])[0] == "us-1"
    assert chosen((same, fresh), cn, quoted=[used])[0] == "us-1"
    pairs = pair_passages("b", {"us": (used, same), "cn": cn}, None, quoted=[used])
    assert pairs[0].passages[0] == same


def test_a_report_spreads_its_pairs_and_lets_the_scarce_code_choose_first():
    """The code with one passage gets it; the other takes what is left. The order asked for is kept."""
    shared = say("us", "A " + EN, doc="us-0")
    spare = say("us", "B " + EN, Position.COMMITS, doc="us-1")
    cn = (say("cn", ZH), say("cn", ZH + "另", doc="cn-2"))
    gathered = {"a": {"us": (shared, spare), "cn": cn}, "b": {"us": (shared,), "cn": cn[:1]}}

    pairs = pair_codes(
        ["a", "b", "a.x"], gathered, BOOK, lambda text: np.ones(2), 1, parties=(US, CN)
    )

    assert list(pairs) == ["a", "b", "a.x"]
    assert [p.document for p in pairs["b"][0].passages] == ["us-0", "cn-1"]
    assert [p.document for p in pairs["a"][0].passages] == ["us-1", "cn-2"]
    assert pairs["a.x"] == ()


def test_the_parts_and_weights_stand_in_the_documentation():
    """The table of the method page is the one the code uses."""
    page = (Path(__file__).parents[2] / "docs" / "method" / "evidence.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z]+) \| (\d) \| [^|]+ \| [^|]+ \|$", page, re.MULTILINE)

    assert {name: int(weight) for name, weight in rows} == WEIGHTS


# ------------------------------------------------------------------ against


def test_rivalry_quotes_the_sentence_that_names_the_rival():
    """It may stand beside the coded evidence; then the position read there is not carried over."""
    text = "模型应当安全可控。某国的封锁是主要威胁。其他。"
    passage = say("cn", text)
    evidence = Passage(
        document="cn-1",
        party="cn",
        segment=passage.segment,
        locator="1",
        start=0,
        end=9,
        text=text[:9],
        segment_start=0,
        segment_end=len(text),
        segment_text=text,
        language="zh",
        position=Position.REQUIRES,
        confidence=0.8,
    )
    by_party = {"cn": (evidence, say("cn", ZH, doc="cn-2")), "us": (say("us", EN),)}
    hit = Rivalry(
        segment=passage.segment,
        document="cn-1",
        party="cn",
        named="us",
        term="威胁",
        start=9,
        end=19,
    )

    first, *_ = find_counter_evidence(
        "a", by_party, {passage.segment: hit}, overlap_of(by_party), parties=(US, CN)
    )

    assert first.kind == "rivalry"
    assert first.passage.text == "某国的封锁是主要威胁。"
    assert text[first.passage.start : first.passage.end] == first.passage.text
    assert first.passage.position is None
    assert "calls United States or its policy a threat or rival" in first.why
    assert "takes to mean it" in first.why  # "foreign adversaries" names nobody
    assert "(China: 1 of 2 provisions on this subject do)" in first.why
    assert "将美国或其政策称为威胁或对手" in first.why_zh
    assert text[9:19] in first.why_zh


def test_what_one_prohibits_and_the_other_encourages_is_opposed():
    """The near pair is found, the far one is not, and the reader is told to check."""
    by_party = {
        "us": (say("us", "Open " + EN, Position.ENCOURAGES), say("us", "Far " + EN, doc="us-2")),
        "cn": (say("cn", "开" + ZH, Position.PROHIBITS), say("cn", "远" + ZH, doc="cn-2")),
    }
    vector = angles(Open=0, 开=10, Far=90, 远=130)

    found = find_counter_evidence(
        "a", by_party, {}, overlap_of(by_party), vector=vector, parties=(US, CN)
    )

    (opposed,) = [one for one in found if one.kind == "opposed"]
    assert opposed.passage.party == "cn"
    assert opposed.against.party == "us"
    assert opposed.why.startswith(
        "By its wording the passage from China prohibits, the one from United"
    )
    assert "cosine 0.98" in opposed.why
    assert "中国一段为“禁止”，美国一段为“鼓励”" in opposed.why_zh


@pytest.mark.parametrize(
    ("left", "right", "angle"),
    [
        (Position.WARNS, Position.REQUIRES, 0),
        (Position.PROHIBITS, Position.PROHIBITS, 0),
        (Position.PROHIBITS, Position.ENCOURAGES, 75),
    ],
)
def test_concordant_or_distant_passages_are_not_opposed(left, right, angle):
    """A warning goes with a duty; and unrelated sentences oppose nothing."""
    by_party = {"us": (say("us", EN, left),), "cn": (say("cn", ZH, right),)}

    found = find_counter_evidence(
        "a", by_party, {}, overlap_of(by_party), vector=angles(Providers=0, 提供=angle)
    )

    assert "opposed" not in kinds(found)


def test_a_side_that_only_encourages_is_uneven_with_one_that_requires():
    """The counts are those of the passages whose position is known."""
    by_party = {
        "cn": (
            say("cn", ZH),
            say("cn", ZH + "甲", Position.ENCOURAGES, doc="cn-2"),
            say("cn", ZH + "乙", None, doc="cn-3"),
        ),
        "us": (say("us", EN, Position.ENCOURAGES), say("us", "x", Position.MENTIONS, doc="us-2")),
    }

    (uneven,) = find_counter_evidence("a", by_party, {}, overlap_of(by_party), parties=(US, CN))

    assert uneven.kind == "uneven-force"
    assert uneven.why == (
        "Force is uneven. China: 1 of 2 passages require or prohibit; United States: none of 2, they "
        "only encourage or mention."
    )
    assert uneven.why_zh == "中国的2段中有1段为“要求”或“禁止”；美国的2段均仅为“鼓励”或“提及”。"
    assert (uneven.passage.document, uneven.against.document) == ("cn-1", "us-1")


def test_two_sides_that_bind_or_whose_force_is_unknown_are_not_uneven():
    """A promise is real force, and an unknown position shows nothing."""
    for position in (Position.REQUIRES, Position.COMMITS, None):
        by_party = {"cn": (say("cn", ZH),), "us": (say("us", EN, position),)}
        assert find_counter_evidence("a", by_party, {}, overlap_of(by_party)) == ()


def test_silence_names_the_weightiest_documents_of_the_lowest_party():
    """Binding before voluntary, central before others, newest first; counts are exact."""
    documents = [
        Document(id="us-1", party="us", title="Speaks"),
        Document(id="us-2", party="us", title="Guide", force=Force.VOLUNTARY),
        Document(id="us-3", party="us", title="State law", force=Force.BINDING),
        Document(
            id="us-4",
            party="us",
            title="Old order",
            force=Force.BINDING,
            issuer_type=IssuerType.CENTRAL_GOVERNMENT,
            date_issued=date(2020, 1, 1),
        ),
        Document(
            id="us-5",
            party="us",
            title="New order",
            force=Force.BINDING,
            issuer_type=IssuerType.CENTRAL_GOVERNMENT,
            date_issued=date(2024, 1, 1),
        ),
        Document(id="joint", party="us", title="Joint", endorsed_by=("us", "cn")),
    ]
    by_party = {"cn": (say("cn", ZH),), "us": (say("us", EN),)}

    (silence,) = find_counter_evidence(
        "a",
        by_party,
        {},
        overlap_of(by_party, documents),
        documents=documents,
        parties=(US, CN),
    )

    assert silence.kind == "silence"
    assert silence.passage is None
    assert silence.why == (
        "United States: no passage on it was found in 4 of 5 documents, among them New order; Old order; "
        "State law."
    )
    assert silence.why_zh == (
        "美国的5份文件中，有4份未发现相关条款，其中包括New order、Old order、State law。"
    )


def test_silence_names_what_binds_before_what_was_only_proposed_or_has_ended():
    """A binding draft, and an order that ended by the day, come after a guide that stands."""
    ended = {"status": Status.RESCINDED, "status_date": date(2024, 5, 1)}
    documents = [
        paper("us-draft", instrument=Instrument.DRAFT),
        paper("us-order", **ended),
        paper("us-guide", force=Force.VOLUNTARY),
    ]
    by_party = {"cn": (say("cn", ZH),)}
    overlap = overlap_of(by_party, documents)

    named = {}
    for day in (date(2024, 4, 30), date(2024, 5, 1)):
        (silence,) = find_counter_evidence(
            "a", by_party, {}, overlap, documents=documents, parties=(US, CN), as_of=day
        )
        named[day.month] = silence.why.split(": ")[-1]

    assert named == {4: "us-order; us-guide; us-draft.", 5: "us-guide; us-draft; us-order."}


def test_one_kind_does_not_crowd_out_the_others():
    """The first of each kind comes before the second of any, up to the limit."""
    rivals = {}
    passages = []
    for n in range(3):
        passage = say("us", f"{n} {EN}", Position.MENTIONS, doc=f"us-{n}")
        passages.append(passage)
        rivals[passage.segment] = Rivalry(
            segment=passage.segment,
            document=passage.document,
            party="us",
            named="cn",
            term="t",
            start=2,
            end=11,
        )
    by_party = {"us": tuple(passages), "cn": (say("cn", ZH),)}
    overlap = overlap_of(by_party, [Document(id="us-9", party="us", title="Quiet")])

    found = find_counter_evidence("a", by_party, rivals, overlap, limit=4)

    assert kinds(found) == ["rivalry", "uneven-force", "silence", "rivalry"]
    assert find_counter_evidence("a", by_party, rivals, overlap, limit=0) == ()


def test_nothing_speaks_against_what_nobody_says():
    """An absent code has no counter-evidence, an undefined one neither."""
    assert find_counter_evidence("a", {}, {}, overlap_of({})) == ()


def test_a_forbidden_wrong_is_no_opposition():
    """To forbid an infringement and to ask for respect is one rule said twice."""
    by_party = {
        "us": (say("us", "Open " + EN, Position.ENCOURAGES),),
        "cn": (say("cn", "开不得侵害他人权益" + ZH, Position.PROHIBITS),),
    }
    found = find_counter_evidence(
        "a", by_party, {}, overlap_of(by_party), vector=angles(Open=0, 开=5), parties=(US, CN)
    )
    assert [one for one in found if one.kind == "opposed"] == []


def test_a_rule_that_forbids_too_is_not_opposed_to_a_prohibition():
    """A duty with its limits goes with a limit; without them it is opposed."""
    us = (say("us", "Shut " + EN, Position.PROHIBITS),)

    for end, opposed in (("。", True), ("；未获同意的信息不得采集。", False)):
        by_party = {"us": us, "cn": (say("cn", "采集者应当留存采集的记录" + end),)}
        found = find_counter_evidence(
            "a", by_party, {}, overlap_of(by_party), vector=angles(Shut=0, 采=5)
        )
        assert ("opposed" in kinds(found)) is opposed
