"""Invented results for the report and table tests: no real document, code, forum or person.

Realistic in shape: two languages, digests and translations, an undefined estimate, hostile markup
in every kind of text, one long provision, and a third party on request.
"""

from datetime import date

from msgspec import structs

from qiutong.model import (
    Checked,
    Code,
    Codebook,
    Coder,
    CoderKind,
    CounterEvidence,
    Document,
    Estimate,
    EvidencePair,
    Force,
    Forum,
    Grade,
    GradeSwitch,
    Instrument,
    IssuerType,
    Overlap,
    Party,
    Passage,
    Position,
    Recommendation,
    Results,
    Screen,
    ScreenReason,
    ScreenVerdict,
    Source,
    Stability,
    Status,
    TextKind,
    TrackAdvice,
    Verdict,
    WouldChange,
)

HOSTILE = '<script>alert("x")</script>"></a><img src=x onerror=alert(1)>'

PARTIES = (
    Party(id="nor", name={"en": "Northland", "zh": "北国"}),
    Party(id="sou", name={"en": "Southland", "zh": "南国"}),
    Party(id="wes", name={"en": "Westland", "zh": "西国"}),
)

_CODES = (
    # id, parent, dimension, en, zh
    ("risk.misuse", "", "risk", "Misuse by malicious actors", "恶意行为者滥用"),
    ("risk.misuse.bio", "risk.misuse", "risk", "Help with biological harm", "协助生物危害"),
    ("risk.misuse.cyber", "risk.misuse", "risk", "Help with attacks on networks", "协助网络攻击"),
    ("risk.reliability", "", "risk", "Systems that fail in use", "系统运行失灵"),
    ("risk.labour", "", "risk", "Loss of work", "就业冲击"),
    ("risk.energy", "", "risk", "Use of energy and water", "能源与水资源消耗"),
    ("risk.animals", "", "risk", "Harm to animals", "对动物的危害"),
    ("gov.testing", "", "gov", "Testing by deliberate attack", "对抗性测试"),
    ("gov.label", "", "gov", "Marking generated content", "生成内容标识"),
    ("gov.compute", "", "gov", "Limits on access to computing power", "限制算力获取"),
    ("gov.exchange", "", "gov", "Exchange of incident reports", "事故信息交换"),
    ("gov.consult", "", "gov", "Hearing those affected", "听取受影响者意见"),
)

_LONG = (
    "The operator of a large model keeps a written plan for the case that the model behaves in a "
    "way nobody foresaw. The plan names who decides, within which time, and on what evidence. "
) * 5

_PROVISIONS = {
    "nor-order": (
        "Sec. 3(b)(ii)", 4, Position.REQUIRES,
        _LONG + "Before release, the operator shall have the model attacked by people who did not "
        "build it, and shall record what they found. " + _LONG,
        "the operator shall have the model attacked by people who did not build it",
    ),
    "nor-pledge": (
        "Commitment 2", None, Position.COMMITS,
        "We will mark pictures and sound made by our models so that others can tell. "
        "The mark survives ordinary copying.",
        "We will mark pictures and sound made by our models so that others can tell.",
    ),
    "nor-strategy": (
        "Part II, para. 7", 12, Position.WARNS,
        f"Southland and its state firms are a threat to our lead in computing power. {HOSTILE}",
        f"Southland and its state firms are a threat to our lead in computing power. {HOSTILE}",
    ),
    "sou-rules": (
        "第十二条第二款（一）", 3, Position.REQUIRES,
        "第十二条 提供者应当建立健全管理制度。\n（一）上线前应当组织未参与研发的人员开展攻击性测试，"
        "并如实记录测试结果；\n（二）发现重大缺陷的，应当暂停提供服务。",
        "上线前应当组织未参与研发的人员开展攻击性测试，并如实记录测试结果",
    ),
    "sou-charter": (
        "第四条", None, Position.ENCOURAGES,
        "鼓励企业对生成的图像和声音加注可识别的标记，便于公众辨别。",
        "鼓励企业对生成的图像和声音加注可识别的标记",
    ),
    "sou-plan": (
        "第二章第三节", None, Position.MENTIONS,
        "个别国家以安全为名限制算力供应，损害各国共同利益。我们反对此类做法。",
        "个别国家以安全为名限制算力供应，损害各国共同利益",
    ),
    "wes-code": (
        "Art. 5, al. 2", 9, Position.ENCOURAGES,
        "Les fournisseurs sont invités à faire éprouver leurs modèles par des tiers avant toute "
        "mise en service.",
        "faire éprouver leurs modèles par des tiers avant toute mise en service",
    ),
}  # fmt: skip


