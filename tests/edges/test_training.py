"""Training a coder from the codings in a study, and coding with it, at the command line."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qiutong.coders.default import default_model
from qiutong.coders.trained import TrainedModel, read_model
from qiutong.model import Coder, CoderKind, Coding
from qiutong.store import CodedDocument
from qiutong.study import Study

from .conftest import run_command
from .test_cli import assert_clear_error

LABELS = {
    "en": ("Sec. {n}. A provider of {x} shall label synthetic content with a visible mark.",
           "Sec. {n}. Pictures that {x} has drawn shall bear a watermark."),
    "zh": ("第{n}条 {x}的提供者应当对生成合成内容添加显式标识。",
           "第{n}条 由{x}绘制的图片应当添加数字水印。"),
}  # fmt: skip
OTHER = {
    "en": ("Sec. {n}. The office of {x} is open on weekdays and closed on public holidays.",
           "Sec. {n}. Words used in this order on {x} have their ordinary meaning."),
    "zh": ("第{n}条 {x}办公室工作日对外开放，法定节假日不对外办公。",
           "第{n}条 本办法关于{x}的用语按照通常含义理解。"),
}  # fmt: skip
SUBJECTS = {
    "en": ("painting tools", "speech engines", "film studios", "news desks", "game makers",
           "map services"),
    "zh": ("绘画工具", "语音引擎", "影视制作平台", "新闻编辑平台", "游戏开发平台", "地图服务平台"),
}  # fmt: skip
NUMBERS = {"en": ("1", "2", "3", "4"), "zh": ("一", "二", "三", "四")}
CODE = "governance.content-provenance"


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve invented documents, and a person's codings of all their provisions."""
    folder = tmp_path_factory.mktemp("training")
    rows = []
    for language, party in (("en", "us"), ("zh", "cn")):
        for number, subject in enumerate(SUBJECTS[language]):
            lines = [*LABELS[language], *OTHER[language]]
            lines = lines[number % 4 :] + lines[: number % 4]
            text = "\n\n".join(
                line.format(n=n, x=subject)
                for n, line in zip(NUMBERS[language], lines, strict=True)
            )
            name = f"{party}-{number}"
            (folder / f"{name}.txt").write_text(f"{subject}\n\n{text}\n", encoding="utf-8")
            rows.append((name, f"{name}.txt", party, subject, language))
    with (folder / "register.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "file", "party", "title", "language"), *rows])
    return folder


@pytest.fixture
def folder(run: Callable, given: Path, tmp_path: Path) -> Path:
    """A study of these documents with the codings of Ann."""
    study = tmp_path / "study"
    assert run("init", study, "--party", "us", "--party", "cn").code == 0
    assert run("add", given / "register.csv", folder=study).code == 0
    marks = ("label synthetic", "watermark", "标识", "水印")
    with (tmp_path / "ann.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("document", "locator", "codes"))
        for segment in Study(study).segments():
            has = any(mark in segment.text for mark in marks)
            writer.writerow((segment.document, segment.locator, CODE if has else ""))
    done = run("import", tmp_path / "ann.csv", "--coder", "ann", folder=study)
    assert done.code == 0, done
    return study


def test_a_study_learns_from_a_person_and_codes_again(
    run: Callable, folder: Path, tmp_path: Path
) -> None:
    """The card counts what Ann read; the trained coder says what she said; her codings stay."""
    ann = {(one.segment, one.code) for one in Study(folder).codings("ann")}
    file = tmp_path / "ann.npz"

    done = run("train", file, "--from", "ann", "--json", folder=folder)
    assert done.code == 0, done
    assert done.json["trained_on"] == "ann"
    assert done.json["documents"] == 12
    assert {one["code"] for one in done.json["figures"]} == {CODE}

    coded = run("code", "--coder", file, "--json", folder=folder)
    assert coded.code == 0, coded
    assert coded.json["coder"]["kind"] == CoderKind.TRAINED
    study = Study(folder)
    assert {(one.segment, one.code) for one in study.codings("trained")} == ann
    assert {(one.segment, one.code) for one in study.codings("ann")} == ann
    again = run("code", "--coder", file, "--json", folder=folder)
    assert again.json["coded"] == []
    assert len(again.json["unchanged"]) == 12


def test_training_tells_figures_and_limits(run: Callable, folder: Path, tmp_path: Path) -> None:
    """A reader sees figures for each language, what was not learned, and the next command."""
    done = run("train", tmp_path / "ann.npz", "--from", "ann", folder=folder)
    assert done.code == 0, done
    told = done.out + done.err
    for words in (
        "held out",
        "Not learned",
        "not given",
        "By chance",
        "zh",
        "qiutong code --coder",
    ):
        assert words in told


def test_no_model_is_learned_from_a_program(run: Callable, folder: Path, tmp_path: Path) -> None:
    """The built-in coder, which study.toml counts here, teaches nothing; no file is written."""
    file = tmp_path / "own.npz"
    assert_clear_error(run("train", file, folder=folder), "default", "--from CODER")
    assert not file.exists()


def test_a_folder_that_is_not_there_is_named_and_not_made(
    run: Callable, folder: Path, tmp_path: Path
) -> None:
    """A name misspelt leaves no folder behind, and nothing is learned in vain."""
    done = run("train", tmp_path / "modles" / "x.npz", "--from", "ann", folder=folder)
    assert_clear_error(done, "no folder", "modles")
    assert not (tmp_path / "modles").exists()


def test_an_unknown_coder_is_named(run: Callable, folder: Path, tmp_path: Path) -> None:
    """The message lists the coders there are."""
    done = run("train", tmp_path / "x.npz", "--from", "bob", folder=folder)
    assert_clear_error(done, "bob", "ann")


def test_a_file_of_another_kind_is_wrong_use_or_refused(
    run: Callable, folder: Path, tmp_path: Path
) -> None:
    """Names that do not end in .npz are wrong use; a file that is no model is an error."""
    assert run("train", tmp_path / "model.bin", "--from", "ann", folder=folder).code == 2
    assert run("code", "--coder", "bob", folder=folder).code == 2
    (tmp_path / "no.npz").write_bytes(b"nothing")
    assert_clear_error(
        run("code", "--coder", tmp_path / "no.npz", folder=folder), "no trained coder"
    )


# ---------------------------------------------------------------------------- tags of documents


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of forty invented documents, half of them with a provision on marks, and their tags.

    The folder has ``study`` and ``tags.csv``, which nobody changes.
    """
    folder = tmp_path_factory.mktemp("tags")
    rows, tags = [], []
    for language, party in (("en", "us"), ("zh", "cn")):
        for number in range(20):
            subject = f"{SUBJECTS[language][number % 6]} {number}"
            has = number % 2 == 0
            lines = [*OTHER[language], *([LABELS[language][number // 2 % 2]] if has else [])]
            lines = lines[number % 3 :] + lines[: number % 3]
            text = "\n\n".join(
                line.format(n=n, x=subject)
                for n, line in zip(NUMBERS[language], lines, strict=False)
            )
            name = f"{party}-{number}"
            (folder / f"{name}.txt").write_text(f"{subject}\n\n{text}\n", encoding="utf-8")
            rows.append((name, f"{name}.txt", party, subject, language))
            tags.append((name, subject, "true" if has else "", ""))
    with (folder / "register.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "file", "party", "title", "language"), *rows])
    with (folder / "tags.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("document", "title", CODE, "risk.cbrn"), *tags])
    study = folder / "study"
    assert run_command("init", study, "--party", "us", "--party", "cn").code == 0
    assert run_command("add", folder / "register.csv", folder=study).code == 0
    return folder


@pytest.fixture(scope="module")
def tagged(many: Path) -> Path:
    """A coder learned from the tags."""
    file = many / "tags.npz"
    done = run_command("train", file, "--tags", many / "tags.csv", folder=many / "study")
    assert done.code == 0, done
    told = " ".join((done.out + done.err).split())
    for words in (
        "Learned from 40 documents tagged in tags.csv",
        "By chance",
        "0.500",
        "Not learned, too few documents",
        "Tags do not say where",
        "qiutong code --coder",
    ):
        assert words in told
    return file


def test_tags_without_a_place_become_codings_with_one(
    run: Callable, many: Path, tagged: Path, tmp_path: Path
) -> None:
    """Documents get the codes people gave them, on the provision that says it, nowhere else."""
    folder = tmp_path / "study"
    shutil.copytree(many / "study", folder)
    done = run("code", "--coder", tagged, "--json", folder=folder)
    assert done.code == 0, done
    assert done.json["coder"]["kind"] == CoderKind.TRAINED

    with Study(folder) as study:
        codings = study.codings("trained")
        assert {one.document for one in codings} == {
            f"{party}-{number}" for party in ("us", "cn") for number in range(0, 20, 2)
        }
        for one in codings:
            quoted = study.document(one.document).text[one.evidence_start : one.evidence_end]
            assert any(mark in quoted for mark in ("label synthetic", "watermark", "标识", "水印"))
            assert one.code == CODE
            assert one.confidence > 0.5
            assert "without this provision" in one.memo


def test_the_card_of_tags_is_given_as_json(run: Callable, many: Path, tmp_path: Path) -> None:
    """Documents are counted by language; the same command gives the same file."""
    for name in ("one.npz", "two.npz"):
        done = run(
            "train", tmp_path / name, "--tags", many / "tags.csv", "--json", folder=many / "study"
        )
        assert done.code == 0, done
    assert done.json["unit"] == "document"
    assert done.json["languages"] == {"en": 20, "zh": 20}
    assert done.json["base"] == default_model().digest
    assert "risk.cbrn" in done.json["untrained"]
    (figure,) = (one for one in done.json["figures"] if one["language"] == "")
    assert (figure["code"], figure["given"]) == (CODE, 20)
    assert figure["average_precision"] > 0.9
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("document,risk.cbrn\nus-99,1\n", ("tags.csv", "row 2", "us-99", "nearest")),
        ("document,risk.cbnr\nus-1,1\n", ("row 1", "risk.cbnr", "nearest: risk.cbrn")),
        ("document,risk.cbrn\nus-1,1\nus-1,1\n", ("row 3", "us-1", "one row")),
        ("document,risk.cbrn\nus-1,?\n", ("row 2", "risk.cbrn", "true or false")),
        ("document,risk.cbrn\nus-1,1\n", ("tags.csv", "1 tagged documents", "20 are needed")),
        ("", ("tags.csv", "no column document")),
    ],
)
def test_tags_that_cannot_be_used_are_named(
    run: Callable, many: Path, tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    """File, row, column, value, remedy; and no model is written."""
    (tmp_path / "tags.csv").write_text(text, encoding="utf-8")
    file = tmp_path / "x.npz"
    done = run("train", file, "--tags", tmp_path / "tags.csv", folder=many / "study")
    assert_clear_error(done, *words)
    assert not file.exists()


def test_tags_of_codes_that_hardly_any_document_has_are_too_little(
    run: Callable, many: Path, tmp_path: Path
) -> None:
    """Nothing could be held out; the message says what is needed."""
    (tmp_path / "tags.csv").write_text(
        "document,risk.cbrn\n" + "".join(f"us-{n},\n" for n in range(20)), encoding="utf-8"
    )
    done = run("train", tmp_path / "x.npz", "--tags", tmp_path / "tags.csv", folder=many / "study")
    assert_clear_error(done, "tags.csv", "no code has 15 with it")


def test_options_that_do_not_go_together_are_wrong_use(
    run: Callable, many: Path, tagged: Path, tmp_path: Path
) -> None:
    """Codings or tags; and a base is learned from provisions."""
    study, tags = many / "study", many / "tags.csv"
    assert run("train", "x.npz", "--tags", tags, "--from", "ann", folder=study).code == 2
    done = run("train", tmp_path / "x.npz", "--tags", tags, "--base", tagged, folder=study)
    assert_clear_error(done, "tags.npz", "--from CODER")


def test_a_coder_of_provisions_helps_to_learn_from_tags(
    run: Callable, many: Path, folder: Path, tmp_path: Path
) -> None:
    """The base is named in the card and kept in the file: coding needs nothing else."""
    base, file = tmp_path / "base.npz", tmp_path / "both.npz"
    assert run("train", base, "--from", "ann", folder=folder).code == 0
    done = run(
        "train", file, "--tags", many / "tags.csv", "--base", base, "--json",
        folder=many / "study",
    )  # fmt: skip
    assert done.code == 0, done
    assert done.json["base"] == TrainedModel.load(base).digest
    assert "ann" in " ".join(done.json["limits"])
    base.unlink()
    coded = run("code", "--coder", file, "--json", folder=folder)
    assert coded.code == 0, coded
    assert coded.json["codings"] > 0


def test_tags_are_learned_without_a_base_on_request(
    run: Callable, many: Path, tmp_path: Path
) -> None:
    """``--base none``: nothing but the built-in coder's eyes."""
    done = run(
        "train", tmp_path / "x.npz", "--tags", many / "tags.csv", "--base", "none", "--json",
        folder=many / "study",
    )  # fmt: skip
    assert done.code == 0, done
    assert done.json["base"] == ""


def test_a_base_is_no_help_with_codings_of_provisions(
    run: Callable, folder: Path, tmp_path: Path
) -> None:
    """They say more than tags already."""
    done = run("train", tmp_path / "x.npz", "--from", "ann", "--base", "b.npz", folder=folder)
    assert_clear_error(done, "ann", "Leave --base out")


def test_codings_of_whole_documents_are_learned_as_tags(
    run: Callable, many: Path, tagged: Path, tmp_path: Path
) -> None:
    """An archive that brought its tags along needs no file of them."""
    folder = tmp_path / "study"
    shutil.copytree(many / "study", folder)
    with (many / "tags.csv").open(encoding="utf-8", newline="") as file:
        has = {row["document"]: row[CODE] == "true" for row in csv.DictReader(file)}
    person = Coder(id="archive", kind=CoderKind.PERSON)
    with Study(folder) as study:
        for document in has:
            coding = Coding(
                document=document, code=CODE, coder="archive", codebook=study.codebook.name
            )
            study.store.add_coded(
                CodedDocument(
                    document=document, coder=person, codebook=study.codebook.name,
                    fingerprint="1", codings=(coding,) if has[document] else (),
                )
            )  # fmt: skip
    done = run("train", tmp_path / "x.npz", "--from", "archive", "--json", folder=folder)
    assert done.code == 0, done
    assert (done.json["unit"], done.json["trained_on"]) == ("document", "archive")
    assert done.json["documents"] == 40
    assert done.json["data_sha256"] == read_model(tagged).card.data_sha256


def test_the_default_coder_codes_and_all_it_gives_counts(run: Callable, folder: Path) -> None:
    """Its thresholds have decided: what is below min_confidence counts all the same."""
    coded = run("code", "--coder", "default", "--json", folder=folder)
    assert coded.code == 0, coded
    assert coded.json["coder"]["id"] == "default"
    assert coded.json["coder"]["kind"] == CoderKind.TRAINED
    assert coded.json["warnings"] == []
    assert run("code", "--coder", "builtin", folder=folder).code == 0
    study = Study(folder)
    assert study.counted("builtin")
    assert study.counted("default") == tuple(study.codings("default"))
    settings = folder / "study.toml"
    text = settings.read_text("utf-8").replace("min_confidence = 0.5", "min_confidence = 1.0")
    settings.write_text(text, encoding="utf-8")
    assert Study(folder).counted("default") == tuple(study.codings("default"))
    assert Study(folder).counted("builtin") == ()
    assert "default" not in study.readings()


def test_with_a_codebook_of_ones_own_the_built_in_coder_steps_in(
    run: Callable, folder: Path
) -> None:
    """It says so, and the codings stand under the id asked for."""
    source = Path(__file__).parents[2] / "src/qiutong/codebooks/ai-governance.yaml"
    text = source.read_text("utf-8").replace("id: ai-governance\n", "id: own\n", 1)
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    settings = folder / "study.toml"
    text = settings.read_text("utf-8").replace(
        'codebook = "ai-governance"', 'codebook = "own.yaml"'
    )
    settings.write_text(text, encoding="utf-8")

    done = run("code", "--coder", "default", "--json", folder=folder)
    assert done.code == 0, done
    assert done.json["coder"]["kind"] == CoderKind.RULE
    assert any("own@2" in one and "built-in" in one for one in done.json["warnings"])
    assert {one.coder for one in Study(folder).codings("default")} == {"default"}
