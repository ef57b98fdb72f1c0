"""The bundled study: a register that keeps its word, digests in our own words, places that exist.

With the real texts beside the project every locator is looked up in the official text, and every
digested provision must be nearer in meaning to its place than to nearly all other places.
``places.csv`` names, by offsets, the places that our own reading of a text's numbering misses
(numbers lost in a copy, list letters swapped); ``originals.csv`` says which text is which.
"""

import csv
import re
import tomllib
import unicodedata
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path

import msgspec
import pytest

import qiutong
from qiutong.carry import plain_case
from qiutong.locators import find_place
from qiutong.model import (
    Document,
    Force,
    Instrument,
    IssuerType,
    Party,
    Segment,
    SourceText,
    Status,
    TextKind,
)
from qiutong.overlap import documents_as_of
from qiutong.readers import read_file
from qiutong.register import read_register
from qiutong.segment import segment_document
from qiutong.text import detect_language

STUDY = Path(qiutong.__file__).parent / "studies" / "us-china-ai"
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
ROWS = {
    row["id"]: row
    for row in csv.DictReader((STUDY / "register.csv").read_text(encoding="utf-8").splitlines())
}
READ = [identity for identity, row in ROWS.items() if row["read"] == "true"]
PUBLISHED = date(2025, 1, 20)


def _table(name: str) -> list[dict[str, str]]:
    path = Path(__file__).parent / name
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


ORIGINALS = {row["document"]: row["file"] for row in _table("originals.csv")}
PLACES = {
    (row["document"], row["locator"]): (int(row["start"]), int(row["end"]))
    for row in _table("places.csv")
}


class Parties(msgspec.Struct, forbid_unknown_fields=True):
    """Shape of parties.toml."""

    parties: tuple[Party, ...]


