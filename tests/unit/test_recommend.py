"""Recommendation: verdicts, tracks, fora, actors, and what would change them."""

from datetime import date

import pytest
from msgspec import structs
from msgspec.structs import replace

from qiutong.codebook import load_codebook
from qiutong.errors import UnknownName
from qiutong.model import (
    Checked,
    Code,
    Codebook,
    CounterEvidence,
    Document,
    Estimate,
    Force,
    Forum,
    Grade,
    IssuerType,
    Overlap,
    Party,
    Screen,
    ScreenReason,
    ScreenVerdict,
    Verdict,
)
from qiutong.playbook import (
    Playbook,
    Property,
    Rule,
    Topic,
    Track,
    TrackTable,
    When,
    bundled_playbook,
    load_playbook,
)
from qiutong.recommend import (
    fire_rules,
    give_verdict,
    is_supported,
    open_fora,
    recommend,
    rule_fires,
    table_inputs,
)
from qiutong.screening import screen_topics
from qiutong.settings import Settings, TopicSettings

NOW = date(2026, 1, 1)
PARTIES = (Party(id="n", name={"en": "North", "zh": "北"}), Party(id="s", name={"en": "South", "zh": "南"}))  # fmt: skip
GOVERNMENT, COMPANY, EXPERTS = (
    IssuerType.CENTRAL_GOVERNMENT,
    IssuerType.COMPANY,
    IssuerType.EXPERT_GROUP,
)


def overlap(code: str, grade: Grade, carry: dict[str, tuple[str, ...]], total: int = 4, **rest):
    shares = {
        party: Estimate(value=len(held) / total, count=len(held), total=total)
        for party, held in carry.items()
    }
    lowest = min((len(held) / total for held in carry.values()), default=None)
    return Overlap(
        code=code, grade=grade, lowest=lowest, prevalence=shares, salience={}, documents=carry,
        **rest,
    )  # fmt: skip


def document(name: str, issuer_type=GOVERNMENT, force=Force.BINDING, **rest) -> Document:
    return Document(
        id=name, party=name[0], title=name, issuer=f"Issuer of {name}", issuer_type=issuer_type,
        force=force, **rest,
    )  # fmt: skip


DOCUMENTS = tuple(
    document(f"{party}{rank}", kind, force)
    for party in ("n", "s")
    for rank, (kind, force) in enumerate(
        [(GOVERNMENT, Force.BINDING), (COMPANY, Force.VOLUNTARY),
         (EXPERTS, Force.ASPIRATIONAL), (GOVERNMENT, Force.UNKNOWN)]
    )
)  # fmt: skip
BOTH = {"n": ("n0", "n1"), "s": ("s0", "s1")}
TABLE = TrackTable(
    speakers={"gov": (GOVERNMENT,), "biz": (COMPANY,), "exp": (EXPERTS,)},
    speaker_names={"gov": {"en": "governments", "zh": "政府"}},
    national_security_codes=("bomb",),
    properties=(Property(id="new", meaning={"en": "it is new", "zh": "新事物"}),),
    tracks=(
        Track(id="one", name={"en": "One", "zh": "一"}, speakers=("gov",), kinds=("summit",)),
        Track(id="two", name={"en": "Two", "zh": "二"}, speakers=("exp", "biz"), kinds=("seminar",)),
        Track(id="many", name={"en": "Many", "zh": "多"}, speakers=("gov",), kinds=("assembly",)),
    ),
    rules=(
        Rule(
            id="secret", track="one", when=When(national_security=True, channels="summit"),
            why={"en": "{parties} meet in {fora}; {speaks.gov} speak, {silent.exp} silent.",
                 "zh": "{parties}；{settled}；{precedents}"},
        ),
        Rule(id="fresh", track="two", when=When(subject={"new": True}), why={"en": "{settled}"}),
        Rule(id="rules", track="one", when=When(settled="binding", speaks={"gov": "all"}), why={}),
        Rule(id="rest", track="two", why={}),
        Rule(id="signed", track="many", also=True, when=When(precedent=True), why={}),
    ),
)  # fmt: skip
FORA = (
    Forum(id="top", name={"en": "Top", "zh": "顶"}, kind="summit", parties={"n": "yes", "s": "yes"}, since="2024"),
    Forum(id="club", name={"en": "Club"}, kind="summit", parties={"n": "yes", "s": "no"}),
    Forum(id="old", name={"en": "Old"}, kind="seminar", parties={"n": "yes", "s": "yes"}, until="2025-06"),
    Forum(id="talk", name={"en": "Talk"}, kind="seminar", parties={"n": "yes", "s": "partial"}, last_met="2025-02"),
    Forum(id="chat", name={"en": "Chat"}, kind="seminar", parties={"n": "yes", "s": "yes"}, last_met="2024-02"),
    Forum(id="meet", name={"en": "Meet"}, kind="seminar", parties={"n": "yes", "s": "yes"}, last_met="2025-09"),
    Forum(id="plan", name={"en": "Plan"}, kind="seminar", parties={"n": "yes", "s": "yes"}, planned=True),
    Forum(id="hall", name={"en": "Hall"}, kind="assembly", parties={"n": "yes", "s": "yes"}),
)  # fmt: skip


