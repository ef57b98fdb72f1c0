"""The playbook: what may stand in its files, and how a wrong value is reported."""

import re
import shutil
from datetime import date
from pathlib import Path

import msgspec
import pytest

import qiutong
from qiutong.codebook import load_codebook
from qiutong.errors import BadSettings, UnknownName
from qiutong.model import Code, Codebook, Forum, Source
from qiutong.playbook import (
    Fact,
    ForumEntry,
    bundled_playbook,
    first_day,
    known_on,
    last_day,
    load_playbook,
    missing_parties,
    stands,
)

CODEBOOK = Codebook(
    id="other",
    version="1",
    title={"en": "Other"},
    dimensions={"d": {"en": "D"}},
    codes=(Code(id="a", dimension="d", label={"en": "A"}, definition={"en": "A"}),),
)


@pytest.fixture(scope="module")
def codebook():
    return load_codebook("ai-governance")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundled_playbook(), tmp_path / "playbook"))


def spoil(folder: Path, file: str, old: str, new: str) -> int:
    """Replace the first occurrence and give the line on which it stood."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_bundled_playbook_loads_whole(codebook) -> None:
    """Every tension, topic, forum and term is there, and no code is unknown."""
    playbook = load_playbook(bundled_playbook(), codebook)
    counts = [
        len(part) for part in (playbook.tensions, playbook.topics, playbook.fora, playbook.glossary)
    ]
    assert counts == [20, 24, 43, 43]
    assert playbook.warnings == ()
    published = [topic for topic in playbook.topics if topic.basis == "published"]
    assert len(published) == 4


def test_every_text_of_the_bundled_playbook_is_in_both_languages(codebook) -> None:
    """A report in Chinese never falls back to English."""
    playbook = load_playbook(bundled_playbook(), codebook)
    texts = [one.name for one in (*playbook.tensions, *playbook.fora, *playbook.tracks.tracks)]
    texts += [one.why for one in (*playbook.tensions, *playbook.tracks.rules)]
    texts += [text for one in playbook.topics for text in (one.title, one.question)]
    texts += [t.keep_out for one in playbook.topics for t in one.tensions if t.keep_out]
    texts += [fact.text for one in playbook.tensions for fact in one.evidence]
    texts += [text for one in playbook.glossary for text in (one.term, one.caution)]
    texts += [usage for one in playbook.glossary for usage in one.usage.values()]
    texts += [{"en": one.state, "zh": one.state_zh} for one in playbook.fora]
    texts += [{"en": one.topics, "zh": one.topics_zh} for one in playbook.fora]
    texts += [source.fact for one in playbook.fora for source in one.sources if source.fact]
    texts += [one.meaning for one in playbook.tracks.properties]
    for text in texts:
        assert text.get("en"), text
        assert re.search(r"[\u4e00-\u9fff]", text.get("zh", "")), text


# A citation such as "NPR" or "AGORA 50" reads the same in both, but words must be Chinese in Chinese.
ENGLISH_WORDS = re.compile(
    r"(?<![A-Za-z-])(?:the|of|and|on|as|cited|report|note|from)(?![A-Za-z-])"
)


def test_every_source_of_the_bundled_playbook_is_in_both_languages(codebook) -> None:
    """No citation of a Chinese report is left in English words."""
    playbook = load_playbook(bundled_playbook(), codebook)
    cited = [fact.as_source() for one in playbook.tensions for fact in one.evidence]
    cited += [source for one in playbook.fora for source in one.sources]
    texts = [one.citation for one in cited]
    texts += [one.source for one in playbook.glossary]
    texts += [one.source for one in (*playbook.topics, *playbook.rivalry.implied)]
    for text in texts:
        assert text["en"]
        assert text["zh"]
        assert not ENGLISH_WORDS.search(text["zh"]), text["zh"]


def test_every_tension_of_the_bundled_playbook_has_dated_evidence_of_both_sides(codebook) -> None:
    """No dispute is told by one side alone, and none rests on memory alone on either side."""
    playbook = load_playbook(bundled_playbook(), codebook)
    for tension in playbook.tensions:
        assert all(fact.date for fact in tension.evidence), tension.id
        for party in playbook.parties:
            seen = {fact.verified for fact in tension.evidence if fact.party == party}
            assert seen - {"memory"}, (tension.id, party)


LATER_YEAR = re.compile(r"(?<![\d/.])(20[12]\d)(?!\d)")
# A plan or a statute's name may hold a later year, known on the day itself.
NAMED_YEARS = re.compile(
    r"FY20\d\d|20\d\d财年|by 2030|2030年|until 27 November 2026|至2026年11月27日|"
    r"to 10 January 2027|至2027年1月10日|November 2026"
)


def told_later(texts: dict[str, str], day: str) -> list[str]:
    """Give texts that name a year after a day's."""
    return [
        text
        for text in texts.values()
        if any(year > day[:4] for year in LATER_YEAR.findall(NAMED_YEARS.sub("", text)))
    ]