def _document(name: str, party: str, title: str, language: str, **more: object) -> Document:
    return Document(
        id=name, party=party, title=title, language=language, sha256="ab12" * 16,
        url=f"https://example.org/{name}", **more,  # type: ignore[arg-type]
    )  # fmt: skip


DOCUMENTS = (
    _document(
        "nor-order", "nor", "Order on the Testing of Large Models", "en", issuer="Office of the Chair",
        issuer_type=IssuerType.CENTRAL_GOVERNMENT, instrument=Instrument.EXECUTIVE_ORDER,
        force=Force.BINDING, date_issued=date(2023, 10, 5), status=Status.IN_FORCE,
    ),
    _document(
        "nor-pledge", "nor", "Pledges of the Model Makers", "en", issuer="Ring of Model Makers",
        issuer_type=IssuerType.INDUSTRY_ASSOCIATION, instrument=Instrument.VOLUNTARY_COMMITMENT,
        force=Force.VOLUNTARY, date_issued=date(2023, 7, 1), status=Status.IN_FORCE,
        text_kind=TextKind.DIGEST,
    ),
    _document(
        "nor-strategy", "nor", f"Strategy for Computing {HOSTILE}", "en",
        issuer=f"Ministry {HOSTILE}", issuer_type=IssuerType.CENTRAL_GOVERNMENT,
        instrument=Instrument.STRATEGY, force=Force.ASPIRATIONAL, date_issued=date(2024, 2, 9),
    ),
    _document(
        "sou-rules", "sou", "大模型服务管理规定", "zh", title_en="Rules on Large-Model Services",
        issuer="南国技术监管署", issuer_type=IssuerType.CENTRAL_GOVERNMENT,
        instrument=Instrument.REGULATION, force=Force.BINDING, date_issued=date(2023, 8, 15),
        date_effective=date(2024, 1, 1), status=Status.IN_FORCE,
    ),
    _document(
        "sou-charter", "sou", "企业自律公约", "zh", title_en="Charter of Self-Restraint",
        issuer="南国人工智能协会", issuer_type=IssuerType.INDUSTRY_ASSOCIATION,
        instrument=Instrument.VOLUNTARY_COMMITMENT, force=Force.VOLUNTARY,
        date_issued=date(2024, 5, 20), text_kind=TextKind.DIGEST,
    ),
    _document(
        "sou-plan", "sou", "算力发展规划", "zh", title_en="Plan for Computing Power",
        issuer="南国发展委", issuer_type=IssuerType.CENTRAL_GOVERNMENT,
        instrument=Instrument.STRATEGY, force=Force.ASPIRATIONAL, date_issued=date(2024, 3, 1),
        text_kind=TextKind.TRANSLATION,
    ),
)  # fmt: skip
_WEST = _document(
    "wes-code", "wes", "Code des bonnes pratiques", "fr", title_en="Code of Good Practice",
    issuer="Conseil du numérique", issuer_type=IssuerType.EXPERT_GROUP,
    instrument=Instrument.GUIDANCE, force=Force.VOLUNTARY, date_issued=date(2024, 6, 1),
)  # fmt: skip
_JOINT = _document(
    "joint-lake", "", "Declaration of the Lake Meeting", "en", issuer="Lake Meeting",
    issuer_type=IssuerType.DIPLOMATIC, instrument=Instrument.STATEMENT, force=Force.ASPIRATIONAL,
    date_issued=date(2023, 11, 2), endorsed_by=("nor", "sou"),
)  # fmt: skip
_REPEALED = Document(
    id="nor-old", party="nor", title="Guide of 2019", language="en", issuer="Office of the Chair",
    url="javascript:alert(1)", date_issued=date(2019, 1, 1), status=Status.RESCINDED,
    status_date=date(2022, 1, 1),
)  # fmt: skip


