"""Recommendation: topics, their support and screen, and the decision table of tracks.

A pure function from values to values: everything it says of a topic can be read back from
``Recommendation.inputs`` and the playbook's rules. See ``docs/method/recommendation.md``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from math import ceil
from typing import Any

from qiutong.model import (
    Codebook,
    CounterEvidence,
    Document,
    EvidencePair,
    Force,
    Forum,
    Grade,
    Overlap,
    Party,
    Recommendation,
    Screen,
    ScreenVerdict,
    TrackAdvice,
    Verdict,
    WouldChange,
)
from qiutong.playbook import (
    Playbook,
    Rule,
    Topic,
    TrackTable,
    When,
    any_of,
    known_on,
    stands,
    text_in,
)
from qiutong.screening import SEVERITY, combine_reasons
from qiutong.settings import Settings, Thresholds

_GRADES = (
    Grade.UNDEFINED,
    Grade.ABSENT,
    Grade.ONE_SIDED,
    Grade.PARTIAL,
    Grade.LIMITED,
    Grade.MODERATE,
    Grade.STRONG,
)
RANK: dict[Grade, int] = {grade: rank for rank, grade in enumerate(_GRADES)}
"""Order of the grades; an undefined one never supports anything."""

Names = dict[str, str]

GRADE_ZH = {
    Grade.STRONG: "强",
    Grade.MODERATE: "中等",
    Grade.LIMITED: "有限",
    Grade.PARTIAL: "部分方",
    Grade.ONE_SIDED: "单方",
    Grade.ABSENT: "无",
    Grade.UNDEFINED: "无法判定",
}
_FORCES = {Force.BINDING: "binding", Force.VOLUNTARY: "voluntary"}
_FIRMNESS = ("silent", "exploratory", "voluntary", "binding")
_SETTLED = {
    "binding": ("binding rules on every side", "各方均有约束性规定"),
    "voluntary": ("voluntary standards or commitments on every side", "各方均为自愿性标准或承诺"),
    "exploratory": ("principles and plans only, on every side", "各方均停留在原则与规划层面"),
    "uneven": ("unevenly settled", "各方规范的约束力不一"),
    "silent": ("at least one side without a text on it", "至少一方没有相关文本"),
}
_SPEAKS = {
    "all": ("if {} spoke on it on every side", "若各方{}均述及该主题"),
    "some": ("if {} spoke on it on some sides only", "若仅部分方的{}述及该主题"),
    "none": ("if {} spoke on it on no side", "若各方{}均未述及该主题"),
}


# --------------------------------------------------------------------------- support


def is_supported(grades: Sequence[Grade], min_grade: Grade, core_share: float) -> bool:
    """Whether enough core codes reach the lowest grade that counts.

    Parameters
    ----------
    grades
        Grades of the core codes; without any there is no support.
    min_grade, core_share
        See :class:`qiutong.settings.TopicSettings`.
    """
    if not grades:
        return False
    floor = max(RANK[min_grade], RANK[Grade.ABSENT])  # undefined is no grade to rest on
    reached = sum(RANK[grade] >= floor for grade in grades)
    return reached / len(grades) >= core_share - 1e-9


def give_verdict(supported: bool, screen: ScreenVerdict) -> Verdict:
    """Set aside before all; then support; then care.

    What is set aside is set aside however strong the overlap: strong overlap on a disputed subject
    is two sides describing one quarrel.
    """
    if screen is ScreenVerdict.SET_ASIDE:
        return Verdict.SET_ASIDE
    if not supported:
        return Verdict.NOT_SUPPORTED
    care = screen is ScreenVerdict.HANDLE_WITH_CARE
    return Verdict.HANDLE_WITH_CARE if care else Verdict.RECOMMENDED


# --------------------------------------------------------------------------- inputs of the table


def open_fora(fora: Iterable[Forum], parties: Sequence[Party], as_of: date) -> tuple[Forum, ...]:
    """List the fora at work on a day in which every compared party takes part, fully or in part."""
    return tuple(
        forum
        for forum in fora
        if not forum.planned
        and stands(forum.since, forum.until, as_of)
        and all(forum.parties.get(party.id) in ("yes", "partial") for party in parties)
    )


def table_inputs(
    topic: Topic,
    playbook: Playbook,
    overlaps: Mapping[str, Overlap],
    documents: Sequence[Document],
    parties: Sequence[Party],
    as_of: date,
) -> dict[str, Any]:
    """Compute what the decision table asks of a topic.

    Parameters
    ----------
    overlaps
        By code id.
    documents
        In scope as of the date.

    Returns
    -------
    dict
        ``grade``, ``national_security``, ``precedent``, ``speaks`` (class: all, some, none),
        ``settled``, ``channels`` (kind: forum ids) and ``subject`` as
        :class:`~qiutong.playbook.When` knows them; beside them ``speakers`` (class: party:
        documents with a core code, documents of the class, share), ``settled_by_party`` and
        ``subject_names`` (meaning of each property by language, for those who show it).
    """
    table = playbook.tracks
    carry = {
        party.id: {
            name
            for code in topic.core
            if code in overlaps
            for name in overlaps[code].documents.get(party.id, ())
        }
        for party in parties
    }
    own = [one for one in documents if not one.is_joint]
    speakers: dict[str, dict[str, dict[str, float | int | None]]] = {}
    speaks: dict[str, str] = {}
    for group, types in table.speakers.items():
        speakers[group] = {}
        for party in parties:
            of_class = [o for o in own if o.party == party.id and o.issuer_type in types]
            count = sum(one.id in carry[party.id] for one in of_class)
            speakers[group][party.id] = {
                "documents": count,
                "of": len(of_class),
                "share": count / len(of_class) if of_class else None,
            }
        loud = sum(
            int(held["documents"] or 0) >= table.fewest_documents
            for held in speakers[group].values()
        )
        speaks[group] = "none" if not loud else "all" if loud == len(parties) else "some"
    settled_by_party = {
        party.id: max(
            (
                _FORCES.get(one.force, "exploratory")
                for one in own
                if one.party == party.id and one.id in carry[party.id]
            ),
            key=_FIRMNESS.index,
            default="silent",
        )
        for party in parties
    }
    firmness = set(settled_by_party.values()) or {"silent"}
    channels: dict[str, list[str]] = {}
    for forum in open_fora(playbook.fora, parties, as_of):
        channels.setdefault(forum.kind, []).append(forum.id)
    precedents = _precedents(topic, overlaps)
    grades = [_grade(overlaps, code) for code in topic.core]
    return {
        "grade": str(min(grades, key=RANK.__getitem__, default=Grade.UNDEFINED)),
        "national_security": not set(topic.core).isdisjoint(table.national_security_codes),
        "precedent": bool(precedents),
        "precedents": list(precedents),
        "speaks": speaks,
        "speakers": speakers,
        "settled": "silent"
        if "silent" in firmness
        else next(iter(firmness))
        if len(firmness) == 1
        else "uneven",
        "settled_by_party": settled_by_party,
        "channels": channels,
        "subject": {one.id: topic.subject.get(one.id, False) for one in table.properties},
        "subject_names": {one.id: one.meaning for one in table.properties},
    }


def _grade(overlaps: Mapping[str, Overlap], code: str) -> Grade:
    return overlaps[code].grade if code in overlaps else Grade.UNDEFINED


def _precedents(topic: Topic, overlaps: Mapping[str, Overlap]) -> tuple[str, ...]:
    found = [name for code in topic.core if code in overlaps for name in overlaps[code].precedents]
    return tuple(dict.fromkeys(found))


# --------------------------------------------------------------------------- the table


def rule_fires(when: When, inputs: Mapping[str, Any]) -> bool:
    """Whether all conditions of a rule hold; a list of values means any of them."""
    return (
        (when.national_security is None or when.national_security == inputs["national_security"])
        and (when.precedent is None or when.precedent == inputs["precedent"])
        and all(inputs["speaks"].get(g, "none") in any_of(v) for g, v in when.speaks.items())
        and (not when.settled or inputs["settled"] in any_of(when.settled))
        and (not when.channels or any(inputs["channels"].get(k) for k in any_of(when.channels)))
        and (not when.grade or inputs["grade"] in any_of(when.grade))
        and all(inputs["subject"].get(name, False) == v for name, v in when.subject.items())
    )


def fire_rules(table: TrackTable, inputs: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Give the first row that fires, then every ``also`` row that adds another track."""
    main = next((r for r in table.rules if not r.also and rule_fires(r.when, inputs)), None)
    fired = [] if main is None else [main]
    if main is not None:
        for rule in table.rules:
            tracks = {one.track for one in fired}
            if rule.also and rule.track not in tracks and rule_fires(rule.when, inputs):
                fired.append(rule)
    return tuple(fired)


