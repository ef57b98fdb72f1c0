"""How far the parties speak about the same codes: prevalence, grades, stability, as of a date.

Every function here is a function from values to values. Counts stay whole numbers and thresholds
are read as fractions, so that a share of exactly one half is never a hair below one half.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from qiutong.errors import DuplicateDocument, TooFewParties, UnknownName
from qiutong.model import (
    Codebook,
    Coding,
    Document,
    Estimate,
    Grade,
    GradeSwitch,
    Instrument,
    Overlap,
    OverlapChange,
    Party,
    Scope,
    Stability,
    Status,
)
from qiutong.settings import Settings, StabilitySettings, Thresholds

Counts = NDArray[np.int64]
Presence = NDArray[np.bool_]

# The order in which grades are listed; positions in it stand for grades inside the arrays.
_GRADES = tuple(Grade)
_AT = {grade: place for place, grade in enumerate(_GRADES)}

# Resamples drawn at a time: bounds memory at 100,000 resamples without changing the draws.
_CHUNK = 2000

_ENDED = {
    Status.RESCINDED: ("rescinded", "废止"),
    Status.SUPERSEDED: ("superseded", "被取代"),
    Status.VETOED: ("vetoed", "被否决"),
    Status.EXPIRED: ("expired", "失效"),
}


# --------------------------------------------------------------------------- prevalence


def wilson_interval(count: int, total: int, level: float = 0.95) -> Estimate:
    """Estimate a share and its Wilson score interval, without continuity correction.

    Parameters
    ----------
    count
        How many of the total have the property, 0 ≤ count ≤ total.
    total
        How many there are. With 0 the share does not exist: the estimate is undefined and says so.
    level
        Confidence level in (0, 1).

    Returns
    -------
    Estimate
        Share and bounds, dimensionless in [0, 1].

    Raises
    ------
    ValueError
        ``count`` is negative or above ``total``, or ``level`` is outside (0, 1).

    References
    ----------
    Wilson (1927), JASA 22:209–212; method 3 in Newcombe (1998), Statistics in Medicine 17:857–872.

    Examples
    --------
    >>> share = wilson_interval(15, 148)
    >>> f"{share.low:.4f} to {share.high:.4f}"
    '0.0624 to 0.1605'
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level}; it must lie between 0 and 1, such as 0.95")
    if not 0 <= count <= total:
        raise ValueError(f"count is {count} of {total}; it must lie between 0 and the total")
    if total == 0:
        return Estimate(
            value=None, level=level, undefined="nothing to count: the total is 0", method="wilson"
        )
    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    share = count / total
    centre = (2 * count + z * z) / (2 * (total + z * z))
    half = z * math.sqrt(z * z + 4 * count * (1 - share)) / (2 * (total + z * z))
    # At 0 and at the total one bound is the share itself; rounding must not push it past.
    return Estimate(
        value=share,
        low=max(0.0, min(share, centre - half)) if count else 0.0,
        high=min(1.0, max(share, centre + half)) if count < total else 1.0,
        count=count,
        total=total,
        level=level,
        method="wilson",
    )


# --------------------------------------------------------------------------- as of


def documents_as_of(
    documents: Iterable[Document],
    as_of: date,
    *,
    count_bills: bool = True,
    count_drafts: bool = True,
    count_context: bool = False,
) -> tuple[tuple[Document, ...], dict[str, dict[str, str]]]:
    """Keep the documents that spoke for their party on a day.

    A document counts from the day it was issued to the day it ended, both included. One without a
    date of issue is kept (see :func:`doubts_as_of`); one that ended on an unknown day is left out,
    because nothing shows that it still stood.

    Parameters
    ----------
    documents
        All documents of the study.
    as_of
        The day asked about.
    count_bills
        Whether bills count before they are enacted.
    count_drafts
        Whether drafts count before they are adopted.
    count_context
        Whether documents of scope ``context`` count.

    Returns
    -------
    kept
        In the order given.
    left_out
        Document id to the reason, in English (``en``) and Chinese (``zh``).
    """
    kept: list[Document] = []
    left_out: dict[str, dict[str, str]] = {}
    for document in documents:
        reason = _why_left_out(document, as_of, count_bills, count_drafts, count_context)
        if reason:
            left_out[document.id] = reason
        else:
            kept.append(document)
    return tuple(kept), left_out


def documents_counted(
    documents: Iterable[Document], as_of: date, settings: Settings
) -> tuple[tuple[Document, ...], dict[str, dict[str, str]]]:
    """Keep the documents that a study counts on a day; see :func:`documents_as_of`."""
    return documents_as_of(
        documents,
        as_of,
        count_bills=settings.count_bills,
        count_drafts=settings.count_drafts,
        count_context=settings.count_context,
    )