def test_no_fact_of_the_bundled_playbook_tells_of_a_later_one(codebook) -> None:
    """Evidence dated by a day is all that an earlier report shows, so each fact keeps to its day."""
    playbook = load_playbook(bundled_playbook(), codebook)
    facts = [fact.as_source() for one in playbook.tensions for fact in one.evidence]
    facts += [source for one in playbook.fora for source in one.sources if source.fact]
    for fact in facts:
        assert told_later(fact.fact, fact.date) == []
        assert told_later(fact.citation, fact.date) == []
    for tension in playbook.tensions:
        for texts in (tension.name, tension.why):
            assert told_later(texts, "2000") == [], tension.id


def test_nothing_of_a_later_day_stands_in_the_picture_of_an_earlier_one(codebook) -> None:
    """On the day of the report, names, meetings and terms of 2025 and 2026 are not there."""
    playbook = load_playbook(bundled_playbook(), codebook)
    day = date(2025, 1, 20)
    for forum in playbook.fora:
        if stands(forum.since, forum.until, day):
            then = known_on(forum, day)
            assert then.state == then.state_zh == ""
            assert then.last_met <= "2025-01-20"
            texts = [then.name, {"en": then.topics, "zh": then.topics_zh}]
            texts += [text for one in then.sources for text in (one.fact, one.citation)]
            assert [told_later(text, "2025") for text in texts if told_later(text, "2024")] == []
    for term in playbook.glossary:
        if stands(term.since, term.until, day):
            for text in (term.term, term.caution, term.source, *term.usage.values()):
                assert told_later(text, "2024") == [], term.id


def test_newest_state_of_the_bundled_playbook_is_that_of_autumn_2026(codebook) -> None:
    """Today's picture holds the dialogue agreed in September 2026 and no ended channel."""
    playbook = load_playbook(bundled_playbook(), codebook)
    day = date(2026, 11, 23)
    held = {
        one.id: known_on(one, day) for one in playbook.fora if stands(one.since, one.until, day)
    }
    assert "September 2026" in held["us-cn-ai-dialogue"].state
    assert held["us-cn-leaders"].last_met == "2026-09-24"
    assert held["us-cn-incident-channel"].planned
    assert "us-cn-intergov-2024" not in held
    early = {
        one.id: one for one in playbook.fora if stands(one.since, one.until, date(2025, 1, 20))
    }
    assert known_on(early["us-cn-intergov-2024"], date(2025, 1, 20)).last_met == "2024-05-14"
    assert known_on(early["us-cn-leaders"], date(2025, 1, 20)).last_met == "2024-11-16"
    assert "us-cn-ai-dialogue" not in early


