"""Passages for and against common ground: exact quotes, paired across languages.

Vectors rank, they prove nothing: no cosine tells an equivalent from a near miss, and a negation is
invisible to them. Direction and force come from the positions that rules read.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import combinations, permutations, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qiutong.codebook import descendants
from qiutong.errors import InputError, UnknownName
from qiutong.model import (
    Codebook,
    Coding,
    CounterEvidence,
    Document,
    EvidencePair,
    Force,
    Grade,
    Instrument,
    IssuerType,
    Overlap,
    Party,
    Passage,
    Position,
    Rivalry,
    Segment,
    Status,
)
from qiutong.overlap import lineage
from qiutong.position import classify_position
from qiutong.text import split_sentences

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Vector = Callable[[str], "NDArray[np.floating] | None"]
ByParty = Mapping[str, Sequence[Passage]]
Span = tuple[str, int, int]  # document, start, end

# Passages per party looked at for one code, the best of each document first: bounds the cosines to
# 200 × 200.
CANDIDATES = 200

# Parts of a pair's fitness, each in [0, 1]; the fitness is their weighted mean. What vectors cannot
# see counts 4, what else can make a pair misleading 2, what makes it less fit to quote 1. The whole
# numbers are a ranking by us, not an estimate. A pair's score is its closeness in meaning times its
# fitness.
WEIGHTS = {
    "position": 4,  # the two do the same: require, promise, encourage, ...
    "voice": 2,  # the document speaks for its party
    "standing": 2,  # the document is adopted and has not ended
    "focus": 2,  # the words carry few codes that the other passage does not carry
    "firmness": 2,  # it commits rather than mentions
    "kind": 1,  # the two documents are of like force, issuer and instrument
    "agreed": 1,  # the coder's confidence
    "length": 1,  # whole sentences, neither a fragment nor a page
    "fresh": 1,  # the document is not yet quoted for other codes
}
# Parts that one passage has by itself; a pair has the lower of the two, being as weak as its weaker.
# Of focus, codes that both carry are left out: they are what the two have in common.
_OF_PASSAGE = ("voice", "standing", "focus", "firmness", "agreed", "length", "fresh")
_UNKNOWN = 0.5
# A pair with a passage that stands under another code already tells a reader less.
_AGAIN = 0.75

_VOICE = {
    IssuerType.CENTRAL_GOVERNMENT: 1.0,
    IssuerType.DIPLOMATIC: 1.0,
    IssuerType.STANDARDS_BODY: 0.75,
    IssuerType.SUBNATIONAL_GOVERNMENT: 0.75,
    IssuerType.COMPANY: 0.75,
    IssuerType.INDUSTRY_ASSOCIATION: 0.5,
    IssuerType.UNKNOWN: _UNKNOWN,
    IssuerType.EXPERT_GROUP: 0.25,
}
_STANDING = {
    Force.BINDING: 1.0,
    Force.VOLUNTARY: 1.0,
    Force.ASPIRATIONAL: 0.5,
    Force.UNKNOWN: _UNKNOWN,
}

# Issuers and instruments that are of like kind. A draft of unknown kind is like nothing.
_ISSUERS = (
    {
        IssuerType.CENTRAL_GOVERNMENT,
        IssuerType.SUBNATIONAL_GOVERNMENT,
        IssuerType.DIPLOMATIC,
    },
    {IssuerType.STANDARDS_BODY},
    {IssuerType.COMPANY, IssuerType.INDUSTRY_ASSOCIATION},
    {IssuerType.EXPERT_GROUP},
)
_INSTRUMENTS = (
    {
        Instrument.LAW,
        Instrument.REGULATION,
        Instrument.EXECUTIVE_ORDER,
        Instrument.MEMORANDUM,
        Instrument.BILL,
    },
    {Instrument.STANDARD, Instrument.GUIDANCE},
    {Instrument.STRATEGY, Instrument.POSITION_PAPER, Instrument.STATEMENT},
    {Instrument.VOLUNTARY_COMMITMENT, Instrument.CORPORATE_FRAMEWORK},
)

# What a position shows in a pair: a commitment shows more than a mention.
_STRENGTH = {
    Position.REQUIRES: 1.0,
    Position.PROHIBITS: 1.0,
    Position.COMMITS: 1.0,
    Position.ENCOURAGES: 0.85,
    Position.WARNS: 0.7,
    Position.MENTIONS: 0.5,
    None: 0.7,
}
_BINDS = frozenset({Position.REQUIRES, Position.PROHIBITS})
_FURTHERS = frozenset({Position.REQUIRES, Position.COMMITS, Position.ENCOURAGES})

# Likeness of two positions that are not the same; those not named have nothing in common.
_LIKENESS = {
    frozenset({Position.REQUIRES, Position.COMMITS}): 0.75,
    frozenset({Position.COMMITS, Position.ENCOURAGES}): 0.75,
    frozenset({Position.REQUIRES, Position.PROHIBITS}): 0.75,
    frozenset({Position.REQUIRES, Position.ENCOURAGES}): 0.5,
    frozenset({Position.COMMITS, Position.PROHIBITS}): 0.5,
    frozenset({Position.WARNS, Position.PROHIBITS}): 0.5,
    frozenset({Position.WARNS, Position.MENTIONS}): 0.5,
}

# Characters that read well as one quotation, from half a sentence to about three; a Chinese character
# says about as much as three letters. Below is a fragment, above a reader gets lost.
_READABLE = {"zh": (12, 120), "ja": (12, 120)}
_READABLE_ELSEWHERE = (36, 360)
# A quotation that breaks off in mid-sentence is half a quotation.
_BROKEN = 0.5
_SENTENCE_ENDS = frozenset("。！？；….!?;")
_CLOSERS = "”’』」》）)]\"'"

# Passages count as being on one subject when their cosine is among the top tenth of the code's and
# not below this. The floor only keeps plainly unrelated sentences from being called opposed.
_OPPOSED_TOP, _OPPOSED_FLOOR = 0.90, 0.50

# A side "requires" when at least this share of its passages with a known position binds.
_MOSTLY = 0.5

_NAMED_SILENT = 3

# What is forbidden here is a wrong: its opposite is the duty that the other side states.
_WRONGS = (
    "infring", "violat", "breach", "unlawful", "illegal", "endanger", "discriminat", "without", "unless",
    "侵害", "侵犯", "违反", "违法", "非法", "危害", "歧视", "损害", "未经", "不正当",
)  # fmt: skip

# Words by which a passage stands against an act: in direction it is a prohibition of a wrong.
_OPPOSES = re.compile(
    r"\b(?:oppos(?:e|es|ing)|condemn\w*|deplor\w*|unacceptable)\b|反对|谴责|抵制", re.IGNORECASE
)
# Words by which it accuses somebody, named or not, which is never common ground.
_ACCUSES = re.compile(
    r"\b(?:hegemon\w*|authoritarian\w*|cold war)\b|霸权|霸凌|霸道|打压|围堵|脱钩|冷战|威权",
    re.IGNORECASE,
)

_WORDS = {
    Position.PROHIBITS: ("prohibits", "禁止"),
    Position.REQUIRES: ("requires", "要求"),
    Position.COMMITS: ("commits", "承诺"),
    Position.ENCOURAGES: ("encourages", "鼓励"),
    Position.WARNS: ("warns", "警示"),
    Position.MENTIONS: ("mentions", "提及"),
}


# --------------------------------------------------------------------------- collecting


def collect_passages(
    documents: Iterable[Document],
    segments: Mapping[str, Segment],
    codings: Iterable[Coding],
    codebook: Codebook,
    *,
    joint: bool = False,
) -> dict[str, dict[str, tuple[Passage, ...]]]:
    """Gather the exact passages behind each code.

    A coding without an evidence span gives its whole segment; a document-level coding gives no
    passage. A passage counts for its code and the ancestors of its code, and stands once under
    each; of several codings of one span the most confident is kept.

    Parameters
    ----------
    documents
        Those in scope; codings of others are passed over.
    segments
        Segment by id.
    codings
        The codings that count.
    codebook
        The codes, in the order of the result.
    joint
        Gather from joint texts only, under the party that submitted them. By default joint texts
        are left out, because they are no party's own voice.

    Returns
    -------
    dict
        Code to party to passages, in the order of document id and offset. Codes and parties without a
        passage are left out.

    Raises
    ------
    UnknownName
        A coding in scope names a code or segment that does not exist.
    InputError
        An evidence span is empty or reaches outside its segment.
    """
    lines = lineage(codebook)
    party_of = {one.id: one.party for one in documents if one.is_joint == joint}
    best: dict[str, dict[tuple[str, int, int, str], Passage]] = {code: {} for code in lines}
    for coding in codings:
        if coding.document not in party_of or not coding.segment:
            continue
        where = f"a coding of document {coding.document}"
        if coding.code not in lines:
            raise UnknownName("code", coding.code, lines, where=where)
        if coding.segment not in segments:
            raise UnknownName("segment", coding.segment, segments, where=where)
        passage = _quote(segments[coding.segment], party_of[coding.document], coding)
        key = (passage.document, passage.start, passage.end, passage.segment)
        for code in lines[coding.code]:
            known = best[code].get(key)
            if known is None or _vouched(passage) > _vouched(known):
                best[code][key] = passage
    gathered: dict[str, dict[str, tuple[Passage, ...]]] = {}
    for code, found in best.items():
        by_party: dict[str, list[Passage]] = {}
        for key in sorted(found):
            by_party.setdefault(found[key].party, []).append(found[key])
        if by_party:
            gathered[code] = {party: tuple(by_party[party]) for party in sorted(by_party)}
    return gathered


def _vouched(passage: Passage) -> tuple[float, float, str]:
    """Order passages of one span: confidence, then force, then a fixed order of positions."""
    return (_confidence(passage), _STRENGTH[passage.position], passage.position or "")


def _quote(segment: Segment, party: str, coding: Coding) -> Passage:
    start = segment.start if coding.evidence_start is None else coding.evidence_start
    end = segment.end if coding.evidence_end is None else coding.evidence_end
    if not segment.start <= start < end <= segment.end:
        raise InputError(
            f"The coding of {coding.code} by {coding.coder} in {segment.id}: evidence {start}-{end} "
            f"is empty or outside the segment {segment.start}-{segment.end}. Code it again."
        )
    return _passage(segment, party, start, end, coding.position, coding.confidence)


def _passage(
    segment: Segment,
    party: str,
    start: int,
    end: int,
    position: Position | None,
    confidence: float | None,
) -> Passage:
    return Passage(
        document=segment.document,
        party=party,
        segment=segment.id,
        locator=segment.locator,
        start=start,
        end=end,
        text=segment.text[start - segment.start : end - segment.start],
        segment_start=segment.start,
        segment_end=segment.end,
        segment_text=segment.text,
        language=segment.language,
        page=segment.page,
        position=position,
        confidence=confidence,
    )


# --------------------------------------------------------------------------- ranking


class _Judge:
    """What is known of documents and of what was quoted, to weigh a passage."""

    def __init__(
        self,
        documents: Iterable[Document] = (),
        as_of: date | None = None,
        others: Mapping[Span, Collection[str]] | None = None,
        quoted: Sequence[Passage] = (),
    ) -> None:
        self.documents = {document.id: document for document in documents}
        self.as_of = as_of
        self.others = others or {}
        times = Counter(passage.document for passage in quoted)
        usual = sum(times.values()) / len(times) if times else 1.0
        # Half for a document quoted as often as the average one, so that it scales with the report.
        self.freshness = {name: usual / (usual + count) for name, count in times.items()}
        self.spans = {_span(passage) for passage in quoted}

    def parts(self, passage: Passage) -> tuple[float, ...]:
        """Parts of the score that the passage has by itself, in the order of ``_OF_PASSAGE``."""
        document = self.documents.get(passage.document)
        return (
            _VOICE[document.issuer_type] if document else _UNKNOWN,
            (_STANDING[document.force] if self.stands(document) else 0.0) if document else _UNKNOWN,
            1.0 / (1.0 + len(self.other_codes(passage))),
            _STRENGTH[passage.position],
            _confidence(passage),
            _readability(passage),
            self.freshness.get(passage.document, 1.0),
        )

    def other_codes(self, passage: Passage) -> frozenset[str]:
        """Tell which other subjects the passage's words carry."""
        return frozenset(self.others.get(_span(passage), ()))

    def worth(self, passage: Passage) -> float:
        """Weighted mean of the passage's own parts."""
        weights = [WEIGHTS[part] for part in _OF_PASSAGE]
        total = sum(w * v for w, v in zip(weights, self.parts(passage), strict=True))
        return total / sum(weights)

    def stands(self, document: Document) -> bool:
        """Tell whether a document is adopted and had not ended by the day asked about."""
        ended = document.ended_on
        if document.status.ended and (ended is None or self.as_of is None or ended <= self.as_of):
            return False
        proposed = document.instrument is Instrument.BILL and document.status != Status.IN_FORCE
        drafted = document.instrument is Instrument.DRAFT or document.status is Status.DRAFT
        return not (proposed or drafted)

    def kinds(self, passage: Passage) -> tuple[int, int, int]:
        """Force, issuer and instrument of the passage's document as numbers, -1 where not known."""
        document = self.documents.get(passage.document)
        if document is None:
            return (-1, -1, -1)
        return (
            -1 if document.force is Force.UNKNOWN else _FORCES.index(document.force),
            _group(document.issuer_type, _ISSUERS),
            _group(document.instrument, _INSTRUMENTS),
        )


