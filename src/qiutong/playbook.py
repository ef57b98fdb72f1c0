# ruff: noqa: RUF012 - msgspec copies an empty default for every value
"""A playbook: the facts and judgements of a field, as YAML files a researcher reads and changes.

Tensions, rivalry terms, topics, tracks with their decision table, fora and glossary live in one
folder. Nothing about a particular topic, code or party is in the code: another pair of parties is
another folder. How the files are used is in :mod:`qiutong.screening` and
:mod:`qiutong.recommend`; what may stand in them is here, and a wrong value is reported with file
and line.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from qiutong.errors import BadSettings, UnknownName
from qiutong.model import Codebook, Forum, Grade, IssuerType, ScreenVerdict, Source
from qiutong.settings import PositiveShare, Setting, line_of, parse_yaml

T = TypeVar("T")
Name = Annotated[str, msgspec.Meta(min_length=1)]
Relation = Literal["is", "part", "near"]
Speaks = Literal["all", "some", "none"]
Settled = Literal["binding", "voluntary", "exploratory", "uneven", "silent"]
Verified = Literal["yes", "secondary", "memory"]
Cited = Name | dict[str, Name]
"""A citation, or a citation by language where it holds words that need translating."""

PLACEHOLDERS = ("parties", "settled", "fora", "precedents", "speaks.CLASS", "silent.CLASS")
"""What a rule's ``why`` may hold in braces; CLASS is a speaker class of the table."""


# --------------------------------------------------------------------------- tensions