def passage(document: str) -> Passage:
    """Give the invented passage of an invented document."""
    locator, page, position, provision, quote = _PROVISIONS[document]
    start = 1000 + provision.index(quote)
    language = {"nor": "en", "sou": "zh", "wes": "fr"}[document[:3]]
    return Passage(
        document=document, party=document[:3], segment=f"{document}:1000-{1000 + len(provision)}",
        locator=locator, start=start, end=start + len(quote), text=quote, segment_start=1000,
        segment_end=1000 + len(provision), segment_text=provision, language=language, page=page,
        position=position, confidence=0.8,
    )  # fmt: skip


def _estimate(count: int, total: int) -> Estimate:
    if total == 0:
        return Estimate(value=None, undefined="the party has no document in scope")
    share = count / total
    return Estimate(
        value=share, low=max(0.0, share - 0.25), high=min(1.0, share + 0.25), count=count,
        total=total,
    )  # fmt: skip


def _overlap(
    code: str, grade: Grade, counts: dict[str, tuple[int, int]], agreement: float | None = 0.94,
    without: tuple[GradeSwitch, ...] = (), precedents: tuple[str, ...] = (),
) -> Overlap:  # fmt: skip
    own = {"nor": ("nor-order", "nor-pledge", "nor-strategy"), "wes": ("wes-code",),
           "sou": ("sou-rules", "sou-charter", "sou-plan")}  # fmt: skip
    prevalence = {party: _estimate(*held) for party, held in counts.items()}
    values = [one.value for one in prevalence.values()]
    known = [value for value in values if value is not None]
    return Overlap(
        code=code,
        grade=grade,
        lowest=min(known) if len(known) == len(values) else None,
        prevalence=prevalence,
        salience={party: _estimate(min(n, 4), 4 * of) for party, (n, of) in counts.items()},
        documents={party: own[party][: held[0]] for party, held in counts.items()},
        stability=None
        if agreement is None
        else Stability(
            resampled={grade: agreement, Grade.LIMITED: 1 - agreement}, agreement=agreement,
            resamples=1000, seed=7, without=without,
            thresholds=(GradeSwitch(change="strong=0.6 moderate=0.35", grade=Grade.MODERATE),),
        ),
        precedents=precedents,
        undefined="" if None not in values else "the party has no document in scope",
    )  # fmt: skip


