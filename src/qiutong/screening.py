"""Screening: tensions, the rivalry index and analysts' overrides, into a verdict with its reasons.

Nothing is dropped: every reason is kept with its sources, and the verdict is the most severe of
them unless an analyst's override stands over it. See ``docs/method/screening.md``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from qiutong.model import (
    Codebook,
    Coding,
    Document,
    Estimate,
    Party,
    Rivalry,
    Screen,
    ScreenReason,
    ScreenVerdict,
    Segment,
)
from qiutong.overlap import lineage, wilson_interval
from qiutong.playbook import (
    Fact,
    Override,
    Playbook,
    Relation,
    RivalryTerms,
    Tension,
    Topic,
    first_day,
    last_day,
    stands,
    text_in,
)
from qiutong.settings import ScreeningSettings
from qiutong.text import split_sentences, to_simplified

SEVERITY: dict[ScreenVerdict, int] = {
    ScreenVerdict.CLEAR: 0,
    ScreenVerdict.HANDLE_WITH_CARE: 1,
    ScreenVerdict.SET_ASIDE: 2,
}
_BY_SEVERITY = tuple(SEVERITY)
_RELATIONS: tuple[Relation, ...] = ("near", "part", "is")


# --------------------------------------------------------------------------- rivalry


# Scripts written without spaces: a word boundary would find nothing in them.
_NO_SPACES = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@lru_cache(maxsize=4096)
def _pattern(term: str) -> re.Pattern[str]:
    """Compile a term: word boundaries where the script has them, ``*`` for the rest of a word.

    A short name in capitals is matched as written: in small letters it may be a common word.
    """
    body, open_end = (term[:-1], True) if term.endswith("*") else (term, False)
    capitals = body.replace(".", "").isupper() and len(body) <= 6
    body = to_simplified(body)
    left = "" if _NO_SPACES.match(body[:1]) else r"(?<!\w)"
    right = "" if _NO_SPACES.match(body[-1:]) else (r"\w*" if open_end else r"(?!\w)")
    words = r"\s+".join(re.escape(word) for word in body.split())
    return re.compile(left + words + right, 0 if capitals else re.IGNORECASE)


@lru_cache(maxsize=4096)
def _first_word(term: str) -> str:
    """First word of a term in lower case: a text without it does not hold the term."""
    words = to_simplified(term).strip("* ").lower().split()
    return words[0] if words else ""


def _spans(terms: Iterable[str], text: str) -> list[tuple[int, int, str]]:
    # Looking for a plain word is far cheaper than a pattern, and nearly always says no.
    lower = text.lower()
    found = [
        (hit.start(), hit.end(), term)
        for term in terms
        if (word := _first_word(term)) and word in lower
        for hit in _pattern(term).finditer(text)
    ]
    return sorted(found, key=lambda hit: (hit[0], -hit[1], hit[2]))


def find_rivalry(
    segment: Segment, party: str, parties: Sequence[Party], terms: RivalryTerms
) -> Rivalry | None:
    """Find where a provision names another compared party as a threat or rival.

    A sentence counts where it (a) names another party (``Party.mentions`` in the segment's
    language) and holds a threat or rival term, or (b) holds a wording by which this party means
    another (``terms.implied``). A sentence with an ``unless`` wording never counts. A name that lies
    inside a longer name of the party itself, or inside a threat term, is no name of another.

    Parameters
    ----------
    segment
        The provision; only languages the terms know can give a finding.
    party
        Id of the party whose document it is.
    parties
        The parties compared.
    terms
        The playbook's rivalry terms.

    Returns
    -------
    Rivalry or None
        The first finding. Its span is the shortest wording from name to term, in code points of
        the document.
    """
    language = segment.language
    hostile = [term for group in terms.terms.get(language, {}).values() for term in group]
    unless = terms.unless.get(language, ())
    others = [other for other in parties if other.id != party]
    known = {other.id for other in others}
    own = [name for one in parties if one.id == party for name in one.mentions.get(language, ())]
    implied = {
        one.term: one.about
        for one in terms.implied
        if one.language == language and one.by == party and one.about in known
    }
    # Simplified for matching only: the length is the same, so the offsets hold in the original.
    text = to_simplified(segment.text)
    lower = text.lower()
    if not any((word := _first_word(term)) and word in lower for term in (*hostile, *implied)):
        return None
    for start, end in split_sentences(text, language):
        sentence = text[start:end]
        if _spans(unless, sentence):
            continue
        ours = _spans(own, sentence)
        threats = _spans(hostile, sentence)
        found: list[tuple[int, int, int, str, str]] = []  # length, start, end, named, term
        for other in others:
            for left, right, _ in _spans(other.mentions.get(language, ()), sentence):
                if any(a <= left and right <= b and b - a > right - left for a, b, _ in ours):
                    continue
                for a, b, term in threats:
                    if a <= left and right <= b:
                        continue
                    low, high = min(left, a), max(right, b)
                    found.append((high - low, low, high, other.id, term))
        for a, b, term in _spans(implied, sentence):
            found.append((b - a, a, b, implied[term], term))
        if found:
            _, low, high, named, term = min(found)
            return Rivalry(
                segment=segment.id,
                document=segment.document,
                party=party,
                named=named,
                term=term,
                start=segment.start + start + low,
                end=segment.start + start + high,
            )
    return None


def find_rivalries(
    segments: Iterable[Segment],
    documents: Iterable[Document],
    parties: Sequence[Party],
    terms: RivalryTerms,
) -> dict[str, Rivalry]:
    """Find rivalry in many provisions; joint texts and parties not compared are passed over.

    Returns
    -------
    dict
        Segment id to finding, only where there is one.
    """
    compared = {party.id for party in parties}
    party_of = {one.id: one.party for one in documents if not one.is_joint}
    found: dict[str, Rivalry] = {}
    for segment in segments:
        party = party_of.get(segment.document)
        if party in compared and party is not None:
            hit = find_rivalry(segment, party, parties, terms)
            if hit is not None:
                found[segment.id] = hit
    return found


def measure_rivalry(
    codes: Iterable[str],
    codings: Iterable[Coding],
    codebook: Codebook,
    documents: Iterable[Document],
    parties: Sequence[Party],
    rivalries: Mapping[str, Rivalry],
    settings: ScreeningSettings,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Measure the rivalry index: share of the coded segments that name another as threat or rival.

    Parameters
    ----------
    codes
        The codes; a segment with several of them, or with codes below them, counts once.
    rivalries
        Findings by segment id (:func:`find_rivalries`).
    settings
        ``fewest``: with fewer coded segments the index is undefined, not 0.
    level
        Confidence level of the Wilson interval.

    Returns
    -------
    dict
        Party id to estimate.
    """
    wanted, above = set(codes), lineage(codebook)
    party_of = {one.id: one.party for one in documents if not one.is_joint}
    coded: dict[str, set[str]] = {party.id: set() for party in parties}
    for coding in codings:
        party = party_of.get(coding.document, "")
        if coding.segment and party in coded and not wanted.isdisjoint(above.get(coding.code, ())):
            coded[party].add(coding.segment)
    return {
        party: _index(sum(one in rivalries for one in held), len(held), settings, level)
        for party, held in coded.items()
    }


