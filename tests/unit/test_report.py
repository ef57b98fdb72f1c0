"""The report: complete without a network or script, safe with hostile text, readable by anyone."""

import base64
import hashlib
import re
from collections import Counter
from datetime import date
from enum import StrEnum
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import msgspec
import pytest

from qiutong.codebook import load_codebook
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.default import default_coder
from qiutong.coders.llm import llm_coder
from qiutong.errors import UnknownName
from qiutong.exporters.html import (
    NOT_FIRM,
    ReportView,
    Wording,
    anchor,
    cut_context,
    direction,
    load_wording,
    passage_anchor,
    render_report,
    safe_url,
)
from qiutong.model import (
    FROM_TRANSLATION,
    CoderKind,
    Document,
    EvidencePair,
    Force,
    Grade,
    Instrument,
    IssuerType,
    Overlap,
    Passage,
    Position,
    ScreenVerdict,
    Source,
    Status,
    TextKind,
    Verdict,
)
from qiutong.playbook import Term

from .fake_results import HOSTILE, corrected_results, fake_results, passage

VOID = {"meta", "br", "img", "use", "line", "circle", "path", "rect", "link", "input", "hr"}
TERM = Term(
    id="safety",
    term={"en": "safety / security", "zh": "安全"},
    usage={"sou": {"en": "One word for both.", "zh": "兼指两义。"}},
    caution={"en": "Ask which is meant.", "zh": "须问明所指。"},
    source="our reading",
)


class Page(HTMLParser):
    """The page as elements: name, attributes, text inside, and the language it stands in."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[dict] = []
        self._open: list[dict] = []
        self.unbalanced: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        """Take an opening tag."""
        made = {"tag": tag, "attrs": dict(attrs), "text": "", "inside": list(self._open)}
        self.elements.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        """Take an empty tag."""
        self.elements.append(
            {"tag": tag, "attrs": dict(attrs), "text": "", "inside": list(self._open)}
        )

    def handle_endtag(self, tag: str) -> None:
        """Take a closing tag."""
        if tag in VOID:
            return
        if not self._open or self._open[-1]["tag"] != tag:
            self.unbalanced.append(tag)
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Add text to every open element."""
        for one in self._open:
            one["text"] += data

    def all(self, tag: str) -> list[dict]:
        """Elements of a name."""
        return [one for one in self.elements if one["tag"] == tag]

    def by_id(self, name: str) -> dict:
        """The element with an id."""
        return next(one for one in self.elements if one["attrs"].get("id") == name)

    def within(self, name: str) -> list[dict]:
        """Elements inside the one with an id."""
        box = self.by_id(name)
        return [one for one in self.elements if box in one["inside"]]


@cache
def rendered(language: str = "en", parties: int = 2) -> str:
    return render_report(fake_results(parties), language, glossary=(TERM,))


@cache
def page(language: str = "en", parties: int = 2) -> Page:
    return Page(rendered(language, parties))


EVERY = pytest.mark.parametrize(
    ("language", "parties"), [("en", 2), ("zh", 2), ("en", 3), ("zh", 3)]
)


# --------------------------------------------------------------------------- safety


@EVERY
def test_page_loads_nothing_from_anywhere(language: str, parties: int) -> None:
    """No element and no style asks for anything outside the file."""
    found = page(language, parties)
    assert not [
        one for one in found.elements if {"src", "srcset", "data", "action"} & set(one["attrs"])
    ]
    assert not found.all("link") + found.all("iframe") + found.all("object") + found.all("base")
    (style,) = found.all("style")
    assert "url(" not in style["text"]
    assert "@import" not in style["text"]
    for one in found.all("use"):
        assert one["attrs"]["href"].startswith("#")


