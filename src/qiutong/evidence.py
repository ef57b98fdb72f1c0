"""Passages for and against common ground: exact quotes, paired across languages.

Vectors rank, they prove nothing: no cosine tells an equivalent from a near miss, and a negation is
invisible to them. Direction and force come from the positions that rules read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, zip_longest

import numpy as np
from numpy.typing import NDArray

from qiutong.errors import InputError, UnknownName
from qiutong.model import (
    Codebook,
    Coding,
    CounterEvidence,
    Document,
    EvidencePair,
    Force,
    Grade,
    IssuerType,
    Overlap,
    Party,
    Passage,
    Position,
    Rivalry,
    Segment,
)
from qiutong.overlap import lineage
from qiutong.text import split_sentences

Floats = NDArray[np.float64]
Vector = Callable[[str], "NDArray[np.floating] | None"]
ByParty = Mapping[str, Sequence[Passage]]

# Passages per party looked at for one code, the best first: bounds the cosines to 60 × 60.
CANDIDATES = 60

# What a position is worth in a pair: a commitment shows more than a mention.
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

# Characters that read well as one quotation; below is a fragment, above a reader gets lost.
_READABLE = {"zh": (12, 200), "ja": (12, 200)}
_READABLE_ELSEWHERE = (30, 500)

# Factors on a pair whose positions differ in force, or point in opposite directions.
_OTHER_FORCE, _OPPOSED = 0.85, 0.4

# Each document already quoted for the code lowers a pair, so that the few shown come from many.
_SEEN_DOCUMENT = 0.6

# Passages count as being on one subject when their cosine is among the top tenth of the code's and
# not below this. The floor only keeps plainly unrelated sentences from being called opposed.
_OPPOSED_TOP, _OPPOSED_FLOOR = 0.90, 0.50

# A side "requires" when at least this share of its passages with a known position binds.
_MOSTLY = 0.5

_NAMED_SILENT = 3

# What is forbidden here is a wrong: its opposite is the duty that the other side states.
_WRONGS = (
    "infring", "violat", "breach", "unlawful", "illegal", "discriminat", "without", "unless",
    "侵害", "侵犯", "违反", "违法", "非法", "危害", "歧视", "损害", "未经", "不正当",
)  # fmt: skip

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


@dataclass(frozen=True)
class _Candidates:
    """The best passages of one party on one code, with their worth and vectors.

    ``vectors`` has shape (passages, dimensions), unit rows; rows of NaN where there is none.
    """

    passages: tuple[Passage, ...]
    worth: Floats
    vectors: Floats


def _confidence(passage: Passage) -> float:
    """Confidence, 1 where the coder gave none: a person who codes vouches without degrees."""
    return 1.0 if passage.confidence is None else passage.confidence


def _readability(passage: Passage) -> float:
    """1 for a quotation of readable length, less for a fragment or a wall of text."""
    least, most = _READABLE.get(passage.language, _READABLE_ELSEWHERE)
    length = len(passage.text)
    return min(1.0, length / least, most / length)


def _worth(passage: Passage) -> float:
    return _confidence(passage) * _STRENGTH[passage.position] * _readability(passage)


def _shortlist(passages: Iterable[Passage], vector: Vector | None) -> _Candidates:
    ranked = sorted(passages, key=lambda p: (-_worth(p), p.document, p.start, p.end))[:CANDIDATES]
    found = [None if vector is None else vector(passage.text) for passage in ranked]
    width = next((len(one) for one in found if one is not None), 1)
    vectors = np.full((len(ranked), width), np.nan)
    for row, one in enumerate(found):
        if one is not None:
            length = float(np.linalg.norm(one))
            # A zero vector says nothing about the sentence: as good as none.
            if length > 0:
                vectors[row] = np.asarray(one, dtype=np.float64) / length
    return _Candidates(tuple(ranked), np.array([_worth(p) for p in ranked]), vectors)


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


def _fit(one: Position | None, other: Position | None) -> float:
    if one == other or one is None or other is None:
        return 1.0
    return _OPPOSED if _are_opposed(one, other) else _OTHER_FORCE


def _scores(one: _Candidates, other: _Candidates, cosines: Floats) -> Floats:
    """Worth of each pair; those with a cosine (2 to 3) stand before those without (0 to 1)."""
    fit = np.array(
        [[_fit(p.position, q.position) for q in other.passages] for p in one.passages]
    ).reshape(cosines.shape)
    quality = np.sqrt(np.outer(one.worth, other.worth)) * fit
    ranked: Floats = np.where(
        np.isnan(cosines), quality, 2.0 + np.clip(np.nan_to_num(cosines), 0.0, 1.0) * quality
    )
    return ranked


# --------------------------------------------------------------------------- pairs


def pair_passages(
    code: str,
    by_party: ByParty,
    vector: Vector | None = None,
    limit: int = 3,
    *,
    rivals: Mapping[str, Rivalry | None] | None = None,
    parties: Sequence[Party] = (),
) -> tuple[EvidencePair, ...]:
    """Pair passages of different parties that say the same most nearly.

    A pair ranks by the cosine of its sentences times the quality of both quotations (confidence,
    force, readable length), lowered where the positions differ. With more than two parties the
    best pair is found first and extended by the passage of each further party that is nearest to
    it. A passage is quoted once, and documents not quoted yet are preferred. Passages of provisions
    that name another party as a rival are no common ground and left out.

    Parameters
    ----------
    code
        The code.
    by_party
        Passages per party (:func:`collect_passages`).
    vector
        Sentence vector of a text, or None where there is none; without vectors, quality ranks.
    limit
        The most pairs wanted.
    rivals
        Rivalry by segment id.
    parties
        The parties compared, for names and order; by default all of ``by_party`` by their ids.

    Returns
    -------
    tuple of EvidencePair
        Best first; empty where fewer than two parties have a passage. Each holds one passage of each
        party that has any.
    """
    named = rivals or {}
    order = [p.id for p in parties] or list(by_party)
    pools = {
        party: _shortlist((p for p in by_party.get(party, ()) if not named.get(p.segment)), vector)
        for party in order
    }
    pools = {party: pool for party, pool in pools.items() if pool.passages}
    if len(pools) < 2:
        return ()
    cosines: dict[tuple[str, str], Floats] = {}
    scores: dict[tuple[str, str], Floats] = {}
    for one, other in combinations(pools, 2):
        cosines[one, other] = _cosines(pools[one], pools[other])
        scores[one, other] = _scores(pools[one], pools[other], cosines[one, other])
        cosines[other, one], scores[other, one] = cosines[one, other].T, scores[one, other].T

    free = {party: np.ones(len(pool.passages), dtype=bool) for party, pool in pools.items()}
    quoted: set[str] = set()
    labels = _labels(order, parties)
    pairs: list[EvidencePair] = []
    while len(pairs) < limit and all(left.any() for left in free.values()):
        chosen = _best_tuple(pools, scores, free, quoted)
        passages = tuple(pools[party].passages[at] for party, at in chosen.items())
        near = [float(cosines[a, b][chosen[a], chosen[b]]) for a, b in combinations(chosen, 2)]
        note, note_zh = _note(passages, labels)
        pairs.append(
            EvidencePair(
                code=code,
                passages=passages,
                similarity=None if np.isnan(near).any() else round(sum(near) / len(near), 6),
                note=note,
                note_zh=note_zh,
            )
        )
        quoted.update(passage.document for passage in passages)
        for party, at in chosen.items():
            # The same words in another document are the same quotation to a reader.
            words = pools[party].passages[at].text
            free[party] &= np.array([p.text != words for p in pools[party].passages])
    return tuple(pairs)


def _best_tuple(
    pools: Mapping[str, _Candidates],
    scores: Mapping[tuple[str, str], Floats],
    free: Mapping[str, NDArray[np.bool_]],
    quoted: set[str],
) -> dict[str, int]:
    """Find the best pair among what is free, and extend it to one passage of each party."""
    fresh = {
        party: np.array([_SEEN_DOCUMENT if p.document in quoted else 1.0 for p in pool.passages])
        for party, pool in pools.items()
    }

    def lowered(one: str, other: str) -> Floats:
        score = scores[one, other]
        tier = np.floor(score / 2.0) * 2.0  # a pair without cosine stays behind those with one
        value = tier + (score - tier) * np.outer(fresh[one], fresh[other])
        value[~free[one], :] = -np.inf
        value[:, ~free[other]] = -np.inf
        return value

    best: tuple[float, str, str, int, int] | None = None
    for one, other in combinations(pools, 2):
        value = lowered(one, other)
        row, column = divmod(int(value.argmax()), value.shape[1])
        if best is None or value[row, column] > best[0]:
            best = (float(value[row, column]), one, other, row, column)
    assert best is not None  # two or more pools, each with a free passage
    chosen = {best[1]: best[3], best[2]: best[4]}
    for party in pools:
        if party not in chosen:
            nearness = sum(lowered(known, party)[at] for known, at in chosen.items())
            chosen[party] = int(np.argmax(nearness))
    return {party: chosen[party] for party in pools}


def _note(passages: Sequence[Passage], labels: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """Say what a reader must know before quoting: direction or force differ."""
    known = [(p.party, p.position) for p in passages if p.position is not None]
    if len({position for _, position in known}) < 2:
        return "", ""
    opposed = any(_are_opposed(a, b) for (_, a), (_, b) in combinations(known, 2))
    en = ", ".join(
        f"the passage from {labels[party][0]} {_WORDS[position][0]}" for party, position in known
    )
    zh = "，".join(f"{labels[party][1]}一段为“{_WORDS[position][1]}”" for party, position in known)
    if opposed:
        return f"The wording may point different ways: {en}.", f"措辞方向可能不同：{zh}。"
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
) -> tuple[CounterEvidence, ...]:
    """Find what speaks against reading a code as common ground.

    Four kinds, in this order: ``rivalry`` (the provision names another party as threat or rival),
    ``opposed`` (one side prohibits what the other requires, promises or encourages, or warns of
    what the other encourages, in passages close in meaning; needs vectors), ``uneven-force`` (one
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
        Documents in scope, so that silent ones can be named.
    parties
        The parties compared, for their names.

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
    kinds = (
        _rivalry_against(code, spoken, rivals, labels),
        _opposed_against(code, spoken, vector, labels),
        _uneven_against(code, spoken, labels),
        _silence_against(code, overlap, tuple(documents), labels),
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
            # Names stand without article or possessive: they come from the study's settings.
            us, them = labels[party], labels.get(rivalry.named, (rivalry.named, rivalry.named))
            one = CounterEvidence(
                code=code,
                kind="rivalry",
                why=f"The provision names {them[0]}, or its policy, as a threat or rival: "
                f"“{words}” ({us[0]}: {len(hits)} of {len(provisions)} provisions on this "
                "subject do).",
                why_zh=f"{us[1]}在同一条款中将{them[1]}或其政策视为威胁或对手：“{words}”"
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
    code: str, spoken: ByParty, vector: Vector | None, labels: Mapping[str, tuple[str, str]]
) -> list[CounterEvidence]:
    if vector is None:
        return []
    pools = {party: _shortlist(passages, vector) for party, passages in spoken.items()}
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
            if _forbids_a_wrong(left.text):
                continue
            worth = cosine * (_worth(left) * _worth(right)) ** 0.5
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
    code: str, spoken: ByParty, labels: Mapping[str, tuple[str, str]]
) -> list[CounterEvidence]:
    known = {
        party: sorted(
            (p for p in passages if p.position is not None),
            key=lambda p: (-_worth(p), p.document, p.start, p.end),
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
) -> list[CounterEvidence]:
    """Silence of the party, or parties, with the lowest prevalence."""
    found = []
    for party, share in overlap.prevalence.items():
        if share.value is None or share.value != overlap.lowest or share.count == share.total:
            continue
        speaking = set(overlap.documents.get(party, ()))
        silent = sorted(
            (d for d in documents if d.party == party and not d.is_joint and d.id not in speaking),
            key=_weight,
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
            zh += lead_zh + "".join(f"《{(d.title or d.id).strip('《》')}》" for d in named)
        found.append(CounterEvidence(code=code, kind="silence", why=f"{en}.", why_zh=f"{zh}。"))
    return found


_FORCES = (Force.BINDING, Force.VOLUNTARY, Force.ASPIRATIONAL, Force.UNKNOWN)


def _weight(document: Document) -> tuple[int, bool, int, str]:
    """Order documents by weight: binding first, then central government, then the newest."""
    newest = -document.date_issued.toordinal() if document.date_issued else 0
    central = document.issuer_type is IssuerType.CENTRAL_GOVERNMENT
    return (_FORCES.index(document.force), not central, newest, document.id)
