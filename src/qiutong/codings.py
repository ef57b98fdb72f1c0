"""Codings as files: one row a provision, and what an adjudicator decided where readings differ.

A reading is a CSV file with the columns ``document``, ``locator`` and ``codes`` (ids with
semicolons between; empty where the reader found none), and if wanted ``position``, ``evidence`` (an
exact quotation) and ``memo``. A provision without a row was not read.

An adjudication is a CSV file with ``document``, ``locator``, ``code``, ``decision`` (``yes`` or
``no``) and ``reason``: one row for every code that one reading gave and another did not. A row for
a code that all gave, or none, overrules them. ``position`` and ``evidence`` may be given too.

Corrections are decisions of the same form on what one coder of the study said, most often a program;
what they do not name stays as that coder said it.

Tags are a CSV file with one row a document: what it has as a whole, not where.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

import msgspec

from qiutong.codebook import ancestors
from qiutong.errors import BadCodings, BadRows, BadSettings, BadTags
from qiutong.locators import find_place
from qiutong.model import (
    Codebook,
    Coder,
    CoderKind,
    Coding,
    Decision,
    DecisionKind,
    Document,
    Position,
    Segment,
)
from qiutong.position import classify_position
from qiutong.rows import read_rows, refuse_surplus
from qiutong.segment import find_lead_in
from qiutong.settings import Setting, read_toml

CODERS_FILE = "coders.toml"

SAMPLED = "sampled"
"""Column of a sheet of provisions drawn at random: the place in the random order, from 1."""

CHOSEN = "chosen"
"""Column of a sheet of provisions chosen because they tell most: their rank, from 1."""

TO_DO = "?"
"""Stands where nobody has coded or decided yet; an import refuses it in place of codes, so that a
provision nobody has looked at is not taken for one without a code."""

_CORRECTS = "corrects: "

_MARKED = ("locator", "codes", "position", "evidence", "memo")
"""Columns of a reading that make it another one when they change."""

_DESCRIBING = frozenset({*Document.__struct_fields__, "document", "file", "memo"})
"""Columns of a table of documents that are no tags."""

_TRUTH = dict.fromkeys(("true", "yes", "1", "是"), True) | dict.fromkeys(
    ("false", "no", "0", "否", ""), False
)


class ReadingFile(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reader in ``coders.toml``: who or what it is, and its file."""

    id: str
    file: str
    kind: CoderKind
    version: str = ""
    description: str = ""