@EVERY
def test_security_policy_names_exactly_this_style_and_script(language: str, parties: int) -> None:
    """The policy's hashes are those of the page's own style and script, and nothing else runs."""
    found = page(language, parties)
    policy = next(
        one["attrs"]["content"]
        for one in found.all("meta")
        if one["attrs"].get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (one,) = found.all(tag)
        digest = base64.b64encode(hashlib.sha256(one["text"].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    inline = [
        key for one in found.elements for key in one["attrs"] if key == "style" or key[:2] == "on"
    ]
    assert inline == []


@EVERY
def test_hostile_text_stays_text(language: str, parties: int) -> None:
    """Markup in titles, quotes, memos and reasons is shown as written and never becomes markup."""
    found = page(language, parties)
    assert found.unbalanced == []
    assert found.all("img") == []
    assert len(found.all("script")) == 1
    assert HOSTILE in found.all("main")[0]["text"]
    assert HOSTILE not in rendered(language, parties)


@EVERY
def test_only_web_addresses_become_links(language: str, parties: int) -> None:
    """A javascript address from a register is never a link; links out send no referrer."""
    for one in page(language, parties).all("a"):
        href = one["attrs"]["href"]
        assert href.startswith(("#", "https://"))
        if not href.startswith("#"):
            assert "noreferrer" in one["attrs"]["rel"]


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//example.org", "ftp://x.org/a", "", "http://["],
)
def test_unsafe_addresses_are_refused(url: str) -> None:
    """Only http and https with a host are safe to link."""
    assert safe_url(url) == ""
    assert safe_url("https://example.org/a") == "https://example.org/a"


# --------------------------------------------------------------------------- structure


@EVERY
def test_every_inner_link_has_its_target_and_ids_are_unique(language: str, parties: int) -> None:
    """Every claim can be followed; no two places share an id."""
    found = page(language, parties)
    ids = Counter(one["attrs"]["id"] for one in found.elements if "id" in one["attrs"])
    assert [name for name, count in ids.items() if count > 1] == []
    inner = {one["attrs"]["href"][1:] for one in found.all("a") if one["attrs"]["href"][0] == "#"}
    inner |= {one["attrs"]["href"][1:] for one in found.all("use")}
    inner |= {
        one["attrs"]["aria-labelledby"]
        for one in found.elements
        if "aria-labelledby" in one["attrs"]
    }
    assert inner - set(ids) == set()


@EVERY
def test_headings_never_skip_a_level(language: str, parties: int) -> None:
    """One first heading, and each deeper one is one level deeper at most."""
    levels = [
        int(one["tag"][1])
        for one in page(language, parties).elements
        if re.fullmatch("h[1-6]", one["tag"])
    ]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


@EVERY
def test_table_headers_have_a_scope(language: str, parties: int) -> None:
    """A screen reader can tell which heading belongs to a cell."""
    heads = page(language, parties).all("th")
    assert heads
    assert {one["attrs"].get("scope") for one in heads} == {"col", "row"}


def test_the_answer_comes_first() -> None:
    """Answer, matrix, topics, then what was set aside, then method: in this order."""
    order = [one["attrs"]["id"] for one in page().all("section")]
    assert order == [
        "answer", "matrix", "recommended", "care", "set-aside", "unsupported", "reserved",
        "evidence", "fora", "documents", "glossary", "method", "cite",
    ]  # fmt: skip
    text = page().by_id("answer")["text"]
    assert "2 of the 5 topics" in text
    assert "How models are tested by deliberate attack" in text
    assert "1 topic set aside" in text
    assert "no person has reviewed them" in text


def test_skip_link_is_the_first_link() -> None:
    """A keyboard reaches the answer with one step."""
    assert page().all("a")[0]["attrs"] == {"class": "skip", "href": "#answer"}


# --------------------------------------------------------------------------- evidence


@EVERY
def test_quotes_are_exact_and_carry_their_language(language: str, parties: int) -> None:
    """A passage's mark holds exactly its text, in its own language, in both page languages."""
    found = page(language, parties)
    for name, tongue in (("nor-order", "en"), ("sou-rules", "zh")):
        held = passage(name)
        box = found.within(passage_anchor(held))
        (mark,) = [one for one in box if one["tag"] == "mark"]
        assert mark["text"] == held.text
        assert mark["inside"][-1]["attrs"]["lang"] == tongue
        assert mark["inside"][-1]["attrs"]["dir"] == "ltr"


def test_digests_and_translations_are_no_quotations() -> None:
    """A digest says that it is one and stands in no blockquote; an original does."""
    for name, tag, label in (
        ("nor-pledge", "div", "Digest in our own words, not a quotation"),
        ("sou-plan", "div", "Translation, not a quotation"),
        ("nor-order", "blockquote", ""),
    ):
        box = page().within(passage_anchor(passage(name)))
        (quote,) = [one for one in box if one["attrs"].get("class") == "quote"]
        assert quote["tag"] == tag
        assert label in page().by_id(passage_anchor(passage(name)))["text"]


def test_numbers_in_the_matrix_lead_to_a_passage() -> None:
    """The share of a party links to a passage of that party on that code."""
    (row,) = [
        one for one in page().elements if one["attrs"].get("id") == anchor("row", "gov.testing")
    ]
    links = {one["attrs"]["href"] for one in page().all("a") if row in one["inside"]}
    assert "#" + passage_anchor(passage("nor-order")) in links
    assert "#" + passage_anchor(passage("sou-rules")) in links


def test_a_count_without_a_pair_leads_to_a_further_passage() -> None:
    """A one-sided code has no pair; its count leads to its passage all the same."""
    results = msgspec.structs.replace(
        fake_results(), passages={"gov.consult": {"nor": (passage("nor-strategy"),)}}, evidence={},
        counter_evidence={}, recommendations=(),
    )  # fmt: skip
    found = Page(render_report(results))
    row = found.by_id(anchor("row", "gov.consult"))
    target = passage_anchor(passage("nor-strategy"))
    assert [
        one
        for one in found.all("a")
        if row in one["inside"] and one["attrs"]["href"] == f"#{target}"
    ]
    assert found.by_id(target)["text"].count(passage("nor-strategy").text) == 1


def test_a_pair_stands_in_full_once() -> None:
    """The second topic that rests on a pair links to it, so that the file stays small."""
    found = page()
    marks = [one["text"] for one in found.all("mark")]
    assert marks.count(passage("nor-order").text) == 1
    text = found.by_id(anchor("topic", "marks"))["text"]
    assert "Shown in full under “How models are tested by deliberate attack”" in text


def test_counter_evidence_has_the_same_form_as_evidence() -> None:
    """What speaks against stands under a heading of the same level, with passages of the same kind."""
    topic = page().within(anchor("topic", "marks"))
    heads = {one["text"]: one["tag"] for one in topic if one["tag"][0] == "h"}
    assert heads["Evidence for it"] == heads["Evidence against it"] == "h4"
    against = [one for one in topic if one["attrs"].get("class") == "pair against"]
    assert len(against) == 1
    assert [one for one in page().all("figure") if against[0] in one["inside"]]


def test_provision_is_shortened_around_the_passage_and_says_so() -> None:
    """Context is cut to size, the passage never, and the marks stand outside the quote."""
    held = passage("nor-order")
    cut = cut_context(held, 600)
    assert cut.cut_before
    assert cut.cut_after
    assert cut.quote == held.text
    assert cut.before + cut.quote + cut.after in held.segment_text
    assert 300 < len(cut.before + cut.quote + cut.after) <= 600
    whole = cut_context(held, len(held.segment_text))
    assert whole.before + whole.quote + whole.after == held.segment_text
    assert not whole.cut_before
    assert cut_context(held, 1).quote == held.text


def test_passage_that_its_provision_does_not_hold_stands_alone() -> None:
    """Wrong offsets never put a mark on other words."""
    held = msgspec.structs.replace(passage("nor-pledge"), segment_text="Something else.")
    cut = cut_context(held)
    assert (cut.before, cut.quote, cut.after, cut.matched) == ("", held.text, "", False)


def test_astral_characters_keep_the_mark_in_place() -> None:
    """Offsets count code points, also before characters outside the basic plane."""
    text = "𠮷𠮷 前文。正文在此。后文"
    start = text.index("正文")
    held = Passage(
        document="d", party="sou", segment="d:0-13", locator="第一条", start=start, end=start + 4,
        text="正文在此", segment_start=0, segment_end=len(text), segment_text=text, language="zh",
    )  # fmt: skip
    cut = cut_context(held)
    assert (cut.before, cut.after) == ("𠮷𠮷 前文。", "。后文")


# --------------------------------------------------------------------------- honesty


@EVERY
def test_undefined_is_said_with_its_reason_and_never_as_zero(language: str, parties: int) -> None:
    """A party without documents has no share: the page says why."""
    row = page(language, parties).by_id(anchor("row", "risk.energy"))["text"]
    assert "the party has no document in scope" in row
    assert "0%" not in row
    assert ("undefined" if language == "en" else "无法判定") in row


@pytest.mark.parametrize("language", ["en", "zh"])
def test_known_reasons_are_said_in_the_page_language(language: str) -> None:
    """The statistics' own reasons do not stay English on a Chinese page."""
    base = fake_results()
    screen = msgspec.json.decode(msgspec.json.encode(base.screens["gov.compute"]))
    screen["rivalry"]["sou"]["undefined"] = "2 coded segments; the index asks for at least 5"
    screens = {"gov.compute": msgspec.convert(screen, type(base.screens["gov.compute"]))}
    found = Page(render_report(msgspec.structs.replace(base, screens=screens), language))
    text = found.by_id(anchor("screen", "gov.compute"))["text"]
    expected = {"en": "2 coded provisions", "zh": "仅有 2 个已编码条款"}[language]
    assert expected in text


def test_shares_near_the_ends_are_not_rounded_to_them() -> None:
    """99.6% is not certainty, and 0.4% is not nothing."""
    t = Wording("en")
    assert [t.share(x) for x in (0, 0.004, 0.5, 0.996, 1)] == ["0%", "<1%", "50%", ">99%", "100%"]


def test_grade_is_given_in_words_and_shape() -> None:
    """Every grade in the matrix has its word and its own drawing; colour says nothing."""
    cells = [one for one in page("en", 3).all("td") if "grade-" in one["attrs"].get("class", "")]
    shapes: dict[str, str] = {}
    for cell in cells:
        grade = re.search(r"grade-([\w-]+)", cell["attrs"]["class"])[1]
        assert Wording("en").plain(f"grade.{grade}") in cell["text"]
        use = next(one for one in page("en", 3).all("use") if cell in one["inside"])
        shapes[grade] = use["attrs"]["href"]
    assert len(shapes) >= 5
    assert len(set(shapes.values())) == len(shapes)


def test_stability_names_the_documents_it_rests_on() -> None:
    """A grade that one document carries says which."""
    text = page().by_id(anchor("row", "gov.testing"))["text"]
    assert "strong in 94% of resamples" in text
    assert "moderate without 《大模型服务管理规定》" in text
    assert "1 more single document changes it" in text


def test_set_aside_is_reported_with_each_reason() -> None:
    """Tension with sources of each side, rivalry with counts, override with memo."""
    text = page().by_id(anchor("topic", "computing"))["text"]
    for part in (
        "The dispute itself", "Notice 12 of the Ministry", "1 September 2023",
        "Answer of the Commission", "background knowledge, not checked", "4 of 9 provisions",
        "undefined: fewer than 5 provisions", "A. Analyst, 2024-06-01: not now.",
    ):  # fmt: skip
        assert part in text


def test_reviewed_and_measured_coding_is_said() -> None:
    """The caveat changes once a person reviewed the codings and reliability is known."""
    base = fake_results()
    results = msgspec.structs.replace(
        base,
        method={
            **base.method,
            "reviewed": True,
            "reliability": {
                "coders": ["first", "second"], "kinds": ["model"], "provisions": 40,
                "documents": 5, "alpha": 0.814, "alpha_low": 0.75, "alpha_high": 0.87,
                "masi": 0.7, "masi_low": None, "masi_high": None, "reliable": 3,
                "tentative": [], "not_reliable": ["gov.testing"], "undefined": [],
                "spans": [
                    {
                        "coders": ["first", "second"], "spans": [12, 15], "any": 0.62,
                        "any_low": 0.5, "any_high": 0.7, "half": 0.31, "half_low": None,
                        "half_high": None, "whole_only": ["second"],
                    }
                ],
            },
        },
    )  # fmt: skip
    found = Page(render_report(results))
    assert "reviewed by a person" in found.by_id("sure")["text"]
    assert "α = .81 (.75–.87)" in found.by_id("sure")["text"]
    assert "does not show that the codes are right" in found.by_id("sure")["text"]
    assert ".81 (.75–.87)" in found.by_id("method")["text"]
    for part in (
        "12 spans by first, 15 by second", ".62 (.50–.70)", ".31 (–)",
        "evidence of second is always the whole provision",
    ):  # fmt: skip
        assert part in found.by_id("method")["text"]
    chinese = Page(render_report(results, "zh")).by_id("method")["text"]
    assert "first 12 处，second 15 处" in chinese
    assert "second 的证据均为整个条款" in chinese
    assert "codings not reliable" in found.by_id("matrix")["text"]
    assert "Not measured yet" not in found.by_id("method")["text"]
    assert "Not measured yet" in page().by_id("method")["text"]


def test_left_out_documents_are_listed_with_reasons() -> None:
    """What is out of scope stays visible, with why."""
    text = page().by_id("documents")["text"]
    assert "Guide of 2019" in text
    assert "rescinded on 2022-01-01" in text
    assert "sou-next" in text


def test_empty_results_make_a_page() -> None:
    """No topic, no overlap, no document: the page says so and is whole."""
    empty = msgspec.structs.replace(
        fake_results(), documents=(), left_out={}, left_out_documents=(), segments={}, overlaps=(),
        evidence={}, counter_evidence={}, screens={}, recommendations=(), fora=(), method={},
        coders=(), warnings=(),
    )  # fmt: skip
    for language in ("en", "zh"):
        found = Page(render_report(empty, language))
        assert found.unbalanced == []
        assert str(Wording(language)("answer.lead_no_topics")) in found.by_id("answer")["text"]


# --------------------------------------------------------------------------- who says what


@EVERY
def test_passage_names_its_speaker_and_the_state_is_no_subject(language: str, parties: int) -> None:
    """A passage is labelled by issuer, type and force, and the position belongs to the wording."""
    t = Wording(language)
    held = passage("nor-pledge")
    text = page(language, parties).by_id(passage_anchor(held))["text"]
    kind, force = t.plain("issuer_type.industry-association"), t.plain("force.voluntary")
    said = {"en": f"({kind}, {force})", "zh": f"（{kind}，{force}）"}[language]
    party = {"en": "Northland", "zh": "北国"}[language]
    assert f"{party} · Ring of Model Makers" in text
    assert said in text
    position = t.plain("passage.wording", position=t.plain("position.commits"))
    assert position in text
    figures = page(language, parties).all("figure")
    labels = [
        one["text"]
        for one in page(language, parties).all("p")
        if one["attrs"].get("class") == "who" and any(f in one["inside"] for f in figures)
    ]
    assert labels
    assert all(" · " in one for one in labels)


def test_what_companies_signed_is_not_said_of_governments() -> None:
    """A common text of companies is never counted or shown as joined by the parties' governments."""
    base = fake_results()
    joint = next(one for one in base.documents if one.is_joint)
    signed = msgspec.structs.replace(joint, issuer_type=IssuerType.COMPANY)
    others = tuple(one for one in base.documents if one.id != joint.id)
    parties = ("nor", "sou")
    overlaps = tuple(msgspec.structs.replace(one, precedents=(joint.id,)) for one in base.overlaps)
    for held, said, not_said in (
        (joint, "1 common text joined by governments", "signed by companies"),
        (signed, "1 common text signed by companies", "joined by governments"),
    ):
        results = msgspec.structs.replace(base, documents=(*others, held), overlaps=overlaps)
        found = Page(render_report(results))
        rows = found.by_id(anchor("row", overlaps[0].code))["text"]
        assert said in rows
        assert not_said not in rows
        row = found.by_id(anchor("document", joint.id))["text"]
        names = ReportView(results, Wording("en"), ()).party_list(parties)
        assert (f"signed by companies of {names}, not by governments" in row) is (held is signed)
        assert (f"joined by {names}" in row) is (held is joint)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "kind", [CoderKind.RULE, CoderKind.TRAINED, CoderKind.MODEL, CoderKind.PERSON]
)
def test_who_coded_is_said_by_kind(language: str, kind: CoderKind) -> None:
    """A language model's codes are not described as a rule program's, nor as a person's."""
    base = fake_results()
    coders = tuple(msgspec.structs.replace(one, kind=kind) for one in base.coders)
    results = msgspec.structs.replace(base, coders=coders)
    found, t = Page(render_report(results, language)), Wording(language)
    told = {
        CoderKind.RULE: "machine",
        CoderKind.TRAINED: "trained",
        CoderKind.MODEL: "model",
        CoderKind.PERSON: "person",
    }
    method = found.by_id("method")["text"]
    for one, key in told.items():
        assert (t.plain(f"method.coding_{key}") in method) is (one is kind)
    for key in ("machine", "trained", "model"):
        assert (t.plain(f"answer.short_{key}") in found.by_id("answer")["text"]) is (
            key == told[kind]
        )


@pytest.mark.parametrize(
    ("language", "shown", "other"),
    [("en", "Two passes.", "两次编码。"), ("zh", "两次编码。", "Two passes.")],
)
def test_a_models_coder_is_explained_in_the_page_language(
    language: str, shown: str, other: str
) -> None:
    """What a coder of the model kind is stands beside the answer, not only its name."""
    base = fake_results()
    coders = tuple(
        msgspec.structs.replace(one, kind=CoderKind.MODEL, description="\nTwo passes.\n两次编码。")
        for one in base.coders
    )
    found = Page(render_report(msgspec.structs.replace(base, coders=coders), language))
    for place in ("sure", "method"):
        assert shown in found.by_id(place)["text"]
        assert other not in found.by_id(place)["text"]


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", [CoderKind.RULE, CoderKind.TRAINED, CoderKind.MODEL])
def test_what_people_and_a_program_coded_is_not_called_unreviewed_as_a_whole(
    language: str, kind: CoderKind, corrected: bool
) -> None:
    """Above the answer and beside it, both are named, and the program's codes alone unreviewed."""
    base = corrected_results() if corrected else fake_results()
    program = msgspec.structs.replace(base.coders[0], kind=kind)
    person = msgspec.structs.replace(program, id="li", version="", kind=CoderKind.PERSON)
    method = {**base.method, "coder": f"li, {program.id}"}
    results = msgspec.structs.replace(base, coders=(person, program), method=method)
    told = Wording(language)
    name = "machine" if kind is CoderKind.RULE else str(kind)
    answer = Page(render_report(results, language)).by_id("answer")["text"]
    names = told.plain("list_comma").join(("li", f"{program.id} {program.version}"))
    for key in ("short", "sure"):
        end = "_corrected" if corrected else ""
        assert told.plain(f"answer.{key}_{name}_partly{end}", coder=names) in answer
        assert told.plain(f"answer.{key}_{name}{end}", coder=names) not in answer


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_combined_coder_is_told_in_the_page_language(language: str) -> None:
    """Its version, which names rule and members, is put in words of the page."""
    base = fake_results()
    both = msgspec.structs.replace(
        base.coders[0], id="agreed", kind=CoderKind.COMBINED, version="unanimous: builtin, li"
    )
    two = msgspec.structs.replace(both, version="2: builtin, li")
    for coder, words in (
        (both, {"en": "unanimous: builtin, li", "zh": "一致：builtin、li"}),
        (two, {"en": "at least 2: builtin, li", "zh": "至少 2 个：builtin、li"}),
    ):
        method = {**base.method, "coder": "agreed"}
        results = msgspec.structs.replace(base, coders=(coder,), method=method)
        page = Page(render_report(results, language))
        for place in ("answer", "method"):
            assert f"agreed {words[language]}" in page.by_id(place)["text"]


def test_every_program_that_comes_with_qiutong_has_a_note_in_both_languages() -> None:
    """So the Chinese page has no English line on a coder."""
    book = load_codebook("ai-governance")
    for coder in (
        BuiltinCoder(book).coder,
        default_coder(book).coder,
        default_coder(msgspec.structs.replace(book, version="0")).coder,
        llm_coder("some-model"),
    ):
        english, chinese = coder.description.splitlines()
        assert english.isascii()
        assert not chinese.isascii()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_digest_of_a_translation_is_said_to_be_one(language: str) -> None:
    """Beside the passage and in the list of documents, and only for digests so made."""
    base = fake_results()
    first = msgspec.structs.replace(base.documents[0], text_kind=TextKind.DIGEST)
    told = Wording(language).plain("passage.from_translation")
    short = Wording(language).plain("passage.from_translation_short")
    for media_type, expected in (
        (f"text/markdown{FROM_TRANSLATION}", True),
        ("text/markdown", False),
    ):
        held = msgspec.structs.replace(first, media_type=media_type)
        results = msgspec.structs.replace(base, documents=(held, *base.documents[1:]))
        text = render_report(results, language)
        assert (told in text) is expected
        assert (short in Page(text).by_id(anchor("document", first.id))["text"]) is expected


def test_a_proposed_text_binds_only_if_adopted() -> None:
    """A draft or bill is never shown as binding."""
    base = fake_results()
    law = msgspec.structs.replace(base.documents[0], instrument=Instrument.LAW, force=Force.BINDING)
    view = ReportView(base, Wording("en"), ())
    assert view.force_text(law) == "binding"
    for kind in (Instrument.DRAFT, Instrument.BILL):
        draft = msgspec.structs.replace(law, instrument=kind)
        assert view.force_text(draft) == "binding if adopted"


def test_who_issued_the_documents_is_said_beside_the_answer() -> None:
    """A reader sees how many documents of a side come from companies and how many from the state."""
    base = fake_results()
    own = [one for one in base.documents if not one.is_joint]
    firm = msgspec.structs.replace(own[0], issuer_type=IssuerType.COMPANY)
    results = msgspec.structs.replace(
        base, documents=tuple(firm if one.id == firm.id else one for one in base.documents)
    )
    box = Page(render_report(results)).by_id("sure")["text"]
    companies = [
        one
        for one in results.documents
        if one.party == firm.party and not one.is_joint and one.issuer_type is IssuerType.COMPANY
    ]
    assert f"company {len(companies)}" in box


def test_a_short_title_drops_the_subtitle_where_the_rest_is_its_own() -> None:
    """A long title is cut at its subtitle, unless two documents would then read the same."""
    base = fake_results()
    long = "Rules for Lake Ferries: A Very Long Explanation of What Ferries Are Held To Do"
    first, second = base.documents[:2]
    first = msgspec.structs.replace(first, title=long)
    rest = base.documents[2:]

    def short(*documents: Document) -> str:
        results = msgspec.structs.replace(base, documents=documents)
        return str(ReportView(results, Wording("en"), ()).document_title(first.id, short=True))

    assert ">Rules for Lake Ferries<" in short(first, second, *rest)
    twin = msgspec.structs.replace(second, title=long + " Elsewhere")
    assert "…" in short(first, twin, *rest)


@pytest.mark.parametrize(("language", "shown"), [("en", "October 2022"), ("zh", "2022年10月")])
def test_a_month_is_not_shown_as_its_first_day(language: str, shown: str) -> None:
    """Where the register gives no day, the page gives none."""
    base = fake_results()
    first = msgspec.structs.replace(
        base.documents[0], date_issued=date(2022, 10, 1), issued_as="2022-10"
    )
    results = msgspec.structs.replace(base, documents=(first, *base.documents[1:]))
    cells = Page(render_report(results, language)).by_id(anchor("document", first.id))
    assert shown in cells["text"]
    assert Wording(language).date(date(2022, 10, 1)) not in cells["text"]


def test_soft_texts_are_not_in_force_and_a_later_start_is_said() -> None:
    """Only what binds is in force, and not before the day it takes effect."""
    base = fake_results()
    order = msgspec.structs.replace(
        base.documents[0], status=Status.IN_FORCE, status_date=None, force=Force.BINDING
    )
    soft = msgspec.structs.replace(order, force=Force.VOLUNTARY)
    later = msgspec.structs.replace(order, date_effective=date(2999, 1, 1))
    view = ReportView(base, Wording("en"), ())
    assert view.status_text(order) == "in force"
    assert view.status_text(soft) == "no withdrawal on record"
    assert view.status_text(later) == "issued, effective 1 January 2999"


def test_passage_of_a_joint_text_is_no_single_party() -> None:
    """A joint text is labelled with all who endorsed it; one without issuer has type and force."""
    base = fake_results()
    joint, order = base.documents[-1], base.documents[0]
    assert joint.is_joint
    held = msgspec.structs.replace(passage("nor-order"), document=joint.id)
    bare = msgspec.structs.replace(order, issuer="")
    results = msgspec.structs.replace(
        base, documents=(bare, *base.documents[1:]), passages={"gov.consult": {"nor": (held,)}}
    )
    found = Page(render_report(results))
    assert (
        "joint text of Northland and Southland · Lake Meeting"
        in found.by_id(passage_anchor(held))["text"]
    )
    label = found.by_id(passage_anchor(passage("nor-order")))["text"]
    assert "Northland · central government, binding" in label


@EVERY
def test_nothing_found_is_never_said_as_silence(language: str, parties: int) -> None:
    """What the coder did not find is the coder's, in every word of the interface."""
    strings: list[str] = []

    def walk(held: object) -> None:
        if isinstance(held, dict):
            for one in held.values():
                walk(one)
        else:
            strings.append(str(held))

    walk(load_wording()[language])
    assert [one for one in strings if re.search(r"\bsilent\b|\bsilence\b|未谈|沉默", one)] == []
    found = page(language, parties)
    word = Wording(language).plain("matrix.no_passage")
    legend = next(one for one in found.all("dl") if one["attrs"].get("class") == "legend")
    assert legend["text"].count(word) >= 2
    assert word in found.by_id("reserved")["text"]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("agreement", "marked"), [(0.49, True), (0.5, False), (None, False)])
