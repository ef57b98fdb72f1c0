"""The nouns of a study: frozen values without behaviour beyond derived facts.

Offsets are code points (Python string indices) into a document's normalised text, end exclusive.
Shares are dimensionless in [0, 1]. Dates are ``datetime.date``.
"""

from datetime import date
from enum import StrEnum

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the nouns: immutable, compared by content, strict about its fields."""


# --------------------------------------------------------------------------- vocabularies


class IssuerType(StrEnum):
    """Who issued a document."""

    CENTRAL_GOVERNMENT = "central-government"
    SUBNATIONAL_GOVERNMENT = "subnational-government"
    STANDARDS_BODY = "standards-body"
    COMPANY = "company"
    INDUSTRY_ASSOCIATION = "industry-association"
    EXPERT_GROUP = "expert-group"
    DIPLOMATIC = "diplomatic"
    UNKNOWN = "unknown"


class Instrument(StrEnum):
    """What kind of text a document is."""

    LAW = "law"
    REGULATION = "regulation"
    EXECUTIVE_ORDER = "executive-order"
    MEMORANDUM = "memorandum"
    STANDARD = "standard"
    STRATEGY = "strategy"
    GUIDANCE = "guidance"
    POSITION_PAPER = "position-paper"
    STATEMENT = "statement"
    VOLUNTARY_COMMITMENT = "voluntary-commitment"
    CORPORATE_FRAMEWORK = "corporate-framework"
    BILL = "bill"
    DRAFT = "draft"
    UNKNOWN = "unknown"


class Force(StrEnum):
    """How far a document binds."""

    BINDING = "binding"
    VOLUNTARY = "voluntary"
    ASPIRATIONAL = "aspirational"
    UNKNOWN = "unknown"


class Status(StrEnum):
    """Where a document stands."""

    IN_FORCE = "in-force"
    DRAFT = "draft"
    RESCINDED = "rescinded"
    SUPERSEDED = "superseded"
    VETOED = "vetoed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        """Whether a document of this status no longer speaks for its party."""
        return self in (Status.RESCINDED, Status.SUPERSEDED, Status.VETOED, Status.EXPIRED)


class Scope(StrEnum):
    """Whether a document is about the subject of the study, or only touches it."""

    CORE = "core"
    CONTEXT = "context"


class TextKind(StrEnum):
    """What the text held is, in relation to the official one."""

    ORIGINAL = "original"
    TRANSLATION = "translation"
    DIGEST = "digest"


class Position(StrEnum):
    """What a provision does about its subject, strongest first."""

    PROHIBITS = "prohibits"
    REQUIRES = "requires"
    COMMITS = "commits"
    ENCOURAGES = "encourages"
    WARNS = "warns"
    MENTIONS = "mentions"


class DecisionKind(StrEnum):
    """What an adjudicator's decision was about.

    A ``difference`` is decided between readings, a ``correction`` overrules what all of them say,
    and a ``confirmation`` repeats it.
    """

    DIFFERENCE = "difference"
    CORRECTION = "correction"
    CONFIRMATION = "confirmation"


OWN_CODERS = ("default", "builtin")
"""Ids of the coders that come with Qiutong and need no file."""

PROGRAMS = frozenset({*OWN_CODERS, "trained"})
"""Ids of Qiutong's own coders: they code anew what has changed, and are nobody's reading."""


class CoderKind(StrEnum):
    """What made a coding.

    A ``rule`` learned from no coding; a ``trained`` program learned from codings; a ``model`` is a
    language model.
    """

    PERSON = "person"
    RULE = "rule"
    TRAINED = "trained"
    MODEL = "model"
    COMBINED = "combined"


class Grade(StrEnum):
    """How far the compared parties speak about the same code.

    ``partial`` exists only where three or more parties are compared: two or more of them speak and
    at least one is silent. With two parties the other six are all there is.
    """

    STRONG = "strong"
    MODERATE = "moderate"
    LIMITED = "limited"
    PARTIAL = "partial"
    ONE_SIDED = "one-sided"
    ABSENT = "absent"
    UNDEFINED = "undefined"


class ScreenVerdict(StrEnum):
    """What screening says of a code or topic."""

    CLEAR = "clear"
    HANDLE_WITH_CARE = "handle-with-care"
    SET_ASIDE = "set-aside"


class Verdict(StrEnum):
    """What is said of a topic in the end."""

    RECOMMENDED = "recommended"
    HANDLE_WITH_CARE = "handle-with-care"
    SET_ASIDE = "set-aside"
    NOT_SUPPORTED = "not-supported"


# --------------------------------------------------------------------------- corpus


class Party(Value, frozen=True, kw_only=True):
    """One of the sides compared.

    Parameters
    ----------
    id
        Short name used in registers and commands, such as ``us``.
    name
        Display names by language tag: ``{"en": "United States", "zh": "美国"}``.
    mentions
        Ways texts name the party or its policy, by language tag; the rivalry index looks for them.
    """

    id: str
    name: dict[str, str] = {}
    mentions: dict[str, tuple[str, ...]] = {}

    def label(self, language: str = "en") -> str:
        """Name for display, falling back to English and then to the id."""
        return self.name.get(language) or self.name.get("en") or self.id


class Block(Value, frozen=True, kw_only=True):
    """A run of text that a reader recognised, before unitizing.

    Parameters
    ----------
    kind
        ``heading``, ``paragraph``, ``item``, ``table-row`` or ``unit``; a ``unit`` is a ready
        provision whose ``locator`` the reader knows (a digest).
    start, end
        Offsets into the normalised text.
    level
        Depth of a heading from 1, else 0.
    locator
        The locator given by the source, for ``unit`` blocks.
    """

    kind: str
    start: int
    end: int
    level: int = 0
    locator: str = ""


class Page(Value, frozen=True, kw_only=True):
    """Where a page of the source begins in the normalised text.

    Parameters
    ----------
    number
        Physical page, from 1.
    start
        Offset of its first character.
    label
        The number printed on the page where it differs, such as ``iv``.
    """

    number: int
    start: int
    label: str = ""


class SourceText(Value, frozen=True, kw_only=True):
    """What a reader makes of one file: normalised text and what it knows of its layout.

    Parameters
    ----------
    text
        Normalised text (see :func:`qiutong.text.normalize_text`).
    blocks
        Headings, paragraphs and items in reading order, not overlapping; empty if the reader
        knows none, and then lines are used.
    pages
        Page starts, ascending; empty where the source has no pages.
    title
        Title found in the source, or empty.
    media_type
        Media type of the source bytes.
    encoding
        Text encoding found, or empty for formats that fix their own.
    warnings
        Sentences for the user about anything doubtful.
    """

    text: str
    blocks: tuple[Block, ...] = ()
    pages: tuple[Page, ...] = ()
    title: str = ""
    media_type: str = "text/plain"
    encoding: str = ""
    warnings: tuple[str, ...] = ()


FROM_TRANSLATION = "; read=translation"
"""End of the media type of a digest that was made from a translation of the document."""


class Document(Value, frozen=True, kw_only=True):
    """One primary text of one party, in the language of the text held.

    ``document.text[segment.start:segment.end] == segment.text`` for each of its segments.

    Parameters
    ----------
    endorsed_by
        For a joint text (declaration, resolution, leaders' statement), the parties that endorsed
        it. It is precedent for its codes and stays out of every party's prevalence.
    ended_on
        Day the document was rescinded, superseded, vetoed or expired; it still counts on that day.
    issued_as
        Date of issue as far as the register gives it, ``2022-10`` say; it is what a page shows, so
        that a month is not shown as its first day, which is what counts.
    sha256
        Of the bytes kept.
    source, verified
        Where the register's facts were seen, and what of them was checked.
    scope
        ``core``, or ``context`` for a document whose main subject is another: it is coded and can
        be read, and enters no figure unless the study says so.
    read
        False for a document that is only listed: nobody has read its text, there is none here, and
        it enters no figure.
    never_send
        True for a document whose text must not leave the machine; None where nothing was said.
    """

    id: str
    party: str
    title: str
    text: str = ""
    title_en: str = ""
    issuer: str = ""
    issuer_type: IssuerType = IssuerType.UNKNOWN
    instrument: Instrument = Instrument.UNKNOWN
    force: Force = Force.UNKNOWN
    language: str = "und"
    date_issued: date | None = None
    issued_as: str = ""
    date_effective: date | None = None
    status: Status = Status.UNKNOWN
    status_date: date | None = None
    url: str = ""
    retrieved_at: str = ""
    sha256: str = ""
    licence: str = ""
    text_kind: TextKind = TextKind.ORIGINAL
    endorsed_by: tuple[str, ...] = ()
    note: str = ""
    source: str = ""
    verified: str = ""
    scope: Scope = Scope.CORE
    read: bool = True
    never_send: bool | None = None
    source_file: str = ""
    media_type: str = "text/plain"
    pages: tuple[Page, ...] = ()
    blocks: tuple[Block, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ended_on(self) -> date | None:
        """Day the document stopped speaking for its party, or None while it does."""
        return self.status_date if self.status.ended else None

    @property
    def from_translation(self) -> bool:
        """Whether the digest held was made from a translation, so that its wording may differ."""
        return self.media_type.endswith(FROM_TRANSLATION)

    @property
    def is_joint(self) -> bool:
        """Whether the document is a joint text, precedent rather than one party's voice."""
        return bool(self.endorsed_by)


class Segment(Value, frozen=True, kw_only=True):
    """One provision: the recording unit.

    Parameters
    ----------
    id
        ``"{document}:{start}-{end}"``; ``"{document}@2:…"`` where a later text took the place of
        the first.
    locator
        As a lawyer would cite it in the language of the text: ``第十七条第二款（三）``,
        ``Sec. 4.1(a)(i)``, ``Principle 3``; else page and paragraph.
    headings
        Titles above it, outermost first; context, never coded.
    lead_in
        Offsets of the opening words it depends on ("应当遵守下列规定："), or None.
    page
        Physical page on which it starts, or None.
    """

    id: str
    document: str
    locator: str
    start: int
    end: int
    text: str
    page: int | None = None
    headings: tuple[str, ...] = ()
    lead_in: tuple[int, int] | None = None
    language: str = "und"


# --------------------------------------------------------------------------- codebook and codings


class Code(Value, frozen=True, kw_only=True):
    """One entry of a codebook; texts are by language tag (``en``, ``zh``).

    Parameters
    ----------
    id
        Dotted, stable: ``risk.cbrn``.
    parent
        Id of the parent code or empty.
    dimension
        Id of the dimension it belongs to, such as ``risk`` or ``governance``.
    include, exclude
        When to give the code, and when not, by language.
    anchors
        Invented example provisions that carry the code, by language.
    cues
        Words and phrases that point to the code, by language. English cues match on word
        boundaries, ``*`` stands for the rest of a word, and `` ... `` for up to five words between.
    agora
        Columns of the AGORA data set that mean the same.
    """

    id: str
    dimension: str
    label: dict[str, str]
    definition: dict[str, str]
    parent: str = ""
    include: dict[str, str] = {}
    exclude: dict[str, str] = {}
    anchors: dict[str, tuple[str, ...]] = {}
    cues: dict[str, tuple[str, ...]] = {}
    agora: tuple[str, ...] = ()


class Change(Value, frozen=True, kw_only=True):
    """One step in a codebook's history.

    Parameters
    ----------
    version
        The version that the step leads to.
    kind
        ``added``, ``renamed``, ``merged``, ``split``, ``removed`` or ``redefined``.
    codes
        Codes before the step (for ``added``: the new code).
    into
        Codes after the step.
    why
        The reason, one sentence.
    """

    version: str
    kind: str
    codes: tuple[str, ...]
    into: tuple[str, ...] = ()
    why: str = ""


class Codebook(Value, frozen=True, kw_only=True):
    """A versioned set of codes.

    Parameters
    ----------
    dimensions
        Labels of the dimensions by id and language.
    unmapped
        AGORA columns that no code stands for, with the reason.
    """

    id: str
    version: str
    title: dict[str, str]
    dimensions: dict[str, dict[str, str]]
    codes: tuple[Code, ...]
    history: tuple[Change, ...] = ()
    source: str = ""
    licence: str = ""
    unmapped: dict[str, str] = {}

    @property
    def name(self) -> str:
        """Id and version as codings record them: ``ai-governance@1``."""
        return f"{self.id}@{self.version}"


class Coder(Value, frozen=True, kw_only=True):
    """Who or what gave codings: a person, a rule or a model with its version."""

    id: str
    kind: CoderKind
    version: str = ""
    description: str = ""


class Coding(Value, frozen=True, kw_only=True):
    """One code given to one segment (or to a whole document) by one coder.

    Parameters
    ----------
    segment
        Segment id, or empty for a document-level coding.
    codebook
        Name with version, ``ai-governance@1``.
    evidence_start, evidence_end
        Offsets of the evidence in the document's text, inside the segment; None at document level.
    confidence
        In [0, 1] where the coder has one. Not a probability unless the coder is calibrated.
    """

    document: str
    code: str
    coder: str
    codebook: str
    segment: str = ""
    evidence_start: int | None = None
    evidence_end: int | None = None
    confidence: float | None = None
    position: Position | None = None
    memo: str = ""


class Decision(Value, frozen=True, kw_only=True):
    """What an adjudicator decided of one code on one provision, and why.

    Parameters
    ----------
    coder
        The adjudication.
    given
        Whether the code is given.
    reason
        Never empty.
    recorded_at
        When it was taken over: ISO 8601, UTC, seconds; empty before.
    superseded
        Whether a later adjudication of the document took its place.
    """

    document: str
    locator: str
    segment: str
    code: str
    coder: str
    given: bool
    kind: DecisionKind
    reason: str
    recorded_at: str = ""
    superseded: bool = False


# --------------------------------------------------------------------------- results


class Estimate(Value, frozen=True, kw_only=True):
    """A share with its interval, or undefined with a reason.

    Parameters
    ----------
    value
        The share in [0, 1], or None where undefined.
    low, high
        Bounds of the interval.
    count, total
        Numerator and denominator.
    level
        Confidence level of the interval.
    method
        How value and interval were made, such as ``wilson``.
    undefined
        Why there is no value; empty where there is one.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
    total: int = 0
    level: float = 0.95
    method: str = "wilson"
    undefined: str = ""

    @property
    def is_unseen(self) -> bool:
        """Whether no document of a checked sample, smaller than the whole, has what is counted.

        The probability of a grade is then too high where hardly any document has it.
        """
        return self.method == "ppi" and not self.count


class GradeSwitch(Value, frozen=True, kw_only=True):
    """A grade that comes out when one thing is changed: a document left out, or thresholds moved."""

    change: str
    grade: Grade


class Stability(Value, frozen=True, kw_only=True):
    """How firmly a grade holds.

    Parameters
    ----------
    resampled
        Share of bootstrap resamples (documents drawn with replacement within each party) by grade.
    agreement
        Share of resamples with the grade reported.
    resamples, seed
        Number of resamples and the seed.
    without
        Documents whose removal alone changes the grade, with the grade then.
    thresholds
        Grades at the swept thresholds, ``change`` being ``"strong=0.6 moderate=0.3"``.
    """

    resampled: dict[Grade, float]
    agreement: float
    resamples: int
    seed: int
    without: tuple[GradeSwitch, ...] = ()
    thresholds: tuple[GradeSwitch, ...] = ()


class Checked(Value, frozen=True, kw_only=True):
    """What a checked random sample does to the figures of one code.

    Parameters
    ----------
    counted_grade, counted
        Grade and shares as the codes are counted, without the sample.
    sure
        Probability in [0, 1] that the person would find the grade after reading every document;
        None where nothing could be corrected.
    odds
        Probability of each grade; empty where nothing could be corrected.
    thresholds
        Likeliest grades at the swept thresholds, as in :class:`Stability`.
    lacking
        Per party, documents still to be checked before anything can be said; empty where the
        sample is large enough.
    undefined
        Why the counted figures stand; empty where they were corrected.
    """

    counted_grade: Grade
    counted: dict[str, Estimate]
    sure: float | None = None
    odds: dict[Grade, float] = {}
    thresholds: tuple[GradeSwitch, ...] = ()
    lacking: dict[str, int] = {}
    undefined: str = ""


class Overlap(Value, frozen=True, kw_only=True):
    """How far the parties speak about one code.

    Where the study names a checked sample that is large enough, ``grade``, ``lowest`` and
    ``prevalence`` are the corrected ones; ``checked`` then holds what counting gives, and how sure
    the grade is in place of ``stability``.

    Parameters
    ----------
    prevalence
        Per party, share of its documents with at least one coding of the code.
    salience
        Per party, share of its segments with the code.
    lowest
        The lowest prevalence among the parties, or None where one is undefined.
    documents
        Per party, ids of the documents with the code.
    precedents
        Joint texts endorsed by all compared parties that carry the code.
    checked
        What a checked sample does to these figures; None where the study names none.
    """

    code: str
    grade: Grade
    lowest: float | None
    prevalence: dict[str, Estimate]
    salience: dict[str, Estimate]
    documents: dict[str, tuple[str, ...]]
    stability: Stability | None = None
    precedents: tuple[str, ...] = ()
    undefined: str = ""
    checked: Checked | None = None

    @property
    def is_corrected(self) -> bool:
        """Whether grade and shares are corrected by a checked sample."""
        return self.checked is not None and self.checked.sure is not None

    @property
    def counted(self) -> dict[str, Estimate]:
        """Per party, the share of its documents as the codes are counted."""
        return self.checked.counted if self.checked else self.prevalence

    @property
    def firmness(self) -> float | None:
        """How firm the grade is, in [0, 1]: its probability by a checked sample, else the share of
        resamples that give it; None where neither was computed."""
        if self.checked is not None and self.checked.sure is not None:
            return self.checked.sure
        return self.stability.agreement if self.stability else None


class OverlapChange(Value, frozen=True, kw_only=True):
    """What differs for one code between two measurements, such as two as-of dates.

    Parameters
    ----------
    before, after
        The grades; None where the code was not measured on that side.
    lowest_before, lowest_after
        The lowest prevalence on each side, or None where undefined.
    gone, new
        Per party, ids of the documents that carried the code only before, or only after.
    """

    code: str
    before: Grade | None
    after: Grade | None
    lowest_before: float | None = None
    lowest_after: float | None = None
    gone: dict[str, tuple[str, ...]] = {}
    new: dict[str, tuple[str, ...]] = {}


class Passage(Value, frozen=True, kw_only=True):
    """An exact passage: ``document.text[start:end] == text``.

    Parameters
    ----------
    start, end
        Offsets of the evidence in the document.
    segment_text
        The whole provision, for reading in context.
    """

    document: str
    party: str
    segment: str
    locator: str
    start: int
    end: int
    text: str
    segment_start: int
    segment_end: int
    segment_text: str
    language: str
    page: int | None = None
    position: Position | None = None
    confidence: float | None = None


class EvidencePair(Value, frozen=True, kw_only=True):
    """Two or more passages of different parties on the same code, each in its own language.

    Parameters
    ----------
    passages
        One of each compared party.
    similarity
        Mean cosine between their sentence vectors; ranks pairs, proves nothing.
    note
        What a reader must know before quoting, such as different force, in English.
    note_zh
        The same in Chinese.
    """

    code: str
    passages: tuple[Passage, ...]
    similarity: float | None = None
    note: str = ""
    note_zh: str = ""


class Rivalry(Value, frozen=True, kw_only=True):
    """A provision that names another compared party, or its policy, as a threat or rival.

    ``document.text[start:end]`` is the exact wording found.

    Parameters
    ----------
    segment, document
        Where it stands.
    party
        Whose document it is.
    named
        The party named.
    term
        The register's term that matched.
    start, end
        Offsets of the wording in the document, inside the segment.
    """

    segment: str
    document: str
    party: str
    named: str
    term: str
    start: int
    end: int


class CounterEvidence(Value, frozen=True, kw_only=True):
    """A passage that speaks against reading a code as common ground.

    Parameters
    ----------
    kind
        ``rivalry`` (names another party as threat or rival), ``opposed`` (one side prohibits or
        warns of what the other requires or encourages), ``uneven-force`` (one side binds, the other
        only mentions) or ``silence`` (documents of a party that do not speak of it; no passage).
    why
        One sentence in English, for display; ``why_zh`` the same in Chinese.
    """

    code: str
    kind: str
    why: str
    why_zh: str = ""
    passage: Passage | None = None
    against: Passage | None = None


class Source(Value, frozen=True, kw_only=True):
    """Where a fact was seen.

    Parameters
    ----------
    text
        The citation.
    date
        Day, month or year of the fact.
    party
        The party whose act or word it is, where it is one's.
    verified
        ``yes`` where the text or page itself was seen, ``secondary`` where only another's account of
        it was, ``memory`` where it is background knowledge only.
    citation
        The citation by language, where ``text`` reads in one language only.
    fact
        What was seen there, by language; empty where the citation says enough.
    """

    text: str
    url: str = ""
    date: str = ""
    party: str = ""
    verified: str = ""
    citation: dict[str, str] = {}
    fact: dict[str, str] = {}


class ScreenReason(Value, frozen=True, kw_only=True):
    """One reason behind a screen: a tension, the rivalry index, or an analyst's override."""

    kind: str
    id: str
    verdict: ScreenVerdict
    detail: dict[str, str]
    sources: tuple[Source, ...] = ()


class Screen(Value, frozen=True, kw_only=True):
    """Verdict on a code or topic, with each reason; nothing is dropped silently.

    Parameters
    ----------
    rivalry
        Per party, share of the party's segments with the code that name another compared party, or
        its policy, as a threat or rival.
    """

    subject: str
    verdict: ScreenVerdict
    reasons: tuple[ScreenReason, ...] = ()
    rivalry: dict[str, Estimate] = {}


class Forum(Value, frozen=True, kw_only=True):
    """A channel where a dialogue can happen.

    Parameters
    ----------
    kind
        ``track-1``, ``track-1.5``, ``track-2``, ``standards-body``, ``industry-consortium``,
        ``multilateral`` or another kind that the decision table names.
    parties
        Per party id, ``yes``, ``no``, ``partial`` or ``unknown``.
    since, until
        First and last day (or year or month) it existed; open where empty.
    state, topics
        Where it stands and what it deals with, in English; ``state_zh``, ``topics_zh`` in Chinese.
    planned
        Announced or reported and not yet at work: it is shown and never counts as a channel.
    special
        Made for one subject: offered only to topics that name it.
    """

    id: str
    name: dict[str, str]
    kind: str
    parties: dict[str, str] = {}
    since: str = ""
    until: str = ""
    last_met: str = ""
    state: str = ""
    state_zh: str = ""
    topics: str = ""
    topics_zh: str = ""
    planned: bool = False
    special: bool = False
    url: str = ""
    sources: tuple[Source, ...] = ()


class TrackAdvice(Value, frozen=True, kw_only=True):
    """One track advised for a topic, with the rule that fired and why."""

    track: str
    name: dict[str, str]
    rule: str
    why: dict[str, str]
    fora: tuple[str, ...] = ()
    actors: dict[str, tuple[str, ...]] = {}


class WouldChange(Value, frozen=True, kw_only=True):
    """One thing that would change a recommendation, and to what."""

    change: dict[str, str]
    verdict: Verdict | None = None
    tracks: tuple[str, ...] = ()


class Recommendation(Value, frozen=True, kw_only=True):
    """What is said of one topic, and every input it was said from.

    Parameters
    ----------
    rule
        Id of the first rule of the decision table that fired; empty if none was asked.
    inputs
        The inputs of the rule, by name, as the table saw them.
    grades
        Overlap grade per core and supporting code.
    evidence, counter_evidence
        Passages for and against.
    why
        The reason of the verdict in one or two sentences, by language.
    """

    topic: str
    title: dict[str, str]
    verdict: Verdict
    why: dict[str, str]
    question: dict[str, str] = {}
    core: tuple[str, ...] = ()
    supporting: tuple[str, ...] = ()
    grades: dict[str, Grade] = {}
    tracks: tuple[TrackAdvice, ...] = ()
    fora: tuple[str, ...] = ()
    rule: str = ""
    inputs: dict[str, object] = {}
    screen: Screen | None = None
    evidence: tuple[EvidencePair, ...] = ()
    counter_evidence: tuple[CounterEvidence, ...] = ()
    precedents: tuple[str, ...] = ()
    would_change: tuple[WouldChange, ...] = ()


class TopicChange(Value, frozen=True, kw_only=True):
    """What is said of one topic on two days.

    Parameters
    ----------
    before, after
        The verdicts; None where the topic was not weighed on that day.
    tracks_before, tracks_after
        Ids of the tracks advised.
    track_names
        Names of these tracks by id and language.
    why
        The reason of the later verdict, by language.
    """

    topic: str
    title: dict[str, str]
    before: Verdict | None
    after: Verdict | None
    tracks_before: tuple[str, ...] = ()
    tracks_after: tuple[str, ...] = ()
    track_names: dict[str, dict[str, str]] = {}
    why: dict[str, str] = {}

    @property
    def changed(self) -> bool:
        """Whether the verdict or a track is another."""
        return self.before != self.after or self.tracks_before != self.tracks_after


class Comparison(Value, frozen=True, kw_only=True):
    """Two answers of one study side by side: as of an earlier and a later day.

    Parameters
    ----------
    before, after
        The two days.
    topics
        Every topic, changed or not, in the order of the later answer.
    codes
        Codes whose grade, lowest prevalence or documents differ.
    ended, entered
        Ids of documents in scope only on the earlier, or only on the later day.
    """

    before: date
    after: date
    topics: tuple[TopicChange, ...]
    codes: tuple[OverlapChange, ...]
    ended: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()


class Results(Value, frozen=True, kw_only=True):
    """Everything a report shows, computed once, with how it was made.

    Parameters
    ----------
    documents
        In-scope documents as of the date, without their text.
    left_out
        Documents left out as of the date: id to reason, by language.
    left_out_documents
        Those documents without their text, so that they can be listed with issuer and address.
    segments
        Number of segments per document.
    evidence, counter_evidence, screens
        By code id.
    passages
        A few passages by code id and party, whether quoted in a pair or not, so that every count
        leads to words: one-sided codes have no pair, and a pair wants confident codings.
    method
        How it was made: thresholds, coder, codebook, versions, seeds, as plain values.
    warnings
        What a reader must know, by language.
    comparison
        The same study on another day beside this one, if it was asked.
    """

    study: str
    as_of: date
    parties: tuple[Party, ...]
    codebook: Codebook
    coders: tuple[Coder, ...]
    documents: tuple[Document, ...]
    left_out: dict[str, dict[str, str]]
    segments: dict[str, int]
    overlaps: tuple[Overlap, ...]
    evidence: dict[str, tuple[EvidencePair, ...]]
    counter_evidence: dict[str, tuple[CounterEvidence, ...]]
    screens: dict[str, Screen]
    recommendations: tuple[Recommendation, ...]
    fora: tuple[Forum, ...]
    method: dict[str, object]
    warnings: tuple[dict[str, str], ...] = ()
    left_out_documents: tuple[Document, ...] = ()
    passages: dict[str, dict[str, tuple[Passage, ...]]] = {}
    comparison: Comparison | None = None
