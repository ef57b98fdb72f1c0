"""The report: one HTML file that needs no network and can be read by somebody in a hurry.

Document text is untrusted: everything goes through autoescape, only ``http`` and ``https``
addresses become links, and a content security policy allows nothing but the page's own style and
the few lines of its own script (by hash). Without the script every word is still there.

Nothing is computed here that another module computes; this one decides order, words and form. The
words of the interface are in ``wording.yaml``.
"""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import jinja2
from markupsafe import Markup, escape

from qiutong.errors import UnknownName
from qiutong.model import (
    Code,
    Coder,
    CoderKind,
    CounterEvidence,
    Document,
    Estimate,
    EvidencePair,
    Force,
    Forum,
    Grade,
    Instrument,
    IssuerType,
    Overlap,
    OverlapChange,
    Passage,
    Recommendation,
    Results,
    Screen,
    ScreenVerdict,
    Source,
    Stability,
    Status,
    TextKind,
    TopicChange,
    Verdict,
)
from qiutong.playbook import Term, stands
from qiutong.settings import parse_yaml

CONTEXT_CHARS = 600
"""Characters of a provision shown, the exact passage included; the passage itself is never cut."""

_RIGHT_TO_LEFT = ("ar", "fa", "he", "ur", "ps", "ug", "yi", "dv")
# As the playbooks write them, in English.
_SOURCE_PREFIXES = {"secondary": "secondary source: ", "memory": "from memory: "}
# Reasons the statistics write, in English; known ones are said in the page's language.
_REASONS = {
    "nothing": r"nothing to count: the total is 0",
    "no_documents": r"no documents in scope of: (?P<names>.+)",
    "few": r"(?P<n>\d+) coded segments; the index asks for at least (?P<fewest>\d+)",
}
NOT_FIRM = 0.5
"""A recommended topic is marked where its least stable core grade holds in less of the resamples.

The wording says it as "half"; change both together.
"""
WARNINGS_SHOWN = 6
"""Remarks shown beside the answer; the others stand in the method section."""
_FIRM = 0.9  # "keeps its grade in at least 90% of resamples": a reading aid, not a grade

# What these coders are is said beside the answer: a name alone tells nothing of them.
_EXPLAINED = (CoderKind.TRAINED, CoderKind.MODEL, CoderKind.COMBINED)


# --------------------------------------------------------------------------- words


@cache
def load_wording() -> dict[str, dict[str, Any]]:
    """Read the interface strings of all languages.

    Returns
    -------
    dict
        Language tag to nested groups of strings. All languages hold the same keys.
    """
    text = (files("qiutong.exporters") / "wording.yaml").read_text(encoding="utf-8")
    return parse_yaml(text, dict[str, dict[str, Any]], "wording.yaml")


class Wording:
    """The interface strings of one language; called with a key and the values to fill in.

    Parameters
    ----------
    language
        A language that ``wording.yaml`` holds.

    Raises
    ------
    UnknownName
        No strings for the language.
    """

    def __init__(self, language: str) -> None:
        known = load_wording()
        if language not in known:
            raise UnknownName("report language", language, known)
        self.language = language
        self._strings = known[language]

    def _find(self, key: str) -> Any:
        found: Any = self._strings
        # A key's last part may itself hold a dot: "forum_kind.track-1.5".
        group, _, rest = key.partition(".")
        found = found[group]
        while rest:
            if isinstance(found, dict) and rest in found:
                return found[rest]
            group, _, rest = rest.partition(".")
            found = found[group]
        return found

    def __call__(self, key: str, **values: object) -> Markup:
        """Give a string with its values filled in; values that are no markup are escaped."""
        return escape(self._find(key)).format(**values)

    def plain(self, key: str, **values: object) -> str:
        """Give a string as plain text, for attributes and titles."""
        return str(self._find(key)).format(**values)

    def count(self, key: str, n: int, **values: object) -> Markup:
        """Give the string for one or for several."""
        return self(f"{key}_{'one' if n == 1 else 'other'}", n=n, **values)

    def known(self, key: str, fallback: str) -> str:
        """Give a string if the interface has it, else the name as the study writes it."""
        try:
            found = self._find(key)
        except (KeyError, TypeError):
            return fallback
        return found if isinstance(found, str) else fallback

    def join(self, parts: Iterable[str], by: str = "list_comma") -> Markup:
        """Join parts with the language's own comma or semicolon."""
        return escape(self._find(by)).join(parts)

    def share(self, value: float) -> str:
        """Write a share in percent; a share that is not quite 0 or 1 is not written as if it were.

        Parameters
        ----------
        value
            In [0, 1].
        """
        return self.plain("percent", n=_percent(value))

    def interval(self, low: float, high: float) -> str:
        """Write an interval of shares in percent."""
        return self.plain("percent_range", low=_percent(low), high=_percent(high))

    def date(self, day: date | str | None) -> str:
        """Write a day, month or year in the language's way; text that is no date stays as it is."""
        if not day:
            return ""
        if isinstance(day, str):
            if re.fullmatch(r"\d{4}", day):
                return self.plain("year_alone", year=day)
            match = re.fullmatch(r"(\d{4})-(\d{2})(?:-(\d{2}))?(?:T.*)?", day)
            if match is None:
                return day
            year, month, dom = int(match[1]), int(match[2]), match[3]
        else:
            year, month, dom = day.year, day.month, str(day.day)
        if not 1 <= month <= 12:
            return str(day)
        name = self.plain("months").split()[month - 1]
        if dom is None:
            return self.plain("month_year", year=year, month=name)
        return self.plain("date", year=year, month=name, day=int(dom))

    def pick(self, texts: Mapping[str, str] | str | None) -> Markup:
        """Give a study's text in this language; in another one it carries its ``lang``."""
        if not texts:
            return Markup("")
        if isinstance(texts, str):
            return escape(texts)
        if texts.get(self.language):
            return escape(texts[self.language])
        for language in ("en", *texts):
            if texts.get(language):
                return Markup('<span lang="{}">{}</span>').format(language, texts[language])
        return Markup("")


def _percent(value: float) -> str:
    whole = round(value * 100)
    if whole == 0 and value > 0:
        return "<1"
    if whole == 100 and value < 1:
        return ">99"
    return str(whole)


# --------------------------------------------------------------------------- pieces


@dataclass(frozen=True)
class Excerpt:
    """A passage inside its provision, shortened around it.

    ``before + quote + after`` is a substring of the provision; the cuts say where text was left
    out, and marks for it belong outside the quote.
    """

    before: str
    quote: str
    after: str
    cut_before: bool
    cut_after: bool
    matched: bool