def book(*topics: Topic, table: TrackTable = TABLE, fora=FORA) -> Playbook:
    return Playbook(
        id="b", version="1", title={}, codebook="c", parties=("n", "s"), as_of="",
        topics=topics, tracks=table, fora=fora,
    )  # fmt: skip


def topic(*core: str, **rest) -> Topic:
    return Topic(id="t", title={"en": "T", "zh": "题"}, core=core, **rest)


def ask(one: Topic, *overlaps: Overlap, screen=None, settings=None, as_of=NOW, **rest):
    playbook = rest.pop("playbook", None) or book(one)
    (made,) = recommend(
        playbook, overlaps, {one.id: screen} if screen else {}, rest.pop("documents", DOCUMENTS),
        PARTIES, settings or Settings(), as_of, **rest,
    )  # fmt: skip
    return made


def screened(*verdicts: ScreenVerdict, kind: str = "tension") -> Screen:
    worst = max(verdicts, key=list(ScreenVerdict).index)
    return Screen(
        subject="t", verdict=worst,
        reasons=tuple(
            ScreenReason(kind=kind, id=f"r{i}", verdict=one, detail={"en": f"Reason {i}.", "zh": "因"})
            for i, one in enumerate(verdicts)
        ),
    )  # fmt: skip


STRONG = overlap("a", Grade.STRONG, BOTH)
WEAK = overlap("a", Grade.LIMITED, {"n": ("n0",), "s": ("s0", "s1")}, total=8)


@pytest.mark.parametrize(
    ("held", "screen", "verdict"),
    [
        (STRONG, None, Verdict.RECOMMENDED),
        (STRONG, ScreenVerdict.HANDLE_WITH_CARE, Verdict.HANDLE_WITH_CARE),
        (STRONG, ScreenVerdict.SET_ASIDE, Verdict.SET_ASIDE),
        (WEAK, None, Verdict.NOT_SUPPORTED),
        (WEAK, ScreenVerdict.HANDLE_WITH_CARE, Verdict.NOT_SUPPORTED),
        (WEAK, ScreenVerdict.SET_ASIDE, Verdict.SET_ASIDE),
    ],
)
def test_each_verdict_is_reached_with_a_reason_in_both_languages(held, screen, verdict) -> None:
    """Support and screen give the verdict; only an open topic gets a track."""
    made = ask(topic("a"), held, screen=screened(screen) if screen else None)
    assert made.verdict is verdict
    assert made.why["en"]
    assert made.why["zh"]
    assert bool(made.tracks) == (verdict in (Verdict.RECOMMENDED, Verdict.HANDLE_WITH_CARE))
    assert bool(made.rule) == bool(made.tracks)
    if verdict is Verdict.SET_ASIDE:
        assert "Reason 0." in made.why["en"]


