"""The coder that comes with the package: fresh, in its languages and its codebook, and else not."""

import importlib.util
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
import pytest

from qiutong.codebook import load_codebook
from qiutong.coders.builtin import BuiltinCoder
from qiutong.coders.default import MODEL, default_coder, knows_codebook, load_examples
from qiutong.coders.embed import UseEmbedder
from qiutong.coders.trained import TrainedCoder, TrainedModel, _in_context
from qiutong.model import CoderKind, Coding, Document, Segment

BOOK = load_codebook("ai-governance")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "default_coder.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("default_coder", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def embedder() -> UseEmbedder:
    return UseEmbedder(processes=1)


def coded(coder: BuiltinCoder, text: str, language: str) -> tuple[Coding, ...]:
    document = Document(id="d", party="x", title="d", text=text, language=language)
    segment = Segment(
        id="d:0", document="d", locator="1", start=0, end=len(text), text=text, language=language
    )
    ((_, found),) = coder.code_documents([(document, [segment])])
    return found


def test_the_file_is_made_from_the_study_the_codebook_and_the_examples_as_they_are(
    script: ModuleType,
) -> None:
    """Whoever changes one of them must make the file again."""
    card = TrainedModel.load(MODEL).card
    assert (card.data_sha256, card.codebook_sha256) == script.current(), (
        "run: python benchmarks/default_coder.py"
    )
    assert card.trained_on == "adjudicated"
    assert card.examples == len(load_examples())


def test_its_page_is_its_card(script: ModuleType) -> None:
    """The page is the one that the file's card gives, but for the built-in coder's figures."""
    model = TrainedModel.load(MODEL)
    page = script.PAGE.read_text("utf-8")
    made = script.page(model.card, {"en": (0.0, 0.0), "zh": (0.0, 0.0)}, MODEL.stat().st_size)
    cut = [
        "\n".join(line.rpartition(" | ")[0] if "| 0." in line else line for line in one.split("\n"))
        for one in (page, made)
    ]
    assert model.card.data_sha256 in page
    assert cut[0].partition("## By code")[2] == cut[1].partition("## By code")[2]
    assert cut[0].partition("## On documents")[0] == cut[1].partition("## On documents")[0]


def test_it_is_better_than_the_built_in_coder_in_both_languages(script: ModuleType) -> None:
    """By the figures on its page, on documents held out."""
    lines = [
        [float(one) for one in line.split(" | ")[1:3]] + [float(line.split(" | ")[3]),
         float(line.split(" | ")[4].strip(" |"))]
        for line in script.PAGE.read_text("utf-8").split("\n")
        if line.startswith(("| English |", "| Chinese |"))
    ]  # fmt: skip
    assert len(lines) == 2
    for macro, micro, macro_before, micro_before in lines:
        assert macro > macro_before
        assert micro > micro_before


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Providers shall add a visible label and a hidden watermark to synthetic pictures."),
        ("zh", "服务提供者应当在合成图片上添加显式标识，并嵌入不可见的水印。"),
    ],
)
def test_it_codes_both_languages(embedder: UseEmbedder, language: str, text: str) -> None:
    """A plain case is found in either, with a probability and the sentence as evidence."""
    found = {one.code: one for one in coded(default_coder(BOOK, embedder), text, language)}
    one = found["governance.content-provenance"]
    assert one.coder == "default"
    assert "probability" in one.memo
    assert text[one.evidence_start : one.evidence_end] == text


def test_another_codebook_gets_the_built_in_coder(embedder: UseEmbedder) -> None:
    """With one cue more the model does not know it; codings are those of the built-in coder."""
    cues = {"en": ("picture stamp",), "zh": ("图片印章",)}
    other = msgspec.structs.replace(
        BOOK, id="own", codes=(msgspec.structs.replace(BOOK.codes[0], cues=cues), *BOOK.codes[1:])
    )
    text = "Providers shall add a visible label and a hidden watermark to synthetic pictures."
    coder = default_coder(other, embedder)

    assert knows_codebook(BOOK)
    assert not knows_codebook(other)
    assert (coder.coder.id, coder.coder.kind) == ("default", CoderKind.RULE)
    assert coder.coder.version != BuiltinCoder(other, embedder).coder.version
    plain = coded(BuiltinCoder(other, embedder), text, "en")
    assert plain
    assert coded(coder, text, "en") == tuple(
        msgspec.structs.replace(one, coder="default") for one in plain
    )


def test_another_language_is_coded_as_the_built_in_coder_does(embedder: UseEmbedder) -> None:
    """Nothing was learned of languages without cues."""
    text = "Anbieter müssen synthetische Bilder mit einem sichtbaren Wasserzeichen kennzeichnen."
    coder = default_coder(BOOK, embedder)

    assert coder.warning("de")
    assert coded(coder, text, "de") == tuple(
        msgspec.structs.replace(one, coder="default")
        for one in coded(BuiltinCoder(BOOK, embedder), text, "de")
    )


def test_examples_are_whole() -> None:
    """Every code has examples in both languages, none twice, and none that the codebook has."""
    examples = load_examples()
    known = {code.id for code in BOOK.codes}
    anchors = {one for code in BOOK.codes for group in code.anchors.values() for one in group}
    texts = [one.text for one in examples]

    assert {code for one in examples for code in one.codes} == known
    assert len(set(texts)) == len(texts)
    assert not anchors & set(texts)
    for left, right in zip(examples[::2], examples[1::2], strict=True):
        assert (left.language, right.language) == ("en", "zh")
        assert left.codes == right.codes
        assert left.text
        assert right.text


def test_context_by_hand() -> None:
    """Three provisions of one document and a lone one; log odds below -6 count as -6."""
    score = np.array([[1.0], [-2.0], [-9.0], [3.0]])
    owner = np.array([0, 0, 0, 1])

    seen = _in_context(score, owner)

    beside = (-2.0 * 1 + -6.0 * 0.5) / 1.5
    assert seen[0, 0] == pytest.approx(1.0 + 0.3 * beside + 0.15 * (-2.0 - 6.0) / 2)
    assert seen[1, 0] == pytest.approx(-2.0 + 0.3 * (1.0 - 6.0) / 2 + 0.15 * (1.0 - 6.0) / 2)
    assert seen[2, 0] == pytest.approx(-9.0 + 0.3 * (-2.0 + 0.5) / 1.5 + 0.15 * (1.0 - 2.0) / 2)
    assert seen[3, 0] == pytest.approx(3.0 + 0.3 * 3.0 + 0.15 * 3.0)


def test_it_says_how_likely_every_code_is(embedder: UseEmbedder) -> None:
    """Also of codes it does not give; those it gives have the same probability as their coding."""
    text = "Providers shall add a visible label and a hidden watermark to synthetic pictures."
    document = Document(id="d", party="x", title="d", text=text, language="en")
    segment = Segment(
        id="d:0", document="d", locator="1", start=0, end=len(text), text=text, language="en"
    )
    coder = default_coder(BOOK, embedder)
    assert isinstance(coder, TrainedCoder)

    ((found, odds),) = coder.weigh_documents([(document, [segment])])
    given = coded(coder, text, "en")

    assert found is document
    assert all(0.0 <= one <= 1.0 for one in odds["d:0"].values())
    assert given
    assert {one.code: one.confidence for one in given} == {
        one.code: round(odds["d:0"][one.code], 2) for one in given
    }
    assert set(odds["d:0"]) > {one.code for one in given}
    other = Document(id="e", party="x", title="e", text="", language="en")
    assert list(coder.weigh_documents([(other, [])])) == [(other, {})]
