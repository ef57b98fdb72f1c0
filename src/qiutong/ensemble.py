"""Several coders as one: what they agree on, what stays undecided, and what that leaves open.

Every function here is a function from values to values. A *cell* is one code on one unit, a unit a
provision or a whole document. Members are the coders combined. A code that a member gave brings the
codes above it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from qiutong.errors import InputError, UnknownName
from qiutong.model import Codebook, Coding, Grade, Overlap, Value
from qiutong.overlap import lineage
from qiutong.reliability import Coefficient, Counts, Draws, Floats, Presence, ratio

RULES = ("unanimous", "majority", "any")

NOT_INDEPENDENT = {
    "en": "Agreement is not independence: coders that share cues, vectors, training codings or one "
    "language model err together, and then agree on their errors.",
    "zh": "一致不等于独立：共用线索词、向量、训练编码或同一语言模型的编码者会犯同样的错误，并就此达成一致。",
}

_HITS, _SAID, _TRUE = range(3)  # places in what _sum_cells gives; cells stand fourth


class Rule(Value, frozen=True, kw_only=True):
    """When members count as one coder.

    Parameters
    ----------
    name
        ``unanimous``, ``majority``, ``any``, or the number of members that must have given a code.
    members
        How many members there are.
    given_from
        The code stands where at least so many members gave it.
    absent_to
        It is absent where at most so many did. Between the two it is undecided.
    """

    name: str
    members: int
    given_from: int
    absent_to: int

    @property
    def abstains(self) -> bool:
        """Whether a number of givers exists at which nothing is said."""
        return self.given_from > self.absent_to + 1

    def describe(self, members: Sequence[str]) -> str:
        """Say it in two lines, English and Chinese, for the coder's description."""
        en, zh = ", ".join(members), "、".join(members)
        if self.name == "unanimous":
            return (
                f"A code stands where all of {en} gave it, is absent where none did, and is "
                f"undecided elsewhere.\n{zh} 均给出的编码成立，均未给出的为无，其余未定。"
            )
        if self.name == "majority":
            return (
                f"A code stands where more than half of {en} gave it, and is undecided where "
                f"exactly half did.\n{zh} 中过半数给出的编码成立，恰为半数的未定。"
            )
        return (
            f"A code stands where at least {self.given_from} of {en} gave it.\n"
            f"{zh} 中至少 {self.given_from} 个给出的编码成立。"
        )