def _group(value: IssuerType | Instrument, groups: Sequence[set[Any]]) -> int:
    return next((number for number, group in enumerate(groups) if value in group), -1)


def _span(passage: Passage) -> Span:
    return (passage.document, passage.start, passage.end)


@dataclass(frozen=True)
class _Candidates:
    """The best passages of one party on one code, with their parts of the score and vectors.

    ``parts`` has shape (passages, parts), ``kinds`` (passages, 3) and ``vectors`` (passages,
    dimensions): unit rows, or rows of NaN where there is none. ``others`` holds the other codes of
    each, ``subject`` the cosine of each with what the code is about, ``again`` whether it is quoted
    for another code.
    """

    passages: tuple[Passage, ...]
    parts: Floats
    others: tuple[frozenset[str], ...]
    kinds: NDArray[np.int64]
    vectors: Floats
    subject: Floats
    again: Flags


def _confidence(passage: Passage) -> float:
    """Confidence, 1 where the coder gave none: a person who codes vouches without degrees."""
    return 1.0 if passage.confidence is None else passage.confidence


def _readability(passage: Passage) -> float:
    """1 for whole sentences of readable length, less for a fragment or a wall of text."""
    least, most = _READABLE.get(passage.language, _READABLE_ELSEWHERE)
    length = len(passage.text)
    return min(1.0, length / least, most / length) * (1.0 if _is_whole(passage) else _BROKEN)