class AdjudicationFile(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The adjudication in ``coders.toml``: of which readings, and its file."""

    id: str
    of: tuple[str, ...]
    file: str
    kind: CoderKind
    version: str = ""
    description: str = ""


class CorrectionsFile(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Corrections in ``coders.toml``: of which coder of the study, and their file."""

    corrects: str
    file: str


class CodersFile(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``coders.toml``."""

    coders: tuple[ReadingFile, ...] = ()
    codebook: str = ""
    adjudication: AdjudicationFile | None = None
    corrections: CorrectionsFile | None = None

    def __post_init__(self) -> None:
        if self.corrections is not None:
            if self.coders or self.adjudication:
                raise ValueError("corrections stand alone; put them in a folder of their own")
            return
        if not self.coders:
            raise ValueError("names no coder; write one [[coders]] table for each")
        settled = self.adjudication
        if CoderKind.COMBINED in [one.kind for one in (*self.coders, settled) if one]:
            raise ValueError("kind combined is what qiutong combine makes; no file holds it")
        ids = [one.id for one in self.coders]
        if settled is not None:
            ids.append(settled.id)
        for one in dict.fromkeys(ids):
            # Two under one id would count as two passes of one coder, the later over the earlier.
            if ids.count(one) > 1:
                raise ValueError(f'the id "{one}" stands twice; give each coder its own')
        if settled is not None and len(set(settled.of)) < max(2, len(settled.of)):
            raise ValueError("adjudication: of names two or more different coders")


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one coder said, document by document.

    Parameters
    ----------
    codings
        By document id; a document that was read and got no code has an empty entry.
    read
        Segment ids that were read, by document id.
    fingerprint
        Of what the file says of each document, so that an unchanged one is known again.
    positions
        Those that the file names, by segment id; the others are read from the wording.
    decisions
        What was decided, by document id; only of an adjudication.
    """

    coder: Coder
    codings: dict[str, tuple[Coding, ...]]
    read: dict[str, frozenset[str]]
    fingerprint: dict[str, str]
    positions: dict[str, Position] = {}
    decisions: dict[str, tuple[Decision, ...]] = {}


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an adjudication.

    Parameters
    ----------
    position, evidence
        None where the row leaves them to the readings.
    """

    row: int
    given: bool
    reason: str
    position: Position | None = None
    evidence: tuple[int, int] | None = None


class Tags(msgspec.Struct, frozen=True, kw_only=True):
    """What documents have as a whole; nobody says where.

    Parameters
    ----------
    codes
        By document id; a document in which none was found has an empty set.
    asked
        Codes that were looked for.
    """

    codes: dict[str, frozenset[str]]
    asked: frozenset[str]


Places = Mapping[str, Sequence[Segment]]
"""Segments by document id, in reading order."""


def read_coders(folder: Path) -> CodersFile:
    """Read ``coders.toml`` of a folder of codings.

    Raises
    ------
    BadSettings
        It cannot be used, with the line; or there is none, with the folders inside that have one.
    """
    if not (folder / CODERS_FILE).is_file():
        inside = sorted(one.parent for one in folder.glob(f"*/{CODERS_FILE}"))
        raise BadSettings(
            folder / CODERS_FILE,
            "the file does not exist; it says whose codings these are. "
            + (
                "Import what is in the folder: "
                + ", ".join(f"qiutong import {one}" for one in inside)
                if inside
                else "Import a single file: qiutong import FILE --coder ID"
            ),
        )
    return read_toml(folder / CODERS_FILE, CodersFile)


def read_codings(
    path: Path,
    coder: Coder,
    places: Places,
    documents: Mapping[str, Document],
    codebook: Codebook,
    *,
    not_read: str = "",
) -> Reading:
    """Read the codings of one coder from a CSV file.

    Parameters
    ----------
    path
        The file, UTF-8; see this module's description.
    coder
        Who or what gave them.
    places
        Segments of the documents that may be coded.
    documents
        Those documents, with their text where a column ``evidence`` is used.
    codebook
        Codes that may be given.
    not_read
        For a sheet of provisions drawn at random: what stands in place of codes where nobody has
        read the provision yet. Without it such a sheet is refused, because its other provisions
        would be taken for read.

    Raises
    ------
    BadCodings
        Rows that cannot be used, each with its number, column and value. Nothing is returned.
    """
    if CHOSEN in _table(path, (), BadCodings)[0]:
        raise BadCodings(
            path,
            [
                "row 1: these provisions were chosen because they tell most. That is no random "
                "sample, so no share follows from them; and most provisions of their documents were "
                "not read, so they are no reading either. Put yes or no in the column decision, and "
                "import the folder the sheet was written in: qiutong import FOLDER"
            ],
        )
    rows = _rows(path, ("document", "locator", "codes"))
    if not_read:
        rows = [(number, row) for number, row in rows if row["codes"] != not_read]
    elif any(SAMPLED in row for _, row in rows):
        raise BadCodings(
            path,
            [
                "row 1: this is a sheet of provisions drawn at random, and an import would take all "
                "other provisions of these documents for read and without codes. Leave it where it "
                "is and run: qiutong estimate --provisions"
            ],
        )
    known = {code.id for code in codebook.codes}
    problems: list[str] = []
    codings: dict[str, list[Coding]] = {}
    read: dict[str, set[str]] = {}
    marks: dict[str, list[str]] = {}
    positions: dict[str, Position] = {}
    for number, row in rows:
        document, locator = row["document"], row["locator"]
        segment = _place(number, document, locator, places, problems)
        if segment is None:
            continue
        if segment.id in read.setdefault(document, set()):
            problems.append(f'row {number}: {document} "{locator}" has a row already')
            continue
        read[document].add(segment.id)
        codings.setdefault(document, [])
        marks.setdefault(document, []).append("\t".join(row.get(name, "") for name in _MARKED))
        stated = _position(number, row.get("position", ""), problems)
        if stated:
            positions[segment.id] = stated
        span = _evidence(number, row.get("evidence", ""), segment, problems) or _whole(segment)
        for code in _codes(row["codes"]):
            if code not in known:
                problems.append(_unknown_code(number, code, codebook))
                continue
            codings[document].append(
                Coding(
                    document=document,
                    code=code,
                    coder=coder.id,
                    codebook=codebook.name,
                    segment=segment.id,
                    evidence_start=span[0],
                    evidence_end=span[1],
                    position=stated or _classify(segment, places[document]),
                    memo=row.get("memo", ""),
                )
            )
    if problems:
        raise BadCodings(path, problems)
    return Reading(
        coder=coder,
        positions=positions,
        codings={document: tuple(held) for document, held in codings.items()},
        read={document: frozenset(held) for document, held in read.items()},
        fingerprint={
            document: hashlib.sha256(
                "\n".join((coder.version, codebook.name, *lines)).encode()
            ).hexdigest()
            for document, lines in marks.items()
        },
    )


def read_decisions(
    path: Path, places: Places, codebook: Codebook, *, not_decided: str = ""
) -> dict[tuple[str, str], DecisionRow]:
    """Read an adjudication: decisions by segment id and code.

    Parameters
    ----------
    path, places, codebook
        As for :func:`read_codings`.
    not_decided
        What stands in place of a decision where nobody has decided yet; such rows are passed over.
        Without it they are refused.

    Raises
    ------
    BadCodings
        Rows that cannot be used: an unknown document, locator or code, a decision other than yes
        or no, one without a reason, one given twice, or a wrong position or evidence.
    """
    known = {code.id for code in codebook.codes}
    decisions: dict[tuple[str, str], DecisionRow] = {}
    problems: list[str] = []
    for number, row in _rows(path, ("document", "locator", "code", "decision", "reason")):
        # A Chinese keyboard writes the wide question mark.
        if not_decided and row["decision"].replace("？", "?") == not_decided:
            continue
        segment = _place(number, row["document"], row["locator"], places, problems)
        code = row["code"]
        if code not in known:
            problems.append(_unknown_code(number, code, codebook))
            continue
        if row["decision"].lower() not in ("yes", "no"):
            problems.append(
                f'row {number}, column decision: "{row["decision"]}" cannot be used; yes or no'
            )
            continue
        if not row["reason"]:
            problems.append(f"row {number}, column reason: empty; every decision has a reason")
            continue
        if segment is None:
            continue
        if (segment.id, code) in decisions:
            problems.append(
                f"row {number}: decided in row {decisions[segment.id, code].row} already"
            )
            continue
        decisions[segment.id, code] = DecisionRow(
            row=number,
            given=row["decision"].lower() == "yes",
            reason=row["reason"],
            position=_position(number, row.get("position", ""), problems),
            evidence=_evidence(number, row.get("evidence", ""), segment, problems),
        )
    if problems:
        raise BadCodings(path, problems)
    return decisions


def read_tags(path: Path, documents: Mapping[str, Document], codebook: Codebook) -> Tags:
    """Read tags of whole documents from a CSV file, one row a document.

    Parameters
    ----------
    path
        The file, UTF-8. A column ``document`` has ids. Either every other column is a code, with
        true or false (1, 0, yes, no; empty is false) in it; or a column ``codes`` has ids with
        ``;`` between, and then all codes of the codebook count as looked for. Columns of a
        register, such as ``title``, are passed over.
    documents
        Documents of the study.
    codebook
        Codes that may be given.

    Raises
    ------
    BadTags
        Rows or columns that cannot be used, each with its number, column and value.
    UnreadableFile
        The file is missing, or is no CSV file in UTF-8.
    """
    known = {code.id for code in codebook.codes}
    names, rows = _table(path, ("document",), BadTags)
    problems: list[str] = []
    listed = "codes" in names
    columns = [one for one in names if one and one not in _DESCRIBING]
    if not listed:
        problems += [
            f"{_unknown_code(1, one, codebook)}; rename the column or take it out"
            for one in columns
            if one not in known
        ]
        if not columns:
            problems.append(
                "row 1: there is neither a column for a code nor a column codes; add one column "
                "for each code, headed by its id"
            )
    first: dict[str, int] = {}
    codes: dict[str, frozenset[str]] = {}
    for number, row in rows:
        document = row["document"]
        if document in first:
            problems.append(
                f'row {number}, column document: "{document}" stands in row {first[document]} '
                "already; give each document one row"
            )
            continue
        first[document] = number
        problems += _missing_text(number, document, documents)
        given = _codes(row["codes"]) if listed else []
        problems += [_unknown_code(number, one, codebook) for one in given if one not in known]
        for column in () if listed else sorted(known.intersection(columns)):
            value = _TRUTH.get(row[column].lower())
            if value is None:
                problems.append(
                    f'row {number}, column {column}: "{row[column]}" cannot be used; write true '
                    "or false (1 or 0), or leave it empty for false"
                )
            elif value:
                given.append(column)
        codes[document] = frozenset(given)
    if problems:
        raise BadTags(path, problems)
    if not codes:
        raise BadTags(path, ["it has no rows; give one row a document"])
    return Tags(codes=codes, asked=frozenset(known if listed else columns))


def _missing_text(number: int, document: str, documents: Mapping[str, Document]) -> list[str]:
    if document not in documents:
        near = get_close_matches(document, documents, n=3)
        hint = f"nearest: {', '.join(near)}" if near else "see qiutong documents"
        return [f'row {number}, column document: "{document}" is no document here ({hint})']
    if not documents[document].read:
        return [
            f'row {number}, column document: "{document}" is listed only and has no text; take '
            "the row out, or add the text"
        ]
    return []


def codes_by_segment(
    reading: Reading, codebook: Codebook, *, ancestors_too: bool = True
) -> dict[str, frozenset[str]]:
    """Codes of every provision read; empty sets for those without a code.

    Parameters
    ----------
    ancestors_too
        Whether a code brings the codes above it: a child is an instance of its parent.
    """
    above = _lineage(codebook)
    held: dict[str, set[str]] = {one: set() for read in reading.read.values() for one in read}
    for codings in reading.codings.values():
        for coding in codings:
            held[coding.segment].add(coding.code)
            if ancestors_too:
                held[coding.segment].update(above[coding.code])
    return {segment: frozenset(codes) for segment, codes in held.items()}


def _lineage(codebook: Codebook) -> dict[str, tuple[str, ...]]:
    return {code.id: ancestors(codebook, code.id) for code in codebook.codes}


def settle_codings(
    readings: Sequence[Reading],
    decisions: Mapping[tuple[str, str], DecisionRow],
    coder: Coder,
    places: Places,
    codebook: Codebook,
    file: str | Path = "adjudication",
) -> Reading:
    """Settle several readings into one: what all gave stands, unless it was decided otherwise.

    Parameters
    ----------
    readings
        Two or more readings of the same provisions.
    decisions
        By segment id and code; see :func:`read_decisions`. Those on a code that the readings agree
        about are corrections, or confirmations.
    coder
        The id under which the settled codings are kept.
    places
        Segments by document id.
    codebook
        A code given by one reading and its parent by the other differ in the child only.
    file
        Named in messages.

    Returns
    -------
    Reading
        Confidence is the share of readings that gave the code, None where the adjudicator alone
        did; the memo of a decided code is the adjudicator's reason. A code that follows from a
        given child is not repeated. Evidence is what the readings that gave the code quote in
        common, else what the first of them quotes, else the whole provision; position what those
        that name one agree on, else what the wording says by rule. A decision's own evidence and
        position go before both.

    Raises
    ------
    BadCodings
        A provision was not read by all, codes differ and nobody has decided, a decision is on a
        provision that nobody read, or denies a code that follows from another that stands.
    """
    above = _lineage(codebook)
    by_reading = [codes_by_segment(one, codebook) for one in readings]
    plain = [codes_by_segment(one, codebook, ancestors_too=False) for one in readings]
    witnesses = _by_segment(readings)
    decided: dict[str, list[str]] = {}
    for segment_id, code in decisions:
        decided.setdefault(segment_id, []).append(code)
    unread = {one for one in decided if not any(one in held for held in by_reading)}
    problems: list[str] = [
        f'{segment.document} "{segment.locator}": decided, and in none of the readings'
        for segments in places.values()
        for segment in segments
        if segment.id in unread
    ]
    codings: dict[str, tuple[Coding, ...]] = {}
    read: dict[str, frozenset[str]] = {}
    marks: dict[str, str] = {}
    recorded: dict[str, tuple[Decision, ...]] = {}
    for document in dict.fromkeys(one for reading in readings for one in reading.read):
        held: list[Coding] = []
        lines: list[str] = []
        made: list[Decision] = []
        for segment in places[document]:
            given = [one.get(segment.id) for one in by_reading]
            if all(one is None for one in given):
                continue
            if any(one is None for one in given):
                missing = readings[given.index(None)].coder.id
                problems.append(f'{document} "{segment.locator}": not read by {missing}')
                continue
            sets = [one for one in given if one is not None]
            settled: dict[str, Coding] = {}
            denied: list[str] = []
            # A parent that all readings imply stands even where none of the children they named does.
            named = frozenset.union(*(one[segment.id] for one in plain))
            asked = named | frozenset.intersection(*sets) | set(decided.get(segment.id, ()))
            for code in sorted(asked):
                share = sum(code in one for one in sets) / len(sets)
                decision = decisions.get((segment.id, code))
                if decision:
                    made.append(_record(coder, segment, code, decision, share))
                    if not decision.given:
                        denied.append(code)
                        continue
                elif share < 1:
                    problems.append(
                        f'{document} "{segment.locator}": the readings differ on {code} and no '
                        "decision is recorded"
                    )
                    continue
                seen = _witnesses(code, segment, witnesses, above)
                start, end = (decision and decision.evidence) or _common_span(seen, segment)
                settled[code] = Coding(
                    document=document,
                    code=code,
                    coder=coder.id,
                    codebook=codebook.name,
                    segment=segment.id,
                    evidence_start=start,
                    evidence_end=end,
                    confidence=share or None,
                    position=(decision and decision.position)
                    or _agreed_position(seen, segment, readings, places[document]),
                    memo=decision.reason if decision else "",
                )
            problems += [
                f'{document} "{segment.locator}": decided no on {code}, but {one} below it stands'
                for code in denied
                for one in settled
                if code in above[one]
            ]
            implied = {one for code in settled for one in above[code]}
            held += [one for code, one in settled.items() if code not in implied]
            lines += [
                f"{segment.id} {code} {one.confidence} {one.memo} {one.position} "
                f"{one.evidence_start}-{one.evidence_end}"
                for code, one in settled.items()
            ]
        lines += [f"{one.segment} {one.code} {one.given} {one.reason}" for one in made]
        codings[document] = tuple(held)
        recorded[document] = tuple(made)
        read[document] = frozenset.union(*(one.read.get(document, frozenset()) for one in readings))
        marks[document] = hashlib.sha256(
            "\n".join((coder.version, codebook.name, *lines)).encode()
        ).hexdigest()
    if problems:
        raise BadCodings(file, problems)
    return Reading(coder=coder, codings=codings, read=read, fingerprint=marks, decisions=recorded)


def name_correction(coder: Coder) -> Coder:
    """The coder that holds a coder's codings with corrections.

    It is of the same kind, because most of its codings are that coder's.
    """
    return Coder(
        id=f"{coder.id}-corrected",
        kind=coder.kind,
        version=f"{_CORRECTS}{coder.id}",
        description=(
            f"Codings of {coder.id}, corrected on single provisions with a reason for each.\n"
            f"{coder.id} 的编码，个别条款经逐项更正并写明理由。"
        ),
    )


def corrected_coder(coder: Coder) -> str:
    """Id of the coder whose codings a coder corrects; empty for any other."""
    return coder.version.removeprefix(_CORRECTS) if coder.version.startswith(_CORRECTS) else ""


def correct_codings(
    reading: Reading,
    decisions: Mapping[tuple[str, str], DecisionRow],
    coder: Coder,
    places: Places,
    codebook: Codebook,
    *,
    least: float = 0.0,
    file: str | Path = "corrections",
) -> Reading:
    """Put decisions in the place of what one coder said; everything else stays as it was.

    Parameters
    ----------
    reading
        All codings of the coder that is corrected, those too that are not sure enough to count.
    decisions
        By segment id and code; see :func:`read_decisions`.
    coder
        The id under which the corrected codings are kept; see :func:`name_correction`.
    places
        Segments by document id.
    codebook
        A code brings the codes above it.
    least
        Confidence below which a coding of this coder does not count.
    file
        Named in messages.

    Returns
    -------
    Reading
        Of the documents with a decision only. A decided code has no confidence and the reason as
        its memo; evidence and position are the decision's, else the coder's, else the whole
        provision and what the wording says by rule.

    Raises
    ------
    BadCodings
        The coder has not coded the document, or a decision denies a code that follows from another
        that stands.
    """
    above = _lineage(codebook)
    problems: list[str] = []
    codings: dict[str, tuple[Coding, ...]] = {}
    marks: dict[str, str] = {}
    recorded: dict[str, tuple[Decision, ...]] = {}
    by_segment: dict[str, dict[str, DecisionRow]] = {}
    for (segment_id, code), decision in decisions.items():
        by_segment.setdefault(segment_id, {})[code] = decision
    for document, segments in places.items():
        decided = [one for one in segments if one.id in by_segment]
        if not decided:
            continue
        if document not in reading.codings:
            problems += [
                f'{document} "{one.locator}": decided, and {reading.coder.id} has not coded this '
                "document"
                for one in decided
            ]
            continue
        asked = {one.id for one in decided}
        held = [
            msgspec.structs.replace(one, coder=coder.id)
            for one in reading.codings[document]
            if one.segment not in asked
        ]
        made: list[Decision] = []
        for segment in decided:
            said = {one.code: one for one in reading.codings[document] if one.segment == segment.id}
            sure = [one.code for one in said.values() if _counts(one, least)]
            given = {*sure, *(up for code in sure for up in above[code])}
            settled = dict(said)
            denied = []
            for code, decision in by_segment[segment.id].items():
                made.append(_record(coder, segment, code, decision, float(code in given)))
                old = settled.pop(code, None)
                if not decision.given:
                    denied.append(code)
                    continue
                span = _whole(segment) if old is None else (old.evidence_start, old.evidence_end)
                start, end = decision.evidence or span
                settled[code] = Coding(
                    document=document,
                    code=code,
                    coder=coder.id,
                    codebook=codebook.name,
                    segment=segment.id,
                    evidence_start=start,
                    evidence_end=end,
                    position=decision.position
                    or (old.position if old else _classify(segment, segments)),
                    memo=decision.reason,
                )
            problems += [
                f'{document} "{segment.locator}": decided no on {code}, but {one.code} below it '
                "stands"
                for code in denied
                for one in settled.values()
                if code in above[one.code] and _counts(one, least)
            ]
            held += [msgspec.structs.replace(one, coder=coder.id) for one in settled.values()]
        place = {one.id: number for number, one in enumerate(segments)}
        codings[document] = tuple(sorted(held, key=lambda one: place.get(one.segment, -1)))
        recorded[document] = tuple(made)
        lines = [f"{one.segment} {one.code} {one.given} {one.reason}" for one in made]
        lines += [
            f"{decision.position} {decision.evidence}"
            for one in decided
            for decision in by_segment[one.id].values()
        ]
        marks[document] = hashlib.sha256(
            "\n".join((coder.version, reading.fingerprint[document], *lines)).encode()
        ).hexdigest()
    if problems:
        raise BadCodings(file, problems)
    return Reading(
        coder=coder,
        codings=codings,
        read={document: reading.read[document] for document in codings},
        fingerprint=marks,
        decisions=recorded,
    )


def _counts(coding: Coding, least: float) -> bool:
    return coding.confidence is None or coding.confidence >= least


def _record(
    coder: Coder, segment: Segment, code: str, decision: DecisionRow, share: float
) -> Decision:
    """A decision as the store keeps it; ``share`` of the readings gave the code."""
    return Decision(
        document=segment.document,
        locator=segment.locator,
        segment=segment.id,
        code=code,
        coder=coder.id,
        given=decision.given,
        kind=_kind(share, decision.given),
        reason=decision.reason,
    )


def _kind(share: float, given: bool) -> DecisionKind:
    if 0 < share < 1:
        return DecisionKind.DIFFERENCE
    return DecisionKind.CONFIRMATION if given == bool(share) else DecisionKind.CORRECTION


_Witness = tuple[int, Coding]
"""Number of a reading, and a coding of it."""


def _by_segment(readings: Sequence[Reading]) -> dict[str, list[_Witness]]:
    held: dict[str, list[_Witness]] = {}
    for number, reading in enumerate(readings):
        for codings in reading.codings.values():
            for coding in codings:
                held.setdefault(coding.segment, []).append((number, coding))
    return held


def _witnesses(
    code: str,
    segment: Segment,
    by_segment: Mapping[str, Sequence[_Witness]],
    above: Mapping[str, tuple[str, ...]],
) -> list[_Witness]:
    """For each reading that gave a code, its coding of it, else of the first code below it."""
    found: dict[int, Coding] = {}
    for number, coding in by_segment.get(segment.id, ()):
        if coding.code == code or (code in above[coding.code] and number not in found):
            found[number] = coding
    return sorted(found.items(), key=lambda one: one[0])


def _common_span(seen: Sequence[_Witness], segment: Segment) -> tuple[int, int]:
    """Words that all who quote have in common; those of the first where there are none."""
    start, end = _whole(segment)
    for _, coding in seen:
        span = (coding.evidence_start, coding.evidence_end)
        if span[0] is None or span[1] is None or span == _whole(segment):
            continue
        low, high = max(start, span[0]), min(end, span[1])
        if segment.text[low - segment.start : high - segment.start].strip() and low < high:
            start, end = low, high
    return start, end


def _agreed_position(
    seen: Sequence[_Witness],
    segment: Segment,
    readings: Sequence[Reading],
    segments: Sequence[Segment],
) -> Position:
    stated = {
        readings[number].positions[segment.id]
        for number, _ in seen
        if segment.id in readings[number].positions
    }
    return stated.pop() if len(stated) == 1 else _classify(segment, segments)


def load_codings(
    folder: Path,
    places: Places,
    documents: Mapping[str, Document],
    codebook: Codebook,
) -> tuple[Reading, ...]:
    """Read a folder of codings: every reading that ``coders.toml`` names, and the settled one.

    Raises
    ------
    BadSettings
        ``coders.toml`` is missing or wrong.
    BadCodings
        A file holds rows that cannot be used.
    """
    named = read_coders(folder)
    readings = {
        one.id: read_codings(
            folder / one.file,
            Coder(id=one.id, kind=one.kind, version=one.version, description=one.description),
            places,
            documents,
            codebook,
        )
        for one in named.coders
    }
    settled = named.adjudication
    if settled is None:
        return tuple(readings.values())
    strangers = [one for one in settled.of if one not in readings]
    if strangers:
        raise BadCodings(
            folder / CODERS_FILE,
            [
                f'adjudication: "{one}" is none of the coders {", ".join(readings)}'
                for one in strangers
            ],
        )
    coder = Coder(
        id=settled.id,
        kind=settled.kind,
        version=settled.version,
        description=settled.description,
    )
    path = folder / settled.file
    gold = settle_codings(
        [readings[one] for one in settled.of],
        read_decisions(path, places, codebook),
        coder,
        places,
        codebook,
        path,
    )
    return (*readings.values(), gold)


# ---------------------------------------------------------------------------- rows


def _rows(path: Path, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    return _table(path, needed, BadCodings)[1]


def _table(
    path: Path, needed: Sequence[str], error_class: type[BadRows]
) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Headings and numbered rows of a CSV file that has some columns."""
    names, cells = read_rows(path, error_class)
    missing = [one for one in needed if one not in names]
    if missing:
        wrong_mark = len(names) == 1 and ";" in names[0]
        raise error_class(
            path,
            [
                f"row 1: there is no column {', '.join(missing)}; found: "
                + (", ".join(names) or "nothing")
                + ("; save it with commas between cells" if wrong_mark else "")
            ],
        )
    refuse_surplus(path, names, cells, error_class)
    rows = [
        (
            number,
            {
                name: value.strip()
                for name, value in zip_longest(names, row[: len(names)], fillvalue="")
            },
        )
        for number, row in enumerate(cells, 2)
    ]
    return names, [(number, row) for number, row in rows if any(row.values())]


def _place(
    number: int, document: str, locator: str, places: Places, problems: list[str]
) -> Segment | None:
    if document not in places:
        problems.append(
            f'row {number}, column document: "{document}" is no document with a text here'
        )
        return None
    segments = places[document]
    for segment in segments:
        if segment.locator == locator:
            return segment
    found = find_place(locator, [one.locator for one in segments])
    if len(found) == 1:
        return segments[found[0]]
    why = f"{len(found)} provisions lie there; name one" if found else "there is no such provision"
    problems.append(f'row {number}, column locator: "{locator}" of {document}: {why}')
    return None


def _codes(cell: str) -> list[str]:
    # A Chinese keyboard writes the wide semicolon.
    parts = cell.replace("；", ";").split(";")
    return list(dict.fromkeys(one.strip() for one in parts if one.strip()))


def _unknown_code(number: int, code: str, codebook: Codebook) -> str:
    if code in ("?", "？"):
        return f'row {number}: "{code}" is left; put codes there, or nothing where you found none'
    known = {one.id for one in codebook.codes}
    if any(one.strip() in known for one in re.split("[,，、 ]", code)):
        return f'row {number}: "{code}" is no code of {codebook.name}; put ; between codes'
    near = get_close_matches(code, [one.id for one in codebook.codes], n=3)
    moved = next(
        (one for one in codebook.history if code in one.codes and one.kind != "added"), None
    )
    hint = (
        f"{moved.kind} in version {moved.version}; run qiutong codebook migrate"
        if moved
        else f"nearest: {', '.join(near)}"
        if near
        else "see qiutong codebook show"
    )
    return f'row {number}: "{code}" is no code of {codebook.name} ({hint})'


@lru_cache(maxsize=20_000)
def _classify_text(text: str, language: str, lead_in: str) -> Position:
    # Every reading asks for the same provisions, and several codes of one provision too.
    return classify_position(text, language, lead_in)


def _classify(segment: Segment, segments: Sequence[Segment]) -> Position:
    return _classify_text(segment.text, segment.language, find_lead_in(segment, segments))


def _position(number: int, cell: str, problems: list[str]) -> Position | None:
    if not cell:
        return None
    try:
        return Position(cell.lower())
    except ValueError:
        problems.append(
            f'row {number}, column position: "{cell}" cannot be used; allowed: {", ".join(Position)}'
        )
        return None


def _whole(segment: Segment) -> tuple[int, int]:
    return segment.start, segment.end


def _evidence(
    number: int, quote: str, segment: Segment, problems: list[str]
) -> tuple[int, int] | None:
    if not quote:
        return None
    at = segment.text.find(quote)
    if at < 0:
        problems.append(
            f'row {number}, column evidence: "{quote[:60]}" does not stand in this provision word '
            "for word"
        )
        return None
    return segment.start + at, segment.start + at + len(quote)