def _fill(text: str, language: str, inputs: Mapping[str, Any], parties: Sequence[Party],
          fora: Sequence[Forum]) -> str:  # fmt: skip
    """Put the inputs into a rule's reason."""
    zh = language.startswith("zh")

    def names(ids: Iterable[str]) -> str:
        wanted = set(ids)
        held = [party.label(language) for party in parties if party.id in wanted]
        if zh:
            return "、".join(held) or "无"
        return " and ".join(held) if len(held) < 3 else ", ".join(held[:-1]) + " and " + held[-1]

    def value(match: re.Match[str]) -> str:
        what, _, group = match[1].partition(".")
        if what in ("speaks", "silent"):
            by = inputs["speakers"].get(group, {})
            ids = [one for one, held in by.items() if bool(held["documents"]) == (what == "speaks")]
            return names(ids) or "none"
        if what == "parties":
            return names(party.id for party in parties)
        if what == "settled":
            return _SETTLED[inputs["settled"]][1 if zh else 0]
        if what == "fora":
            listed = [text_in(forum.name, language) for forum in fora]
            return ("；" if zh else "; ").join(listed) or ("尚无" if zh else "none yet")
        return ", ".join(inputs["precedents"]) or ("无" if zh else "none")

    return re.sub(r"\{([^{}]*)\}", value, text)