def read_rule(name: str, members: int) -> Rule:
    """Read a rule: ``unanimous``, ``majority``, ``any``, or a whole number.

    ==========  =================  ====================  ==============
    rule        the code stands    it is absent          undecided
    ==========  =================  ====================  ==============
    unanimous   all gave it        none gave it          elsewhere
    majority    more than half     fewer than half       exactly half
    any         one or more        none                  never
    K           K or more          fewer than K          never
    ==========  =================  ====================  ==============

    Raises
    ------
    InputError
        It is none of these, or a number above that of the members.
    """
    bounds = {
        "unanimous": (members, 0),
        "majority": (members // 2 + 1, (members - 1) // 2),
        "any": (1, 0),
    }
    if name in bounds:
        given_from, absent_to = bounds[name]
    elif name.isascii() and name.isdigit() and 1 <= int(name) <= members:
        given_from, absent_to = int(name), int(name) - 1
    else:
        raise InputError(
            f'rule "{name}" cannot be used; allowed: {", ".join(RULES)}, or how many of the '
            f"{members} coders must have given a code, from 1 to {members}."
        )
    return Rule(name=name, members=members, given_from=given_from, absent_to=absent_to)


# --------------------------------------------------------------------------- votes


class Votes(NamedTuple):
    """Who gave which code to which provision.

    ``given`` has shape (members, provisions, codes); ``document`` says by number in ``documents``
    where each provision stands, shape (provisions,).
    """

    members: tuple[str, ...]
    codes: tuple[str, ...]
    documents: tuple[str, ...]
    provisions: tuple[str, ...]
    document: Counts
    given: Presence

    @property
    def counts(self) -> Counts:
        """How many members gave a code to a provision, shape (provisions, codes)."""
        return self.given.sum(axis=0)

    def by_document(self, cells: Counts) -> Counts:
        """The largest value of a document's provisions, shape (documents, codes)."""
        held = np.zeros((len(self.documents), cells.shape[1]), dtype=np.int64)
        np.maximum.at(held, self.document, cells)
        return held


def read_votes(
    members: Mapping[str, Iterable[Coding]],
    provisions: Mapping[str, Sequence[str]],
    codebook: Codebook,
) -> Votes:
    """Put the codings of several coders side by side.

    Parameters
    ----------
    members
        Codings by coder; all have read all of ``provisions``. Codings of other provisions are
        passed over.
    provisions
        Segment ids by document.
    codebook
        Says which codes stand above which.

    Raises
    ------
    UnknownName
        A coding names a code that the codebook lacks.
    """
    lines = lineage(codebook)
    column = {code: at for at, code in enumerate(lines)}
    units = [one for held in provisions.values() for one in held]
    place = {unit: at for at, unit in enumerate(units)}
    given = np.zeros((len(members), len(units), len(column)), dtype=bool)
    for row, (member, codings) in enumerate(members.items()):
        for coding in codings:
            if coding.code not in column:
                raise UnknownName("code", coding.code, column, where=f"codings of {member}")
            if coding.segment in place:
                for code in lines[coding.code]:
                    given[row, place[coding.segment], column[code]] = True
    return Votes(
        members=tuple(members),
        codes=tuple(column),
        documents=tuple(provisions),
        provisions=tuple(units),
        document=np.array(
            [at for at, held in enumerate(provisions.values()) for _ in held], dtype=np.int64
        ),
        given=given,
    )


# --------------------------------------------------------------------------- combining


class Combined(NamedTuple):
    """What a rule makes of several coders' codings."""

    codings: tuple[Coding, ...]
    """Codes that stand; one that follows from a code below it is not repeated."""
    undecided: tuple[Coding, ...]
    """Codes of which nothing is said, in the same shape; never to be counted as given."""


def combine_codings(
    members: Mapping[str, Sequence[Coding]],
    votes: Votes,
    rule: Rule,
    coder: str,
    codebook: Codebook,
) -> Combined:
    """Combine the codings of several coders, provision by provision and code by code.

    Parameters
    ----------
    members
        Codings by coder, in the order in which ties are broken.
    votes
        The same, read by :func:`read_votes`.
    rule
        How many must have given a code.
    coder
        Id of the combined coder.

    Returns
    -------
    Combined
        Confidence is the share of members that gave the code or one below it, and the memo names
        them. The evidence is that of one member: the span that overlaps those of most members, of
        such spans the shortest, then the first in the text. The position is that of most members,
        and of the first-named among equals. Which codes stand does not depend on the order of the
        members.
    """
    lines = lineage(codebook)
    held: dict[str, dict[str, list[Coding]]] = {}
    for member, codings in members.items():
        for coding in codings:
            held.setdefault(coding.segment, {}).setdefault(member, []).append(coding)
    given: list[Coding] = []
    undecided: list[Coding] = []
    for unit, counts in zip(votes.provisions, votes.counts, strict=True):
        here = held.get(unit, {})
        for cells, found in (
            (counts >= rule.given_from, given),
            ((counts > rule.absent_to) & (counts < rule.given_from), undecided),
        ):
            codes = [votes.codes[at] for at in np.flatnonzero(cells)]
            implied = {above for code in codes for above in lines[code][1:]}
            found += [
                _merge(code, here, lines, rule.members, coder)
                for code in codes
                if code not in implied
            ]
    return Combined(tuple(given), tuple(undecided))


def _merge(
    code: str,
    here: Mapping[str, Sequence[Coding]],
    lines: Mapping[str, Sequence[str]],
    members: int,
    coder: str,
) -> Coding:
    """One code on one provision, from the members' codings of that provision."""
    givers: dict[str, list[Coding]] = {}
    for member, codings in here.items():
        # A coding of the code itself says more of it than one of a code below.
        if held := sorted(
            (one for one in codings if code in lines[one.code]), key=lambda one: one.code != code
        ):
            givers[member] = held

    def rank(one: Coding) -> tuple[int, int, int]:
        start, end = _span(one)
        shared = sum(
            any(start < other_end and other_start < end for other_start, other_end in spans)
            for spans in ([_span(other) for other in held] for held in givers.values())
        )
        return -shared, end - start, start

    best = min((one for held in givers.values() for one in held), key=rank)
    positions = Counter(held[0].position for held in givers.values() if held[0].position)
    return Coding(
        document=best.document,
        code=code,
        coder=coder,
        codebook=best.codebook,
        segment=best.segment,
        evidence_start=best.evidence_start,
        evidence_end=best.evidence_end,
        confidence=len(givers) / members,
        # A Counter gives equals in the order in which it met them: the first-named wins.
        position=positions.most_common(1)[0][0] if positions else None,
        memo=", ".join(givers),
    )


def _span(coding: Coding) -> tuple[int, int]:
    return coding.evidence_start or 0, coding.evidence_end or 0


# --------------------------------------------------------------------------- agreement


class Tally(Value, frozen=True, kw_only=True):
    """How many cells are decided.

    Parameters
    ----------
    cells
        All of them; the other three add up to it.
    given, absent, undecided
        Cells with the code, without it, and left open.
    coverage
        Share of cells that are decided. Most cells are empty of a rare code, so it is near 1 even
        where members hardly ever meet.
    met
        Of the cells that are given or undecided, the share that is given; None where there are none.
    """

    cells: int
    given: int
    absent: int
    undecided: int
    coverage: float
    met: float | None


class CodeAgreement(Value, frozen=True, kw_only=True):
    """How far members agree on one code.

    Parameters
    ----------
    provisions, documents
        Over provisions, and over documents. A document has the code where a provision has it, is
        without it where every provision is, and is undecided otherwise.
    elsewhere
        Documents without a provision that has the code, though enough members gave it: to
        different provisions.
    """

    code: str
    provisions: Tally
    documents: Tally
    elsewhere: int


class MemberPair(Value, frozen=True, kw_only=True):
    """Cohen's kappa of two members, over provision × code and over document × code."""

    one: str
    other: str
    provisions: Coefficient
    documents: Coefficient


def tally_cells(counts: Counts, rule: Rule) -> Tally:
    """Count the cells that a rule decides.

    Parameters
    ----------
    counts
        How many members gave the code, any shape.
    """
    cells = int(counts.size)
    given = int((counts >= rule.given_from).sum())
    absent = int((counts <= rule.absent_to).sum())
    undecided = cells - given - absent
    return Tally(
        cells=cells,
        given=given,
        absent=absent,
        undecided=undecided,
        coverage=(given + absent) / cells if cells else 1.0,
        met=given / (given + undecided) if given + undecided else None,
    )


def tally_codes(votes: Votes, rule: Rule) -> tuple[CodeAgreement, ...]:
    """Count decided cells code by code, over provisions and over documents."""
    counts = votes.counts
    most = votes.by_document(counts)
    somewhere = np.sum([votes.by_document(one) for one in votes.given], axis=0)
    return tuple(
        CodeAgreement(
            code=code,
            provisions=tally_cells(counts[:, at], rule),
            documents=tally_cells(most[:, at], rule),
            elsewhere=int(
                ((somewhere[:, at] >= rule.given_from) & (most[:, at] < rule.given_from)).sum()
            ),
        )
        for at, code in enumerate(votes.codes)
    )


def compare_members(votes: Votes, draws: Draws) -> tuple[MemberPair, ...]:
    """Measure how far each pair of members agrees beyond chance."""
    pairs = []
    documents = np.arange(len(votes.documents))
    by_document = [votes.by_document(one) > 0 for one in votes.given]
    for one, other in combinations(range(len(votes.members)), 2):
        by_provision = _sum_cells(
            votes.given[one], votes.given[other], votes.document, len(documents)
        )
        whole = _sum_cells(by_document[one], by_document[other], documents, len(documents))
        pairs.append(
            MemberPair(
                one=votes.members[one],
                other=votes.members[other],
                provisions=draws.coefficients(by_provision, _kappa, _NO_VARIATION)[0],
                documents=draws.coefficients(whole, _kappa, _NO_VARIATION)[0],
            )
        )
    return tuple(pairs)


# --------------------------------------------------------------------------- against a reference


class Level(Value, frozen=True, kw_only=True):
    """Cells on which as many members agree, and how many of them have the code for the reference.

    Parameters
    ----------
    unit
        ``provision`` or ``document``.
    given_by
        How many members gave the code; of a document, the most of any of its provisions.
    cells, share
        How many cells, and their share of all.
    with_code
        Share of them in which the reference has the code.
    """

    unit: str
    given_by: int
    cells: int
    share: float
    with_code: Coefficient


class Quality(Value, frozen=True, kw_only=True):
    """How well a member or a rule finds what the reference has.

    Parameters
    ----------
    who
        A member; or a rule, with what is undecided taken as absent; or ``decided``: the cells that
        all members gave or none did, and no other.
    unit
        ``provision`` or ``document``.
    cells
        Cells judged.
    precision, recall, f1, kappa
        Over all codes pooled, so that frequent ones weigh more.
    """

    who: str
    unit: str
    cells: int
    precision: Coefficient
    recall: Coefficient
    f1: Coefficient
    kappa: Coefficient


def judge_levels(
    counts: Counts, members: int, true: Presence, document: Counts, draws: Draws, unit: str
) -> tuple[Level, ...]:
    """Say what agreement is worth: how often the reference has the code, by number of givers.

    Parameters
    ----------
    counts
        How many members gave a code, shape (units, codes).
    true
        Whether the reference has it, the same shape.
    document
        Number of the unit's document, from 0, shape (units,). Documents are drawn anew for the
        intervals.
    unit
        Name of the unit, for the result.

    Returns
    -------
    tuple of Level
        From all members down to none.
    """
    levels = []
    for given_by in range(members, -1, -1):
        here = counts == given_by
        sums = _sum_cells(here, true, document, int(document.max()) + 1)
        [share] = draws.coefficients(
            sums, lambda held: ratio(held[..., _HITS], held[..., _SAID])[:, None], _NO_CELL
        )
        cells = int(here.sum())
        levels.append(
            Level(
                unit=unit,
                given_by=given_by,
                cells=cells,
                share=cells / counts.size,
                with_code=share,
            )
        )
    return tuple(levels)


def judge_coders(
    members: Mapping[str, Presence],
    counts: Counts,
    true: Presence,
    document: Counts,
    draws: Draws,
    unit: str,
    rules: Iterable[str] = RULES,
) -> tuple[Quality, ...]:
    """Compare each member, and each rule, with a reference.

    Parameters
    ----------
    members
        What each gave, shape (units, codes).
    counts, true, document, unit
        As for :func:`judge_levels`.
    rules
        Names of rules; see :func:`read_rule`. Of those that ask for as many members the first is
        judged.
    """
    number = len(members)
    everywhere = np.ones(true.shape, dtype=bool)
    rows = [(name, said, everywhere) for name, said in members.items()]
    # Of two members, a majority is both: rules that ask for as many are one row.
    asked: dict[int, str] = {}
    for name in rules:
        asked.setdefault(read_rule(name, number).given_from, name)
    rows += [(name, counts >= least, everywhere) for least, name in asked.items()]
    rows.append(("decided", counts == number, (counts == 0) | (counts == number)))
    judged = []
    for who, said, kept in rows:
        sums = _sum_cells(said, true, document, int(document.max()) + 1, kept)
        precision, recall, f1, kappa = draws.coefficients(sums, _figures, _NO_CELL)
        judged.append(
            Quality(
                who=who,
                unit=unit,
                cells=int(kept.sum()),
                precision=precision,
                recall=recall,
                f1=f1,
                kappa=kappa,
            )
        )
    return tuple(judged)


_NO_VARIATION = (
    "both give every code everywhere or nowhere, so agreement cannot be told from chance"
)
_NO_CELL = "there is no such cell to count"


def _sum_cells(
    said: Presence,
    true: Presence,
    document: Counts,
    documents: int,
    kept: Presence | None = None,
) -> Floats:
    """Hits, said, true and cells by document, over all codes: shape (documents, 4)."""
    kept = np.ones(said.shape, dtype=bool) if kept is None else kept
    parts = np.stack(
        [(one & kept).sum(axis=1) for one in (said & true, said, true, kept)], axis=-1
    ).astype(np.float64)
    sums = np.zeros((documents, 4))
    np.add.at(sums, document, parts)
    return sums


def _kappa(sums: Floats) -> Floats:
    """Cohen's kappa from sums of shape (n, 4), shape (n, 1); nan where there is no variation."""
    hits, said, true, cells = (sums[..., at] for at in range(4))
    # Both shares of agreement times cells²; whole numbers, so that no variation is exactly 0.
    chance = said * true + (cells - said) * (cells - true)
    agreed = cells * (cells - said - true + 2 * hits)
    return ratio(agreed - chance, cells * cells - chance)[:, None]


def _figures(sums: Floats) -> Floats:
    """Precision, recall, F1 and kappa from sums of shape (n, 4), shape (n, 4)."""
    hits, said, true = (sums[..., at] for at in (_HITS, _SAID, _TRUE))
    shares = [ratio(hits, said), ratio(hits, true), ratio(2 * hits, said + true)]
    return np.concatenate([np.stack(shares, axis=-1), _kappa(sums)], axis=-1)


# --------------------------------------------------------------------------- bounds


class Bounds(Value, frozen=True, kw_only=True):
    """What undecided cells leave open of one code.

    Parameters
    ----------
    low, high
        By party, the share of its documents with the code if every undecided cell is without it,
        and if every one has it; None where the party has no documents.
    grade_low, grade_high
        The grades that follow. Every other way of deciding gives one of these or one between.
    depends
        Whether they differ.
    """

    code: str
    low: dict[str, float | None]
    high: dict[str, float | None]
    grade_low: Grade
    grade_high: Grade
    depends: bool


def bound_overlaps(low: Iterable[Overlap], high: Iterable[Overlap]) -> tuple[Bounds, ...]:
    """Put two measurements together: undecided cells counted as absent, and counted as given.

    Parameters
    ----------
    low, high
        Results of :func:`qiutong.overlap.measure_overlap` on the same documents and codebook.

    References
    ----------
    Manski (1989), Journal of Human Resources 24:343–360, for bounds without an assumption on what
    is missing.
    """
    return tuple(
        Bounds(
            code=least.code,
            low={party: share.value for party, share in least.prevalence.items()},
            high={party: share.value for party, share in most.prevalence.items()},
            grade_low=least.grade,
            grade_high=most.grade,
            depends=least.grade != most.grade,
        )
        for least, most in zip(low, high, strict=True)
    )
