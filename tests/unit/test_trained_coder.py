"""A coder learned from codings: what it learns, how it explains itself, and what it refuses."""

import hashlib
import io
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from qiutong.codebook import ancestors
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.trained import (
    FEWEST,
    TrainedCoder,
    TrainedModel,
    average_precision,
    train_coder,
)
from qiutong.errors import InputError, UndefinedStatistic, UnreadableFile
from qiutong.model import Code, Codebook, CoderKind, Document, Segment


class WordEmbedder:
    """A public fake: a bag of words (in Chinese, of characters) in forty dimensions."""

    name = "words"
    dimensions = 40

    def embed(self, sentences: Sequence[str]) -> np.ndarray:
        """Unit vectors; the same word always falls into the same dimension."""
        out = np.zeros((len(sentences), self.dimensions), dtype=np.float32)
        out[:, 0] = 0.1
        for row, sentence in enumerate(sentences):
            for word in re.findall(r"[a-z]+|[一-鿿]", sentence.lower()):
                place = int(hashlib.md5(word.encode()).hexdigest(), 16)
                out[row, 1 + place % (self.dimensions - 1)] += 1.0
        return out / np.linalg.norm(out, axis=1, keepdims=True)


def code(identity: str, cue_en: str, cue_zh: str, parent: str = "") -> Code:
    name = identity.rpartition(".")[2]
    return Code(
        id=identity,
        parent=parent,
        dimension="d",
        label={"en": name, "zh": name},
        definition={"en": f"About {cue_en}.", "zh": f"涉及{cue_zh}。"},
        cues={"en": (cue_en,), "zh": (cue_zh,)},
    )


BOOK = Codebook(
    id="invented",
    version="1",
    title={"en": "Invented", "zh": "虚构"},
    dimensions={"d": {"en": "All", "zh": "全部"}},
    codes=(
        code("d.marks", "watermark", "水印"),
        code("d.tests", "testing", "测试"),
        code("d.tests.outside", "outside testers", "外部测试", parent="d.tests"),
        code("d.rare", "lighthouse", "灯塔"),
    ),
)

# By code: sentences that have its cue, and sentences that say it in words without one.
SAID = {
    "en": {
        "d.marks": ("Every picture shall carry a watermark of its maker.",
                    "Pictures shall be stamped visibly where a machine drew them."),
        "d.tests": ("Providers shall repeat testing before each release of the model.",),
        "d.tests.outside": ("Providers shall admit outside testers to their laboratories.",),
        "": ("The committee meets in spring and keeps minutes of its meetings.",
             "Fees are due on the first day of every quarter in advance."),
    },
    "zh": {
        "d.marks": ("每幅图片应当带有制作者的水印以便公众识别来源。",
                    "凡由机器绘制的图画均须加盖可见印章供人辨认。"),
        "d.tests": ("提供者应当在每次发布模型之前重新进行测试并留存结果。",),
        "d.tests.outside": ("提供者应当允许外部测试人员进入其实验场所开展工作。",),
        "": ("委员会每年春季召开会议并妥善保存全部会议记录备查。",
             "费用应当于每个季度的第一天预先缴纳并开具收据凭证。"),
    },
}  # fmt: skip


def collection(
    count: int = 24,
) -> tuple[list[tuple[Document, list[Segment]]], dict[str, frozenset[str]]]:
    """Documents of shuffled provisions in turn English and Chinese, with their codes."""
    random = np.random.default_rng(7)
    items, codes = [], {}
    for number in range(count):
        language = ("en", "zh")[number % 2]
        lines = [(key, one) for key, group in SAID[language].items() for one in group]
        lines = [lines[place] for place in random.permutation(len(lines))]
        identity = f"doc{number}"
        text, segments = "", []
        for key, line in lines:
            start, text = len(text), f"{text}{line}\n"
            segment = Segment(
                id=f"{identity}:{start}-{start + len(line)}",
                document=identity,
                locator=str(start),
                start=start,
                end=start + len(line),
                text=line,
                language=language,
            )
            segments.append(segment)
            codes[segment.id] = frozenset([key] if key else [])
        document = Document(id=identity, party="x", title=identity, text=text, language=language)
        items.append((document, segments))
    return items, codes


ITEMS, CODES = collection()


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    """Learned from all but the last four documents."""
    return train_coder(BOOK, ITEMS[:-4], CODES, trained_on="ann", embedder=WordEmbedder())


