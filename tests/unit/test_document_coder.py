"""A coder learned from tags of documents: what it learns, where it points, its file, refusals."""

import io
import re
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest

from qiutong.codebook import ancestors
from qiutong.coders.documents import FEATURES, DocumentCoder, load_coder, train_documents
from qiutong.coders.trained import TrainedCoder, TrainedModel, train_coder
from qiutong.errors import InputError, UndefinedStatistic, UnknownName, UnreadableFile
from qiutong.model import CoderKind, Coding, Document, Segment

from .test_document_heads import PLACE, tagged
from .test_trained_coder import BOOK, CODES, ITEMS, SAID, WordEmbedder

DOCUMENTS, GIVEN = tagged(90)
# A code below another is what people write; the one above follows.
TAGS = {
    document.id: frozenset(
        code for code in PLACE if row[PLACE[code]] and (code != "d.tests" or not row[PLACE["d.tests.outside"]])
    )
    for (document, _), row in zip(DOCUMENTS, GIVEN, strict=True)
}  # fmt: skip
LEARNED, ASKED = DOCUMENTS[:70], DOCUMENTS[70:]
EVERY = frozenset(PLACE)


def learn(items=LEARNED, tags=TAGS, asked=EVERY, **more) -> TrainedModel:
    return train_documents(
        BOOK, items, tags, asked, tagged_by="tags.csv", embedder=WordEmbedder(), **more
    )


@pytest.fixture(scope="module")
def base() -> TrainedModel:
    """Learned from coded provisions."""
    return train_coder(BOOK, ITEMS, CODES, trained_on="ann", embedder=WordEmbedder())


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    """Learned from the tags of seventy documents."""
    return learn()


def coder(model: TrainedModel) -> DocumentCoder:
    return DocumentCoder(BOOK, model, WordEmbedder())


def coded(model: TrainedModel) -> list[tuple[Document, list[Segment], tuple[Coding, ...]]]:
    """Documents it has not seen, with what it says of them."""
    found = coder(model).code_documents(ASKED)
    return [(d, s, codings) for (d, s), (_, codings) in zip(ASKED, found, strict=True)]


def saved(model: TrainedModel, path: Path) -> Path:
    path.write_bytes(model.to_bytes())
    return path


def said_in(text: str) -> str:
    """The code of an invented sentence; the tags never said which sentence has it."""
    return next(code for group in SAID.values() for code, lines in group.items() if text in lines)


def test_documents_get_the_codes_people_would_give(model: TrainedModel) -> None:
    """On documents not learned from, in both languages, well beyond chance."""
    hit = chosen = true = 0
    for document, _, codings in coded(model):
        given = {one for c in codings for one in (c.code, *ancestors(BOOK, c.code))}
        wanted = {one for c in TAGS[document.id] for one in (c, *ancestors(BOOK, c))}
        hit, chosen, true = hit + len(given & wanted), chosen + len(given), true + len(wanted)
    # Saying every learned code of every document.
    everything = 2 * true / (3 * len(ASKED) + true)

    assert 2 * hit / (chosen + true) > 0.9 > everything


def test_it_points_at_the_provision_that_says_it(model: TrainedModel) -> None:
    """Nobody said where; the strongest sentence is the right one nearly always."""
    right = [
        said_in(document.text[one.evidence_start : one.evidence_end]) == one.code
        or one.code in ancestors(BOOK, said_in(document.text[one.evidence_start : one.evidence_end]))
        for document, _, codings in coded(model)
        for one in codings
        if not one.memo.startswith("further")
    ]  # fmt: skip

    assert len(right) > 20
    assert np.mean(right) > 0.9


def test_evidence_lies_in_its_provision_and_confidence_is_the_documents(
    model: TrainedModel,
) -> None:
    """Offsets are exact; all codings of a code in a document share the document's probability."""
    for document, segments, codings in coded(model):
        places = {segment.id: segment for segment in segments}
        for one in codings:
            place = places[one.segment]
            assert place.start <= one.evidence_start < one.evidence_end <= place.end
            assert document.text[one.evidence_start : one.evidence_end] in place.text
            assert f"document {one.confidence:.2f}, coded from" in one.memo
        of_code = {(one.code, one.confidence) for one in codings}
        assert len(of_code) == len({one.code for one in codings})