def test_support_asks_a_share_of_the_core_codes() -> None:
    """The grade asked for and the share of codes are settings, and a topic may have its own."""
    grades = [Grade.STRONG, Grade.LIMITED, Grade.MODERATE]
    assert not is_supported(grades, Grade.MODERATE, 1.0)
    assert is_supported(grades, Grade.MODERATE, 0.66)
    assert is_supported(grades, Grade.LIMITED, 1.0)
    assert not is_supported([Grade.UNDEFINED], Grade.UNDEFINED, 1.0)
    assert not is_supported([], Grade.ABSENT, 0.1)
    lenient = Settings(topics=TopicSettings(min_grade=Grade.LIMITED))
    assert ask(topic("a"), WEAK, settings=lenient).verdict is Verdict.RECOMMENDED
    assert ask(topic("a", min_grade=Grade.LIMITED), WEAK).verdict is Verdict.RECOMMENDED
    strict = Settings(topics=TopicSettings(core_share=0.5))
    assert ask(topic("a", "zz"), STRONG, settings=strict).verdict is Verdict.RECOMMENDED
    assert ask(topic("a", "zz"), STRONG).grades["zz"] is Grade.UNDEFINED


def test_inputs_are_counted_from_the_documents() -> None:
    """Who speaks, how far it binds and which channels are open come from data of the day."""
    held = overlap("a", Grade.STRONG, {"n": ("n0", "n1"), "s": ("s1", "s2")})
    found = table_inputs(topic("a"), book(topic("a")), {"a": held}, DOCUMENTS, PARTIES, NOW)
    assert found["speaks"] == {"gov": "some", "biz": "all", "exp": "some"}
    assert found["speakers"]["gov"]["n"] == {"documents": 1, "of": 2, "share": 0.5}
    assert found["settled"] == "uneven"
    assert found["settled_by_party"] == {"n": "binding", "s": "voluntary"}
    assert found["channels"] == {"summit": ["top"], "seminar": ["talk", "chat", "meet"], "assembly": ["hall"]}  # fmt: skip
    assert found["precedent"] is False
    assert found["subject"] == {"new": False}
    empty = table_inputs(topic("zz"), book(topic("zz")), {}, (), PARTIES, NOW)
    assert (empty["settled"], empty["grade"]) == ("silent", "undefined")
    assert set(empty["speaks"].values()) == {"none"}


def test_fewest_documents_make_a_class_speak() -> None:
    """One stray document need not be a voice."""
    table = replace(TABLE, fewest_documents=2)
    one = topic("a")
    held = overlap("a", Grade.STRONG, {"n": ("n0", "n3"), "s": ("s0",)})
    found = table_inputs(one, book(one, table=table), {"a": held}, DOCUMENTS, PARTIES, NOW)
    assert found["speaks"]["gov"] == "some"


def test_only_fora_of_the_day_with_every_party_are_open() -> None:
    """Not yet begun, ended, planned, or without a party: no channel."""
    assert [one.id for one in open_fora(FORA, PARTIES, NOW)] == ["top", "talk", "chat", "meet", "hall"]  # fmt: skip
    early = [one.id for one in open_fora(FORA, PARTIES, date(2023, 12, 31))]
    assert "top" not in early
    assert "old" in early
    third = (*PARTIES, Party(id="e"))
    assert open_fora(FORA, third, NOW) == ()


@pytest.mark.parametrize(
    ("when", "fires"),
    [
        (When(), True),
        (When(national_security=False), True),
        (When(national_security=True), False),
        (When(speaks={"gov": "all"}), True),
        (When(speaks={"gov": ("some", "none")}), False),
        (When(speaks={"gov": "all", "exp": "all"}), False),  # all conditions must hold
        (When(settled=("uneven", "binding")), True),
        (When(settled="voluntary"), False),
        (When(channels=("parade", "summit")), True),
        (When(channels="parade"), False),
        (When(grade=(Grade.STRONG, Grade.MODERATE)), True),
        (When(grade=Grade.LIMITED), False),
        (When(subject={"new": False}), True),
        (When(subject={"new": True}), False),
        (When(precedent=True), False),
    ],
)
def test_conditions_of_a_rule(when: When, fires: bool) -> None:
    """All conditions must hold; a list means any of its values."""
    one = topic("a")
    inputs = table_inputs(one, book(one), {"a": STRONG}, DOCUMENTS, PARTIES, NOW)
    assert rule_fires(when, inputs) is fires


