"""The built-in coder finds plain cases in both languages, leaves the rest alone, and is exact."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from qiutong.codebook import descendants, load_codebook
from qiutong.coders.builtin import BACKGROUND, BuiltinCoder, CoderSettings
from qiutong.coders.embed import MemoryCache, UseEmbedder, vector_key
from qiutong.model import Code, Codebook, Coding, Document, Position, Segment
from qiutong.text import normalize_text

PROVISIONS = yaml.safe_load((Path(__file__).parent / "provisions.yaml").read_text("utf-8"))

UNRELATED = {
    "en": """Showers will spread from the west during the afternoon and turn to snow above a
thousand metres. Whisk three eggs with sugar, add flour and butter, and bake for half an hour.
The visitors lost by two goals after their keeper was sent off before the interval.
She inherited her uncle's bookshop and sold it a year later to a baker.
The owner of a dog shall keep it on a lead near playgrounds.
Any person who finds a lost purse shall hand it to the nearest police station.
Rent is payable in advance on the first day of each month.
The harbour master may refuse a berth to a vessel that is longer than forty metres.
Marriages are solemnised by the registrar in the presence of two witnesses.
Beekeepers shall mark their hives with the number given to them by the parish.
A cheese may bear the name of the valley only if the milk comes from there.
The ferry leaves every twenty minutes and takes bicycles free of charge.
The choir sang carols in the square, and mulled wine was served.
The trench shall be filled within a week after the pipe has been laid.
Section 9 is amended by striking "ten" and inserting "twelve".
The seats of the assembly are divided among the cantons by population.""",
    "zh": """午后有阵雨，海拔一千米以上转为降雪。