def test_the_memo_says_what_the_provision_adds_and_which_words_speak(model: TrainedModel) -> None:
    """Without the provision that says it a document is less likely to have the code."""
    memos = [
        one.memo
        for document, segments, codings in coded(model)
        for one in codings
        if len(segments) > 1 and one.code == "d.marks" and not one.memo.startswith("further")
    ]
    assert memos
    for memo in memos:
        numbers = re.match(
            r"document ([\d.]+), coded from [\d.]+, without this provision ([\d.]+); "
            r"this sentence alone [\d.]+; (cues: |no cue)",
            memo,
        )
        assert numbers is not None
        assert float(numbers[2]) < float(numbers[1])
    assert any("cues: watermark" in memo or "cues: 水印" in memo for memo in memos)
    assert any("; words: " in memo for memo in memos)


def test_a_second_provision_with_the_same_is_named_too(model: TrainedModel) -> None:
    """Two sentences with a cue that each would do by themselves; words alone do not point."""
    said = SAID["en"]["d.marks"]
    lines = [said[0], *SAID["en"][""], said[1], f"In print too: {said[0]}"]
    text, segments = "", []
    for line in lines:
        start, text = len(text), f"{text}{line}\n"
        segments.append(
            Segment(
                id=f"n:{start}", document="n", locator=str(start), start=start,
                end=start + len(line), text=line, language="en",
            )
        )  # fmt: skip
    document = Document(id="n", party="x", title="n", text=text, language="en")

    ((_, codings),) = coder(model).code_documents([(document, segments)])
    marks = [one for one in codings if one.code == "d.marks"]
    assert [one.segment for one in marks] == [segments[0].id, segments[-1].id]
    assert sum(one.memo.startswith("further provision, from") for one in marks) == 1


def test_a_child_is_given_without_its_parent(model: TrainedModel) -> None:
    """In one provision the parent follows from the child."""
    given = {(one.segment, one.code) for *_, codings in coded(model) for one in codings}
    implied = {(where, one) for where, code in given for one in ancestors(BOOK, code)}

    assert any(code == "d.tests.outside" for _, code in given)
    assert not given & implied


def test_codings_do_not_depend_on_company(model: TrainedModel) -> None:
    """Documents alone and together get the same codings; one without provisions has none."""
    empty = Document(id="empty", party="x", title="empty", text="", language="en")
    together = {d.id: c for d, c in coder(model).code_documents([*ASKED[::-1], (empty, [])])}
    alone = {d.id: c for item in ASKED for d, c in coder(model).code_documents([item])}

    assert together == alone | {"empty": ()}


def test_card_counts_documents_and_says_what_is_not_given(model: TrainedModel) -> None:
    """Documents by language, the parent counted with its child, figures beyond chance."""
    card = model.card
    rows = GIVEN[:70]

    assert (card.unit, card.documents, card.trained_on) == ("document", 70, "tags.csv")
    assert card.languages == {"en": 35, "zh": 35}
    assert sum(card.provisions.values()) == sum(len(s) for _, s in LEARNED)
    assert card.untrained == ("d.rare",)
    assert card.withheld == ()
    assert set(card.macro_f1) == {"all", "en", "zh"}
    for one in card.figures:
        if not one.language:
            assert one.given == rows[:, PLACE[one.code]].sum()
            assert one.average_precision is not None
            assert one.average_precision > 1.2 * one.given / 70
    assert 0 <= card.calibration_error < 0.2


def test_a_code_that_cannot_be_learned_is_not_given() -> None:
    """Tags by lot: the code is learned, held back, and named in the card."""
    random = np.random.default_rng(1)
    lots = {row: codes - {"d.rare"} for row, codes in TAGS.items()}
    for row in random.permutation(list(lots))[:20]:
        lots[row] |= {"d.rare"}
    model = learn(DOCUMENTS, lots)

    assert model.card.withheld == ("d.rare",)
    assert {one.code for one in model.card.figures} == EVERY
    assert not any(one.code == "d.rare" for *_, codings in coded(model) for one in codings)