def test_first_rule_gives_the_main_track_and_others_may_add() -> None:
    """Order decides the main track; a joint text adds one."""
    one = topic("bomb")
    held = overlap("bomb", Grade.STRONG, BOTH, precedents=("joint-1",))
    made = ask(one, held)
    assert [(advice.track, advice.rule) for advice in made.tracks] == [("one", "secret"), ("many", "signed")]  # fmt: skip
    assert made.rule == "secret"
    assert made.precedents == ("joint-1",)
    why = made.tracks[0].why
    assert (
        why["en"] == "North and South meet in Top; North and South speak, North and South silent."
    )
    assert why["zh"] == "北、南；各方均有约束性规定；joint-1"


def test_changing_a_row_or_a_property_changes_the_track() -> None:
    """The table and the topic's subject are the researcher's to change."""
    assert ask(topic("a"), STRONG).rule == "rules"
    assert ask(topic("a", subject={"new": True}), STRONG).rule == "fresh"
    one = topic("a")
    turned = replace(TABLE, rules=tuple(reversed(TABLE.rules)))
    assert ask(one, STRONG, playbook=book(one, table=turned)).rule == "rest"
    soft = tuple(replace(held, force=Force.VOLUNTARY) for held in DOCUMENTS)
    assert ask(one, STRONG, documents=soft).rule == "rest"
    assert fire_rules(TrackTable(), ask(one, STRONG).inputs) == ()


def test_as_of_opens_and_closes_a_track() -> None:
    """Before its channel existed, the official track was not to be had."""
    held = overlap("bomb", Grade.STRONG, BOTH)
    assert ask(topic("bomb"), held).rule == "secret"
    assert ask(topic("bomb"), held, as_of=date(2023, 6, 1)).rule == "rules"


def test_fora_are_natural_ones_or_all_fitting_ones_ranked() -> None:
    """Natural fora win; else full members first, then the latest meeting."""
    plain = topic("a", subject={"new": True})
    assert ask(plain, STRONG).fora == ("meet", "chat", "talk")
    named = topic("a", subject={"new": True}, fora=("top", "talk", "chat", "old"))
    assert ask(named, STRONG).fora == ("talk", "chat")


def test_a_forum_for_one_subject_is_offered_only_where_it_is_named() -> None:
    """A summit on military use is no place for an unrelated topic."""
    special = tuple(structs.replace(one, special=one.id == "meet") for one in FORA)
    plain = topic("a", subject={"new": True})
    changed = structs.replace(book(plain), fora=special)
    assert "meet" not in ask(plain, STRONG, playbook=changed).fora
    named = topic("a", subject={"new": True}, fora=("meet",))
    changed = structs.replace(book(named), fora=special)
    assert ask(named, STRONG, playbook=changed).fora == ("meet",)


def test_actors_are_issuers_of_the_tracks_class() -> None:
    """Who is to sit there is read from who wrote on it."""
    made = ask(topic("a", subject={"new": True}), STRONG)
    assert made.tracks[0].actors == {"n": ("Issuer of n1",), "s": ("Issuer of s1",)}


def texts(made) -> str:
    return " | ".join(one.change["en"] for one in made.would_change)


def test_would_change_counts_the_documents_that_are_missing() -> None:
    """Two of eight are moderate; one is there: one more document turns the verdict."""
    made = ask(topic("a"), overlap("a", Grade.LIMITED, {"n": ("n0",), "s": ("s0", "s1")}, total=8))
    change = next(one for one in made.would_change if "documents" in one.change["en"])
    assert "1 more of the 8 documents of North" in change.change["en"]
    assert "South" not in change.change["en"]
    assert "北8份文件中再有1份" in change.change["zh"]
    assert change.verdict is Verdict.RECOMMENDED
    assert "limited instead of moderate" in texts(made)


