"""The bundled study: digests in our own words, and locators that exist in the official texts."""

import csv
import re
import tomllib
import unicodedata
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import qiutong
from qiutong.model import Force, Instrument, IssuerType, Party, Status, TextKind

STUDY = Path(qiutong.__file__).parent / "studies" / "us-china-ai"
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
ROWS = {
    row["id"]: row
    for row in csv.DictReader((STUDY / "register.csv").read_text(encoding="utf-8").splitlines())
}
ORIGINALS = {
    "us-eo-14110": "agora/fulltext/307.txt",
    "us-nist-ai-rmf-2023": "agora/fulltext/772.txt",
    "us-wh-voluntary-2023": "agora/fulltext/758.txt",
    "us-anthropic-rsp": "agora/fulltext/768.txt",
    "cn-genai-measures-2023": "zh/genai_interim_2023.txt",
    "cn-global-initiative-2023": "zh/global_ai_governance_initiative_2023.txt",
    "cn-framework-1-2024": "zh/ai_safety_governance_framework_v1_2024.txt",
    "cn-aiia-commitments-2024": "agora/fulltext/1831.txt",
    "multi-bletchley-2023": "agora/fulltext/1046.txt",
    "multi-unga-78-265": "agora/fulltext/1381.txt",
}
# Kept by hand because the copy held has a slip: 6.1(d) is printed as a second (a).
MISPRINTED = {("cn-framework-1-2024", "6.1(d)")}


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


# ------------------------------------------------------------------- locators in the source


def _after(text: str, pattern: str, start: int, stop: int) -> int | None:
    hit = re.compile(pattern).search(text, start, stop)
    return hit.end() if hit else None


def _in_executive_order(text: str, locator: str) -> bool:
    number = re.match(r"Sec\. (\d+(?:\.\d+)?)", locator)[1]
    steps = re.findall(r"\((\w+)\)", locator)
    if "." in number:
        start = _after(text, rf"(?<!\d){re.escape(number)}\.  (?=[A-Z])", 0, len(text))
        whole, part = number.split(".")
        following = rf"(?<!\d){whole}\.{int(part) + 1}\.  [A-Z]|Sec\. {int(whole) + 1}\."
    else:
        start = _after(text, rf"Sec(?:\.|tion) {number}\.  ?", 0, len(text))
        following = rf"Sec\. {int(number) + 1}\."
    if start is None:
        return False
    end = re.compile(following).search(text, start)
    stop = end.start() if end else len(text)
    for depth, step in enumerate(steps):
        # An item is followed by two spaces or more; a cross-reference is not.
        found = _after(text, rf"\({step}\) {{2,}}", start, stop)
        if found is None:
            return False
        start = found
        if depth == 0:
            after = re.compile(rf"\({chr(ord(step) + 1)}\) {{2,}}").search(text, start, stop)
            stop = after.start() if after else stop
    return True


def _section(text: str, number: str) -> str:
    """The text of a numbered section of a tab-headed document, heading left out."""
    start = re.search(rf"^{re.escape(number)}\.?\t.*\n", text, re.MULTILINE)
    if not start:
        return ""
    # A numbered item is no heading: it has a colon or a full stop.
    heading = re.compile(r"^(?:\d\.\d\.?\t|\d\.\t[A-Z][^:.\n]*$|Appendices)", re.MULTILINE)
    end = heading.search(text, start.end())
    return text[start.end() : end.start() if end else len(text)]


def _in_nist(text: str, locator: str) -> bool:
    if locator.split()[0] in ("GOVERN", "MAP", "MEASURE", "MANAGE"):
        return re.search(rf"^{re.escape(locator)}: ", text, re.MULTILINE) is not None
    number, para = re.fullmatch(r"Section ([\d.]+), para\. (\d+)", locator).groups()
    paragraphs = [one for one in _section(text, number).split("\n\n") if one.strip()]
    return len(paragraphs) >= int(para)


def _in_rsp(text: str, locator: str) -> bool:
    appendix = re.fullmatch(r"Appendix ([BC]), (.+?)(?:, item (\d+))?", locator)
    if appendix:
        start = text.index(f"\nAppendix {appendix[1]}: ")
        named = text.find(appendix[2], start)
        item = appendix[3]
        return named > 0 and (
            not item or re.compile(rf"^{item}\.\t", re.MULTILINE).search(text, named) is not None
        )
    number, rest = re.fullmatch(r"Section ([\d.]+)(.*)", locator).groups()
    section = _section(text, number)
    if not rest:
        return bool(section)
    item = re.fullmatch(r"\((\d+)\)", rest)
    if item:
        return re.search(rf"^{item[1]}\.\t", section, re.MULTILINE) is not None
    para = re.fullmatch(r", para\. (\d+)", rest)
    if para:
        return len([one for one in section.splitlines() if one.strip()]) >= int(para[1])
    return rest.removeprefix(", ") in section