def _advise(
    rule: Rule,
    topic: Topic,
    playbook: Playbook,
    inputs: Mapping[str, Any],
    overlaps: Mapping[str, Overlap],
    documents: Sequence[Document],
    parties: Sequence[Party],
    as_of: date,
    most: int = 5,
) -> TrackAdvice:
    table = playbook.tracks
    track = table.track(rule.track)
    natural = {name: rank for rank, name in enumerate(topic.fora)}
    fitting = [one for one in open_fora(playbook.fora, parties, as_of) if one.kind in track.kinds]
    # A forum for one subject (military use, say) is offered only to topics that name it.
    chosen = [one for one in fitting if one.id in natural] or [
        one for one in fitting if not one.special
    ]

    def order(forum: Forum) -> tuple[int, int, str, str]:
        partly = sum(forum.parties.get(party.id) != "yes" for party in parties)
        met = known_on(forum, as_of).last_met
        # Newest meeting first: invert the digits, so that one sort serves all keys.
        return (natural.get(forum.id, len(natural)), partly, _inverted(met), forum.id)

    chosen = sorted(chosen, key=order)[:most]
    types = {kind for group in track.speakers for kind in table.speakers.get(group, ())}
    carrying = {
        party.id: {
            name
            for code in topic.core
            if code in overlaps
            for name in overlaps[code].documents.get(party.id, ())
        }
        for party in parties
    }
    actors = {
        party.id: tuple(
            sorted(
                {
                    one.issuer
                    for one in documents
                    if one.id in carrying[party.id] and one.issuer and one.issuer_type in types
                }
            )
        )
        for party in parties
    }
    return TrackAdvice(
        track=track.id,
        name=track.name,
        rule=rule.id,
        why={one: _fill(text, one, inputs, parties, chosen) for one, text in rule.why.items()},
        fora=tuple(forum.id for forum in chosen),
        actors=actors,
    )