def _index(count: int, total: int, settings: ScreeningSettings, level: float) -> Estimate:
    if total < settings.fewest:
        return Estimate(
            value=None,
            count=count,
            total=total,
            level=level,
            undefined=f"{total} coded segments; the index asks for at least {settings.fewest}",
        )
    return wilson_interval(count, total, level)


# --------------------------------------------------------------------------- reasons


def milder(verdict: ScreenVerdict) -> ScreenVerdict:
    """One step milder: set aside becomes handle with care, handle with care becomes clear."""
    return _BY_SEVERITY[max(0, SEVERITY[verdict] - 1)]


def combine_reasons(reasons: Iterable[ScreenReason]) -> ScreenVerdict:
    """Take the most severe reason, unless an override stands; the last override wins."""
    worst, decided = ScreenVerdict.CLEAR, None
    for reason in reasons:
        if reason.kind == "override":
            decided = reason.verdict
        elif SEVERITY[reason.verdict] > SEVERITY[worst]:
            worst = reason.verdict
    return worst if decided is None else decided


def weigh_tension(
    tension: Tension, parties: Iterable[str], playbook_parties: Sequence[str], as_of: date
) -> ScreenVerdict | None:
    """Say how severe a tension is between these parties on a day, or None where it is not there.

    It is there where at least two of the parties in dispute are compared, the day lies between its
    first and last, and some dated evidence stands by then. With evidence of one side only it is at
    most handle-with-care: to set a subject aside on one side's word would give that side a veto
    over the agenda.
    """
    compared = set(parties)
    between = [one for one in tension.between or playbook_parties if one in compared]
    if len(between) < 2:
        return None
    shown = _known_facts(tension, as_of)
    days = [day for fact in tension.evidence if (day := first_day(fact.date)) is not None]
    since = tension.since or (min(days).isoformat() if days else "")
    if not stands(since, tension.until, as_of) or (tension.evidence and not shown):
        return None
    sides = {fact.party for fact in shown if fact.party in between}
    if len(sides) < 2 and tension.severity is ScreenVerdict.SET_ASIDE:
        return ScreenVerdict.HANDLE_WITH_CARE
    return tension.severity


