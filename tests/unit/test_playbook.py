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
    assert counts == [20, 24, 41, 39]
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
    texts += [{"en": one.state, "zh": one.state_zh} for one in playbook.fora]
    for text in texts:
        assert text.get("en"), text
        assert re.search(r"[\u4e00-\u9fff]", text.get("zh", "")), text


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
        ("tensions.yaml", 'date: "2019-10"', 'date: "October 2019"', "YYYY"),
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


def test_a_beginning_known_by_its_year_counts_from_the_years_end() -> None:
    """What cannot be shown to have been there already is not counted."""
    assert not stands("2025", "", date(2025, 1, 20))
    assert stands("2025", "", date(2025, 12, 31))
    assert stands("2024-12", "2025", date(2025, 1, 20))