def test_would_change_counts_the_documents_that_carry_it() -> None:
    """Two of four are strong, moderate needs one: with two fewer it falls."""
    change = next(
        one for one in ask(topic("a"), STRONG).would_change if "fewer" in one.change["en"]
    )
    assert "if 2 fewer of the 4" in change.change["en"]
    assert change.verdict is Verdict.NOT_SUPPORTED


def test_would_change_needs_all_missing_codes_together() -> None:
    """Where no single code is enough, the change names all of them."""
    two = (WEAK, replace(WEAK, code="b"))
    made = ask(topic("a", "b"), *two)
    change = made.would_change[0].change["en"]
    assert "“a”" in change
    assert "“b”" in change


def test_would_change_takes_each_reason_of_the_screen_away() -> None:
    """One tension alone turns it; of two equal ones only both together."""
    care, aside = ScreenVerdict.HANDLE_WITH_CARE, ScreenVerdict.SET_ASIDE
    one = ask(topic("a"), STRONG, screen=screened(aside, care))
    assert [c.verdict for c in one.would_change if "tension" in c.change["en"]] == [
        Verdict.HANDLE_WITH_CARE
    ]
    two = ask(topic("a"), STRONG, screen=screened(care, care))
    assert [c.verdict for c in two.would_change if "none of" in c.change["en"]] == [
        Verdict.RECOMMENDED
    ]
    rival = ask(topic("a"), STRONG, screen=screened(care, kind="rivalry"))
    assert "rival framing" in texts(rival)


def test_would_change_flips_each_input_and_tells_the_track() -> None:
    """Every flip that is told really gives the track told."""
    made = ask(topic("a"), STRONG)
    told = {one.change["en"]: one.tracks for one in made.would_change if one.tracks}
    # The row on national security gives the same track here, so there is nothing to tell.
    assert "if the subject were one of national security" not in told
    assert told["if this were so: it is new"] == ("two",)
    assert told["if governments spoke on it on no side"] == ("two",)
    assert "if there were no open forum of this kind: One" not in told
    bomb = ask(topic("bomb"), overlap("bomb", Grade.STRONG, BOTH))
    # Without the summit the row on binding rules still gives the same track: nothing to tell.
    assert all(one.tracks[:1] != ("one",) for one in bomb.would_change if one.tracks)


def test_evidence_is_passed_through_best_of_each_core_code_first() -> None:
    """Core codes come before supporting ones, first pairs before second."""

    def note(code: str, rank: int) -> CounterEvidence:
        return CounterEvidence(code=code, kind="silence", why=f"{code}{rank}")

    notes = {code: (note(code, 1), note(code, 2)) for code in ("a", "b", "x")}
    made = ask(topic("a", "b", supporting=("x",)), STRONG, counter_evidence=notes)
    assert [one.why for one in made.counter_evidence] == ["a1", "b1", "a2", "b2", "x1", "x2"]


def test_labels_stand_in_the_reason_where_the_codebook_is_given() -> None:
    """A minister's adviser reads labels, not ids."""
    codebook = Codebook(
        id="c", version="1", title={}, dimensions={},
        codes=(Code(id="a", dimension="d", label={"en": "Alpha", "zh": "甲"}, definition={}),),
    )  # fmt: skip
    made = ask(topic("a"), STRONG, codebook=codebook)
    assert "Alpha" in made.why["en"]
    assert "甲" in made.why["zh"]


def test_no_topics_no_parties_known_and_three_parties_do_not_break() -> None:
    """Empty playbooks and other constellations give values, not errors."""
    assert recommend(book(), (), {}, (), PARTIES, Settings(), NOW) == ()
    third = (*PARTIES, Party(id="e"))
    held = overlap("a", Grade.PARTIAL, {**BOTH, "e": ()})
    (made,) = recommend(book(topic("a")), (held,), {}, DOCUMENTS, third, Settings(), NOW)
    assert made.verdict is Verdict.NOT_SUPPORTED
    with pytest.raises(UnknownName, match="track"):
        TABLE.track("three")


def test_set_aside_wins_over_strong_overlap() -> None:
    """Strong overlap on a disputed subject is two sides describing one quarrel."""
    assert give_verdict(True, ScreenVerdict.SET_ASIDE) is Verdict.SET_ASIDE