def doubts_as_of(documents: Iterable[Document], as_of: date) -> dict[str, dict[str, str]]:
    """Say what is doubtful about documents kept as of a day.

    Parameters
    ----------
    documents
        The documents that :func:`documents_as_of` kept.
    as_of
        The same day.

    Returns
    -------
    dict
        Document id to a sentence in English (``en``) and Chinese (``zh``).
    """
    return {
        document.id: {
            "en": f"The date of issue is not known; counted as if issued by {as_of.isoformat()}.",
            "zh": f"发布日期不详，按{_zh_date(as_of)}前已发布计入。",
        }
        for document in documents
        if document.date_issued is None
    }


def _why_left_out(
    document: Document, as_of: date, count_bills: bool, count_drafts: bool, count_context: bool
) -> dict[str, str]:
    if not document.read:
        return {
            "en": "listed only: its text has not been read",
            "zh": "仅列目，尚未读取其文本",
        }
    if document.scope is Scope.CONTEXT and not count_context:
        return {
            "en": "context: its main subject is another",
            "zh": "背景文件：其主题并非本研究对象",
        }
    issued = document.date_issued
    if issued is not None and issued > as_of:
        return {
            "en": f"issued on {issued.isoformat()}, after {as_of.isoformat()}",
            "zh": f"{_zh_date(issued)}发布，晚于{_zh_date(as_of)}",
        }
    if document.status.ended:
        ended, (en, zh) = document.ended_on, _ENDED[document.status]
        if ended is None:
            return {
                "en": f"{en} on a day not recorded, so it cannot be shown to have stood on "
                f"{as_of.isoformat()}",
                "zh": f"已{zh}但日期不详，无法证明在{_zh_date(as_of)}仍然有效",
            }
        if ended < as_of:
            return {
                "en": f"{en} on {ended.isoformat()}, before {as_of.isoformat()}",
                "zh": f"{_zh_date(ended)}{zh}，早于{_zh_date(as_of)}",
            }
    if _is_adopted(document, as_of):
        return {}
    if document.instrument is Instrument.BILL and not count_bills:
        return {
            "en": "a bill not enacted; the study does not count bills",
            "zh": "尚未通过的法案，本研究不计入法案",
        }
    is_draft = document.instrument is Instrument.DRAFT or document.status is Status.DRAFT
    if is_draft and not count_drafts:
        return {
            "en": "a draft not adopted; the study does not count drafts",
            "zh": "尚未正式发布的征求意见稿或草案，本研究不计入草案",
        }
    return {}


def _is_adopted(document: Document, as_of: date) -> bool:
    """Whether a bill or draft had come into force by the day."""
    since = document.status_date
    return document.status is Status.IN_FORCE and (since is None or since <= as_of)