def cut_context(passage: Passage, room: int = CONTEXT_CHARS) -> Excerpt:
    """Shorten a provision around its exact passage.

    Parameters
    ----------
    passage
        Offsets are trusted only if they give back the passage's text; else the passage stands alone
        and ``matched`` is false.
    room
        Characters to show, the passage included. The passage is never cut.
    """
    text = passage.segment_text
    start, end = passage.start - passage.segment_start, passage.end - passage.segment_start
    if start < 0 or text[start:end] != passage.text:
        found = text.find(passage.text) if passage.text else -1
        if found < 0:
            return Excerpt("", passage.text, "", False, False, False)
        start, end = found, found + len(passage.text)
    before, after = text[:start], text[end:]
    spare = max(0, room - (end - start))
    # What one side does not use, the other may.
    keep_before = min(len(before), max(spare // 2, spare - len(after)))
    keep_after = min(len(after), spare - keep_before)
    shown_before = before[len(before) - keep_before :]
    shown_after = after[:keep_after]
    if keep_before < len(before):
        # Start at a word, not inside one; Chinese has no spaces and may start anywhere.
        shown_before = re.sub(r"^[^\s。；;,.，]{0,24}[\s。；;,.，]+", "", shown_before, count=1)
    if keep_after < len(after):
        shown_after = re.sub(r"(?<=[\s。；;,.，])[^\s。；;,.，]{1,24}$", "", shown_after)
    return Excerpt(
        shown_before,
        passage.text,
        shown_after,
        len(shown_before) < len(before),
        len(shown_after) < len(after),
        True,
    )


def anchor(kind: str, name: str) -> str:
    """Make an id for a place on the page; different names never share one.

    Parameters
    ----------
    kind
        What stands there: ``passage``, ``code``, ``row``, ``topic``, ``document``, ``forum``.
    name
        Any text; what an id should not hold is replaced, and a digest keeps the ids apart.
    """
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    if slug != name:
        slug = f"{slug.strip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return f"{kind}-{slug}"


def passage_anchor(passage: Passage) -> str:
    """Make the id of a passage; the same passage has one place on the page."""
    return anchor("passage", f"{passage.document}.{passage.start}-{passage.end}")


def safe_url(url: str) -> str:
    """Give an address back if a link to it is safe, else an empty string."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else ""


def direction(language: str) -> str:
    """Writing direction of a language: ``ltr``, ``rtl``, or ``auto`` where it is not known."""
    base = language.split("-")[0]
    if base in _RIGHT_TO_LEFT:
        return "rtl"
    return "auto" if base in ("und", "") else "ltr"


# --------------------------------------------------------------------------- the page


class ReportView:
    """What the template asks for: results in the order and words of the page.

    Parameters
    ----------
    results
        The results to show.
    wording
        Strings of the page's language.
    glossary
        Terms that mislead between languages.
    """

    def __init__(self, results: Results, wording: Wording, glossary: Sequence[Term]) -> None:
        self.results = results
        self.t = wording
        self.glossary = [one for one in glossary if stands(one.since, one.until, results.as_of)]
        self.parties = {party.id: party for party in results.parties}
        self.documents = {one.id: one for one in (*results.left_out_documents, *results.documents)}
        self.in_scope = {one.id for one in results.documents}
        self.codes = {code.id: code for code in results.codebook.codes}
        self.overlaps = {one.code: one for one in results.overlaps}
        self.fora = {forum.id: forum for forum in results.fora}
        self.level = next(
            (est.level for one in results.overlaps for est in one.prevalence.values()), 0.95
        )
        self._tracks = {
            advice.track: advice.name for one in results.recommendations for advice in one.tracks
        }
        self._shown: set[str] = set()
        self._home: dict[tuple[str, ...], str] = {}
        self._used_by = self._find_uses()

    # ---- names

    def party(self, name: str) -> str:
        """Name of a party for display."""
        held = self.parties.get(name)
        return held.label(self.t.language) if held else name

    def party_list(self, names: Iterable[str]) -> str:
        """Names of parties in one phrase."""
        labels = [self.party(name) for name in names]
        if len(labels) < 2:
            return "".join(labels)
        comma, last = self.t.plain("list_comma"), self.t.plain("list_and")
        return comma.join(labels[:-1]) + last + labels[-1]

    def code_label(self, code: str) -> Markup:
        """Label of a code in the page's language."""
        held = self.codes.get(code)
        return self.t.pick(held.label) if held and held.label else escape(code)

    def track_name(self, track: str) -> Markup:
        """Name of a track as the playbook or the interface has it."""
        if track in self._tracks:
            return self.t.pick(self._tracks[track])
        return escape(self.t.known(f"forum_kind.{track}", track))

    def grade_firm(self, code: str, grade: str) -> Markup:
        """A grade, with the share of resamples that give it where that was computed."""
        word = self.t(f"grade_lower.{grade}")
        held = self.overlaps.get(code)
        if held is None or held.firmness is None:
            return word
        key = "answer.grade_sure" if held.is_corrected else "answer.grade_firm"
        return self.t(key, grade=word, share=self.t.share(held.firmness))

    def linked(self, text: Markup) -> Markup:
        """Put titles with links where a text names a document by its id."""
        ids = sorted(self.documents, key=len, reverse=True)
        if not ids:
            return text
        # The text is escaped already, so the ids are looked for in their escaped form.
        pattern = "|".join(rf"(?<![\w-]){re.escape(str(escape(one)))}(?![\w-])" for one in ids)
        plain = {str(escape(one)): one for one in ids}
        parts = re.split(r"(<[^>]*>)", text)  # never inside our own tags
        return Markup("").join(
            Markup(part)
            if part.startswith("<")
            else Markup(re.sub(pattern, lambda m: self.document_link(plain[m[0]]), part))
            for part in parts
        )

    def track_list(self, tracks: Iterable[str]) -> Markup:
        """Names of tracks in one phrase."""
        return self.t.join(map(self.track_name, tracks), "list_semicolon")

    def document_title(self, name: str, short: bool = False) -> Markup:
        """Title of a document in its own language, with title marks where Chinese asks for them."""
        held = self.documents.get(name)
        if held is None:
            return self.t("passage.unknown_document", id=name)
        language = _title_language(held)
        most = (20 if language == "zh" else 44) if short else len(held.title)
        title = held.title
        if len(title) > most + 4:
            # A subtitle goes first, if what is left names this document alone.
            head = re.split(r": |：|——", title)[0]
            alone = sum(one.title.startswith(head) for one in self.documents.values()) == 1
            title = head if alone and len(head) <= most + 4 else title[:most].rstrip() + "…"
        return _cite(title, language)

    def document_link(self, name: str, short: bool = False) -> Markup:
        """Title of a document, linked to its row in the register on this page."""
        if name not in self.documents:
            return self.document_title(name)
        return Markup('<a href="#{}">{}</a>').format(
            anchor("document", name), self.document_title(name, short)
        )

    def document_gloss(self, document: Document) -> str:
        """English title where the page is not Chinese and the original is not English."""
        foreign = self.t.language != "zh" and _title_language(document) != "en"
        same = document.title_en == document.title
        return document.title_en if foreign and not same else ""

    def issued(self, document: Document) -> str:
        """When a document was issued, as far as the register gives it: no day that nobody wrote."""
        return self.t.date(document.issued_as or document.date_issued)

    # ---- answer

    def status_text(self, document: Document) -> Markup:
        """Say where a document stood on the report's day; what came later is said as later.

        A status with a later date says nothing of this day. That the document was in force is said
        only where its first day in force is known, and only of what binds: a position paper or a
        firm's policy is never "in force", it has been withdrawn or it has not.
        """
        t, as_of = self.t, self.results.as_of
        status, when = document.status, document.status_date
        soft = status is Status.IN_FORCE and document.force is not Force.BINDING
        named = t("documents.stands") if soft else t(f"status.{status}")
        if when is None or when <= as_of:
            first = document.date_effective
            if status is Status.IN_FORCE and first is not None and first > as_of:
                return t("documents.effective_later", date=t.date(first))
            return t("parenthesis_after", text=named, inner=t.date(when)) if when else named
        if status is Status.UNKNOWN:
            return t("status.unknown")
        began, parts = document.date_effective, []
        binds = status in (Status.IN_FORCE, Status.RESCINDED, Status.SUPERSEDED, Status.EXPIRED)
        if binds and began is not None and began <= as_of:
            then = "in_force_then" if document.force is Force.BINDING else "stands_then"
            parts.append(t(f"documents.{then}"))
        if status.ended:
            parts.append(t("documents.later", status=t(f"status.{status}"), date=t.date(when)))
        elif status is Status.IN_FORCE and began is not None and began > as_of:
            parts.append(t("documents.later", status=named, date=t.date(began)))
        elif not parts:
            # Such a date tells when the register's fact was looked up, not when it began.
            parts.append(t("documents.seen_later", status=named, date=t.date(when)))
        return t.join(parts, "list_semicolon")

    @property
    def title(self) -> str:
        """Title of the page."""
        names = [party.label(self.t.language) for party in self.results.parties]
        comma, last = self.t.plain("list_comma"), self.t.plain("title_joiner")
        joined = names[0] if len(names) == 1 else comma.join(names[:-1]) + last + names[-1]
        return self.t.plain("title", parties=joined)

    def topics(self, verdict: str) -> list[Recommendation]:
        """Recommendations with a verdict, in the order given."""
        return [one for one in self.results.recommendations if one.verdict == Verdict(verdict)]

    @property
    def own_documents(self) -> list[Document]:
        """Documents in scope that count for a party."""
        return [one for one in self.results.documents if not one.is_joint]

    @property
    def joint_documents(self) -> list[Document]:
        """Joint texts in scope."""
        return [one for one in self.results.documents if one.is_joint]

    def of_party(self, party: str) -> list[Document]:
        """Documents in scope of one party."""
        return [one for one in self.own_documents if one.party == party]

    @property
    def corpus(self) -> Markup:
        """Size of the corpus in one phrase."""
        by_party = [
            self.t("corpus_party", party=self.party(one.id), n=len(self.of_party(one.id)))
            for one in self.results.parties
        ]
        size = self.t(
            "corpus_parties",
            documents=self.t.count("corpus", len(self.own_documents)),
            parties=self.t.join(by_party),
        )
        joint = len(self.joint_documents)
        read = sum(self.results.segments.get(one.id, 0) for one in self.results.documents)
        parts = [size] + ([self.t.count("joint", joint)] if joint else [])
        if read:
            parts.append(self.t.count("provisions", read))
        return self.t.join(parts, "list_semicolon")

    def not_firm(self, topic: Recommendation) -> bool:
        """Whether a recommended topic's least stable core grade holds in too few resamples."""
        if topic.verdict is not Verdict.RECOMMENDED:
            return False
        held = [self.overlaps[code].firmness for code in topic.core if code in self.overlaps]
        return any(one is not None and one < NOT_FIRM for one in held)

    @property
    def corrected(self) -> bool:
        """Whether shares and grades are corrected by a checked sample."""
        return any(one.is_corrected for one in self.results.overlaps)

    @property
    def corrected_suffix(self) -> str:
        """End of the name of a string that reads otherwise where figures are corrected."""
        return "_corrected" if self.corrected else ""

    @property
    def review_suffix(self) -> str:
        """End of the name of a string on programs that code: beside people or alone, corrected or not."""
        beside = CoderKind.PERSON in self._coder_kinds()
        return ("_partly" if beside else "") + self.corrected_suffix

    @property
    def checked(self) -> Mapping[str, Any] | None:
        """Who checked how much of the sample that corrects the figures; None where none does."""
        held = self.results.method.get("checked")
        return held if isinstance(held, Mapping) and self.corrected else None

    @property
    def checked_sample(self) -> Markup:
        """How many documents of each party were checked at random, in one phrase."""
        held = self.checked or {"documents": {}}
        return self.t.join(
            self.t("checked.party", party=self.party(party), n=n, total=held["of"][party])
            for party, n in held["documents"].items()
        )

    @property
    def firmness(self) -> Markup:
        """How many recommended topics are not firm, as the end of the headline; empty for none."""
        recommended = self.topics("recommended")
        n = sum(map(self.not_firm, recommended))
        if not n:
            return Markup("")
        if len(recommended) == 1:
            return self.t("answer.lead_not_firm_it")
        return self.t.count("answer.lead_not_firm", n)

    @property
    def warnings_shown(self) -> int:
        """Number of remarks that stand beside the answer."""
        return WARNINGS_SHOWN

    @property
    def coder_names(self) -> str:
        """The coders whose codings count, with version."""
        return self.t.plain("list_comma").join(
            f"{one.id} {self.coder_version(one)}".strip() for one in self._counted_coders()
        )

    def coder_version(self, coder: Coder) -> str:
        """A coder's version; of a combined one, rule and members in the page's language.

        One that holds corrections has none: its note says whom it corrects.
        """
        if coder.id in self._corrections:
            return ""
        if coder.kind is not CoderKind.COMBINED:
            return coder.version
        t, (rule, _, members) = self.t, coder.version.partition(": ")
        name = "number" if rule.isdigit() else rule
        return t.plain(
            "method.combined_version",
            rule=t.plain(f"method.rule.{name}", n=rule),
            members=t.plain("list_comma").join(members.split(", ")),
        )

    @property
    def _corrections(self) -> Mapping[str, str]:
        """Coders that hold corrections of another, which they name."""
        held = self.results.method.get("corrections")
        return held if isinstance(held, Mapping) else {}

    @property
    def review_exception(self) -> Markup:
        """Tell of corrected codes where it is said that nobody reviewed a program's; else empty."""
        mended = any(
            one.id in self._corrections and one.kind is not CoderKind.PERSON
            for one in self._counted_coders()
        )
        if self.corrected or not mended:
            return Markup("")
        return self.t("answer.review_exception")

    def _counted_coders(self) -> list[Coder]:
        coding = self.results.method.get("coding")
        wanted = self.results.method.get("coder")
        if wanted is None and isinstance(coding, Mapping):
            wanted = coding.get("coder")
        ids = str(wanted).split(", ") if wanted else []
        named = [one for one in self.results.coders if one.id in ids]
        return named or list(self.results.coders)

    @property
    def _combined(self) -> Mapping[str, Any]:
        """What is known of combined coders; empty where none counts."""
        held = self.results.method.get("combined")
        return held if isinstance(held, Mapping) else {}

    def _coder_kinds(self) -> set[str]:
        """Kinds of the coders that count; of a combined one, those of its members."""
        kinds: set[str] = set()
        for one in self._counted_coders():
            held = self._combined.get("coders", {}).get(one.id)
            kinds.update(held["kinds"] if held else (one.kind,))
        return kinds

    @property
    def by_machine(self) -> bool:
        """Whether any coder that counts is a program."""
        return self.coded_by != "person"

    def coder_note(self, coder: Coder) -> Markup:
        """What is said of a coder; of a note with lines in both languages, the page's lines."""
        lines = [one.strip() for one in coder.description.splitlines() if one.strip()]
        chinese = self.t.language == "zh"
        fitting = [one for one in lines if bool(re.search(r"[㐀-鿿]", one)) is chinese]
        if fitting:
            return escape(" ".join(fitting))
        return Markup("<bdi>{}</bdi>").format(" ".join(lines)) if lines else Markup("")

    @property
    def coded_by(self) -> str:
        """Kind of the coders that count: ``model``, ``trained``, ``machine`` (rules) or ``person``.

        One language model among them makes it ``model``: that is what a reader has to know first.
        """
        kinds = self._coder_kinds()
        for machine in (CoderKind.MODEL, CoderKind.TRAINED):
            if machine in kinds:
                return str(machine)
        return "person" if kinds <= {CoderKind.PERSON} else "machine"

    @property
    def combined_lines(self) -> list[Markup]:
        """What each combined coder is, what it decides and what it leaves open, a paragraph each."""
        t, lines = self.t, []
        for one in self._counted_coders():
            held = self._combined.get("coders", {}).get(one.id)
            if not held:
                continue
            parts = [t("answer.sure_coder", coder=one.id, text=self.coder_note(one))]
            if not held["stale"]:
                parts.append(
                    t(
                        "method.combined_coverage",
                        documents=held["documents"],
                        coverage=t.share(held["coverage"]),
                    )
                )
                depends = self._combined["depends"]
                if held["coverage"] < 1 and depends is not None:
                    total = len(self.overlaps)
                    parts.append(t("method.combined_open", n=len(depends), total=total))
            parts.append(t.pick(self._combined["caution"]))
            lines.append(Markup("" if t.language == "zh" else " ").join(parts))
        return lines

    def combined_flag(self, code: str) -> Markup:
        """Say how high a code's grade would be if undecided cells had it; empty if no higher."""
        depends = self._combined.get("depends") or {}
        if code not in depends:
            return Markup("")
        return self.t("method.combined_flag", grade=self.t(f"grade_lower.{depends[code][1]}"))

    @property
    def makeup(self) -> Markup:
        """Who issued the documents of each party, by kind of issuer; the most frequent first."""
        t, shown = self.t, []
        for party in self.parties:
            count = Counter(one.issuer_type for one in self.of_party(party))
            parts = t.join(
                t("answer.makeup_part", n=n, type=t(f"issuer_type.{kind}"))
                for kind, n in sorted(count.items(), key=lambda held: (-held[1], held[0]))
            )
            if parts:
                shown.append(t("answer.makeup_party", party=self.party(party), parts=parts))
        return t.join(shown, "list_semicolon")

    def joined(self, document: Document) -> Markup:
        """Say who stands behind a joint text: governments, or companies of the parties.

        What companies sign binds no government, and none has thereby endorsed it.
        """
        key = "endorsed_companies" if _of_companies(document) else "endorsed"
        return self.t(f"documents.{key}", parties=self.party_list(document.endorsed_by))

    def precedent_lines(self, names: Sequence[str]) -> list[Markup]:
        """Count common texts, those of governments apart from those of companies."""
        held = [self.documents.get(name) for name in names]
        firms = sum(one is not None and _of_companies(one) for one in held)
        counted = (("precedent", len(names) - firms), ("precedent_companies", firms))
        return [self.t.count(f"matrix.{key}", n) for key, n in counted if n]

    @property
    def reliability(self) -> Mapping[str, Any] | None:
        """What is known of the agreement between readings; None where not measured."""
        held = self.results.method.get("reliability")
        return held if isinstance(held, Mapping) and held else None

    @property
    def reliability_text(self) -> Markup:
        """How far the readings agree, in the method section."""
        held = self.reliability or {}
        t = self.t
        parts = [
            t(
                "method.reliability_read",
                coders=t.plain("list_comma").join(held["coders"]),
                provisions=held["provisions"],
                documents=held["documents"],
                alpha=_alpha(held["alpha"]),
                interval=_alpha_interval(held, "alpha"),
                masi=_alpha(held["masi"]),
                masi_interval=_alpha_interval(held, "masi"),
            ),
            t("method.reliability_verdicts", reliable=held["reliable"]),
        ]
        for key, name in (
            ("tentative", "tentative"),
            ("not_reliable", "not"),
            ("undefined", "undefined"),
        ):
            if held[key]:
                codes = t.join(map(self.code_label, held[key]), "list_comma")
                parts.append(t(f"method.reliability_{name}", codes=codes) + t("stop"))
        for pair in held.get("spans", ()):
            one, two = pair["coders"]
            a, b = pair["spans"]
            parts.append(
                t(
                    "method.reliability_spans",
                    one=one,
                    two=two,
                    a=a,
                    b=b,
                    any=_alpha(pair["any"]),
                    any_interval=_alpha_interval(pair, "any"),
                    half=_alpha(pair["half"]),
                    half_interval=_alpha_interval(pair, "half"),
                )
            )
            if pair["whole_only"]:
                whole = t.plain("list_comma").join(pair["whole_only"])
                parts.append(t("method.reliability_spans_whole", coders=whole))
        return Markup("" if t.language == "zh" else " ").join(parts)

    def reliability_flag(self, code: str) -> Markup:
        """Warn of a code whose codings are not reliable; empty where they are, or not measured."""
        held = self.reliability or {}
        if code in held.get("not_reliable", ()):
            return self.t("method.reliability_flag_not")
        if code in held.get("tentative", ()):
            return self.t("method.reliability_flag")
        return Markup("")

    @property
    def sureness(self) -> Markup:
        """How sure the answer is, from the numbers, in a few plain sentences."""
        t, parts = self.t, []
        if not self._counted_coders():
            parts.append(t("answer.sure_no_coder"))
        elif self.by_machine:
            reviewed = self.results.method.get("reviewed") is True
            end = "_reviewed" if reviewed else self.review_suffix
            parts.append(t(f"answer.sure_{self.coded_by}{end}", coder=self.coder_names))
            if not reviewed and self.review_exception:
                parts.append(self.review_exception)
            for one in self._counted_coders():
                if one.kind in _EXPLAINED and (note := self.coder_note(one)):
                    parts.append(t("answer.sure_coder", coder=one.id, text=note))
        else:
            parts.append(t("answer.sure_person", coder=self.coder_names))
        if self.checked:
            parts.append(
                t(
                    "checked.sure",
                    person=self.checked["by"],
                    kind=t(f"method.kind.{self.checked['kind']}"),
                    sample=self.checked_sample,
                )
            )
        core = {code for one in self.topics("recommended") for code in one.core}
        tested = [
            held.firmness
            for code in core
            if (held := self.overlaps.get(code)) is not None and held.firmness is not None
        ]
        if tested:
            firm = sum(one >= _FIRM for one in tested)
            level = t.share(_FIRM)
            key = f"answer.sure_stability{self.corrected_suffix}"
            parts.append(t(key, n=firm, total=len(tested), level=level))
        elif core:
            parts.append(t("answer.sure_stability_missing"))
        sizes = [len(self.of_party(party)) for party in self.parties]
        if sizes and min(sizes) < 20:
            parts.append(t("answer.sure_small", documents=t.count("corpus", min(sizes))))
        measured = self.reliability
        if measured and measured.get("alpha") is not None:
            kinds = tuple(measured.get("kinds", ()))
            told = {("person",): "person", ("model",): "model"}.get(kinds, "machine")
            parts.append(
                t(
                    f"answer.sure_reliability_{told}",
                    n=len(measured["coders"]),
                    alpha=_alpha(measured["alpha"]),
                    interval=_alpha_interval(measured, "alpha"),
                )
            )
        elif self.by_machine:
            parts.append(t("answer.sure_reliability_missing"))
        # A side that counts its firms and a side that counts its ministries are not alike.
        if self.own_documents:
            parts.append(t("answer.sure_makeup", makeup=self.makeup))
        parts += [t("answer.sure_read"), t("answer.shared_means")]
        return Markup("" if t.language == "zh" else " ").join(parts)

    @property
    def not_quotable(self) -> int:
        """Number of documents in scope that are held as a digest or translation."""
        return sum(one.text_kind is not TextKind.ORIGINAL for one in self.results.documents)

    # ---- matrix

    def dimensions(self) -> Iterator[tuple[str, Markup, list[tuple[int, Overlap]], list[Overlap]]]:
        """Give per dimension its id, its label, its rows with depth, and the absent codes.

        Rows are in the codebook's order, children under their parents.
        """
        dimensions = dict(self.results.codebook.dimensions)
        for one in self.results.overlaps:
            dimensions.setdefault(self._dimension(one.code), {})
        for dimension, label in dimensions.items():
            rows = [
                (depth, self.overlaps[code])
                for depth, code in self._hierarchy()
                if code in self.overlaps and self._dimension(code) == dimension
            ]
            shown = [(depth, one) for depth, one in rows if not self._is_absent(one)]
            absent = [one for _, one in rows if self._is_absent(one)]
            if shown or absent:
                yield dimension, self.t.pick(label) or escape(dimension or "–"), shown, absent

    @staticmethod
    def _is_absent(overlap: Overlap) -> bool:
        # A checker may say "absent" of a code that the coder found: its passages are still shown.
        return overlap.grade is Grade.ABSENT and not any(overlap.documents.values())

    def _dimension(self, code: str) -> str:
        return self.codes[code].dimension if code in self.codes else ""

    def _hierarchy(self) -> list[tuple[int, str]]:
        children: dict[str, list[Code]] = {}
        for code in self.results.codebook.codes:
            parent = code.parent if code.parent in self.codes else ""
            children.setdefault(parent, []).append(code)
        found: list[tuple[int, str]] = []

        def walk(parent: str, depth: int) -> None:
            for code in children.get(parent, ()):
                found.append((depth, code.id))
                walk(code.id, depth + 1)

        walk("", 0)
        seen = {code for _, code in found}
        return found + [(0, one.code) for one in self.results.overlaps if one.code not in seen]

    def threshold(self, name: str) -> float | None:
        """A threshold of the grades, in [0, 1], or None if the method does not name it."""
        held = self.results.method.get("thresholds")
        value = held.get(name) if isinstance(held, Mapping) else getattr(held, name, None)
        return float(value) if isinstance(value, int | float) else None

    def threshold_text(self, name: str) -> str:
        """A threshold in percent."""
        value = self.threshold(name)
        return "?" if value is None else self.t.share(value)

    def reason(self, text: str) -> Markup:
        """Say why something is undefined."""
        if not text:
            return self.t("undefined_bare")
        for key, pattern in _REASONS.items():
            match = re.fullmatch(pattern, text)
            if match:
                values = match.groupdict()
                if "names" in values:
                    values["names"] = self.party_list(values["names"].split(", "))
                return self.t("undefined", reason=self.t(f"undefined_reason.{key}", **values))
        if self.t.language == "en":
            return self.t("undefined", reason=text)
        return self.t("undefined", reason=Markup('<span lang="en">{}</span>').format(text))

    def party_target(self, code: str, party: str) -> str:
        """The id of the first passage of a party on a code, or of the code's evidence."""
        for pair in self.results.evidence.get(code, ()):
            for passage in pair.passages:
                if passage.party == party:
                    return passage_anchor(passage)
        for against in self.results.counter_evidence.get(code, ()):
            for found in (against.passage, against.against):
                if found is not None and found.party == party:
                    return passage_anchor(found)
        for passage in self.results.passages.get(code, {}).get(party, ()):
            return passage_anchor(passage)
        return anchor("code", code)

    def stability_lines(self, overlap: Overlap, most: int = 2) -> list[Markup]:
        """Say how firmly a grade holds, in short lines."""
        t, held = self.t, overlap.stability
        if overlap.checked and overlap.checked.sure is not None:
            lines = [
                t(
                    "matrix.sure",
                    grade=t(f"grade_lower.{overlap.grade}"),
                    share=t.share(overlap.checked.sure),
                )
            ]
            if others := self.odds(overlap)[1:]:
                lines.append(t("matrix.else", grades=self.grade_list(others)))
            return lines + [
                t("checked.unseen", n=one.total, party=self.party(party))
                for party, one in overlap.prevalence.items()
                if one.is_unseen
            ]
        if held is None:
            return [t("matrix.not_computed")]
        lines = [
            t("matrix.firm", grade=t(f"grade_lower.{overlap.grade}"), share=t.share(held.agreement))
        ]
        for switch in held.without[:most]:
            lines.append(
                t(
                    "matrix.without",
                    grade=t(f"grade_lower.{switch.grade}"),
                    document=self.document_link(switch.change, short=True),
                )
            )
        more = len(held.without) - most
        if more > 0:
            lines.append(t.count("matrix.without_more", more))
        if not held.without:
            lines.append(t("matrix.no_single"))
        return lines

    def odds(self, overlap: Overlap) -> list[tuple[Grade, float]]:
        """Grades that a checked sample leaves possible, the likeliest first; none below 1 %."""
        odds = overlap.checked.odds if overlap.checked else {}
        return sorted(
            ((grade, share) for grade, share in odds.items() if share >= 0.01),
            key=lambda one: -one[1],
        )

    def grade_list(self, grades: Iterable[tuple[Grade, float]]) -> Markup:
        """Grades with their shares or probabilities in one phrase."""
        return self.t.join(
            (
                Markup("{} {}").format(self.t(f"grade_lower.{grade}"), self.t.share(share))
                for grade, share in grades
            ),
            "list_semicolon",
        )

    def threshold_rows(self, overlap: Overlap) -> list[tuple[Markup, Grade]]:
        """Grades of a code at the thresholds swept."""
        rows = []
        asked = overlap.checked if overlap.is_corrected else overlap.stability
        for switch in asked.thresholds if asked else ():
            pairs = dict(re.findall(r"(\w+)=([\d.]+)", switch.change))
            if {"strong", "moderate"} <= set(pairs):
                label = self.t(
                    "evidence.threshold_row",
                    strong=self.t.share(float(pairs["strong"])),
                    moderate=self.t.share(float(pairs["moderate"])),
                )
            else:
                label = escape(switch.change)
            rows.append((label, switch.grade))
        return rows

    def row_target(self, code: str) -> str:
        """The id of a code's place in the matrix; the matrix itself for a code not measured."""
        return anchor("row", code) if code in self.overlaps else "matrix"

    @property
    def grades_used(self) -> list[Grade]:
        """The grades the legend explains: the usual ones, and rare ones only where they occur."""
        used = {one.grade for one in self.results.overlaps}
        rare = (Grade.PARTIAL, Grade.UNDEFINED)
        return [grade for grade in Grade if grade not in rare or grade in used]

    @property
    def any_stability(self) -> Stability | None:
        """Settings of the stability run, from the first code that has one."""
        return next((one.stability for one in self.results.overlaps if one.stability), None)

    @property
    def interval_method(self) -> str:
        """Name of the interval's method."""
        names = [est.method for one in self.results.overlaps for est in one.counted.values()]
        return names[0].capitalize() if names else "Wilson"

    # ---- passages

    def speaker(self, passage: Passage) -> Markup:
        """Say who speaks in a passage, and with what force.

        A company's policy or a scholars' draft is not the state's word, so the party alone is
        never the label where the document is known.
        """
        document = self.documents.get(passage.document)
        if document is None:
            return escape(self.party(passage.party))
        party: object = self.party(passage.party)
        if document.is_joint:
            key = "joint_companies" if _of_companies(document) else "joint"
            party = self.t(f"passage.{key}", parties=self.party_list(document.endorsed_by))
        return self.t(
            "passage.speaker" if document.issuer else "passage.speaker_bare",
            party=party,
            issuer=Markup("<bdi>{}</bdi>").format(document.issuer),
            type=self.t(f"issuer_type.{document.issuer_type}"),
            force=self.force_text(document),
        )

    def kind_text(self, document: Document, short: bool = False) -> Markup:
        """What kind of text is held; a digest made from a translation is said to be one."""
        if document.text_kind is TextKind.DIGEST and document.from_translation:
            return self.t("passage.from_translation" + ("_short" if short else ""))
        return self.t(f"text_kind{'_short' if short else ''}.{document.text_kind}")

    def force_text(self, document: Document) -> Markup:
        """With what force a document speaks; a draft or bill binds only once it is adopted."""
        proposed = document.instrument in (Instrument.DRAFT, Instrument.BILL)
        if proposed and document.force is Force.BINDING:
            return self.t("documents.binding_if_adopted")
        return self.t(f"force.{document.force}")

    @property
    def marked(self) -> Markup:
        """What the marks in the passages are, by the kinds of text held."""
        held = self.not_quotable
        if not held:
            return self.t("passage.provision")
        every = held == len(self.results.documents)
        return self.t("passage.provision_held" if every else "passage.provision_mixed")

    def place_name(self, place: str) -> Markup:
        """Name of the topic or code that stands at an id."""
        for topic in self.results.recommendations:
            if anchor("topic", topic.topic) == place:
                return self.t.pick(topic.title) or escape(topic.topic)
        code = next((one for one in self.overlaps if anchor("code", one) == place), place)
        return self.code_label(code)

    def _find_uses(self) -> dict[str, list[str]]:
        uses: dict[str, list[str]] = {}
        for topic in self.results.recommendations:
            for code in (*topic.core, *topic.supporting):
                uses.setdefault(code, []).append(topic.topic)
        return uses

    def topics_of(self, code: str) -> list[Recommendation]:
        """Topics that rest on a code."""
        wanted = self._used_by.get(code, ())
        return [one for one in self.results.recommendations if one.topic in wanted]

    def first_time(self, passage: Passage) -> bool:
        """Whether a passage has not been shown yet; it keeps its id from the first time."""
        name = passage_anchor(passage)
        new = name not in self._shown
        self._shown.add(name)
        return new

    def further(self, code: str) -> list[Passage]:
        """Passages of a code that stand nowhere on the page yet."""
        held = self.results.passages.get(code, {})
        return [
            one
            for party in self.parties
            for one in held.get(party, ())
            if passage_anchor(one) not in self._shown
        ]

    def claim(self, item: EvidencePair | CounterEvidence, where: str) -> str:
        """Remember where a pair is shown in full; give the earlier place if there is one.

        A pair that carries several topics stands once in full: the file stays small, and a passage
        has one address.
        """
        if isinstance(item, EvidencePair):
            key = ("pair", item.code, *(passage_anchor(one) for one in item.passages))
        else:
            both = (item.passage, item.against)
            key = (item.kind, item.code, item.why, *(passage_anchor(p) if p else "" for p in both))
        earlier = self._home.get(key, "")
        self._home.setdefault(key, where)
        return earlier

    def by_code(self, pairs: Iterable[EvidencePair]) -> list[tuple[str, list[EvidencePair]]]:
        """Group pairs by code, in the order they come."""
        grouped: dict[str, list[EvidencePair]] = {}
        for pair in pairs:
            grouped.setdefault(pair.code, []).append(pair)
        return list(grouped.items())

    def counter_by_code(
        self, items: Iterable[CounterEvidence]
    ) -> list[tuple[str, list[CounterEvidence]]]:
        """Group counter-evidence by code, in the order it comes."""
        grouped: dict[str, list[CounterEvidence]] = {}
        for item in items:
            grouped.setdefault(item.code, []).append(item)
        return list(grouped.items())

    def speaking(self) -> list[tuple[int, Overlap]]:
        """Codes on which at least one side speaks, or that have evidence, in the order shown."""
        return [
            (depth, self.overlaps[code])
            for depth, code in self._hierarchy()
            if code in self.overlaps
            and (
                not self._is_absent(self.overlaps[code])
                or code in self.results.evidence
                or code in self.results.counter_evidence
            )
        ]

    def counter_why(self, item: CounterEvidence) -> Markup:
        """Why a passage speaks against, in the page's language where there is one."""
        return self.t.pick({"en": item.why, "zh": item.why_zh})

    # ---- screens

    def screened_codes(self, verdict: str) -> list[Screen]:
        """Screens of codes with a verdict, in the codebook's order."""
        return [
            self.results.screens[code]
            for _, code in self._hierarchy()
            if code in self.results.screens
            and self.results.screens[code].verdict == ScreenVerdict(verdict)
        ]

    def sources_by_party(self, sources: Iterable[Any]) -> list[tuple[str, list[Any]]]:
        """Group sources by the party whose act or word they are, compared parties first."""
        grouped: dict[str, list[Any]] = {party: [] for party in self.parties}
        for one in sources:
            grouped.setdefault(one.party, []).append(one)
        return [(party, held) for party, held in grouped.items() if held]

    def cited(self, source: Source) -> Markup:
        """Write a citation in the page's language, where the playbook gives it there."""
        return self.t.pick(source.citation) or escape(self.source_text(source.text))

    def term_source(self, term: Term) -> Markup:
        """Where the usage of a term was seen."""
        if isinstance(term.source, str):
            return escape(self.source_text(term.source))
        return self.t.pick(term.source)

    def source_text(self, text: str) -> str:
        """Say the two standing prefixes of sources in the page's language; the rest stays."""
        for key, prefix in _SOURCE_PREFIXES.items():
            text = text.replace(prefix, self.t.plain(f"aside.{key}"))
        return text

    @property
    def cites_agora(self) -> bool:
        """Whether a source on the page is named by its number in the AGORA data set."""
        r = self.results
        screens = [*r.screens.values(), *(one.screen for one in r.recommendations if one.screen)]
        sources = [
            *(source for one in screens for reason in one.reasons for source in reason.sources),
            *(source for forum in r.fora for source in forum.sources),
        ]
        return any("AGORA" in f"{one.text} {one.citation}" for one in sources)

    def from_memory(self, text: str) -> bool:
        """Whether a source says of itself that part of it was not looked up."""
        return "from memory" in text.lower()

    @property
    def changed_topics(self) -> list[TopicChange]:
        """Topics whose verdict or track differs on the other day."""
        held = self.results.comparison
        return [one for one in held.topics if one.changed] if held else []

    @property
    def unchanged_topics(self) -> str:
        """Topics that stand as they stood, as one list with their verdict."""
        held = self.results.comparison
        if held is None:
            return ""
        return self.t.plain("list_semicolon").join(
            self.t.plain(
                "parenthesis_after",
                text=str(self.t.pick(one.title) or one.topic),
                inner=self.t.plain(f"verdict.{one.after.value}"),
            )
            for one in held.topics
            if not one.changed and one.after
        )

    @property
    def regraded_codes(self) -> list[OverlapChange]:
        """Codes whose grade differs on the other day."""
        held = self.results.comparison
        if held is None:
            return []
        return [one for one in held.codes if one.before and one.after and one.before != one.after]

    @property
    def reserved(self) -> list[Overlap]:
        """Codes on which passages were found of one side and none of another."""
        return [
            one
            for _, one in self.speaking()
            if one.grade in (Grade.ONE_SIDED, Grade.PARTIAL) and all(self.speakers(one))
        ]

    def speakers(self, overlap: Overlap) -> tuple[list[str], list[str]]:
        """Parties with passages on a code, and parties of which the coder found none."""
        loud = [one for one in self.parties if overlap.documents.get(one)]
        return loud, [one for one in self.parties if one not in loud]

    # ---- inputs and method

    def input_rows(self, inputs: Mapping[str, Any]) -> list[tuple[Markup, Markup]]:
        """Give the inputs of a rule as label and value.

        Inputs this page knows get words; any other keeps its name and is written out.
        """
        rows: list[tuple[Markup, Markup]] = []
        known = self.t
        for name, value in inputs.items():
            told_elsewhere = ("speakers", "settled_by_party", "subject_names")
            if name in told_elsewhere and isinstance(value, Mapping):
                continue  # told beside "speaks", "settled" and "subject"
            shown = self._known_input(name, value, inputs)
            if shown is not None:
                rows.append((known(f"input_keys.{name}"), shown))
                continue
            for path, leaf in _leaves(value, name):
                rows.append((Markup("<code>{}</code>").format(path), self.value(leaf)))
        return rows

    def _known_input(self, name: str, value: Any, inputs: Mapping[str, Any]) -> Markup | None:
        t = self.t
        word = lambda group, key: t.known(f"{group}.{key}", str(key))  # noqa: E731
        pair = lambda left, right: Markup("{}{}{}").format(left, t("colon"), right)  # noqa: E731
        if name in ("grade", "min_grade") and isinstance(value, str):
            return escape(word("grade", value))
        if name == "screen" and isinstance(value, str):
            return escape(word("screen_verdict", value))
        if name in ("national_security", "precedent") and isinstance(value, bool):
            return self.value(value)
        if name == "core_share" and isinstance(value, int | float):
            return escape(t.share(float(value)))
        if name == "precedents" and isinstance(value, Sequence) and not isinstance(value, str):
            return t.join(map(self.document_link, value), "list_semicolon") or t("none")
        if name == "grades" and isinstance(value, Mapping):
            return t.join(
                (pair(self.code_label(code), word("grade_lower", g)) for code, g in value.items()),
                "list_semicolon",
            )
        if name == "settled" and isinstance(value, str):
            by_party = inputs.get("settled_by_party")
            shown = escape(word("input_value", value))
            if isinstance(by_party, Mapping):
                each = (pair(self.party(p), word("input_value", v)) for p, v in by_party.items())
                shown = t("parenthesis_after", text=shown, inner=t.join(each, "list_semicolon"))
            return shown
        if name == "speaks" and isinstance(value, Mapping):
            return t.join(
                (self._speaks(group, how, inputs) for group, how in value.items()),
                "list_semicolon",
            )
        if name == "channels" and isinstance(value, Mapping):
            return t.join(
                (
                    pair(word("forum_kind", kind), t.join(map(self.forum_link, names)))
                    for kind, names in value.items()
                ),
                "list_semicolon",
            ) or t("none")
        if name == "subject" and isinstance(value, Mapping):
            names = inputs.get("subject_names")
            names = names if isinstance(names, Mapping) else {}
            marked = [
                t.pick(names[key]) if names.get(key) else Markup("<code>{}</code>").format(key)
                for key, on in value.items()
                if on
            ]
            return t.join(marked) or t("none")
        return None

    def _speaks(self, group: str, how: Any, inputs: Mapping[str, Any]) -> Markup:
        t = self.t
        name = t.known(f"speaker.{group}", group)
        shown = t.known(f"input_value.{how}", str(how))
        told = inputs.get("speakers")
        by_party = told.get(group) if isinstance(told, Mapping) else None
        if not isinstance(by_party, Mapping):
            return Markup("{}{}{}").format(name, t("colon"), shown)
        each = [
            t("speaks_row", party=self.party(party), count=held["documents"], total=held["of"])
            for party, held in by_party.items()
            if isinstance(held, Mapping) and "documents" in held and "of" in held
        ]
        text = Markup("{}{}{}").format(name, t("colon"), shown)
        return t("parenthesis_after", text=text, inner=t.join(each)) if each else text

    def value(self, value: object) -> Markup:
        """Write a plain value."""
        if isinstance(value, bool):
            return self.t("yes" if value else "no")
        if value is None or value == "" or value == () or value == []:
            return self.t("none")
        if isinstance(value, list | tuple):
            return self.t.join(map(self.value, value))
        return escape(value)

    def forum_name(self, name: str) -> Markup:
        """Name of a forum."""
        held = self.fora.get(name)
        return self.t.pick(held.name) if held else self.t("forum.unknown", id=name)

    def forum_link(self, name: str) -> Markup:
        """Name of a forum, linked to its row on this page where it has one."""
        if name not in self.fora or name not in {one.id for one in self.named_fora}:
            return self.forum_name(name)
        return Markup('<a href="#{}">{}</a>').format(anchor("forum", name), self.forum_name(name))

    @property
    def named_fora(self) -> list[Forum]:
        """Fora that the report names, in the register's order."""
        named = {name for one in self.results.recommendations for name in one.fora}
        for one in self.results.recommendations:
            named |= {name for advice in one.tracks for name in advice.fora}
            channels = one.inputs.get("channels")
            if isinstance(channels, Mapping):
                named |= {name for names in channels.values() for name in names}
        return [forum for forum in self.results.fora if forum.id in named]

    def forum_state(self, forum: Forum) -> Markup:
        """Where a forum stands, in the page's language where there is one."""
        return self.t.pick({"en": forum.state, "zh": forum.state_zh})

    def has_facts(self, forum: Forum) -> bool:
        """Whether dated facts are shown for a forum, which then speak for its state."""
        return any(source.fact for source in forum.sources)

    def last_met(self, forum: Forum) -> str:
        """When a forum last met; empty where that is later than the report's day."""
        return "" if self._later(forum.last_met) else forum.last_met

    def _later(self, when: str) -> bool:
        # The register writes YYYY[-MM[-DD]], which sorts as text.
        return when > self.results.as_of.isoformat()[: len(when)]

    def forum_time(self, forum: Forum) -> Markup:
        """When a forum existed; an end after the report's day is not shown."""
        t, since = self.t, self.t.date(forum.since)
        until = "" if self._later(forum.until) else t.date(forum.until)
        if since and until:
            return t("forum.between", since=since, until=until)
        if since or until:
            key = "since" if since else "until"
            return t(f"forum.{key}", **{key: since or until})
        return t("not_given")

    def method_rows(self) -> list[tuple[Markup, Markup]]:
        """Every setting of the method as label and value."""
        rows = []
        for path, leaf in _leaves(self.results.method, ""):
            if path.startswith(("reliability.", "combined.", "corrections.")):
                continue  # said in words above
            label = Markup(" · ").join(
                self.t.known(f"method_keys.{part}", part) for part in path.split(".")
            )
            if path in ("coder_kind", "coding.coder_kind", "checked.kind"):
                rows.append((label, escape(self.t.known(f"method.kind.{leaf}", str(leaf)))))
                continue
            if path == "coder_version" and self.results.coders:
                versions = [self.coder_version(one) for one in self.results.coders]
                leaf = self.t.plain("list_comma").join(filter(None, versions))
            rows.append((label, self.value(leaf)))
        return rows

    @property
    def software(self) -> str:
        """Name and version of the software that made the results."""
        held = self.results.method.get("software") or self.results.method.get("version")
        return str(held) if held else "qiutong"

    def left_out_reason(self, name: str) -> Markup:
        """Why a document is not in scope."""
        return self.t.pick(self.results.left_out[name])


def _of_companies(document: Document) -> bool:
    return document.issuer_type is IssuerType.COMPANY


def _cite(title: str, language: str) -> Markup:
    if language.startswith("zh") and not title.startswith(("《", "〈", "「", "『")):
        title = f"《{title}》"
    return Markup('<cite lang="{}" dir="{}">{}</cite>').format(language, direction(language), title)


def _title_language(document: Document) -> str:
    # A translation or digest may be in another language than the official title.
    return (
        "zh"
        if re.search(r"[㐀-鿿]", document.title)
        else (document.language if not document.language.startswith("zh") else "en")
    )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Walk nested mappings down to their plain values, with dotted paths."""
    if isinstance(value, Mapping) and value:
        for key, held in value.items():
            yield from _leaves(held, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def bar(estimate: Estimate, marks: Sequence[float | None]) -> Markup:
    """Draw an estimate with its interval on a scale from 0 to 1.

    The drawing is hidden from assistive technology: the same numbers stand beside it as text.
    """
    if estimate.value is None:
        return Markup("")
    # Attributes only, no style: the content security policy allows no inline style.
    x = lambda share: f"{4 + 100 * min(1.0, max(0.0, share)):.1f}"  # noqa: E731
    ticks = Markup("").join(
        Markup('<line class="tick" x1="{0}" x2="{0}" y1="1" y2="13"/>').format(x(mark))
        for mark in marks
        if mark is not None
    )
    interval = Markup("")
    if estimate.low is not None and estimate.high is not None:
        interval = Markup('<line class="interval" x1="{}" x2="{}" y1="7" y2="7"/>').format(
            x(estimate.low), x(estimate.high)
        )
    return Markup(
        '<svg class="bar" viewBox="0 0 108 14" width="108" height="14" aria-hidden="true" '
        'focusable="false"><line class="scale" x1="4" x2="104" y1="7" y2="7"/>{}{}'
        '<circle class="point" cx="{}" cy="7" r="3.6"/></svg>'
    ).format(ticks, interval, x(estimate.value))


def _icon(name: str) -> Markup:
    return Markup(
        '<svg class="icon" width="14" height="14" aria-hidden="true" focusable="false">'
        '<use href="#icon-{}"/></svg>'
    ).format(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qiutong.exporters", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["safe_url"] = safe_url
    environment.globals |= {
        "anchor": anchor,
        "passage_anchor": passage_anchor,
        "cut_context": cut_context,
        "direction": direction,
        "bar": bar,
        "icon": _icon,
    }
    return environment


@cache
def _alpha(value: float | None) -> str:
    """A coefficient of agreement as the field prints it: two digits, no leading zero."""
    return "–" if value is None else f"{value:.2f}".replace("0.", ".", 1)


def _alpha_interval(held: Mapping[str, Any], name: str) -> str:
    low, high = held.get(f"{name}_low"), held.get(f"{name}_high")
    return "–" if low is None or high is None else f"{_alpha(low)}–{_alpha(high)}"


def _asset(name: str) -> tuple[str, str]:
    """Give a style or script with the hash the content security policy names."""
    text = (files("qiutong.exporters") / "templates" / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return text, f"sha256-{digest}"


def render_report(results: Results, language: str = "en", *, glossary: Sequence[Term] = ()) -> str:
    """Write the report as one self-contained HTML page.

    Parameters
    ----------
    results
        Everything the page shows. From ``method`` the page reads ``thresholds`` (``strong``,
        ``moderate``), ``coder`` (or ``coding.coder``), ``reviewed`` (true once a person reviewed the
        codings), ``reliability`` and ``software``; whatever else is there is listed.
    language
        Language of the interface, ``en`` or ``zh``. Quotes keep their own language.
    glossary
        Terms that mislead between languages (``Playbook.glossary``).

    Returns
    -------
    str
        HTML that loads nothing from anywhere. The same results give the same text.

    Raises
    ------
    UnknownName
        There is no wording for the language.
    """
    wording = Wording(language)
    view = ReportView(results, wording, glossary)
    style, style_hash = _asset("report.css")
    script, script_hash = _asset("report.js")
    template = _environment().get_template("report.html.j2")
    return template.render(
        r=results,
        view=view,
        t=wording,
        # Our own files, never the study's text: safe to put in as they are.
        style=Markup(style),
        script=Markup(script),
        style_hash=style_hash,
        script_hash=script_hash,
    )