def test_topics_that_do_not_hold_are_marked(
    language: str, agreement: float | None, marked: bool
) -> None:
    """A topic whose least stable core grade holds in under half of the resamples says so."""
    base = fake_results()

    def shaken(one: Overlap) -> Overlap:
        if one.code != "gov.label" or one.stability is None:
            return one
        if agreement is None:
            return msgspec.structs.replace(one, stability=None)
        return msgspec.structs.replace(
            one, stability=msgspec.structs.replace(one.stability, agreement=agreement)
        )

    results = msgspec.structs.replace(base, overlaps=tuple(map(shaken, base.overlaps)))
    found = Page(render_report(results, language))
    word = Wording(language).plain("answer.not_firm")
    lead = next(one for one in found.all("p") if one["attrs"].get("class") == "lead")["text"]
    tail = {"en": "; 1 of them is not firm.", "zh": "，其中 1 个尚不稳固。"}[language]
    assert lead.endswith(tail) is marked
    heading = found.by_id(anchor("title", "marks"))
    assert (word in heading["text"]) is marked
    assert word not in found.by_id(anchor("title", "attack-tests"))["text"]
    names = [one["text"] for one in found.all("p") if one["attrs"].get("class") == "topic-name"]
    assert [word in one for one in names] == [False, marked]
    icons = [one for one in found.all("use") if one["attrs"]["href"] == "#icon-not-firm"]
    assert [one for one in icons if heading in one["inside"]] != [] or not marked
    assert NOT_FIRM == 0.5  # the wording says "half"