def _in_fact_sheet(text: str, locator: str) -> bool:
    opening = re.fullmatch(r'(?:Paragraph|Item) beginning "(.+)"', locator)
    if opening:
        return opening[1] in text
    heading, number = re.fullmatch(r"(.+), bullet (\d+)", locator).groups()
    block = text[text.index(f"\n{heading}\n") :].split("\n\n\n")[0]
    return block.count("\n* The companies commit") >= int(number)


NUMERALS = ["", *"一二三四五六七八九十", "十一"]


def _in_measures(text: str, locator: str) -> bool:
    article, paragraph, item = re.fullmatch(
        r"(第[一二三四五六七八九十]+条)(?:第([一二三])款)?(?:（([一二三四五六七八九十])）)?",
        locator,
    ).groups()
    start = re.search(rf"^{article}  ", text, re.MULTILINE)
    if not start:
        return False
    end = re.compile(r"^第[一二三四五六七八九十]+[条章]", re.MULTILINE).search(text, start.end())
    lines = text[start.end() : end.start() if end else len(text)].strip().splitlines()
    if item:
        return any(line.startswith(f"（{item}）") for line in lines)
    return not paragraph or len(lines) >= NUMERALS.index(paragraph)


def _in_initiative(text: str, locator: str) -> bool:
    preface = re.fullmatch(r"序言第([一二三四五])段", locator)
    if preface:
        return len(text.split("为此")[0].strip().splitlines()) >= NUMERALS.index(preface[1])
    number = re.match(r"倡议第([一二三四五六七八九十]+)项", locator)[1]
    return text.count("\n——") >= NUMERALS.index(number)


def _in_framework(text: str, locator: str) -> bool:
    number, item = re.fullmatch(r"([\d.]+)(?:\((\w)\))?", locator).groups()
    dot = r"\." if "." not in number else " "
    start = re.search(rf"^{re.escape(number)}{dot}", text, re.MULTILINE)
    if not start:
        return False
    end = re.compile(r"^\d\.(?:\d\S* )?", re.MULTILINE).search(text, start.end())
    return not item or f"({item})" in text[start.end() : end.start() if end else len(text)]


def _in_commitments(text: str, locator: str) -> bool:
    if locator == "序言":
        return text.index("Commitment I:") > 100
    number = NUMERALS.index(re.match(r"承诺([一二三四五六])(?:，|$)", locator)[1])
    return f"\nCommitment {['', 'I', 'II', 'III', 'IV', 'V', 'VI'][number]}:" in text


def _in_declaration(text: str, locator: str) -> bool:
    body = text.split("The countries represented were")[0]
    paragraphs = [one for one in body.split("\n\n") if one.strip()]
    # The two items of paragraph 8 stand as paragraphs of their own.
    number, item = re.fullmatch(r"Para\. (\d+)(?:, item ([12]))?", locator).groups()
    place = int(number) - 1 + (int(item) if item else 0) + (2 if int(number) > 8 else 0)
    return place < len(paragraphs) and (not item or paragraphs[place].strip()[0].islower())


def _in_resolution(text: str, locator: str) -> bool:
    number, item = re.fullmatch(r"Op\. para\. (\d+)(?:\((\w)\))?", locator).groups()
    start = re.search(rf"^{number}\.\t", text, re.MULTILINE)
    if not start:
        return False
    end = re.compile(r"^\d+\.\t", re.MULTILINE).search(text, start.end())
    part = text[start.end() : end.start() if end else len(text)]
    return not item or re.search(rf"^\({item}\)\t", part, re.MULTILINE) is not None


FINDERS: dict[str, Callable[[str, str], bool]] = {
    "us-eo-14110": _in_executive_order,
    "us-nist-ai-rmf-2023": _in_nist,
    "us-wh-voluntary-2023": _in_fact_sheet,
    "us-anthropic-rsp": _in_rsp,
    "cn-genai-measures-2023": _in_measures,
    "cn-global-initiative-2023": _in_initiative,
    "cn-framework-1-2024": _in_framework,
    "cn-aiia-commitments-2024": _in_commitments,
    "multi-bletchley-2023": _in_declaration,
    "multi-unga-78-265": _in_resolution,
}


def original(document: str) -> str:
    """The official text, or skip where the real texts are not at hand."""
    path = SHARED / ORIGINALS[document]
    if not path.is_file():
        pytest.skip(f"needs the real texts in {SHARED}")
    return path.read_text(encoding="utf-8-sig").replace("ﬁ", "fi")


# ------------------------------------------------------------------------------- the tests


def test_register_uses_known_values() -> None:
    """Every row keeps to the vocabularies of the model and names its sources."""
    for row in ROWS.values():
        IssuerType(row["issuer_type"])
        Instrument(row["instrument"])
        Force(row["force"])
        status = Status(row["status"])
        assert row["status_date"] or not status.ended
        assert TextKind(row["text_kind"]) is TextKind.DIGEST
        assert re.fullmatch(r"\d{4}-\d\d(-\d\d)?", row["date_issued"])
        assert row["url"].startswith("https://")
        assert row["source"]
        assert row["verified"]


