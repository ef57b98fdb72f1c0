"""Screening: rivalry spans, tensions as of a day, and the verdicts they give."""

from datetime import date

import pytest
from msgspec.structs import replace

from qiutong.model import (
    Code,
    Codebook,
    Coding,
    Document,
    Estimate,
    Party,
    ScreenVerdict,
    Segment,
)
from qiutong.playbook import (
    Fact,
    ImpliedRival,
    Override,
    Playbook,
    RivalryTerms,
    Tension,
    Topic,
    TopicTension,
)
from qiutong.screening import (
    active_tensions,
    find_rivalries,
    find_rivalry,
    measure_rivalry,
    relate,
    screen_code,
    screen_codes,
    screen_topic,
    screen_topics,
)
from qiutong.settings import ScreeningSettings

CLEAR, CARE, ASIDE = ScreenVerdict
NORTH = Party(id="north", mentions={"en": ("Northland", "US", "Northern"), "zh": ("北国",)})
SOUTH = Party(id="south", mentions={"en": ("Southland", "Southern"), "zh": ("南国",)})
PARTIES = (NORTH, SOUTH)
TERMS = RivalryTerms(
    terms={
        "en": {"threat": ("threat*", "adversar*"), "rival": ("rival", "dominance")},
        "zh": {"threat": ("威胁", "打压"), "rival": ("对手",)},
    },
    implied=(
        ImpliedRival(term="distant states", language="en", by="south", about="north"),
        ImpliedRival(term="个别国家", language="zh", by="south", about="north"),
    ),
    unless={"en": ("not directed at",), "zh": ("不针对",)},
)
NOW = date(2026, 1, 1)
SETTINGS = ScreeningSettings(care=0.1, set_aside=0.3, fewest=5)


def segment(text: str, language: str = "en", start: int = 40, document: str = "d") -> Segment:
    end = start + len(text)
    return Segment(
        id=f"{document}:{start}-{end}", document=document, locator="1", start=start, end=end,
        text=text, language=language,
    )  # fmt: skip


def wording(text: str, party: str, language: str = "en") -> str | None:
    one = segment(text, language)
    hit = find_rivalry(one, party, PARTIES, TERMS)
    return None if hit is None else one.text[hit.start - one.start : hit.end - one.start]


@pytest.mark.parametrize(
    ("text", "party", "language", "found"),
    [
        ("Chips matter. Southland is a growing threat to us.", "north", "en", "Southland is a growing threat"),
        ("We resist adversaries such as southern labs.", "north", "en", "adversaries such as southern"),
        ("南国是严重威胁。", "north", "zh", "南国是严重威胁"),
        ("反對北國打壓企業。", "south", "zh", "北國打壓"),
        ("应当抵制个别国家的做法。", "south", "zh", "个别国家"),
        ("😀 Northland dominance must end.", "south", "en", "Northland dominance"),
    ],
)  # fmt: skip
def test_rivalry_gives_the_exact_wording(text, party, language, found) -> None:
    """The span runs from the name to the hostile word, in the original characters."""
    assert wording(text, party, language) == found


@pytest.mark.parametrize(
    ("text", "party", "language"),
    [
        ("Northland faces a threat from criminals.", "north", "en"),  # its own name
        ("Southland signed. Criminals are a threat.", "north", "en"),  # another sentence
        ("Southland is a partner in testing.", "north", "en"),  # no hostile word
        ("This rule is not directed at Southland as a rival.", "north", "en"),
        ("Southlanders see a rival.", "north", "en"),  # another word
        ("They told us of a threat.", "south", "en"),  # a pronoun, not the party
        ("distant states must wait", "north", "en"),  # the wording belongs to the other side
        ("本规定不针对南国，也不视其为对手。", "north", "zh"),
        ("Südland ist eine threat für Southland.", "north", "de"),  # no terms for the language
        ("", "north", "en"),
    ],
)
def test_plain_provisions_are_no_rivalry(text, party, language) -> None:
    """Own names, neutral sentences, pronouns and denials are left alone."""
    assert wording(text, party, language) is None


def test_name_inside_a_longer_own_name_is_not_another_party() -> None:
    """ "Southern Northland" names its own side only."""
    north = replace(NORTH, mentions={"en": ("Southern Northland",)})
    one = segment("A threat to Southern Northland was met.")
    assert find_rivalry(one, "north", (north, SOUTH), TERMS) is None


def test_third_party_is_found_among_three() -> None:
    """With three parties the finding says which one is named."""
    east = Party(id="east", mentions={"en": ("Eastland",)})
    hit = find_rivalry(segment("Eastland is our rival."), "north", (*PARTIES, east), TERMS)
    assert hit is not None
    assert (hit.named, hit.term, hit.party) == ("east", "rival", "north")


