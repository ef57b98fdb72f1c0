"""Laws of screening and recommendation that hold for any input."""

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from qiutong.model import Estimate, Grade, Overlap, Party, ScreenVerdict, Segment, Verdict
from qiutong.playbook import Fact, Playbook, RivalryTerms, Tension, Topic, TopicTension
from qiutong.recommend import RANK, is_supported, recommend
from qiutong.screening import SEVERITY, find_rivalry, screen_topic
from qiutong.settings import ScreeningSettings, Settings, TopicSettings

PARTIES = (
    Party(id="n", mentions={"en": ("Northland",), "zh": ("北国",)}),
    Party(id="s", mentions={"en": ("Southland",), "zh": ("南国",)}),
)
CODES = ("a", "b", "c", "d")
NOW = date(2026, 1, 1)
FAVOUR = (Verdict.SET_ASIDE, Verdict.NOT_SUPPORTED, Verdict.HANDLE_WITH_CARE, Verdict.RECOMMENDED)
GRADES = st.sampled_from(list(Grade))
codes = st.lists(st.sampled_from(CODES), unique=True).map(tuple)


@st.composite
def tensions(draw: st.DrawFn) -> tuple[Tension, ...]:
    return tuple(
        Tension(
            id=f"t{rank}",
            name={"en": "T"},
            why={"en": "W"},
            severity=draw(st.sampled_from(list(ScreenVerdict))),
            codes=draw(codes),
            touches=draw(codes),
            evidence=tuple(
                Fact(text={}, source="s", party=party, date=day)
                for party in draw(st.lists(st.sampled_from(["n", "s"]), max_size=3))
                for day in draw(st.lists(st.sampled_from(["", "2024", "2027"]), max_size=1))
            ),
        )
        for rank in range(draw(st.integers(1, 4)))
    )


def verdict(
    held: tuple[Tension, ...], topic: Topic, grades: dict[str, Grade], rule=None
) -> Verdict:
    playbook = Playbook(
        id="p", version="1", title={}, codebook="c", parties=("n", "s"), as_of="",
        tensions=held, topics=(topic,),
    )  # fmt: skip
    overlaps = [
        Overlap(
            code=code, grade=grade, lowest=0.0, salience={}, documents={},
            prevalence={one.id: Estimate(value=0.0, total=4) for one in PARTIES},
        )
        for code, grade in grades.items()
    ]  # fmt: skip
    screen = screen_topic(topic, playbook, PARTIES, {}, ScreeningSettings(), NOW)
    chosen = Settings(topics=rule or TopicSettings())
    (made,) = recommend(playbook, overlaps, {topic.id: screen}, (), PARTIES, chosen, NOW)
    return made.verdict


@settings(max_examples=150, deadline=None)
@given(
    tensions(),
    st.data(),
    st.dictionaries(st.sampled_from(CODES), GRADES),
    codes.filter(bool),
    st.sampled_from(["is", "part", "near"]),
)
def test_raising_a_severity_never_makes_a_verdict_more_favourable(
    held, data, grades, core, relation
) -> None:
    """A graver tension can only cost a topic."""
    topic = Topic(
        id="x", title={"en": "X"}, core=core, tensions=(TopicTension(id="t0", relation=relation),)
    )
    rank = data.draw(st.integers(0, len(held) - 1))
    harsher = data.draw(
        st.sampled_from([v for v in ScreenVerdict if SEVERITY[v] >= SEVERITY[held[rank].severity]])
    )
    raised = tuple(
        replace(one, severity=harsher) if at == rank else one for at, one in enumerate(held)
    )
    before, after = verdict(held, topic, grades), verdict(raised, topic, grades)
    assert FAVOUR.index(after) <= FAVOUR.index(before)


@given(st.lists(GRADES), GRADES, GRADES, st.floats(0.01, 1), st.floats(0.01, 1))
def test_lowering_the_bar_never_removes_support(grades, one, other, share, more) -> None:
    """A lower grade or a smaller share asked for keeps every topic that had support."""
    low, high = sorted((one, other), key=RANK.__getitem__)
    least, most = sorted((share, more))
    if is_supported(grades, high, most):
        assert is_supported(grades, low, most)
        assert is_supported(grades, high, least)


@given(st.lists(GRADES, min_size=1), st.integers(0, 9), GRADES, st.floats(0.01, 1))
def test_raising_a_grade_never_removes_support(grades, at, better, share) -> None:
    """More overlap on a core code cannot hurt a topic."""
    at %= len(grades)
    raised = list(grades)
    raised[at] = max(better, grades[at], key=RANK.__getitem__)
    if is_supported(grades, Grade.MODERATE, share):
        assert is_supported(raised, Grade.MODERATE, share)


PIECES = (
    "Northland",
    "Southland",
    "北国",
    "南國",
    "threat",
    "威胁",
    "威脅",
    ". ",
    "。",
    " ",
    "😀",
    "not ",
    "\n",
)


@given(
    st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    st.sampled_from(["en", "zh", "ja", "und"]),
    st.sampled_from(["n", "s"]),
    st.integers(0, 1000),
)
def test_rivalry_span_lies_in_the_segment_and_holds_another_partys_name(
    text, language, party, start
) -> None:
    """Whatever the text, the wording found is inside the provision and names the other side."""
    segment = Segment(
        id="x", document="d", locator="1", start=start, end=start + len(text), text=text,
        language=language,
    )  # fmt: skip
    terms = RivalryTerms(terms={"en": {"threat": ("threat",)}, "zh": {"threat": ("威胁",)}})
    hit = find_rivalry(segment, party, PARTIES, terms)
    if hit is None:
        return
    assert start <= hit.start < hit.end <= segment.end
    wording = text[hit.start - start : hit.end - start]
    names = {"n": ("Northland", "北国"), "s": ("Southland", "南国", "南國")}[hit.named]
    assert hit.named != party
    assert any(name in wording for name in names)
    assert any(word in wording for word in ("threat", "威胁", "威脅"))