def _known_facts(tension: Tension, as_of: date) -> list[Fact]:
    """List the evidence that stood by a day; one known by its year counts from the year's end."""
    return [fact for fact in tension.evidence if (last_day(fact.date) or date.min) <= as_of]


def active_tensions(
    playbook: Playbook, parties: Sequence[Party], as_of: date
) -> dict[str, ScreenVerdict]:
    """List the tensions that stand between the parties on a day, with their severity then."""
    ids = [party.id for party in parties]
    weighed = {
        one.id: weigh_tension(one, ids, playbook.parties, as_of) for one in playbook.tensions
    }
    return {name: severity for name, severity in weighed.items() if severity is not None}


_RELATION_TEXT = {
    "is": {"en": "The subject is itself in dispute", "zh": "该主题本身即争议所在"},
    "part": {"en": "A part of the subject is in dispute", "zh": "该主题的一部分存在争议"},
    "near": {"en": "A dispute lies beside the subject", "zh": "相邻领域存在争议"},
}


def _tension_reason(
    tension: Tension,
    relation: Relation,
    severity: ScreenVerdict,
    as_of: date,
    keep_out: Mapping[str, str],
) -> ScreenReason:
    verdict = {"is": severity, "part": milder(severity), "near": ScreenVerdict.CLEAR}[relation]
    shown = _known_facts(tension, as_of)
    one_side = len({fact.party for fact in shown if fact.party}) == 1
    lead = _RELATION_TEXT[relation]
    out_en, out_zh = text_in(keep_out, "en"), text_in(keep_out, "zh")
    return ScreenReason(
        kind="tension",
        id=tension.id,
        verdict=verdict,
        detail={
            "en": f"{lead['en']}: {text_in(tension.name, 'en')}. {text_in(tension.why, 'en')}"
            + (" Evidence by this day was found of one side only." if one_side else "")
            + (f" Keep out: {out_en}" if out_en else ""),
            "zh": f"{lead['zh']}：{text_in(tension.name, 'zh')}。{text_in(tension.why, 'zh')}"
            + ("截至查询日，仅查到一方的事实依据。" if one_side else "")
            + (f"对话中应避开：{out_zh}" if out_zh else ""),
        },
        sources=tuple(fact.as_source() for fact in shown),
    )


def _rivalry_reasons(
    index: Mapping[str, Estimate], parties: Sequence[Party], settings: ScreeningSettings
) -> list[ScreenReason]:
    reasons = []
    for party in parties:
        estimate = index.get(party.id)
        if estimate is None or estimate.value is None or estimate.value < settings.care:
            continue
        aside = estimate.value >= settings.set_aside
        share = f"{estimate.count}/{estimate.total} ({estimate.value:.0%})"
        reasons.append(
            ScreenReason(
                kind="rivalry",
                id=party.id,
                verdict=ScreenVerdict.SET_ASIDE if aside else ScreenVerdict.HANDLE_WITH_CARE,
                detail={
                    "en": f"{share} of the provisions of {party.label('en')} on it call another "
                    "compared party, or its policy, a threat or rival, by name or in a wording "
                    "that the playbook takes to mean it.",
                    "zh": f"{party.label('zh')}相关条款中有{share}以点名或规则集视为所指的措辞，"
                    "将另一方或其政策称为威胁或对手。",
                },
            )
        )
    return reasons


def _override_reasons(subject: str, overrides: Iterable[Override]) -> list[ScreenReason]:
    return [
        ScreenReason(
            kind="override",
            id=subject,
            verdict=one.verdict,
            detail={
                "en": f"{one.by}{f', {one.date}' if one.date else ''}: {one.memo}",
                "zh": f"{one.by}{f'（{one.date}）' if one.date else ''}：{one.memo}",
            },
        )
        for one in overrides
        if one.subject == subject
    ]


# --------------------------------------------------------------------------- screens


def screen_code(
    code: str,
    playbook: Playbook,
    parties: Sequence[Party],
    rivalry: Mapping[str, Estimate],
    settings: ScreeningSettings,
    as_of: date,
    overrides: Sequence[Override] = (),
) -> Screen:
    """Screen one code.

    A tension whose subject is the code counts in full; one that only touches it, one step milder,
    so that a broad code is not lost to a narrow dispute.

    Parameters
    ----------
    rivalry
        The code's rivalry index per party (:func:`measure_rivalry`).
    overrides
        Besides those of the playbook.
    """
    active = active_tensions(playbook, parties, as_of)
    reasons = []
    for tension in playbook.tensions:
        relation: Relation | None = (
            "is" if code in tension.codes else "part" if code in tension.touches else None
        )
        if relation and tension.id in active:
            reasons.append(_tension_reason(tension, relation, active[tension.id], as_of, {}))
    return _screen(code, reasons, rivalry, parties, settings, (*playbook.overrides, *overrides))