def _inverted(day: str) -> str:
    return "".join(chr(ord("9") - int(c)) if c.isdigit() else c for c in day) or "~"


# --------------------------------------------------------------------------- recommendation


def recommend(
    playbook: Playbook,
    overlaps: Iterable[Overlap],
    screens: Mapping[str, Screen],
    documents: Sequence[Document],
    parties: Sequence[Party],
    settings: Settings,
    as_of: date,
    *,
    codebook: Codebook | None = None,
    evidence: Mapping[str, Sequence[EvidencePair]] | None = None,
    counter_evidence: Mapping[str, Sequence[CounterEvidence]] | None = None,
) -> tuple[Recommendation, ...]:
    """Say of each topic whether to propose it, on which track, where, with whom and why.

    Parameters
    ----------
    playbook
        Topics, tracks and fora (:func:`qiutong.playbook.load_playbook`).
    overlaps
        Of all codes, measured as of the date.
    screens
        Topic id to screen (:func:`qiutong.screening.screen_topics`). A topic without one is clear.
    documents
        In scope as of the date; text is not needed.
    parties
        The parties compared.
    settings
        ``topics`` and ``thresholds`` are used.
    as_of
        The day asked about; fora count if they were at work then.
    codebook
        For code labels in the reasons; ids stand where it is not given.
    evidence, counter_evidence
        By code id, passed through: core codes first, the best of each code before the second best.

    Returns
    -------
    tuple
        One per topic: recommended first, then handle-with-care, not-supported, set-aside, each in
        the playbook's order.
    """
    by_code = {one.code: one for one in overlaps}
    made = [
        _recommend_topic(
            topic, playbook, by_code, screens.get(topic.id) or _clear(topic), documents, parties,
            settings, as_of, _labels(codebook), evidence or {}, counter_evidence or {},
        )
        for topic in playbook.topics
    ]  # fmt: skip
    order = list(_SHOWN)
    return tuple(sorted(made, key=lambda one: order.index(one.verdict)))


_SHOWN = (Verdict.RECOMMENDED, Verdict.HANDLE_WITH_CARE, Verdict.NOT_SUPPORTED, Verdict.SET_ASIDE)


def _clear(topic: Topic) -> Screen:
    return Screen(subject=topic.id, verdict=ScreenVerdict.CLEAR)


def _labels(codebook: Codebook | None) -> dict[str, Names]:
    return {} if codebook is None else {code.id: code.label for code in codebook.codes}