def fake_results(parties: int = 2, undefined: bool = True) -> Results:
    """Make invented results.

    Parameters
    ----------
    parties
        Two or three.
    undefined
        Whether one code's estimates are undefined.
    """
    chosen = PARTIES[:parties]

    def counts(nor: int, sou: int, wes: int = 1) -> dict[str, tuple[int, int]]:
        held = {"nor": (nor, 3), "sou": (sou, 3), "wes": (wes, 1)}
        return {party.id: held[party.id] for party in chosen}

    def pair(code: str, *documents: str, note: str = "", note_zh: str = "") -> EvidencePair:
        wanted = [one for one in documents if one[:3] in {party.id for party in chosen}]
        return EvidencePair(
            code=code, passages=tuple(map(passage, wanted)), similarity=0.71, note=note,
            note_zh=note_zh,
        )  # fmt: skip

    testing = pair(
        "gov.testing", "nor-order", "sou-rules", "wes-code",
        note="Northland's text is an order that its next chair can take back.",
        note_zh="北国文件为行政令，后任可予撤销。",
    )  # fmt: skip
    testing_2 = pair("gov.testing", "nor-pledge", "sou-rules", "wes-code")
    label = pair("gov.label", "nor-pledge", "sou-charter")
    compute = pair("gov.compute", "nor-strategy", "sou-plan")
    uneven = CounterEvidence(
        code="gov.label", kind="uneven-force",
        why="Northland's makers commit themselves; Southland's are only encouraged.",
        why_zh="北国企业作出承诺，南国仅属鼓励。",
        passage=passage("nor-pledge"), against=passage("sou-charter"),
    )  # fmt: skip
    rival = CounterEvidence(
        code="gov.compute", kind="rivalry", why="The provision names Southland as a threat.",
        why_zh="该条款将南国称为威胁。", passage=passage("nor-strategy"),
        against=passage("sou-plan"),
    )  # fmt: skip
    silence = CounterEvidence(
        code="gov.testing", kind="silence", why=f"No passage on it was found in two of three plans. {HOSTILE}",
        why_zh="三份规划中有两份未发现相关条款。",
    )  # fmt: skip
    tension = ScreenReason(
        kind="tension", id="computing-power", verdict=ScreenVerdict.SET_ASIDE,
        detail={
            "en": "The dispute itself: limits on computing power. Each side has acted against the other.",
            "zh": "本身即为分歧所在：算力限制。双方均已采取针对对方的措施。",
        },
        sources=(
            Source(text="Notice 12 of the Ministry", url="https://example.org/n12",
                   date="2023-09-01", party="nor", verified="yes",
                   fact={"en": "Licences are refused.", "zh": "不予许可。"}),
            Source(text="Answer of the Commission", url="javascript:alert(2)", date="2023-10",
                   party="sou", verified="memory"),
        ),
    )  # fmt: skip
    rivalry = {
        "nor": _estimate(4, 9),
        "sou": Estimate(value=None, undefined="fewer than 5 provisions"),
    }
    aside = Screen(
        subject="gov.compute", verdict=ScreenVerdict.SET_ASIDE, rivalry=rivalry,
        reasons=(
            tension,
            ScreenReason(
                kind="override", id="gov.compute", verdict=ScreenVerdict.SET_ASIDE,
                detail={"en": f"A. Analyst, 2024-06-01: not now. {HOSTILE}",
                        "zh": "分析员甲（2024-06-01）：时机不宜。"},
            ),
        ),
    )  # fmt: skip
    careful = Screen(
        subject="risk.misuse.cyber", verdict=ScreenVerdict.HANDLE_WITH_CARE, rivalry=rivalry,
        reasons=(
            ScreenReason(
                kind="rivalry", id="nor", verdict=ScreenVerdict.HANDLE_WITH_CARE,
                detail={"en": "44% of Northland's provisions on it name Southland as a threat.",
                        "zh": "北国相关条款中有 44% 将南国称为威胁。"},
            ),
        ),
    )  # fmt: skip
    mid, low = counts(2, 1), counts(1, 1)
    overlaps = [
        _overlap("risk.misuse", Grade.STRONG, counts(3, 2)),
        _overlap("risk.misuse.bio", Grade.MODERATE, mid, agreement=0.61),
        _overlap("risk.misuse.cyber", Grade.STRONG, counts(2, 2), agreement=0.8),
        _overlap("risk.reliability", Grade.LIMITED, low, agreement=0.55),
        _overlap("risk.labour", Grade.ONE_SIDED, counts(0, 2, 0), agreement=0.9),
        _overlap("risk.animals", Grade.ABSENT, counts(0, 0, 0), agreement=1.0),
        _overlap(
            "gov.testing", Grade.STRONG, counts(3, 2),
            without=tuple(
                GradeSwitch(change=one, grade=Grade.MODERATE)
                for one in ("sou-rules", "sou-charter", "nor-order")
            ),
            precedents=("joint-lake",),
        ),
        _overlap("gov.label", Grade.MODERATE, mid, agreement=0.996),
        _overlap("gov.compute", Grade.STRONG, counts(2, 2)),
        _overlap("gov.exchange", Grade.ABSENT, counts(0, 0, 0), agreement=None),
        _overlap(
            "gov.consult", Grade.PARTIAL if parties == 3 else Grade.ONE_SIDED, counts(2, 0),
            agreement=0.7,
        ),
    ]  # fmt: skip
    if undefined:
        nothing = {party.id: (0, 0) for party in chosen}
        overlaps.append(_overlap("risk.energy", Grade.UNDEFINED, nothing, agreement=None))
    forum_id = "lake-meeting"
    fora = (
        Forum(
            id=forum_id, name={"en": "Lake Meeting", "zh": "湖畔会议"}, kind="track-1",
            parties={"nor": "yes", "sou": "partial"}, since="2021-03", last_met="2024-05-14",
            state="Met once since; the next round is not set.",
            state_zh="此后举行过一次，下一轮时间未定。", url="https://example.org/lake",
            sources=(Source(text="Communiqué", url="https://example.org/lake", date="2024-05-14",
                            verified="yes"),),
        ),
        Forum(
            id="weights-office", name={"en": "Office of Weights and Measures", "zh": "度量衡办公室"},
            kind="standards-body", parties={"nor": "yes", "sou": "yes", "wes": "no"}, planned=True,
        ),
    )  # fmt: skip
    advice = TrackAdvice(
        track="standards", name={"en": "Governments with companies", "zh": "政府与企业"},
        rule="standards-1",
        why={"en": "Both sides bind, and companies speak on it.", "zh": "双方均有约束性规定，企业亦有表述。"},
        fora=(forum_id, "weights-office"),
        actors={"nor": ("Office of the Chair",), "sou": ("南国技术监管署",)},
    )  # fmt: skip
    inputs: dict[str, object] = {
        "grade": "strong", "national_security": False, "precedent": True,
        "precedents": ["joint-lake"], "speaks": {"government": "all", "industry": "some"},
        "speakers": {"government": {"nor": {"documents": 2, "of": 2, "share": 1.0},
                                    "sou": {"documents": 1, "of": 2, "share": 0.5}}},
        "settled": "binding", "settled_by_party": {"nor": "binding", "sou": "binding"},
        "channels": {"track-1": [forum_id]}, "subject": {"technical": True, "urgent": False},
        "grades": {"gov.testing": "strong"}, "min_grade": "moderate", "core_share": 1.0,
        "screen": "clear", "something_new": {"deep": [1, 2]},
    }  # fmt: skip

    def changes(n: int) -> tuple[WouldChange, ...]:
        return tuple(
            WouldChange(
                change={"en": f"Overlap on subject {i} falls below moderate",
                        "zh": f"主题 {i} 的交集降至“中等”以下"},
                verdict=Verdict.NOT_SUPPORTED, tracks=("track-2",) if i else (),
            )
            for i in range(n)
        )  # fmt: skip

    recommendations = (
        Recommendation(
            topic="attack-tests",
            title={"en": "How models are tested by deliberate attack", "zh": "模型如何接受对抗性测试"},
            verdict=Verdict.RECOMMENDED,
            why={"en": "Each side's texts ask for it, and no named tension stands against it.",
                 "zh": "各方文件均有要求，且未见已登记的分歧。"},
            question={"en": "Which findings of an attack test could one side show the other without "
                      "showing how the attack is done?",
                      "zh": "对抗性测试的哪些结果可以向对方展示，而不泄露攻击方法？"},
            core=("gov.testing",), supporting=("risk.reliability",),
            grades={"gov.testing": Grade.STRONG, "risk.reliability": Grade.LIMITED},
            tracks=(advice,), fora=advice.fora, rule="standards-1", inputs=inputs,
            screen=Screen(subject="attack-tests", verdict=ScreenVerdict.CLEAR),
            evidence=(testing, testing_2), counter_evidence=(silence,), precedents=("joint-lake",),
            would_change=changes(7),
        ),
        Recommendation(
            topic="marks", title={"en": "Marking generated content", "zh": "生成内容标识"},
            verdict=Verdict.RECOMMENDED,
            why={"en": "Makers on both sides say they do it."},  # no Chinese: must carry its language
            core=("gov.label", "gov.testing"),
            grades={"gov.label": Grade.MODERATE, "gov.testing": Grade.STRONG},
            tracks=(TrackAdvice(track="industry", rule="industry-1",
                                name={"en": "Industry consortia", "zh": "行业联盟"},
                                why={"en": "Only companies speak.", "zh": "仅企业有表述。"}),),
            rule="industry-1", evidence=(label, testing), counter_evidence=(uneven,),
        ),
        Recommendation(
            topic="networks", title={"en": "Attacks on networks", "zh": "网络攻击"},
            verdict=Verdict.HANDLE_WITH_CARE, why={"en": "Overlap, but delicate.", "zh": "有交集，但较敏感。"},
            core=("risk.misuse.cyber",), grades={"risk.misuse.cyber": Grade.STRONG},
            screen=careful, would_change=changes(1),
        ),
        Recommendation(
            topic="work", title={"en": "Work", "zh": "就业"}, verdict=Verdict.NOT_SUPPORTED,
            why={"en": "Passages of one side only were found.", "zh": "仅发现一方的相关条款。"}, core=("risk.labour",),
            grades={"risk.labour": Grade.ONE_SIDED}, would_change=changes(1),
        ),
        Recommendation(
            topic="computing", title={"en": f"Computing power {HOSTILE}", "zh": "算力"},
            verdict=Verdict.SET_ASIDE, why={"en": "Set aside.", "zh": "搁置。"}, core=("gov.compute",),
            grades={"gov.compute": Grade.STRONG}, screen=aside,
        ),
    )  # fmt: skip
    documents = (*DOCUMENTS, _JOINT) + ((_WEST,) if parties == 3 else ())
    return Results(
        study="lake-brief",
        as_of=date(2024, 7, 1),
        parties=chosen,
        codebook=Codebook(
            id="lake", version="2", title={"en": "Lake codebook", "zh": "湖畔编码表"},
            dimensions={"risk": {"en": "Risk perception", "zh": "风险认知"},
                        "gov": {"en": "Governance approaches", "zh": "治理方式"}},
            codes=tuple(
                Code(
                    id=code, parent=parent, dimension=dimension, label={"en": en, "zh": zh},
                    definition={"en": f"A provision about: {en.lower()}.", "zh": f"条款涉及{zh}。"},
                    include={"en": "Named outright.", "zh": "明确提及。"},
                )
                for code, parent, dimension, en, zh in _CODES
            ),
        ),
        coders=(Coder(id="builtin", kind=CoderKind.RULE, version="1.2"),),
        documents=documents,
        left_out={
            "nor-old": {"en": "rescinded on 2022-01-01", "zh": "已于2022-01-01废止"},
            "sou-next": {"en": "not yet issued", "zh": "尚未发布"},
        },
        left_out_documents=(_REPEALED,),
        segments={one.id: 12 for one in documents},
        overlaps=tuple(overlaps),
        evidence={"gov.testing": (testing, testing_2), "gov.label": (label,),
                  "gov.compute": (compute,), "risk.labour": (pair("risk.labour", "sou-plan"),)},
        counter_evidence={"gov.label": (uneven,), "gov.compute": (rival,), "gov.testing": (silence,)},
        screens={"gov.compute": aside, "risk.misuse.cyber": careful},
        recommendations=recommendations,
        fora=fora,
        method={"software": "qiutong 0.1.0", "thresholds": {"strong": 0.5, "moderate": 0.25},
                "coding": {"coder": "builtin", "min_confidence": 0.0},
                "stability": {"resamples": 1000, "seed": 7}},
        warnings=({"en": "One document is in a language without sentence rules.",
                   "zh": "一份文件的语言没有断句规则。"},),
    )  # fmt: skip