def bundled(day: date, speak=lambda code, document: True, change=lambda playbook: playbook):
    """Run the bundled playbook over invented documents that speak of the codes chosen."""
    codebook = load_codebook("ai-governance")
    playbook = change(load_playbook(bundled_playbook(), codebook))
    parties = tuple(Party(id=name) for name in playbook.parties)
    documents = [
        Document(
            id=f"{party.id}-{rank}", party=party.id, title="t", issuer=f"{party.id} {kind}",
            issuer_type=kind, force=force,
        )
        for party in parties
        for rank, (kind, force) in enumerate(
            [(GOVERNMENT, Force.BINDING), (COMPANY, Force.VOLUNTARY), (EXPERTS, Force.ASPIRATIONAL)]
        )
    ]  # fmt: skip
    held = []
    for code in codebook.codes:
        carry = {
            party.id: tuple(d.id for d in documents if d.party == party.id and speak(code.id, d))
            for party in parties
        }
        least = min(len(ids) for ids in carry.values())
        grade = (Grade.ABSENT, Grade.MODERATE, Grade.STRONG, Grade.STRONG)[least]
        held.append(overlap(code.id, grade, carry, total=3))
    settings = Settings()
    screens = screen_topics(codebook, (), documents, parties, playbook, settings.screening, day, {})
    made = recommend(playbook, held, screens, documents, parties, settings, day, codebook=codebook)
    return {one.topic: one for one in made}


PUBLISHED = {
    "dangerous-capabilities": "track-1",
    "technical-standards": "standards-body",
    "content-provenance": "industry-consortium",
    "novel-governance": "track-2",
}


@pytest.mark.parametrize("day", [date(2025, 1, 20), date(2026, 11, 1)])
def test_published_four_come_out_with_their_tracks(day: date) -> None:
    """With overlap on their codes, the table gives the tracks of Siddiqui et al. (2025)."""
    found = bundled(day)
    assert {name: found[name].verdict for name in PUBLISHED} == dict.fromkeys(
        PUBLISHED, Verdict.RECOMMENDED
    )
    assert {name: found[name].tracks[0].track for name in PUBLISHED} == PUBLISHED
    assert all(found[name].tracks[0].fora for name in PUBLISHED)


@pytest.mark.parametrize("day", [date(2025, 1, 20), date(2026, 11, 1)])
def test_disputed_topics_are_set_aside_however_strong_the_overlap(day: date) -> None:
    """Export controls, military AI, surveillance, content rules and data flows are no topics."""
    found = bundled(day)
    for name in ("compute-export-controls", "military-ai", "surveillance", "content-rules", "data-flows"):  # fmt: skip
        assert found[name].verdict is Verdict.SET_ASIDE
        assert found[name].screen is not None
        assert found[name].screen.reasons[0].sources
    assert found["human-oversight"].verdict is Verdict.HANDLE_WITH_CARE


def test_published_four_do_not_come_out_without_codings() -> None:
    """Nothing is recommended that the documents do not say."""
    found = bundled(date(2025, 1, 20), speak=lambda code, document: False)
    assert {found[name].verdict for name in PUBLISHED} == {Verdict.NOT_SUPPORTED}


def test_published_tracks_follow_their_inputs() -> None:
    """Take the input away, and the track goes with it."""
    day = date(2025, 1, 20)
    silent = bundled(day, speak=lambda code, one: one.issuer_type is not COMPANY)
    assert silent["content-provenance"].tracks[0].track != "industry-consortium"
    mute = bundled(day, speak=lambda code, one: one.issuer_type is not GOVERNMENT)
    assert mute["technical-standards"].tracks[0].track != "standards-body"
    assert mute["dangerous-capabilities"].tracks[0].track == "track-2"

    def plain(playbook: Playbook) -> Playbook:
        return replace(playbook, tracks=replace(playbook.tracks, national_security_codes=()))

    unlisted = bundled(day, change=plain)
    assert unlisted["dangerous-capabilities"].tracks[0].track != "track-1"