def test_codes_nobody_looked_for_are_not_learned() -> None:
    """A tag of the child still says nothing of a parent that was not asked about."""
    model = learn(asked=frozenset({"d.marks"}), tags={
        row: codes & {"d.marks"} for row, codes in TAGS.items()
    })  # fmt: skip

    assert model.card.untrained == ("d.tests", "d.tests.outside", "d.rare")
    assert {one.code for *_, codings in coded(model) for one in codings} == {"d.marks"}


def test_documents_without_tags_are_not_used(model: TrainedModel) -> None:
    """What is not listed is neither learned from nor counted."""
    tags = {document.id: TAGS[document.id] for document, _ in LEARNED}

    assert learn(DOCUMENTS, tags).to_bytes() == model.to_bytes()


@pytest.mark.parametrize("with_base", [False, True])
def test_a_file_holds_all_there_is(
    model: TrainedModel, base: TrainedModel, with_base: bool, tmp_path: Path
) -> None:
    """The same tags in any order give the same bytes; what is read from them codes the same."""
    held = learn(base=base) if with_base else model
    again = learn(LEARNED[::-1], base=base if with_base else None)
    opened = load_coder(saved(held, tmp_path / "m.npz"), BOOK, WordEmbedder())

    assert again.to_bytes() == held.to_bytes()
    assert isinstance(opened, DocumentCoder)
    assert opened.coder == coder(held).coder
    assert opened.coder.kind is CoderKind.TRAINED
    assert opened.model.card == held.card
    assert held.card.base == (base.digest if with_base else "")
    assert list(opened.code_documents(ASKED)) == list(coder(held).code_documents(ASKED))


def test_other_tags_give_another_version(model: TrainedModel) -> None:
    """A study codes again with a new model."""
    other = learn(tags=TAGS | {LEARNED[0][0].id: frozenset({"d.tests"})})

    assert other.card.data_sha256 != model.card.data_sha256
    assert coder(other).coder.version != coder(model).coder.version


def test_no_text_of_the_documents_is_in_the_file(model: TrainedModel) -> None:
    """Words of three documents or more are there one by one; no sentence, title or id is."""
    everything = b"".join(np.ascontiguousarray(one).tobytes() for one in model.arrays.values())
    words = " ".join(model.arrays["vocabulary"].tolist())
    assert not any(len(word) > 2 for word in re.findall(r"[一-鿿]+", words))
    for document, segments in LEARNED:
        assert document.id not in words.split()
        for segment in segments:
            for part in (segment.text[:12], segment.text[-12:]):
                assert part not in words
                assert part.encode() not in everything
                assert part.encode("utf-32-le") not in everything


def test_too_little_is_refused() -> None:
    """Nineteen documents; or codes that nobody has, or everybody."""
    with pytest.raises(UndefinedStatistic, match="19 tagged documents"):
        learn(LEARNED[:19])
    for codes in (frozenset(), EVERY):
        with pytest.raises(UndefinedStatistic, match="no code has 15 with it and 5 without"):
            learn(tags=dict.fromkeys(TAGS, codes))


def test_a_code_that_the_codebook_lacks_is_named() -> None:
    """Asked about or given."""
    with pytest.raises(UnknownName, match="mraks"):
        learn(asked=frozenset({"d.mraks"}))
    with pytest.raises(UnknownName, match="mraks"):
        learn(tags=TAGS | {LEARNED[0][0].id: frozenset({"d.mraks"})})