def corrected_results(*, enough: bool = True, parties: int = 2) -> Results:
    """Make invented results with a checked sample.

    Parameters
    ----------
    enough
        Whether the sample is large enough to correct anything.
    parties
        Two or three.
    """
    base = fake_results(parties, undefined=False)

    def checked(one: Overlap) -> Overlap:
        counted = Checked(counted_grade=one.grade, counted=one.prevalence)
        if not enough:
            small = structs.replace(counted, lacking={"nor": 1, "sou": 8}, undefined="too few")
            return structs.replace(one, checked=small)
        return structs.replace(
            one,
            grade=Grade.MODERATE,
            lowest=0.31,
            prevalence={
                party: Estimate(value=0.31, low=0.21, high=0.44, count=7, total=23, method="ppi")
                for party in one.prevalence
            },
            stability=None,
            checked=structs.replace(
                counted,
                sure=0.83,
                odds={Grade.LIMITED: 0.168, Grade.MODERATE: 0.83, Grade.STRONG: 0.002},
                thresholds=(GradeSwitch(change="strong=0.6 moderate=0.35", grade=Grade.LIMITED),),
            ),
        )

    return structs.replace(
        base,
        overlaps=tuple(map(checked, base.overlaps)),
        method={
            **base.method,
            "checked": {
                "by": "reader-7", "kind": "person", "model": "rules",
                "documents": {"nor": 23, "sou": 23, "wes": 1}, "of": {"nor": 90, "sou": 80, "wes": 1},
            },
        },
    )  # fmt: skip