CODEBOOK = Codebook(
    id="c", version="1", title={}, dimensions={},
    codes=tuple(
        Code(id=name, parent=parent, dimension="d", label={"en": name}, definition={})
        for name, parent in (("a", ""), ("a.b", "a"), ("z", ""))
    ),
)  # fmt: skip
DOCUMENTS = (
    Document(id="n", party="north", title="n"),
    Document(id="s", party="south", title="s"),
    Document(id="j", party="south", title="j", endorsed_by=("north", "south")),
)


def corpus(hostile: int, plain: int) -> tuple[list[Segment], list[Coding]]:
    texts = ["Southland is a rival."] * hostile + ["Tests are kept."] * plain
    segments = [segment(text, start=100 * i, document="n") for i, text in enumerate(texts)]
    codings = [
        Coding(document="n", segment=one.id, code="a.b", coder="x", codebook="c@1")
        for one in segments
    ]
    return segments, codings


def index(hostile: int, plain: int, codes=("a",)) -> dict[str, Estimate]:
    segments, codings = corpus(hostile, plain)
    rivalries = find_rivalries(segments, DOCUMENTS, PARTIES, TERMS)
    return measure_rivalry(codes, codings, CODEBOOK, DOCUMENTS, PARTIES, rivalries, SETTINGS)


def test_rivalry_index_counts_a_childs_segments_with_an_interval() -> None:
    """Two of eight provisions under a child code give the parent 0.25, with a Wilson interval."""
    found = index(2, 6)["north"]
    assert (found.count, found.total, found.value) == (2, 8, 0.25)
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 0.25 < found.high < 1


def test_rivalry_index_on_few_segments_is_undefined() -> None:
    """Below the fewest segments the index does not exist, and says why; it is not 0."""
    found = index(1, 3)["north"]
    assert found.value is None
    assert "at least 5" in found.undefined
    assert index(1, 3)["south"].value is None


def test_joint_texts_are_nobodys_rivalry() -> None:
    """A joint text is not one party's framing of another."""
    one = segment("Northland is a rival.", document="j")
    assert find_rivalries([one], DOCUMENTS, PARTIES, TERMS) == {}


def fact(party: str, day: str) -> Fact:
    return Fact(text={"en": "f", "zh": "事"}, source="s", party=party, date=day, verified="yes")


TENSION = Tension(
    id="dispute", name={"en": "Dispute", "zh": "争端"}, why={"en": "Why.", "zh": "因。"},
    severity=ASIDE, codes=("a",), touches=("z",),
    evidence=(fact("north", "2024-03"), fact("south", "2025-06-01")),
)  # fmt: skip


def book(*tensions: Tension, topics: tuple[Topic, ...] = (), **rest) -> Playbook:
    return Playbook(
        id="b", version="1", title={}, codebook="c", parties=("north", "south"), as_of="",
        tensions=tensions, topics=topics, **rest,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("day", "severity"),
    [
        (date(2024, 2, 29), None),  # nothing had happened yet
        (date(2024, 3, 30), None),  # a month counts from its end
        (date(2024, 3, 31), CARE),  # one side only
        (date(2025, 6, 1), ASIDE),  # both sides
        (date(2025, 12, 31), ASIDE),
        (date(2026, 1, 1), None),  # over
    ],
)
def test_tension_counts_as_of_a_day(day: date, severity: ScreenVerdict | None) -> None:
    """A tension begins with its evidence, weighs in full with both sides', and ends."""
    active = active_tensions(book(replace(TENSION, until="2025")), PARTIES, day)
    assert active.get("dispute") == severity


def test_evidence_of_one_side_is_said_to_be_so() -> None:
    """A reader is told when only one side's word stands behind a reason."""
    held = book(TENSION)
    for day, told in ((date(2024, 4, 1), True), (date(2025, 6, 1), False)):
        screen = screen_code("a", held, PARTIES, {}, SETTINGS, day)
        assert ("of one side only" in screen.reasons[0].detail["en"]) is told
        assert ("仅查到一方" in screen.reasons[0].detail["zh"]) is told


def test_tension_between_parties_not_compared_does_not_count() -> None:
    """A dispute of north with south says nothing of north with east."""
    east = Party(id="east")
    assert active_tensions(book(TENSION), (NORTH, east), NOW) == {}
    assert active_tensions(book(TENSION), (NORTH, SOUTH, east), NOW) == {"dispute": ASIDE}


def test_code_touched_is_one_step_milder_than_code_in_dispute() -> None:
    """A narrow dispute does not take a broad code away."""
    verdicts = [
        screen_code(code, book(TENSION), PARTIES, {}, SETTINGS, NOW).verdict
        for code in ("a", "z", "a.b")
    ]
    assert verdicts == [ASIDE, CARE, CLEAR]