def relate(topic: Topic, tension: Tension) -> Relation | None:
    """Say how a tension bears on a topic.

    From the codes: ``is`` where all core codes are its subject, ``part`` where some are, ``near``
    where it touches a core code or its subject is a supporting one. What the topic itself declares
    counts beside that, and the closer of the two holds: a declaration cannot soften the codes (an
    override with a memo can).
    """
    core = set(topic.core)
    subject = core.intersection(tension.codes)
    found: list[Relation] = [one.relation for one in topic.tensions if one.id == tension.id]
    if subject:
        found.append("is" if subject == core else "part")
    elif core.intersection(tension.touches) or set(topic.supporting).intersection(tension.codes):
        found.append("near")
    return max(found, key=_RELATIONS.index) if found else None


def screen_topic(
    topic: Topic,
    playbook: Playbook,
    parties: Sequence[Party],
    rivalry: Mapping[str, Estimate],
    settings: ScreeningSettings,
    as_of: date,
    overrides: Sequence[Override] = (),
) -> Screen:
    """Screen one topic by its tensions, the rivalry index of its core codes, and overrides.

    Parameters
    ----------
    rivalry
        Index over the segments with any core code (:func:`measure_rivalry` with ``topic.core``).
    """
    active = active_tensions(playbook, parties, as_of)
    reasons = []
    for tension in playbook.tensions:
        relation = relate(topic, tension)
        if relation and tension.id in active:
            out = next((one.keep_out for one in topic.tensions if one.id == tension.id), {})
            reasons.append(_tension_reason(tension, relation, active[tension.id], as_of, out))
    return _screen(topic.id, reasons, rivalry, parties, settings, (*playbook.overrides, *overrides))


def _screen(
    subject: str,
    reasons: list[ScreenReason],
    rivalry: Mapping[str, Estimate],
    parties: Sequence[Party],
    settings: ScreeningSettings,
    overrides: Sequence[Override],
) -> Screen:
    reasons.extend(_rivalry_reasons(rivalry, parties, settings))
    reasons.sort(key=lambda reason: -SEVERITY[reason.verdict])
    reasons.extend(_override_reasons(subject, overrides))
    return Screen(
        subject=subject,
        verdict=combine_reasons(reasons),
        reasons=tuple(reasons),
        rivalry=dict(rivalry),
    )


def screen_codes(
    codebook: Codebook,
    codings: Iterable[Coding],
    documents: Sequence[Document],
    parties: Sequence[Party],
    playbook: Playbook,
    settings: ScreeningSettings,
    as_of: date,
    rivalries: Mapping[str, Rivalry],
    overrides: Sequence[Override] = (),
    level: float = 0.95,
) -> dict[str, Screen]:
    """Screen every code of a codebook; codings, documents and rivalries are those in scope."""
    held = tuple(codings)
    sharers = _codings_by_code(held, codebook)
    return {
        code.id: screen_code(
            code.id,
            playbook,
            parties,
            measure_rivalry(
                (code.id,), sharers.get(code.id, ()), codebook, documents, parties, rivalries,
                settings, level,
            ),
            settings,
            as_of,
            overrides,
        )
        for code in codebook.codes
    }  # fmt: skip


def screen_topics(
    codebook: Codebook,
    codings: Iterable[Coding],
    documents: Sequence[Document],
    parties: Sequence[Party],
    playbook: Playbook,
    settings: ScreeningSettings,
    as_of: date,
    rivalries: Mapping[str, Rivalry],
    overrides: Sequence[Override] = (),
    level: float = 0.95,
) -> dict[str, Screen]:
    """Screen every topic of a playbook; arguments as for :func:`screen_codes`."""
    sharers = _codings_by_code(tuple(codings), codebook)
    return {
        topic.id: screen_topic(
            topic,
            playbook,
            parties,
            measure_rivalry(
                topic.core,
                [one for code in topic.core for one in sharers.get(code, ())],
                codebook, documents, parties, rivalries, settings, level,
            ),
            settings,
            as_of,
            overrides,
        )
        for topic in playbook.topics
    }  # fmt: skip


def _codings_by_code(
    codings: Sequence[Coding], codebook: Codebook
) -> dict[str, list[Coding]]:  # fmt: skip
    """Group codings under their code and its ancestors, so that no code reads all of them."""
    above = lineage(codebook)
    grouped: dict[str, list[Coding]] = {}
    for coding in codings:
        for code in above.get(coding.code, ()):
            grouped.setdefault(code, []).append(coding)
    return grouped