def _is_whole(passage: Passage) -> bool:
    """Whether a quotation starts and ends where a sentence or its provision does."""
    text = passage.segment_text
    before = text[: passage.start - passage.segment_start].rstrip()
    after = text[passage.end - passage.segment_start :].strip()
    return _closes(before) and (not after or _closes(passage.text))


def _closes(text: str) -> bool:
    bare = text.rstrip().rstrip(_CLOSERS)
    # A colon opens a list: what follows it is an item of its own.
    return not bare or bare[-1] in _SENTENCE_ENDS or bare[-1] in ":："


def _units(texts: Sequence[str], vector: Vector | None) -> Floats:
    """Vectors of texts as unit rows, NaN where there is none."""
    found = [None if vector is None else vector(text) for text in texts]
    width = next((len(one) for one in found if one is not None), 1)
    vectors = np.full((len(texts), width), np.nan)
    for row, one in enumerate(found):
        if one is not None:
            length = float(np.linalg.norm(one))
            # A zero vector says nothing about the sentence: as good as none.
            if length > 0:
                vectors[row] = np.asarray(one, dtype=np.float64) / length
    return vectors


def _nearest(vectors: Floats, examples: Floats) -> Floats:
    """Cosine of each row with the nearest example, NaN where unknown."""
    examples = examples[~np.isnan(examples).any(axis=1)]
    if not len(examples) or examples.shape[1] != vectors.shape[1]:
        return np.full(len(vectors), np.nan)
    near: Floats = np.round(vectors @ examples.T, 6).max(axis=1)
    return near