def test_every_fact_of_the_bundled_playbook_names_its_source(codebook) -> None:
    """No tension or forum stands without a citation and a mark of how far it was checked."""
    playbook = load_playbook(bundled_playbook(), codebook)
    for tension in playbook.tensions:
        assert tension.evidence
        assert all(fact.source and fact.party and fact.verified for fact in tension.evidence)
    assert all(one.sources[0].text and one.sources[0].verified for one in playbook.fora)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("topics.yaml", "core: [risk.bias]", "core: [risk.biass]", 'unknown code "risk.biass"'),
        ("topics.yaml", "{id: talent-visa, relation: near", "{id: talent-viza, relation: near",
         'unknown tension "talent-viza"'),
        ("topics.yaml", "fora: [yale-paul-tsai, apec]", "fora: [yale-paul-tsai, apek]",
         'unknown forum "apek"'),
        ("topics.yaml", "subject: {third-countries: true}", "subject: {third-country: true}",
         'unknown property "third-country"'),
        ("tensions.yaml", "touches: [risk.rights]", "touches: [risk.right]", 'unknown code "risk.right"'),
        ("tensions.yaml", 'date: "2019-10-09"', 'date: "October 2019"', "YYYY"),
        ("tracks.yaml", "    track: industry-consortium", "    track: industry", 'unknown track "industry"'),
        ("tracks.yaml", "      channels: standards-body", "      channels: standards-bodies",
         'unknown kind of forum "standards-bodies"'),
        ("tracks.yaml", "speaks: {industry: [all, some]}", "speaks: {firms: [all, some]}",
         'unknown speaker class "firms"'),
        ("tracks.yaml", "  - risk.military", "  - risk.militar", 'unknown code "risk.militar"'),
        ("tracks.yaml", "不影响任何一方立场。", "不影响{who}立场。", 'unknown placeholder "{who}"'),
        ("fora.yaml", "kind: track-1.5", "kind: track-15", 'unknown kind of forum "track-15"'),
        ("rivalry.yaml", "by: us, about: cn", "by: us, about: us", "no rival of itself"),
    ],
)  # fmt: skip
def test_wrong_name_is_reported_with_file_and_line(
    folder: Path, codebook, file: str, old: str, new: str, said: str
) -> None:
    """A misspelt name is an error that says where it stands and what exists."""
    line = spoil(folder, file, old, new)
    with pytest.raises(BadSettings) as caught:
        load_playbook(folder, codebook)
    assert said in str(caught.value)
    assert caught.value.file.endswith(file)
    assert caught.value.line is not None
    # A folded text begins some lines below its key; every other value has its own line.
    assert abs(caught.value.line - line) <= (1 if "placeholder" in said else 0)


def test_wrong_value_offers_the_nearest_name(folder: Path, codebook) -> None:
    """The message names what was probably meant."""
    spoil(folder, "topics.yaml", "core: [risk.bias]", "core: [risk.biass]")
    with pytest.raises(BadSettings, match=r"did you mean .*risk\.bias"):
        load_playbook(folder, codebook)


def test_id_given_twice_is_an_error(folder: Path, codebook) -> None:
    """Two topics of one id would hide each other."""
    spoil(folder, "topics.yaml", "- id: privacy", "- id: workforce")
    with pytest.raises(BadSettings, match="stands twice"):
        load_playbook(folder, codebook)


def test_misspelt_key_is_an_error(folder: Path, codebook) -> None:
    """A key nobody reads is refused with its line."""
    line = spoil(folder, "tensions.yaml", "    severity:", "    severeness:")
    with pytest.raises(BadSettings) as caught:
        load_playbook(folder, codebook)
    assert "severe" in str(caught.value)
    assert caught.value.line is not None
    assert abs(caught.value.line - line) <= 6  # a missing key is reported at its entry