将三个鸡蛋与白糖打匀，加入面粉和黄油，烘烤半小时。
客队门将上半场被罚下，最终以两球之差落败。
她继承了叔叔的书店，一年后转手卖给了面包师。
在儿童游乐区附近，养犬人应当为犬只系好绳索。
拾得遗失钱包的，应当送交附近派出所。
租金应当于每月一日预先支付。
港务主管可以拒绝超过四十米的船舶靠泊。
结婚登记由登记员办理。
养蜂人应当在蜂箱上标明编号。
奶源来自本地山谷的，奶酪方可使用该地名。
渡轮每二十分钟一班，自行车免费上船。
合唱团在广场上演唱民歌，现场供应热饮。
管道铺设完毕后一周内应当回填沟槽。
将第九条中的“十”修改为“十二”。
各县代表名额按照人口比例分配。""",
}


def whole(text: str, language: str, identity: str = "d") -> tuple[Document, list[Segment]]:
    """A document of one segment."""
    document = Document(id=identity, party="x", title=identity, text=text, language=language)
    segment = Segment(
        id=f"{identity}:0-{len(text)}",
        document=identity,
        locator="1",
        start=0,
        end=len(text),
        text=text,
        language=language,
    )
    return document, [segment]


def by_line(text: str, language: str, identity: str = "d") -> tuple[Document, list[Segment]]:
    """A document with one segment a line."""
    document = Document(id=identity, party="x", title=identity, text=text, language=language)
    segments, start = [], 0
    for line in text.split("\n"):
        if line.strip():
            segments.append(
                Segment(
                    id=f"{identity}:{start}-{start + len(line)}",
                    document=identity,
                    locator=str(len(segments) + 1),
                    start=start,
                    end=start + len(line),
                    text=line,
                    language=language,
                )
            )
        start += len(line) + 1
    return document, segments


@pytest.fixture(scope="module")
def coder() -> Iterator[BuiltinCoder]:
    """The coder with the bundled codebook."""
    with UseEmbedder(processes=1) as embedder:
        yield BuiltinCoder(load_codebook("ai-governance"), embedder)


def code(
    coder: BuiltinCoder, items: Sequence[tuple[Document, Sequence[Segment]]]
) -> list[tuple[Coding, ...]]:
    """Codings of each document."""
    return [codings for _, codings in coder.code_documents(items)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_finds_plain_cases(coder: BuiltinCoder, language: str) -> None:
    """Nine of ten provisions that plainly carry a code get it, each in a document of its own."""
    rows = PROVISIONS[language]
    results = code(
        coder, [whole(text, language, f"d{number}") for number, (_, text) in enumerate(rows)]
    )
    missed = [
        (wanted, text)
        for (wanted, text), codings in zip(rows, results, strict=True)
        if not {wanted, *descendants(coder.codebook, wanted)} & {one.code for one in codings}
    ]

    assert len(rows) >= 40
    assert len({wanted for wanted, _ in rows}) >= 40
    assert len(missed) / len(rows) <= 0.1, missed


@pytest.mark.parametrize("language", ["en", "zh"])
def test_gives_few_codes_beside_the_plain_one(coder: BuiltinCoder, language: str) -> None:
    """A plain one-sentence provision gets fewer than two codes on average, not a shower of them."""
    rows = PROVISIONS[language]
    results = code(coder, [whole(text, language, f"d{n}") for n, (_, text) in enumerate(rows)])

    assert sum(map(len, results)) / len(rows) < 2


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("cut", [whole, by_line])
def test_unrelated_text_gets_nothing(coder: BuiltinCoder, language: str, cut) -> None:
    """Weather, recipes, sport and other law carry no code."""
    assert code(coder, [cut(UNRELATED[language], language)]) == [()]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_background_is_not_coded_by_likeness(coder: BuiltinCoder, language: str) -> None:
    """No sentence that sets the zero of the scale is coded without a cue, and few with one."""
    sentences = yaml.safe_load(BACKGROUND.read_text("utf-8"))[language]
    (codings,) = code(coder, [by_line("\n".join(sentences), language)])

    assert not [one for one in codings if one.memo.endswith("no cue")]
    assert len({one.segment for one in codings}) <= 0.05 * len(sentences)


def test_background_and_test_texts_are_apart() -> None:
    """No sentence of the tests is among the sentences the coder is calibrated on."""
    background = yaml.safe_load(BACKGROUND.read_text("utf-8"))
    for language, text in UNRELATED.items():
        assert not [one for one in background[language] if one in text]


MIXED = (
    "提供者應當對生成內容添加標識。𠮷野家の天気。\n"
    "Developers must report a serious incident within three days. ＡＩ应用不得侵犯个人隐私。\n"
    "服务上线前应当开展红队测试；发现未成年人沉迷的，应当及时干预。"
)


@pytest.mark.parametrize("cut", [whole, by_line])
def test_evidence_is_exact_and_inside_its_segment(coder: BuiltinCoder, cut) -> None:
    """Offsets count code points of the document and never leave the segment."""
    items = [cut(MIXED, "zh", "mixed")]
    items += [whole(" ".join(t for _, t in PROVISIONS["en"]), "en", "long")]
    found = 0
    for document, codings in coder.code_documents(items):
        segments = {one.id: one for cuts in items for one in cuts[1]}
        for one in codings:
            segment = segments[one.segment]
            assert one.evidence_start is not None
            assert one.evidence_end is not None
            assert segment.start <= one.evidence_start < one.evidence_end <= segment.end
            quote = document.text[one.evidence_start : one.evidence_end]
            assert quote == quote.strip()
            cues = one.memo.partition("cues: ")[2]
            assert cues.partition("; ")[0] in quote.replace("\n", " ")
            found += 1

    assert found > 20


def test_long_sentence_is_quoted_by_its_clause(coder: BuiltinCoder) -> None:
    """A sentence of a thousand characters is not quoted whole."""
    filler = "the operator of the artificial intelligence system shall keep its records in order; "
    text = (filler * 6 + "it shall label synthetic content with a watermark; " + filler * 6).strip()
    (codings,) = code(coder, [whole(text, "en")])
    (label,) = [one for one in codings if one.code == "governance.content-provenance"]

    assert text[label.evidence_start : label.evidence_end] == (
        "it shall label synthetic content with a watermark;"
    )


def test_one_coding_per_segment_and_code(coder: BuiltinCoder) -> None:
    """Three sentences on one subject give one coding, that with the greatest confidence."""
    text = (
        "We will conduct red-teaming before launch. Red-team exercises with adversarial testing "
        "of the model by outside experts shall be repeated. Red teams are paid."
    )
    (codings,) = code(coder, [whole(text, "en")])
    keys = [(one.segment, one.code) for one in codings]
    (one,) = [c for c in codings if c.code == "governance.evaluation.adversarial-testing"]

    assert len(keys) == len(set(keys))
    assert "adversarial testing" in text[one.evidence_start : one.evidence_end]


def test_confidence_is_inside_its_bands(coder: BuiltinCoder) -> None:
    """With a cue 0.50 to 0.95, without 0.25 to 0.45."""
    text = "\n".join(t for _, t in PROVISIONS["zh"])
    (codings,) = code(coder, [by_line(text, "zh")])

    for one in codings:
        assert one.confidence is not None
        low, high = (0.25, 0.45) if one.memo.endswith("no cue") else (0.50, 0.95)
        assert low <= one.confidence <= high


def test_same_result_in_any_batch_and_order(coder: BuiltinCoder, monkeypatch) -> None:
    """Codings of a document do not depend on what is coded beside it."""
    items = [
        by_line(
            "\n".join(t for _, t in PROVISIONS[language][i : i + 9]), language, f"{language}{i}"
        )
        for language in ("en", "zh")
        for i in range(0, 50, 9)
    ]
    together = dict(zip([d.id for d, _ in items], code(coder, items), strict=True))
    monkeypatch.setattr("qiutong.coders.builtin.BATCH", 1)
    alone = dict(zip([d.id for d, _ in items[::-1]], code(coder, items[::-1]), strict=True))

    assert together == alone
    assert sum(map(len, together.values())) > 60


def test_a_second_coder_gives_the_same(coder: BuiltinCoder) -> None:
    """Nothing is drawn at random and nothing is remembered from earlier documents."""
    item = by_line("\n".join(t for _, t in PROVISIONS["en"]), "en")
    other = BuiltinCoder(coder.codebook, UseEmbedder(processes=1))

    assert code(coder, [item]) == code(other, [item])


def test_documents_come_back_in_order_also_empty_ones(coder: BuiltinCoder) -> None:
    """Each document is given back once, in order, with or without segments; progress follows."""
    items = [
        whole("Red-teaming of models is required.", "en", "a"),
        (Document(id="b", party="x", title="b", text="", language="en"), []),
        whole("应当添加标识。", "zh", "c"),
    ]
    told: list[str] = []

    given = [document.id for document, _ in coder.code_documents(items, progress=told.append)]

    assert given == told == ["a", "b", "c"]


def test_documents_are_taken_as_needed(coder: BuiltinCoder, monkeypatch) -> None:
    """Results come before the last document has been asked for, so that memory stays flat."""
    monkeypatch.setattr("qiutong.coders.builtin.BATCH", 2)
    asked: list[int] = []

    def items() -> Iterator[tuple[Document, list[Segment]]]:
        for number in range(50):
            asked.append(number)
            yield whole(f"Provider {number} must report each serious incident.", "en", str(number))

    stream = coder.code_documents(items())
    next(stream)

    assert len(asked) < 6


def test_position_takes_the_lead_in(coder: BuiltinCoder) -> None:
    """An item without force of its own has that of the words it hangs on."""
    text = "A provider shall not:\n(a) remove the watermark from synthetic images;"
    document = Document(id="d", party="x", title="d", text=text, language="en")
    start = text.index("(a)")
    segment = Segment(
        id="d:item",
        document="d",
        locator="(a)",
        start=start,
        end=len(text),
        text=text[start:],
        lead_in=(0, start - 1),
        language="en",
    )
    (codings,) = code(coder, [(document, [segment])])

    assert {one.position for one in codings} == {Position.PROHIBITS}


def test_lead_in_inside_the_segment(coder: BuiltinCoder) -> None:
    """Where a segment holds its own list, the items take the force of its opening words."""
    (codings,) = code(
        coder, [whole("提供者应当履行下列义务：\n对生成内容添加标识，开展安全评估。", "zh")]
    )
    (label,) = [one for one in codings if one.code == "governance.content-provenance"]

    assert label.position is Position.REQUIRES


def test_two_forces_in_one_sentence(coder: BuiltinCoder) -> None:
    """Each code has the position of its own clause."""
    text = (
        "Providers shall carry out red-teaming before release, and the Secretary may award "
        "grants for basic research in artificial intelligence."
    )
    (codings,) = code(coder, [whole(text, "en")])
    positions = {one.code: one.position for one in codings}

    assert positions["governance.evaluation.adversarial-testing"] is Position.REQUIRES
    assert positions["governance.government-support.rd"] is Position.ENCOURAGES


def test_codings_name_their_origin(coder: BuiltinCoder) -> None:
    """Coder, codebook with version, and document stand on each coding."""
    (codings,) = code(coder, [whole("Models must undergo red-teaming.", "en", "doc")])

    assert codings
    for one in codings:
        assert (one.coder, one.codebook, one.document) == (
            "builtin",
            coder.codebook.name,
            "doc",
        )
    assert coder.coder.kind.value == "rule"
    assert coder.embedder.name in coder.coder.version


def test_only_vectors_of_evidence_are_kept(coder: BuiltinCoder) -> None:
    """The cache holds evidence and the codebook's own texts, not every sentence read."""
    cache = MemoryCache()
    keeping = BuiltinCoder(coder.codebook, coder.embedder, cache=cache)
    text = "Developers must conduct red-teaming before release.\n" + UNRELATED["en"].split("\n")[4]
    (codings,) = code(keeping, [by_line(text, "en")])
    evidence = {text[one.evidence_start : one.evidence_end] for one in codings}

    assert evidence
    for quote in evidence:
        vector = cache.vectors[vector_key(quote)]
        assert np.allclose(vector, coder.embedder.embed([quote])[0], atol=1e-5)
    assert vector_key(text.split("\n")[1]) not in cache.vectors