def coder(model: TrainedModel) -> TrainedCoder:
    return TrainedCoder(BOOK, model, WordEmbedder())


def test_says_what_people_said_on_documents_it_has_not_seen(model: TrainedModel) -> None:
    """Also where the wording, not a cue, carries the code: there the built-in coder is silent."""
    for (document, segments), (_, found) in zip(
        ITEMS[-4:], coder(model).code_documents(ITEMS[-4:]), strict=True
    ):
        given = {(one.segment, one.code) for one in found}
        assert given == {(s.id, one) for s in segments for one in CODES[s.id]}, document.id
    silent = [s for s in ITEMS[-1][1] if "印章" in s.text]
    _, cued = next(BuiltinCoder(BOOK, WordEmbedder()).code_documents([(ITEMS[-1][0], silent)]))
    assert not cued


def test_explains_itself(model: TrainedModel) -> None:
    """Evidence is a sentence of the provision; the memo has probability, parts and cue."""
    document, segments = ITEMS[-1]
    ((_, found),) = coder(model).code_documents([(document, segments)])
    places = {segment.id: segment for segment in segments}
    assert found
    for one in found:
        segment = places[one.segment]
        assert segment.start <= one.evidence_start < one.evidence_end <= segment.end
        assert 0 < one.confidence <= 1
        assert f"probability {one.confidence:.2f}" in one.memo
        assert all(part in one.memo for part in ("words", "meaning", "likeness", "cues"))
    marked = next(one for one in found if "水印" in places[one.segment].text)
    assert "; cues: 水印; words: " in marked.memo


def test_caution_moves_thresholds_towards_one_half(model: TrainedModel) -> None:
    """With all of it a code is given from one half on, with half of it from half way there."""
    best = model.arrays["threshold"]
    for caution in (0.5, 1.0):
        careful = train_coder(
            BOOK, ITEMS[:-4], CODES, trained_on="ann", caution=caution, embedder=WordEmbedder()
        )
        wanted = np.where(best <= 1, (1 - caution) * best + caution / 2, best)
        assert careful.arrays["threshold"] == pytest.approx(wanted)
    assert (best[best <= 1] != 0.5).any()


def test_a_child_is_given_without_its_parent(model: TrainedModel) -> None:
    """The parent follows from the child and is not repeated in the same provision."""
    for _, found in coder(model).code_documents(ITEMS):
        given = {(one.segment, one.code) for one in found}
        assert not any(
            (segment, parent) in given for segment, one in given for parent in ancestors(BOOK, one)
        )
    assert any(one.code == "d.tests.outside" for one in found)


def test_codings_do_not_depend_on_company(model: TrainedModel) -> None:
    """Documents alone, together, and in another order get the same codings."""
    together = {d.id: found for d, found in coder(model).code_documents(ITEMS[-4:])}
    turned = {d.id: found for d, found in coder(model).code_documents(ITEMS[-4:][::-1])}
    alone = {d.id: found for item in ITEMS[-4:] for d, found in coder(model).code_documents([item])}

    assert together == turned == alone


def test_a_document_without_provisions_has_no_codings(model: TrainedModel) -> None:
    """It comes back, empty, in its place."""
    empty = Document(id="empty", party="x", title="empty", text="", language="en")

    assert [len(f) > 0 for _, f in coder(model).code_documents([ITEMS[0], (empty, []), ITEMS[1]])] \
        == [True, False, True]  # fmt: skip


def test_the_same_codings_give_the_same_file(model: TrainedModel, tmp_path: Path) -> None:
    """Neither chance nor the order of documents is in it, and a file holds all there is."""
    again = train_coder(BOOK, ITEMS[:-4][::-1], CODES, trained_on="ann", embedder=WordEmbedder())
    path = tmp_path / "model.npz"
    path.write_bytes(model.to_bytes())
    held = TrainedModel.load(path)

    assert again.to_bytes() == model.to_bytes()
    assert held.digest == model.digest
    assert held.card == model.card
    assert list(coder(held).code_documents(ITEMS)) == list(coder(model).code_documents(ITEMS))