def _shortlist(
    passages: Iterable[Passage],
    vector: Vector | None,
    judge: _Judge,
    examples: Sequence[str] = (),
) -> _Candidates:
    """Take the best of each document first, so that a long document does not fill the list."""
    ordered = sorted(passages, key=lambda p: (-judge.worth(p), p.document, p.start, p.end))
    seen: Counter[str] = Counter()
    turns = []
    for passage in ordered:
        turns.append(seen[passage.document])
        seen[passage.document] += 1
    rounds = sorted(range(len(ordered)), key=turns.__getitem__)  # stable: by worth within a round
    ranked = [ordered[number] for number in rounds[:CANDIDATES]]
    vectors = _units([passage.text for passage in ranked], vector)
    subject = _nearest(vectors, _units(examples, vector))
    parts = np.array([judge.parts(p) for p in ranked]).reshape(len(ranked), len(_OF_PASSAGE))
    kinds = np.array([judge.kinds(p) for p in ranked], dtype=np.int64).reshape(len(ranked), 3)
    again = np.array([_span(passage) in judge.spans for passage in ranked], dtype=bool)
    others = tuple(judge.other_codes(passage) for passage in ranked)
    return _Candidates(tuple(ranked), parts, others, kinds, vectors, subject, again)


def _cosines(one: _Candidates, other: _Candidates) -> Floats:
    """Cosines, NaN where a vector is missing; rounded so that ties do not hang on the machine."""
    if one.vectors.shape[1] != other.vectors.shape[1]:  # one side has no vector at all
        return np.full((len(one.passages), len(other.passages)), np.nan)
    rounded: Floats = np.round(one.vectors @ other.vectors.T, 6)
    return rounded


def _are_opposed(one: Position | None, other: Position | None) -> bool:
    """Whether two positions on the same act point in opposite directions.

    Only a prohibition does. To warn of a risk and to encourage something about it go together.
    """
    return any(
        left is Position.PROHIBITS and right in _FURTHERS
        for left, right in ((one, other), (other, one))
    )


def _forbids_a_wrong(text: str) -> bool:
    """Whether a passage speaks of breaking a rule or a right.

    "Must not infringe" and "must respect" are one rule said twice, not two directions.
    """
    lower = text.lower()
    return any(word in lower for word in _WRONGS)


def _forbids_too(passage: Passage) -> bool:
    """Whether a clause of a passage that asks for something forbids something as well.

    A rule with its limits is not the opposite of a limit.
    """
    clauses = re.split(r"[.;。；]\s*", passage.text)
    return any(
        classify_position(clause, passage.language) is Position.PROHIBITS
        for clause in clauses
        if clause
    )


# A passage is asked about under each of its codes, and on each day that is compared.
@lru_cache(maxsize=1 << 14)
def _opposes(text: str) -> bool:
    return bool(_OPPOSES.search(text))


@lru_cache(maxsize=1 << 14)
def _accuses(text: str) -> bool:
    return bool(_ACCUSES.search(text))


def _direction(passage: Passage) -> Position | None:
    """Position for pairing: who opposes an act stands where a prohibition stands."""
    return Position.PROHIBITS if _opposes(passage.text) else passage.position


def _barred(one: _Candidates, other: _Candidates) -> Flags:
    """Tell which passages are never paired because they point in opposite directions.

    A prohibition never goes with an encouragement. With a duty or a promise it goes where what is
    forbidden is a wrong.
    """

    def flags(pool: _Candidates, wanted: Callable[[Passage], bool]) -> Flags:
        return np.array([wanted(passage) for passage in pool.passages], dtype=bool)

    def against(left: _Candidates, right: _Candidates) -> Flags:
        forbids = flags(left, lambda p: _direction(p) is Position.PROHIBITS)
        of_a_wrong = flags(left, lambda p: _opposes(p.text) or _forbids_a_wrong(p.text))
        encourages = flags(right, lambda p: _direction(p) is Position.ENCOURAGES)
        furthers = flags(right, lambda p: _direction(p) in _FURTHERS)
        opposed: Flags = np.logical_and.outer(forbids, encourages) | np.logical_and.outer(
            forbids & ~of_a_wrong, furthers
        )
        return opposed

    barred: Flags = against(one, other) | against(other, one).T
    return barred


def _likeness(one: Position | None, other: Position | None) -> float:
    """1 for the same position, ½ where one is not known, else from the table."""
    if one is None or other is None:
        return _UNKNOWN
    return 1.0 if one is other else _LIKENESS.get(frozenset({one, other}), 0.0)


def _focus(one: _Candidates, other: _Candidates) -> Floats:
    """1 / (1 + codes that only one of two passages carries), of the passage with more of them."""
    names = sorted({code for pool in (one, other) for held in pool.others for code in held})
    left, right = (
        np.array([[name in held for name in names] for held in pool.others], dtype=np.float64)
        for pool in (one, other)
    )
    alone = np.maximum.outer(left.sum(axis=1), right.sum(axis=1)) - left @ right.T
    focus: Floats = 1.0 / (1.0 + alone)
    return focus


def _scores(one: _Candidates, other: _Candidates, cosines: Floats, barred: Flags) -> Floats:
    """Score each pair, -inf where barred; those with a cosine (2 to 3) stand before those without."""
    shape = cosines.shape
    total, weight = np.zeros(shape), 0.0
    for column, part in enumerate(_OF_PASSAGE):
        lower = np.minimum.outer(one.parts[:, column], other.parts[:, column])
        total += WEIGHTS[part] * (_focus(one, other) if part == "focus" else lower)
        weight += WEIGHTS[part]
    left = [_direction(passage) for passage in one.passages]
    right = [_direction(passage) for passage in other.passages]
    table = {(a, b): _likeness(a, b) for a in {*left} for b in {*right}}
    likeness = np.array([[table[a, b] for b in right] for a in left])
    a, b = one.kinds[:, None, :], other.kinds[None, :, :]
    alike = np.where((a < 0) | (b < 0), _UNKNOWN, a == b).mean(axis=2)
    total += WEIGHTS["position"] * likeness + WEIGHTS["kind"] * alike
    weight += WEIGHTS["position"] + WEIGHTS["kind"]
    fitness = total / weight
    fitness[np.logical_or.outer(one.again, other.again)] *= _AGAIN
    subject = np.minimum.outer(one.subject, other.subject)
    # Two passages can be alike in what stands beside the subject: a list, a body, a deadline.
    about = np.clip(np.where(np.isnan(subject), cosines, subject), 0.0, 1.0)
    meaning = np.sqrt(np.clip(cosines, 0.0, 1.0) * about)
    scored: Floats = np.where(np.isnan(cosines), fitness, 2.0 + np.nan_to_num(meaning) * fitness)
    scored[barred] = -np.inf
    return scored