def test_language_without_cues_warns_and_rests_on_likeness(coder: BuiltinCoder) -> None:
    """German has no cues here: only a close rendering is found, without a position."""
    text = "Die Anbieter sollen das Modell vor der Freigabe durch unabhängige Dritte prüfen lassen."
    (codings,) = code(coder, [whole(text, "de")])

    assert set(coder.warning("de")) == {"en", "zh"}
    assert all(one.memo.endswith("no cue") for one in codings)
    assert all(one.position is Position.MENTIONS for one in codings)


def test_unknown_language_is_not_guessed_at(coder: BuiltinCoder) -> None:
    """A language the model does not know gives no codings, and a warning in both languages."""
    (codings,) = code(coder, [whole("Watoa huduma lazima waripoti tukio kubwa la AI.", "sw")])

    assert codings == ()
    assert "sw" in coder.warning("sw")["en"]
    assert "sw" in coder.warning("sw")["zh"]
    assert coder.warning("en") == coder.warning("zh-Hant") == {}


def small_codebook(*ids: str) -> Codebook:
    """A codebook of another field, in one language."""
    subject = {"fish": "fishing quotas and nets", "trees": "felling and planting of trees"}
    return Codebook(
        id="land",
        version="3",
        title={"en": "Land and sea"},
        dimensions={"use": {"en": "Use"}},
        codes=tuple(
            Code(
                id=one,
                dimension="use",
                label={"en": one},
                definition={"en": f"The provision is about {subject[one]}."},
                cues={"en": (one,)},
                anchors={"en": (f"The ministry sets rules on {subject[one]}.",)},
            )
            for one in ids
        ),
    )