@pytest.mark.parametrize(
    ("kinds", "key"),
    [("original", "provision"), ("digest", "provision_held"), (None, "provision_mixed")],
)
def test_what_the_mark_is_follows_from_the_texts_held(kinds: str | None, key: str) -> None:
    """Only a page of original texts promises exact passages."""
    base = fake_results()
    documents = base.documents if kinds is None else tuple(
        msgspec.structs.replace(one, text_kind=TextKind(kinds)) for one in base.documents
    )  # fmt: skip
    for language in ("en", "zh"):
        found = Page(render_report(msgspec.structs.replace(base, documents=documents), language))
        assert Wording(language).plain(f"passage.{key}") in found.by_id("evidence")["text"]


@pytest.mark.parametrize(
    ("status", "effective", "english", "chinese"),
    [
        (Status.SUPERSEDED, date(2024, 1, 1),
         "in force on this day; later: superseded, 31 March 2025",
         "该日有效；其后：已被取代（2025年3月31日）"),
        (Status.SUPERSEDED, None, "later: superseded, 31 March 2025", "其后：已被取代（2025年3月31日）"),
        (Status.VETOED, date(2024, 1, 1), "later: vetoed, 31 March 2025", "其后：被否决（2025年3月31日）"),
        (Status.IN_FORCE, date(2024, 1, 1), "in force on this day", "该日有效"),
        (Status.IN_FORCE, date(2024, 9, 1), "later: in force, 1 September 2024",
         "其后：现行有效（2024年9月1日）"),
        (Status.IN_FORCE, None,
         "status on this day not recorded; in force as seen on 31 March 2025",
         "该日状态无记录；截至2025年3月31日所见：现行有效"),
        (Status.UNKNOWN, None, "status unknown", "状态不详"),
    ],
)  # fmt: skip
def test_a_later_status_is_not_the_status_of_the_day(
    status: Status, effective: date | None, english: str, chinese: str
) -> None:
    """What happened after the report's day is said as later; in force only where that is known."""
    base = fake_results()
    order = msgspec.structs.replace(
        base.documents[0], status=status, status_date=date(2025, 3, 31), date_effective=effective
    )
    results = msgspec.structs.replace(base, documents=(order, *base.documents[1:]))
    for language, expected in (("en", english), ("zh", chinese)):
        found = Page(render_report(results, language))
        row = found.by_id(anchor("document", order.id))
        cells = [
            one["text"]
            for one in found.all("span")
            if row in one["inside"] and one["attrs"].get("class") == "sub"
        ]
        assert expected in cells