def test_another_codebook_leaves_topics_out_with_a_warning(folder: Path) -> None:
    """With a codebook it was not written for, a playbook loses topics and says so."""
    (folder / "topics.yaml").write_text(
        "topics:\n"
        "  - {id: known, title: {en: K}, core: [a], supporting: [gone]}\n"
        "  - {id: unknown, title: {en: U}, core: [a, gone]}\n",
        encoding="utf-8",
    )
    playbook = load_playbook(folder, CODEBOOK)
    assert [topic.id for topic in playbook.topics] == ["known"]
    assert playbook.topics[0].supporting == ()
    assert playbook.tracks.national_security_codes == ()
    told = [warning for warning in playbook.warnings if '"unknown"' in warning["en"]]
    assert len(told) == 1
    assert "gone" in told[0]["en"]
    assert told[0]["zh"]


PARTS = ("tensions", "rivalry", "topics", "tracks", "fora", "glossary")


def test_empty_files_hold_nothing(tmp_path: Path, codebook) -> None:
    """Files that are empty, or hold comments only, hold nothing; overrides may be missing."""
    (tmp_path / "playbook.yaml").write_text(
        'id: bare\nversion: "1"\ntitle: {en: Bare}\ncodebook: ai-governance\nparties: [x, y]\n',
        encoding="utf-8",
    )
    for name in PARTS:
        (tmp_path / f"{name}.yaml").write_text("", encoding="utf-8")
    (tmp_path / "topics.yaml").write_text("# none yet\n", encoding="utf-8")
    playbook = load_playbook(tmp_path, codebook)
    assert playbook.topics == ()
    assert playbook.fora == ()
    assert playbook.overrides == ()


@pytest.mark.parametrize("name", ["playbook", *PARTS])
def test_missing_file_is_an_error_that_names_the_remedy(folder: Path, codebook, name: str) -> None:
    """A lost file never reads as "no tensions"."""
    (folder / f"{name}.yaml").unlink()
    with pytest.raises(BadSettings, match="save an empty file of this name") as caught:
        load_playbook(folder, codebook)
    assert caught.value.file.endswith(f"{name}.yaml")


def test_missing_folder_and_unknown_bundle_are_clear_errors(tmp_path: Path, codebook) -> None:
    """Both say what was looked for."""
    with pytest.raises(BadSettings, match=r"playbook\.yaml"):
        load_playbook(tmp_path / "nowhere", codebook)
    with pytest.raises(UnknownName, match="us-china-ai"):
        bundled_playbook("us-china")


def test_override_needs_a_subject_that_exists(folder: Path, codebook) -> None:
    """An override on an unknown code is an error, on a topic it is read."""
    path = folder / "overrides.yaml"
    path.write_text(
        "overrides:\n  - {subject: risk.biass, verdict: clear, memo: m, by: b}\n", encoding="utf-8"
    )
    with pytest.raises(BadSettings, match="unknown code or topic") as caught:
        load_playbook(folder, codebook)
    assert caught.value.line == 2
    path.write_text(
        "overrides:\n  - {subject: privacy, verdict: clear, memo: m, by: b, date: 2026-11-01}\n",
        encoding="utf-8",
    )
    assert load_playbook(folder, codebook).overrides[0].date == "2026-11-01"


def test_party_the_playbook_does_not_know_is_told(codebook) -> None:
    """Silence about a party is said aloud."""
    playbook = load_playbook(bundled_playbook(), codebook)
    assert missing_parties(playbook, playbook.parties) == ()
    assert "eu" in missing_parties(playbook, ("us", "eu"))[0]["en"]


def test_dates_may_be_years_months_or_days() -> None:
    """A month ends on its last day, leap years included."""
    assert first_day("2024-02") == date(2024, 2, 1)
    assert last_day("2024-02") == date(2024, 2, 29)
    assert last_day("2023") == date(2023, 12, 31)
    assert last_day("2024-12") == date(2024, 12, 31)
    assert first_day("") is None
    assert stands("2024-02", "2024-02", date(2024, 2, 29))
    assert not stands("2024-03", "", date(2024, 2, 29))
    with pytest.raises(ValueError, match="YYYY"):
        first_day("spring")