@pytest.mark.parametrize("ids", [("fish", "trees"), ("fish",)])
def test_any_codebook_works(coder: BuiltinCoder, ids: tuple[str, ...]) -> None:
    """A codebook of two codes, or of one, in one language, on another subject."""
    other = BuiltinCoder(small_codebook(*ids), coder.embedder)
    (codings,) = code(
        other, [by_line("The ministry sets quotas for fish and rules on nets.\nIt rained.", "en")]
    )

    assert [(one.code, one.codebook) for one in codings] == [("fish", "land@3")]


def test_stricter_settings_give_fewer_codings(coder: BuiltinCoder) -> None:
    """Thresholds are settings, and raising one never adds a coding."""
    item = by_line("\n".join(t for _, t in PROVISIONS["en"]), "en")
    strict = BuiltinCoder(coder.codebook, coder.embedder, settings=CoderSettings(contradiction=4.0))
    (all_,) = code(coder, [item])
    (fewer,) = code(strict, [item])

    assert {(c.segment, c.code) for c in fewer} < {(c.segment, c.code) for c in all_}


@pytest.mark.real
def test_agrees_with_itself_across_languages(coder: BuiltinCoder, real_texts: Path) -> None:
    """The same provisions in Chinese and English get much the same codes: kappa of at least 0.55."""
    with (real_texts / "parallel" / "policy_zh_en.tsv").open(encoding="utf-8") as file:
        pairs = list(csv.DictReader(file, delimiter="\t"))
    place = {one.id: index for index, one in enumerate(coder.codebook.codes)}
    has = {}
    for language in ("zh", "en"):
        has[language] = np.zeros((len(pairs), len(place)), dtype=bool)
        lines = [" ".join(normalize_text(pair[language]).split()) for pair in pairs]
        document, segments = by_line("\n".join(lines), language)
        row = {segment.id: number for number, segment in enumerate(segments)}
        assert len(segments) == len(pairs)
        for one in code(coder, [(document, segments)])[0]:
            has[language][row[one.segment], place[one.code]] = True
    zh, en = has["zh"], has["en"]
    chance = zh.mean() * en.mean() + (1 - zh.mean()) * (1 - en.mean())
    kappa = ((zh == en).mean() - chance) / (1 - chance)

    assert kappa >= 0.55
    assert 0.7 < zh.sum() / en.sum() < 1.4