@pytest.mark.parametrize("met", ["2024-07-02", "2024-08", "2025"])
def test_forum_shows_nothing_of_after_the_day(met: str) -> None:
    """A later meeting is not shown, and an empty state says that none is recorded."""
    base = fake_results()
    forum = msgspec.structs.replace(base.fora[0], last_met=met, until=met, state="", state_zh="")
    results = msgspec.structs.replace(base, fora=(forum, *base.fora[1:]))
    for language, words in (
        ("en", ("Last meeting on record", "no summary written for this day", "since March 2021")),
        ("zh", ("所记最近一次", "未就该日另作概述", "2021年3月起")),
    ):
        row = Page(render_report(results, language)).by_id(anchor("forum", forum.id))["text"]
        assert words[0] not in row
        assert words[1] in row
        assert words[2] in row
        assert words[0] in page(language).by_id(anchor("forum", forum.id))["text"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_remarks_stand_beside_the_answer(language: str) -> None:
    """Six remarks stand in the box on sureness, the others in the method section."""
    remarks = tuple({"en": f"Remark no. {n}.", "zh": f"第 {n} 条。"} for n in range(8))
    results = msgspec.structs.replace(fake_results(), warnings=remarks)
    found = Page(render_report(results, language))
    box, method = found.by_id("sure")["text"], found.by_id("method")["text"]
    for n, one in enumerate(remarks):
        assert (one[language] in box) is (n < 6)
        assert (one[language] in method) is (n >= 6)


def test_citations_stand_in_the_page_language_with_how_they_were_seen() -> None:
    """A Chinese page cites in Chinese, dates each fact, and marks what is second-hand."""
    base = fake_results()
    source = Source(
        text="a list", citation={"en": "a list", "zh": "一份清单"}, date="2024-05-14",
        verified="secondary", fact={"en": "Met", "zh": "会面"},
    )  # fmt: skip
    forum = msgspec.structs.replace(base.fora[0], sources=(source,))
    results = msgspec.structs.replace(base, fora=(forum, *base.fora[1:]))
    for language, cited, fact, mark in (
        ("en", "a list", "14 May 2024: Met", "seen in a secondary source"),
        ("zh", "一份清单", "2024年5月14日：会面", "据二手资料"),
    ):
        row = Page(render_report(results, language)).by_id(anchor("forum", forum.id))["text"]
        assert cited in row
        assert fact in row
        assert mark in row
        assert ("a list" in row) is (language == "en")


def test_a_data_set_named_by_number_is_explained() -> None:
    """A reader who meets a document by its number in AGORA is told what that is."""
    base = fake_results()
    told = Wording("en").plain("aside.agora")
    for text in ("AGORA 50", "a list"):
        forum = msgspec.structs.replace(base.fora[0], sources=(Source(text=text),))
        results = msgspec.structs.replace(base, fora=(forum,), screens={}, recommendations=())
        assert (told in Page(render_report(results)).by_id("set-aside")["text"]) is ("50" in text)


def test_a_term_of_a_later_day_is_not_shown() -> None:
    """The glossary of an earlier report holds no word that came up later."""
    results = fake_results()
    later = msgspec.structs.replace(TERM, since="2999-01-01")
    assert 'id="glossary"' in render_report(results, glossary=(TERM,))
    assert 'id="glossary"' not in render_report(results, glossary=(later,))


def test_source_prefixes_are_in_the_page_language_and_memory_is_not_checked() -> None:
    """A source that says it is from memory never carries the mark of a check."""
    base = fake_results()
    text = "secondary source: a list (from memory: since)"
    forum = msgspec.structs.replace(base.fora[0], sources=(Source(text=text, verified="yes"),))
    results = msgspec.structs.replace(base, fora=(forum, *base.fora[1:]))
    for language, shown, mark in (
        ("en", text, "checked"), ("zh", "二手资料：a list (凭记忆：since)", "已核对")
    ):  # fmt: skip
        row = Page(render_report(results, language)).by_id(anchor("forum", forum.id))["text"]
        assert shown in row
        assert mark not in row
        assert mark in page(language).by_id(anchor("forum", forum.id))["text"]


def test_properties_of_a_subject_have_their_names_where_they_are_given() -> None:
    """Names that the inputs carry are shown; without them the id stays, as code."""
    base = fake_results()
    first = base.recommendations[0]
    names = {"technical": {"en": "can be measured", "zh": "可测量"}}
    named = msgspec.structs.replace(first, inputs={**first.inputs, "subject_names": names})
    results = msgspec.structs.replace(base, recommendations=(named, *base.recommendations[1:]))
    assert (
        "可测量" in Page(render_report(results, "zh")).by_id(anchor("topic", first.topic))["text"]
    )
    codes = [one["text"] for one in page("zh").within(anchor("topic", first.topic))
             if one["tag"] == "code"]  # fmt: skip
    assert "technical" in codes


@pytest.mark.parametrize("language", ["en", "zh"])
def test_opposed_wording_is_not_said_of_the_sides(language: str) -> None:
    """Opposed wording may be about different acts, and its heading says to check."""
    heading = Wording(language).plain("counter.opposed")
    assert (
        heading
        == {
            "en": "The wording points different ways; check whether it is the same act",
            "zh": "措辞方向不同，须核对是否指同一行为",
        }[language]
    )


# --------------------------------------------------------------------------- languages


def test_languages_hold_the_same_keys_and_places() -> None:
    """No string is missing in a language, and each fills in the same values."""

    def shape(value: object) -> object:
        if isinstance(value, dict):
            return {key: shape(held) for key, held in value.items()}
        return sorted(set(re.findall(r"{(\w+)}", str(value))))

    english, chinese = shape(load_wording()["en"]), shape(load_wording()["zh"])
    assert english == chinese


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ("grade", Grade), ("grade_lower", Grade), ("grade_meaning", Grade), ("verdict", Verdict),
        ("screen_verdict", ScreenVerdict), ("position", Position), ("text_kind", TextKind),
        ("text_kind_short", TextKind), ("issuer_type", IssuerType), ("instrument", Instrument),
        ("force", Force), ("status", Status), ("method.kind", CoderKind),
    ],
)  # fmt: skip
def test_every_value_of_a_vocabulary_has_a_word(
    language: str, group: str, kind: type[StrEnum]
) -> None:
    """A new grade or instrument cannot reach a page without its word."""
    held = load_wording()[language]
    for part in group.split("."):
        held = held[part]
    assert set(held) == {str(one) for one in kind}