def test_other_codings_give_another_version(model: TrainedModel) -> None:
    """The version names the numbers, so that a study codes again with a new model."""
    first = next(iter(CODES))
    other = train_coder(
        BOOK, ITEMS[:-4], {**CODES, first: frozenset(["d.tests"])}, trained_on="ann",
        embedder=WordEmbedder(),
    )  # fmt: skip

    assert other.card.data_sha256 != model.card.data_sha256
    assert coder(other).coder.version != coder(model).coder.version
    assert coder(model).coder.kind is CoderKind.TRAINED


def test_card_says_what_was_learned_from(model: TrainedModel) -> None:
    """Counts, codes left out, and figures for each language on held-out documents."""
    card = model.card
    lines = sum(len(segments) for _, segments in ITEMS[:-4])

    assert card.documents == len(ITEMS) - 4
    assert sum(card.provisions.values()) == lines
    assert card.untrained == ("d.rare",)
    assert set(card.macro_f1) == set(card.micro_f1) == {"all", "en", "zh"}
    marks = {one.language: one for one in card.figures if one.code == "d.marks"}
    assert marks[""].given == marks["en"].given + marks["zh"].given
    # A parent counts wherever its child was given.
    tests, outside = (
        next(f for f in card.figures if (f.code, f.language) == (one, ""))
        for one in ("d.tests", "d.tests.outside")
    )
    assert tests.given == 2 * outside.given
    assert "d.rare" not in {one.code for one in card.figures}


def test_a_provision_that_was_not_read_teaches_nothing(model: TrainedModel) -> None:
    """Provisions missing from the codes are left out, not taken as without a code."""
    unread = [s.id for _, segments in ITEMS[:-4] for s in segments[:1]]
    less = train_coder(
        BOOK, ITEMS[:-4], {k: v for k, v in CODES.items() if k not in unread}, trained_on="ann",
        embedder=WordEmbedder(),
    )  # fmt: skip

    assert sum(less.card.provisions.values()) == sum(model.card.provisions.values()) - len(unread)


def test_too_little_is_refused() -> None:
    """Nine documents, or no code with enough provisions, could not be measured."""
    with pytest.raises(UndefinedStatistic, match="9 documents"):
        train_coder(BOOK, ITEMS[:9], CODES, trained_on="ann", embedder=WordEmbedder())
    with pytest.raises(UndefinedStatistic, match=f"no code has {FEWEST}"):
        train_coder(
            BOOK, ITEMS, dict.fromkeys(CODES, frozenset()), trained_on="ann",
            embedder=WordEmbedder(),
        )  # fmt: skip


def test_another_codebook_is_refused(model: TrainedModel) -> None:
    """Its cues and definitions are features: with others, the numbers mean nothing."""
    changed = msgspec.structs.replace(
        BOOK,
        codes=(msgspec.structs.replace(BOOK.codes[0], cues={"en": ("stamp",)}), *BOOK.codes[1:]),
    )

    with pytest.raises(InputError, match=r"invented@1.*Train it again"):
        TrainedCoder(changed, model, WordEmbedder())


def test_another_embedder_is_refused(model: TrainedModel) -> None:
    """Vectors of another model have other directions."""
    other = WordEmbedder()
    other.name = "other-words"
    with pytest.raises(InputError, match=r'"words".*"other-words"'):
        TrainedCoder(BOOK, model, other)


class _Trap:
    """Calls when unpickled; a model file must never get so far."""

    def __reduce__(self) -> tuple:
        return (pytest.fail, ("a pickle was executed",))


def test_files_that_are_no_model_are_refused(model: TrainedModel, tmp_path: Path) -> None:
    """Missing, cut short, other arrays, pickles: a message, and nothing is executed."""
    path = tmp_path / "model.npz"
    with pytest.raises(UnreadableFile, match="cannot be read"):
        TrainedModel.load(path)
    pickled = io.BytesIO()
    np.savez(pickled, head=np.array([_Trap()], dtype=object))
    foreign = io.BytesIO()
    np.savez(foreign, numbers=np.arange(3))
    lone = io.BytesIO()
    np.save(lone, np.arange(3))
    for data in (b"", lone.getvalue(), b"not a model", model.to_bytes()[:900], pickled.getvalue(),
                 foreign.getvalue()):  # fmt: skip
        path.write_bytes(data)
        with pytest.raises(UnreadableFile, match="is no trained coder"):
            TrainedModel.load(path)