def _recommend_topic(
    topic: Topic,
    playbook: Playbook,
    overlaps: Mapping[str, Overlap],
    screen: Screen,
    documents: Sequence[Document],
    parties: Sequence[Party],
    settings: Settings,
    as_of: date,
    labels: Mapping[str, Names],
    evidence: Mapping[str, Sequence[EvidencePair]],
    counter_evidence: Mapping[str, Sequence[CounterEvidence]],
) -> Recommendation:
    min_grade = topic.min_grade or settings.topics.min_grade
    core_share = topic.core_share or settings.topics.core_share
    grades = {code: _grade(overlaps, code) for code in (*topic.core, *topic.supporting)}
    core = [grades[code] for code in topic.core]
    verdict = give_verdict(is_supported(core, min_grade, core_share), screen.verdict)
    inputs = table_inputs(topic, playbook, overlaps, documents, parties, as_of)
    inputs |= {
        "grades": {code: str(grades[code]) for code in topic.core},
        "min_grade": str(min_grade),
        "core_share": core_share,
        "screen": str(screen.verdict),
    }
    open_to_talk = verdict in (Verdict.RECOMMENDED, Verdict.HANDLE_WITH_CARE)
    rules = fire_rules(playbook.tracks, inputs) if open_to_talk else ()
    advice = tuple(
        _advise(rule, topic, playbook, inputs, overlaps, documents, parties, as_of)
        for rule in rules
    )
    return Recommendation(
        topic=topic.id,
        title=topic.title,
        question=topic.question,
        verdict=verdict,
        why=_why(verdict, topic, grades, overlaps, min_grade, screen, parties, labels),
        core=topic.core,
        supporting=topic.supporting,
        grades=grades,
        tracks=advice,
        fora=tuple(dict.fromkeys(forum for one in advice for forum in one.fora)),
        rule=rules[0].id if rules else "",
        inputs=inputs,
        screen=screen,
        evidence=_interleave(topic, evidence),
        counter_evidence=_interleave(topic, counter_evidence),
        precedents=_precedents(topic, overlaps),
        would_change=(
            *_support_changes(
                topic, overlaps, grades, min_grade, core_share, screen, verdict, parties,
                settings.thresholds, labels,
            ),
            *_screen_changes(topic, playbook, core, min_grade, core_share, screen, verdict),
            *(_input_changes(playbook.tracks, inputs) if open_to_talk else ()),
        ),
    )  # fmt: skip


def _interleave(topic: Topic, by_code: Mapping[str, Sequence[Any]]) -> tuple[Any, ...]:
    taken: list[Any] = []
    for codes in (topic.core, topic.supporting):
        held = [by_code.get(code, ()) for code in codes]
        for rank in range(max(map(len, held), default=0)):
            taken += [items[rank] for items in held if rank < len(items)]
    return tuple(taken)


def _label(labels: Mapping[str, Names], code: str, language: str) -> str:
    return text_in(labels.get(code, {}), language) or code


def _why(
    verdict: Verdict,
    topic: Topic,
    grades: Mapping[str, Grade],
    overlaps: Mapping[str, Overlap],
    min_grade: Grade,
    screen: Screen,
    parties: Sequence[Party],
    labels: Mapping[str, Names],
) -> Names:
    """Compose the reason in one to three sentences."""
    en, zh = [], []
    for code in topic.core:
        held = overlaps.get(code)
        lowest = held.lowest if held else None
        grade = grades[code]
        # Where a side is silent the grade says so already; "at least 0 %" would say nothing.
        share = "" if not lowest else f", in at least {lowest:.0%} of each side's documents"
        share_zh = "" if not lowest else f"，各方均有至少{lowest:.0%}的文件述及"
        if held and held.checked and held.checked.sure is not None:
            sure = f"{held.checked.sure:.0%}" if held.checked.sure < 0.995 else "over 99%"
            share = f" (probability {sure})"
            share_zh = f"（概率{sure.replace('over ', '超过')}）"
            if lowest:
                share += f", in an estimated {lowest:.0%} of each side's documents or more"
                share_zh += f"，各方估计均有{lowest:.0%}或以上的文件述及"
        en.append(f"{_label(labels, code, 'en')}: {grade}{share}")
        zh.append(f"{_label(labels, code, 'zh')}：{GRADE_ZH[grade]}{share_zh}")
    listed_en, listed_zh = "; ".join(en), "；".join(zh)
    weighty = [r for r in screen.reasons if SEVERITY[r.verdict] or r.kind == "override"]
    reason_en = " ".join(text_in(one.detail, "en") for one in weighty[:2])
    reason_zh = "".join(text_in(one.detail, "zh") for one in weighty[:2])
    near = sum(1 for r in screen.reasons if not SEVERITY[r.verdict] and r.kind == "tension")
    note_en = f" {near} neighbouring dispute{'s' * (near != 1)} to keep out." if near else ""
    note_zh = f"另有{near}项相邻争议应当避开。" if near else ""
    if verdict is Verdict.RECOMMENDED:
        return {
            "en": f"The texts of the parties overlap ({listed_en}), and no named tension or rival "
            f"framing rules it out.{note_en}",
            "zh": f"各方文本在此存在交集（{listed_zh}），筛查未发现妨碍对话的分歧或对抗性表述。{note_zh}",
        }
    if verdict is Verdict.HANDLE_WITH_CARE:
        return {
            "en": f"The texts of the parties overlap ({listed_en}), but handle with care. "
            f"{reason_en}{note_en}",
            "zh": f"各方文本在此存在交集（{listed_zh}），但须审慎处理。{reason_zh}{note_zh}",
        }
    if verdict is Verdict.SET_ASIDE:
        return {
            "en": f"Set aside, whatever the overlap ({listed_en}). {reason_en}",
            "zh": f"无论交集如何（{listed_zh}），均予搁置。{reason_zh}",
        }
    return {
        "en": f"The texts do not carry it: {listed_en}; at least {min_grade} is asked.",
        "zh": f"文本依据不足（{listed_zh}）；要求达到“{GRADE_ZH[min_grade]}”。",
    }