def test_every_string_the_templates_ask_for_exists() -> None:
    """No template names a string that the wording lacks."""
    folder = files("qiutong.exporters") / "templates"
    for name in ("report.html.j2", "pieces.html.j2"):
        text = (folder / name).read_text(encoding="utf-8")
        for key in re.findall(r"""\bt\(["']([\w.-]+)["'][,)]""", text):
            for language in ("en", "zh"):
                assert Wording(language)._find(key)
        for key in re.findall(r"""\bt\.count\(["']([\w.-]+)["'],""", text):
            assert Wording("zh")._find(f"{key}_one")


def test_templates_hold_no_words_of_their_own() -> None:
    """Every word of the interface stands in the wording, so that no language is half done."""
    folder = files("qiutong.exporters") / "templates"
    for name in ("report.html.j2", "pieces.html.j2"):
        text = (folder / name).read_text(encoding="utf-8")
        text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", text, flags=re.DOTALL)
        text = re.sub(r"<[^>]*>", "", text).replace("SHA-256", "")
        assert re.findall(r"[A-Za-z㐀-鿿]+", text) == []


def test_chinese_page_keeps_english_only_where_it_is_quoted() -> None:
    """On the Chinese page, Latin words stand in marked foreign text, names or identifiers."""
    found = page("zh")
    assert found.all("html")[0]["attrs"]["lang"] == "zh"
    foreign = [one for one in found.elements if "lang" in one["attrs"] or one["tag"] == "code"]
    for one in found.elements:
        if re.fullmatch("h[1-4]|th|summary|dt|caption", one["tag"]):
            text = one["text"]
            for held in foreign:
                if one in held["inside"]:
                    text = text.replace(held["text"], "")
            words = set(re.findall(r"[A-Za-z]{4,}", text))
            # ids of rules, and an address that is no link
            assert words <= {"standards", "industry", "javascript", "alert"}