# --------------------------------------------------------------------------- pairs


def list_other_codes(
    gathered: Mapping[str, ByParty], codebook: Codebook
) -> dict[str, dict[Span, frozenset[str]]]:
    """List for each passage of each code which other subjects its words carry.

    Codes above and below the code in the codebook are the same subject. Of others, those on the
    same provision whose words overlap count, a code above another of them not again.

    Parameters
    ----------
    gathered
        Passages by code and party (:func:`collect_passages`).
    codebook
        The codes.

    Returns
    -------
    dict
        Code to (document, start, end) of its passages to the other codes.
    """
    lines = lineage(codebook)
    on_segment: dict[str, list[tuple[int, int, str]]] = {}
    for code, by_party in gathered.items():
        for passages in by_party.values():
            for passage in passages:
                on_segment.setdefault(passage.segment, []).append(
                    (passage.start, passage.end, code)
                )
    listed: dict[str, dict[Span, frozenset[str]]] = {}
    for code, by_party in gathered.items():
        listed[code] = {}
        for passage in (one for held in by_party.values() for one in held):
            beside = {
                other
                for start, end, other in on_segment[passage.segment]
                if start < passage.end and passage.start < end
            }
            above = {up for other in beside for up in lines[other] if up != other}
            listed[code][_span(passage)] = frozenset(
                other
                for other in beside - above
                if other not in lines[code] and code not in lines[other]
            )
    return listed


def list_examples(codebook: Codebook, code: str) -> tuple[str, ...]:
    """Texts that say what a code is about: examples and definitions of it and of those below it.

    Parameters
    ----------
    codebook
        The codes.
    code
        One of them.

    Returns
    -------
    tuple of str
        In all languages of the codebook, each once.
    """
    family = {code, *descendants(codebook, code)}
    texts = [
        text
        for entry in codebook.codes
        if entry.id in family
        for text in (
            *(one for held in entry.anchors.values() for one in held),
            *entry.definition.values(),
        )
    ]
    return tuple(dict.fromkeys(texts))


def pair_codes(
    codes: Iterable[str],
    gathered: Mapping[str, ByParty],
    codebook: Codebook,
    vector: Vector | None = None,
    limit: int = 3,
    *,
    rivals: Mapping[str, Rivalry | None] | None = None,
    parties: Sequence[Party] = (),
    documents: Iterable[Document] = (),
    as_of: date | None = None,
) -> dict[str, tuple[EvidencePair, ...]]:
    """Pair the passages of every code of a report, so that the report quotes many documents.

    The codes with the fewest documents to choose from choose first; a passage or document quoted
    for them is preferred less by the others.

    Parameters
    ----------
    codes
        The codes wanted, in the order of the result.
    gathered
        Passages by code and party (:func:`collect_passages`), of all codes: what else a passage is
        about is read from them.
    codebook, vector, limit, rivals, parties, documents, as_of
        As for :func:`pair_passages` and :func:`list_other_codes`. ``vector`` should also know the
        texts of :func:`list_examples`.

    Returns
    -------
    dict
        Code to its pairs, best first; a code without a pair has an empty tuple.
    """
    wanted, known = list(codes), tuple(documents)
    others = list_other_codes(gathered, codebook)

    def choice(code: str) -> int:
        compared = [party.id for party in parties] or list(gathered.get(code, {}))
        held = gathered.get(code, {})
        return min((len({p.document for p in held.get(one, ())}) for one in compared), default=0)

    paired: dict[str, tuple[EvidencePair, ...]] = {}
    quoted: list[Passage] = []
    for code in sorted(wanted, key=choice):
        paired[code] = pair_passages(
            code,
            gathered.get(code, {}),
            vector,
            limit,
            rivals=rivals,
            parties=parties,
            documents=known,
            as_of=as_of,
            others=others.get(code, {}),
            examples=list_examples(codebook, code),
            quoted=quoted,
        )
        quoted += [passage for pair in paired[code] for passage in pair.passages]
    return {code: paired[code] for code in wanted}