def test_a_model_of_another_version_is_refused(model: TrainedModel, tmp_path: Path) -> None:
    """Features are numbered: with others the heads would see something else."""
    card = msgspec.structs.replace(model.card, features="0")
    path = tmp_path / "old.npz"
    path.write_bytes(TrainedModel(card, model.codes, model.arrays).to_bytes())
    with pytest.raises(UnreadableFile, match="another version"):
        TrainedModel.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"words": np.zeros((2, 4), dtype=np.float16)},
        {"vocabulary": np.array([["a"]])},
        {"vocabulary": np.array([1.0])},
        {"rarity": np.array(["a"])},
        {"level": np.full(4, np.nan)},
        {"slope": np.full(4, np.inf)},
        {"trained": np.ones(4)},
        {"centre": np.float32(0)},
        {"centre": np.zeros((1, 40))},
        {"more": np.zeros(4)},
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    model: TrainedModel, change: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """Other shapes, kinds and names, and numbers that are none; and any of them missing."""
    path = tmp_path / "m.npz"
    without = [{k: v for k, v in model.arrays.items() if k != name} for name in model.arrays]
    for arrays in (model.arrays | change, *without):
        path.write_bytes(TrainedModel(model.card, model.codes, arrays).to_bytes())
        with pytest.raises(UnreadableFile, match="Train it again"):
            TrainedModel.load(path)


def in_words_of_its_own(number: int) -> tuple[Document, list[Segment]]:
    """A document whose words stand in no other: its provisions have letters for words."""
    document, segments = ITEMS[2 * number]
    name = "abcdefghijkl"[number]
    parts, start = [], 0
    for segment in segments:
        text = " ".join(name * (3 + len(word)) for word in segment.text.split())
        parts.append((segment, start, text))
        start += len(text) + 1
    whole = "\n".join(text for _, _, text in parts)
    return msgspec.structs.replace(document, text=whole), [
        msgspec.structs.replace(segment, start=at, end=at + len(text), text=text)
        for segment, at, text in parts
    ]


def test_documents_without_a_common_word_are_learned_from(tmp_path: Path) -> None:
    """The words then say nothing, and the other heads decide."""
    items = [in_words_of_its_own(number) for number in range(12)]
    path = tmp_path / "m.npz"
    path.write_bytes(
        train_coder(BOOK, items, CODES, trained_on="ann", embedder=WordEmbedder()).to_bytes()
    )
    model = TrainedModel.load(path)

    assert model.arrays["vocabulary"].shape == (0,)
    for document, weighed in coder(model).weigh_documents(items):
        assert document.text
        assert all(0 < p < 1 for codes in weighed.values() for p in codes.values())
    for _, found in coder(model).code_documents(ITEMS):
        assert not any("words: " in one.memo for one in found)


def test_a_name_in_one_document_is_not_in_the_file() -> None:
    """Be it in each of its provisions; nor one in two documents; one in three is."""
    said = {"Wolkenstein": 1, "Grabowski": 2, "Harrington": 3}
    items = []
    for number, (document, segments) in enumerate(ITEMS[:-4]):
        names = " ".join(name for name, most in said.items() if number < most)
        lines = [f"{one.text[:-1]} {names} {one.text[-1]}" for one in segments]
        starts = np.cumsum([0, *(len(line) + 1 for line in lines)]).tolist()
        items.append((
            msgspec.structs.replace(document, text="\n".join(lines)),
            [
                msgspec.structs.replace(one, start=at, end=at + len(line), text=line)
                for one, line, at in zip(segments, lines, starts, strict=False)
            ],
        ))  # fmt: skip
    model = train_coder(BOOK, items, CODES, trained_on="ann", embedder=WordEmbedder())
    words = set(model.arrays["vocabulary"].tolist())

    assert "harrington" in words
    assert words.isdisjoint({"wolkenstein", "grabowski"})
    assert any("single words" in limit for limit in model.card.limits)


def test_average_precision_by_hand() -> None:
    """True at ranks one and three: (1/1 + 2/3) / 2. Undefined where nothing is true."""
    true = np.array([False, True, True, False])
    assert average_precision(true, np.array([0.5, 0.4, 0.9, 0.1])) == pytest.approx((1 + 2 / 3) / 2)
    with pytest.raises(UndefinedStatistic):
        average_precision(np.zeros(4, dtype=bool), np.arange(4.0))