def test_text_without_a_translation_carries_its_language() -> None:
    """An English reason on the Chinese page is marked as English."""
    topic = page("zh").within(anchor("topic", "marks"))
    (span,) = [one for one in topic if one["text"] == "Makers on both sides say they do it."
               and one["tag"] == "span"]  # fmt: skip
    assert span["attrs"]["lang"] == "en"


def test_unknown_language_is_refused_with_those_known() -> None:
    """The error names what there is."""
    with pytest.raises(UnknownName, match="en, zh"):
        render_report(fake_results(), "xx")


@pytest.mark.parametrize(
    ("day", "english", "chinese"),
    [
        ("2024-05-14", "14 May 2024", "2024年5月14日"),
        ("2023-10", "October 2023", "2023年10月"),
        ("2023", "2023", "2023年"),
        ("spring 2023", "spring 2023", "spring 2023"),
        ("2023-99-01", "2023-99-01", "2023-99-01"),
        ("", "", ""),
    ],
)
def test_dates_are_written_in_each_language(day: str, english: str, chinese: str) -> None:
    """Days, months and years read as prose; what is no date stays as it is."""
    assert Wording("en").date(day) == english
    assert Wording("zh").date(day) == chinese


def test_writing_direction_follows_the_language() -> None:
    """Right-to-left quotes are set as such; an unknown language is left to the browser."""
    assert [direction(one) for one in ("ar", "zh-Hans", "und")] == ["rtl", "ltr", "auto"]