def pair_passages(
    code: str,
    by_party: ByParty,
    vector: Vector | None = None,
    limit: int = 3,
    *,
    rivals: Mapping[str, Rivalry | None] | None = None,
    parties: Sequence[Party] = (),
    documents: Iterable[Document] = (),
    as_of: date | None = None,
    others: Mapping[Span, Collection[str]] | None = None,
    examples: Sequence[str] = (),
    quoted: Sequence[Passage] = (),
) -> tuple[EvidencePair, ...]:
    """Pair passages of different parties that say the same most nearly.

    A pair ranks by closeness times fitness. Closeness is the geometric mean of two cosines: of the
    passages with each other, and of the one farther from ``examples`` with the nearest of them.
    Fitness is the weighted mean of the parts in ``WEIGHTS``. With more than two parties the best
    pair is found first and extended by the best passage of each further party. A passage is quoted
    once; a document a second time only where no pair without it is left. Never paired are a
    prohibition with an encouragement, and a prohibition of what is no wrong with a duty or promise.
    Passages that accuse, and those of provisions that name another party as a rival, are no common
    ground and left out.

    Parameters
    ----------
    code
        The code.
    by_party
        Passages per party (:func:`collect_passages`).
    vector
        Sentence vector of a text, or None where there is none; without vectors, the other parts rank.
    limit
        The most pairs wanted.
    rivals
        Rivalry by segment id.
    parties
        The parties compared, for names and order; by default all of ``by_party`` by their ids.
    documents
        Documents in scope, for issuer, instrument, force and status; what is not known of one counts
        as half.
    as_of
        The day asked about; a document that ended later still stood on it. Without a day, a
        document that ended has ended.
    others
        Other codes on a passage (:func:`list_other_codes`), by document, start and end.
    examples
        Texts that say what the code is about (:func:`list_examples`); used as far as ``vector`` knows
        them, and without them the cosine of the passages stands alone.
    quoted
        Passages quoted already for other codes.

    Returns
    -------
    tuple of EvidencePair
        Best first; empty where fewer than two parties have a passage, or none may be paired. Each
        holds one passage of each party that has one which may stand beside the others.
    """
    named = rivals or {}
    judge = _Judge(documents, as_of, others, quoted)
    order = [p.id for p in parties] or list(by_party)
    pools = {
        party: _shortlist(
            (
                p
                for p in by_party.get(party, ())
                if not named.get(p.segment) and not _accuses(p.text)
            ),
            vector,
            judge,
            examples,
        )
        for party in order
    }
    pools = {party: pool for party, pool in pools.items() if pool.passages}
    if len(pools) < 2:
        return ()
    cosines: dict[tuple[str, str], Floats] = {}
    scores: dict[tuple[str, str], Floats] = {}
    for one, other in combinations(pools, 2):
        near = _cosines(pools[one], pools[other])
        value = _scores(pools[one], pools[other], near, _barred(pools[one], pools[other]))
        cosines[one, other], scores[one, other] = near, value
        cosines[other, one], scores[other, one] = near.T, value.T

    free = {party: np.ones(len(pool.passages), dtype=bool) for party, pool in pools.items()}
    used: Counter[str] = Counter()
    labels = _labels(order, parties)
    pairs: list[EvidencePair] = []
    while len(pairs) < limit:
        chosen = _best_tuple(pools, scores, free, used)
        if not chosen:
            break
        passages = tuple(pools[party].passages[at] for party, at in chosen.items())
        between = [float(cosines[a, b][chosen[a], chosen[b]]) for a, b in combinations(chosen, 2)]
        note, note_zh = _note(passages, labels)
        pairs.append(
            EvidencePair(
                code=code,
                passages=passages,
                similarity=None
                if np.isnan(between).any()
                else round(sum(between) / len(between), 6),
                note=note,
                note_zh=note_zh,
            )
        )
        used.update(passage.document for passage in passages)
        for party, at in chosen.items():
            # The same words in another document are the same quotation to a reader.
            words = pools[party].passages[at].text
            free[party] &= np.array([p.text != words for p in pools[party].passages])
    return tuple(pairs)


def _best_tuple(
    pools: Mapping[str, _Candidates],
    scores: Mapping[tuple[str, str], Floats],
    free: Mapping[str, Flags],
    used: Counter[str],
) -> dict[str, int]:
    """Find the best pair among what is free, and extend it to one passage of each party.

    Empty where nothing may be paired.
    """
    times = {
        party: np.array([float(used[p.document]) for p in pool.passages])
        for party, pool in pools.items()
    }

    def lowered(one: str, other: str) -> Floats:
        # A score is below 3: no score makes up for a document that was quoted for this code.
        value = scores[one, other] - 4.0 * np.add.outer(times[one], times[other])
        value[~free[one], :] = -np.inf
        value[:, ~free[other]] = -np.inf
        lower: Floats = value
        return lower

    best: tuple[float, str, str, int, int] | None = None
    for one, other in combinations(pools, 2):
        value = lowered(one, other)
        row, column = divmod(int(value.argmax()), value.shape[1])
        if value[row, column] > (-np.inf if best is None else best[0]):
            best = (float(value[row, column]), one, other, row, column)
    if best is None:
        return {}
    chosen = {best[1]: best[3], best[2]: best[4]}
    for party in pools:
        if party not in chosen:
            nearness = np.sum([lowered(known, party)[at] for known, at in chosen.items()], axis=0)
            if nearness.max() > -np.inf:
                chosen[party] = int(np.argmax(nearness))
    return {party: chosen[party] for party in pools if party in chosen}