# --------------------------------------------------------------------------- what would change it


def _bound(grade: Grade, thresholds: Thresholds) -> float | None:
    """Lower bound of a grade as a share; 0 for any document at all, None where shares say nothing."""
    return {
        Grade.STRONG: thresholds.strong, Grade.MODERATE: thresholds.moderate, Grade.LIMITED: 0.0
    }.get(grade)  # fmt: skip


def _corrected_changes(
    overlap: Overlap,
    names: Names,
    bound: float,
    parties: Sequence[Party],
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Say, in English and Chinese, what share would reach a grade, and what would fall short of it.

    An estimated share has no count of documents, so shares are named; ``bound`` is the grade's
    lower bound, 0 for any document at all.
    """
    shares = [overlap.prevalence[party.id].value or 0.0 for party in parties]
    lowest, share = min(zip(parties, shares, strict=True), key=lambda one: one[1])
    now, now_zh = (
        comma.join(
            f"{party.label(language)}{gap}{share:.0%}"
            for party, share in zip(parties, shares, strict=True)
        )
        for language, comma, gap in (("en", ", ", " "), ("zh", "，", ""))
    )
    least, fewer = f"at least {bound:.0%}", f"fewer than {bound:.0%}"
    least_zh, fewer_zh = f"至少{bound:.0%}的文件", f"仅有不足{bound:.0%}的文件"
    if not bound:
        least, fewer, least_zh, fewer_zh = "one or more", "none", "一份或多份文件", "没有文件"
    return (
        (
            f"“{names['en']}” were in {least} of the documents of every side (estimated: {now})",
            f"“{names['zh']}”：各方均有{least_zh}述及（现估计：{now_zh}）",
        ),
        (
            f"“{names['en']}” were in {fewer} of the documents of {lowest.label('en')} "
            f"(estimated: {share:.0%})",
            f"{lowest.label('zh')}{fewer_zh}述及“{names['zh']}”（现估计：{share:.0%}）",
        ),
    )


def _support_changes(
    topic: Topic,
    overlaps: Mapping[str, Overlap],
    grades: Mapping[str, Grade],
    min_grade: Grade,
    core_share: float,
    screen: Screen,
    verdict: Verdict,
    parties: Sequence[Party],
    thresholds: Thresholds,
    labels: Mapping[str, Names],
) -> list[WouldChange]:
    """Say how many documents, or which rule of support, would turn the verdict."""

    def judge(changed: Mapping[str, Grade], floor: Grade = min_grade) -> Verdict:
        held = [changed.get(code, grades[code]) for code in topic.core]
        return give_verdict(is_supported(held, floor, core_share), screen.verdict)

    changes: list[WouldChange] = []
    lifts: dict[str, tuple[str, str]] = {}
    bound = _bound(min_grade, thresholds)
    for code in topic.core:
        if bound is None:
            break
        names = {one: _label(labels, code, one) for one in ("en", "zh")}
        lower = _GRADES[RANK[min_grade] - 1]
        if code in overlaps and overlaps[code].is_corrected:
            reaching, falling = _corrected_changes(overlaps[code], names, bound, parties)
            if RANK[grades[code]] < RANK[min_grade]:
                lifts[code] = reaching
            elif (after := judge({code: lower})) is not verdict:
                en, zh = falling
                changes.append(
                    WouldChange(change={"en": f"if {en}", "zh": f"若{zh}"}, verdict=after)
                )
            continue
        counts = overlaps[code].prevalence if code in overlaps else {}
        gaps = []
        for party in parties:
            held = counts.get(party.id)
            if held is not None and held.total:
                need = max(1, ceil(bound * held.total - 1e-9))  # fewest documents for the grade
                gaps.append((party, need - held.count, held.total))
        if len(gaps) < len(parties):
            continue
        if RANK[grades[code]] >= RANK[min_grade]:
            party, gap, total = max(gaps, key=lambda one: one[1])  # the side nearest to falling
            after = judge({code: lower})
            if after is not verdict:
                lose = 1 - gap
                changes.append(
                    WouldChange(
                        change={
                            "en": f"if {lose} fewer of the {total} documents of {party.label('en')} "
                            f"carried “{names['en']}”",
                            "zh": f"若{party.label('zh')}的{total}份文件中，述及“{names['zh']}”的减少{lose}份",
                        },
                        verdict=after,
                    )
                )
            continue
        short = [one for one in gaps if one[1] > 0]
        lifts[code] = (
            f"“{names['en']}” were in "
            + " and ".join(
                f"{n} more of the {t} documents of {p.label('en')}" for p, n, t in short
            ),
            f"“{names['zh']}”："
            + "，".join(f"{p.label('zh')}{t}份文件中再有{n}份述及" for p, n, t in short),
        )
    single = [(code, judge({code: min_grade})) for code in lifts]
    sets: list[tuple[tuple[str, ...], Verdict]]
    if any(after is not verdict for _, after in single):
        sets = [((code,), after) for code, after in single if after is not verdict]
    else:
        sets = [(tuple(lifts), judge(dict.fromkeys(lifts, min_grade)))]
    for codes, after in sets:
        if codes and after is not verdict:
            change = {
                "en": "if " + "; ".join(lifts[code][0] for code in codes),
                "zh": "若" + "；".join(lifts[code][1] for code in codes),
            }
            changes.append(WouldChange(change=change, verdict=after))
    for step in (-1, 1):
        rank = RANK[min_grade] + step
        if not RANK[Grade.LIMITED] <= rank <= RANK[Grade.STRONG]:
            continue
        floor = _GRADES[rank]
        after = judge({}, floor)
        if after is not verdict:
            change = {
                "en": f"if {floor} instead of {min_grade} were the lowest grade that supports a topic",
                "zh": f"若把支持议题的最低评级由“{GRADE_ZH[min_grade]}”改为“{GRADE_ZH[floor]}”",
            }
            changes.append(WouldChange(change=change, verdict=after))
    return changes


_KINDS = {
    "tension": ("if there were no tension “{}”", "若无“{}”这一分歧"),
    "rivalry": ("if the texts of {} had no rival framing", "若{}文本中没有对抗性表述"),
    "override": ("if the analyst's override on “{}” were lifted", "若撤销分析者对“{}”的裁定"),
}


def _screen_changes(
    topic: Topic,
    playbook: Playbook,
    core: Sequence[Grade],
    min_grade: Grade,
    core_share: float,
    screen: Screen,
    verdict: Verdict,
) -> list[WouldChange]:
    """Take each reason of the screen away in turn; then all tensions at once if none is alone."""
    supported = is_supported(core, min_grade, core_share)
    names = {tension.id: tension.name for tension in playbook.tensions}
    changes = []
    for dropped in screen.reasons:
        rest = combine_reasons(one for one in screen.reasons if one is not dropped)
        after = give_verdict(supported, rest)
        if after is verdict:
            continue
        named = names.get(dropped.id, {}) if dropped.kind == "tension" else {}
        if dropped.kind == "override":
            named = topic.title
        en, zh = _KINDS[dropped.kind]
        change = {
            "en": en.format(text_in(named, "en") or dropped.id),
            "zh": zh.format(text_in(named, "zh") or dropped.id),
        }
        changes.append(WouldChange(change=change, verdict=after))
    weighty = [one for one in screen.reasons if SEVERITY[one.verdict] and one.kind == "tension"]
    if not changes and len(weighty) > 1:
        rest = combine_reasons(one for one in screen.reasons if one not in weighty)
        after = give_verdict(supported, rest)
        if after is not verdict:
            listed = [names.get(one.id, {}) for one in weighty]
            change = {
                "en": "if there were none of: " + "; ".join(text_in(one, "en") for one in listed),
                "zh": "若以下分歧均不存在：" + "；".join(text_in(one, "zh") for one in listed),
            }
            changes.append(WouldChange(change=change, verdict=after))
    return changes


def _input_changes(table: TrackTable, inputs: Mapping[str, Any]) -> list[WouldChange]:
    """Flip each input of the table in turn; tell those that give another main track."""
    now = [rule.track for rule in fire_rules(table, inputs)][:1]
    changes = []
    for change, changed in _flips(table, inputs):
        after = [rule.track for rule in fire_rules(table, changed)]
        if after[:1] != now:
            changes.append(WouldChange(change=change, tracks=tuple(after)))
    return changes


def _flips(table: TrackTable, inputs: Mapping[str, Any]) -> Iterable[tuple[Names, dict[str, Any]]]:
    security = inputs["national_security"]
    yield (
        {
            "en": f"if the subject were {'not ' if security else ''}one of national security",
            "zh": f"若该主题{'不' if security else ''}涉及国家安全",
        },
        {**inputs, "national_security": not security},
    )
    for item in table.properties:
        holds = inputs["subject"].get(item.id, False)
        yield (
            {
                "en": f"if this were {'not ' if holds else ''}so: {text_in(item.meaning, 'en')}",
                "zh": f"若{'并非如此' if holds else '确属如此'}：{text_in(item.meaning, 'zh')}",
            },
            {**inputs, "subject": {**inputs["subject"], item.id: not holds}},
        )
    for group, now in inputs["speaks"].items():
        name = table.speaker_names.get(group, {})
        for value, (en, zh) in _SPEAKS.items():
            if value != now:
                yield (
                    {
                        "en": en.format(text_in(name, "en") or group),
                        "zh": zh.format(text_in(name, "zh") or group),
                    },
                    {**inputs, "speaks": {**inputs["speaks"], group: value}},
                )
    for value, (en, zh) in _SETTLED.items():
        if value != inputs["settled"]:
            yield (
                {"en": f"if it stood so: {en}", "zh": f"若情况为：{zh}"},
                {**inputs, "settled": value},
            )
    for kind in sorted({kind for track in table.tracks for kind in track.kinds}):
        held = inputs["channels"].get(kind, [])
        names = [track.name for track in table.tracks if kind in track.kinds]
        en, zh = (text_in(names[0], one) for one in ("en", "zh"))
        yield (
            {
                "en": f"if there were {'no' if held else 'an'} open forum of this kind: {en}",
                "zh": f"若{'没有' if held else '有'}此类渠道：{zh}",
            },
            {**inputs, "channels": {**inputs["channels"], kind: [] if held else ["new"]}},
        )