def _zh_date(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


# --------------------------------------------------------------------------- grades


def grade_overlap(prevalence: Mapping[str, Estimate], thresholds: Thresholds) -> Grade:
    """Grade how far the parties speak about the same code.

    With p the lowest prevalence: strong where p ≥ ``thresholds.strong``, moderate where
    p ≥ ``thresholds.moderate``, limited where p > 0. Where p = 0: absent if nobody speaks,
    one-sided if exactly one party does, partial if two or more do and another is silent. Shares are
    compared as fractions, so 3 of 10 reaches 0.3.

    Parameters
    ----------
    prevalence
        Per party, the share of its documents that carry the code.
    thresholds
        Lower bounds of "strong" and "moderate".

    Returns
    -------
    Grade
        Undefined where a party has no documents.

    Raises
    ------
    TooFewParties
        Fewer than two parties have documents.

    References
    ----------
    Siddiqui et al. (2025), Promising Topics for US–China Dialogues on AI Safety and Governance,
    for the idea of grades; the thresholds are ours.
    """
    totals = [share.total for share in prevalence.values()]
    _need_two_parties(dict(zip(prevalence, totals, strict=True)))
    if not all(totals):
        return Grade.UNDEFINED
    counts = np.array([[share.count] for share in prevalence.values()], dtype=np.int64)
    return _GRADES[int(_grade_counts(counts, totals, thresholds)[0])]


def _need_two_parties(documents_of: Mapping[str, int]) -> None:
    """Refuse a comparison in which fewer than two parties have documents."""
    speaking = [party for party, total in documents_of.items() if total]
    if len(speaking) < 2:
        have = f"only {speaking[0]} has" if speaking else "none has"
        asked = ", ".join(documents_of) or "none"
        raise TooFewParties(
            f"Overlap needs coded documents of at least two parties; {have} any in scope "
            f"(parties compared: {asked}). Code those that are not (qiutong code), add documents, "
            "or ask as of another date."
        )


def _bound(threshold: float) -> Fraction:
    """Read a threshold as the short fraction that was meant: 0.1 + 0.2 is three tenths."""
    exact = Fraction(threshold)
    return exact.limit_denominator(1_000_000) or exact  # a tiny threshold must not become 0


def _grade_counts(counts: Counts, totals: Sequence[int], thresholds: Thresholds) -> Counts:
    """Grade many codes at once from whole counts.

    Parameters
    ----------
    counts
        Documents with the code, parties first: shape (parties, …).
    totals
        Documents per party, each above 0.

    Returns
    -------
    ndarray
        Places in ``_GRADES``, shape (…).
    """

    def reaches(threshold: float) -> Presence:
        bound = _bound(threshold)
        # count / total ≥ bound, in whole numbers: count ≥ ceil(bound · total).
        needed = [-(-bound.numerator * total // bound.denominator) for total in totals]
        shape = (-1,) + (1,) * (counts.ndim - 1)
        return np.asarray((counts >= np.array(needed).reshape(shape)).all(axis=0))

    speaking = (counts > 0).sum(axis=0)
    graded: Counts = np.full(counts.shape[1:], _AT[Grade.PARTIAL], dtype=np.int64)
    graded[speaking == 0] = _AT[Grade.ABSENT]
    graded[speaking == 1] = _AT[Grade.ONE_SIDED]
    graded[speaking == len(totals)] = _AT[Grade.LIMITED]
    graded[reaches(thresholds.moderate)] = _AT[Grade.MODERATE]
    graded[reaches(thresholds.strong)] = _AT[Grade.STRONG]
    return graded


# --------------------------------------------------------------------------- overlap


def lineage(codebook: Codebook) -> dict[str, tuple[str, ...]]:
    """List, for each code, itself and its ancestors: the codes for which its codings count.

    Parameters
    ----------
    codebook
        The codebook; a parent it lacks ends the line.

    Returns
    -------
    dict
        Code id to ids, nearest first, in the codebook's order.
    """
    parent = {code.id: code.parent for code in codebook.codes}
    lines: dict[str, tuple[str, ...]] = {}
    for code in parent:
        line: list[str] = []
        step = code
        while step in parent and step not in line:
            line.append(step)
            step = parent[step]
        lines[code] = tuple(line)
    return lines


def measure_overlap(
    documents: Iterable[Document],
    segments: Mapping[str, int],
    codings: Iterable[Coding],
    codebook: Codebook,
    parties: Sequence[Party],
    thresholds: Thresholds,
    stability: StabilitySettings | None = None,
    level: float = 0.95,
) -> tuple[Overlap, ...]:
    """Measure prevalence, grade and stability of every code in a codebook.

    A coding counts for its code and for the ancestors of its code, once per document (and once per
    segment for salience), however often it is given. Joint texts stay out of prevalence; those
    that all compared parties endorsed are listed as precedents. The result depends on the set of
    documents and codings, not on their order.

    Parameters
    ----------
    documents
        Those in scope, such as :func:`documents_as_of` keeps. Documents of other parties are
        not compared.
    segments
        Number of segments per document id.
    codings
        The codings that count; those of documents not in scope are passed over.
    codebook
        The codes, in the order of the result.
    parties
        Those compared, two or more.
    thresholds
        Lower bounds of the grades.
    stability
        How to resample and which thresholds to sweep; None leaves stability out.
    level
        Confidence level of the intervals.

    Returns
    -------
    tuple of Overlap
        One a code.

    Raises
    ------
    TooFewParties
        Fewer than two parties are compared, or have documents in scope.
    UnknownName
        A coding in scope names a code that the codebook lacks.
    DuplicateDocument
        Two documents have one id.
    """
    ids = _party_ids(parties)
    in_scope: dict[str, Document] = {}
    for document in documents:
        if document.id in in_scope:
            raise DuplicateDocument(f'The document "{document.id}" is given twice; give it once.')
        in_scope[document.id] = document
    owned = {
        party: tuple(sorted(d.id for d in in_scope.values() if d.party == party and not d.is_joint))
        for party in ids
    }
    totals = {party: len(owned[party]) for party in ids}
    _need_two_parties(totals)
    joint = {d.id for d in in_scope.values() if d.is_joint and set(ids) <= set(d.endorsed_by)}

    codes = tuple(code.id for code in codebook.codes)
    with_code, coded_segments = _spread_codings(codings, codebook, in_scope)
    presence = {
        party: np.array(
            [[document in with_code[code] for document in owned[party]] for code in codes],
            dtype=bool,
        ).reshape(len(codes), totals[party])
        for party in ids
    }
    segment_totals = {
        party: sum(segments.get(document, 0) for document in owned[party]) for party in ids
    }
    segment_counts = {
        party: [
            sum(len(coded_segments[code].get(document, ())) for document in owned[party])
            for code in codes
        ]
        for party in ids
    }

    silent = [party for party in ids if not totals[party]]
    if silent:
        graded = [Grade.UNDEFINED] * len(codes)
        firmness: list[Stability | None] = [None] * len(codes)
    else:
        counts = np.array([presence[party].sum(axis=1) for party in ids], dtype=np.int64)
        places = _grade_counts(counts, [totals[party] for party in ids], thresholds)
        graded = [_GRADES[place] for place in places]
        firmness = [None] * len(codes)
        if stability is not None:
            firmness = list(_find_stability(presence, owned, places, thresholds, stability))

    results = []
    for row, code in enumerate(codes):
        carriers = {
            party: tuple(document for document in owned[party] if document in with_code[code])
            for party in ids
        }
        prevalence = {
            party: _estimate(
                len(carriers[party]), totals[party], level, f"{party} has no documents in scope"
            )
            for party in ids
        }
        salience = {
            party: _estimate(
                segment_counts[party][row],
                segment_totals[party],
                level,
                f"the documents of {party} in scope have no segments",
            )
            for party in ids
        }
        shares = [share.value for share in prevalence.values() if share.value is not None]
        results.append(
            Overlap(
                code=code,
                grade=graded[row],
                lowest=None if silent else min(shares),
                prevalence=prevalence,
                salience=salience,
                documents=carriers,
                stability=firmness[row],
                precedents=tuple(sorted(joint & with_code[code])),
                undefined=f"no documents in scope of: {', '.join(silent)}" if silent else "",
            )
        )
    return tuple(results)


def _party_ids(parties: Sequence[Party]) -> tuple[str, ...]:
    ids = tuple(party.id for party in parties)
    if len(set(ids)) < 2:
        raise TooFewParties(
            f"Overlap compares two or more parties; got {', '.join(ids) or 'none'}."
        )
    if len(set(ids)) < len(ids):
        raise ValueError(f"a party is given twice: {', '.join(ids)}")
    return ids


def _estimate(count: int, total: int, level: float, undefined: str) -> Estimate:
    if total == 0 and count == 0:
        return Estimate(value=None, level=level, undefined=undefined)
    return wilson_interval(count, total, level)


def _spread_codings(
    codings: Iterable[Coding], codebook: Codebook, in_scope: Mapping[str, Document]
) -> tuple[dict[str, set[str]], dict[str, dict[str, set[str]]]]:
    """Gather documents, and segments per document, under each code and its ancestors."""
    lines = lineage(codebook)
    with_code: dict[str, set[str]] = {code: set() for code in lines}
    coded_segments: dict[str, dict[str, set[str]]] = {code: {} for code in lines}
    for coding in codings:
        if coding.document not in in_scope:
            continue
        if coding.code not in lines:
            raise UnknownName(
                "code", coding.code, lines, where=f"a coding of document {coding.document}"
            )
        for code in lines[coding.code]:
            with_code[code].add(coding.document)
            if coding.segment:
                coded_segments[code].setdefault(coding.document, set()).add(coding.segment)
    return with_code, coded_segments


# --------------------------------------------------------------------------- stability


def _find_stability(
    presence: Mapping[str, Presence],
    owned: Mapping[str, Sequence[str]],
    reported: Counts,
    thresholds: Thresholds,
    settings: StabilitySettings,
) -> Iterable[Stability]:
    """Ask every code's grade again: resampled, without each document, at other thresholds."""
    parties = tuple(presence)
    totals = [len(owned[party]) for party in parties]
    counts = np.array([presence[party].sum(axis=1) for party in parties], dtype=np.int64)
    tally = _resample_grades(presence, totals, thresholds, settings)
    without = _grades_without_each(presence, owned, counts, totals, thresholds)
    at = [(name, _grade_counts(counts, totals, bounds)) for name, bounds in settings.sweep()]
    for row, place in enumerate(reported):
        yield Stability(
            resampled={
                grade: float(tally[row, _AT[grade]] / settings.resamples)
                for grade in _GRADES
                if tally[row, _AT[grade]] or _AT[grade] == place
            },
            agreement=float(tally[row, place] / settings.resamples),
            resamples=settings.resamples,
            seed=settings.seed,
            without=tuple(
                GradeSwitch(change=document, grade=_GRADES[grades[row]])
                for document, grades in without
                if grades[row] != place
            ),
            thresholds=tuple(
                GradeSwitch(change=name, grade=_GRADES[grades[row]]) for name, grades in at
            ),
        )


def _resample_grades(
    presence: Mapping[str, Presence],
    totals: Sequence[int],
    thresholds: Thresholds,
    settings: StabilitySettings,
) -> Counts:
    """Count the grades over bootstrap resamples of documents within each party.

    Returns
    -------
    ndarray
        Shape (codes, grades): how many resamples gave each grade.
    """
    # A stream of its own for each party, named by its id: another party, or another order of the
    # parties, leaves a party's resamples as they were.
    streams = {
        party: np.random.default_rng(
            [settings.seed, int.from_bytes(hashlib.sha256(party.encode()).digest()[:8], "big")]
        )
        for party in presence
    }
    # float32 keeps whole numbers exact to 2**24 and lets BLAS do the sum.
    rows = {party: matrix.astype(np.float32) for party, matrix in presence.items()}
    codes = next(iter(rows.values())).shape[0]
    tally = np.zeros((codes, len(_GRADES)), dtype=np.int64)
    for done in range(0, settings.resamples, _CHUNK):
        size = min(_CHUNK, settings.resamples - done)
        counts = np.empty((len(rows), codes, size), dtype=np.int64)
        for at, (party, total) in enumerate(zip(rows, totals, strict=True)):
            weights = streams[party].multinomial(total, np.full(total, 1.0 / total), size=size)
            counts[at] = rows[party] @ weights.astype(np.float32).T
        grades = _grade_counts(counts, totals, thresholds)
        for place in range(len(_GRADES)):
            tally[:, place] += (grades == place).sum(axis=1)
    return tally


def _grades_without_each(
    presence: Mapping[str, Presence],
    owned: Mapping[str, Sequence[str]],
    counts: Counts,
    totals: Sequence[int],
    thresholds: Thresholds,
) -> list[tuple[str, Counts]]:
    """Grade all codes with each document left out in turn."""
    left: list[tuple[str, Counts]] = []
    for at, party in enumerate(presence):
        fewer = [total - (place == at) for place, total in enumerate(totals)]
        for column, document in enumerate(owned[party]):
            if fewer[at] == 0:
                # The party's only document: without it there is nothing to compare.
                left.append((document, np.full(counts.shape[1], _AT[Grade.UNDEFINED])))
                continue
            rest = counts.copy()
            rest[at] -= presence[party][:, column]
            left.append((document, _grade_counts(rest, fewer, thresholds)))
    return left


# --------------------------------------------------------------------------- difference


def compare_overlaps(
    before: Iterable[Overlap], after: Iterable[Overlap]
) -> tuple[OverlapChange, ...]:
    """List the codes that differ between two measurements, such as two as-of dates.

    Parameters
    ----------
    before, after
        Results of :func:`measure_overlap` on the same codebook and parties.

    Returns
    -------
    tuple of OverlapChange
        Only codes whose grade, lowest prevalence or documents differ; in the order of ``after``,
        then those that only ``before`` has.
    """
    old = {overlap.code: overlap for overlap in before}
    new = {overlap.code: overlap for overlap in after}
    changes = []
    for code in [*new, *(code for code in old if code not in new)]:
        was, now = old.get(code), new.get(code)
        had = was.documents if was else {}
        has = now.documents if now else {}
        change = OverlapChange(
            code=code,
            before=was.grade if was else None,
            after=now.grade if now else None,
            lowest_before=was.lowest if was else None,
            lowest_after=now.lowest if now else None,
            gone=_only_in(had, has),
            new=_only_in(has, had),
        )
        same = change.before == change.after and change.lowest_before == change.lowest_after
        if not same or change.gone or change.new:
            changes.append(change)
    return tuple(changes)


def _only_in(
    these: Mapping[str, Sequence[str]], those: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Per party, the documents of ``these`` that ``those`` lack; parties without any left out."""
    only = {}
    for party, documents in these.items():
        known = set(those.get(party, ()))
        rest = tuple(document for document in documents if document not in known)
        if rest:
            only[party] = rest
    return only