def read_digest(document: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Front matter, and (locator, text) of every provision."""
    text = (STUDY / ROWS[document]["file"]).read_text(encoding="utf-8")
    head, front, body = text.split("---\n", 2)
    assert head == ""
    fields = dict(line.split(": ", 1) for line in front.splitlines())
    units: list[tuple[str, str]] = []
    for part in re.split(r"^(?=#{1,3} )", body, flags=re.MULTILINE):
        if part.startswith("### "):
            locator, _, rest = part[4:].partition("\n")
            units.append((locator.strip(), rest.strip()))
        elif part.strip():
            assert not part.partition("\n")[2].strip(), f"text outside a provision: {part[:60]}"
    return fields, units


def words(text: str, language: str) -> list[str]:
    """Words of an English text, or characters of a Chinese one, without punctuation."""
    text = unicodedata.normalize("NFKC", text).lower()
    return re.findall(r"\w" if language == "zh" else r"[a-z0-9]+(?:['’][a-z]+)?", text)


@cache
def original(document: str) -> tuple[SourceText, tuple[Segment, ...]]:
    """The official text with its segments, or skip where the real texts are not at hand."""
    path = SHARED / ORIGINALS[document]
    if not path.is_file():
        pytest.skip(f"needs the real texts in {SHARED}")
    source = read_file(path)
    held = Document(
        id=document,
        party="us",
        title="",
        text=source.text,
        blocks=source.blocks,
        pages=source.pages,
        language=detect_language(source.text),
    )
    return source, segment_document(held)


def place(document: str, locator: str) -> str:
    """Words of the official text at a locator; empty where there is no such place."""
    source, segments = original(document)
    if (document, locator) in PLACES:
        start, end = PLACES[document, locator]
        return source.text[start:end]
    found = find_place(locator, [one.locator for one in segments])
    return "\n".join(segments[at].text for at in found)


# ------------------------------------------------------------------------------- the register


def test_register_uses_known_values() -> None:
    """Every row keeps to the vocabularies of the model and names its sources."""
    for row in ROWS.values():
        IssuerType(row["issuer_type"])
        Instrument(row["instrument"])
        Force(row["force"])
        status = Status(row["status"])
        assert row["status_date"] or not status.ended
        assert row["read"] in ("true", "false")
        if row["read"] == "true":
            assert TextKind(row["text_kind"]) is TextKind.DIGEST
        assert re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", row["date_issued"]), row["id"]
        assert not row["url"] or re.match(r"https?://", row["url"])
        for column in ("title", "title_en", "issuer", "source", "verified"):
            assert row[column], (row["id"], column)


def test_register_is_large_enough_and_near_balance() -> None:
    """At least 60 documents with a text, more than 40 of them in scope when the report came out."""
    rows, _ = read_register(STUDY / "register.csv", ["us", "cn"])
    kept, _ = documents_as_of([row.document for row in rows], PUBLISHED)
    own = Counter(one.party for one in kept if not one.endorsed_by)
    assert len(READ) >= 60
    assert own["us"] + own["cn"] > 40
    assert min(own.values()) / max(own.values()) > 0.8


def test_neither_side_is_heard_through_government_or_industry_alone() -> None:
    """Both sides have texts of government and of industry among those read."""
    for party in ("us", "cn"):
        types = {ROWS[one]["issuer_type"] for one in READ if ROWS[one]["party"] == party}
        assert {"company", "industry-association"} & types
        assert {"central-government", "diplomatic", "standards-body"} <= types


def test_documents_nobody_read_have_no_text_and_enter_no_figure() -> None:
    """A row with read = false names no file, and is left out on every day."""
    rows, _ = read_register(STUDY / "register.csv", ["us", "cn"])
    unread = [row for row in rows if not row.document.read]
    assert unread
    assert all(row.path is None for row in unread)
    for day in (PUBLISHED, date(2026, 11, 1)):
        _, out = documents_as_of([row.document for row in rows], day)
        assert {row.document.id for row in unread} <= out.keys()


def test_joint_texts_name_parties_of_the_study_that_endorsed_them() -> None:
    """A joint text belongs to no party and names only parties of the study."""
    joint = [row for row in ROWS.values() if row["party"] == "multilateral"]
    assert joint
    assert all(set(row["endorsed_by"].split(";")) <= {"us", "cn"} for row in joint)
    assert all(not ROWS[one]["endorsed_by"] for one in ROWS if not one.startswith("multi-"))


def test_every_digest_is_in_the_register_and_the_other_way_round() -> None:
    """No digest is left out of the study, and no row points to nothing."""
    files = {path.name for path in (STUDY / "digests").iterdir()}
    assert files == {Path(ROWS[one]["file"]).name for one in READ}


def test_parties_load_as_the_model_has_them() -> None:
    """Names and mentions of both parties exist in both languages."""
    raw = tomllib.loads((STUDY / "parties.toml").read_text(encoding="utf-8"))
    parties = msgspec.convert(raw, Parties).parties
    assert [party.id for party in parties] == ["us", "cn"]
    for party in parties:
        assert set(party.name) == set(party.mentions) == {"en", "zh"}


def test_no_name_stands_for_both_parties() -> None:
    """A mention that named both sides would make every rivalry count twice."""
    raw = tomllib.loads((STUDY / "parties.toml").read_text(encoding="utf-8"))
    us, cn = msgspec.convert(raw, Parties).parties
    for language in ("en", "zh"):
        assert not set(us.mentions[language]) & set(cn.mentions[language])


# ------------------------------------------------------------------------------- the digests


@pytest.mark.parametrize("document", READ)
def test_digest_has_the_documented_form(document: str) -> None:
    """Front matter, language, unique locators, no empty provision."""
    fields, units = read_digest(document)
    assert fields["document"] == document
    assert fields["kind"] == "digest"
    assert fields["language"] == ROWS[document]["language"]
    assert fields["read"] in ("original", "translation")
    locators = [locator for locator, _ in units]
    assert len(locators) == len(set(locators))
    assert len(units) >= 6
    for locator, text in units:
        assert len(text) >= 15, locator
        han = len(re.findall(r"[\u4e00-\u9fff]", text))
        assert (han > len(text) / 2) == (fields["language"] == "zh"), locator


@pytest.mark.parametrize("document", READ)
def test_digest_title_is_the_registers(document: str) -> None:
    """The title of the digest and of the register are the same words."""
    text = (STUDY / ROWS[document]["file"]).read_text(encoding="utf-8")
    assert re.search(r"^# (.+)$", text, re.MULTILINE)[1] == ROWS[document]["title"]


def test_data_card_counts_the_provisions_there_are() -> None:
    """The page of the study gives the numbers of the files."""
    page = Path(__file__).parents[2] / "docs" / "us-china-ai.md"
    rows = re.findall(r"^\| `([\w\-]+)` .*\| (\d+) \|$", page.read_text("utf-8"), re.MULTILINE)
    assert {one: int(count) for one, count in rows} == {
        document: len(read_digest(document)[1]) for document in READ
    }


def test_there_are_more_than_a_thousand_provisions() -> None:
    """The study is large enough to be worth a citation."""
    assert sum(len(read_digest(document)[1]) for document in READ) > 1000


@pytest.mark.real
@pytest.mark.parametrize("document", READ)
def test_no_long_run_is_the_sources(document: str) -> None:
    """No 12 words in a row (20 characters in Chinese) of a digest stand in the text it restates."""
    fields, units = read_digest(document)
    length = 20 if fields["language"] == "zh" else 12
    tokens = words(original(document)[0].text, fields["language"])
    runs = {tuple(tokens[at : at + length]) for at in range(len(tokens) - length + 1)}
    for locator, text in units:
        mine = words(text, fields["language"])
        shared = [
            mine[at : at + length]
            for at in range(len(mine) - length + 1)
            if tuple(mine[at : at + length]) in runs
        ]
        assert not shared, (locator, shared[0])


@pytest.mark.real
@pytest.mark.parametrize("document", READ)
def test_every_locator_exists_in_the_official_text(document: str) -> None:
    """Whoever follows a locator finds the provision."""
    missing = [
        locator for locator, _ in read_digest(document)[1] if not place(document, locator).strip()
    ]
    assert missing == []


@pytest.mark.real
def test_places_named_by_offsets_are_all_used_and_lie_in_their_text() -> None:
    """An exception that no digest needs would hide a slip later."""
    cited = {(one, locator) for one in READ for locator, _ in read_digest(one)[1]}
    assert PLACES.keys() <= cited
    for (document, _), (start, end) in PLACES.items():
        assert 0 <= start < end <= len(original(document)[0].text)


@pytest.mark.real
@pytest.mark.parametrize(
    ("document", "invented"),
    [
        ("us-eo-14110", "Sec. 4.9(a)"),
        ("us-nist-ai-rmf-2023", "GOVERN 2.4"),
        ("cn-genai-measures-2023", "第二十五条"),
        ("cn-genai-measures-2023", "第四条（六）"),
        ("cn-framework-1-2024", "3.1.3(d)"),
        ("multi-unga-78-265", "Op. para. 6(r)"),
        ("cn-pipl-2021", "第七十五条"),
        ("us-ca-sb53-2025", "§ 22757.99"),
    ],
)
def test_an_invented_locator_is_not_found(document: str, invented: str) -> None:
    """The check of locators can fail."""
    assert not place(document, invented)


@pytest.mark.real
def test_digests_are_nearest_to_the_places_they_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A digested provision is nearer to its place than to nearly all others of its document.

    "Nearly all": at most one in twenty of the other places, or one where there are fewer than 40,
    may be nearer. The embedding is the package's own; English against Chinese where the text held
    is a translation.
    """
    from qiutong.coders.embed import UseEmbedder

    embedder = UseEmbedder(processes=1)
    total = near = first = 0
    worst: list[tuple[float, str]] = []
    for document in READ:
        units = read_digest(document)[1]
        mine = [place(document, locator) for locator, _ in units]
        covered = "\n".join(mine)
        others = [
            one.text
            for one in original(document)[1]
            if one.text not in covered and len(one.text) > 30
        ]
        vectors = embedder.embed([plain_case(text) for text in (*mine, *others)])
        likeness = embedder.embed([plain_case(text) for _, text in units]) @ vectors.T
        allowed = max(1, int(0.05 * (len(mine) + len(others) - 1)))
        nearer = [int((row > row[at]).sum()) for at, row in enumerate(likeness)]
        total += len(units)
        near += sum(count <= allowed for count in nearer)
        first += sum(count == 0 for count in nearer)
        worst.append((sum(count <= allowed for count in nearer) / len(units), document))
    with capsys.disabled():
        print(
            f"\n{total} digested provisions: {near / total:.1%} nearer to their place than to "
            f"nearly all others, {first / total:.1%} nearest of all; lowest: "
            + ", ".join(f"{name} {share:.0%}" for share, name in sorted(worst)[:3])
        )
    assert near / total >= 0.9
    assert min(worst)[0] >= 0.75