def test_a_later_dispute_does_not_count_in_january_2025() -> None:
    """Open weights are free of the quarrel over them before its first day, and not after."""
    before = bundled(date(2025, 1, 20))["open-weights"]
    after = bundled(date(2026, 11, 1))["open-weights"]
    assert (before.verdict, after.verdict) == (Verdict.RECOMMENDED, Verdict.HANDLE_WITH_CARE)


def test_a_channel_of_2026_is_not_offered_in_january_2025() -> None:
    """Incident reporting goes to the channel of its day; the cyber quarrel is older than both."""
    before = bundled(date(2025, 1, 20))["incident-reporting"]
    after = bundled(date(2026, 11, 1))["incident-reporting"]
    assert before.verdict == after.verdict == Verdict.HANDLE_WITH_CARE
    assert set(before.fora) != set(after.fora)


def test_inputs_name_the_properties_of_the_subject_in_both_languages() -> None:
    """A report can say what a marked property means instead of showing its id."""
    for made in bundled(NOW).values():
        for name in made.inputs["subject"]:
            meaning = made.inputs["subject_names"][name]
            assert meaning["en"]
            assert meaning["zh"]


def test_same_input_gives_the_same_answer() -> None:
    """The function is pure: no clock, no order of sets."""
    assert bundled(NOW) == bundled(NOW)


# --------------------------------------------------------------------------- corrected figures


def corrected(code: str, grade: Grade, north: float, south: float, sure: float = 0.8) -> Overlap:
    """An overlap whose shares were estimated from a checked sample of one document in three."""
    counted = overlap(code, Grade.LIMITED, BOTH)
    return replace(
        counted,
        grade=grade,
        lowest=min(north, south),
        prevalence={
            party: Estimate(value=share, low=share - 0.1, high=share + 0.1, count=9, total=30,
                            method="ppi")
            for party, share in (("n", north), ("s", south))
        },
        checked=Checked(counted_grade=Grade.LIMITED, counted=counted.prevalence, sure=sure,
                        odds={grade: sure, Grade.LIMITED: 1 - sure}),
    )  # fmt: skip


def test_the_corrected_grade_decides_and_is_told_with_its_probability():
    """A topic that counting leaves unsupported is recommended by its corrected grade."""
    counted = ask(topic("a"), WEAK)

    one = ask(topic("a"), corrected("a", Grade.MODERATE, 0.41, 0.55))

    assert counted.verdict is Verdict.NOT_SUPPORTED
    assert one.verdict is Verdict.RECOMMENDED
    assert "moderate (probability 80%), in an estimated 41% of each side's" in one.why["en"]
    assert "（概率80%）" in one.why["zh"]
    assert "over 99%" in ask(topic("a"), corrected("a", Grade.STRONG, 0.7, 0.7, 0.9999)).why["en"]


@pytest.mark.parametrize(
    ("grade", "shares", "english", "chinese"),
    [
        (Grade.MODERATE, (0.41, 0.55), "fewer than 25% of the documents of North (estimated: 41%)",
         "北仅有不足25%的文件述及"),
        (Grade.LIMITED, (0.2, 0.55),
         "at least 25% of the documents of every side (estimated: North 20%, South 55%)",
         "现估计：北20%，南55%"),
    ],
)  # fmt: skip
def test_what_would_change_a_corrected_grade_names_shares_and_no_counts(
    grade, shares, english, chinese
):
    """An estimated share has no number of documents that could be more or fewer."""
    one = ask(topic("a"), corrected("a", grade, *shares))

    told = [change.change for change in one.would_change if change.verdict]
    assert any(english in held["en"] for held in told)
    assert any(chinese in held["zh"] for held in told)
    assert not any("more of the" in held["en"] or "fewer of the" in held["en"] for held in told)


def test_a_topic_that_any_document_supports_falls_where_none_is_left():
    """With "limited" as the lowest grade the bound is one document."""
    settings = Settings(topics=TopicSettings(min_grade=Grade.LIMITED))

    one = ask(topic("a"), corrected("a", Grade.LIMITED, 0.2, 0.5), settings=settings)

    assert any("in none of the documents of North" in c.change["en"] for c in one.would_change)