def test_modules_name_no_topic_code_party_tension_or_forum(codebook) -> None:
    """What is particular to a study lives in YAML, not in the code."""
    playbook = load_playbook(bundled_playbook(), codebook)
    names = {one.id for part in (playbook.topics, playbook.tensions, playbook.fora, codebook.codes)
             for one in part}  # fmt: skip
    names |= {one.id for part in (playbook.tracks.tracks, playbook.tracks.rules,
                                  playbook.tracks.properties) for one in part}  # fmt: skip
    names |= {*playbook.parties, *playbook.tracks.speakers}
    for module in ("playbook", "screening", "recommend"):
        source = (Path(qiutong.__file__).parent / f"{module}.py").read_text(encoding="utf-8")
        literals = set(re.findall(r"[\"']([^\"'\n]*)[\"']", source))
        assert not literals & names, (module, literals & names)


def test_playbook_survives_a_round_trip(codebook) -> None:
    """A loaded playbook is a plain value."""
    playbook = load_playbook(bundled_playbook(), codebook)
    again = msgspec.json.decode(msgspec.json.encode(playbook), type=type(playbook))
    assert again == playbook


def test_a_forum_is_given_with_what_was_known_on_the_day() -> None:
    """State and meetings of a later day do not stand in an earlier picture."""
    forum = Forum(
        id="x", name={"en": "X"}, kind="track-1", since="2023", last_met="2026-09-24",
        state="Active in 2026", sources=(Source(text="seen", date="2026-11"),),
    )  # fmt: skip
    early, late = known_on(forum, date(2025, 1, 20)), known_on(forum, date(2026, 12, 1))
    assert (early.state, early.last_met) == ("", "")
    assert late == forum


def test_meetings_of_a_forum_show_from_their_day_on() -> None:
    """On an earlier day the last meeting is the last one held by then, with its source."""
    entry = ForumEntry(
        id="x", name={"en": "X"}, kind="track-2", source={"en": "list", "zh": "清单"},
        as_of="2026-10-10", state={"en": "Active", "zh": "活跃"}, verified="secondary",
        unchecked={"en": "beginning", "zh": "起始时间"},
        meetings=(
            Fact(text={"en": "First", "zh": "首次"}, date="2024-02", source="a"),
            Fact(text={"en": "Second", "zh": "第二次"}, date="2026-05-14", source="b"),
        ),
    )  # fmt: skip
    forum = entry.as_forum()
    assert forum.last_met == "2026-05-14"
    assert forum.sources[0].citation["zh"] == "清单（凭记忆：起始时间）"
    before, early, late = (known_on(forum, date(*day)) for day in
                           ((2024, 2, 28), (2025, 1, 20), (2026, 10, 10)))  # fmt: skip
    assert (before.last_met, [one.text for one in before.sources]) == (
        "", ["list (from memory: beginning)"],
    )  # fmt: skip
    assert (early.last_met, early.state) == ("2024-02", "")
    assert [one.fact["en"] for one in early.sources] == ["First"]
    assert late == forum


def test_a_meeting_without_a_day_is_refused(folder: Path, codebook) -> None:
    """An undated meeting could not be kept out of an earlier picture."""
    line = spoil(folder, "fora.yaml", '{date: "2024-05-14", text', '{date: "", text')
    with pytest.raises(BadSettings, match="a meeting needs a date") as caught:
        load_playbook(folder, codebook)
    assert caught.value.line == line


def test_a_party_from_memory_must_be_one_of_the_playbook(folder: Path, codebook) -> None:
    """A misspelt party in the glossary is an error."""
    spoil(folder, "glossary.yaml", "from_memory: [us]", "from_memory: [usa]")
    with pytest.raises(BadSettings, match='unknown party "usa"'):
        load_playbook(folder, codebook)


def test_a_beginning_known_by_its_year_counts_from_the_years_end() -> None:
    """What cannot be shown to have been there already is not counted."""
    assert not stands("2025", "", date(2025, 1, 20))
    assert stands("2025", "", date(2025, 12, 31))
    assert stands("2024-12", "2025", date(2025, 1, 20))