def _note(passages: Sequence[Passage], labels: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """Say what a reader must know before quoting: force differs, or one forbids and one asks."""
    known = [(p.party, p.position) for p in passages if p.position is not None]
    if len({position for _, position in known}) < 2:
        return "", ""
    opposed = any(_are_opposed(a, b) for (_, a), (_, b) in combinations(known, 2))
    en = ", ".join(
        f"the passage from {labels[party][0]} {_WORDS[position][0]}" for party, position in known
    )
    zh = "，".join(f"{labels[party][1]}一段为“{_WORDS[position][1]}”" for party, position in known)
    if opposed:
        return (
            f"Check that it is one rule said twice: {en}.",
            f"须核对是否为同一规则的正反表述：{zh}。",
        )
    return f"The wording differs in force: {en}.", f"措辞力度不同：{zh}。"


def _labels(order: Iterable[str], parties: Sequence[Party]) -> dict[str, tuple[str, str]]:
    named = {party.id: (party.label("en"), party.label("zh")) for party in parties}
    return {party: named.get(party, (party, party)) for party in order}


# --------------------------------------------------------------------------- against


def find_counter_evidence(
    code: str,
    by_party: ByParty,
    rivals: Mapping[str, Rivalry | None],
    overlap: Overlap,
    limit: int = 3,
    *,
    vector: Vector | None = None,
    documents: Iterable[Document] = (),
    parties: Sequence[Party] = (),
    as_of: date | None = None,
) -> tuple[CounterEvidence, ...]:
    """Find what speaks against reading a code as common ground.

    Four kinds, in this order: ``rivalry`` (the provision names another party as threat or rival),
    ``opposed`` (one side prohibits what the other requires, promises or encourages, in
    passages close in meaning; needs vectors), ``uneven-force`` (one
    side mostly binds, nothing of the other's does) and ``silence`` (documents of the party with
    the lowest prevalence that do not speak of it). The first of each kind comes first, then the
    second of each, so that one kind does not crowd out the others.

    Parameters
    ----------
    code
        The code.
    by_party
        Passages per party (:func:`collect_passages`); parties not in ``overlap`` are left out.
    rivals
        Rivalry by segment id.
    overlap
        The overlap measured for the code.
    limit
        The most entries wanted.
    vector
        Sentence vector of a text, or None.
    documents
        Documents in scope, so that silent ones can be named, and those that speak for their party
        are quoted first.
    parties
        The parties compared, for their names.
    as_of
        The day asked about; a document that ended later still stood on it.

    Returns
    -------
    tuple of CounterEvidence
        Empty where nobody speaks, or the overlap is undefined.
    """
    if overlap.grade in (Grade.ABSENT, Grade.UNDEFINED):
        return ()
    order = list(overlap.prevalence)
    labels = _labels(order, parties)
    spoken = {party: tuple(by_party.get(party, ())) for party in order}
    known = tuple(documents)
    judge = _Judge(known, as_of)
    kinds = (
        _rivalry_against(code, spoken, rivals, labels),
        _opposed_against(code, spoken, vector, labels, judge),
        _uneven_against(code, spoken, labels, judge),
        _silence_against(code, overlap, known, labels, judge),
    )
    rounds = zip_longest(*kinds)
    return tuple(one for turn in rounds for one in turn if one is not None)[: max(limit, 0)]


def _rivalry_against(
    code: str,
    spoken: ByParty,
    rivals: Mapping[str, Rivalry | None],
    labels: Mapping[str, tuple[str, str]],
) -> list[CounterEvidence]:
    found: list[tuple[float, CounterEvidence]] = []
    for party, passages in spoken.items():
        provisions = {passage.segment: passage for passage in passages}
        hits = [(provisions[s], r) for s in provisions if (r := rivals.get(s)) is not None]
        for passage, rivalry in hits:
            words = passage.segment_text[
                rivalry.start - passage.segment_start : rivalry.end - passage.segment_start
            ]
            # Names stand without article or possessive: they come from the study's settings. The
            # wording may be one that only the playbook takes to mean the other side ("foreign
            # adversaries"), so the sentence does not say that the text names it.
            us, them = labels[party], labels.get(rivalry.named, (rivalry.named, rivalry.named))
            one = CounterEvidence(
                code=code,
                kind="rivalry",
                why=f"By name, or in a wording that the playbook takes to mean it, the provision "
                f"calls {them[0]} or its policy a threat or rival: “{words}” ({us[0]}: {len(hits)} of {len(provisions)} provisions on this "
                "subject do).",
                why_zh=f"{us[1]}在同一条款中，以点名或规则集视为所指的措辞，"
                f"将{them[1]}或其政策称为威胁或对手：“{words}”"
                f"（涉及该议题的{len(provisions)}条中有{len(hits)}条如此）。",
                passage=_sentence_with(passage, rivalry),
            )
            found.append((_confidence(passage), one))
    # Most confident first; sorted() keeps the order of parties and text among equals.
    return [one for _, one in sorted(found, key=lambda item: -item[0])]


def _sentence_with(passage: Passage, rivalry: Rivalry) -> Passage:
    """Quote the sentences that hold the rivalry, which may stand beside the coded evidence."""
    first, last = rivalry.start - passage.segment_start, rivalry.end - passage.segment_start
    text = passage.segment_text
    around = [
        (left, right)
        for left, right in split_sentences(text, passage.language)
        if left < last and right > first
    ]
    low = min(first, *(left for left, _ in around)) if around else first
    high = max(last, *(right for _, right in around)) if around else last
    start, end = passage.segment_start + low, passage.segment_start + high
    same = passage.start <= start and end <= passage.end
    return Passage(
        document=passage.document,
        party=passage.party,
        segment=passage.segment,
        locator=passage.locator,
        start=start,
        end=end,
        text=text[low:high],
        segment_start=passage.segment_start,
        segment_end=passage.segment_end,
        segment_text=text,
        language=passage.language,
        page=passage.page,
        # The position was read from the coded evidence and says nothing of other sentences.
        position=passage.position if same else None,
        confidence=passage.confidence if same else None,
    )


def _opposed_against(
    code: str,
    spoken: ByParty,
    vector: Vector | None,
    labels: Mapping[str, tuple[str, str]],
    judge: _Judge,
) -> list[CounterEvidence]:
    if vector is None:
        return []
    pools = {party: _shortlist(passages, vector, judge) for party, passages in spoken.items()}
    found: list[tuple[float, float, CounterEvidence]] = []
    for one, other in combinations(pools, 2):
        cosines = _cosines(pools[one], pools[other])
        known = cosines[~np.isnan(cosines)]
        if not known.size:
            continue
        bar = max(_OPPOSED_FLOOR, float(np.quantile(known, _OPPOSED_TOP)))
        for row, column in np.argwhere(np.nan_to_num(cosines, nan=-1.0) >= bar):
            left, right = pools[one].passages[row], pools[other].passages[column]
            if not _are_opposed(left.position, right.position):
                continue
            cosine = float(cosines[row, column])
            # The one that prohibits is shown, the other is what it stands against.
            if right.position is Position.PROHIBITS:
                left, right = right, left
            if _forbids_a_wrong(left.text) or _forbids_too(right):
                continue
            worth = cosine * min(judge.worth(left), judge.worth(right))
            found.append((-worth, -cosine, _opposed(code, left, right, cosine, labels)))
    taken: set[str] = set()
    shown: list[CounterEvidence] = []
    for _, _, one_found in sorted(found, key=lambda item: item[:2]):
        quotes = {p.text for p in (one_found.passage, one_found.against) if p is not None}
        if not quotes & taken:
            taken |= quotes
            shown.append(one_found)
    return shown


def _opposed(
    code: str,
    left: Passage,
    right: Passage,
    cosine: float,
    labels: Mapping[str, tuple[str, str]],
) -> CounterEvidence:
    a, b = labels[left.party], labels[right.party]
    assert left.position is not None  # opposed passages have positions
    assert right.position is not None
    does, zh = _WORDS[left.position]
    does_too, zh_too = _WORDS[right.position]
    return CounterEvidence(
        code=code,
        kind="opposed",
        why=f"By its wording the passage from {a[0]} {does}, the one from {b[0]} {does_too}; they are "
        f"close in meaning (cosine {cosine:.2f}). Check whether they mean the same act.",
        why_zh=f"两段含义相近（余弦相似度{cosine:.2f}），但从措辞看，{a[1]}一段为“{zh}”，"
        f"{b[1]}一段为“{zh_too}”；须核对所指是否为同一行为。",
        passage=left,
        against=right,
    )


def _uneven_against(
    code: str, spoken: ByParty, labels: Mapping[str, tuple[str, str]], judge: _Judge
) -> list[CounterEvidence]:
    known = {
        party: sorted(
            (p for p in passages if p.position is not None),
            key=lambda p: (-judge.worth(p), p.document, p.start, p.end),
        )
        for party, passages in spoken.items()
    }
    found = []
    for firm, soft in permutations(known, 2):
        binding = [p for p in known[firm] if p.position in _BINDS]
        if not binding or not known[soft] or len(binding) < _MOSTLY * len(known[firm]):
            continue
        if any(p.position not in (Position.ENCOURAGES, Position.MENTIONS) for p in known[soft]):
            continue
        a, b = labels[firm], labels[soft]
        many, all_firm, all_soft = len(binding), len(known[firm]), len(known[soft])
        found.append(
            CounterEvidence(
                code=code,
                kind="uneven-force",
                why=f"Force is uneven. {a[0]}: {many} of {all_firm} passages require or prohibit; "
                f"{b[0]}: none of {all_soft}, they only encourage or mention.",
                why_zh=f"{a[1]}的{all_firm}段中有{many}段为“要求”或“禁止”；"
                f"{b[1]}的{all_soft}段均仅为“鼓励”或“提及”。",
                passage=binding[0],
                against=known[soft][0],
            )
        )
    return found


def _silence_against(
    code: str,
    overlap: Overlap,
    documents: Sequence[Document],
    labels: Mapping[str, tuple[str, str]],
    judge: _Judge,
) -> list[CounterEvidence]:
    """Silence of the party, or parties, in the smallest share of whose documents it was found."""
    found = []
    shares = [share.value for share in overlap.counted.values() if share.value is not None]
    undefined = len(shares) < len(overlap.counted)
    for party, share in overlap.counted.items():
        if undefined or share.value != min(shares) or share.count == share.total:
            continue
        speaking = set(overlap.documents.get(party, ()))
        silent = sorted(
            (d for d in documents if d.party == party and not d.is_joint and d.id not in speaking),
            # What is not adopted, or has ended, binds nobody, whatever force it was to have.
            key=lambda d: (not judge.stands(d), _weight(d)),
        )
        us, missing, total = labels[party], share.total - share.count, share.total
        en = f"{us[0]}: no passage on it was found in {missing} of {total} documents"
        zh = f"{us[1]}的{total}份文件中，有{missing}份未发现相关条款"
        if silent:
            named = silent[:_NAMED_SILENT]
            lead, lead_zh = (
                (", among them ", "，其中包括") if missing > len(named) else (": ", "：")
            )
            en += lead + "; ".join(d.title_en or d.title or d.id for d in named)
            cited = [_cited_zh(d.title or d.id) for d in named]
            # No comma between title marks (GB/T 15834-2011).
            zh += lead_zh + ("、" if any("《" not in one for one in cited) else "").join(cited)
        found.append(CounterEvidence(code=code, kind="silence", why=f"{en}.", why_zh=f"{zh}。"))
    return found


_FORCES = (Force.BINDING, Force.VOLUNTARY, Force.ASPIRATIONAL, Force.UNKNOWN)


def _weight(document: Document) -> tuple[int, bool, int, str]:
    """Order documents by weight: binding first, then central government, then the newest."""
    newest = -document.date_issued.toordinal() if document.date_issued else 0
    central = document.issuer_type is IssuerType.CENTRAL_GOVERNMENT
    return (_FORCES.index(document.force), not central, newest, document.id)


def _cited_zh(title: str) -> str:
    """A title in Chinese prose: title marks for a Chinese title, none for a foreign one."""
    return f"《{title.strip('《》')}》" if re.search(r"[㐀-鿿]", title) else title