def test_register_holds_four_documents_a_side_of_government_and_industry() -> None:
    """Neither side is heard through its government or its industry alone."""
    own = [row for row in ROWS.values() if not row["endorsed_by"]]
    for party in ("us", "cn"):
        types = [row["issuer_type"] for row in own if row["party"] == party]
        assert len(types) == 4
        assert {"company", "industry-association"} & set(types)
        assert {"central-government", "diplomatic"} & set(types)


def test_joint_texts_name_the_parties_that_endorsed_them() -> None:
    """A joint text belongs to no party and names only parties of the study."""
    joint = [row for row in ROWS.values() if row["endorsed_by"]]
    assert {row["party"] for row in joint} == {"multilateral"}
    assert all(set(row["endorsed_by"].split(";")) == {"us", "cn"} for row in joint)


def test_every_digest_is_in_the_register_and_the_other_way_round() -> None:
    """No digest is left out of the study, and no row points to nothing."""
    files = {path.name for path in (STUDY / "digests").iterdir()}
    assert files == {Path(row["file"]).name for row in ROWS.values()}


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


@pytest.mark.parametrize("document", ROWS)
def test_digest_has_the_documented_form(document: str) -> None:
    """Front matter, language, unique locators, no empty provision, no claim of 共识."""
    fields, units = read_digest(document)
    assert fields["document"] == document
    assert fields["kind"] == "digest"
    assert fields["language"] == ROWS[document]["language"]
    assert fields["read"] in ("original", "translation")
    locators = [locator for locator, _ in units]
    assert len(locators) == len(set(locators))
    assert len(units) >= 8
    for locator, text in units:
        assert len(text) >= 15, locator
        assert "共识" not in text
        assert "consensus" not in text.lower()
        han = len(re.findall(r"[\u4e00-\u9fff]", text))
        assert (han > len(text) / 2) == (fields["language"] == "zh"), locator


@pytest.mark.parametrize("document", ROWS)
def test_digest_title_is_the_registers(document: str) -> None:
    """The title of the digest and of the register are the same words."""
    text = (STUDY / ROWS[document]["file"]).read_text(encoding="utf-8")
    assert re.search(r"^# (.+)$", text, re.MULTILINE)[1] == ROWS[document]["title"]


def test_data_card_counts_the_provisions_there_are() -> None:
    """The page of the study gives the numbers of the files."""
    page = Path(__file__).parents[2] / "docs" / "us-china-ai.md"
    rows = re.findall(r"^\| `([\w\-]+)` .*\| (\d+) \|$", page.read_text("utf-8"), re.MULTILINE)
    assert {one: int(count) for one, count in rows} == {
        document: len(read_digest(document)[1]) for document in ROWS
    }


@pytest.mark.real
@pytest.mark.parametrize("document", [one for one in ROWS if ROWS[one]["language"] == "en"])
def test_no_twelve_words_in_a_row_are_the_sources(document: str) -> None:
    """A digest in English is in our own words."""
    _no_shared_run(document, original(document), "en", 12)


@pytest.mark.real
@pytest.mark.parametrize("document", [one for one in ROWS if ROWS[one]["language"] == "zh"])
def test_no_twenty_characters_in_a_row_are_the_sources(document: str) -> None:
    """A digest in Chinese is in our own words, punctuation left aside."""
    _no_shared_run(document, original(document), "zh", 20)


def _no_shared_run(document: str, source: str, language: str, length: int) -> None:
    tokens = words(source, language)
    runs = {tuple(tokens[at : at + length]) for at in range(len(tokens) - length + 1)}
    for locator, text in read_digest(document)[1]:
        mine = words(text, language)
        shared = [
            mine[at : at + length]
            for at in range(len(mine) - length + 1)
            if tuple(mine[at : at + length]) in runs
        ]
        assert not shared, (locator, shared[0])


@pytest.mark.real
@pytest.mark.parametrize("document", ROWS)
def test_every_locator_exists_in_the_official_text(document: str) -> None:
    """Whoever follows a locator finds the provision."""
    source = original(document)
    missing = [
        locator
        for locator, _ in read_digest(document)[1]
        if (document, locator) not in MISPRINTED and not FINDERS[document](source, locator)
    ]
    assert missing == []


@pytest.mark.real
@pytest.mark.parametrize(
    ("document", "invented"),
    [
        ("us-eo-14110", "Sec. 4.9(a)"),
        ("us-eo-14110", "Sec. 4.1(c)"),
        ("us-nist-ai-rmf-2023", "GOVERN 2.4"),
        ("us-nist-ai-rmf-2023", "Section 3.3, para. 9"),
        ("us-wh-voluntary-2023", "Earning the Public’s Trust, bullet 5"),
        ("us-anthropic-rsp", "Section 4.1(8)"),
        ("cn-genai-measures-2023", "第二十五条"),
        ("cn-genai-measures-2023", "第四条（六）"),
        ("cn-framework-1-2024", "3.1.3(d)"),
        ("cn-global-initiative-2023", "序言第四段"),
        ("multi-bletchley-2023", "Para. 11"),
        ("multi-unga-78-265", "Op. para. 6(r)"),
    ],
)
def test_an_invented_locator_is_not_found(document: str, invented: str) -> None:
    """The check of locators can fail."""
    assert not FINDERS[document](original(document), invented)