class Fact(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dated fact, with where it was seen.

    Parameters
    ----------
    text
        The fact, by language.
    source
        The citation, as one text or by language.
    date
        ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; empty where not established. A fact known by its
        year or month counts from the end of it.
    party
        The party whose act or word it is.
    verified
        ``yes`` where the text or page itself was seen, ``secondary`` where only another's account
        of it was, ``memory`` for background knowledge nobody has checked.
    """

    text: dict[str, str]
    source: Cited
    date: str = ""
    party: str = ""
    url: str = ""
    verified: Verified = "memory"

    def as_source(self) -> Source:
        """Give the fact as a :class:`~qiutong.model.Source`."""
        return Source(
            text=cited_in(self.source, "en"),
            url=self.url,
            date=self.date,
            party=self.party,
            verified=self.verified,
            citation=by_language(self.source),
            fact=self.text,
        )


class Tension(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named dispute between parties.

    Parameters
    ----------
    severity
        What follows for a topic that *is* the dispute: ``handle-with-care`` or ``set-aside``.
    codes
        Codes whose subject is the dispute itself.
    touches
        Codes the dispute colours: one step milder on the code, and a caution on a topic.
    between
        The parties in dispute; the playbook's parties where empty.
    since, until
        First and last day; where ``since`` is empty, the day of the earliest dated evidence.
    evidence
        What each side did or said. Evidence later than the as-of date does not count.
    unchecked
        Which cells rest on background knowledge.
    """

    id: Name
    name: dict[str, str]
    why: dict[str, str]
    severity: ScreenVerdict
    codes: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    evidence: tuple[Fact, ...] = ()
    unchecked: str = ""


# --------------------------------------------------------------------------- rivalry


class ImpliedRival(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wording by which one party means another without naming it.

    Parameters
    ----------
    term
        The wording; ``*`` stands for the rest of a word.
    by, about
        Who uses it, and of whom.
    """

    term: Name
    language: Name
    by: Name
    about: Name
    why: dict[str, str] = {}
    source: str | dict[str, str] = ""
    verified: Verified = "memory"


class RivalryTerms(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes a sentence that names another party one of rivalry.

    Parameters
    ----------
    terms
        Per language, words for threat, hostility or contest, by kind (``threat``, ``rival``).
    implied
        Wordings that need no name beside them.
    unless
        Per language, wordings that take the sentence back ("not directed at").
    """

    terms: dict[str, dict[str, tuple[str, ...]]] = {}
    implied: tuple[ImpliedRival, ...] = ()
    unless: dict[str, tuple[str, ...]] = {}


# --------------------------------------------------------------------------- topics


class TopicTension(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a tension bears on a topic.

    Parameters
    ----------
    relation
        ``is``: the topic is the dispute (full severity). ``part``: a part of the topic is (one step
        milder). ``near``: the dispute lies beside it (a caution, no change of verdict).
    keep_out
        What to leave out of the talk on account of it, by language.
    """

    id: Name
    relation: Relation
    keep_out: dict[str, str] = {}


class Topic(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A candidate subject of dialogue.

    Parameters
    ----------
    core, supporting
        Codes whose overlap carries the topic, and codes that only illustrate it.
    tensions
        Tensions that bear on it, beyond those its codes bring with them.
    fora
        Natural fora, best first.
    subject
        Properties of the subject that ``tracks.yaml`` defines; never a track.
    min_grade, core_share
        Override the study's rule of support for this topic.
    basis
        Who proposed it: ``published`` recommendation, published ``finding``, ``outcome`` of talks,
        or our own ``proposal``.
    """

    id: Name
    title: dict[str, str]
    question: dict[str, str] = {}
    core: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    supporting: tuple[str, ...] = ()
    tensions: tuple[TopicTension, ...] = ()
    fora: tuple[str, ...] = ()
    subject: dict[str, bool] = {}
    min_grade: Grade | None = None
    core_share: PositiveShare | None = None
    basis: Literal["published", "finding", "outcome", "proposal"] = "proposal"
    note: dict[str, str] = {}
    source: str | dict[str, str] = ""
    verified: Verified = "memory"


# --------------------------------------------------------------------------- tracks


class Track(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way of talking: who sits there, and in which kinds of fora.

    Parameters
    ----------
    speakers
        Speaker classes who act on it.
    kinds
        Kinds of fora that serve it.
    """

    id: Name
    name: dict[str, str]
    speakers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


class Property(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A property a topic's subject may have, with its meaning by language."""

    id: Name
    meaning: dict[str, str]


class When(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conditions of a rule: all of those given must hold; a list means any of its values.

    Parameters
    ----------
    national_security
        Whether a core code is among the table's national-security codes.
    precedent
        Whether a joint text of all compared parties carries a core code.
    speaks
        Per speaker class, on how many sides it speaks on a core code: ``all``, ``some``, ``none``.
    settled
        How far the texts with a core code bind: the same on all sides (``binding``, ``voluntary``,
        ``exploratory``), ``uneven``, or ``silent`` where a side has none.
    channels
        Kinds of fora of which at least one exists, with all compared parties in it.
    grade
        Lowest grade among the core codes.
    subject
        Properties of the subject.
    """

    national_security: bool | None = None
    precedent: bool | None = None
    speaks: dict[str, Speaks | tuple[Speaks, ...]] = {}
    settled: Settled | tuple[Settled, ...] = ()
    channels: str | tuple[str, ...] = ()
    grade: Grade | tuple[Grade, ...] = ()
    subject: dict[str, bool] = {}


class Rule(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the decision table.

    Parameters
    ----------
    track
        The track advised where the row fires.
    also
        The row adds a track and never gives the main one.
    why
        Reason by language, with placeholders in braces (:data:`PLACEHOLDERS`).
    """

    id: Name
    track: Name
    why: dict[str, str]
    when: When = When()
    also: bool = False


class TrackTable(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tracks, the vocabulary of the decision table, and its rows in order.

    Parameters
    ----------
    speakers
        Speaker class to the issuer types that speak for it.
    speaker_names
        Speaker class to its name by language.
    national_security_codes
        Codes whose subject is national security.
    fewest_documents
        Documents with a core code before a class counts as speaking.
    """

    speakers: dict[str, tuple[IssuerType, ...]] = {}
    speaker_names: dict[str, dict[str, str]] = {}
    national_security_codes: tuple[str, ...] = ()
    fewest_documents: Annotated[int, msgspec.Meta(ge=1)] = 1
    properties: tuple[Property, ...] = ()
    tracks: tuple[Track, ...] = ()
    rules: tuple[Rule, ...] = ()

    def track(self, name: str) -> Track:
        """Find a track by id; :class:`~qiutong.errors.UnknownName` if there is none."""
        for track in self.tracks:
            if track.id == name:
                return track
        raise UnknownName("track", name, (track.id for track in self.tracks))


# --------------------------------------------------------------------------- the rest


class ForumEntry(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A forum as ``fora.yaml`` holds it; see :class:`qiutong.model.Forum`.

    Parameters
    ----------
    source, as_of
        Where its present state was seen, and the day on which that was checked.
    meetings
        Meetings held, each a dated fact. On an earlier day those held by then are shown, and the
        last of them is the forum's last meeting.
    unchecked
        What rests on background knowledge, by language.
    """

    id: Name
    name: dict[str, str]
    kind: Name
    parties: dict[str, Literal["yes", "no", "partial", "unknown"]] = {}
    since: str = ""
    until: str = ""
    last_met: str = ""
    state: dict[str, str] = {}
    topics: dict[str, str] = {}
    planned: bool = False
    special: bool = False
    meetings: tuple[Fact, ...] = ()
    url: str = ""
    source: Cited
    as_of: str = ""
    verified: Verified = "memory"
    unchecked: str | dict[str, str] = ""

    def as_forum(self) -> Forum:
        """Give the entry as the noun."""
        citation = {
            language: _DOUBT.get(language, _DOUBT["en"]).format(
                source=cited_in(self.source, language), doubt=cited_in(self.unchecked, language)
            )
            if self.unchecked
            else cited_in(self.source, language)
            for language in by_language(self.source) or ("en",)
        }
        return Forum(
            id=self.id,
            name=self.name,
            kind=self.kind,
            parties=dict(self.parties),
            since=self.since,
            until=self.until,
            last_met=self.last_met
            or max((one.date for one in self.meetings if one.date), default=""),
            state=self.state.get("en", ""),
            state_zh=self.state.get("zh", ""),
            topics=self.topics.get("en", ""),
            topics_zh=self.topics.get("zh", ""),
            planned=self.planned,
            special=self.special,
            url=self.url,
            sources=(
                Source(
                    text=text_in(citation, "en"),
                    url=self.url,
                    date=self.as_of,
                    verified=self.verified,
                    citation=citation,
                ),
                *(one.as_source() for one in self.meetings),
            ),
        )


# Chinese has its own brackets and colon; any other language is given the English frame.
_DOUBT = {
    "en": "{source} (from memory: {doubt})",
    "zh": "{source}（凭记忆：{doubt}）",
}


class Term(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pair of terms that differ or mislead.

    Parameters
    ----------
    term
        The term by language.
    usage
        How each party uses it: party id to text by language.
    caution
        What to check before reading both as the same.
    since, until
        First and last day on which this was so; open where empty.
    from_memory
        Parties whose usage is told from background knowledge, where the rest was looked up.
    """

    id: Name
    term: dict[str, str]
    usage: dict[str, dict[str, str]] = {}
    caution: dict[str, str] = {}
    since: str = ""
    until: str = ""
    from_memory: tuple[str, ...] = ()
    source: Cited
    verified: Verified = "memory"
    unchecked: str = ""


class Override(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An analyst's verdict on a code or topic, which stands over every other reason.

    Parameters
    ----------
    subject
        Id of the code or topic.
    memo
        Why; an override without a reason is refused.
    """

    subject: Name
    verdict: ScreenVerdict
    memo: Name
    by: Name
    date: str = ""


class Playbook(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of a playbook folder.

    Parameters
    ----------
    codebook
        The codebook its codes are taken from, ``ai-governance`` or ``ai-governance@1``.
    parties
        The parties it is about.
    as_of
        Day up to which its facts were checked.
    warnings
        What was left out and why, by language.
    """

    id: str
    version: str
    title: dict[str, str]
    codebook: str
    parties: tuple[str, ...]
    as_of: str
    tensions: tuple[Tension, ...] = ()
    rivalry: RivalryTerms = RivalryTerms()
    topics: tuple[Topic, ...] = ()
    tracks: TrackTable = TrackTable()
    fora: tuple[Forum, ...] = ()
    glossary: tuple[Term, ...] = ()
    overrides: tuple[Override, ...] = ()
    warnings: tuple[dict[str, str], ...] = ()

    def tension(self, name: str) -> Tension:
        """Find a tension by id; :class:`~qiutong.errors.UnknownName` if there is none."""
        for tension in self.tensions:
            if tension.id == name:
                return tension
        raise UnknownName("tension", name, (tension.id for tension in self.tensions))


class _About(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``playbook.yaml``."""

    id: Name
    version: Name
    title: dict[str, str]
    codebook: Name
    parties: tuple[str, ...] = ()
    as_of: str = ""
    note: dict[str, str] = {}


class _Tensions(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tensions: tuple[Tension, ...] = ()


class _Topics(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    topics: tuple[Topic, ...] = ()


class _Fora(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    fora: tuple[ForumEntry, ...] = ()


class _Glossary(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    terms: tuple[Term, ...] = ()


class _Overrides(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    overrides: tuple[Override, ...] = ()


# --------------------------------------------------------------------------- dates


_DAY = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


def first_day(when: str) -> date | None:
    """First day of a year, month or day written ``YYYY[-MM[-DD]]``; None where empty.

    Raises
    ------
    ValueError
        Any other text, or a day that does not exist.
    """
    if not when:
        return None
    found = _DAY.fullmatch(when)
    if not found:
        raise ValueError(f'"{when}" is no date; write YYYY, YYYY-MM or YYYY-MM-DD')
    return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))


def last_day(when: str) -> date | None:
    """Last day of a year, month or day; see :func:`first_day`."""
    start = first_day(when)
    if start is None or len(when) == 10:
        return start
    year, month = (start.year, start.month) if len(when) == 7 else (start.year, 12)
    following = date(year + month // 12, month % 12 + 1, 1) if year < 9999 else date.max
    return date.fromordinal(following.toordinal() - 1)


def stands(since: str, until: str, as_of: date) -> bool:
    """Whether something with these first and last days is there on a day; open where empty.

    A beginning known only by its year or month counts from the last day of it: what cannot be shown
    to have been there already is not counted.
    """
    start, end = last_day(since), last_day(until)
    return (start is None or start <= as_of) and (end is None or as_of <= end)


def known_on(forum: Forum, as_of: date) -> Forum:
    """Give a forum with only what could be known on a day.

    Its state is that of the day on which the playbook's facts were checked; on an earlier day it
    is left empty. Meetings not yet held are left out with it, and the last one held by then takes
    the place of the last meeting.
    """
    facts = [one for one in forum.sources if one.fact]
    held = [one for one in facts if (last_day(one.date) or date.max) <= as_of]
    plain = [one for one in forum.sources if not one.fact]
    checked = max((first_day(one.date) or date.min for one in plain), default=date.min)
    changes: dict[str, Any] = {}
    if checked > as_of:
        changes |= {"state": "", "state_zh": ""}
        # What a later source is about can itself tell of later things.
        plain = [] if held else plain
    if (last_day(forum.last_met) or date.min) > as_of:
        changes["last_met"] = max((one.date for one in held), default="")
    shown = tuple(one for one in forum.sources if one in plain or one in held)
    if shown != forum.sources:
        changes["sources"] = shown
    return msgspec.structs.replace(forum, **changes) if changes else forum


# --------------------------------------------------------------------------- loading


def bundled_playbook(name: str = "us-china-ai") -> Path:
    """Folder of a playbook that comes with the package.

    Raises
    ------
    UnknownName
        No playbook of that name is bundled.
    """
    root = Path(str(files("qiutong") / "playbooks"))
    known = sorted(path.parent.name for path in root.glob("*/playbook.yaml"))
    if name not in known:
        raise UnknownName("playbook", name, known)
    return root / name


def load_playbook(folder: str | Path, codebook: Codebook) -> Playbook:
    """Read and check a playbook folder against the codebook of the study.

    Where the playbook was written for this codebook, a code it lacks is an error. For another
    codebook, topics whose core codes are not all known are left out, other unknown codes are
    dropped, and each loss is told in ``warnings``.

    Parameters
    ----------
    folder
        Holds ``playbook``, ``tensions``, ``rivalry``, ``topics``, ``tracks``, ``fora`` and
        ``glossary`` (each ``.yaml``; an empty one holds nothing). ``overrides`` may be missing.
    codebook
        The study's codebook.

    Raises
    ------
    BadSettings
        A file is missing, or holds a wrong value; names file and line, and the nearest names that
        exist.
    """
    folder = Path(folder)
    about = _File(folder / "playbook.yaml").read(_About)
    tensions = _File(folder / "tensions.yaml")
    rivalry = _File(folder / "rivalry.yaml")
    topics = _File(folder / "topics.yaml")
    tracks = _File(folder / "tracks.yaml")
    fora = _File(folder / "fora.yaml")
    overrides = _File(folder / "overrides.yaml", needed=False)

    held = tensions.read(_Tensions).tensions
    terms = rivalry.read(RivalryTerms)
    subjects = topics.read(_Topics).topics
    table = tracks.read(TrackTable)
    channels = fora.read(_Fora).fora
    verdicts = overrides.read(_Overrides).overrides
    glossary = _File(folder / "glossary.yaml")
    pairs = glossary.read(_Glossary).terms

    _check_tensions(tensions, held, about.parties)
    _check_rivalry(rivalry, terms, about.parties)
    _check_table(tracks, table)
    _check_fora(
        fora, channels, {kind for track in table.tracks for kind in track.kinds}, about.parties
    )
    _check_glossary(glossary, pairs, about.parties)
    _check_topics(topics, subjects, held, channels, table)

    warnings: list[dict[str, str]] = []
    codes = {code.id for code in codebook.codes}
    if about.codebook.split("@")[0] == codebook.id:
        _need_codes(tensions, "tensions", held, ("codes", "touches"), codes)
        _need_codes(topics, "topics", subjects, ("core", "supporting"), codes)
        tracks.need("code", table.national_security_codes, codes, "national_security_codes")
    else:
        held, subjects, table = _fit_codes(held, subjects, table, codes, about, codebook, warnings)
    known = codes | {topic.id for topic in topics.read(_Topics).topics}
    for index, override in enumerate(verdicts):
        overrides.need("code or topic", (override.subject,), known, "overrides", index, "subject")
        overrides.day(override.date, "overrides", index, "date")

    return Playbook(
        id=about.id,
        version=about.version,
        title=about.title,
        codebook=about.codebook,
        parties=about.parties,
        as_of=about.as_of,
        tensions=held,
        rivalry=terms,
        topics=subjects,
        tracks=table,
        fora=tuple(entry.as_forum() for entry in channels),
        glossary=pairs,
        overrides=verdicts,
        warnings=tuple(warnings),
    )


class _File:
    """One YAML file of a playbook, kept with its text so that a wrong value has a line."""

    def __init__(self, path: Path, needed: bool = True) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            # A file lost by accident would otherwise read as "no tensions" or "no topics".
            if needed:
                raise BadSettings(
                    path,
                    "the file does not exist, and a playbook folder needs it. Put it back (qiutong "
                    "init writes a fresh copy into a new folder), or save an empty file of this "
                    "name to say that it holds nothing",
                ) from None
            self.text = "{}"
        except UnicodeDecodeError as error:
            raise BadSettings(path, f"not UTF-8 (byte {error.start}); save it as UTF-8") from None

    def read(self, shape: type[T]) -> T:
        """Read the file; an empty one, or one of comments only, holds nothing."""
        bare = re.sub(r"(?m)^\s*(#.*)?$", "", self.text).strip()
        return parse_yaml(self.text if bare else "{}", shape, self.path)

    def wrong(self, reason: str, *steps: str | int) -> BadSettings:
        """Make the error for the value at a path."""
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
        return BadSettings(
            self.path, reason, line=line_of(self.text, *steps), where=where.lstrip(".")
        )

    def need(
        self, kind: str, values: Iterable[str], known: Iterable[str], *steps: str | int
    ) -> None:
        """Refuse a name that does not exist, offering the nearest; ``values`` stand under steps."""
        names = sorted(known)
        several = steps and steps[-1] in _LISTS
        for index, value in enumerate(values):
            if value in names:
                continue
            near = get_close_matches(value, names, n=3, cutoff=0.5)
            offer = ("did you mean " if near else "known: ") + (
                ", ".join(near or names[:12]) or "none"
            )
            raise self.wrong(
                f'unknown {kind} "{value}"; {offer}', *steps, *([index] if several else [])
            )

    def unique(self, part: str, items: Iterable[Any]) -> None:
        """Refuse an id given twice."""
        seen: set[str] = set()
        for index, item in enumerate(items):
            if item.id in seen:
                raise self.wrong(f'the id "{item.id}" stands twice', part, index, "id")
            seen.add(item.id)

    def day(self, when: str, *steps: str | int) -> None:
        """Refuse a text that is no date."""
        try:
            first_day(when)
        except ValueError as error:
            raise self.wrong(str(error), *steps) from None


# Keys whose value is a list of names, so that the line of the very item is given.
_LISTS = frozenset(
    [
        "between",
        "codes",
        "touches",
        "core",
        "supporting",
        "fora",
        "from_memory",
        "speakers",
        "kinds",
        "national_security_codes",
    ]
)


def _check_tensions(file: _File, tensions: tuple[Tension, ...], parties: tuple[str, ...]) -> None:
    file.unique("tensions", tensions)
    for index, tension in enumerate(tensions):
        at = ("tensions", index)
        file.need("party", tension.between, parties, *at, "between")
        file.day(tension.since, *at, "since")
        file.day(tension.until, *at, "until")
        for number, fact in enumerate(tension.evidence):
            file.day(fact.date, *at, "evidence", number, "date")
            _check_source(file, fact.source, *at, "evidence", number, "source")
            if fact.party:
                file.need("party", (fact.party,), parties, *at, "evidence", number, "party")


def _check_rivalry(file: _File, terms: RivalryTerms, parties: tuple[str, ...]) -> None:
    for index, implied in enumerate(terms.implied):
        file.need("party", (implied.by,), parties, "implied", index, "by")
        file.need("party", (implied.about,), parties, "implied", index, "about")
        if implied.by == implied.about:
            raise file.wrong("a party is no rival of itself", "implied", index, "about")


def _check_table(file: _File, table: TrackTable) -> None:
    file.unique("tracks", table.tracks)
    file.unique("rules", table.rules)
    file.unique("properties", table.properties)
    file.need("speaker class", table.speaker_names, table.speakers, "speaker_names")
    for index, track in enumerate(table.tracks):
        file.need("speaker class", track.speakers, table.speakers, "tracks", index, "speakers")
    kinds = {kind for track in table.tracks for kind in track.kinds}
    properties = {item.id for item in table.properties}
    for index, rule in enumerate(table.rules):
        at = ("rules", index)
        file.need("track", (rule.track,), (track.id for track in table.tracks), *at, "track")
        file.need("speaker class", rule.when.speaks, table.speakers, *at, "when", "speaks")
        file.need("property", rule.when.subject, properties, *at, "when", "subject")
        file.need("kind of forum", any_of(rule.when.channels), kinds, *at, "when", "channels")
        for language, text in rule.why.items():
            for name in re.findall(r"\{([^{}]*)\}", text):
                what, _, group = name.partition(".")
                allowed = f"{what}.CLASS" if group else what
                if allowed not in PLACEHOLDERS:
                    raise file.wrong(
                        f'unknown placeholder "{{{name}}}"; known: {", ".join(PLACEHOLDERS)}',
                        *at, "why", language,
                    )  # fmt: skip
                if group:
                    file.need("speaker class", (group,), table.speakers, *at, "why", language)


def _check_source(file: _File, source: Cited, *steps: str | int) -> None:
    if not source:
        raise file.wrong("a fact needs a source", *steps)


def _check_glossary(file: _File, terms: tuple[Term, ...], parties: tuple[str, ...]) -> None:
    file.unique("terms", terms)
    for index, term in enumerate(terms):
        _check_source(file, term.source, "terms", index, "source")
        file.need("party", term.from_memory, parties, "terms", index, "from_memory")
        file.day(term.since, "terms", index, "since")
        file.day(term.until, "terms", index, "until")


def _check_fora(
    file: _File, fora: tuple[ForumEntry, ...], kinds: set[str], parties: tuple[str, ...]
) -> None:
    file.unique("fora", fora)
    for index, forum in enumerate(fora):
        file.need("kind of forum", (forum.kind,), kinds, "fora", index, "kind")
        for name in ("since", "until", "last_met", "as_of"):
            file.day(getattr(forum, name), "fora", index, name)
        _check_source(file, forum.source, "fora", index, "source")
        for number, fact in enumerate(forum.meetings):
            at = ("fora", index, "meetings", number)
            file.day(fact.date, *at, "date")
            if not fact.date:
                raise file.wrong("a meeting needs a date", *at)
            _check_source(file, fact.source, *at, "source")
            if fact.party:
                file.need("party", (fact.party,), parties, *at, "party")


def _check_topics(
    file: _File,
    topics: tuple[Topic, ...],
    tensions: tuple[Tension, ...],
    fora: tuple[ForumEntry, ...],
    table: TrackTable,
) -> None:
    file.unique("topics", topics)
    disputes = {tension.id for tension in tensions}
    channels = {forum.id for forum in fora}
    properties = {item.id for item in table.properties}
    for index, topic in enumerate(topics):
        at = ("topics", index)
        for number, named in enumerate(topic.tensions):
            file.need("tension", (named.id,), disputes, *at, "tensions", number, "id")
        file.need("forum", topic.fora, channels, *at, "fora")
        file.need("property", topic.subject, properties, *at, "subject")
        twice = [code for code in topic.core if code in topic.supporting]
        if twice:
            raise file.wrong(
                f'"{twice[0]}" is a core code already',
                *at,
                "supporting",
                topic.supporting.index(twice[0]),
            )


def _need_codes(
    file: _File, part: str, items: Iterable[Any], fields: tuple[str, ...], codes: set[str]
) -> None:
    for index, item in enumerate(items):
        for name in fields:
            file.need("code", getattr(item, name), codes, part, index, name)


def _fit_codes(
    tensions: tuple[Tension, ...],
    topics: tuple[Topic, ...],
    table: TrackTable,
    codes: set[str],
    about: _About,
    codebook: Codebook,
    warnings: list[dict[str, str]],
) -> tuple[tuple[Tension, ...], tuple[Topic, ...], TrackTable]:
    """Keep what another codebook can carry, and tell what it cannot."""

    def keep(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in codes)

    en = f'written for codebook "{about.codebook}", the study uses "{codebook.name}"'
    zh = f"按编码表“{about.codebook}”编写，本研究所用为“{codebook.name}”"
    kept_topics = []
    for topic in topics:
        lost = [code for code in topic.core if code not in codes]
        if lost:
            missing = ", ".join(lost)
            warnings.append(
                {
                    "en": f'Topic "{topic.id}" is left out: no code {missing} ({en}).',
                    "zh": f"议题“{topic.id}”未予考察：没有编码{'、'.join(lost)}（{zh}）。",
                }
            )
            continue
        kept_topics.append(msgspec.structs.replace(topic, supporting=keep(topic.supporting)))
    kept_tensions = []
    for tension in tensions:
        fitted = msgspec.structs.replace(
            tension, codes=keep(tension.codes), touches=keep(tension.touches)
        )
        lost = [code for code in (*tension.codes, *tension.touches) if code not in codes]
        if lost:
            # It still bears on a topic that names it.
            warnings.append(
                {
                    "en": f'Tension "{tension.id}" does not bear on {", ".join(lost)} ({en}).',
                    "zh": f"分歧“{tension.id}”无法对应编码{'、'.join(lost)}（{zh}）。",
                }
            )
        kept_tensions.append(fitted)
    fitted_table = msgspec.structs.replace(
        table, national_security_codes=keep(table.national_security_codes)
    )
    return tuple(kept_tensions), tuple(kept_topics), fitted_table


def any_of(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Give a condition's value or list of values as a tuple; empty where none is asked."""
    return (value,) if isinstance(value, str) else tuple(value)


def missing_parties(playbook: Playbook, parties: Iterable[str]) -> tuple[dict[str, str], ...]:
    """Say which compared parties the playbook is not about.

    Its tensions and fora then say nothing of them: a study with one of its parties and one other
    gets no tension at all, which must be told.
    """
    lost = [party for party in parties if party not in playbook.parties]
    if not lost:
        return ()
    return (
        {
            "en": (
                f'Playbook "{playbook.id}" holds no facts about {", ".join(lost)}; '
                "its tensions and fora are silent there."
            ),
            "zh": f"预案“{playbook.id}”不含{'、'.join(lost)}的资料，分歧与渠道两项对其没有记录。",
        },
    )


def by_language(source: str | dict[str, str]) -> dict[str, str]:
    """Give a citation by language; empty where it is one text for all of them."""
    return {} if isinstance(source, str) else source


def cited_in(source: str | dict[str, str], language: str) -> str:
    """Citation in a language, or the one text there is."""
    return source if isinstance(source, str) else text_in(source, language)


def text_in(texts: Mapping[str, str], language: str) -> str:
    """Text in a language, else in English, else in any, else empty."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")