# --------------------------------------------------------------------------- form


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2, 1.4.3)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_measure_gives_the_published_ends() -> None:
    """Black on white is 21, a colour on itself is 1."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)


@pytest.mark.parametrize("scheme", [0, 1])
def test_colours_reach_the_contrast_asked_for(scheme: int) -> None:
    """Text has at least 4.5 to 1 on both grounds, in the light and the dark scheme."""
    css = (files("qiutong.exporters") / "templates" / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root {(.*?)}", css, flags=re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[scheme]))
    for ground in ("paper", "tint"):
        for ink in ("ink", "muted", "link", "care"):
            assert contrast(colours[ink], colours[ground]) >= 4.5
        assert contrast(colours["focus"], colours[ground]) >= 3
    assert contrast(colours["ink"], colours["mark"]) >= 4.5


def test_page_stays_below_three_megabytes_at_sixty_codes() -> None:
    """Sixty codes with three pairs each of long provisions fit in 3 MB."""
    base = fake_results()
    code, overlap = base.codebook.codes[0], base.overlaps[0]
    one, other = passage("nor-order"), passage("sou-rules")
    codes, overlaps, evidence = [], [], {}
    for n in range(60):
        name = f"risk.c{n}"
        codes.append(msgspec.structs.replace(code, id=name, parent=""))
        overlaps.append(msgspec.structs.replace(overlap, code=name))
        evidence[name] = tuple(
            EvidencePair(
                code=name,
                passages=tuple(
                    msgspec.structs.replace(
                        held, start=held.start + 9999 * (3 * n + k), end=held.end + 9999 * (3 * n + k),
                        segment_start=held.segment_start + 9999 * (3 * n + k),
                    )
                    for held in (one, other)
                ),
            )
            for k in range(3)
        )  # fmt: skip
    results = msgspec.structs.replace(
        base, codebook=msgspec.structs.replace(base.codebook, codes=tuple(codes)),
        overlaps=tuple(overlaps), evidence=evidence,
    )  # fmt: skip
    text = render_report(results)
    assert Page(text).all("figure")
    assert len(text.encode()) < 3_000_000


def test_the_same_results_give_the_same_page() -> None:
    """Nothing on the page depends on the clock or the run."""
    assert render_report(fake_results()) == render_report(fake_results())


def test_anchors_of_different_names_differ() -> None:
    """Names that look alike once cleaned keep apart."""
    names = ["a b", "a-b", "a/b", "文件一", "文件二", '"><script>']
    made = [anchor("document", one) for one in names]
    assert len(set(made)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", one) for one in made)


# --------------------------------------------------------------------------- a checked sample


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("parties", [2, 3])
def test_corrected_figures_stand_with_what_was_counted(language: str, parties: int) -> None:
    """Share, interval, grade and probability are the corrected ones; counts stand below."""
    results = corrected_results(parties=parties)
    page = render_report(results, language)
    found = Page(page)
    row = found.by_id(anchor("row", "gov.testing"))["text"]
    t = Wording(language)

    assert "31%" in row
    assert t.plain("checked.estimated", range=t.interval(0.21, 0.44)) in row
    assert t.plain("checked.counted_grade", grade=t.plain("grade_lower.strong")) in row
    assert t.plain("matrix.share_of", count=3, total=3) in row
    assert t.plain("matrix.sure", grade=t.plain("grade_lower.moderate"), share="83%") in row
    assert t.plain("matrix.share_of", count=7, total=23) not in page  # of the sample, no share's
    odds = found.by_id(anchor("code", "gov.testing"))["text"]
    assert t.plain("checked.odds") in odds
    assert f"{t.plain('grade_lower.moderate')} 83%" in odds
    method = found.by_id("method")["text"]
    assert "reader-7" in method
    assert t.plain("checked.step_firm") in method
    assert t.plain("method.step_stability_missing") not in method
    sure = found.by_id("sure")["text"]
    assert "reader-7" in sure
    assert "重抽样" not in sure
    assert "resample" not in sure


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_code_found_in_no_checked_document_is_marked(language: str) -> None:
    """Beside the probability, which is then too high for very rare codes; for that party alone."""
    results = corrected_results()
    t = Wording(language)
    said = {
        one.id: t.plain("checked.unseen", n=23, party=one.label(language))
        for one in results.parties
    }
    row = anchor("row", "gov.testing")
    seen = Page(render_report(results, language)).by_id(row)["text"]

    def unseen(one: Overlap) -> Overlap:
        nor = msgspec.structs.replace(one.prevalence["nor"], count=0)
        return msgspec.structs.replace(one, prevalence={**one.prevalence, "nor": nor})

    marked = msgspec.structs.replace(results, overlaps=tuple(map(unseen, results.overlaps)))
    text = Page(render_report(marked, language)).by_id(row)["text"]

    assert not any(one in seen for one in said.values())
    assert said["nor"] in text
    assert said["sou"] not in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sample_too_small_is_said_where_the_numbers_stand(language: str) -> None:
    """The counted figures stay, each with what is still to be checked."""
    found = Page(render_report(corrected_results(enough=False), language))
    row = found.by_id(anchor("row", "gov.testing"))["text"]
    t = Wording(language)

    assert t.plain("checked.too_small_one", n=1) in row
    assert t.plain("checked.too_small_other", n=8) in row
    assert t.plain("matrix.share_of", count=3, total=3) in row
    assert t.plain("method.step_firm") in found.by_id("method")["text"]
    assert "reader-7" not in found.by_id("sure")["text"]


def test_a_code_that_the_checker_never_found_keeps_its_passages() -> None:
    """Corrected to absent or one-sided, a code is shown with what the coder found."""
    base = corrected_results()

    def regraded(one: Overlap) -> Overlap:
        grade = Grade.ABSENT if one.code == "gov.testing" else Grade.ONE_SIDED
        return msgspec.structs.replace(one, grade=grade)

    found = Page(
        render_report(
            msgspec.structs.replace(base, overlaps=tuple(map(regraded, base.overlaps))), "en"
        )
    )

    assert found.by_id(anchor("row", "gov.testing"))["tag"] == "tr"
    assert found.by_id(anchor("code", "gov.testing"))
    # Both sides have passages, or neither: "reserved" names a side that has and one that has not.
    reserved = found.by_id("reserved")["text"]
    assert "Marking generated content" not in reserved
    assert "Harm to animals" not in reserved
    assert "Loss of work" in reserved