def test_another_codebook_or_embedder_is_refused(model: TrainedModel, tmp_path: Path) -> None:
    """Cues, definitions and vectors are what the model sees with."""
    path = saved(model, tmp_path / "m.npz")
    changed = msgspec.structs.replace(BOOK, codes=(
        msgspec.structs.replace(BOOK.codes[0], cues={"en": ("stamp",)}), *BOOK.codes[1:]
    ))  # fmt: skip
    other = WordEmbedder()
    other.name = "other-words"

    with pytest.raises(InputError, match=r"invented@1.*Train it again"):
        load_coder(path, changed, WordEmbedder())
    with pytest.raises(InputError, match=r'"words".*"other-words"'):
        load_coder(path, BOOK, other)


def test_files_that_are_no_model_are_refused(model: TrainedModel, tmp_path: Path) -> None:
    """Missing, cut short, with a byte changed anywhere: a message, never another answer."""
    path = tmp_path / "m.npz"
    with pytest.raises(UnreadableFile, match="cannot be read"):
        load_coder(path, BOOK, WordEmbedder())
    whole = model.to_bytes()
    for at in np.linspace(0, len(whole) - 1, 60).astype(int):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]):
            path.write_bytes(data)
            try:
                held = load_coder(path, BOOK, WordEmbedder())
            except UnreadableFile:
                continue
            # A byte that says nothing, such as a date in the archive.
            assert held.model.digest == model.digest


@pytest.mark.parametrize(
    "change",
    [
        {"learned": np.array([0, 1, 9])},
        {"learned": np.array([0, 1, 1])},
        {"own": np.full((3, 6), np.nan)},
        {"words": np.zeros((3, 3), dtype=np.float32)},
        {"given": np.zeros(3)},
        {"base": np.frombuffer(b"no model", dtype=np.uint8)},
        {"more": np.zeros(3)},
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    model: TrainedModel, change: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """Places beyond the codebook, numbers that are none, other shapes, kinds and names."""
    wrong = TrainedModel(model.card, model.codes, model.arrays | change)
    with pytest.raises(UnreadableFile, match="Train it again"):
        load_coder(saved(wrong, tmp_path / "m.npz"), BOOK, WordEmbedder())


def test_another_version_is_refused(model: TrainedModel, tmp_path: Path) -> None:
    """Features are numbered."""
    card = msgspec.structs.replace(model.card, features="0+0")
    old = TrainedModel(card, model.codes, model.arrays)
    with pytest.raises(UnreadableFile, match=rf"features 0\+0, here {re.escape(FEATURES)}"):
        load_coder(saved(old, tmp_path / "old.npz"), BOOK, WordEmbedder())


def test_another_base_is_refused(base: TrainedModel, tmp_path: Path) -> None:
    """The card names the base it learned with; with another one the features mean nothing."""
    held = learn(base=base)
    other = train_coder(BOOK, ITEMS[:-4], CODES, trained_on="ann", embedder=WordEmbedder())
    swapped = held.arrays | {"base": np.frombuffer(other.to_bytes(), dtype=np.uint8)}

    for arrays in (swapped, held.arrays | {"base": np.empty(0, dtype=np.uint8)}):
        wrong = TrainedModel(held.card, held.codes, arrays)
        with pytest.raises(UnreadableFile, match="Train it again"):
            load_coder(saved(wrong, tmp_path / "m.npz"), BOOK, WordEmbedder())


def test_a_base_is_learned_from_provisions(model: TrainedModel, tmp_path: Path) -> None:
    """A model from tags cannot be one, and is told apart from a model of another version."""
    with pytest.raises(UnreadableFile, match=r"tags of documents.*--from CODER"):
        TrainedModel.load(saved(model, tmp_path / "m.npz"))


def test_either_kind_of_model_opens(base: TrainedModel, tmp_path: Path) -> None:
    """One call for both files that training writes."""
    opened = load_coder(saved(base, tmp_path / "base.npz"), BOOK, WordEmbedder())

    assert type(opened) is TrainedCoder


def test_the_file_is_an_ordinary_archive(model: TrainedModel) -> None:
    """One member for each array, none of them a pickle."""
    with zipfile.ZipFile(io.BytesIO(model.to_bytes())) as archive:
        names = {name.removesuffix(".npy") for name in archive.namelist()}

    assert names == {*model.arrays, "head"}