@pytest.mark.parametrize(
    ("core", "supporting", "declared", "relation", "verdict"),
    [
        (("a",), (), None, "is", ASIDE),
        (("a", "a.b"), (), None, "part", CARE),
        (("z",), (), None, "near", CLEAR),
        (("a.b",), ("a",), None, "near", CLEAR),
        (("a.b",), (), None, None, CLEAR),
        (("a.b",), (), "is", "is", ASIDE),
        (("a.b",), (), "part", "part", CARE),
        (("a",), (), "near", "is", ASIDE),  # a declaration cannot soften the codes
    ],
)
def test_relation_of_tension_and_topic_gives_the_verdict(
    core, supporting, declared, relation, verdict
) -> None:
    """The closer of what the codes say and what the topic declares decides."""
    named = (TopicTension(id="dispute", relation=declared),) if declared else ()
    topic = Topic(id="t", title={}, core=core, supporting=supporting, tensions=named)
    assert relate(topic, TENSION) == relation
    assert screen_topic(topic, book(TENSION), PARTIES, {}, SETTINGS, NOW).verdict is verdict


def test_reason_keeps_the_evidence_of_its_day_and_what_to_keep_out() -> None:
    """A reason shows only what had happened by the day, in both languages."""
    out = {"en": "names.", "zh": "点名。"}
    named = (TopicTension(id="dispute", relation="part", keep_out=out),)
    topic = Topic(id="t", title={}, core=("a.b",), tensions=named)
    screen = screen_topic(topic, book(TENSION), PARTIES, {}, SETTINGS, date(2024, 6, 1))
    (reason,) = screen.reasons
    assert [source.party for source in reason.sources] == ["north"]
    assert "names." in reason.detail["en"]
    assert "点名。" in reason.detail["zh"]
    assert reason.sources[0].fact == {"en": "f", "zh": "事"}


@pytest.mark.parametrize(
    ("hostile", "plain", "verdict"), [(0, 10, CLEAR), (1, 9, CARE), (3, 7, ASIDE), (1, 3, CLEAR)]
)
def test_rivalry_index_alone_can_turn_a_screen(hostile, plain, verdict) -> None:
    """Thresholds of the settings decide, and an undefined index decides nothing."""
    screen = screen_code("a", book(), PARTIES, index(hostile, plain), SETTINGS, NOW)
    assert screen.verdict is verdict
    assert [reason.id for reason in screen.reasons] == (["north"] if verdict != CLEAR else [])


def test_thresholds_move_the_verdict() -> None:
    """The same index is clear or set aside by the study's settings."""
    share = index(2, 8)
    for settings, verdict in (
        (ScreeningSettings(care=0.25, set_aside=0.5), CLEAR),
        (ScreeningSettings(care=0.05, set_aside=0.2), ASIDE),
    ):
        assert screen_code("a", book(), PARTIES, share, settings, NOW).verdict is verdict


def test_override_stands_over_every_reason_and_keeps_them() -> None:
    """The analyst decides, with a memo; what spoke against it stays on view."""
    override = Override(subject="a", verdict=CLEAR, memo="Agreed with both.", by="ana")
    screen = screen_code("a", book(TENSION), PARTIES, {}, SETTINGS, NOW, (override,))
    assert screen.verdict is CLEAR
    assert [reason.kind for reason in screen.reasons] == ["tension", "override"]
    assert "Agreed with both." in screen.reasons[-1].detail["en"]
    raised = screen_code(
        "a.b", book(overrides=(Override(subject="a.b", verdict=ASIDE, memo="m", by="b"),)),
        PARTIES, {}, SETTINGS, NOW,
    )  # fmt: skip
    assert raised.verdict is ASIDE


def test_screens_of_all_codes_and_topics() -> None:
    """Every code and topic has a screen; a topic's index joins its core codes."""
    segments, codings = corpus(3, 7)
    rivalries = find_rivalries(segments, DOCUMENTS, PARTIES, TERMS)
    topics = (Topic(id="t", title={}, core=("a", "z")), Topic(id="u", title={}, core=("z",)))
    playbook = book(topics=topics)
    rest = (codings, DOCUMENTS, PARTIES, playbook, SETTINGS, NOW, rivalries)
    codes = screen_codes(CODEBOOK, *rest)
    assert {name: screen.verdict for name, screen in codes.items()} == {
        "a": ASIDE, "a.b": ASIDE, "z": CLEAR,
    }  # fmt: skip
    found = screen_topics(CODEBOOK, *rest)
    assert (found["t"].verdict, found["u"].verdict) == (ASIDE, CLEAR)
    assert found["t"].rivalry["north"].total == 10
    assert screen_topics(CODEBOOK, *rest[:3], book(), *rest[4:]) == {}
